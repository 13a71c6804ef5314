package proxy

import (
	"net"
	"slices"
	"strconv"
	"time"

	"facteur/decode"
	"facteur/internal/bilingual"
	"facteur/proxy/ca"
)

// door is how a client says where it wants to go.
type door uint8

const (
	fixed       door = iota // a route: always to the same server
	socks                   // SOCKS5 (RFC 1928)
	transparent             // the system redirected it here, and knows where it wanted to go
)

const (
	// socksTime is how long a client may take over its few octets of SOCKS.
	socksTime = 10 * time.Second
	// maxDynamic is how many destinations share their listeners' session tickets; then they begin anew.
	maxDynamic = 512
)

// What facteur does with a client that came through a door, as the field "what" of session.door has it.
const (
	doorMail    = "mail"     // a registered port of mail
	doorNotMail = "not_mail" // relayed untouched; decode looks whether it is mail after all
	doorOutside = "outside"  // mail of a host that the authority may not sign for: relayed end to end
)

// The schemes of doors and of what they lead to that is not mail, as routes are written in logs.
const (
	socksScheme       = "socks5"
	transparentScheme = "transparent"
	dynamicScheme     = "tcp"
)

// newDoor makes the listener of a door.
func newDoor(d door, addr string) (*route, error) {
	name := map[door]string{socks: "--socks", transparent: "--transparent"}[d]
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, bilingual.Errorf("%s %s: is not HOST:PORT, as in 127.0.0.1:1080",
			"%s %s\u202f: ce n’est pas HÔTE:PORT, comme 127.0.0.1:1080", name, addr)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, bilingual.Errorf("%s %s: the port is not between 0 and 65535",
			"%s %s\u202f: le port n’est pas compris entre 0 et 65535", name, addr)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	scheme := map[door]string{socks: socksScheme, transparent: transparentScheme}[d]
	r := Route{Listen: Endpoint{Scheme: scheme, Protocol: decode.Detect, Host: host, Port: int(n)}}
	return &route{Route: r, mode: Passthrough, door: d}, nil
}

// enter finds out where a client that came through a door wants to go, and gives the session its route. It reports false
// when there is no session to be had; that has been said.
func (s *session) enter() bool {
	var host string
	var port int
	var f *fault
	s.client.SetDeadline(deadlineIn(socksTime))
	if s.route.door == socks {
		host, port, f = s.askSocks()
	} else {
		host, port, f = s.askSystem()
	}
	s.client.SetDeadline(never)
	if f != nil {
		if f.what != "" { // otherwise a mere test of the port
			line, advice := s.srv.say(s.srv.c.Lang, f)
			s.log().Warn(line, "what", f.what, "hint", advice, "client", s.info.Client.String())
		}
		return false
	}
	s.via = s.route.door
	s.route, s.arrival = s.srv.dynamic(s.route, host, port)
	s.info.Route, s.info.Mode = s.route.Route, s.route.mode
	return true
}

// permits reports whether an authority may sign for a host. Tests, which have no other address than loopback, change it.
var permits = (*ca.Authority).Permits

// dynamic gives the route to a host and port, and what it is: the registered ports of mail decide.
func (s *Server) dynamic(via *route, host string, port int) (r *route, what string) {
	what = doorNotMail
	e := Endpoint{Scheme: dynamicScheme, Protocol: decode.Detect, Host: host, Port: port}
	mode := Passthrough
	if i := slices.IndexFunc(schemes, func(c scheme) bool { return c.port == port }); i >= 0 {
		what, mode = doorMail, s.c.Mode
		e.Scheme, e.Protocol, e.Security = schemes[i].name, schemes[i].protocol, schemes[i].security
		if mode == Intercept && (s.c.Authority == nil || !permits(s.c.Authority, host)) {
			what, mode = doorOutside, Passthrough
		}
	}
	listen := e
	listen.Host, listen.Port = via.Listen.Host, via.Listen.Port
	key := via.Listen.Scheme + " " + e.String()
	s.dynamicMu.Lock()
	defer s.dynamicMu.Unlock()
	if r = s.dynamics[key]; r == nil {
		if s.dynamics == nil || len(s.dynamics) >= maxDynamic {
			s.dynamics = map[string]*route{}
		}
		r = &route{Route: Route{Listen: listen, Upstream: e}, mode: mode, tls: serverConfig(&s.legs[decode.ClientLeg]), legs: s.legs}
		s.dynamics[key] = r
	}
	return r, what
}

// String gives the word used in events.
func (d door) String() string {
	return [...]string{"", socksScheme, transparentScheme}[d%3]
}

// askSystem finds out where a redirected client wanted to go. One that came to the door itself wanted nothing.
func (s *session) askSystem() (host string, port int, f *fault) {
	to, err := originalDst(s.client.conn)
	if err != nil || s.srv.isListener(to.String()) {
		return "", 0, &fault{what: faultDirect, err: err}
	}
	return to.Addr().String(), int(to.Port()), nil
}
