package proxy

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// The words of SOCKS5 (RFC 1928).
const (
	socksProtocol = 5 // VER

	socksNoAuth   = 0 // METHOD (§3)
	socksNoMethod = 0xff

	socksConnect = 1 // CMD (§4)

	socksIPv4 = 1 // ATYP (§5)
	socksName = 3
	socksIPv6 = 4

	socksGranted   = 0 // REP (§6)
	socksFailure   = 1
	socksForbidden = 2
	socksNetwork   = 3
	socksHost      = 4
	socksRefused   = 5
	socksNoCommand = 7
	socksNoAddress = 8
)

// maxSocks is the longest piece of a request: a name with its port.
const maxSocks = 255 + 2

// askSocks speaks SOCKS5 with the client up to its request: no authentication, and CONNECT only. Exactly its octets are
// read, and they are told to nobody: what the observer sees begins behind them. A fault without a name is a client that
// went away.
func (s *session) askSocks() (host string, port int, f *fault) {
	c := s.client.conn
	var room [maxSocks]byte
	read := func(n int) []byte {
		if _, err := io.ReadFull(c, room[:n]); err != nil {
			return nil
		}
		return room[:n]
	}
	gone := &fault{}
	b := read(1)
	if b == nil {
		return "", 0, gone
	}
	if b[0] != socksProtocol {
		return "", 0, &fault{what: faultSocks, cause: "version", fields: []string{"number", strconv.Itoa(int(b[0]))}}
	}
	if b = read(1); b == nil {
		return "", 0, gone
	}
	if b = read(int(b[0])); b == nil {
		return "", 0, gone
	}
	if !slices.Contains(b, socksNoAuth) {
		c.Write([]byte{socksProtocol, socksNoMethod})
		return "", 0, &fault{what: faultSocks, cause: "method"}
	}
	if _, err := c.Write([]byte{socksProtocol, socksNoAuth}); err != nil {
		return "", 0, gone
	}
	if b = read(4); b == nil { // VER CMD RSV ATYP
		return "", 0, gone
	}
	command, kind := b[1], b[3]
	if command != socksConnect {
		s.replySocks(socksNoCommand)
		return "", 0, &fault{what: faultSocks, cause: "command", fields: []string{"number", strconv.Itoa(int(command))}}
	}
	length := map[byte]int{socksIPv4: 4, socksIPv6: 16}[kind]
	if kind == socksName {
		if b = read(1); b == nil {
			return "", 0, gone
		}
		length = int(b[0])
	}
	if length == 0 {
		s.replySocks(socksNoAddress)
		return "", 0, &fault{what: faultSocks, cause: "address"}
	}
	if b = read(length + 2); b == nil {
		return "", 0, gone
	}
	host, port = string(b[:length]), int(binary.BigEndian.Uint16(b[length:]))
	if kind != socksName {
		a, _ := netip.AddrFromSlice(b[:length])
		host = a.Unmap().String()
	}
	if port == 0 || net.ParseIP(host) == nil && !isHostName(host) {
		s.replySocks(socksNoAddress)
		return "", 0, &fault{what: faultSocks, cause: "address"}
	}
	return host, port, nil
}

// isHostName reports whether a name may be looked up: it comes from the network, and stands in logs and on the page.
func isHostName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	})
}

// replySocks answers the request. The address in a reply is of no use to a client of CONNECT, so it is left empty.
func (s *session) replySocks(code byte) {
	s.client.SetDeadline(deadlineIn(farewellTimeout))
	s.client.conn.Write([]byte{socksProtocol, code, 0, socksIPv4, 0, 0, 0, 0, 0, 0})
	s.client.SetDeadline(never)
}

// answerSocks tells the client whether there is a connection to the server.
func (s *session) answerSocks(f *fault) {
	code := byte(socksGranted)
	switch {
	case f == nil:
	case f.what == faultLoop:
		code = socksForbidden
	case f.what == faultTimeout, strings.HasPrefix(f.cause, "dns_"):
		code = socksHost
	case f.cause == "refused":
		code = socksRefused
	case f.cause == "network":
		code = socksNetwork
	default:
		code = socksFailure
	}
	s.replySocks(code)
}
