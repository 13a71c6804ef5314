package captures

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"facteur/decode"
)

// turns is the order in which the sides speak: after how many octets of the one the other begins.
type turns struct {
	sessions map[int]*conversation
}

type conversation struct {
	words []string
	last  decode.Side
	sent  [2]int
}

func (o *turns) Open(i Info) {
	if o.sessions == nil {
		o.sessions = map[int]*conversation{}
	}
	o.sessions[i.Session] = &conversation{last: decode.Server}
}

func (o *turns) Chunk(n int, c decode.Chunk) {
	s := o.sessions[n]
	if len(c.Data) > 0 && c.From != s.last && s.sent[0]+s.sent[1] > 0 {
		s.words = append(s.words, fmt.Sprintf("%s after %d", s.last, s.sent[s.last]))
	}
	if len(c.Data) > 0 {
		s.last = c.From
	}
	s.sent[c.From] += len(c.Data)
}

func (o *turns) Close(int, time.Time) {}
func (o *turns) Secrets([]byte)       {}

// TestCausalOrder holds that a capture whose packets are out of order is told in the order in which the sides spoke: an
// answer never comes before its question, as it would if each side were put together for itself.
func TestCausalOrder(t *testing.T) {
	n := 0
	for _, f := range corpusFiles(t) {
		mutation, source, ok := strings.Cut(filepath.Base(f), "-")
		if !strings.HasPrefix(mutation, "ooo") || !ok || filepath.Base(filepath.Dir(f)) != "mut" {
			continue
		}
		n++
		t.Run(filepath.Base(f), func(t *testing.T) {
			var got, want turns
			if err := ReadFile(f, &got); err != nil {
				t.Fatal(err)
			}
			if err := ReadFile(filepath.Join(corpus, "own", source), &want); err != nil {
				t.Fatal(err)
			}
			g, w := strings.Join(got.sessions[1].words, "\n"), strings.Join(want.sessions[1].words, "\n")
			if g != w {
				t.Errorf("order of the sides:\n%s\nwant\n%s", g, w)
			}
		})
	}
	if n == 0 {
		t.Error("no capture out of order found")
	}
}
