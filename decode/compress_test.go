package decode

import (
	"bytes"
	"compress/flate"
	"math/rand/v2"
	"testing"
)

// deflated compresses each message as a sender of RFC 4978 does: flushed behind every one.
func deflated(t testing.TB, level int, messages ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, level)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		if _, err := w.Write(m); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// inflateUnits decodes in cut at every step octets, as stepInflate does, and gives the units' lengths on both sides.
func inflateUnits(in []byte, step int) (out []byte, units [][2]int, status inflateStatus) {
	var z inflate
	have, taken := 0, 0
	for {
		have = min(have+step, len(in))
		for {
			buf := in[taken:have]
			_, status = z.run(buf[min(z.read, len(buf)):], maxCompressed)
			if status != inflateUnit {
				break
			}
			n := z.read
			z.read = 0
			u := z.take()
			out = append(out, u...)
			units = append(units, [2]int{n, len(u)})
			taken += n
		}
		if have == len(in) || status == inflateBad {
			return append(out, z.take()...), units, status
		}
	}
}

func testText(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	words := []string{"FETCH ", "* 12 ", "(FLAGS (\\Seen) ", "UID 4711 ", "BODY[] ", "\r\n", "a1 OK done"}
	var b []byte
	for len(b) < n {
		if r.IntN(5) == 0 {
			b = append(b, byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()))
		}
		b = append(b, words[r.IntN(len(words))]...)
	}
	return b
}

// TestInflate protects decompression against the standard library's compressor: the same octets, and the same units
// however the stream is cut.
func TestInflate(t *testing.T) {
	long := testText(300 << 10)
	zeros := make([]byte, 3<<20)
	noise := make([]byte, 100<<10)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for name, messages := range map[string][][]byte{
		"lines":  {[]byte("a1 NOOP\r\n"), []byte("a2 NOOP\r\n"), []byte("a3 SELECT INBOX\r\n")},
		"long":   {long, []byte("x"), long},
		"zeros":  {zeros, []byte("end")},
		"noise":  {noise, noise},
		"mixed":  {noise[:5000], long[:70000], zeros[:200000], noise[:10]},
		"single": {[]byte("x")},
	} {
		for _, level := range []int{flate.NoCompression, flate.BestSpeed, 6, flate.BestCompression, flate.HuffmanOnly} {
			in := deflated(t, level, messages...)
			want := bytes.Join(messages, nil)
			out, units, _ := inflateUnits(in, len(in))
			if !bytes.Equal(out, want) {
				t.Fatalf("%s at level %d: %d octets decompressed to %d, not to %d", name, level, len(in), len(out), len(want))
			}
			sum := 0
			for _, u := range units {
				if u[0] > maxCompressed+8 || u[1] > maxDecompressed+2200 {
					t.Errorf("%s at level %d: a unit of %d octets gives %d", name, level, u[0], u[1])
				}
				sum += u[0]
			}
			if sum != len(in) {
				t.Errorf("%s at level %d: the units are %d octets of %d", name, level, sum, len(in))
			}
			for _, step := range []int{1, 2, 7, 1000} {
				if step < 7 && len(in) > 200000 {
					continue
				}
				out2, units2, _ := inflateUnits(in, step)
				if !bytes.Equal(out2, out) || len(units2) != len(units) {
					t.Fatalf("%s at level %d cut every %d: %d units, whole %d", name, level, step, len(units2), len(units))
				}
				for i := range units {
					if units[i] != units2[i] {
						t.Fatalf("%s at level %d cut every %d: unit %d is %v, whole %v", name, level, step, i, units2[i], units[i])
					}
				}
			}
		}
	}
}

// TestInflateBad protects against octets that are no DEFLATE.
func TestInflateBad(t *testing.T) {
	for _, in := range []string{"a1 OK still in clear\r\n", "\x07\x00", "\x00\x01\x00\x00\x00"} {
		if _, _, status := inflateUnits([]byte(in), 1); status != inflateBad {
			t.Errorf("%q: status %d", in, status)
		}
	}
}

// FuzzInflate holds for any octets: no panic, no swelling, and no dependence on the cut. What the standard library
// decodes, this decodes to the same.
func FuzzInflate(f *testing.F) {
	f.Add(deflated(f, 6, []byte("a1 NOOP\r\n"), testText(2000)), byte(1))
	f.Add(deflated(f, 0, testText(100)), byte(3))
	f.Add([]byte("plain text"), byte(2))
	f.Fuzz(func(t *testing.T, in []byte, step byte) {
		if len(in) > 1<<16 {
			return
		}
		one, units, s1 := inflateUnits(in, max(1, len(in)))
		two, units2, s2 := inflateUnits(in, int(step)+1)
		if s1 != s2 || s1 != inflateBad && !bytes.Equal(one, two) || len(units) != len(units2) {
			t.Fatalf("whole: status %d, %d octets, %d units; cut every %d: status %d, %d octets, %d units",
				s1, len(one), len(units), int(step)+1, s2, len(two), len(units2))
		}
		std := make([]byte, 1<<16)
		n, err := readFull(flate.NewReader(bytes.NewReader(in)), std)
		if err == nil && n < len(std) && !bytes.HasPrefix(one, std[:n]) {
			t.Fatalf("the standard library reads %q, this %q", std[:n], one)
		}
	})
}

func readFull(r interface{ Read([]byte) (int, error) }, b []byte) (n int, err error) {
	for n < len(b) {
		k, e := r.Read(b[n:])
		n += k
		if e != nil {
			if e.Error() == "EOF" {
				e = nil
			}
			return n, e
		}
	}
	return n, nil
}

func BenchmarkInflate(b *testing.B) {
	text := testText(1 << 20)
	in := deflated(b, 6, text)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		inflateUnits(in, len(in))
	}
}
