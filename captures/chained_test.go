package captures

import (
	"path/filepath"
	"strings"
	"testing"

	"facteur/decode"
	"facteur/decode/tlswire"
)

// TestChainedRecordsStayValid holds that every record which opens in a capture with CBC opens in its copies, too: in TLS 1.0
// a record hangs on the one before, so that an empty one or an alert behind a changed one must be sealed again as well.
func TestChainedRecordsStayValid(t *testing.T) {
	tried := 0
	for path, keylog := range ownCaptures(t) {
		if !strings.Contains(path, "cbc") {
			continue
		}
		tried++
		want := openedRecords(t, path, keylog)
		for name, rewrite := range map[string]func(string, string, RewriteOptions) (*Report, error){"redact": Redact, "anonymize": Anonymize} {
			out := filepath.Join(t.TempDir(), name+".pcapng")
			if _, err := rewrite(path, out, RewriteOptions{KeyLog: keylog, Force: true, Application: "facteur test"}); err != nil {
				t.Fatal(err)
			}
			if got := openedRecords(t, out, nil); got != want {
				t.Errorf("%s: %s: %d records open, %d of the capture's", filepath.Base(path), name, got, want)
			}
		}
		if want == 0 {
			t.Errorf("%s: nothing opens", path)
		}
	}
	if tried == 0 {
		t.Error("no capture with CBC was tried")
	}
}

func openedRecords(t *testing.T, path string, keylog []byte) (n int) {
	t.Helper()
	keys := new(tlswire.KeyLog)
	keys.Add(keylog)
	p := &pass{keys: keys, event: func(_ int, e *decode.Event, _ []byte) {
		if e.Kind == "tls.record" && e.Field("opened") == "yes" {
			n++
		}
	}}
	if err := p.run(path); err != nil {
		t.Fatal(err)
	}
	return n
}
