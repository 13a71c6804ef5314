package captures

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"facteur/decode"
)

// TestPipe holds that a growing capture is told as it grows.
func TestPipe(t *testing.T) {
	r, w := io.Pipe()
	heard := make(chan string, 100)
	go func() {
		if err := Read(r, "pipe", telling(heard)); err != nil {
			t.Error(err)
		}
		close(heard)
	}()
	b := captureOf(plainTalk)
	want := []string{"", "", "", "220 hi\r\n", "QUIT\r\n", "221 bye\r\n", "", ""}
	w.Write(b[:pcapHeader])
	b = b[pcapHeader:]
	for _, line := range want {
		n := pcapRecord + int(le.Uint32(b[8:]))
		w.Write(b[:n])
		b = b[n:]
		if line == "" {
			continue
		}
		select {
		case got := <-heard:
			if got != line {
				t.Errorf("%q, want %q", got, line)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%q was written and is not told", line)
		}
	}
	w.Close()
	for range heard {
	}
}

type telling chan string

func (t telling) Open(Info)            {}
func (t telling) Close(int, time.Time) {}
func (t telling) Secrets([]byte)       {}
func (t telling) Chunk(_ int, c decode.Chunk) {
	if len(c.Data) > 0 {
		t <- string(c.Data)
	}
}

// endless repeats connections with ever new ports, damaged here and there, up to a length.
type endless struct {
	left, made int
	rest       []byte
}

func (e *endless) Read(b []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.left <= 0 {
			return 0, io.EOF
		}
		var c capture
		if c.ng = false; e.made == 0 {
			c.begin(false, linkEthernet)
		}
		ends := testEnds
		e.made++
		addr := ends[0].Addr().As4()
		addr[1], addr[2], addr[3] = byte(e.made>>16), byte(e.made>>8), byte(e.made)
		ends[0] = ends4(addr, ends[0].Port())
		body := strings.Repeat("x", 1400)
		segs := hello()
		for n := range uint32(200) {
			if n%50 != 7 || e.made%2 == 0 { // half the connections have holes
				segs = append(segs, seg{flags: flagACK, seq: 101 + 1400*n, ack: 501, data: body})
			}
		}
		for i, s := range segs {
			f := frameOf(s, ends)
			c.packet(int64(e.made)*1e6+int64(i), f, len(f))
		}
		e.rest = c.blocks.buf
		e.left -= len(e.rest)
	}
	n := copy(b, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// TestFlatMemory holds that a large capture, holes and unfinished connections included, flows through bounded memory.
func TestFlatMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a quarter of a gigabyte")
	}
	w := &weighing{}
	if err := Read(&endless{left: 256 << 20}, "endless", w); err != nil {
		t.Fatal(err)
	}
	if w.most > maxQueuedTotal*5/4 { // that much may wait; tables and slack are the rest
		t.Errorf("%d MiB live for %d MiB of octets", w.most>>20, w.octets>>20)
	}
	t.Logf("%d MiB live at most for %d MiB", w.most>>20, w.octets>>20)
}

type weighing struct {
	nowhere
	n    int
	most uint64
}

func (w *weighing) Open(Info) {
	if w.n++; w.n%128 == 0 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w.most = max(w.most, m.HeapAlloc)
	}
}

// FuzzRead holds for any octets: no panic, errors of the one type, the rules of Sink kept.
func FuzzRead(f *testing.F) {
	f.Add(captureOf(plainTalk))
	f.Add(captureOf(hello(c(105, 501, "efgh"), s(501, 109, "x"), seg{flags: flagRST, seq: 102}, c(103, 501, "CDEF"))))
	var rec bytes.Buffer
	w, _ := NewWriter(&rec, WriterOptions{ID: "x"})
	w.Open(Info{Session: 1, Protocol: decode.POP3}, Meta{})
	w.Secrets(1, 0, []byte(testKey))
	w.Chunk(1, decode.Chunk{Data: []byte("QUIT"), Lost: 3, Told: &decode.Told{Kind: "session.error"}, End: decode.Finished}, "note")
	w.End()
	f.Add(rec.Bytes())
	ng := &ngWriter{order: binary.BigEndian}
	ng.section("x")
	ng.iface(linkLinux2, func(b []byte) []byte { return ng.option(b, optResolution, []byte{0xff}) })
	ng.block(blockSimple, append(ng.u32(60), make([]byte, 60)...))
	f.Add(ng.b)
	for link := range uint16(300) {
		if knownLink(uint32(link)) {
			var c capture
			c.begin(link%2 == 0, link)
			c.packet(1, frameOf(plainTalk[3], testEnds)[14:], 60)
			f.Add(c.blocks.buf)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newCollector(t)
		err := Reader{Sink: c, TCPEvents: true}.Read(bytes.NewReader(b), "fuzz")
		var fe *FormatError
		if err != nil && !errors.As(err, &fe) {
			t.Fatalf("%v", err)
		}
		c.check()
	})
}
