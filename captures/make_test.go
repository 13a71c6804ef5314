package captures

import (
	"encoding/binary"
	"net/netip"

	"facteur/decode"
)

// capture makes capture files for tests.
type capture struct {
	ng     bool
	blocks blocks
}

func (c *capture) begin(ng bool, link uint16) {
	c.ng = ng
	if ng {
		c.blocks.section("test")
		at := c.blocks.begin(blockInterface)
		c.blocks.buf = le.AppendUint16(c.blocks.buf, link)
		c.blocks.buf = append(c.blocks.buf, 0, 0, 0, 0, 0, 0)
		c.blocks.option(optResolution, []byte{9})
		c.blocks.endOptions()
		c.blocks.end(at)
		return
	}
	c.blocks.buf = pcapStart(le, pcapNano, link)
}

// pcapStart makes a pcap header.
func pcapStart(order binary.AppendByteOrder, magic uint32, link uint16) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	b = order.AppendUint32(b, maxSnaplen)
	return order.AppendUint32(b, uint32(link))
}

const maxSnaplen = 262144

// packet puts a frame behind the others; wire is its length before any cut.
func (c *capture) packet(ns int64, frame []byte, wire int) {
	if c.ng {
		at := c.blocks.begin(blockEnhanced)
		for _, v := range [...]uint32{0, uint32(uint64(ns) >> 32), uint32(ns), uint32(len(frame)), uint32(wire)} {
			c.blocks.buf = le.AppendUint32(c.blocks.buf, v)
		}
		c.blocks.buf = append(c.blocks.buf, frame...)
		c.blocks.pad()
		c.blocks.end(at)
		return
	}
	for _, v := range [...]uint32{uint32(ns / 1e9), uint32(ns % 1e9), uint32(len(frame)), uint32(wire)} {
		c.blocks.buf = le.AppendUint32(c.blocks.buf, v)
	}
	c.blocks.buf = append(c.blocks.buf, frame...)
}

// seg is a segment for tests, from the client (false) or the server.
type seg struct {
	server   bool
	flags    uint8
	seq, ack uint32
	data     string
	at       int64 // nanoseconds
	cut      int   // octets left out by the capture
}

// testEnds are the ends of a test's connection: a high port and SMTP's.
var testEnds = [2]netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:40000"), netip.MustParseAddrPort("192.0.2.2:25")}

// frameOf makes the Ethernet frame of a segment.
func frameOf(s seg, ends [2]netip.AddrPort) []byte {
	k := &wire{ends: ends}
	side := decode.Client
	if s.server {
		side = decode.Server
	}
	k.next[side], k.next[side.Other()] = s.seq, s.ack
	return appendFrame(nil, k, side, s.flags, []byte(s.data))
}

// captureOf makes a pcap of segments.
func captureOf(segs []seg) []byte {
	var c capture
	c.begin(false, linkEthernet)
	for _, s := range segs {
		b := frameOf(s, testEnds)
		c.packet(s.at, b[:len(b)-s.cut], len(b))
	}
	return c.blocks.buf
}

func ends4(a [4]byte, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4(a), port)
}

func addrPortOf(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
