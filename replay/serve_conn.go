package replay

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"facteur/decode"
	"facteur/internal/bilingual"
)

const (
	// maxCommand is the longest command kept; what literals and bodies hold beyond it is read and thrown away.
	maxCommand = 1 << 20
	// maxCommandLine is the longest line taken: IMAP clients send sets of many thousand numbers.
	maxCommandLine = 256 << 10
	// maxMessage is the largest message taken; a replayed server keeps none, so this only ends endless ones.
	maxMessage = 1 << 30
)

var (
	errLineTooLong = bilingual.New("a line longer than any command", "une ligne plus longue que toute commande")
	errTooMuch     = bilingual.New("a message larger than a replayed server takes", "un message plus grand que ce qu’un serveur rejoué accepte")
	errGone        = bilingual.New("the session has ended", "la séance est finie")
)

// serveConn is one client of a replayed server. One goroutine owns it; in IDLE a second one writes while the first waits.
type serveConn struct {
	s      *Server
	door   Door
	id     int
	raw    net.Conn // as accepted
	nc     net.Conn // TLS and compression put on
	r      *bufio.Reader
	w      io.Writer
	flush  func() error
	secure bool
	cands  []*matcher // the recorded sessions this client may be in, the likeliest first
	told   map[string]bool
	packed bool // COMPRESS runs
	in     bool // logged in

	every    []*matcher     // all recorded sessions of the protocol: see elsewhere
	borrowed map[*Step]bool // changes that were answered from another place
}

func newServeConn(s *Server, door Door, nc net.Conn, id int, cands []*matcher) *serveConn {
	c := &serveConn{s: s, door: door, id: id, raw: nc, cands: cands, every: cands, told: map[string]bool{}, borrowed: map[*Step]bool{}}
	c.use(nc)
	return c
}

// use reads from and writes to nc from now on.
func (c *serveConn) use(nc net.Conn) {
	c.nc = nc
	c.r = bufio.NewReaderSize(nc, 16<<10)
	c.w, c.flush = nc, func() error { return nil }
}

func (c *serveConn) run() {
	defer c.s.leave(c)
	c.tell(ServeEvent{Event: ServeOpen})
	err := c.session()
	e := ServeEvent{Event: ServeClose}
	if !errors.Is(err, errGone) && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		e.Got = err.Error()
	}
	c.tell(e)
	_ = c.nc.Close()
}

// session serves until the session ends, and says why it did: errGone, where it ended as it should.
func (c *serveConn) session() error {
	if c.door.Implicit {
		if err := c.startTLS(); err != nil {
			return err
		}
	}
	if err := c.greet(); err != nil {
		return err
	}
	for {
		if err := c.raw.SetReadDeadline(time.Now().Add(clientPatience)); err != nil {
			return err
		}
		octets, err := c.command()
		if err != nil {
			return err
		}
		if err := c.answer(octets); err != nil {
			return err
		}
	}
}

// tell reports an event of this client.
func (c *serveConn) tell(e ServeEvent) {
	e.Conn, e.Protocol, e.Client = c.id, c.door.Protocol, c.raw.RemoteAddr().String()
	if len(c.cands) > 0 && e.Session == 0 {
		e.Session = c.cands[0].d.Session
	}
	c.s.event(e)
}

// tellOnce reports something that would otherwise be said again and again.
func (c *serveConn) tellOnce(e ServeEvent) {
	if key := e.Event + e.Got; !c.told[key] {
		c.told[key] = true
		c.tell(e)
	}
}

// greet sends the recorded greeting.
func (c *serveConn) greet() error {
	d := c.cands[0].d
	for i := range d.Steps {
		if s := &d.Steps[i]; s.Kind == StepGreeting {
			c.in = bytes.HasPrefix(bytes.ToUpper(s.answer()), []byte("* PREAUTH"))
			return c.send(s, s.last(), "")
		}
	}
	return bilingual.Errorf("session %d: %w: it has no greeting", "séance %d\u202f: %w\u202f: sans salutation", d.Session, ErrIncomplete)
}

// startTLS runs the handshake as a server.
func (c *serveConn) startTLS() error {
	secure := tls.Server(c.nc, c.s.o.TLS)
	_ = c.raw.SetDeadline(time.Now().Add(handshakePatience))
	if err := secure.Handshake(); err != nil {
		c.tell(ServeEvent{Event: ServeTLS, Got: err.Error()})
		return errGone
	}
	_ = c.raw.SetDeadline(time.Time{})
	st := secure.ConnectionState()
	c.tell(ServeEvent{Event: ServeTLS, Answer: tls.VersionName(st.Version) + " " + tls.CipherSuiteName(st.CipherSuite)})
	c.secure = true
	c.use(secure)
	return nil
}

// compress puts DEFLATE on both directions (RFC 4978).
func (c *serveConn) compress() error {
	w, err := flate.NewWriter(c.w, flate.DefaultCompression)
	if err != nil {
		return err
	}
	c.r = bufio.NewReaderSize(flate.NewReader(c.r), 16<<10)
	c.w, c.flush, c.packed = w, w.Flush, true
	return nil
}

