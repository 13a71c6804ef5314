package captures

import "encoding/binary"

// IP protocol numbers (IANA) that carry TCP or lead to it.
const (
	protoHopByHop = 0
	protoIPv4     = 4
	protoTCP      = 6
	protoUDP      = 17
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoGRE      = 47
	protoAH       = 51
	protoDstOpts  = 60
	protoMobility = 135
	protoHIP      = 139
	protoShim6    = 140
)

// UDP ports of tunnels.
const (
	portGTP        = 2152 // 3GPP TS 29.281: what a phone sends, between the parts of its network
	portVXLAN      = 4789 // RFC 7348
	portVXLANLinux = 8472 // Linux before it was registered
	portGeneve     = 6081 // RFC 8926
)

const (
	maxExtensions = 16 // IPv6 extension headers; RFC 8200 §4.1 knows eight positions
	maxIP         = 65535
	tcpHeader     = 20
)

// The flags of a TCP header (RFC 9293 §3.1) that matter here.
const (
	flagFIN = 1
	flagSYN = 2
	flagRST = 4
	flagPSH = 8
	flagACK = 16
)

// segment is one TCP segment. Addresses are in 16 octets, IPv4 as ::ffff:a.b.c.d.
type segment struct {
	time         int64
	src, dst     [16]byte
	sport, dport uint16
	seq, ack     uint32
	flags        uint8
	data         []byte // valid during the call
	raw          []byte // header and data, for the checksum; valid during the call
	cut          int    // octets behind data that the capture left out
	comments     []string
}

// dissector finds the TCP segment in a packet. One at a time: its fields are the packet in hand.
type dissector struct {
	seg       segment
	deliver   func(*segment)
	fragments fragments
}

// packet hands the packet's TCP segment, if it has one, to deliver.
func (d *dissector) packet(pk *packet) {
	d.seg.time, d.seg.comments = pk.time, pk.comments
	d.link(pk)
}

// ip reads an IP header of either version.
func (d *dissector) ip(b []byte, cut, depth int) {
	if len(b) < 1 || depth > maxLinkHeaders {
		return
	}
	switch b[0] >> 4 {
	case 4:
		d.ipv4(b, cut, depth)
	case 6:
		d.ipv6(b, cut, depth)
	}
}

// trim cuts b to the length its IP header gives: what is behind is link padding, what is missing was cut off by the
// capture. A length of 0 stands in packets that the card was to segment (TSO, BIG TCP): the packet is its own length.
func trim(b []byte, cut, length int) ([]byte, int) {
	switch wire := len(b) + cut; {
	case length == 0 || length == wire:
		return b, cut
	case length <= len(b):
		return b[:length], 0
	case length < wire:
		return b, length - len(b)
	default: // longer than it was on the wire: the header lies, and what is missing is nobody's loss
		return b, 0
	}
}

func (d *dissector) ipv4(b []byte, cut, depth int) {
	if len(b) < 20 {
		return
	}
	head := int(b[0]&15) * 4
	length := int(binary.BigEndian.Uint16(b[2:]))
	if head < 20 || head > len(b) || length != 0 && length < head {
		return
	}
	b, cut = trim(b, cut, length)
	if head > len(b) {
		return
	}
	s := &d.seg
	s.src, s.dst = mapped(b[12:16]), mapped(b[16:20])
	proto, body := b[9], b[head:]
	const moreFragments, offsetMask = 0x2000, 0x1fff
	if f := binary.BigEndian.Uint16(b[6:]); f&(moreFragments|offsetMask) != 0 {
		k := fragmentKey{src: s.src, dst: s.dst, id: uint32(binary.BigEndian.Uint16(b[4:])), proto: proto}
		whole := d.fragments.add(k, s.time, int(f&offsetMask)*8, f&moreFragments != 0, body, cut)
		if whole == nil {
			return
		}
		body, cut = whole, 0
	}
	d.transport(proto, body, cut, depth)
}

func mapped(v4 []byte) (a [16]byte) {
	a[10], a[11] = 0xff, 0xff
	copy(a[12:], v4)
	return a
}

