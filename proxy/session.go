package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"facteur/decode"
)

// session is one client's conversation with one server. Its fields belong to the goroutine that runs it, which also
// makes and closes both connections; the goroutine that relays the other direction is started and awaited by it.
type session struct {
	srv   *Server
	route *route
	info  SessionInfo
	tell  teller

	mu      sync.Mutex // guards the pointers below against abort
	client  *leg
	server  *leg // nil until connected
	aborted bool

	hello         *tls.ClientHelloInfo             // the client's, once read
	beforeHello   func(*tls.ClientHelloInfo) error // secures the server leg
	upstreamFault *fault                           // what beforeHello found
	via           door                             // through which the client came
	arrival       string                           // what it is, one of doorMail and so on; "" for a fixed route
	unnamed       bool                             // the hello behind STARTTLS will say whether TLS is intercepted
	doorName      string                           // the server's, if the client gave an address and the name in its hello
	greeting      []byte                           // of a server that facteur itself upgraded; still to be given to the client

	judge  judge         // of the lab
	ending chan struct{} // closed when the session is ended

	meeting  meeting     // of the two directions, before a loop carries them
	relaying bool        // both legs are ready, and octets go both ways
	leaving  atomic.Bool // a direction ends; set before its other leg is told

	explained atomic.Bool // why the session ends has been told while it was relayed

	ends   sync.Mutex // guards ended and broken
	ended  int        // directions that have ended
	broken bool       // a leg was reset, so that the other one is, too
}

func (s *Server) newSession(r *route, conn *net.TCPConn) *session {
	n := &session{srv: s, route: r, ending: make(chan struct{})}
	n.info = SessionInfo{
		ID: int(s.lastID.Add(1)), Route: r.Route, Mode: r.mode, Opened: time.Now(), Client: conn.RemoteAddr(), Local: conn.LocalAddr(),
	}
	n.client = newLeg(n, decode.ClientLeg, decode.Client, conn)
	return n
}

// open brings the observer in and tells that the client leg is there.
func (s *session) open() {
	if s.srv.c.Observe != nil {
		s.tell.obs = s.srv.c.Observe(s.info)
	}
	s.tell.told(decode.ClientLeg, decode.Client, "session.open", "client", s.info.Client.String(), "server", s.info.Local.String(),
		"route", s.route.String(), "upstream", s.route.Upstream.String(), "mode", s.route.mode.String())
	if s.arrival != "" {
		s.arrive()
	}
}

// run is the whole life of a session.
func (s *session) run(life context.Context) {
	if s.route.Listen.Security == Implicit {
		deepen()
	}
	defer s.finish()
	defer s.catch()
	defer context.AfterFunc(life, func() { s.abort() })()
	if s.route.door != fixed && !s.enter() {
		return
	}
	s.open()
	f := s.establish(life)
	if f == nil {
		if f = s.relay(); f == nil {
			f = s.unsaid()
		}
	}
	switch {
	case errors.Is(context.Cause(life), errShutdown): // whatever it was doing, that is why it failed
		s.fail(&fault{what: faultShutdown})
	case f != nil:
		s.fail(f)
		s.client.linger(life)
	case s.judge.isCut():
		s.client.linger(life)
	case s.client.endOf(decode.Client) == decode.Reset && !s.explained.Load():
		if _, unsaid := s.client.said.ending(); unsaid { // behind its farewell, many a client does not wait for the last word
			s.logReset(decode.Client)
		}
	}
	if len(s.srv.c.Attacks) > 0 {
		s.verdict() // with what the client did at the end
	}
}

// log names the session in what it says. Few have anything to say, so none keeps a logger.
func (s *session) log() *slog.Logger {
	return s.srv.c.Log.With("route", s.route.String(), "session", s.info.ID)
}

// logReset says that a side broke its connection.
func (s *session) logReset(from decode.Side) {
	s.log().Info(s.srv.note("session.end.reset"), "side", from.String())
}

// turnAway tells a client over the limit that there is no room.
func (s *session) turnAway(life context.Context) {
	defer s.finish()
	defer s.catch()
	s.open()
	defer context.AfterFunc(life, func() { s.abort() })()
	f := &fault{what: faultLimit, cause: "sessions", fields: []string{"number", strconv.Itoa(s.srv.c.MaxSessions)}}
	s.fail(f)
	if s.route.Listen.Security == Clear && s.route.door == fixed {
		s.refuse(f)
	}
	s.client.linger(life)
}

