package cli

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"facteur/captures"
	"facteur/decode/tlswire"
	"facteur/internal/lab"
	"facteur/internal/watch"
	"facteur/proxy"
)

// sealed starts a station in passthrough that follows a key log, and gives the file's name.
func sealed(t *testing.T) (*practice, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys.txt")
	keys, err := newFollowedKeys([]string{file}, slog.New(slog.DiscardHandler), "en")
	if err != nil {
		t.Fatal(err)
	}
	return startPracticeWith(t, proxy.Passthrough, func(o *stationOptions) { o.keys = keys }), file
}

// wantOpened checks that what was said inside TLS was seen live, is the same in the recording, and that no password is.
func wantOpened(t *testing.T, p *practice, password string, wanted ...string) {
	t.Helper()
	p.stop()
	all := string(lines(p.show.events))
	for _, w := range wanted {
		if !strings.Contains(all, w) {
			t.Errorf("no %s among the events", w)
		}
	}
	again := &collected{}
	if err := captures.ReadFile(p.recording(t), &watch.File{Show: again, Keys: new(tlswire.KeyLog)}); err != nil {
		t.Fatal(err)
	}
	for id, live := range p.show.events {
		if strings.Join(live, "\n") != strings.Join(again.events[id], "\n") {
			t.Errorf("session %d: live and replay differ\n%s", id, firstDifference(live, again.events[id]))
		}
	}
	if strings.Contains(all, password) || bytes.Contains(p.show.octets.Bytes(), []byte(password)) {
		t.Error("the password is shown")
	}
}

// curl's own key log opens its true end-to-end session, in TLS 1.2 and 1.3, implicit and after STARTTLS.
func TestFollowedKeyLogOfCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("curl is not installed")
	}
	for _, version := range [][]string{{"--tlsv1.3"}, {"--tlsv1.2", "--tls-max", "1.2"}} {
		t.Run(version[0], func(t *testing.T) {
			p, file := sealed(t)
			account := lab.Accounts[0]
			for _, url := range []string{"imaps://" + p.targets.Addrs[lab.IMAPS] + "/INBOX?ALL", "imap://" + p.targets.Addrs[lab.IMAP] + "/INBOX?ALL"} {
				c := exec.Command(curl, append(version, "-sS", "--max-time", "20", "--ssl-reqd", "--insecure", "--user", account.User+":"+account.Password, url)...)
				c.Env = append(os.Environ(), "SSLKEYLOGFILE="+file)
				if out, err := c.CombinedOutput(); err != nil {
					t.Fatalf("curl %s: %v\n%s", url, err, out)
				}
			}
			if st, err := os.Stat(file); err != nil || st.Size() == 0 {
				t.Skip("this curl writes no key log")
			}
			wantOpened(t, p, account.Password, `"name":"SEARCH"`, `"kind":"session.upgrade"`)
		})
	}
}

// Keys that come after the session has begun, and even after it has ended, still open all of it, if they come in time.
func TestLateKeys(t *testing.T) {
	for name, when := range map[string]struct{ before, after time.Duration }{
		"during the session": {before: 500 * time.Millisecond}, "after its end": {after: 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			p, file := sealed(t)
			var keys bytes.Buffer
			c, err := tls.Dial("tcp", p.targets.Addrs[lab.IMAPS], &tls.Config{RootCAs: p.server.Pool(), ServerName: "localhost", KeyLogWriter: &keys})
			if err != nil {
				t.Fatal(err)
			}
			write := func() {
				if err := os.WriteFile(file, keys.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			c.Write([]byte("a LOGIN alice " + lab.Accounts[0].Password + "\r\n"))
			if when.before > 0 {
				time.Sleep(when.before)
				write()
			}
			c.Write([]byte("b LOGOUT\r\n"))
			for room := make([]byte, 512); err == nil; {
				_, err = c.Read(room)
			}
			c.Close()
			if when.after > 0 {
				time.Sleep(when.after)
				write()
			}
			wantOpened(t, p, lab.Accounts[0].Password, `"name":"LOGIN"`, `"name":"LOGOUT"`)
		})
	}
}

// Without its keys a session is shown sealed after a bounded time, not never.
func TestKeysThatDoNotCome(t *testing.T) {
	p, _ := sealed(t)
	c, err := tls.Dial("tcp", p.targets.Addrs[lab.IMAPS], &tls.Config{RootCAs: p.server.Pool(), ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	seen := func() bool {
		p.show.mu.Lock()
		defer p.show.mu.Unlock()
		return strings.Contains(string(lines(p.show.events)), `"opened":"no"`) || strings.Contains(string(lines(p.show.events)), "no_secrets")
	}
	for end := time.Now().Add(10 * time.Second); !seen(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("nothing is shown:\n%s", lines(p.show.events))
		}
	}
	c.Close()
	p.stop()
}

// A key log may be begun anew, and may be cut anywhere while it is written.
func TestFollowedKeysFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.txt")
	line := func(c string) string {
		return "CLIENT_RANDOM " + strings.Repeat(c, 64) + " " + strings.Repeat(c, 96) + "\n"
	}
	k, err := newFollowedKeys([]string{file}, slog.New(slog.DiscardHandler), "en")
	if err != nil {
		t.Fatal(err)
	}
	write := func(s string, want int) {
		t.Helper()
		if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		if k.Refresh(); k.log.Len() != want {
			t.Errorf("%d secrets, want %d", k.log.Len(), want)
		}
	}
	k.Refresh()
	write(line("a")+line("b")[:30], 1)
	write(line("a")+line("b"), 2)
	write(line("c"), 3)
	if _, err := newFollowedKeys([]string{t.TempDir()}, slog.New(slog.DiscardHandler), "en"); err == nil {
		t.Error("a folder was taken for a key log")
	}
}
