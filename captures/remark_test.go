package captures

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"facteur/decode"
)

// said is a Sink that collects the comments for people, with how many octets of their side they come behind.
type said struct {
	nowhere
	at   map[decode.Side]int
	list []string
}

func (s *said) Chunk(_ int, c decode.Chunk) { s.at[c.From] += len(c.Data) }

func (s *said) Remark(_ int, _ decode.Leg, from decode.Side, ahead int, text string) {
	s.list = append(s.list, from.String()+" "+itoa(s.at[from]+ahead)+" "+text)
}

func saidIn(t *testing.T, path string) []string {
	t.Helper()
	s := &said{at: map[decode.Side]int{}}
	if err := ReadFile(path, s); err != nil {
		t.Fatal(err)
	}
	return s.list
}

// TestRemarksAreKept holds that packet comments are at the same octets in a copy, without the secrets and the names in them,
// and that what people wrote in others' captures is in no anonymised copy.
func TestRemarksAreKept(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.pcapng")
	w, err := Create(in, WriterOptions{Application: "facteur", ID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Open(Info{Session: 1, Time: time.Unix(1, 0), Protocol: decode.POP3}, Meta{Secrets: "kept"}); err != nil {
		t.Fatal(err)
	}
	for _, l := range []struct {
		from          decode.Side
		line, comment string
	}{
		{decode.Server, "+OK pop.courrier-reel.fr ready\r\n", "The server pop.courrier-reel.fr greets."},
		{decode.Client, "USER ferdinand@courrier-reel.fr\r\n", "The client says who it is: ferdinand@courrier-reel.fr.\nHere “rendez-vous galant” is quoted."},
		{decode.Server, "+OK\r\n", ""},
		{decode.Client, "PASS timbre-rose\r\n", "The password: timbre-rose, or dGltYnJlLXJvc2U= in base64."},
		{decode.Server, "-ERR no\r\n", ""},
		{decode.Client, "PASS abc\r\n", "It is abc now."},
		{decode.Server, "+OK\r\n", "Logged in."},
	} {
		if err := w.Chunk(1, decode.Chunk{Time: time.Unix(1, 0), From: l.from, Data: []byte(l.line)}, l.comment); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	masked, twice, anonymous := filepath.Join(dir, "masked.pcapng"), filepath.Join(dir, "twice.pcapng"), filepath.Join(dir, "anonymous.pcapng")
	if _, err := Redact(in, masked, RewriteOptions{Application: "facteur test"}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"server 32 The server pop.courrier-reel.fr greets.",
		"client 33 The client says who it is: ferdinand@courrier-reel.fr.\nHere “rendez-vous galant” is quoted.",
		"client 51 The password: ***********, or KioqKioqKioqKio= in base64.",
		"server 51 Logged in.", // and nothing of "abc", which is too short to be looked for
	}
	if got := saidIn(t, masked); !slices.Equal(got, want) {
		t.Errorf("masked:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if _, err := Redact(masked, twice, RewriteOptions{Application: "facteur test"}); err != nil {
		t.Fatal(err)
	}
	if got := saidIn(t, twice); !slices.Equal(got, want) {
		t.Errorf("masked twice:\n%s", strings.Join(got, "\n"))
	}
	if _, err := Anonymize(in, anonymous, RewriteOptions{Application: "facteur test"}); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(saidIn(t, anonymous), "\n")
	for _, name := range []string{"ferdinand", "courrier-reel", "timbre", "galant", "dGltYnJl"} {
		if strings.Contains(got, name) {
			t.Errorf("anonymised, %q is still said:\n%s", name, got)
		}
	}
	if strings.Count(got, "\n") < 4 || !strings.Contains(got, "“…”") {
		t.Errorf("anonymised, too little is said:\n%s", got)
	}
	x := &anonymity{r: &redaction{finder: newFinder(nil, nil)}}
	if x.remark("of Ferdinand's, see ticket 12", false) != "" {
		t.Error("a comment of other people's is kept")
	}
}
