package notes

import (
	"testing"
)

// Lines writes what Line gives, made harmless, whatever the values are: it is another way to the same text.
func TestLinesAreLine(t *testing.T) {
	for _, lang := range Langs() {
		l := NewLines(lang)
		for id := range catalogueOf(lang).notes {
			for _, value := range []string{"", "0", "1", "12345", "a word", "TLS1.3", "\u200f\x1b[1m caf\xe9  ", "\u2028é\ufeff"} {
				v := func(name string) (string, bool) { return value, name != "word" && len(name)%3 != len(value)%3 }
				for _, id := range []string{id, id + ".unheard.of"} {
					want := "> " + Visible(Line(lang, id, v))
					if got := string(l.Append([]byte("> "), id, v)); got != want {
						t.Fatalf("%s %s with %q: %q, want %q", lang, id, value, got, want)
					}
				}
			}
		}
	}
}

func BenchmarkLines(b *testing.B) {
	l := NewLines(French)
	v := func(name string) (string, bool) { return "12", true }
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = l.Append(buf[:0], "smtp.reply.250.RCPT", v)
		buf = l.Append(buf, "imap.response.FETCH", v)
	}
}
