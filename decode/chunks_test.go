package decode

import (
	"fmt"
	"strings"
	"testing"
)

// TestChunksEndAnywhere protects messages in chunks (RFC 3030): wherever a chunk ends, inside a line, a CRLF, a boundary or
// a field, the same header fields, parts and sizes are told as of the message in one chunk. A folded field may be cut only
// where its line is not complete.
func TestChunksEndAnywhere(t *testing.T) {
	const text = "Subject: a\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\nhead\r\n--bb\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
		"caf=C3=A9=\r\n x\r\n-\r\n--b\r\n--bb\r\n\r\n\r\n--bb--\r\nend\r\n"
	whole := chunkWords(t, fmt.Sprintf("BDAT %d LAST\r\n%s", len(text), text))
	if !strings.Contains(whole, "decoded=") || strings.Count(whole, "message.boundary") != 3 {
		t.Fatalf("the message is told as %s", whole)
	}
	for cut := range len(text) + 1 {
		said := fmt.Sprintf("BDAT %d\r\n%sBDAT %d LAST\r\n%s", cut, text[:cut], len(text)-cut, text[cut:])
		if got := chunkWords(t, said); got != whole {
			t.Fatalf("cut at %d (%q): %s", cut, text[max(0, cut-6):cut], firstDifference(whole, got))
		}
		if cut > 0 {
			said = fmt.Sprintf("BDAT %d\r\n%sBDAT 1\r\n%sBDAT %d LAST\r\n%s", cut-1, text[:cut-1], text[cut-1:cut], len(text)-cut, text[cut:])
			if got := chunkWords(t, said); got != whole {
				t.Fatalf("an octet alone at %d (%q): %s", cut, text[max(0, cut-6):cut], firstDifference(whole, got))
			}
		}
	}
}

// chunkWords is what is told of the structure of a message in chunks, which the laws hold for.
func chunkWords(t *testing.T, said string) string {
	chunks := []Chunk{{From: Server, Data: []byte("220 mx\r\n")}, {From: Client, Data: []byte(said)}}
	checkLaws(t, Options{Protocol: SMTP}, chunks, uint64(len(said)))
	s := New(Options{Protocol: SMTP})
	var out []string
	for _, c := range chunks {
		for _, e := range s.Feed(c) {
			if !strings.HasPrefix(e.Kind, "message.") {
				continue
			}
			line := e.Kind
			for _, f := range e.Fields {
				line += " " + f.Name + "=" + f.Value
			}
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
