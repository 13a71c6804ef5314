package captures

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"facteur/decode"

	"github.com/google/go-cmp/cmp"
)

// plainTalk is a conversation for the tests of containers.
var plainTalk = hello(s(501, 101, "220 hi\r\n"), c(101, 509, "QUIT\r\n"), s(509, 107, "221 bye\r\n"), c(107, 518, "").with(flagFIN), s(518, 108, "").with(flagFIN))

const plainStory = "1 open 40000→25 smtp|1 s 220 hi\r\n|1 c QUIT\r\n|1 s 221 bye\r\n|1 c fin|1 s fin|1 close"

func read(t *testing.T, b []byte) []string {
	t.Helper()
	var got story
	if err := Read(bytes.NewReader(b), "test", &got); err != nil {
		t.Fatal(err)
	}
	return got.lines
}

func wantStory(t *testing.T, b []byte, want string) {
	t.Helper()
	if d := cmp.Diff(strings.Split(want, "|"), read(t, b)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestPcapKinds holds that every kind of classic pcap is read: byte orders, units, the modified header, exchanged lengths.
func TestPcapKinds(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, magic := range []uint32{pcapMicro, pcapNano, pcapModified} {
			b := pcapStart(order, magic, linkEthernet)
			for _, s := range plainTalk {
				f := frameOf(s, testEnds)
				for _, v := range []uint32{7, 8, uint32(len(f)), uint32(len(f))} {
					b = order.AppendUint32(b, v)
				}
				if magic == pcapModified {
					b = append(b, 1, 2, 3, 4, 5, 6, 7, 8)
				}
				b = append(b, f...)
			}
			wantStory(t, b, plainStory)
			var z bytes.Buffer
			w := gzip.NewWriter(&z)
			w.Write(b)
			w.Close()
			wantStory(t, z.Bytes(), plainStory)
			var at times
			if err := Read(bytes.NewReader(b), "test", &at); err != nil {
				t.Fatal(err)
			}
			want := time.Unix(7, 8000)
			if magic == pcapNano {
				want = time.Unix(7, 8)
			}
			if !at.first.Equal(want) {
				t.Errorf("%x: %v, want %v", magic, at.first, want)
			}
		}
	}
}

// times keeps the time of the first session.
type times struct {
	nowhere
	first time.Time
}

func (k *times) Open(i Info) { k.first = i.Time }

// ngWriter makes pcapng in either byte order, with all that the writer of the package never writes.
type ngWriter struct {
	order binary.AppendByteOrder
	b     []byte
}

func (w *ngWriter) block(kind uint32, body []byte) {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	w.b = w.order.AppendUint32(w.b, kind)
	w.b = w.order.AppendUint32(w.b, uint32(len(body)+12))
	w.b = append(w.b, body...)
	w.b = w.order.AppendUint32(w.b, uint32(len(body)+12))
}

func (w *ngWriter) option(body []byte, code uint16, v []byte) []byte {
	body = w.order.AppendUint16(body, code)
	body = w.order.AppendUint16(body, uint16(len(v)))
	body = append(body, v...)
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	return body
}

func (w *ngWriter) u32(v ...uint32) (b []byte) {
	for _, x := range v {
		b = w.order.AppendUint32(b, x)
	}
	return b
}

func (w *ngWriter) section(options ...string) {
	b := w.u32(byteOrderMagic)
	b = w.order.AppendUint16(b, 1)
	b = w.order.AppendUint16(b, 0)
	b = append(b, bytes.Repeat([]byte{255}, 8)...)
	for _, o := range options {
		b = w.option(b, optComment, []byte(o))
	}
	w.block(blockSection, b)
}

func (w *ngWriter) iface(link uint16, options func(b []byte) []byte) {
	b := w.order.AppendUint16(nil, link)
	b = append(b, 0, 0)
	b = append(b, w.u32(0)...)
	if options != nil {
		b = options(b)
	}
	w.block(blockInterface, b)
}

const testKey = "CLIENT_RANDOM 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f " +
	"000102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"

// TestPcapngKinds holds that everything a pcapng file may be made of is read or passed over.
func TestPcapngKinds(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		w := &ngWriter{order: order}
		w.section("a comment")
		w.block(4, []byte("names"))
		w.block(0x0bad, []byte("somebody's own"))
		w.iface(linkEthernet, nil)
		for i, s := range plainTalk {
			f := frameOf(s, testEnds)
			n := uint32(len(f))
			switch i % 3 {
			case 0:
				w.block(blockSimple, append(w.u32(n), f...))
			case 1:
				b := order.AppendUint16(nil, 0)
				b = order.AppendUint16(b, 0xffff)
				w.block(blockOldPacket, append(append(b, w.u32(0, 5, n, n)...), f...))
			default: // a second section, its order turned around, in the middle of the connection
				other := binary.AppendByteOrder(binary.LittleEndian)
				if order == other {
					other = binary.BigEndian
				}
				w2 := &ngWriter{order: other}
				w2.section()
				w2.iface(linkLoop, nil)
				w2.iface(linkEthernet, nil)
				w2.block(blockEnhanced, append(w2.u32(1, 0, 5, n, n), f...))
				w.b = append(w.b, w2.b...)
				w.section()
				w.iface(linkEthernet, nil)
			}
			w.block(5, []byte("statistics!!"))
		}
		wantStory(t, w.b, plainStory)
	}
}

