package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/internal/lab"
	"facteur/proxy"
)

// sampleRecording writes the recording that the stories about the library use: a clear session with secrets kept, a
// server that repeats the password, and a message.
func sampleRecording(path string) error {
	w, err := captures.Create(path, captures.WriterOptions{Application: "facteur test", Title: "essai"})
	if err != nil {
		return err
	}
	at := time.Date(2026, 11, 22, 9, 15, 2, 0, time.UTC)
	i := captures.Info{Session: 1, Time: at, Protocol: decode.POP3, Client: netip.MustParseAddrPort("10.1.2.3:40000"), Server: netip.MustParseAddrPort("127.0.0.1:110")}
	if err := w.Open(i, captures.Meta{Title: "essai", Secrets: "kept"}); err != nil {
		return err
	}
	for n, l := range []string{"+OK pop.courrier-reel.fr ready\r\n", "USER ferdinand\r\n", "+OK\r\n", "PASS timbre-rose\r\n",
		"-ERR [AUTH] wrong: timbre-rose (dGltYnJlLXJvc2U=)\r\n", "PASS timbre-roux\r\n", "+OK ferdinand is in\r\n", "RETR 1\r\n",
		"+OK 120 octets\r\nFrom: Ferdinand <ferdinand@courrier-reel.fr>\r\nSubject: Rendez-vous\r\nDate: Sun, 22 Nov 2026 09:00:00 +0100\r\n\r\n..\r\nVotre code : timbre-rose\r\n.\r\n",
		"QUIT\r\n", "+OK\r\n"} {
		at = at.Add(time.Millisecond)
		side := decode.Server
		if n%2 == 1 {
			side = decode.Client
		}
		if err := w.Chunk(1, decode.Chunk{Time: at, From: side, Data: []byte(l)}, ""); err != nil {
			return err
		}
	}
	for _, side := range []decode.Side{decode.Client, decode.Server} {
		if err := w.Chunk(1, decode.Chunk{Time: at, From: side, End: decode.Finished}, ""); err != nil {
			return err
		}
	}
	if err := w.Close(1); err != nil {
		return err
	}
	return w.End()
}

// run runs a command in this process.
func run(t *testing.T, args ...string) (status int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	status = Main(append([]string{"--lang", "en"}, args...), strings.NewReader(""), &o, &e)
	return status, o.String(), e.String()
}

// labRecording records every script of the practice server, with secrets kept: what redact is for.
func labRecording(t *testing.T) string {
	t.Helper()
	p := startPractice(t, proxy.Intercept, true)
	for _, s := range lab.Scripts() {
		if err := lab.Play(context.WithoutCancel(t.Context()), s, p.targets); err != nil {
			t.Fatalf("%s: %v", s.ID, err)
		}
	}
	p.stop()
	return p.recording(t)
}

