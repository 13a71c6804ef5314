package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"facteur/proxy/ca"
)

// What a person copies from the steps must work: every word that stands for something is filled in, and nothing else is
// changed; a path with a space is one word for a shell; an authority that is not in its usual folder is named by it.
func TestStepsAreFilledIn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Application Support")
	auth, err := ca.LoadOrCreate(dir, ca.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, s := range trustSteps(auth) {
		for _, l := range [][]string{s.Trust.FR, s.Trust.EN, s.Forget.FR, s.Forget.EN} {
			all = append(all, l...)
		}
	}
	for _, l := range all {
		if strings.ContainsAny(l, "{}") {
			t.Errorf("not filled in: %s", l)
		}
		if n := strings.Count(l, dir); n != strings.Count(l, `"`+dir) {
			t.Errorf("a path is no word: %s", l)
		}
		if strings.Contains(l, "facteur ca ") && !strings.Contains(l, "--ca-dir") {
			t.Errorf("the authority in %s is not meant by: %s", dir, l)
		}
	}
	file := `"` + filepath.Join(dir, "ca.pem") + `"`
	want := "ssl.create_default_context(cafile=" + file + "), or the variable SSL_CERT_FILE=" + file
	if text := strings.Join(all, "\n"); !strings.Contains(text, want) {
		t.Errorf("want %s in:\n%s", want, text)
	}
}
