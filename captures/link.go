package captures

import "encoding/binary"

// Link types (draft-ietf-opsawg-pcaplinktype) that carry IP and that are read here; that of exotic.go goes to gopacket.
const (
	linkNull       = 0
	linkEthernet   = 1
	linkPPP        = 9
	linkRaw12      = 12 // DLT_RAW of most systems
	linkRaw14      = 14 // DLT_RAW of OpenBSD
	linkPPPHDLC    = 50
	linkRaw        = 101
	linkCiscoHDLC  = 104
	linkWiFi       = 105
	linkLoop       = 108
	linkLinux      = 113
	linkPFLog      = 117
	linkRadiotap   = 127
	linkIPv4       = 228
	linkIPv6       = 229
	linkLinux2     = 276
	linkPPPoE      = 51
	linkWiFiPrism  = 119
	maxLinkHeaders = 16 // VLAN tags, MPLS labels and the like around one packet; real ones have four at most
)

// EtherTypes (IEEE 802) that lead to IP.
const (
	etherIPv4     = 0x0800
	etherIPv6     = 0x86dd
	etherVLAN     = 0x8100
	etherQinQ     = 0x88a8
	etherQinQOld  = 0x9100
	etherMPLS     = 0x8847
	etherMPLSMany = 0x8848
	etherPPPoE    = 0x8864
	etherBackbone = 0x88e7 // IEEE 802.1ah: a service tag and a whole frame
	etherBridged  = 0x6558 // Ethernet in GRE, VXLAN or Geneve
)

// knownLink says whether packets of a link type can be read.
func knownLink(link uint32) bool {
	switch link {
	case linkNull, linkEthernet, linkPPP, linkRaw12, linkRaw14, linkPPPHDLC, linkRaw, linkCiscoHDLC, linkLoop, linkLinux,
		linkIPv4, linkIPv6, linkLinux2, linkPPPoE, linkWiFi, linkRadiotap, linkWiFiPrism, linkPFLog:
		return true
	}
	return false
}

// link takes the link layer off a packet and hands the rest to IP.
func (d *dissector) link(pk *packet) {
	b := pk.data
	switch pk.link {
	case linkEthernet:
		d.ethernet(b, pk.cut)
	case linkRaw12, linkRaw14, linkRaw, linkIPv4, linkIPv6:
		d.ip(b, pk.cut, 0)
	case linkLinux:
		if len(b) >= 16 {
			d.etherType(binary.BigEndian.Uint16(b[14:]), b[16:], pk.cut, 0)
		}
	case linkLinux2:
		if len(b) >= 20 {
			d.etherType(binary.BigEndian.Uint16(b), b[20:], pk.cut, 0)
		}
	case linkNull, linkLoop:
		// The address family is in the byte order of whoever captured, and differs between systems; the version in the
		// IP header says the same and cannot be misread.
		if len(b) >= 4 {
			d.ip(b[4:], pk.cut, 0)
		}
	case linkPPP, linkPPPHDLC:
		d.ppp(b, pk.cut, 0)
	case linkPPPoE:
		d.pppoe(b, pk.cut, 0)
	case linkCiscoHDLC:
		if len(b) >= 4 {
			d.etherType(binary.BigEndian.Uint16(b[2:]), b[4:], pk.cut, 0)
		}
	case linkPFLog:
		d.exotic(pk)
	default:
		d.radio(pk)
	}
}

func (d *dissector) ethernet(b []byte, cut int) {
	if len(b) >= 14 {
		d.etherType(binary.BigEndian.Uint16(b[12:]), b[14:], cut, 0)
	}
}

// etherType follows an EtherType through tags and labels to IP. depth counts the headers so far.
func (d *dissector) etherType(t uint16, b []byte, cut, depth int) {
	for ; depth < maxLinkHeaders; depth++ {
		switch t {
		case etherIPv4, etherIPv6:
			d.ip(b, cut, depth)
			return
		case etherVLAN, etherQinQ, etherQinQOld:
			if len(b) < 4 {
				return
			}
			t, b = binary.BigEndian.Uint16(b[2:]), b[4:]
		case etherMPLS, etherMPLSMany:
			d.mpls(b, cut, depth)
			return
		case etherPPPoE:
			d.pppoe(b, cut, depth)
			return
		case etherBackbone:
			if len(b) < 18 {
				return
			}
			t, b = binary.BigEndian.Uint16(b[16:]), b[18:]
		case etherBridged:
			if len(b) < 14 {
				return
			}
			t, b = binary.BigEndian.Uint16(b[12:]), b[14:]
		default:
			if t > 1500 { // IEEE 802.3: up to 1500 it is a length, and LLC follows
				return
			}
			const snap, ip = "\xaa\xaa\x03\x00\x00\x00", "\x06\x06\x03"
			if len(b) > 3 && string(b[:3]) == ip {
				d.ip(b[3:], cut, depth)
				return
			}
			if len(b) < 8 || string(b[:6]) != snap {
				return
			}
			t, b = binary.BigEndian.Uint16(b[6:]), b[8:]
		}
	}
}

// mpls takes labels off down to the bottom of the stack (RFC 3032). What follows is not named: IP is known by its
// version, an Ethernet pseudowire by its control word of zeros (RFC 4385).
func (d *dissector) mpls(b []byte, cut, depth int) {
	for range maxLinkHeaders {
		if len(b) < 5 {
			return
		}
		bottom := b[2]&1 == 1
		b = b[4:]
		if !bottom {
			continue
		}
		switch v := b[0] >> 4; {
		case v == 4 || v == 6:
			d.ip(b, cut, depth+1)
		case v == 0 && len(b) >= 4+14:
			d.etherType(binary.BigEndian.Uint16(b[4+12:]), b[4+14:], cut, depth+1)
		}
		return
	}
}

// pppoe takes a PPPoE session header off (RFC 2516).
func (d *dissector) pppoe(b []byte, cut, depth int) {
	if len(b) >= 6 && b[1] == 0 { // code 0: session data
		d.ppp(b[6:], cut, depth+1)
	}
}

// ppp reads a PPP frame, with or without address and control, its protocol in one octet or two (RFC 1661 §2, §6.5).
func (d *dissector) ppp(b []byte, cut, depth int) {
	if len(b) >= 2 && b[0] == 0xff && b[1] == 3 {
		b = b[2:]
	}
	const ipv4, ipv6, mpls = 0x21, 0x57, 0x281
	switch {
	case len(b) >= 1 && (b[0] == ipv4 || b[0] == ipv6):
		d.ip(b[1:], cut, depth)
	case len(b) >= 2 && b[0] == 0 && (b[1] == ipv4 || b[1] == ipv6):
		d.ip(b[2:], cut, depth)
	case len(b) >= 2 && binary.BigEndian.Uint16(b) == mpls:
		d.mpls(b[2:], cut, depth)
	}
}
