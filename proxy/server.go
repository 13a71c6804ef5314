// Package proxy stands between mail clients and mail servers. It relays octets faithfully in both directions, follows
// the protocol far enough to know where STARTTLS or STLS was agreed on, and tells an [Observer] everything that crossed
// either leg, in order.
//
// One goroutine owns a session's two connections and closes them; a second one relays the other direction. Once a session
// has settled and is calm, a loop that carries many takes its turns instead (Linux). A session that fails, or panics,
// touches no other. Octets are changed in named cases only ([Config.NoRewrite] forbids all), and
// every change is told as session.rewrite.
package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"facteur/decode"
	"facteur/internal/bilingual"
	"facteur/proxy/ca"
)

// Defaults of a configuration.
const (
	DefaultDialTimeout      = 15 * time.Second // a SYN lost twice (RFC 6298) still arrives
	DefaultHandshakeTimeout = 60 * time.Second // some clients ask their user about the certificate in the handshake
	// DefaultGreetingTime is longer than a server's look at a DNS list of senders, and than a greeting held back against
	// spam (some 5 s); RFC 5321 §4.5.3.2.1 lets clients wait five minutes.
	DefaultGreetingTime = 10 * time.Second
	DefaultMaxSessions  = 4096 // at most some 150 kB each
	// shutdownGrace is how long running sessions may go on when the server is told to stop.
	shutdownGrace = 2 * time.Second
	// acceptPause is how long accepting rests when the system has no sockets left.
	acceptPause = 50 * time.Millisecond
	// maxRefusals is how many clients over the limit are told so at a time; the others are closed, and counted in the log.
	maxRefusals = 64
)

// Config is what a server is made of. Only Routes are needed; intercepting TLS needs Authority, too.
type Config struct {
	Routes []Route
	Socks  string // HOST:PORT of a SOCKS5 door (RFC 1928), "" for none
	// Transparent is HOST:PORT of a door for connections that the system redirects (Linux, SO_ORIGINAL_DST), "" for none.
	Transparent string
	Mode        Mode           // of routes that do not say; Inherit means Intercept
	UpstreamCA  *x509.CertPool // authorities of mail servers; nil means the system's
	SystemCA    bool           // with UpstreamCA: the system's authorities count as well
	Authority   *ca.Authority  // signs the certificates that mail clients see
	NoRewrite   bool           // forbids every change of an octet

	DialTimeout      time.Duration // to reach a mail server; 0 means 15 s
	HandshakeTimeout time.Duration // for one TLS handshake; 0 means 60 s
	MaxSessions      int           // sessions at a time; 0 means 4096

	// GreetingTime is how long a server that speaks first may be silent before that is said; nothing is ended by it. 0
	// means 10 s, negative never.
	GreetingTime time.Duration

	Attacks              []Attack // for the lab: practice servers on this machine only
	ClientTLS, ServerTLS Knobs    // of the two legs, where a route does not say

	Log      *slog.Logger               // nil discards
	Lang     string                     // of sentences in the log: "fr" or "en"
	Sentence Sentence                   // says notes; nil: their ids
	Observe  func(SessionInfo) Observer // called as a session opens, from its own goroutine; may return nil
	OnRoute  func(RouteStatus)          // called as a route begins or fails to listen
}

// RouteStatus says how a route fares.
type RouteStatus struct {
	Route Route
	Addr  net.Addr // where it listens, nil if it does not
	Err   error    // why it does not listen
}

// Server relays for all routes of its configuration.
type Server struct {
	c       Config
	routes  []*route   // those of the configuration, then the doors
	legs    [2]secured // TLS of routes without knobs of their own
	machine string     // this machine's name, in lower case

	dynamicMu sync.Mutex        // guards dynamics
	dynamics  map[string]*route // where clients went that came through a door
	ownMu     sync.Mutex        // guards own
	own       []int             // ports of facteur's other listeners

	loops     loops
	sessions  sync.WaitGroup
	accepting sync.WaitGroup
	active    atomic.Int64
	refusing  atomic.Int64
	lastID    atomic.Int64
	binders   binders
	chains    chains       // of mail servers
	ended     atomic.Int64 // sessions that were ended because the server stops
}

// route is a Route at work.
type route struct {
	Route
	mode     Mode
	legs     [2]secured  // TLS of the client leg and of the server leg
	door     door        // fixed, unless clients say where they want to go
	tls      *tls.Config // shared by the route's client legs
	listener *net.TCPListener
}

// New checks a configuration and makes a server of it. Errors name the route and what to do.
func New(c Config) (*Server, error) { return assemble(c, checkAuthority) }

// Check tells what New would refuse, whatever the authority: that is best made when all else is right.
func Check(c Config) error {
	_, err := assemble(c, func(*ca.Authority, Route) error { return nil })
	return err
}

