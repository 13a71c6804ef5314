package captures

import (
	"bytes"
	"io"
	"net/netip"
	"testing"
	"time"

	"facteur/decode"
)

// nowhere is a sink that counts octets.
type nowhere struct{ octets int64 }

func (n *nowhere) Open(Info)                   {}
func (n *nowhere) Chunk(_ int, c decode.Chunk) { n.octets += int64(len(c.Data)) }
func (n *nowhere) Close(int, time.Time)        {}
func (n *nowhere) Secrets([]byte)              {}

// benchCapture is a capture of flows of clear mail in segments of an Ethernet's size: 1448 octets and their acknowledgments.
func benchCapture(ng bool, size, flows int) []byte {
	const payload = 1448
	var out capture
	out.begin(ng, linkEthernet)
	body := bytes.Repeat([]byte("x"), payload)
	wires := make([]wire, flows)
	for i := range wires {
		wires[i].ends = [2]netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(40000+i)), netip.MustParseAddrPort("192.0.2.2:25")}
	}
	send := func(k *wire, from decode.Side, flags uint8, b []byte) {
		frame := appendFrame(nil, k, from, flags, b)
		out.packet(int64(len(out.blocks.buf)), frame, len(frame))
		k.next[from] += uint32(len(b))
		if flags&flagSYN != 0 {
			k.next[from]++
		}
	}
	for i := range wires {
		send(&wires[i], decode.Client, flagSYN, nil)
		send(&wires[i], decode.Server, flagSYN|flagACK, nil)
	}
	for n := 0; len(out.blocks.buf) < size; n++ {
		k := &wires[n%flows]
		send(k, decode.Client, flagACK, body)
		if n%32 < 16 {
			send(k, decode.Server, flagACK, nil)
		}
	}
	return out.blocks.buf
}

func benchmarkRead(b *testing.B, ng bool) {
	data := benchCapture(ng, 64<<20, 16)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Read(bytes.NewReader(data), "bench", &nowhere{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadPcap(b *testing.B)   { benchmarkRead(b, false) }
func BenchmarkReadPcapng(b *testing.B) { benchmarkRead(b, true) }

// BenchmarkReadDisordered reads the same with neighbouring packets exchanged, so that half of them wait.
func BenchmarkReadDisordered(b *testing.B) {
	data := benchCapture(false, 64<<20, 1)
	out := append([]byte(nil), data[:pcapHeader]...)
	var last []byte
	in := data[pcapHeader:]
	for n := 0; len(in) > 0; n++ {
		size := pcapRecord + int(le.Uint32(in[8:]))
		one := in[:size]
		in = in[size:]
		if n%2 == 0 {
			last = one
			continue
		}
		out = append(append(out, one...), last...)
		last = nil
	}
	out = append(out, last...)
	b.SetBytes(int64(len(out)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Read(bytes.NewReader(out), "bench", &nowhere{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{64, 1448, 16 << 10} {
		b.Run(itoa(size), func(b *testing.B) {
			w, err := NewWriter(io.Discard, WriterOptions{})
			if err != nil {
				b.Fatal(err)
			}
			if err := w.Open(Info{Session: 1, Protocol: decode.IMAP, Time: time.Unix(1, 0)}, Meta{}); err != nil {
				b.Fatal(err)
			}
			c := decode.Chunk{Time: time.Unix(1, 0), Data: make([]byte, size)}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Chunk(1, c, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
