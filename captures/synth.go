package captures

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"facteur/decode"
)

var be = binary.BigEndian

const (
	// segmentSize is the most octets in one packet: an IPv4 packet's 65,535 less its header (20) and a TCP header with the
	// timestamp option (32), which other tools may add. The largest that fits, because a chunk is then one packet: the
	// recording keeps how the octets arrived, and a comment finds its octets. A TLS record (16,640 at most) always fits.
	segmentSize = 65483
	// windowScale (RFC 7323) with window lets a side send 1 GiB unacknowledged, so that no analysis calls a window full.
	windowScale = 14
	window      = 65535
	// ackEvery so many octets the other side acknowledges, far below what sequence numbers can tell apart (2^31).
	ackEvery = 16 << 20
	// firstFreePort begins the dynamic ports (RFC 6335 §6), for connections without a real one.
	firstFreePort = 49152
)

// Addresses for a leg that has none, for one over a pipe: RFC 5737's, which are nobody's.
var (
	noClient = netip.MustParseAddr("192.0.2.1")
	noServer = netip.MustParseAddr("192.0.2.2")
)

// wire is one synthesised TCP connection.
type wire struct {
	iface   uint32
	ends    [2]netip.AddrPort
	next    [2]uint32 // sequence numbers
	ended   [2]decode.End
	unacked [2]int64
	said    [2]int64 // octets handed over, whether they could be written or not
	opening []string // comments of the first packet
}

// canonicalPort is the port under which every dissector knows what the leg speaks. The real one is in Meta.
func canonicalPort(i Info, route string) uint16 {
	real := i.Server.Port()
	if s, ok := services[real]; ok && s.protocol == i.Protocol && s.implicit == i.Implicit {
		return real
	}
	if i.Protocol == decode.SMTP && !i.Implicit && schemeOf(route, i.Leg) == "submission" {
		return 587
	}
	for _, p := range [...]uint16{25, 465, 110, 995, 143, 993, 24, 4190} {
		if s := services[p]; s.protocol == i.Protocol && s.implicit == i.Implicit {
			return p
		}
	}
	return real
}

// schemeOf is the scheme of a leg in a route LISTEN_URL=UPSTREAM_URL.
func schemeOf(route string, leg decode.Leg) string {
	listen, upstream, _ := strings.Cut(route, "=")
	if leg == decode.ServerLeg {
		listen = upstream
	}
	scheme, _, _ := strings.Cut(listen, "://")
	return scheme
}

// ends gives the addresses to put into a leg's packets: the real ones, of one family.
func ends(i Info, port uint16) (client, server netip.AddrPort) {
	c, s := i.Client.Addr().Unmap().WithZone(""), i.Server.Addr().Unmap().WithZone("")
	if !c.IsValid() && !s.IsValid() {
		c, s = noClient, noServer
	}
	if !c.IsValid() {
		c = s
	}
	if !s.IsValid() {
		s = c
	}
	if c.Is4() != s.Is4() {
		c, s = netip.AddrFrom16(c.As16()), netip.AddrFrom16(s.As16())
	}
	cport := i.Client.Port()
	if cport == 0 {
		cport = firstFreePort
	}
	return netip.AddrPortFrom(c, cport), netip.AddrPortFrom(s, port)
}

// Sizes and numbers of the headers that are written here (IEEE 802.3, RFC 791, RFC 8200, RFC 9293).
const (
	ethernetSize  = 14
	ethernetLeast = 60 // shorter frames are padded, as on a cable
	ipv4Size      = 20
	ipv6Size      = 40
	tcpSize       = 20
	hopLimit      = 64
)

// synOptions are a SYN's: the maximum segment size, the window scale, and the end of the list.
var synOptions = [8]byte{2, 4, segmentSize >> 8, segmentSize & 255, 3, 3, windowScale, 0}

// appendFrame appends the Ethernet frame of a segment. Interface and side are in the locally administered addresses.
func appendFrame(dst []byte, w *wire, from decode.Side, flags uint8, payload []byte) []byte {
	begin := len(dst)
	src, dest := w.ends[from], w.ends[from.Other()]
	to := from.Other()
	dst = append(dst, 2, 0, 0, 0, byte(w.iface)+1, byte(to)+1, 2, 0, 0, 0, byte(w.iface)+1, byte(from)+1)
	var options []byte
	if flags&flagSYN != 0 {
		options = synOptions[:]
	}
	size := tcpSize + len(options) + len(payload)
	var sum uint64
	if src.Addr().Is4() {
		dst, sum = appendIPv4(dst, src.Addr().As4(), dest.Addr().As4(), size)
	} else {
		dst, sum = appendIPv6(dst, src.Addr().As16(), dest.Addr().As16(), size)
	}
	at := len(dst)
	var ack uint32
	if flags&flagACK != 0 {
		ack = w.next[to]
	}
	dst = be.AppendUint16(dst, src.Port())
	dst = be.AppendUint16(dst, dest.Port())
	dst = be.AppendUint32(dst, w.next[from])
	dst = be.AppendUint32(dst, ack)
	dst = append(dst, byte(tcpSize+len(options))<<2, flags)
	dst = be.AppendUint16(dst, window)
	dst = append(dst, 0, 0, 0, 0) // checksum, urgent pointer
	dst = append(append(dst, options...), payload...)
	be.PutUint16(dst[at+16:], checksum(sum, dst[at:]))
	for len(dst)-begin < ethernetLeast {
		dst = append(dst, 0)
	}
	return dst
}

// appendIPv4 appends an EtherType and the header of a packet with size octets of TCP; sum is that of TCP's pseudo-header.
func appendIPv4(dst []byte, src, dest [4]byte, size int) (_ []byte, sum uint64) {
	dst = append(dst, 0x08, 0x00)
	at := len(dst)
	dst = append(dst, 0x45, 0)
	dst = be.AppendUint16(dst, uint16(ipv4Size+size))
	dst = append(dst, 0, 0, 0x40, 0, hopLimit, protoTCP, 0, 0) // do not fragment
	dst = append(append(dst, src[:]...), dest[:]...)
	be.PutUint16(dst[at+10:], checksum(0, dst[at:]))
	return dst, protoTCP + uint64(size) + sum16(dst[at+12:])
}

func appendIPv6(dst []byte, src, dest [16]byte, size int) (_ []byte, sum uint64) {
	dst = append(dst, 0x86, 0xdd, 0x60, 0, 0, 0)
	dst = be.AppendUint16(dst, uint16(size))
	dst = append(dst, protoTCP, hopLimit)
	at := len(dst)
	dst = append(append(dst, src[:]...), dest[:]...)
	return dst, protoTCP + uint64(size) + sum16(dst[at:])
}

// checksum gives the Internet checksum of b (RFC 1071), begun with the sum of other octets.
func checksum(sum uint64, b []byte) uint16 { return ^uint16(fold(sum + sum16(b))) }
