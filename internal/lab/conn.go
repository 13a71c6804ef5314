package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// Time limits. The shortest the RFCs allow for a command are 5 minutes for SMTP (RFC 5321, section 4.5.3.2.7), 10 for
// POP3 (RFC 1939, section 3) and 30 for IMAP (RFC 9051, section 5.4); a person typing by hand deserves the same.
const (
	smtpPatience      = 5 * time.Minute
	pop3Patience      = 10 * time.Minute
	imapPatience      = 30 * time.Minute
	handshakePatience = time.Minute
	writePatience     = time.Minute
	farewellPatience  = 50 * time.Millisecond // for the last line to a peer that may not be reading
)

// maxLine bounds one command line: RFC 7162, section 4 wants servers to take 8192 octets of IMAP command, the other
// protocols have at most 1000 (RFC 5321, section 4.5.3.1.6).
const maxLine = 64 << 10

var errLineTooLong = errors.New("line too long")

// conn is one session's connection. The goroutine of the session owns it and closes it; only end may be called from
// elsewhere.
type conn struct {
	server     *Server
	service    string
	id         uint64
	log        *slog.Logger
	patience   time.Duration
	secure     *tls.Conn // nil in clear
	br         *bufio.Reader
	compressed bool // COMPRESS runs
	bareLF     bool // the line last read ended with LF alone: someone types by hand

	mu       sync.Mutex // guards the writing half
	net      net.Conn   // the TLS connection, once there is one
	out      []byte     // not yet sent
	farewell string     // said when the server ends the session; in the protocol's words
}

// maxUnsent is how much is gathered before it is written, so that a reply of several lines is one segment.
const maxUnsent = 32 << 10

// accept serves one door until its listener closes.
func (s *Server) accept(service string, l net.Listener) {
	for {
		nc, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.log.Warn("practice server: accepting failed", "service", service, "err", err)
			time.Sleep(50 * time.Millisecond) // out of descriptors, most likely: let some close
			continue
		}
		c := &conn{server: s, service: service, id: s.serial.Add(1), net: nc, br: bufio.NewReader(nc)}
		c.log = s.log.With("service", service, "session", c.id)
		if !s.track(c) {
			_ = nc.Close()
			continue
		}
		s.wg.Go(func() { s.serve(c) })
	}
}

// serve runs one session. A panic ends that session alone.
func (s *Server) serve(c *conn) {
	defer s.untrack(c)
	defer c.close()
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("practice server: session failed", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	var err error
	switch c.service {
	case SMTPS, POP3S, IMAPS:
		err = c.startTLS()
	}
	if err == nil {
		err = c.run()
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		c.log.Debug("practice server: session ended", "err", err)
	}
}

func (c *conn) run() error {
	switch c.service {
	case POP3, POP3S:
		c.patience = pop3Patience
		return servePOP3(c)
	case IMAP, IMAPS:
		c.patience = imapPatience
		return serveIMAP(c)
	}
	c.patience = smtpPatience
	return serveSMTP(c)
}

// startTLS makes the connection a TLS one. Octets already read belong to the handshake: a command that someone slipped
// in behind STARTTLS makes the handshake fail instead of being obeyed inside TLS (the injection of CVE-2011-0411).
func (c *conn) startTLS() error {
	ctx, cancel := context.WithTimeout(context.Background(), handshakePatience)
	defer cancel()
	farewell := c.farewell
	c.setFarewell("") // nothing may be said in clear from here on
	defer func() { c.setFarewell(farewell) }()
	secure := tls.Server(&resumedConn{Conn: c.net, early: c.br}, c.server.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS handshake on the %s door: %w", c.service, err)
	}
	c.mu.Lock()
	c.secure, c.net, c.br = secure, secure, bufio.NewReader(secure)
	c.mu.Unlock()
	return nil
}

// deflate compresses all that follows.
func (c *conn) deflate() error {
	d, err := newDeflatedConn(c.net, c.br)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.net, c.br, c.compressed = d, bufio.NewReader(d), true
	return nil
}

// resumedConn reads on where a bufio.Reader stopped.
type resumedConn struct {
	net.Conn
	early *bufio.Reader
}

func (r *resumedConn) Read(p []byte) (int, error) {
	if n := r.early.Buffered(); n > 0 {
		return r.early.Read(p[:min(n, len(p))])
	}
	return r.Conn.Read(p)
}

// readLine gives the next line without its CRLF or LF. What is due to the client is sent first, unless more commands
// are waiting: pipelined commands get their replies together (RFC 2920, section 3.2).
func (c *conn) readLine() (string, error) {
	if c.br.Buffered() == 0 {
		if err := c.flush(); err != nil {
			return "", err
		}
	}
	if err := c.net.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return "", err
	}
	var line []byte
	for {
		piece, err := c.br.ReadSlice('\n')
		line = append(line, piece...)
		if len(line) > maxLine {
			return "", errLineTooLong
		}
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
		if err := c.flush(); err != nil {
			return "", err
		}
	}
	text := strings.TrimSuffix(string(line), "\n")
	c.bareLF = !strings.HasSuffix(text, "\r")
	return strings.TrimSuffix(text, "\r"), nil
}

// readOctets reads exactly n octets.
func (c *conn) readOctets(n int64) ([]byte, error) {
	if err := c.flush(); err != nil {
		return nil, err
	}
	if err := c.net.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(c.br, n))
	if err == nil && int64(len(b)) < n {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// discard reads n octets and forgets them.
func (c *conn) discard(n int64) error {
	if err := c.net.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, c.br, n)
	return err
}

// printf queues text for the client; flush sends it.
func (c *conn) printf(format string, args ...any) {
	c.write([]byte(fmt.Sprintf(format, args...)))
}

func (c *conn) write(b []byte) {
	c.mu.Lock()
	c.out = append(c.out, b...)
	full := len(c.out) > maxUnsent
	c.mu.Unlock()
	if full {
		_ = c.flush() // a broken connection shows at the next flush or read
	}
}

func (c *conn) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.out) == 0 {
		return nil
	}
	if err := c.net.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
		return err
	}
	_, err := c.net.Write(c.out)
	c.out = c.out[:0]
	return err
}

// setFarewell sets the line said when the server ends the session of its own accord.
func (c *conn) setFarewell(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.farewell = line
}

// end says farewell and breaks the connection; the session's goroutine then finds it closed. Safe from any goroutine.
func (c *conn) end() {
	c.mu.Lock()
	nc, line := c.net, c.farewell
	c.mu.Unlock()
	_ = nc.SetDeadline(time.Now().Add(farewellPatience))
	if line != "" {
		_, _ = nc.Write([]byte(line)) // courtesy only: the peer may be gone
	}
	_ = nc.Close()
}

func (c *conn) close() {
	_ = c.flush()
	_ = c.net.Close()
}

// mayLogIn says whether credentials are accepted as things stand.
func (c *conn) mayLogIn() bool { return c.secure != nil || !c.server.options.RequireTLS }

// offersTLS says whether STARTTLS or STLS is announced now.
func (c *conn) offersTLS() bool { return c.secure == nil && !c.server.currentFaults().NoStartTLS }
