package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// Dialogue is a mail server's half of a conversation, as data: for samples of what the practice server does not speak
// (LMTP, ManageSieve, OAuth 2.0). It answers one client line after the other, and nothing that it does not expect.
type Dialogue struct {
	Implicit bool // TLS from the first octet
	Greeting string
	Turns    []Turn
}

// Turn is one line of the client's and what the server answers.
type Turn struct {
	Hear string // what the client's line must begin with
	Dots bool   // after the line come others, up to a dot alone
	Say  string // line ends included
	TLS  bool   // the answer agrees on TLS: the handshake follows, and then Again
	// Again is said as the first thing inside TLS, as ManageSieve wants (RFC 5804, section 2.2).
	Again string
}

// errUnheard is in the error of a client that does not keep to a dialogue.
var errUnheard = errors.New("not what the dialogue expects")

// ServeDialogue plays d with every client that connects, on loopback, until ctx ends. wait returns when it has, with the
// first thing that went wrong.
func ServeDialogue(ctx context.Context, a *Authority, d Dialogue, maxVersion uint16) (addr string, wait func() error, err error) {
	cert, err := a.Issue(CertificateGood)
	if err != nil {
		return "", nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("opening the door of a dialogue: %w", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: maxVersion, Certificates: []tls.Certificate{cert}}
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer nc.Close()
				_ = nc.SetDeadline(time.Now().Add(answerPatience))
				if err := d.serve(nc, config); err != nil {
					once.Do(func() { first = err })
				}
			})
		}
	})
	stop := context.AfterFunc(ctx, func() { l.Close() })
	return l.Addr().String(), func() error {
		stop()
		l.Close()
		wg.Wait()
		return first
	}, nil
}

func (d *Dialogue) serve(nc net.Conn, config *tls.Config) error {
	if d.Implicit {
		nc = tls.Server(nc, config)
	}
	r := bufio.NewReader(nc)
	if _, err := io.WriteString(nc, d.Greeting); err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	for i, t := range d.Turns {
		if err := t.hear(r); err != nil {
			return fmt.Errorf("turn %d of a dialogue: %w", i, err)
		}
		if _, err := io.WriteString(nc, t.Say); err != nil {
			return fmt.Errorf("turn %d of a dialogue: %w", i, err)
		}
		if t.TLS {
			nc = tls.Server(nc, config)
			r = bufio.NewReader(nc)
			if _, err := io.WriteString(nc, t.Again); err != nil {
				return fmt.Errorf("turn %d of a dialogue: %w", i, err)
			}
		}
	}
	_, _ = io.Copy(io.Discard, r) // until the client has closed
	return nc.Close()
}

// hear reads the client's part of a turn: a line with its literals, and what follows up to a dot.
func (t *Turn) hear(r *bufio.Reader) error {
	for first := true; ; first = false {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		line = strings.TrimRight(line, "\r\n")
		if first && !strings.HasPrefix(line, t.Hear) {
			return fmt.Errorf("%w: %.40q instead of %q", errUnheard, line, t.Hear)
		}
		if t.Dots {
			return heardDots(r)
		}
		size, _, ok := trailingLiteral(line)
		if !ok {
			return nil
		}
		if _, err := io.CopyN(io.Discard, r, size); err != nil {
			return err
		}
	}
}

// heardDots reads lines up to a dot alone.
func heardDots(r *bufio.Reader) error {
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == ".\r\n" {
			return err
		}
	}
}

// sieveResponse reads to the line that ends a ManageSieve response: OK, NO or BYE (RFC 5804, section 1.2).
func (c *playedConn) sieveResponse() (string, error) {
	for n := 0; n < maxAnswer; {
		line, literals, err := c.imapLine()
		word, _, _ := strings.Cut(line, " ")
		if err != nil || word == "OK" || word == "NO" || word == "BYE" {
			return line, err
		}
		n += len(line) + literals
	}
	return "", errAnswerTooLong
}
