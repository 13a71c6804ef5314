package captures

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"

	"facteur/decode"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// The headers are written by hand, because they are written for every chunk of every session. They are what gopacket
// makes of the same packet, to the octet.
func TestFramesAreGopackets(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, pair := range [][2]string{
		{"192.0.2.1:40000", "203.0.113.9:25"}, {"[2001:db8::1]:40000", "[2001:db8:ffff::ff]:993"}, {"255.255.255.255:65535", "0.0.0.0:0"},
	} {
		w := &wire{iface: 1, ends: [2]netip.AddrPort{netip.MustParseAddrPort(pair[0]), netip.MustParseAddrPort(pair[1])}}
		for n := range 200 {
			payload := make([]byte, n)
			if n == 199 {
				payload = make([]byte, segmentSize)
			}
			for i := range payload {
				payload[i] = byte(rng.Uint32() | uint32(n&1)*0xff)
			}
			w.next = [2]uint32{rng.Uint32(), rng.Uint32()}
			for _, flags := range []uint8{flagSYN, flagSYN | flagACK, flagACK, flagACK | flagPSH, flagFIN | flagACK, flagRST | flagACK} {
				from := decode.Side(n & 1)
				got := appendFrame([]byte("before"), w, from, flags, payload)[len("before"):]
				if want := gopacketFrame(t, w, from, flags, payload); !bytes.Equal(got, want) {
					t.Fatalf("%v, %d octets, flags %#x:\ngot  %x\nwant %x", pair, len(payload), flags, got, want)
				}
			}
		}
	}
}

func gopacketFrame(t *testing.T, w *wire, from decode.Side, flags uint8, payload []byte) []byte {
	t.Helper()
	mac := func(side decode.Side) net.HardwareAddr {
		return net.HardwareAddr{2, 0, 0, 0, byte(w.iface) + 1, byte(side) + 1}
	}
	src, dst := w.ends[from], w.ends[from.Other()]
	eth := layers.Ethernet{SrcMAC: mac(from), DstMAC: mac(from.Other()), EthernetType: layers.EthernetTypeIPv4}
	tcp := layers.TCP{SrcPort: layers.TCPPort(src.Port()), DstPort: layers.TCPPort(dst.Port()), Seq: w.next[from], Window: window,
		SYN: flags&flagSYN != 0, ACK: flags&flagACK != 0, FIN: flags&flagFIN != 0, RST: flags&flagRST != 0, PSH: flags&flagPSH != 0}
	if tcp.ACK {
		tcp.Ack = w.next[from.Other()]
	}
	if tcp.SYN {
		tcp.Options = []layers.TCPOption{
			{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{segmentSize >> 8, segmentSize & 255}},
			{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{windowScale}},
		}
	}
	var ip interface {
		gopacket.SerializableLayer
		gopacket.NetworkLayer
	} = &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, Flags: layers.IPv4DontFragment,
		SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
	if src.Addr().Is6() {
		eth.EthernetType = layers.EthernetTypeIPv6
		ip = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
	}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, &eth, ip, &tcp, gopacket.Payload(payload)); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
