package lab

import (
	"bufio"
	"context"
	"crypto/md5" // APOP is defined with MD5
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

const (
	answerPatience = 30 * time.Second // for one answer: people may be watching, not typing
	maxAnswerLine  = 64 << 10         // of a server's line
	maxAnswer      = 32 << 20         // of a whole answer, literals included
)

// UnexpectedAnswerError says that a server did not answer as a script expects.
type UnexpectedAnswerError struct {
	Script string
	Step   int    // from 0
	Want   string // what the answer should begin with
	Got    string // the line that came instead
}

func (e *UnexpectedAnswerError) Error() string {
	return fmt.Sprintf("script %s, step %d: the server answered %q where %q was expected", e.Script, e.Step, e.Got, e.Want)
}

// runs makes $unique differ between runs of one program.
var runs atomic.Uint64

// player is one run of a script.
type player struct {
	script Script
	t      Targets
	conns  map[string]*playedConn
	unique string
}

// playedConn is one connection of the client.
type playedConn struct {
	net.Conn
	r        *bufio.Reader
	protocol string // smtp (lmtp, too), pop3, imap or sieve
	greeting string // the first line
	command  string // the first word last sent
	last     string // for $last
	answered string // the last answer
	scram    *scramClient
}

// Play runs a script and returns when its last step is done. It stops at the first answer that is not as expected
// ([*UnexpectedAnswerError]), at a network or certificate error, and when ctx ends. All connections are closed then.
func Play(ctx context.Context, script Script, t Targets) error {
	if t.ServerName == "" {
		t.ServerName = ServerName
	}
	if t.Now == nil {
		t.Now = time.Now
	}
	if t.MinVersion == 0 {
		t.MinVersion = tls.VersionTLS12
	}
	p := &player{script: script, t: t, conns: make(map[string]*playedConn)}
	if p.unique = t.Unique; p.unique == "" {
		p.unique = fmt.Sprintf("%x.%d", t.Now().UnixMilli(), runs.Add(1))
	}
	defer func() {
		for _, c := range p.conns {
			_ = c.Close()
		}
	}()
	for i, step := range script.Steps {
		if i > 0 && t.Pace > 0 {
			if err := sleep(ctx, t.Pace); err != nil {
				return err
			}
		}
		if t.OnStep != nil {
			t.OnStep(i, step)
		}
		if err := p.do(ctx, i, step); err != nil {
			var unexpected *UnexpectedAnswerError
			if errors.As(err, &unexpected) || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				return err
			}
			return fmt.Errorf("script %s, step %d (%s on %q): %w", script.ID, i, step.Op, step.Conn, err)
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (p *player) do(ctx context.Context, i int, step Step) error {
	if step.Op == OpOpen {
		if err := p.open(ctx, step); err != nil {
			return err
		}
	}
	c := p.conns[step.Conn]
	if c == nil {
		return fmt.Errorf("no connection named %q is open", step.Conn)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) }) // a read or write under way ends now
	defer stop()
	if err := c.SetDeadline(time.Now().Add(answerPatience)); err != nil {
		return err
	}
	err := p.act(i, c, step)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (p *player) act(i int, c *playedConn, step Step) error {
	switch step.Op {
	case OpTLS:
		return p.secure(c)
	case OpCompress:
		d, err := newDeflatedConn(c.Conn, c.r)
		if err != nil {
			return err
		}
		c.Conn, c.r = d, bufio.NewReaderSize(d, maxAnswerLine)
		return nil
	case OpClose:
		delete(p.conns, step.Conn)
		return c.Close()
	case OpCut:
		delete(p.conns, step.Conn)
		return c.cut()
	case OpSay:
		text, err := p.fillSecrets(c, p.fill(c, step.Send))
		if err != nil {
			return err
		}
		c.command, _, _ = strings.Cut(strings.TrimRight(text, "\r\n"), " ")
		if _, err := io.WriteString(c, text); err != nil {
			return fmt.Errorf("sending: %w", err)
		}
	case OpOpen, OpWait:
	default:
		return fmt.Errorf("unknown operation %q", step.Op)
	}
	if step.Expect == "" {
		return nil
	}
	want := p.fill(c, step.Expect)
	got, err := c.answer(want, step.Multiline)
	if err != nil {
		return fmt.Errorf("waiting for %q: %w", want, err)
	}
	c.answered = got
	if step.Op == OpOpen {
		c.greeting = got
	}
	if !matches(want, got) {
		return &UnexpectedAnswerError{Script: p.script.ID, Step: i, Want: want, Got: got}
	}
	return nil
}

// fill replaces the words that only the moment knows.
func (p *player) fill(c *playedConn, s string) string {
	if !strings.Contains(s, "$") {
		return s
	}
	return strings.NewReplacer("$date", p.t.Now().Format(dateFormat), "$unique", p.unique, "$last", c.last,
		"$digest", c.digest(s)).Replace(s)
}

// fillSecrets replaces the words of a SCRAM exchange, which has steps of its own.
func (p *player) fillSecrets(c *playedConn, s string) (string, error) {
	if !strings.Contains(s, "$scram-") {
		return s, nil
	}
	word, message, err := "$scram-final", "", error(nil)
	switch {
	case strings.Contains(s, "$scram-first-plus"):
		word = "$scram-first-plus"
		message, err = c.scramFirst(bob(), p.unique, true)
	case strings.Contains(s, "$scram-first"):
		word = "$scram-first"
		message, err = c.scramFirst(bob(), p.unique, false)
	default:
		message, err = c.scramFinal()
	}
	return strings.Replace(s, word, message, 1), err
}

// digest is what APOP proves the password with, for the account that the command names (RFC 1939, section 7).
func (c *playedConn) digest(command string) string {
	from, to := strings.IndexByte(c.greeting, '<'), strings.LastIndexByte(c.greeting, '>')
	words := strings.Fields(command)
	if from < 0 || to < from || len(words) < 2 {
		return ""
	}
	account := findAccount(words[1])
	if account == nil {
		return ""
	}
	sum := md5.Sum([]byte(c.greeting[from:to+1] + account.Password))
	return hex.EncodeToString(sum[:])
}

// matches says whether an answer begins as wanted; $n in what is wanted stands for any number.
func matches(want, got string) bool {
	before, after, any := strings.Cut(want, "$n")
	if !any {
		return strings.HasPrefix(got, want)
	}
	rest, ok := strings.CutPrefix(got, before)
	number := strings.TrimLeft(rest, "0123456789")
	return ok && len(number) < len(rest) && strings.HasPrefix(number, after)
}

func (p *player) open(ctx context.Context, step Step) error {
	address := p.t.Addrs[step.Service]
	if address == "" {
		return fmt.Errorf("no address for the service %q; give one in Targets.Addrs", step.Service)
	}
	if p.conns[step.Conn] != nil {
		return fmt.Errorf("a connection named %q is open already", step.Conn)
	}
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("connecting to the %s service: %w", step.Service, err)
	}
	c := &playedConn{Conn: nc, r: bufio.NewReaderSize(nc, maxAnswerLine)}
	p.conns[step.Conn] = c
	switch step.Service {
	case POP3, POP3S:
		c.protocol = POP3
	case IMAP, IMAPS:
		c.protocol = IMAP
	case Sieve:
		c.protocol = Sieve
	default:
		c.protocol = SMTP
	}
	switch step.Service {
	case SMTPS, POP3S, IMAPS:
		stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
		defer stop()
		_ = nc.SetDeadline(time.Now().Add(answerPatience)) // an error shows in the handshake
		return p.secure(c)
	}
	return nil
}

// secure runs the TLS handshake. The server must have said nothing more in clear: anything would be an injection.
func (p *player) secure(c *playedConn) error {
	if n := c.r.Buffered(); n > 0 {
		return fmt.Errorf("%d octets in clear after the answer to STARTTLS, before TLS", n)
	}
	secure := tls.Client(c.Conn, &tls.Config{
		RootCAs: p.t.RootCAs, ServerName: p.t.ServerName, KeyLogWriter: p.t.KeyLog, ClientSessionCache: p.t.Sessions,
		MinVersion: p.t.MinVersion, MaxVersion: p.t.MaxVersion,
	})
	if err := secure.Handshake(); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	c.Conn, c.r = secure, bufio.NewReaderSize(secure, maxAnswerLine)
	return nil
}

// cut breaks the TCP connection with a reset, without TLS's or the protocol's farewell.
func (c *playedConn) cut() error {
	nc := c.Conn
	if deflated, ok := nc.(*deflatedConn); ok {
		nc = deflated.Conn
	}
	if secure, ok := nc.(*tls.Conn); ok {
		nc = secure.NetConn()
	}
	if tcp, ok := nc.(*net.TCPConn); ok {
		if err := tcp.SetLinger(0); err != nil {
			return fmt.Errorf("cutting the connection: %w", err)
		}
	}
	return nc.Close()
}

// line reads one line without its CRLF.
func (c *playedConn) line() (string, error) {
	b, err := c.r.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), nil
}

