package decode

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestDecodedSizes protects the sizes of bodies without their transfer encoding: of each encoding, with dots doubled on
// the way, of parts and of a message that has none, however the octets are cut.
func TestDecodedSizes(t *testing.T) {
	for name, c := range map[string]struct {
		encoding, body string // the body as sent in DATA, without the CRLF before the boundary
		octets, want   string // of the part; want is "" where the encoding is not known
	}{
		"base64":     {"base64", "aGVsbG8g\r\nd29ybGQ=", "18", "11"},
		"quoted":     {"quoted-printable", "caf=C3=A9 =\r\nnoir =zz ==41=", "27", "17"},
		"quoted dot": {"quoted-printable", "a=\r\n..b\r\n..", "11", "6"},
		"soft bare":  {"quoted-printable", "a=\nb", "4", "2"},
		"seven":      {"7bit", "hello\r\n..x", "10", "9"},
		"binary":     {"binary", "abc", "3", "3"},
		"uuencode":   {"x-uuencode", "text\r\nbegin 644 a.txt\r\n#0V%T\r\n.0V%T0V%T0V%T0V%T0V%T\r\n`\r\nend", "", "17"},
		"unknown":    {"x-own", "abc", "3", ""},
		"none":       {"", "abc", "3", ""},
	} {
		header := ""
		if c.encoding != "" {
			header = "Content-Transfer-Encoding: " + c.encoding + "\r\n"
		}
		parts := "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + header + "\r\n" + c.body + "\r\n--b--\r\n.\r\n"
		alone := header + "\r\n" + c.body + ".\r\n"
		if !strings.HasSuffix(c.body, "\n") {
			alone = header + "\r\n" + c.body + "\r\n.\r\n"
		}
		for _, step := range []int{1, 2, 3, 1000} {
			turns := append(script("S: 220 mx\nC: DATA\nS: 354 go"), turn{Client, []byte(parts)}, turn{Server, []byte("250 ok\r\n")},
				turn{Client, []byte("DATA\r\n")}, turn{Server, []byte("354 go\r\n")}, turn{Client, []byte(alone)})
			var boundary, end Event
			s := New(Options{Protocol: SMTP})
			for _, tn := range turns {
				for _, part := range every(step)(tn.data) {
					for _, e := range s.Feed(Chunk{From: tn.from, Data: part}) {
						switch {
						case e.Kind == "message.boundary" && e.Field("closing") != "":
							boundary = e
						case e.Kind == "smtp.data.end":
							end = e
						}
					}
				}
			}
			if got := boundary.Field("decoded"); got != c.want {
				t.Errorf("%s, cut by %d: the part has %q octets decoded, not %q", name, step, got, c.want)
			}
			if got := boundary.Field("octets"); c.octets != "" && got != c.octets {
				t.Errorf("%s, cut by %d: the part has %q octets, not %q", name, step, got, c.octets)
			}
			want := c.want
			if c.encoding == "quoted-printable" && !strings.HasSuffix(c.body, "=") || c.encoding == "7bit" || c.encoding == "binary" {
				want = plus(want, 2) // its last line end belongs to the body
			}
			if got := end.Field("decoded"); got != want {
				t.Errorf("%s, cut by %d: alone it has %q octets decoded, not %q", name, step, got, want)
			}
		}
	}
}

// plus adds to a number in decimal.
func plus(n string, d int64) string {
	var v int64
	for _, c := range n {
		v = 10*v + int64(c-'0')
	}
	return decimal(v + d)
}

// TestHeaderNoteSaysDecodedText protects what the notes of header fields say: the text, not its encoded words.
func TestHeaderNoteSaysDecodedText(t *testing.T) {
	s := New(Options{Protocol: SMTP})
	var got []string
	for _, tn := range append(script("S: 220 mx\nC: DATA\nS: 354 go"), turn{Client, []byte("Subject: =?utf-8?Q?=C3=A9t=C3=A9?=\r\nX: y\r\n\r\n.\r\n")}) {
		for _, e := range s.Feed(Chunk{From: tn.from, Data: tn.data}) {
			if e.Kind == "message.header" {
				value := ""
				for _, a := range e.Notes[0].Args {
					value += a.Name + "=" + a.Value
				}
				got = append(got, e.Field("value")+"|"+value)
			}
		}
	}
	if want := "=?utf-8?Q?=C3=A9t=C3=A9?=|value=été y|"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Doubled dots are counted wherever bytes.Count counts them, be they rare or not.
func TestCountLineDots(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 2000 {
		b := make([]byte, rnd.IntN(300))
		for i := range b {
			b[i] = "\n..x"[rnd.IntN(4)]
			if n%2 > 0 && rnd.IntN(30) > 0 {
				b[i] = 'x'
			}
		}
		if got, want := countLineDots(b), bytes.Count(b, lfDot); got != want {
			t.Fatalf("%q: %d, want %d", b, got, want)
		}
	}
}
