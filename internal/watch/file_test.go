package watch

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"testing"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
)

// show counts what it is shown.
type show struct{ events int }

func (s *show) Publish(_ int, evs []decode.Event)                                { s.events += len(evs) }
func (s *show) Octets(int, decode.Leg, decode.Side, decode.Layer, int64, []byte) {}

// BenchmarkFile decodes captures of mail: in clear and with the secrets of its TLS, in segments of Ethernet's and of a
// loopback's size, with small messages and large ones. With FACTEUR_BENCH_CAPTURE=DIR and FACTEUR_BENCH_SIZE=MIB it leaves the captures there, for
// comparing the whole program with others.
func BenchmarkFile(b *testing.B) {
	for _, secure := range []bool{false, true} {
		for _, message := range []int{20 << 10, 2 << 20} {
			for _, segment := range []int{1448, 32 << 10} {
				name := fmt.Sprintf("%s-%dk-%d", map[bool]string{false: "clear", true: "tls"}[secure], message>>10, segment)
				b.Run(name, func(b *testing.B) { benchmarkFile(b, name, message, segment, secure) })
			}
		}
	}
}

func benchmarkFile(b *testing.B, name string, message, segment int, secure bool) {
	if dir := os.Getenv("FACTEUR_BENCH_CAPTURE"); dir != "" {
		mib, _ := strconv.Atoi(os.Getenv("FACTEUR_BENCH_SIZE"))
		f, err := os.Create(dir + "/" + name + ".pcapng")
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		if err := makeCapture(f, int64(mib)<<20, alike(message), segment, secure); err != nil {
			b.Fatal(err)
		}
	}
	var data bytes.Buffer
	if err := makeCapture(&data, 64<<20, alike(message), segment, secure); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(data.Len()))
	b.ReportAllocs()
	for b.Loop() {
		s := &show{}
		if err := captures.Read(bytes.NewReader(data.Bytes()), "bench", &File{Show: s, Keys: new(tlswire.KeyLog), Passing: true}); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(s.events), "events/op")
	}
}
