package web

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"

	"rsc.io/qr"
)

// DefaultShare is where followers are let in unless another address is asked for: every network of this machine, on a
// port that is short to type. It is taken only when the presenter shares.
const DefaultShare = ":8125"

// codeLetters are those that nobody mistakes for another on a projector: no 0 O, 1 I L. Of six there are 887 million
// codes: with maxAttempts a minute one guesser tries half of them in 42 years, and even maxGuessers addresses at work
// together take four days.
const (
	codeLetters = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
	codeLength  = 6
)

// newCode gives a code for followers to type.
func newCode() string {
	code := make([]byte, 0, codeLength)
	var b [1]byte
	for len(code) < codeLength {
		_, _ = rand.Read(b[:])                            // never fails (crypto/rand)
		if n := int(b[0]); n < 256-256%len(codeLetters) { // every letter as likely
			code = append(code, codeLetters[n%len(codeLetters)])
		}
	}
	return string(code)
}

// typed is a code as someone may have typed it: in small letters, in groups.
func typed(code string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, strings.ToUpper(code))
}

// listenShare opens the followers' own door. Through it no one is a presenter, whatever token they show: what travels
// there is not encrypted, so nothing that gives orders may.
func (s *Server) listenShare() error {
	if s.o.Share == "" {
		return nil
	}
	if s.o.FollowerToken == "" {
		s.o.FollowerToken = newCode()
	}
	var err error
	if s.shared, err = net.Listen("tcp", s.o.Share); err != nil {
		return fmt.Errorf("the page cannot be shared on %s: %w; choose another address", s.o.Share, err)
	}
	s.sharedPort = portOf(s.shared.Addr())
	if name, err := os.Hostname(); err == nil {
		name = strings.ToLower(name)
		s.sharedHosts = map[string]bool{name: true, name + ".local": true}
	}
	return nil
}

// throughShare says whether r came in by the followers' door.
func (s *Server) throughShare(r *http.Request) bool {
	return s.shared != nil && localPort(r) == s.sharedPort
}

// localPort is the port of the socket that r came in on, "" where that is not known.
func localPort(r *http.Request) string {
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return portOf(local)
	}
	return ""
}

// Share says how followers come in.
type Share struct {
	On        bool     `json:"on"`
	Code      string   `json:"code"`
	Addresses []string `json:"addresses"` // http://192.0.2.7:8125/, to be typed; the likeliest first
	Links     []string `json:"links"`     // the same with the code, for the QR code
	Followers int      `json:"followers"`
}

// Sharing tells the presenter how followers come in.
func (s *Server) Sharing() Share {
	v := Share{On: s.shared != nil, Addresses: []string{}, Links: []string{}, Followers: s.Followers()}
	if !v.On {
		return v
	}
	v.Code = s.o.FollowerToken
	for _, host := range s.shareHosts() {
		at := "http://" + net.JoinHostPort(host, s.sharedPort) + "/"
		v.Addresses = append(v.Addresses, at)
		v.Links = append(v.Links, at+"?token="+v.Code)
	}
	return v
}

// shareHosts are the addresses at which this machine's networks reach the followers' door, the likeliest first: private
// IPv4, other IPv4, IPv6. Where only one address was asked for, that one.
func (s *Server) shareHosts() []string {
	at, ok := s.shared.Addr().(*net.TCPAddr)
	if !ok {
		return nil
	}
	if !at.IP.IsUnspecified() {
		return []string{at.IP.String()}
	}
	known, _ := net.InterfaceAddrs()
	var found []netip.Addr
	for _, one := range known {
		if prefix, err := netip.ParsePrefix(one.String()); err == nil {
			if a := prefix.Addr().Unmap(); !a.IsLoopback() && !a.IsLinkLocalUnicast() {
				found = append(found, a)
			}
		}
	}
	rank := func(a netip.Addr) int {
		switch {
		case a.Is4() && a.IsPrivate():
			return 0
		case a.Is4():
			return 1
		}
		return 2
	}
	slices.SortStableFunc(found, func(a, b netip.Addr) int { return rank(a) - rank(b) })
	hosts := make([]string, 0, len(found)+1)
	for _, a := range found {
		hosts = append(hosts, a.String())
	}
	if len(hosts) == 0 {
		hosts = append(hosts, "127.0.0.1") // no network: followers on this machine
	}
	return hosts
}

func (s *Server) getShare(w http.ResponseWriter, r *http.Request, role Role) {
	if role != Presenter {
		refuse(w, r, refuseRole)
		return
	}
	answer(w, s.Sharing())
}

// getQR draws the link at ?to=, the first unless told, as an SVG of one unit a module with the quiet zone of four that
// ISO/IEC 18004 asks for: black on white in every theme, because cameras want that.
func (s *Server) getQR(w http.ResponseWriter, r *http.Request, role Role) {
	if role != Presenter {
		refuse(w, r, refuseRole)
		return
	}
	links := s.Sharing().Links
	to, err := number(r.URL.Query(), "to", 0, 0)
	if err != nil || to >= len(links) {
		refuse(w, r, refuseNotFound)
		return
	}
	code, err := qr.Encode(links[to], qr.M)
	if err != nil {
		refuse(w, r, refuseNotFound) // longer than any QR code: no address is
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	_, _ = fmt.Fprint(w, drawQR(code))
}

const quietZone = 4

func drawQR(code *qr.Code) string {
	var b strings.Builder
	side := code.Size + 2*quietZone
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dH0z"/><path d="`, side, side, side, side)
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quietZone, y+quietZone, x-from, x-from)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.String()
}
