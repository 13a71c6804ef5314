package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"facteur/internal/lab"
	"facteur/proxy"
	"facteur/replay"
)

// lockedBuffer is written by a command and read by a test.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// doors are where a client finds each service, and what it must trust.
type doors struct {
	addrs map[string]string
	ca    string
}

func (d doors) port(service string) string {
	_, port, _ := net.SplitHostPort(d.addrs[service])
	return port
}

// serviceFor names the door of a protocol for a security: clear, starttls or tls.
func serviceFor(protocol, security string) string {
	if security == replay.ImplicitTLS {
		return map[string]string{"smtp": lab.SMTPS, "pop3": lab.POP3S, "imap": lab.IMAPS}[protocol]
	}
	return map[string]string{"smtp": lab.Submission, "pop3": lab.POP3, "imap": lab.IMAP}[protocol]
}

// listeningAt finds in the log which door is where.
var listeningAt = regexp.MustCompile(`at=(\w+)://(\S+)`)

// startServe runs `facteur replay serve` and gives its doors and what it printed.
func startServe(t *testing.T, file string) (doors, *lockedBuffer) {
	t.Helper()
	out, logs := &lockedBuffer{}, &lockedBuffer{}
	a := &app{in: strings.NewReader(""), out: out, err: logs, lang: "en"}
	a.logs = a.logger()
	f := replayServeFlags{caDir: filepath.Join(t.TempDir(), "ca"), format: "jsonl"}
	services := []string{lab.Submission, lab.SMTPS, lab.POP3, lab.POP3S, lab.IMAP, lab.IMAPS}
	all, err := a.dialogues(file, 0, &f.read)
	if err != nil {
		t.Fatal(err)
	}
	d := doors{addrs: map[string]string{}, ca: filepath.Join(f.caDir, "ca.pem")}
	for _, s := range services {
		for _, p := range replay.Protocols(all) {
			if strings.HasPrefix(s, p) || p == "smtp" && s == lab.Submission {
				f.listen = append(f.listen, s+"://127.0.0.1:0")
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.replayServe(ctx, f, file) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve ended with %v", err)
		}
	})
	for range 400 {
		if told := logs.String(); strings.Contains(told, "any password") {
			for _, at := range listeningAt.FindAllStringSubmatch(told, -1) {
				d.addrs[at[1]] = at[2]
			}
			return d, out
		}
		select {
		case err := <-done:
			done <- nil
			t.Fatalf("serve ended at once: %v\n%s", err, logs.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("serve does not listen:\n%s", logs.String())
	return d, out
}

// mismatches are those that serve told.
func mismatches(t *testing.T, out *lockedBuffer) (all []replay.ServeEvent) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		if line == "" {
			continue
		}
		var e replay.ServeEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if e.Event == replay.ServeMismatch || e.Event == replay.ServeRefused {
			all = append(all, e)
		}
	}
	return all
}

// program finds an outside program, or skips: in CI it has to be there.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name)
	}
	return path
}

// missing skips a test for want of something, and says of what; in CI nothing may be wanting.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing, and CI must not skip this test", what)
	}
	t.Skipf("%s is missing", what)
}

var replaySecurities = []string{replay.Clear, replay.StartTLS, replay.ImplicitTLS}

// serveToClient records a client in each security, and lets it go through each recording again in all three.
func serveToClient(t *testing.T, run func(t *testing.T, d doors, security string)) {
	for _, recorded := range replaySecurities {
		t.Run("recorded "+recorded, func(t *testing.T) {
			p := startPractice(t, proxy.Intercept, false)
			run(t, doors{p.targets.Addrs, filepath.Join(p.dir, "ca", "ca.pem")}, recorded)
			if t.Failed() {
				t.Fatal("the client does not get through to the practice server itself")
			}
			time.Sleep(50 * time.Millisecond) // the last goodbye is on its way
			p.stop()
			for _, security := range replaySecurities {
				t.Run("served "+security, func(t *testing.T) {
					d, out := startServe(t, p.recording(t))
					run(t, d, security)
					for _, e := range mismatches(t, out) {
						t.Errorf("%s, step %d: the recording has %q, the client sent %q", e.Event, e.Step, e.Expected, e.Got)
					}
				})
			}
		})
	}
}

