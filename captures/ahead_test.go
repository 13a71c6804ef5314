package captures

import (
	"bytes"
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"facteur/decode"
)

// aheadSink notes what was heard of secrets when a session opens.
type aheadSink struct {
	nowhere
	heard map[string]int
	ahead int
	late  int
	name  func(session int) string
}

func (a *aheadSink) Secrets(lines []byte) {
	a.heard[string(lines[:bytes.IndexByte(lines, ' ')])]++
}

func (a *aheadSink) Open(i Info) {
	if i.Session == 1 {
		a.ahead = len(a.heard)
	}
	if a.heard[a.name(i.Session)] == 0 {
		a.late++
	}
}

// TestSecretsAhead protects the memory of a file with very many secrets, and every session of it: only so many are handed
// over ahead, each once, and the others before the packets they open.
func TestSecretsAhead(t *testing.T) {
	const sessions, size = 40, 1 << 19
	path := filepath.Join(t.TempDir(), "in.pcapng")
	w, err := Create(path, WriterOptions{Application: "facteur test"})
	if err != nil {
		t.Fatal(err)
	}
	name := func(n int) string { return fmt.Sprintf("LABEL_%d", n) }
	for n := 1; n <= sessions; n++ {
		line := []byte(name(n) + " " + string(bytes.Repeat([]byte("a"), size)) + " 00\n")
		if err := w.Secrets(n, decode.ClientLeg, line); err != nil {
			t.Fatal(err)
		}
		client := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(20000+n))
		i := Info{Session: n, Time: time.Unix(1_800_000_000, 0), Protocol: decode.SMTP, Client: client, Server: netip.MustParseAddrPort("192.0.2.2:25")}
		if err := w.Open(i, Meta{Session: n, Leg: "client"}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(n); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	a := &aheadSink{heard: map[string]int{}, name: name}
	if err := ReadFile(path, a); err != nil {
		t.Fatal(err)
	}
	if a.late > 0 || len(a.heard) != sessions || a.ahead < 2 || a.ahead > maxSecretsAhead/size+2 {
		t.Errorf("%d of %d secrets are heard, %d of them ahead; %d sessions come before theirs", len(a.heard), sessions, a.ahead, a.late)
	}
	for n := 1; n <= sessions; n++ {
		if a.heard[name(n)] != 1 {
			t.Errorf("the secret of session %d is heard %d times", n, a.heard[name(n)])
		}
	}
	once := &aheadSink{heard: map[string]int{}, name: name}
	if err := (Reader{Sink: once, LateSecrets: true}).ReadFile(path); err != nil {
		t.Fatal(err)
	}
	if once.ahead != 1 || once.late > 0 || len(once.heard) != sessions {
		t.Errorf("%d secrets are heard of a file that is read once, %d of them ahead of the first session", len(once.heard), once.ahead)
	}
	FileSecrets(path, once.Secrets)
	for n := 1; n <= sessions; n++ {
		if once.heard[name(n)] != 2 {
			t.Errorf("the secret of session %d is heard %d times, want as it comes and when looked for", n, once.heard[name(n)])
		}
	}
}
