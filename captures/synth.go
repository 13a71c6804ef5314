package captures

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"facteur/decode"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

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

// frames serialises packets. One at a time; its buffer is used again.
type frames struct {
	buf gopacket.SerializeBuffer
	eth layers.Ethernet
	ip4 layers.IPv4
	ip6 layers.IPv6
	tcp layers.TCP
}

// Locally administered addresses: side and leg are in the last octets.
func mac(iface uint32, side decode.Side) net.HardwareAddr {
	return net.HardwareAddr{2, 0, 0, 0, byte(iface) + 1, byte(side) + 1}
}

// frame makes the Ethernet frame of a segment. It is valid until the next call.
func (f *frames) frame(w *wire, from decode.Side, flags uint8, payload []byte) ([]byte, error) {
	if f.buf == nil {
		f.buf = gopacket.NewSerializeBufferExpectedSize(128, segmentSize)
	}
	src, dst := w.ends[from], w.ends[from.Other()]
	f.eth = layers.Ethernet{SrcMAC: mac(w.iface, from), DstMAC: mac(w.iface, from.Other()), EthernetType: layers.EthernetTypeIPv4}
	f.tcp = layers.TCP{
		SrcPort: layers.TCPPort(src.Port()), DstPort: layers.TCPPort(dst.Port()),
		Seq: w.next[from], Ack: w.next[from.Other()], Window: window,
		SYN: flags&flagSYN != 0, ACK: flags&flagACK != 0, FIN: flags&flagFIN != 0, RST: flags&flagRST != 0, PSH: flags&flagPSH != 0,
	}
	if !f.tcp.ACK {
		f.tcp.Ack = 0
	}
	if f.tcp.SYN {
		f.tcp.Options = []layers.TCPOption{
			{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{segmentSize >> 8, segmentSize & 255}},
			{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{windowScale}},
		}
	}
	var ip gopacket.SerializableLayer
	if src.Addr().Is4() {
		f.ip4 = layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, Flags: layers.IPv4DontFragment,
			SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
		f.tcp.SetNetworkLayerForChecksum(&f.ip4)
		ip = &f.ip4
	} else {
		f.eth.EthernetType = layers.EthernetTypeIPv6
		f.ip6 = layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP,
			SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
		f.tcp.SetNetworkLayerForChecksum(&f.ip6)
		ip = &f.ip6
	}
	o := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(f.buf, o, &f.eth, ip, &f.tcp, gopacket.Payload(payload)); err != nil {
		return nil, fmt.Errorf("packet %v → %v: %w", src, dst, err)
	}
	return f.buf.Bytes(), nil
}
