// Package lab is the practice mail server and the scripted mail clients: what facteur shows when there is no real mail
// server at hand, or when there should not be one.
//
// [Start] opens seven doors on loopback over one mail store: SMTP and submission (clear, STARTTLS), submission in
// implicit TLS, POP3 and IMAP each in clear (STLS, STARTTLS) and in implicit TLS. What one door changes the others show:
// a message sent by SMTP wakes an IMAP session in IDLE and is in the next POP3 listing. The accounts are demonstration
// accounts ([Accounts]); no message ever leaves the program.
//
// The servers are written for this purpose and speak as common servers do, because their words are what learners read:
// SMTP (RFC 5321 with 1870, 2034, 2920, 3030, 3207, 4954, 6152, 6531), POP3 (RFC 1939 with 2449, 2595, 3206, 5034) and
// IMAP4rev1 (RFC 3501 with 2177, 2342, 2971, 3348, 3691, 4315, 4731, 4959, 4978, 5161, 5258, 5819, 6154, 6851, 7888, 8438).
// They are patient where a person types by hand: a bare LF ends a command, and time limits are the RFCs' own.
//
// [Play] runs a [Script], a mail client's half of a conversation, against these doors or against a proxy's.
package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The doors' names, for Server.Addr, Options.Ports and Targets.Addrs.
const (
	SMTP       = "smtp"       // mail from other servers, port 25: clear, STARTTLS offered
	Submission = "submission" // mail from clients, port 587: clear, STARTTLS offered, AUTH required
	SMTPS      = "smtps"      // mail from clients, port 465: implicit TLS, AUTH required
	POP3       = "pop3"       // port 110: clear, STLS offered
	POP3S      = "pop3s"      // port 995: implicit TLS
	IMAP       = "imap"       // port 143: clear, STARTTLS offered
	IMAPS      = "imaps"      // port 993: implicit TLS
)

// Services are the doors, in the order they are opened.
var Services = []string{SMTP, Submission, SMTPS, POP3, POP3S, IMAP, IMAPS}

// maxConnections bounds the memory and the goroutines of a practice server: a class of 40 with several clients each.
const maxConnections = 256

// Options say how to start. The zero value is a whole practice server on loopback.
type Options struct {
	Host  string         // address to listen on; default 127.0.0.1
	Ports map[string]int // port of each service; default: the kernel chooses

	Authority   *Authority                                           // signs the certificate; default: a new one
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error) // instead of the authority's
	MinVersion  uint16                                               // of TLS, as in crypto/tls; default TLS 1.2
	MaxVersion  uint16                                               // of TLS; default: the newest
	KeyLog      io.Writer                                            // receives the TLS secrets, for Wireshark and for facteur's own tests

	Mechanisms []string         // SASL mechanisms offered; default PLAIN and LOGIN; also SCRAM-SHA-256 and SCRAM-SHA-256-PLUS
	Compress   bool             // offer IMAP's COMPRESS=DEFLATE (RFC 4978)
	RequireTLS bool             // no log-in in clear: LOGINDISABLED, no USER, no AUTH
	Faults     Faults           // what goes wrong; see SetFaults
	Now        func() time.Time // the mail's clock; default time.Now. TLS always uses the real one
	Log        *slog.Logger     // default: nothing
}

// Faults are what a lesson makes go wrong. The zero value is a server in good health.
type Faults struct {
	NoStartTLS     bool             // STARTTLS and STLS are not offered, and unknown when asked for
	RefuseStartTLS bool             // they are offered, and refused when asked for (454, -ERR, NO)
	Certificate    CertificateFault // presented in place of the good certificate
	Greylist       bool             // the first RCPT of each sender and recipient gets 450 (RFC 6647)
	MailboxFull    bool             // RCPT and APPEND find the mailbox full: 452, NO [OVERQUOTA]
}

// Server is a running practice server.
type Server struct {
	options   Options
	log       *slog.Logger
	authority *Authority
	tls       *tls.Config
	stop      func() bool // ends the watch on the context

	listeners map[string]net.Listener
	wg        sync.WaitGroup // accept loops and sessions
	serial    atomic.Uint64  // for queue and session identifiers

	mu         sync.Mutex
	store      *store
	generation uint32
	faults     Faults
	faulty     map[CertificateFault]*tls.Certificate
	greylisted map[string]bool
	conns      map[*conn]struct{}
	closed     bool
}

// Start opens all doors and returns. The server ends with ctx or with Close, whichever comes first.
func Start(ctx context.Context, o Options) (*Server, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	for _, service := range Services {
		address := net.JoinHostPort(s.options.Host, strconv.Itoa(o.Ports[service]))
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("opening the practice server's %s door on %s: %w; choose another port", service, address, err), s.Close())
		}
		s.listeners[service] = l
	}
	for _, service := range Services {
		s.wg.Go(func() { s.accept(service, s.listeners[service]) })
	}
	s.mu.Lock()
	s.stop = context.AfterFunc(ctx, func() { _ = s.Close() })
	s.mu.Unlock()
	return s, nil
}

