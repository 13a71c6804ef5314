package notes

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// What a terminal or a browser obeys never reaches it, and what people write does.
func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"Bonjour à tous « oui »": "Bonjour à tous « oui »",
		"\x1b[31mred\a\x00\x7f":  "␛[31mred␇␀␡",
		"caf\xe9 \xff":           `caf\xe9 \xff`,
		"a\u202eb\u2069\u061cc":  "a‹U+202E›b‹U+2069›‹U+061C›c",
		"\u0085\u2028\ufeff":     "‹U+0085›‹U+2028›‹U+FEFF›",
		"\ufffd 日本 👋":            "\ufffd 日本 👋",
	} {
		if got := Visible(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if got := string(AppendVisible([]byte("> "), text)); got != "> "+want {
			t.Errorf("%q appended: %q, want %q", text, got, want)
		}
	}
}

// Every character that changes the direction of text is known here, whatever version of Unicode brings one.
func TestVisibleKnowsEveryDirection(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		text := string(r)
		shown := Visible(text) == text
		if obeyed := unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r); obeyed && shown {
			t.Errorf("U+%04X is shown as it is", r)
		} else if !shown && !obeyed && !strings.ContainsRune("\u2028\u2029\ufeff", r) {
			t.Errorf("U+%04X is hidden", r)
		}
	}
}

// Octets are looked at eight at a time where they can be: each value is told apart at each of the eight places.
func TestVisibleTellsEveryOctetEverywhere(t *testing.T) {
	const words = "eight by eight octets"
	for at := range words {
		for c := range 256 {
			b := []byte(words)
			b[at] = byte(c)
			if got, want := Visible(string(b)) == string(b), ' ' <= c && c < 0x7f; got != want {
				t.Errorf("octet %#x at %d: shown as it is: %v", c, at, got)
			}
		}
	}
}

func BenchmarkAppendVisible(b *testing.B) {
	for _, text := range []string{"* 12 FETCH (UID 112 FLAGS (\\Seen) RFC822.SIZE 12345)", "L’expéditeur de l’enveloppe : alice@exemple.test, et le message suit."} {
		b.Run(fmt.Sprint(len(text)), func(b *testing.B) {
			var buf []byte
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				buf = AppendVisible(buf[:0], text)
			}
		})
	}
}
