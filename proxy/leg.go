package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"facteur/decode"
)

// leg is one TCP connection of a session. As a net.Conn it is the wire: what is read and written there is told, octet
// for octet, in the order it crossed. Octets of the application go through [leg.app]. The session's own goroutine makes
// and closes it; one goroutine reads, and writers take turns.
type leg struct {
	s    *session
	id   decode.Leg
	peer decode.Side // who is at the other end
	conn *net.TCPConn
	wire *wire // reads and writes conn

	app    io.ReadWriter // the wire itself, or the TLS session on it
	tls    *tls.Conn     // nil in clear
	began  bool          // TLS has begun, or is about to: there may be secrets to tell
	agreed bool          // the peer spoke inside TLS: what fails now is no handshake; belongs to who reads

	ahead ahead
	cork  cork
	head  []byte      // octets that were read already, for TLS to begin with
	tail  []byte      // the last octets read before the handshake is done; see plainAlert
	eof   bool        // the peer's FIN was read
	quiet *time.Timer // of a server that has not greeted yet; belongs to who reads
	ended [2]decode.End
	said  lastWords

	delivered int64 // octets of the other side's, for the lab

	dmu     sync.Mutex
	aborted bool // deadlines are over: the session ends
}

func newLeg(s *session, id decode.Leg, peer decode.Side, conn *net.TCPConn) *leg {
	l := &leg{s: s, id: id, peer: peer, conn: conn, wire: newWire(conn)}
	l.app = l
	conn.SetNoDelay(true)
	conn.SetKeepAliveConfig(keepAlive)
	return l
}

// keepAlive finds peers that are gone: an IDLE may be silent for half an hour (RFC 2177) and a NAT may forget it.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 8}

func (l *leg) self() decode.Side { return l.peer.Other() }

// Read reads from the wire, and tells it.
func (l *leg) Read(p []byte) (int, error) {
	if len(l.head) > 0 {
		n := copy(p, l.head)
		l.head = l.head[n:]
		return n, nil
	}
	if l.tls != nil {
		return l.readAhead(p)
	}
	return l.receive(p)
}

func (l *leg) receive(p []byte) (int, error) {
	n, err := l.wire.Read(p)
	if err == io.EOF && l.endOf(l.peer) == decode.Reset { // writing was told of it, and the system tells it once
		err = &net.OpError{Op: "read", Net: "tcp", Addr: l.RemoteAddr(), Err: errReset}
	}
	if n > 0 {
		l.s.tell.chunk(l.id, l.peer, p[:n], l.began)
		if !l.wire.looped() {
			l.s.tell.await()
		}
		if l.began && l.tls == nil {
			l.tail = append(l.tail, p[:n]...)
			l.tail = l.tail[max(0, len(l.tail)-alertSize):]
		}
	}
	if err != nil && err != errDry {
		l.readEnded(err)
	}
	return n, err
}

// expectGreeting begins to wait for the first word of a server: the ones of mail speak first (RFC 5321 §3.1, 1939 §4,
// 9051 §3.3, 5804 §1.2). Silence is said, and nothing more: the session goes on.
func (l *leg) expectGreeting() {
	if d := l.s.srv.c.GreetingTime; d > 0 && l.quiet == nil && l.s.route.Upstream.Protocol != decode.Detect {
		l.quiet = time.AfterFunc(d, func() {
			l.s.fail(&fault{what: faultSilent, cause: l.s.route.Upstream.Security.silence(), leg: l.id,
				fields: []string{"server", l.s.route.Upstream.Addr(), "number", strconv.Itoa(int(d.Seconds()))}})
		})
	}
}

// silence names what a server that does not greet may be about: where it is expected in clear it may wait for TLS.
func (s Security) silence() string {
	if s == Implicit {
		return "tls"
	}
	return "clear"
}

// heard notes that the server has spoken, or never will.
func (l *leg) heard() {
	if l.quiet != nil {
		l.quiet.Stop()
		l.quiet = nil
	}
}

// alertSize is a TLS record that holds an alert in clear: header, level, description (RFC 9846 §5.1, §6).
const alertSize = 5 + 2

// plainAlert gives the alert in clear that a peer ended its half of a handshake with. OpenSSL sends one where TLS 1.3 wants
// it encrypted, so that crypto/tls sees nothing but a record it cannot open.
func (l *leg) plainAlert() (description uint8, ok bool) {
	t := l.tail
	if len(t) != alertSize || t[0] != 21 || t[1] != 3 || t[3] != 0 || t[4] != 2 || t[5] != 2 {
		return 0, false
	}
	return t[6], true
}

func (l *leg) readEnded(err error) {
	switch {
	case errors.Is(err, io.EOF):
		l.eof = true
		l.end(l.peer, decode.Finished)
	case isReset(err):
		l.end(l.peer, decode.Reset)
	}
}

// Write tells octets, and writes them to the wire. They are told first, so that no answer to them can be told before.
func (l *leg) Write(p []byte) (int, error) {
	if l.tls != nil && l.cork.hold(p) {
		return len(p), nil
	}
	return l.send(p)
}