// answer reads the server's answer as the protocol frames it and gives its telling line.
func (c *playedConn) answer(want string, multiline bool) (string, error) {
	switch c.protocol {
	case POP3:
		return c.pop3Response(multiline)
	case IMAP:
		return c.imapResponses(want)
	case Sieve:
		return c.sieveResponse()
	}
	return c.smtpReply()
}

// smtpReply reads a reply to its last line, the one with a space after the code (RFC 5321, section 4.2.1).
func (c *playedConn) smtpReply() (string, error) {
	for n := 0; n < maxAnswer; {
		line, err := c.line()
		if err != nil || len(line) < 4 || line[3] != '-' {
			return line, err
		}
		n += len(line)
	}
	return "", errAnswerTooLong
}

var errAnswerTooLong = errors.New("the answer is longer than any a practice server gives")

func (c *playedConn) pop3Response(multiline bool) (string, error) {
	first, err := c.line()
	if err != nil || !multiline || !strings.HasPrefix(first, "+OK") {
		if words := strings.Fields(first); c.command == "STAT" && len(words) >= 3 && words[0] == "+OK" {
			c.last = words[1] // the count; the octets follow
		}
		return first, err
	}
	for n := 0; n < maxAnswer; {
		line, err := c.line()
		if err != nil || line == "." {
			return first, err
		}
		n += len(line)
	}
	return "", errAnswerTooLong
}