func (d *dissector) ipv6(b []byte, cut, depth int) {
	if len(b) < 40 {
		return
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length != 0 {
		length += 40
	}
	b, cut = trim(b, cut, length)
	s := &d.seg
	s.src, s.dst = [16]byte(b[8:24]), [16]byte(b[24:40])
	proto, body := b[6], b[40:]
	for range maxExtensions {
		var skip int
		switch proto {
		case protoHopByHop, protoRouting, protoDstOpts, protoMobility, protoHIP, protoShim6:
			if len(body) < 8 {
				return
			}
			skip = (int(body[1]) + 1) * 8
		case protoFragment:
			whole, next := d.fragment6(body, cut)
			if whole == nil {
				return
			}
			proto, body, cut = next, whole, 0
			continue
		default:
			d.transport(proto, body, cut, depth)
			return
		}
		if skip > len(body) {
			return
		}
		proto, body = body[0], body[skip:]
	}
}

// fragment6 reads an IPv6 fragment header (RFC 8200 §4.5) and gives the whole payload once it is there.
func (d *dissector) fragment6(b []byte, cut int) (whole []byte, next byte) {
	if len(b) < 8 {
		return nil, 0
	}
	f := binary.BigEndian.Uint16(b[2:])
	next = b[0]
	if f&^6 == 0 { // offset 0 and no more: an atomic fragment (RFC 6946)
		if cut > 0 {
			return nil, 0
		}
		return b[8:], next
	}
	k := fragmentKey{src: d.seg.src, dst: d.seg.dst, id: binary.BigEndian.Uint32(b[4:]), proto: next}
	return d.fragments.add(k, d.seg.time, int(f&^7), f&1 == 1, b[8:], cut), next
}

// transport hands on what an IP packet carries: TCP, or a tunnel with another packet inside.
func (d *dissector) transport(proto byte, b []byte, cut, depth int) {
	switch proto {
	case protoTCP:
		d.tcp(b, cut)
	case protoIPv4, protoIPv6:
		d.ip(b, cut, depth+1)
	case protoGRE:
		d.gre(b, cut, depth+1)
	case protoUDP:
		d.udp(b, cut, depth+1)
	case protoAH: // RFC 4302: length in 32-bit words, less 2
		if len(b) >= 12 {
			if n := (int(b[1]) + 2) * 4; n <= len(b) && depth < maxLinkHeaders {
				d.transport(b[0], b[n:], cut, depth+1)
			}
		}
	}
}

// gre reads a GRE header (RFC 2784, key and sequence of RFC 2890, PPTP's of RFC 2637).
func (d *dissector) gre(b []byte, cut, depth int) {
	if len(b) < 4 {
		return
	}
	flags, t := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	const checksum, key, sequence, ack = 0x8000, 0x2000, 0x1000, 0x0080
	n := 4
	for _, f := range []uint16{checksum, key, sequence} {
		if flags&f != 0 {
			n += 4
		}
	}
	const pptp, ppp, eoip = 1, 0x880b, 0x6400 // the last is MikroTik's Ethernet over IP
	if flags&7 == pptp && flags&ack != 0 {
		n += 4
	}
	if n > len(b) {
		return
	}
	switch t {
	case ppp:
		d.ppp(b[n:], cut, depth)
		return
	case eoip:
		t = etherBridged
	}
	d.etherType(t, b[n:], cut, depth)
}

// udp looks into UDP for tunnels.
func (d *dissector) udp(b []byte, cut, depth int) {
	if len(b) < 16 || depth > maxLinkHeaders {
		return
	}
	b, port := b[8:], binary.BigEndian.Uint16(b[2:])
	switch port {
	case portVXLAN, portVXLANLinux:
		if b[0]&8 != 0 { // a network identifier is there
			d.etherType(etherBridged, b[8:], cut, depth)
		}
	case portGTP:
		d.gtp(b, cut, depth)
	case portGeneve:
		if n := 8 + int(b[0]&63)*4; n <= len(b) {
			d.etherType(binary.BigEndian.Uint16(b[2:]), b[n:], cut, depth)
		}
	}
}

// gtp reads a GTP-U header of version 1 with its extension headers (3GPP TS 29.281 §5).
func (d *dissector) gtp(b []byte, cut, depth int) {
	const message = 255 // G-PDU: an IP packet
	if b[0]>>4 != 3 || b[1] != message {
		return
	}
	n := 8
	if b[0]&7 != 0 { // sequence number, N-PDU number or next extension: then all three are there
		n += 4
		for next := 11; b[0]&4 != 0 && next < len(b) && b[next] != 0 && n < len(b); {
			size := int(b[n]) * 4
			if size == 0 {
				return
			}
			n += size
			next = n - 1
		}
	}
	if n < len(b) {
		d.ip(b[n:], cut, depth)
	}
}

// tcp reads a TCP header and delivers the segment.
func (d *dissector) tcp(b []byte, cut int) {
	if len(b) < tcpHeader {
		return
	}
	head := int(b[12]>>4) * 4
	if head < tcpHeader {
		return
	}
	s := &d.seg
	s.sport, s.dport = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	s.seq, s.ack = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	s.flags, s.raw = b[13], b
	if head > len(b) { // cut inside the options
		if cut < head-len(b) {
			return
		}
		s.data, s.cut = nil, cut-(head-len(b))
	} else {
		s.data, s.cut = b[head:], cut
	}
	d.deliver(s)
}