// pythonClient goes through all three protocols with the standard library's own clients.
const pythonClient = `
import imaplib, poplib, smtplib, ssl, sys
security, cafile, smtp, pop3, imap, password = sys.argv[1:7]
smtp, pop3, imap = int(smtp), int(pop3), int(imap)
context = ssl.create_default_context(cafile=cafile)
s = smtplib.SMTP_SSL('localhost', smtp, context=context) if security == 'tls' else smtplib.SMTP('localhost', smtp)
if security == 'starttls': s.starttls(context=context)
s.login('alice', password)
assert s.sendmail('alice@exemple.test', ['bob@exemple.test'], 'Subject: python\r\n\r\n.dot\r\n') == {}
s.quit()
p = poplib.POP3_SSL('localhost', pop3, context=context) if security == 'tls' else poplib.POP3('localhost', pop3)
if security == 'starttls': p.stls(context=context)
p.user('alice'); p.pass_(password)
n, size = p.stat()
assert n > 0 and len(p.list()[1]) == n and len(p.uidl()[1]) == n
assert len(p.retr(1)[1]) > 5
p.dele(1); p.rset(); p.quit()
i = imaplib.IMAP4_SSL('localhost', imap, ssl_context=context) if security == 'tls' else imaplib.IMAP4('localhost', imap)
if security == 'starttls': assert i.starttls(ssl_context=context)[0] == 'OK'
i.login('alice', password)
assert i.list()[0] == 'OK'
typ, count = i.select('INBOX')
assert typ == 'OK' and int(count[0]) > 0
typ, found = i.search(None, 'ALL')
assert typ == 'OK' and len(found[0].split()) == int(count[0])
typ, message = i.fetch('1', '(FLAGS BODY.PEEK[])')
assert typ == 'OK' and len(message[0][1]) > 20
assert i.store('1', '+FLAGS', '(\\Seen)')[0] == 'OK'
assert i.append('Archives', '(\\Seen)', None, b'Subject: python\r\n\r\nkept\r\n')[0] == 'OK'
assert i.uid('FETCH', '1:*', '(UID FLAGS)')[0] == 'OK'
i.close(); i.logout()
`

// Python's smtplib, poplib and imaplib complete their sessions without a server, in every security, with any password.
func TestReplayServePython(t *testing.T) {
	python := program(t, "python3")
	serveToClient(t, func(t *testing.T, d doors, security string) {
		password := "anything at all"
		if !strings.HasPrefix(filepath.Base(t.Name()), "served") {
			password = lab.Accounts[0].Password
		}
		args := []string{"-c", pythonClient, security, d.ca}
		for _, p := range []string{"smtp", "pop3", "imap"} {
			args = append(args, d.port(serviceFor(p, security)))
		}
		if out, err := exec.CommandContext(t.Context(), python, append(args, password)...).CombinedOutput(); err != nil {
			t.Errorf("python: %v\n%s", err, out)
		}
	})
}

// curl completes its sessions, each a connection of its own.
func TestReplayServeCurl(t *testing.T) {
	curl := program(t, "curl")
	message := filepath.Join(t.TempDir(), "m.eml")
	if err := os.WriteFile(message, []byte("From: alice@exemple.test\r\nSubject: curl\r\n\r\n.dot\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	jobs := []struct{ protocol, path, args string }{
		{"smtp", "", "--mail-from alice@exemple.test --mail-rcpt bob@exemple.test --upload-file " + message},
		{"pop3", "", ""}, {"pop3", "1", ""},
		{"imap", "", ""}, {"imap", "INBOX;MAILINDEX=1", ""}, {"imap", "INBOX?ALL", ""},
		{"imap", "Archives", "--upload-file " + message},
	}
	serveToClient(t, func(t *testing.T, d doors, security string) {
		for _, j := range jobs {
			scheme, flags := j.protocol, "-sS --max-time 20 --user alice:"+lab.Accounts[0].Password+" --cacert "+d.ca
			switch security {
			case replay.ImplicitTLS:
				scheme += "s"
			case replay.StartTLS:
				flags += " --ssl-reqd"
			}
			url := fmt.Sprintf("%s://localhost:%s/%s", scheme, d.port(serviceFor(j.protocol, security)), j.path)
			cmd := exec.CommandContext(t.Context(), curl, append(strings.Fields(flags+" "+j.args), url)...)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("curl %s: %v\n%s", j.protocol+" "+j.path, err, out)
			}
		}
	})
}

// mbsync fetches a mailbox, was recorded doing so, and fetches the same messages from the recording.
func TestReplayServeMbsync(t *testing.T) {
	mbsync := program(t, "mbsync")
	got := map[string]int{}
	serveToClient(t, func(t *testing.T, d doors, security string) {
		dir := t.TempDir()
		kind := map[string]string{replay.Clear: "None", replay.StartTLS: "STARTTLS", replay.ImplicitTLS: "IMAPS"}[security]
		config := fmt.Sprintf("IMAPAccount a\nHost localhost\nPort %s\nUser bob\nPass %s\nAuthMechs LOGIN\nSSLType %s\nCertificateFile %s\nTimeout 20\n\n"+
			"IMAPStore r\nAccount a\n\nMaildirStore l\nPath %s/\nInbox %s/INBOX\nSubFolders Verbatim\n\nChannel c\nFar :r:\nNear :l:\nPatterns INBOX\nCreate Near\nSync Pull\nSyncState *\n",
			d.port(serviceFor("imap", security)), lab.Accounts[1].Password, kind, d.ca, dir, dir)
		path := filepath.Join(dir, "mbsyncrc")
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), mbsync, "-c", path, "-a")
		cmd.Env = append(os.Environ(), "HOME="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("mbsync: %v\n%s", err, out)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "INBOX", "*", "*"))
		n := 0
		for _, f := range files {
			if st, err := os.Stat(f); err == nil && st.Mode().IsRegular() && st.Size() > 100 {
				n++
			}
		}
		got[t.Name()] = n
	})
	for name, n := range got {
		if n < 6 {
			t.Errorf("%s: %d messages fetched, want 6", name, n)
		}
	}
}
