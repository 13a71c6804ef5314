package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"facteur/internal/lab"
	"facteur/proxy"
)

// lessonRecording is a recording of the first lesson: SMTP with STARTTLS, POP3 in clear, IMAP in implicit TLS.
func lessonRecording(t *testing.T, name string) string {
	t.Helper()
	p := startPractice(t, proxy.Intercept, false)
	script, _ := lab.FindScript("first")
	if err := lab.Play(t.Context(), script, p.targets); err != nil {
		t.Fatal(err)
	}
	p.stop()
	path := filepath.Join(t.TempDir(), name)
	data, err := os.ReadFile(p.recording(t))
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// What a user sees of send and diff: status, the rows, no password anywhere.
func TestReplaySendAndDiffCommands(t *testing.T) {
	one, two := lessonRecording(t, "one.pcapng"), lessonRecording(t, "two.pcapng")
	cut := filepath.Join(t.TempDir(), "cut.pcapng")
	data, _ := os.ReadFile(one)
	if err := os.WriteFile(cut, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		args   string
		stdin  string
		status int
		want   []string // in the output, or in the log
		not    string
	}{
		{"send " + one + " --lang en", "", 0, []string{`(?m)^A  SMTP, session 1, STARTTLS$`, `(?m)^A  POP3, session 2, in clear$`, `(?m)^B  IMAP, session 3, implicit TLS$`, `(?m)^=  PASS \*+$`}, `(?m)^[~<>]`},
		{"send " + one + " --session 1 --format json --lang fr", "", 0, []string{`"equal":true`, `"line":"AUTH PLAIN …"`}, `"steps"`},
		{"send " + one + " --session 2 --password-file - --lang en", "not-it\n", 1, []string{`(?m)^~  PASS`, `B <- -ERR`}, "not-it"},
		{"send " + one + " --session 2 --to imaps://127.0.0.1:1 --lang en", "", 1, []string{"no session was sent"}, "^A "},
		{"send " + one + " --session 2 --to pop3://127.0.0.1:1 --lang en --password-file -", "x\n", 1, []string{"session 2: connecting"}, "^A "},
		{"send " + one + " --session 2 --password-file -", "", 1, []string{"first line is empty"}, "^A "},
		{"diff " + one + " " + two + " --lang en", "", 0, []string{`(?m)^10 same, 0 changed, 0 only in A, 0 only in B, 0 to come into TLS$`}, `(?m)^[~<>]`},
		{"diff " + one + "#3 " + two + " --session 3 --lang fr", "", 0, []string{`(?m)^10 pareilles, 0 changées, 0 seulement dans A, 0 seulement dans B, 0 pour passer en TLS$`}, `(?m)^[~<>]`},
		{"diff " + one + "#1 " + one + "#2 --format json", "", 1, []string{`"equal":false`, `"op":"only_a"`}, `"op":"none"`},
		{"diff " + one + "#9 " + one + " --lang en", "", 1, []string{"session 9 is no mail session"}, "^A "},
		{"serve " + one + " --listen sieve://127.0.0.1:0 --ca-dir " + t.TempDir(), "", 1, []string{"no sieve session to serve"}, "listening"},
		{"serve " + cut, "", 1, []string{"cut.pcapng.*octet"}, "listening"},
	} {
		var out, logs bytes.Buffer
		args := append([]string{"replay"}, strings.Fields(v.args)...)
		status := Main(args, strings.NewReader(v.stdin), &out, &logs)
		all := out.String() + logs.String()
		if status != v.status {
			t.Errorf("%s: status %d, want %d\n%s", v.args, status, v.status, all)
		}
		for _, w := range v.want {
			if !regexp.MustCompile(w).MatchString(all) {
				t.Errorf("%s: no %s in\n%s", v.args, w, all)
			}
		}
		for _, w := range []string{v.not, "timbre-rose", "colis-bleu"} {
			if regexp.MustCompile(w).MatchString(out.String()) {
				t.Errorf("%s: %s is in\n%s", v.args, w, out.String())
			}
		}
	}
}