func (l *leg) send(p []byte) (int, error) {
	if !l.s.tell.chunk(l.id, l.self(), p, l.began) {
		return 0, &net.OpError{Op: "write", Net: "tcp", Addr: l.RemoteAddr(), Err: errReset}
	}
	return l.put(p)
}

// put writes to the wire what was told.
func (l *leg) put(p []byte) (int, error) {
	n, err := l.wire.Write(p)
	if err != nil && isReset(err) {
		l.end(l.peer, decode.Reset)
	}
	return n, err
}

// write says something as an application.
func (l *leg) write(p []byte) error {
	if _, err := l.app.Write(p); err != nil {
		return writeError{err}
	}
	return nil
}

// Close does nothing: crypto/tls must not close what the session owns.
func (l *leg) Close() error                       { return nil }
func (l *leg) LocalAddr() net.Addr                { return l.conn.LocalAddr() }
func (l *leg) RemoteAddr() net.Addr               { return l.conn.RemoteAddr() }
func (l *leg) SetReadDeadline(t time.Time) error  { return l.conn.SetReadDeadline(t) }
func (l *leg) SetWriteDeadline(t time.Time) error { return l.conn.SetWriteDeadline(t) }

// SetDeadline sets the deadline of reads and writes, unless the session is being ended.
func (l *leg) SetDeadline(t time.Time) error {
	l.dmu.Lock()
	defer l.dmu.Unlock()
	if l.aborted {
		return nil
	}
	return l.conn.SetDeadline(t)
}

// abort lets everything that waits on the leg return, now and later.
func (l *leg) abort() {
	l.dmu.Lock()
	defer l.dmu.Unlock()
	l.aborted = true
	l.conn.SetDeadline(time.Unix(1, 0))
}

// end tells the end of a side, once.
func (l *leg) end(from decode.Side, how decode.End) {
	l.dmu.Lock()
	told := l.ended[from] != decode.Open
	if !told {
		l.ended[from] = how
	}
	l.dmu.Unlock()
	if told {
		return
	}
	l.s.tell.end(l.id, from, how)
	if how != decode.Reset || from != l.peer { // the other leg's reset follows from it
		return
	}
	handshaking := l.began && l.tls == nil // that has its own words for a failure
	if l.id == decode.ServerLeg && (handshaking || !l.s.lost("reset")) {
		l.s.logReset(from)
	}
	// Of a client that is said once the session is over: what it did before may have a better name.
}

func (l *leg) endOf(from decode.Side) decode.End {
	l.dmu.Lock()
	defer l.dmu.Unlock()
	return l.ended[from]
}

// closeNotify says goodbye inside TLS (RFC 9846 §6.1); in clear there is nothing to say.
func (l *leg) closeNotify() {
	if l.tls != nil {
		l.tls.CloseWrite() // it has a deadline of its own
	}
}

// closeWrite sends FIN.
func (l *leg) closeWrite() {
	if l.endOf(l.self()) == decode.Open {
		l.end(l.self(), decode.Finished)
		l.conn.CloseWrite()
	}
}

// linger closes the leg's half and reads on for a moment: the kernel answers unread octets with a reset, which could
// overtake the last words or the alert that say why there is no session.
func (l *leg) linger(life context.Context) {
	l.closeWrite()
	l.dmu.Lock()
	l.aborted = life.Err() != nil // the session was; its last words have a deadline of their own
	l.dmu.Unlock()
	l.SetDeadline(deadlineIn(lingerWait))
	room := make([]byte, smallBuffer)
	for n := 0; n < maxLinger; {
		k, err := l.app.Read(room)
		l.s.judge.saidAfter(room[:k])
		if n += k; err != nil {
			return
		}
	}
}

const (
	lingerWait = time.Second // a client far away still gets the words
	maxLinger  = 256 << 10   // and one that goes on sending is not heard for ever
)

// farewellTimeout is how long a last word may wait for a client that does not read.
const farewellTimeout = 5 * time.Second

// close ends the connection: in order, or with RST where the other end was reset, too.
func (l *leg) close(reset bool) {
	how := decode.Finished
	if reset && l.endOf(l.self()) == decode.Open && l.endOf(l.peer) != decode.Reset {
		how = decode.Reset
		l.conn.SetLinger(0)
	}
	if l.endOf(l.peer) != decode.Reset { // a reset ended both sides
		l.end(l.self(), how)
	}
	l.conn.Close()
}

// never is the deadline that does not come.
var never time.Time

func deadlineIn(d time.Duration) time.Time { return time.Now().Add(d) }

// isReset reports whether a connection is broken: by its other end, or because nobody answers any more.
func isReset(err error) bool {
	return errors.Is(err, errReset) || errors.Is(err, errPipe) || errors.Is(err, errAborted) || errors.Is(err, errUnanswered)
}

// isDeadline reports whether a deadline of facteur's own passed.
func isDeadline(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