// imapResponses reads lines until the one wanted, a tagged response, or a continuation request. Untagged responses
// that are not wanted are passed over.
func (c *playedConn) imapResponses(want string) (string, error) {
	bye := ""
	for n := 0; n < maxAnswer; {
		line, literals, err := c.imapLine()
		if err != nil && bye != "" {
			return bye, nil
		}
		if err != nil {
			return "", err
		}
		n += len(line) + literals
		if words := strings.Fields(line); len(words) == 3 && words[0] == "*" && words[2] == "EXISTS" {
			c.last = words[1]
		}
		if matches(want, line) || !strings.HasPrefix(line, "* ") {
			return line, nil
		}
		if strings.HasPrefix(line, "* BYE") {
			bye = line // the reason, should nothing follow
		}
	}
	return "", errAnswerTooLong
}

// imapLine reads one response with its literals, and gives its first line and the literals' octets.
func (c *playedConn) imapLine() (first string, literals int, err error) {
	line, err := c.line()
	first = line
	for err == nil {
		size, _, ok := trailingLiteral(line)
		if !ok {
			return first, literals, nil
		}
		if size > int64(maxAnswer-literals) {
			return "", literals, errAnswerTooLong
		}
		literals += int(size)
		if _, err = io.CopyN(io.Discard, c.r, size); err != nil {
			break
		}
		line, err = c.line()
	}
	return "", literals, err
}