// TestNoCanaryInArtefacts holds that the practice accounts' passwords, kept in a recording, are in nothing that the
// library makes of it, in any encoding: copies, index, exports, bundles, messages, reports.
func TestNoCanaryInArtefacts(t *testing.T) {
	rec := labRecording(t)
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	path := func(name string) string { return filepath.Join(dir, name) }
	var said strings.Builder
	do := func(args ...string) {
		t.Helper()
		status, out, errOut := run(t, append([]string{"captures", "--library", path("lib")}, args...)...)
		said.WriteString(out + errOut)
		if status != 0 {
			t.Fatalf("%v: status %d: %s%s", args, status, out, errOut)
		}
	}
	do("redact", rec, "-o", path("redacted.pcapng"), "--force")
	do("anonymize", rec, "-o", path("anonymous.pcapng"), "--force")
	do("import", rec, "--force")
	do("list")
	do("show", "1")
	do("search", "secret")
	for _, format := range exportFormats {
		if format == "eml" {
			continue // what is in a message is in it
		}
		do("export", rec, "--format", format, "-o", path("export."+format), "--force")
		do("export", "1", "--format", format, "-o", path("export1."+format), "--force")
	}
	holds := map[string][]byte{"what the commands said": []byte(said.String())}
	check := func(name string) {
		if data, err := os.ReadFile(name); err == nil {
			holds[filepath.Base(name)] = data
		}
	}
	filepath.WalkDir(dir, func(name string, _ os.DirEntry, _ error) error { check(name); return nil })
	for _, f := range []string{"redacted.pcapng", "anonymous.pcapng"} {
		opened := ""
		err := captures.Walk(path(f), captures.WalkOptions{ShowSecrets: true, Event: func(_ int, _ *decode.Event, octets []byte) { opened += string(octets) + "\n" }})
		if err != nil {
			t.Fatal(err)
		}
		holds[f+", its TLS opened"] = []byte(opened)
	}
	if len(holds) < 14 {
		t.Fatalf("only %d artefacts were looked at", len(holds))
	}
	total := 0
	for _, account := range lab.Accounts {
		for how, form := range disguises(account.Password) {
			for where, data := range holds {
				total += len(data)
				if bytes.Contains(data, form) {
					t.Errorf("the password of %s is in %s (%s)", account.User, where, how)
				}
			}
		}
	}
	t.Logf("%d artefacts, %d octets compared", len(holds), total)
}

// TestTsharkReadsRedacted holds that Wireshark still decrypts a redacted recording, and finds nothing malformed.
func TestTsharkReadsRedacted(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("tshark is needed in CI: apt-get install tshark")
		}
		t.Skip("tshark is not installed: redacted recordings are not held against it")
	}
	rec := labRecording(t)
	dir := t.TempDir()
	count := func(file, filter string) int {
		c := exec.Command(tshark, "-r", file, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-Y", filter, "-T", "fields", "-e", "frame.number")
		c.Env = append(os.Environ(), "HOME="+dir, "LC_ALL=C.UTF-8")
		out, err := c.Output()
		if err != nil {
			t.Fatalf("tshark -Y %s: %v", filter, err)
		}
		return len(strings.Fields(string(out)))
	}
	for _, how := range []string{"redact", "anonymize"} {
		out := filepath.Join(dir, how+".pcapng")
		if status, _, errOut := run(t, "captures", how, rec, "-o", out, "--force"); status != 0 {
			t.Fatal(errOut)
		}
		for _, f := range []string{"_ws.malformed", "tcp.checksum.status == 0 or ip.checksum.status == 0", "tls.alert_message.desc == 20"} {
			if before, n := count(rec, f), count(out, f); n > before {
				t.Errorf("%s: %d packets with %s, %d before", how, n, f, before)
			}
		}
		for _, f := range []string{"tls and (imap or smtp or pop)", "smtp.req.command", `imap.request.command in {"LOGIN", "AUTHENTICATE", "SELECT", "FETCH", "UID", "APPEND", "LOGOUT"}`, "pop.request"} {
			if before, n := count(rec, f), count(out, f); n != before || n == 0 {
				t.Errorf("%s: %d packets with %s, %d before", how, n, f, before)
			}
		}
		t.Logf("%s: %d packets of decrypted mail, %d malformed, %d with a wrong checksum", how, count(out, "tls and (imap or smtp or pop)"), count(out, "_ws.malformed"),
			count(out, "tcp.checksum.status == 0 or ip.checksum.status == 0"))
	}
}

// The first line of JSON lines says what the export is.
func TestExportSaysItsTreatment(t *testing.T) {
	rec := filepath.Join(t.TempDir(), "sample.pcapng")
	if err := sampleRecording(rec); err != nil {
		t.Fatal(err)
	}
	_, out, _ := run(t, "captures", "export", rec, "--format", "jsonl")
	var first struct{ Fields map[string]string }
	line, _, _ := strings.Cut(out, "\n")
	if err := json.Unmarshal([]byte(line), &first); err != nil || !strings.Contains(first.Fields["treatment"], version()) {
		t.Errorf("%v: %s", err, line)
	}
}