func newServer(o Options) (*Server, error) {
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MinVersion == 0 {
		o.MinVersion = tls.VersionTLS12 // RFC 9325, section 3.1.1
	}
	if o.Mechanisms == nil {
		o.Mechanisms = defaultMechanisms
	}
	for _, m := range o.Mechanisms {
		if !slices.Contains(knownMechanisms, m) {
			return nil, fmt.Errorf("the practice server has no SASL mechanism %q: choose among %s", m, strings.Join(knownMechanisms, ", "))
		}
	}
	s := &Server{
		options: o, log: o.Log, authority: o.Authority, faults: o.Faults,
		listeners:  make(map[string]net.Listener),
		faulty:     make(map[CertificateFault]*tls.Certificate),
		greylisted: make(map[string]bool),
		conns:      make(map[*conn]struct{}),
	}
	var err error
	if s.authority == nil {
		if s.authority, err = NewAuthority(time.Now()); err != nil {
			return nil, err
		}
	}
	if s.store, err = newStore(o.Now, 0); err != nil {
		return nil, err
	}
	if _, err := s.certificate(nil); err != nil && o.Certificate == nil {
		return nil, err
	}
	s.tls = &tls.Config{MinVersion: o.MinVersion, MaxVersion: o.MaxVersion, GetCertificate: s.certificate, KeyLogWriter: o.KeyLog}
	return s, nil
}

// certificate picks what the server presents: a faulty certificate, the caller's, or the authority's.
func (s *Server) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fault := s.faults.Certificate
	if fault == CertificateGood && s.options.Certificate != nil {
		return s.options.Certificate(hello)
	}
	if c := s.faulty[fault]; c != nil {
		return c, nil
	}
	c, err := s.authority.Issue(fault)
	if err != nil {
		return nil, err
	}
	s.faulty[fault] = &c
	return &c, nil
}

// Addr is the address of a door, "127.0.0.1:40123"; "" for an unknown service.
func (s *Server) Addr(service string) string {
	if l := s.listeners[service]; l != nil {
		return l.Addr().String()
	}
	return ""
}

// Pool is the set of roots that the server's certificate is verified with.
func (s *Server) Pool() *x509.CertPool { return s.authority.Pool() }

// Authority is the authority that signed the server's certificate.
func (s *Server) Authority() *Authority { return s.authority }

// Targets are the server's own doors, for Play without a proxy in between.
func (s *Server) Targets() Targets {
	t := Targets{Addrs: make(map[string]string), RootCAs: s.Pool(), ServerName: ServerName, Now: s.options.Now}
	for service, l := range s.listeners {
		t.Addrs[service] = l.Addr().String()
	}
	return t
}

// SetFaults changes what goes wrong, for sessions and commands from now on.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
	clear(s.greylisted)
}

func (s *Server) currentFaults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

func (s *Server) currentStore() *store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store
}

// greylist says whether this sender and recipient are seen for the first time while the fault is on.
func (s *Server) greylist(from, to string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.faults.Greylist {
		return false
	}
	pair := from + "\x00" + to
	if s.greylisted[pair] {
		return false
	}
	s.greylisted[pair] = true
	return true
}

// Reset makes the mailboxes as they were at the start and ends the sessions under way, as a server that restarts would.
// The UIDVALIDITY of every mailbox changes, so that clients forget what they knew. It takes a few milliseconds.
func (s *Server) Reset() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("resetting the practice mailboxes: %w", net.ErrClosed)
	}
	fresh, err := newStore(s.options.Now, s.generation+1)
	if err != nil {
		return fmt.Errorf("resetting the practice mailboxes: %w", err)
	}
	s.generation++
	s.store = fresh
	clear(s.greylisted)
	for c := range s.conns {
		s.wg.Go(c.end) // each may meet a peer that reads nothing; none holds up the others
	}
	return nil
}

// Close shuts the doors, ends every session and returns when all of them are gone. It may be called again.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.wg.Wait()
		return nil
	}
	s.closed = true
	if s.stop != nil {
		s.stop()
	}
	for c := range s.conns {
		s.wg.Go(c.end)
	}
	s.mu.Unlock()
	var errs []error
	for service, l := range s.listeners {
		if err := l.Close(); err != nil {
			errs = append(errs, fmt.Errorf("closing the %s door: %w", service, err))
		}
	}
	s.wg.Wait()
	return errors.Join(errs...)
}

// track counts a connection in, unless the server is closing or has too many.
func (s *Server) track(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= maxConnections {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) untrack(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}
