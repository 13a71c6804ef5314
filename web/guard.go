package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// contentPolicy lets the page use itself and nothing else: no inline script, no other origin, no frame around it, and in
// its own frames only what we serve (a mail's HTML, see mailPolicy).
const contentPolicy = "default-src 'self'; style-src 'self'; img-src 'self' data:; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// methods are those there are; each address takes its own.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete}

// answerTime is how long an answer may take to be written; streams set their own.
const answerTime = time.Minute

// guard is in front of everything. It refuses what did not come from facteur's own page at facteur's own address: a name
// that someone bound to our address (CVE-2018-14505), a request that came through a proxy (CVE-2025-23217: its Host is
// not ours), and what another page in the same browser sends (CVE-2026-22689).
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if isAPI(r) {
			h.Set("Cache-Control", "no-store")
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime)) // not possible in some tests
		switch {
		case !s.hostAllowed(r):
			refuse(w, r, refuseHost)
		case !slices.Contains(methods, r.Method):
			h.Set("Allow", strings.Join(methods, ", "))
			refuse(w, r, refuseMethod)
		case !s.originAllowed(r):
			refuse(w, r, refuseOrigin)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// hostAllowed holds the Host header against the addresses at which we can be reached on purpose: loopback names, the IP
// address of the very socket the request came in on (an address cannot be rebound, only a name can), the address we were
// told to listen on, and Options.Hosts. The port must be ours as well, so that what arrives through some proxy's port is
// refused.
func (s *Server) hostAllowed(r *http.Request) bool {
	asked := strings.ToLower(r.Host)
	if s.forwarded[asked] {
		return true
	}
	host, port, err := net.SplitHostPort(asked)
	if err != nil {
		host, port = asked, "80"
	}
	ours, names := s.port, s.hosts
	if s.throughShare(r) {
		ours, names = s.sharedPort, s.sharedHosts
	}
	if port != ours {
		return false
	}
	if host == "localhost" || names[host] {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return false
	}
	return addr.IsLoopback() || addr.Unmap() == localAddr(r)
}

// localAddr is the address of the socket that r came in on.
func localAddr(r *http.Request) netip.Addr {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if tcp, ok := local.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// originAllowed refuses what a browser says another site sent. Browsers always send Origin with a websocket and with
// what changes something; so there it may be missing only for programs, which show the token itself.
func (s *Server) originAllowed(r *http.Request) bool {
	acts := r.Method != http.MethodGet && r.Method != http.MethodHead || isUpgrade(r)
	if !acts && !isAPI(r) {
		return true // following a link to the page is harmless
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return false
	}
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return !acts || bearer(r) != ""
	}
	for _, origin := range origins {
		if !strings.EqualFold(origin, "http://"+r.Host) && !strings.EqualFold(origin, "https://"+r.Host) {
			return false
		}
	}
	return true
}

func isUpgrade(r *http.Request) bool { return r.Header.Get("Upgrade") != "" }
