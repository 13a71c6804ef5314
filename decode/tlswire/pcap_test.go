package tlswire

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"sort"
	"testing"
)

// segment is one piece of a TCP stream in the order of the capture.
type segment struct {
	from Side
	data []byte
}

// flow is one TCP connection of a capture: enough of a reader for healthy captures.
type flow struct {
	segments []segment
	next     [2]uint32
	started  [2]bool
	early    [2]map[uint32][]byte
	client   string
	stream   int
}

func (f *flow) add(side Side, seq uint32, syn bool, data []byte) {
	if syn {
		f.next[side], f.started[side] = seq+1, true
		return
	}
	if len(data) == 0 {
		return
	}
	if !f.started[side] {
		f.next[side], f.started[side] = seq, true
	}
	if f.early[side] == nil {
		f.early[side] = map[uint32][]byte{}
	}
	f.early[side][seq] = data
	for again := true; again; {
		again = false
		var seqs []uint32
		for s := range f.early[side] {
			seqs = append(seqs, s)
		}
		sort.Slice(seqs, func(i, j int) bool { return int32(seqs[i]-seqs[j]) < 0 })
		for _, s := range seqs {
			d := f.early[side][s]
			off := int32(f.next[side] - s)
			if off < 0 {
				break
			}
			delete(f.early[side], s)
			if int(off) < len(d) {
				f.segments = append(f.segments, segment{side, d[off:]})
				f.next[side] += uint32(len(d) - int(off))
				again = true
			}
		}
	}
}

// readFlows reads the TCP connections of a pcap or pcapng file, in order of their first packet.
func readFlows(t testing.TB, path string, k *KeyLog) []*flow {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		b, _ = io.ReadAll(z)
	}
	r := flowReader{byKey: map[string]*flow{}}
	if len(b) >= 24 && binary.BigEndian.Uint32(b) == 0x0a0d0d0a {
		r.pcapng(b)
	} else if len(b) >= 24 {
		r.pcap(b)
	}
	k.Add(r.secrets)
	return r.flows
}

type flowReader struct {
	flows   []*flow
	byKey   map[string]*flow
	secrets []byte
}

func (r *flowReader) pcap(b []byte) {
	var o binary.ByteOrder = binary.LittleEndian
	if b[0] == 0xa1 {
		o = binary.BigEndian
	}
	link := o.Uint32(b[20:])
	for b = b[24:]; len(b) >= 16; {
		n := int(o.Uint32(b[8:]))
		if len(b) < 16+n {
			return
		}
		r.packet(link, b[16:16+n])
		b = b[16+n:]
	}
}

func (r *flowReader) pcapng(b []byte) {
	var o binary.ByteOrder = binary.LittleEndian
	var links []uint32
	for len(b) >= 12 {
		if binary.BigEndian.Uint32(b) == 0x0a0d0d0a {
			links = nil
			o = binary.LittleEndian
			if b[8] == 0x1a {
				o = binary.BigEndian
			}
		}
		typ, n := o.Uint32(b), int(o.Uint32(b[4:]))
		if n < 12 || n > len(b) {
			return
		}
		switch typ {
		case 1:
			links = append(links, uint32(o.Uint16(b[8:])))
		case 6:
			if i := int(o.Uint32(b[8:])); i < len(links) {
				r.packet(links[i], b[28:28+int(o.Uint32(b[20:]))])
			}
		case 10: // Decryption Secrets Block
			r.secrets = append(r.secrets, b[16:min(16+int(o.Uint32(b[12:])), n)]...)
			r.secrets = append(r.secrets, '\n')
		case 3:
			r.packet(links[0], b[12:12+min(int(o.Uint32(b[8:])), n-16)])
		}
		b = b[n:]
	}
}

func (r *flowReader) packet(link uint32, p []byte) {
	switch link {
	case 1:
		if len(p) < 14 {
			return
		}
		typ := binary.BigEndian.Uint16(p[12:])
		p = p[14:]
		for typ == 0x8100 && len(p) >= 4 {
			typ = binary.BigEndian.Uint16(p[2:])
			p = p[4:]
		}
	case 113:
		p = p[min(16, len(p)):]
	case 276:
		p = p[min(20, len(p)):]
	case 0, 108:
		p = p[min(4, len(p)):]
	}
	if len(p) < 20 {
		return
	}
	var src, dst string
	switch p[0] >> 4 {
	case 4:
		n := int(p[0]&15) * 4
		total := int(binary.BigEndian.Uint16(p[2:]))
		if p[9] != 6 || len(p) < n+20 || binary.BigEndian.Uint16(p[6:])&0x3fff != 0 {
			return
		}
		if total >= n && total <= len(p) {
			p = p[:total]
		}
		src, dst, p = string(p[12:16]), string(p[16:20]), p[n:]
	case 6:
		if len(p) < 60 {
			return
		}
		total := 40 + int(binary.BigEndian.Uint16(p[4:]))
		p = p[:min(len(p), total)]
		next := p[6]
		src, dst, p = string(p[8:24]), string(p[24:40]), p[40:]
		for (next == 0 || next == 43 || next == 60) && len(p) >= 8 {
			n := 8 * (int(p[1]) + 1)
			next, p = p[0], p[min(n, len(p)):]
		}
		if next != 6 {
			return
		}
	default:
		return
	}
	if len(p) < 20 || int(p[12]>>4)*4 > len(p) {
		return
	}
	src, dst = src+string(p[0:2]), dst+string(p[2:4])
	r.segment(src, dst, binary.BigEndian.Uint32(p[4:]), p[13], p[int(p[12]>>4)*4:])
}

func (r *flowReader) segment(src, dst string, seq uint32, flags byte, data []byte) {
	key := src + dst
	if dst < src {
		key = dst + src
	}
	f := r.byKey[key]
	if f == nil || flags&0x12 == 2 && f.started[1] && f.next[0] != seq+1 {
		client := src
		if flags&0x12 == 0x12 || flags&2 == 0 && binary.BigEndian.Uint16([]byte(src[len(src)-2:])) < 1024 {
			client = dst
		}
		f = &flow{client: client, stream: len(r.flows)}
		r.flows = append(r.flows, f)
		r.byKey[key] = f
	}
	side := Client
	if src != f.client {
		side = Server
	}
	f.add(side, seq, flags&2 != 0, data)
}