// assemble is New; certify reports whether the authority may sign for an intercepted route.
func assemble(c Config, certify func(*ca.Authority, Route) error) (*Server, error) {
	if len(c.Routes) == 0 && c.Socks == "" && c.Transparent == "" {
		return nil, bilingual.Errorf("no route given; for example %s",
			"il manque une route\u202f; par exemple %s", exampleRoute)
	}
	c.complete()
	s := &Server{c: c}
	for leg, k := range [2]Knobs{c.ClientTLS, c.ServerTLS} {
		var err error
		if s.legs[leg], err = k.load(decode.Leg(leg)); err != nil {
			return nil, legFault(decode.Leg(leg), err)
		}
	}
	name, _ := os.Hostname()
	s.machine = strings.ToLower(name)
	for _, r := range c.Routes {
		rt := &route{Route: r, mode: r.TLS}
		setDefault(&rt.mode, c.Mode)
		if err := s.check(rt, certify); err != nil {
			return nil, err
		}
		rt.tls = serverConfig(&rt.legs[decode.ClientLeg])
		s.routes = append(s.routes, rt)
	}
	for i, addr := range []string{c.Socks, c.Transparent} {
		if addr == "" {
			continue
		}
		r, err := newDoor(socks+door(i), addr)
		if err != nil {
			return nil, err
		}
		s.routes = append(s.routes, r)
	}
	if err := s.checkLab(); err != nil {
		return nil, err
	}
	return s, nil
}

// complete sets what was left out, and takes away what a leg's knobs cannot be.
func (c *Config) complete() {
	setDefault(&c.Mode, Intercept)
	setDefault(&c.DialTimeout, DefaultDialTimeout)
	setDefault(&c.HandshakeTimeout, DefaultHandshakeTimeout)
	setDefault(&c.MaxSessions, DefaultMaxSessions)
	setDefault(&c.GreetingTime, DefaultGreetingTime)
	c.ClientTLS.ClientCert, c.ClientTLS.ClientKey, c.ClientTLS.Resumption = "", "", false
	c.ServerTLS.ClientCA = ""
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.OnRoute == nil {
		c.OnRoute = func(RouteStatus) {}
	}
}