// TestSecrets holds that keys are found wherever they stand, and before the sessions when a file can be read twice.
func TestSecrets(t *testing.T) {
	w := &ngWriter{order: binary.BigEndian}
	w.section("notes\n"+testKey+"\nmore", "nothing here")
	w.iface(linkEthernet, nil)
	f := frameOf(plainTalk[0], testEnds)
	for len(f)%4 != 0 {
		f = append(f, 0)
	}
	b := append(w.u32(0, 0, 0, uint32(len(f)), uint32(len(f))), f...)
	w.block(blockEnhanced, w.option(b, optComment, []byte(testKey)))
	w.block(blockSecrets, append(w.u32(secretsTLS, uint32(len(testKey))), testKey...))
	w.block(blockSecrets, append(w.u32(0x5353484b, 4), "ssh!"...))
	key := "secrets " + testKey
	inOrder := strings.Join([]string{key, key, "1 open 40000→25 smtp", key, "1 close"}, "|")
	wantStory(t, w.b, inOrder)

	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, w.b, 0o600); err != nil {
		t.Fatal(err)
	}
	var got story
	if err := ReadFile(path, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{key, key, key, "1 open 40000→25 smtp", "1 close"}, got.lines); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	for _, no := range []string{"CLIENT_RANDOM 00 11", "client_random" + testKey[13:], testKey[:len(testKey)-1] + "g", testKey + " more"} {
		if k := keyLogLines([]byte(no)); k != nil {
			t.Errorf("%q was taken for a key", no)
		}
	}
}

// TestResolutions holds the arithmetic of if_tsresol and if_tsoffset, hostile values included.
func TestResolutions(t *testing.T) {
	for _, k := range []struct {
		ticks      uint64
		resolution uint8
		offset     int64
		want       int64
	}{
		{1_700_000_000_123456, 6, 0, 1_700_000_000_123456000},
		{1_700_000_000_123456789, 9, 0, 1_700_000_000_123456789},
		{1_700_000_000, 0, 0, 1_700_000_000e9},
		{17, 0, -20, -3e9},
		{1<<32 | 1<<31, 0x80 | 32, 0, 1_500_000_000},
		{3, 0x80, 1, 4e9},
		{1<<63 | 1, 0x80 | 63, 0, 1e9},
		{1 << 63, 0x80 | 64, 0, 500_000_000},
		{1<<64 - 1, 0xff, 0, 0},
		{12_345_678_901_234, 12, 0, 12_345_678_901},
		{1<<64 - 1, 19, 0, 1_844_674_407},
		{1<<64 - 1, 20, 0, 184_467_440},
		{1<<64 - 1, 127, 0, 0},
		{1<<64 - 1, 0, 0, 1<<63 - 1},
		{1<<64 - 1, 0, 1<<63 - 1, 1<<63 - 1},
		{0, 9, -1 << 63, -1 << 63},
	} {
		if got := ticks(k.ticks, k.resolution, k.offset); got != k.want {
			t.Errorf("ticks(%d, %#x, %d) = %d, want %d", k.ticks, k.resolution, k.offset, got, k.want)
		}
	}
	for r := range 256 { // none may panic
		if got := ticks(1<<64-1, uint8(r), 1<<63-1); got != 1<<63-1 {
			t.Errorf("resolution %#x: %d, want the latest time", r, got)
		}
	}
}

