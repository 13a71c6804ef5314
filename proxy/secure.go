package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"strings"
	"time"

	"facteur/decode"
	"facteur/internal/bilingual"
	"facteur/proxy/ca"
)

// minTLS is the least that RFC 9325 §3.1.1 allows.
const minTLS = tls.VersionTLS12

// serverConfig is what facteur's listeners of a route share, so that their session tickets do, too. The certificate is
// chosen once the client's hello is read and the real server has been verified.
func serverConfig(leg *secured) *tls.Config {
	return &tls.Config{
		CipherSuites: leg.suites, // they decide, with the version, which kind of certificate a client can take
		MaxVersion:   leg.max,
		MinVersion:   tls.VersionTLS10, // the client's hello is read whatever it offers; its answer has the route's limits
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			return hello.Conn.(*opening).s.greetClient(hello)
		},
	}
}

// secureClient does the handshake with the mail client. before, if set, runs when the client's hello is known and
// before it is answered: that is where the server leg is secured, so that no secret of the client can go to a server
// that was not verified.
func (s *session) secureClient(before func(hello *tls.ClientHelloInfo) error) error {
	deepen()
	l := s.client
	s.beforeHello = before
	l.began = true
	s.tell.expect(l.id, true)
	defer s.tell.expect(l.id, false)
	l.SetDeadline(time.Now().Add(s.srv.c.HandshakeTimeout))
	o := &opening{leg: l}
	t := tls.Server(o, s.route.tls)
	err := t.Handshake()
	o.over()
	l.SetDeadline(time.Time{})
	if err != nil {
		if s.upstreamFault != nil {
			return s.upstreamFault
		}
		return s.clientFault(err)
	}
	l.tls, l.app = t, &listening{joined: joined{t, l}, s: s, lib: library(s.hello), since: time.Now()}
	l.tail, s.hello = nil, nil // sessions may be many and long
	return nil
}

// stackRoom is what two handshakes, one inside the other, need of a goroutine's stack.
const stackRoom = 24 << 10

// deepen makes the stack of the goroutine large enough at once. It would be copied at every doubling otherwise, in the depths of a
// handshake, which takes longer than making a key.
//
//go:noinline
func deepen() {
	var room [stackRoom]byte
	runtime.KeepAlive(&room)
}

// greetClient answers crypto/tls when the client's hello is known.
func (s *session) greetClient(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	s.hello = hello
	if s.beforeHello != nil {
		if err := s.beforeHello(hello); err != nil {
			errors.As(err, &s.upstreamFault)
			return nil, err
		}
		s.client.SetDeadline(time.Now().Add(s.srv.c.HandshakeTimeout)) // the server leg's time is not the client's
	}
	cert, err := s.certificate(hello)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		Certificates:                []tls.Certificate{*cert},
		DynamicRecordSizingDisabled: true, // a relay passes on flights as they came
	}
	s.keyLog(hello.Conn.(*opening)).log(c, s.route.tls)
	s.route.legs[decode.ClientLeg].apply(c)
	if s.srv.attacks(Downgrade) {
		s.attacked(Downgrade, decode.ClientLeg)
	}
	if s.server != nil && s.server.tls != nil {
		if p := s.server.tls.ConnectionState().NegotiatedProtocol; p != "" {
			c.NextProtos = []string{p}
		}
	}
	return c, nil
}

// certificate makes the certificate for the name the client asked for, for the route's host, and for the address at
// which the client found us.
func (s *session) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	names := make([]string, 0, 3)
	if hello.ServerName != "" {
		names = append(names, hello.ServerName)
		if a := s.srv.c.Authority; !a.Permits(hello.ServerName) {
			s.fail(&fault{what: faultOutside, fields: []string{"name", hello.ServerName}})
		}
	}
	names = append(names, s.route.Upstream.Host)
	if a, ok := s.info.Local.(*net.TCPAddr); ok {
		names = append(names, a.IP.String())
	}
	if flaw := s.srv.flaw(); flaw != "" {
		s.attacked(string(flaw), decode.ClientLeg)
		return s.srv.c.Authority.Flawed(flaw, names...)
	}
	cert, err := s.srv.c.Authority.Leaf(names...)
	if err != nil {
		return nil, err
	}
	if hello.SupportsCertificate(cert) != nil {
		if rsa, err := s.srv.c.Authority.LeafRSA(names...); err == nil && hello.SupportsCertificate(rsa) == nil {
			return rsa, nil
		}
	}
	return cert, nil
}

// secureServer does the handshake with the mail server and verifies it. hello is the client's, nil if the client speaks
// in clear. The certificate must be valid for the route's host, or for the very name the client asked for: a client that
// was led here by its resolver would have accepted that, too.
func (s *session) secureServer(hello *tls.ClientHelloInfo) error {
	l := s.server
	o := &opening{leg: l}
	m := s.keyLog(o)
	names := []string{s.route.Upstream.Host}
	c := &tls.Config{
		ServerName:                  s.route.Upstream.Host,
		DynamicRecordSizingDisabled: true,
		// VerifyConnection below does all of it: it also says which of the checks failed.
		InsecureSkipVerify: true,
	}
	if hello != nil {
		c.NextProtos = hello.SupportedProtos
		if n := hello.ServerName; n != "" && !s.isOurs(n) {
			c.ServerName = n
			names = append(names, n)
		}
	}
	s.route.legs[decode.ServerLeg].apply(c)
	m.log(c, nil)
	sessions := s.resumption(hello, m)
	c.ClientSessionCache = sessions
	c.VerifyConnection = func(cs tls.ConnectionState) error { // of a session that is resumed, too
		m.resumed(cs)
		return s.verify(cs, names)
	}
	l.began = true
	s.tell.expect(l.id, true)
	defer s.tell.expect(l.id, false)
	l.SetDeadline(time.Now().Add(s.srv.c.HandshakeTimeout))
	t := tls.Client(o, c)
	err := t.Handshake()
	o.over()
	l.SetDeadline(time.Time{})
	if err != nil {
		if r, ok := sessions.(*resumption); ok {
			r.failed(err)
		}
		return s.serverFault(err)
	}
	l.tls, l.app = t, joined{t, l}
	if s.route.Upstream.Security == Implicit {
		l.expectGreeting()
	}
	return nil
}

// isOurs reports whether a name that a client asks for is facteur's own rather than the mail server's: a client set to
// localhost does not want the real server to look for a "localhost" of its own. Where the route's host is an address,
// there is no better name than the client's.
func (s *session) isOurs(name string) bool {
	if net.ParseIP(s.route.Upstream.Host) != nil {
		return false
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || name == strings.ToLower(s.route.Listen.Host) || name == s.srv.machine
}

// checkAuthority refuses a route whose host the authority may not sign for.
func checkAuthority(a *ca.Authority, r Route) error {
	if a == nil {
		return bilingual.Errorf("route %s: intercepting TLS needs facteur's own authority",
			"route %s\u202f: pour intercepter TLS il faut l’autorité de facteur", r)
	}
	if err := a.Check(r.Upstream.Host); err != nil {
		return bilingual.Errorf("route %s: %w",
			"route %s\u202f: %w", r, err)
	}
	return nil
}
