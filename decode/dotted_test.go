package decode

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// textPieces are what texts of messages are put together from, to try what passes over clean lines.
var textPieces = []string{"\r\n", "\r\n", "\n", "\r", ".", "..", "\r\n..", "a", "\x00", "\xe9", "=\r\n", "line\r\n", "like\r\n", "li\nk\r\n", "lik\n\r\n", "l\n", "Subject: x\r\n",
	strings.Repeat("x", 998) + "\r\n", strings.Repeat("y", 999)}

func textOf(r *rand.Rand, pieces int) []byte {
	var text []byte
	for range pieces {
		text = append(text, textPieces[r.IntN(len(textPieces))]...)
	}
	return text
}

// The clean lines of a text are those that its octets, looked at one by one, show to be clean, however long the lines
// before were. That no line beyond them is passed over is what keeps a dot that ends a message from being missed.
func TestCleanLines(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 7))
	for range 20000 {
		b := textOf(r, r.IntN(12))
		if r.IntN(2) == 0 {
			b = append(bytes.Repeat([]byte("like\r\n"), 3), b...)
		}
		c := findCleanLines(b, 100)
		to, last, dotless := 0, 0, true
		for line := range bytes.Lines(b) {
			dot := bytes.HasPrefix(line, []byte("."))
			if len(line) > maxTextLine || !bytes.HasSuffix(line, []byte("\r\n")) || dot && line[1] != '.' {
				break
			}
			last, to, dotless = to, to+len(line), dotless && !dot
		}
		if bytes.Count(b[:to], cr) != bytes.Count(b[:to], lf) { // a CR in a line: none counts as clean
			to, last = 0, 0
		}
		if got, want := [2]int64{c.To, c.last}, [2]int64{100 + int64(to), 100 + int64(last)}; c.To > c.From && (got != want || c.dotless && !dotless) || c.To <= c.From && to > 0 {
			t.Fatalf("%q: clean to, last, dotless: %v %v, want %v %v", b, got, c.dotless, want, dotless)
		}
	}
}

// The end of a text is found wherever bytes.Index finds it, also behind lines that are passed over.
func TestIndexTextEndFar(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for range 20000 {
		b := textOf(r, r.IntN(9))
		b = append(b, strings.Repeat("a.b\r\n", r.IntN(fewDots+3))...)
		b = append(b, textOf(r, r.IntN(12))...)
		if r.IntN(2) == 0 {
			b = append(append(b, terminator...), textOf(r, r.IntN(9))...)
		}
		if got, want := IndexTextEnd(b), bytes.Index(b, terminator); got != want {
			t.Fatalf("%q: %d, want %d", b, got, want)
		}
	}
}

// A message's text gives the same events however it comes: whole, where clean lines are passed over, and octet by octet,
// where there are none.
func TestTextsHowever(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	for range 1500 {
		text := append([]byte("A: b\r\n\r\n"), textOf(r, r.IntN(40))...)
		text = append(text, "\r\n.\r\n"...)
		if encoding := []string{"", "quoted-printable", "base64"}[r.IntN(3)]; encoding != "" {
			text = append([]byte("Content-Transfer-Encoding: "+encoding+"\r\n"), text...)
		}
		for protocol, talk := range map[string]string{
			SMTP: "S: 220 mx\nC: MAIL FROM:<a@b>\nS: 250 ok\nC: DATA\nS: 354 go",
			POP3: "S: +OK\nC: RETR 1\nS: +OK",
		} {
			from := map[string]Side{SMTP: Client, POP3: Server}[protocol]
			events := func(step int) []byte {
				s := New(Options{Protocol: protocol})
				var out []byte
				feed := func(c Chunk) {
					for _, e := range s.Feed(c) {
						out = append(AppendJSON(out, 1, &e), '\n')
					}
				}
				for _, c := range chunksOf(talk) {
					feed(c)
				}
				for _, part := range every(step)(text) {
					feed(Chunk{From: from, Data: part})
				}
				feed(Chunk{From: from, End: Finished})
				return out
			}
			want := events(1)
			for _, step := range []int{len(text), 1 + r.IntN(len(text)), 7} {
				if got := events(step); !bytes.Equal(got, want) {
					t.Fatalf("%s: %q cut every %d:\n%s", protocol, text, step, firstDifference(string(got), string(want)))
				}
			}
		}
	}
}