// TestFaults holds that each broken file has a sentence that says what, and where.
func TestFaults(t *testing.T) {
	pcap := captureOf(plainTalk)
	ng := func(f func(w *ngWriter)) []byte {
		w := &ngWriter{order: binary.LittleEndian}
		w.section()
		w.iface(linkEthernet, nil)
		f(w)
		return w.b
	}
	for _, k := range []struct {
		name, what string
		offset     int64
		data       []byte
	}{
		{"empty", "the file is empty", 0, nil},
		{"three octets", "first four octets", 3, []byte{0xd4, 0xc3, 0xb2}},
		{"a mail", "neither pcap nor pcapng", 0, []byte("From: me\r\n\r\nhello")},
		{"snoop", "looks like snoop", 0, []byte("snoop\x00\x00\x00rest")},
		{"Sniffer", "looks like Sniffer", 0, []byte("TRSNIFF data  \x1a")},
		{"gzip of nothing", "the file is empty", 0, []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x01\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00")},
		{"gzip cut", "gzip header is damaged", 0, []byte{0x1f, 0x8b, 8}},
		{"header cut", "pcap header", 20, pcap[:20]},
		{"version", "version 3.4", 4, append([]byte{0x4d, 0x3c, 0xb2, 0xa1, 3, 0}, pcap[6:]...)},
		{"link type", "link type 249", 20, pcapStart(le, pcapMicro, 249)},
		{"huge packet", "announces 4294967295 octets", 32, append(bytes.Clone(pcap[:24]), bytes.Repeat([]byte{255}, 16)...)},
		{"block shorter than its frame", "announces 8 octets", 52, ng(func(w *ngWriter) { w.b = append(w.b, w.u32(6, 8, 8)...) })},
		{"huge block", "limit", 52, ng(func(w *ngWriter) { w.b = append(w.b, w.u32(6, 0x7fffffff, 0, 0)...) })},
		{"two lengths", "by its head", 80, ng(func(w *ngWriter) { w.b = append(w.b, w.u32(6, 36, 0, 0, 0, 0, 0, 0, 40)...) })},
		{"no interface", "interface 1 of 1", 48, ng(func(w *ngWriter) { w.block(blockEnhanced, w.u32(1, 0, 0, 0, 0)) })},
		{"caplen 1 GiB", "announces 1073741824 octets", 48, ng(func(w *ngWriter) { w.block(blockEnhanced, w.u32(0, 0, 0, 1<<30, 1<<30)) })},
		{"unknown link type only", "link type 249", 28, func() []byte {
			w := &ngWriter{order: binary.LittleEndian}
			w.section()
			w.iface(249, nil)
			return w.b
		}()},
		{"byte order", "byte-order magic", 8, append([]byte{10, 13, 13, 10, 28, 0, 0, 0}, make([]byte, 20)...)},
	} {
		t.Run(k.name, func(t *testing.T) {
			err := Read(bytes.NewReader(k.data), "the.file", &nowhere{})
			var f *FormatError
			if !errors.As(err, &f) {
				t.Fatalf("%v is no FormatError", err)
			}
			french := f.Say("fr")
			if f.Say("en") != f.Error() || !strings.HasPrefix(french, "the.file\u202f: ") || !strings.Contains(french, fmt.Sprintf(", à l’octet %d", k.offset)) ||
				strings.Contains(french, f.What) || strings.Contains(french, "%!") {
				t.Errorf("in French: %q", french)
			}
			if f.Offset != k.offset || !strings.Contains(f.Error(), k.what) || !strings.HasPrefix(f.Error(), "the.file: ") {
				t.Errorf("%q at %d; want %q at %d", f, f.Offset, k.what, k.offset)
			}
		})
	}
	broken := errors.New("the disk is on fire")
	err := Read(io.MultiReader(bytes.NewReader(pcap[:100]), &failing{broken}), "the.file", &nowhere{})
	var f *FormatError
	if !errors.Is(err, broken) || errors.As(err, &f) {
		t.Errorf("a failing reader gives %v", err)
	}
	if err := ReadFile(filepath.Join(t.TempDir(), "none"), &nowhere{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// TestTruncation holds, for a file cut at every octet, that what was read before the cut is what the whole file has there,
// that sessions are closed, and that the cut is told with its place.
func TestTruncation(t *testing.T) {
	var rec bytes.Buffer
	w, _ := NewWriter(&rec, WriterOptions{Application: "facteur", ID: "x"})
	w.Open(Info{Session: 1, Protocol: decode.POP3, Time: time.Unix(1, 1)}, Meta{})
	w.Secrets(1, 0, []byte(testKey))
	w.Chunk(1, decode.Chunk{Time: time.Unix(1, 2), Data: []byte("QUIT\r\n"), Lost: 3, Told: &decode.Told{Kind: "session.error"}, End: decode.Finished}, "une note")
	w.End()
	for name, whole := range map[string][]byte{"pcap": captureOf(plainTalk), "pcapng": rec.Bytes()} {
		t.Run(name, func(t *testing.T) {
			var all []string
			for n := len(whole); n >= 0; n-- {
				h := &heard{}
				err := Read(bytes.NewReader(whole[:n]), "cut", h)
				h.flush()
				lines := h.lines
				for len(lines) > 0 && strings.Contains(lines[len(lines)-1], " close ") {
					lines = lines[:len(lines)-1]
				}
				if n == len(whole) {
					if all = lines; err != nil {
						t.Fatal(err)
					}
				}
				if len(lines) > len(all) || !slices.Equal(lines, all[:len(lines)]) {
					t.Fatalf("cut at %d:\n%s", n, strings.Join(lines, "\n"))
				}
				var f *FormatError
				if err != nil && (!errors.As(err, &f) || f.Offset > int64(n) || !atEnd(f.Err)) {
					t.Fatalf("cut at %d: %v", n, err)
				}
			}
		})
	}
}