// catch keeps a panic within its session.
func (s *session) catch() {
	if r := recover(); r != nil {
		s.log().Error("internal", "panic", r, "stack", string(debug.Stack()))
		func() {
			defer func() { _ = recover() }() // the observer itself may be what fails
			s.fail(&fault{what: faultInternal, fields: []string{"description", fmt.Sprint(r)}})
		}()
		s.breakOff()
	}
}

// finish closes what is open, and the observer last.
func (s *session) finish() {
	defer func() {
		if r := recover(); r != nil {
			s.log().Error("the session's observer failed", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	s.mu.Lock()
	legs := []*leg{s.server, s.client}
	s.mu.Unlock()
	defer s.tell.close()
	for _, l := range legs {
		if l != nil {
			defer l.conn.Close() // whatever the observer does
		}
	}
	for _, l := range legs {
		if l != nil {
			l.heard()
			l.ahead.free() // not before: what a client said last is read as the session ends, from where it was
			l.close(s.isBroken())
		}
	}
}

// abort lets everything that the session waits for return.
func (s *session) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.aborted {
		close(s.ending)
	}
	s.aborted = true
	for _, l := range []*leg{s.client, s.server} {
		if l != nil {
			l.abort()
		}
	}
	s.meeting.recall()
}

// breakOff ends the session at once: a leg was reset, or cannot go on.
func (s *session) breakOff() {
	s.ends.Lock()
	s.broken = true
	s.ends.Unlock()
	s.abort()
}

func (s *session) isBroken() bool {
	s.ends.Lock()
	defer s.ends.Unlock()
	return s.broken
}

// establish connects to the mail server, and secures what must be in TLS before the first octet is relayed.
func (s *session) establish(life context.Context) *fault {
	f := s.dial(life)
	if s.via == socks {
		s.answerSocks(f)
		if f != nil {
			return f
		}
	}
	if f == nil && s.nameless() && s.route.Listen.Security == Implicit {
		s.learnName()
	}
	switch {
	case s.route.mode == Passthrough:
		if f != nil && s.route.Listen.Security == Clear {
			s.refuse(f)
		}
		return f
	case f != nil:
		return s.deny(f)
	case s.route.Listen.Security == Implicit:
		return asFault(s.secureClient(s.secureUpstream))
	}
	if err := s.secureUpstream(nil); err != nil {
		f := asFault(err)
		s.refuse(f)
		return f
	}
	return nil
}

// secureUpstream brings the server leg into the state that the route wants.
func (s *session) secureUpstream(hello *tls.ClientHelloInfo) error {
	switch s.route.Upstream.Security {
	case Implicit:
		return s.secureServer(hello)
	case StartTLS:
		return s.upgradeServer(hello)
	}
	return nil
}

// deny tells the client, inside TLS if that is what it expects, that the server cannot be reached. The reason is told
// first: a handshake takes its time, or fails too.
func (s *session) deny(f *fault) *fault {
	s.fail(f)
	if s.route.Listen.Security == Implicit {
		if err := s.secureClient(nil); err != nil {
			return asFault(err)
		}
		defer s.client.closeNotify()
	}
	s.refuse(f)
	return f
}

func asFault(err error) *fault {
	if err == nil {
		return nil
	}
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	return &fault{what: faultHandshake, cause: "client", fields: []string{"description", err.Error()}, err: err}
}

// dial connects to the mail server. Servers speak first, so this cannot wait for the client.
func (s *session) dial(life context.Context) *fault {
	d := net.Dialer{Timeout: s.srv.c.DialTimeout, KeepAlive: -1 /* newLeg sets it */, Control: func(_, address string, _ syscall.RawConn) error {
		if s.srv.isListener(address) {
			return errLoop
		}
		return nil
	}}
	conn, err := d.DialContext(life, "tcp", s.route.Upstream.Addr())
	if err != nil {
		return s.dialFault(err)
	}
	l := newLeg(s, decode.ServerLeg, decode.Server, conn.(*net.TCPConn))
	s.mu.Lock()
	s.server = l
	if s.aborted {
		l.abort()
	}
	s.mu.Unlock()
	s.tell.told(decode.ServerLeg, decode.Client, "session.open", "client", conn.LocalAddr().String(), "server", conn.RemoteAddr().String(),
		"route", s.route.String(), "upstream", s.route.Upstream.String())
	if s.route.Upstream.Security != Implicit {
		l.expectGreeting()
	}
	return nil
}
