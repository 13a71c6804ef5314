package cli

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"facteur/captures"
	"facteur/decode/tlswire"
	"facteur/internal/watch"
	"facteur/proxy"
	"facteur/proxy/ca"
	"facteur/web"
)

// Real clients and real servers: curl through facteur to Dovecot and Postfix, every protocol in clear, with STARTTLS and
// in implicit TLS; then law 4 on what was recorded, and tshark's opinion of it. FACTEUR_INTEROP names the folder in
// which the interop harness's servers run.
func TestRealServers(t *testing.T) {
	work := os.Getenv("FACTEUR_INTEROP")
	if work == "" {
		t.Skip("FACTEUR_INTEROP names no folder with running interop servers; .ci/run starts them and runs this test behind the others")
	}
	text, err := os.ReadFile(filepath.Join(work, "tls", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)

	dir := t.TempDir()
	show := &collected{}
	a := &app{out: io.Discard, err: io.Discard, lang: "en"}
	a.logs = a.logger()
	auth, err := ca.LoadOrCreate(filepath.Join(dir, "ca"), ca.Options{Hosts: []string{"localhost"}})
	if err != nil {
		t.Fatal(err)
	}
	doors := []struct{ scheme, port, curl string }{
		{"smtp", "22525", "smtp"}, {"submission", "22587", "smtp --ssl-reqd"}, {"smtps", "22565", "smtps"},
		{"pop3", "22510", "pop3"}, {"pop3", "22510", "pop3 --ssl-reqd"}, {"pop3s", "22595", "pop3s"},
		{"imap", "22543", "imap"}, {"imap", "22543", "imap --ssl-reqd"}, {"imaps", "22593", "imaps"},
	}
	var routes []proxy.Route
	for _, d := range doors {
		r, err := proxy.ParseRoute(fmt.Sprintf("%s://127.0.0.1:0=%s://localhost:%s", d.scheme, d.scheme, d.port))
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, r)
	}
	page := web.Options{Addr: "127.0.0.1:0", Log: a.logs}
	s, err := a.newStation(stationOptions{routes: routes, mode: proxy.Intercept, authority: auth, upstreamCA: pool,
		record: filepath.Join(dir, "rec"), name: "real", page: &page, term: show})
	if err != nil {
		t.Fatal(err)
	}
	s.desk.Show = both{s, show}
	if err := s.proxy.Listen(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.page.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	message := filepath.Join(dir, "m.eml")
	os.WriteFile(message, []byte("From: bob@interop.test\r\nSubject: facteur\r\n\r\n.a line with a dot\r\n\x16\x03\x01 STARTTLS\r\nA1 OK\r\n"), 0o600)
	for i, d := range doors {
		_, port, _ := strings.Cut(s.proxy.Addrs()[i].String(), ":")
		scheme, flags, _ := strings.Cut(d.curl, " ")
		args := append(strings.Fields(flags), "-sS", "--max-time", "20", "--cacert", auth.Show().Path)
		url := fmt.Sprintf("%s://localhost:%s/", scheme, port)
		if strings.HasPrefix(scheme, "smtp") {
			args = append(args, "--mail-from", "bob@interop.test", "--mail-rcpt", "bob@interop.test", "--upload-file", message)
		}
		if d.scheme != "smtp" {
			args = append(args, "--user", "bob:secret-bob-2")
		}
		if out, err := exec.Command("curl", append(args, url)...).CombinedOutput(); err != nil {
			t.Errorf("curl %s: %v\n%s", d.curl, err, out)
		}
	}
	time.Sleep(300 * time.Millisecond) // servers say goodbye after curl has gone
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "rec", "*.pcapng"))
	if len(files) != 1 {
		t.Fatalf("%d recordings", len(files))
	}
	again := &collected{}
	if err := captures.ReadFile(files[0], &watch.File{Show: again, Keys: new(tlswire.KeyLog)}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for id, live := range show.events {
		if l, r := strings.Join(live, "\n"), strings.Join(again.events[id], "\n"); l != r {
			t.Errorf("session %d: live and replay differ\n%s", id, firstDifference(live, again.events[id]))
		}
		n += len(live)
	}
	t.Logf("%d events of %d sessions are the same", n, len(show.events))
	out, err := exec.Command("tshark", "-r", files[0], "-Y", "smtp.req.command or pop.request.command or imap.request.command", "-T", "fields",
		"-e", "smtp.req.command", "-e", "pop.request.command", "-e", "imap.request.command").Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	if got := strings.Count(string(out), "\n"); got < 60 {
		t.Errorf("tshark sees %d commands in the recording, want 60 or more:\n%s", got, out)
	}
	if data, _ := os.ReadFile(files[0]); strings.Contains(string(data), "secret-bob-2") {
		t.Error("the password is in the recording")
	}
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("event %d\n live   %s\n replay %s", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d events live, %d replayed", len(a), len(b))
}