// write sends octets.
func (c *serveConn) write(octets []byte) error {
	if err := c.raw.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
		return err
	}
	if _, err := c.w.Write(octets); err != nil {
		return err
	}
	return c.flush()
}

func (c *serveConn) writef(format string, a ...any) error {
	return c.write(fmt.Appendf(nil, format+"\r\n", a...))
}

// send gives recorded answers, in one go: their tag is the client's, and their lists say what this server can do.
func (c *serveConn) send(s *Step, answers []Answer, tag string) error {
	var all []byte
	for i := range answers {
		all = append(all, c.adapted(s, &answers[i], tag)...)
	}
	return c.write(all)
}

// adapted is a recorded answer as this client gets it.
func (c *serveConn) adapted(s *Step, a *Answer, tag string) []byte {
	octets := a.Octets
	if a.Tagged && tag != "" && s.tag != "" {
		if rest, ok := bytes.CutPrefix(octets, []byte(s.tag)); ok {
			octets = append([]byte(tag), rest...)
		}
	}
	return c.lists(s.Verb, octets)
}

// line reads a line with its end.
func (c *serveConn) line() ([]byte, error) {
	var line []byte
	for {
		part, err := c.r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxCommandLine {
			return nil, errLineTooLong
		}
		if err == nil {
			return line, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

// command reads a whole command. Literals are asked for as they are announced (IMAP, RFC 9051 §4.3; ManageSieve, RFC
// 5804 §1.2); of large ones the beginning is kept.
func (c *serveConn) command() ([]byte, error) {
	var all []byte
	for {
		line, err := c.line()
		if err != nil {
			return nil, err
		}
		all = append(all, line...)
		if c.door.Protocol != decode.IMAP && c.door.Protocol != decode.Sieve {
			return all, nil
		}
		size, nonSync, ok := announced(line)
		if !ok {
			return all, nil
		}
		if size > maxMessage {
			return nil, errTooMuch
		}
		if !nonSync && c.door.Protocol == decode.IMAP {
			if err := c.writef("+ OK"); err != nil {
				return nil, err
			}
		}
		keep := min(size, max(0, maxCommand-int64(len(all))))
		part := make([]byte, keep)
		if _, err := io.ReadFull(c.r, part); err != nil {
			return nil, err
		}
		if _, err := io.CopyN(io.Discard, c.r, size-keep); err != nil {
			return nil, err
		}
		if keep < size { // so that what follows is not taken for its octets
			all = fmt.Appendf(bytes.TrimRight(all[:bytes.LastIndexByte(all, '{')], "~"), "{%d}\r\n", keep)
		}
		all = append(all, part...)
	}
}

// body reads message text up to the lone dot (RFC 5321 §4.1.1.4) and gives the number of its octets.
func (c *serveConn) body() (n int64, err error) {
	atLine := true
	for n < maxMessage {
		part, err := c.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return n, err
		}
		if atLine && (string(part) == ".\r\n" || string(part) == ".\n") {
			return n, nil
		}
		n += int64(len(part))
		atLine = err == nil
	}
	return n, errTooMuch
}

// has says whether one of the sessions the client may be in has an answer to a command.
func (c *serveConn) has(key string) bool {
	for _, m := range c.cands {
		if _, ok := m.find(key, c.secure); ok {
			return true
		}
	}
	return false
}

// find looks for the answer to a command among the sessions the client may be in. Those that have it stay; if none has,
// all of them stay.
func (c *serveConn) find(key string) (found, bool) {
	var stay []*matcher
	var best found
	for _, m := range c.cands {
		if f, ok := m.find(key, c.secure); ok {
			if len(stay) == 0 {
				best = f
			}
			m.take(f)
			stay = append(stay, m)
		}
	}
	if len(stay) == 0 {
		return found{}, false
	}
	c.cands = stay
	return best, true
}

// mismatch reports a command that the recording does not have here and gives its reason in the protocol's language.
func (c *serveConn) mismatch(octets []byte, key string) (reason string, known bool) {
	m := c.cands[0]
	e := ServeEvent{Event: ServeMismatch, Got: shownLine(c.door.Protocol, octets)}
	reason = "the recording ends here"
	if s := m.expected(); s != nil {
		e.Step, e.Expected = s.N, strings.ReplaceAll(s.Line, "\n", " ")
		reason = fmt.Sprintf("the recording has %q here (step %d)", printable(withoutTag(m.d.Protocol, e.Expected)), s.N)
	}
	known = c.door.Protocol == decode.IMAP && basic(key)
	for _, other := range c.every {
		known = known || other.knows(key)
	}
	c.tell(e)
	return "facteur replay: " + reason, known
}

// withoutTag leaves out what the client will not recognise.
func withoutTag(protocol, line string) string {
	if protocol == decode.IMAP {
		if _, rest, ok := strings.Cut(line, " "); ok {
			return rest
		}
	}
	return line
}

// printable makes a recorded line fit for a reply's text (RFC 5321 §4.2.1): ASCII, one line, not too long.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if len(s) > 120 {
		s = s[:120] + "..."
	}
	return s
}