// legFault says of which leg the TLS cannot be.
func legFault(leg decode.Leg, err error) error {
	if leg == decode.ClientLeg {
		return bilingual.Errorf("TLS of the client leg: %w", "TLS de la jambe du client\u202f: %w", err)
	}
	return bilingual.Errorf("TLS of the server leg: %w", "TLS de la jambe du serveur\u202f: %w", err)
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// check refuses a route that cannot work.
func (s *Server) check(r *route, certify func(*ca.Authority, Route) error) error {
	if err := s.secure(r); err != nil {
		return bilingual.Errorf("route %s: %w",
			"route %s\u202f: %w", r.Route, err)
	}
	if r.mode == Passthrough {
		if r.Listen.Knobs != (Knobs{}) || r.Upstream.Knobs != (Knobs{}) {
			return bilingual.Errorf("route %s: in passthrough the TLS is the client's and the server's own, and facteur has no knobs to turn; leave them out, or use ?tls=intercept",
				"route %s\u202f: en passthrough, TLS est l’affaire du client et du serveur, et facteur n’a rien à y régler\u202f; ôtez ces réglages, ou prenez ?tls=intercept", r.Route)
		}
		if r.Listen.Security != r.Upstream.Security {
			return bilingual.Errorf("route %s: passthrough cannot translate between %s and %s; give both sides the same security, or use ?tls=intercept",
				"route %s\u202f: passthrough ne traduit pas entre %s et %s\u202f; donnez aux deux côtés la même sécurité, ou prenez ?tls=intercept",
				r.Route, r.Listen.Security, r.Upstream.Security)
		}
		return nil
	}
	return certify(s.c.Authority, r.Route)
}

// secure reads what the TLS of a route's legs needs.
func (s *Server) secure(r *route) (err error) {
	if r.legs[decode.ClientLeg], err = r.Listen.Knobs.or(s.c.ClientTLS).load(decode.ClientLeg); err != nil {
		return err
	}
	r.legs[decode.ServerLeg], err = r.Upstream.Knobs.or(s.c.ServerTLS).load(decode.ServerLeg)
	return err
}

// listen leaves the settings of connections alone: each leg has its own (newLeg), and to set them twice takes time.
var listen = net.ListenConfig{KeepAlive: -1}

// Listen opens all routes. What keeps one of them from listening is reported to OnRoute and in the log while the others
// go on; the error is that none listens.
func (s *Server) Listen() error {
	var errs []error
	for _, r := range s.routes {
		l, err := listen.Listen(context.Background(), "tcp", r.Listen.Addr())
		if err != nil {
			err = listenFault(r.Route, err)
			errs = append(errs, err)
			s.tellListen(r.Route, err)
			s.c.OnRoute(RouteStatus{Route: r.Route, Err: err})
			continue
		}
		r.listener = l.(*net.TCPListener)
		s.c.OnRoute(RouteStatus{Route: r.Route, Addr: l.Addr()})
	}
	if len(errs) == len(s.routes) {
		return errors.Join(errs...)
	}
	return nil
}

// Addrs gives where each route listens, in the order of the configuration, then the SOCKS and the transparent door; nil for one that does not.
func (s *Server) Addrs() []net.Addr {
	out := make([]net.Addr, len(s.routes))
	for i, r := range s.routes {
		if r.listener != nil {
			out[i] = r.listener.Addr()
		}
	}
	return out
}

// Serve accepts and relays until ctx is done. Then it stops accepting, gives running sessions two seconds to end by
// themselves, ends the others, and returns nil when every observer is closed.
func (s *Server) Serve(ctx context.Context) error {
	defer s.loops.close()
	life, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	defer kill(nil)
	for _, r := range s.routes {
		if r.listener != nil {
			s.accepting.Go(func() { s.accept(ctx, life, r) })
		}
	}
	<-ctx.Done()
	for _, r := range s.routes {
		if r.listener != nil {
			r.listener.Close()
		}
	}
	s.accepting.Wait()
	done := make(chan struct{})
	go func() {
		s.sessions.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(shutdownGrace):
		kill(errShutdown)
		<-done
		if n := s.ended.Load(); n > 0 {
			s.c.Log.Warn(s.note("session.error.shutdown.all", "number", strconv.FormatInt(n, 10)))
		}
	}
	return nil
}

// KeepOff adds a port of this machine's to which no session leads: facteur's page is no mail server, and a client of a
// door shall not reach it through facteur.
func (s *Server) KeepOff(port int) {
	s.ownMu.Lock()
	defer s.ownMu.Unlock()
	s.own = append(s.own, port)
}

// isListener reports whether an address is one of this server's own: a route that leads back would feed on itself until
// no socket is left.
func (s *Server) isListener(address string) bool {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return false
	}
	to := net.TCPAddrFromAddrPort(at)
	s.ownMu.Lock()
	kept := slices.Contains(s.own, to.Port)
	s.ownMu.Unlock()
	if kept && (isLocal(to.IP) || to.IP.IsUnspecified()) {
		return true
	}
	for _, r := range s.routes {
		if r.listener == nil {
			continue
		}
		own := r.listener.Addr().(*net.TCPAddr)
		if own.Port == to.Port && (own.IP.Equal(to.IP) || to.IP.IsUnspecified() || own.IP.IsUnspecified() && isLocal(to.IP)) {
			return true
		}
	}
	return false
}

// isLocal reports whether an address is one of this machine's.
func isLocal(ip net.IP) bool {
	if ip.IsLoopback() {
		return true
	}
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(ip) {
			return true
		}
	}
	return false
}

// in says something in the language of the log.
func (s *Server) in(english, french string) string {
	return bilingual.In(s.c.Lang, bilingual.New(english, french))
}

var errLoop = bilingual.New("the route leads back to facteur itself", "la route ramène à facteur lui-même")

var errShutdown = errors.New("facteur stops")

// accept takes a route's clients until its listener is closed.
func (s *Server) accept(ctx, life context.Context, r *route) {
	var over int
	for {
		conn, err := r.listener.AcceptTCP()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			s.c.Log.Error(s.in("no connection can be accepted at the moment; raise the limit of open files (ulimit -n) if this goes on",
				"aucune connexion ne peut être acceptée pour l’instant\u202f; si cela dure, relevez la limite de fichiers ouverts (ulimit -n)"), "route", r.String(), "err", err)
			time.Sleep(acceptPause)
			continue
		}
		if s.active.Load() >= int64(s.c.MaxSessions) {
			if over++; s.refusing.Load() >= maxRefusals {
				s.c.Log.Warn(s.in("a client was turned away: too many sessions (--max-sessions)", "un client a été renvoyé\u202f: trop de séances (--max-sessions)"), "route", r.String(), "limit", s.c.MaxSessions, "turned_away", over)
				conn.Close()
				continue
			}
			s.refusing.Add(1)
			s.sessions.Go(func() {
				defer s.refusing.Add(-1)
				s.newSession(r, conn).turnAway(life)
			})
			continue
		}
		s.active.Add(1)
		s.sessions.Go(func() {
			defer s.active.Add(-1)
			s.newSession(r, conn).run(life)
		})
	}
}
