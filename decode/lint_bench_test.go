package decode

import (
	"bytes"
	"strings"
	"testing"
)

// The text of a message is looked through for lints on its way: this must stay well above the 1 GB/s that a body passes at.
func BenchmarkTextLint(b *testing.B) {
	base64 := strings.Repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0", 2) + "\r\n"
	for _, c := range []struct{ name, line string }{
		{"base64", base64},
		{"short", "> x\r\n"},
		{"bare LF", strings.TrimSuffix(base64, "\r\n") + "\n"},
		{"no line end", strings.Repeat("x", 1<<16)},
	} {
		b.Run(c.name, func(b *testing.B) {
			data := bytes.Repeat([]byte(c.line), (1<<20)/len(c.line))
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			var t textLint
			for b.Loop() {
				t.begin(0, checkSMTPText|checkEight|checkFalse)
				t.scan(data)
			}
		})
	}
}
