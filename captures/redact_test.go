package captures

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"facteur/decode"
	"facteur/decode/tlswire"
)

// transcriptOf decodes a capture: its events as lines of JSON by session, and all octets that a viewer would get.
func transcriptOf(t *testing.T, path string, keylog []byte, show bool) (events map[int][]string, octets []byte) {
	t.Helper()
	events = map[int][]string{}
	keys := new(tlswire.KeyLog)
	keys.Add(keylog)
	p := &pass{keys: keys, show: show, event: func(session int, e *decode.Event, o []byte) {
		events[session] = append(events[session], string(decode.AppendJSON(nil, session, e)))
		octets = append(octets, o...)
	}}
	if err := p.run(path); err != nil {
		t.Fatal(err)
	}
	return events, octets
}

// secretsIn gives the values that decode calls secret, shown.
func secretsIn(t *testing.T, path string, keylog []byte) []string {
	t.Helper()
	found := map[string]bool{}
	keys := new(tlswire.KeyLog)
	keys.Add(keylog)
	p := &pass{keys: keys, show: true, event: func(_ int, e *decode.Event, _ []byte) {
		for i := range e.Fields {
			if f := &e.Fields[i]; f.Secret && e.Layer != decode.TLS && searchable(f.Value) && !common[strings.ToUpper(f.Value)] {
				found[f.Value] = true
			}
		}
	}}
	if err := p.run(path); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(found))
}

// hidingPlaces are the encodings a secret could hide in: written here once more, so that a fault of disguises shows.
func hidingPlaces(secret string) map[string][]byte {
	out := map[string][]byte{"raw": []byte(secret), "hex": []byte(hex.EncodeToString([]byte(secret)))}
	for shift := range 3 {
		enc := base64.StdEncoding.EncodeToString(append(bytes.Repeat([]byte{0}, shift), secret...))
		from, to := []int{0, 2, 3}[shift], (len(secret)+shift)/3*4
		if to-from >= 6 {
			out[fmt.Sprintf("base64 at %d", shift)] = []byte(enc[from:to])
		}
	}
	var wide []byte
	for _, c := range []byte(secret) {
		wide = append(wide, c, 0)
	}
	out["UTF-16"] = wide
	return out
}

// ownCaptures are the captures with sessions made for facteur, and the key log beside each.
func ownCaptures(t *testing.T) map[string][]byte {
	t.Helper()
	files, _ := filepath.Glob("../../shared/captures/own/*.pcap*")
	out := map[string][]byte{}
	for _, f := range files {
		if ext := filepath.Ext(f); ext != ".pcap" && ext != ".pcapng" {
			continue
		}
		keys, _ := os.ReadFile(f + ".keys")
		out[f] = keys
	}
	if len(out) == 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("the shared captures are absent")
		}
		t.Skip("the shared captures are absent: redaction is held against those made here only")
	}
	return out
}

// TestRedactCorpus holds over every capture there is: no secret is left in any encoding, in the file or in what its TLS
// carries; the events are those that masking gives anyway; and redacting again changes nothing.
func TestRedactCorpus(t *testing.T) {
	var secrets, echoes, files int
	for path, keylog := range ownCaptures(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			dir := t.TempDir()
			out := filepath.Join(dir, "out.pcapng")
			o := RewriteOptions{KeyLog: keylog, Force: true, Application: "facteur test"}
			r, err := Redact(path, out, o)
			if err != nil {
				t.Fatal(err)
			}
			files, secrets, echoes = files+1, secrets+r.Secrets, echoes+r.Echoes
			file, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			again, octets := transcriptOf(t, out, nil, true)
			for _, s := range secretsIn(t, path, keylog) {
				for how, form := range hidingPlaces(s) {
					if len(form) >= 6 && (bytes.Contains(file, form) || bytes.Contains(octets, form)) && !strings.Contains(strings.ToUpper(s), "TEST") {
						t.Errorf("the secret %q is still there (%s)", s, how)
					}
				}
			}
			masked, _ := transcriptOf(t, path, keylog, false)
			redacted, _ := transcriptOf(t, out, nil, false)
			compareSessions(t, masked, redacted, r)
			twice := filepath.Join(dir, "twice.pcapng")
			r2, err := Redact(out, twice, RewriteOptions{Force: true, Application: "facteur test"})
			if err != nil {
				t.Fatal(err)
			}
			if r2.Echoes != 0 {
				t.Errorf("redacting again found %d echoes", r2.Echoes)
			}
			third, _ := transcriptOf(t, twice, nil, true)
			for id := range again {
				if !slices.Equal(again[id], third[id]) {
					t.Errorf("session %d: redacting again changes its events", id)
				}
			}
		})
	}
	t.Logf("%d captures, %d different secrets, %d echoes", files, secrets, echoes)
}

// compareSessions holds that redaction changed no event but for the echoes it masked.
func compareSessions(t *testing.T, want, got map[int][]string, r *Report) {
	t.Helper()
	for id, a := range want {
		b := got[id]
		if b == nil && r.Left > 0 {
			continue
		}
		if len(a) != len(b) {
			t.Errorf("session %d: %d events, %d after redaction", id, len(a), len(b))
			continue
		}
		differ := 0
		for i := range a {
			if a[i] != b[i] && !strings.Contains(a[i], "session.opaque") {
				if differ++; r.Echoes == 0 {
					t.Errorf("session %d, event %d\n before %s\n after  %s", id, i+1, a[i], b[i])
				}
			}
		}
		if differ > 2*r.Echoes {
			t.Errorf("session %d: %d events differ with %d echoes", id, differ, r.Echoes)
		}
	}
}

// TestRedactRefuses holds that what cannot be opened is listed and nothing is written, unless forced.
func TestRedactRefuses(t *testing.T) {
	var path string
	for p, keys := range ownCaptures(t) {
		if strings.Contains(p, "imaps-tls13-alpn") && len(keys) > 0 {
			path = p
		}
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("the shared capture imaps-tls13-alpn is absent")
		}
		t.Skip("the shared capture imaps-tls13-alpn is absent")
	}
	out := filepath.Join(t.TempDir(), "out.pcapng")
	r, err := Redact(path, out, RewriteOptions{})
	if !errors.Is(err, ErrUntreated) || r == nil || len(r.Untreated) == 0 || r.Untreated[0].What != "tls_sealed" || r.Untreated[0].Count == 0 {
		t.Fatalf("%v, %+v", err, r)
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Error("a file was written although the redaction was refused")
	}
}
