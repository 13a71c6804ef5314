package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"facteur/decode"
)

// Through a door a client may come with an address instead of a name: it has looked the name up itself, or the system
// redirected it. Its hello has the name (RFC 6066 §3), where TLS begins at once or behind STARTTLS, and the authority may
// sign for that.

// nameless reports whether the name of the server stands in a hello that is still to come, and decides what to do.
func (s *session) nameless() bool {
	return s.arrival == doorOutside && s.srv.c.Authority != nil && net.ParseIP(s.route.Upstream.Host) != nil
}

// arrive tells how the client came, unless its hello comes first. Behind STARTTLS that may be late or never: until then it
// is a client of a mail server.
func (s *session) arrive() {
	if s.nameless() {
		if s.route.Listen.Security == Implicit {
			return
		}
		if len(s.srv.c.Attacks) == 0 { // the lab leaves what it may not attack alone
			s.arrival, s.unnamed = doorMail, true
		}
	}
	s.tellDoor()
}

// learnName reads the client's hello. If the authority may sign for the name in it, the session is intercepted after all.
// The octets stay to be read again, by facteur's own TLS or by the server's.
func (s *session) learnName() {
	s.arrival, s.unnamed = doorOutside, false
	p := &peeker{leg: s.client}
	s.client.SetDeadline(deadlineIn(s.srv.c.HandshakeTimeout))
	name := p.serverName()
	s.client.SetDeadline(never)
	s.client.head = p.octets
	if name != "" && permits(s.srv.c.Authority, name) {
		s.route, s.arrival = s.srv.named(s.route, name), doorMail
		s.info.Mode = s.route.mode
		s.doorName = name
	}
	s.tellDoor()
}

// named gives the route to an address whose server is called name: intercepted, with session tickets of its own.
func (s *Server) named(at *route, name string) *route {
	key := at.Listen.Scheme + " " + at.Upstream.String() + " " + strings.ToLower(name)
	s.dynamicMu.Lock()
	defer s.dynamicMu.Unlock()
	r := s.dynamics[key]
	if r == nil {
		if len(s.dynamics) >= maxDynamic {
			s.dynamics = map[string]*route{}
		}
		r = &route{Route: at.Route, mode: Intercept, tls: serverConfig(&s.legs[decode.ClientLeg]), legs: s.legs}
		s.dynamics[key] = r
	}
	return r
}

// tellDoor tells how the client came, and what is done with it.
func (s *session) tellDoor() {
	server := s.route.Upstream.Addr()
	if s.doorName != "" {
		server = s.doorName + " (" + server + ")"
	}
	s.tell.told(decode.ClientLeg, decode.Client, "session.door", "what", s.arrival, "server", server, "how", s.via.String())
	if s.arrival == doorOutside {
		s.log().Warn(s.srv.note("session.door."+doorOutside, "server", server))
	}
}

// peeker lets crypto/tls read a client's hello, keeps its octets, and lets nothing be answered.
type peeker struct {
	*leg
	octets []byte
}

var errPeeked = errors.New("the hello is known")

// serverName gives the name that the client asks for, "" if it asks for none or says something else.
func (p *peeker) serverName() (name string) {
	tls.Server(p, &tls.Config{
		MinVersion: tls.VersionTLS10,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			name = hello.ServerName
			return nil, errPeeked
		},
	}).Handshake()
	return name
}

func (p *peeker) Read(b []byte) (int, error) {
	if len(p.octets) > maxHello {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := p.leg.Read(b)
	p.octets = append(p.octets, b[:n]...)
	return n, err
}

func (p *peeker) Write(b []byte) (int, error)        { return len(b), nil }
func (p *peeker) SetWriteDeadline(_ time.Time) error { return nil }

// maxHello is more than any hello; crypto/tls takes no handshake message beyond 64 KiB.
const maxHello = 80 << 10
