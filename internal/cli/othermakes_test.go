package cli

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"facteur/captures"
	"facteur/decode/tlswire"
	"facteur/internal/watch"
	"facteur/proxy"
	"facteur/proxy/ca"
)

// serverMake is a mail server of the interop harness: offset is its port's from the harness's first one.
type serverMake struct {
	name, scheme string
	offset       int
}

// makes are servers of other makes than Dovecot and Postfix. FACTEUR_MAKES, names joined by commas, leaves out those that
// are not run; one that is asked for and does not answer is skipped, and in CI a failure.
var makes = []serverMake{
	{"exim", "smtp", 625}, {"exim", "smtps", 665},
	{"cyrus", "imap", 643}, {"cyrus", "imaps", 693}, {"cyrus", "pop3", 610}, {"cyrus", "pop3s", 695}, {"cyrus", "sieve", 690},
	{"courier", "imap", 743},
}

// Clients of several makes against servers of several makes, TLS intercepted: each says what it came to say, and the
// recording gives the same events again.
func TestOtherMakes(t *testing.T) {
	work := os.Getenv("FACTEUR_INTEROP")
	if work == "" {
		t.Skip("FACTEUR_INTEROP names no folder with running interop servers; .ci/run starts them and runs this test behind the others")
	}
	base, err := strconv.Atoi(cmp.Or(os.Getenv("INTEROP_PORT_BASE"), "22000"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(work, "tls", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	dir := t.TempDir()
	auth, err := ca.LoadOrCreate(filepath.Join(dir, "ca"), ca.Options{Hosts: []string{"localhost"}})
	if err != nil {
		t.Fatal(err)
	}
	visited := slices.Clone(makes)
	if names := os.Getenv("FACTEUR_MAKES"); names != "" {
		visited = slices.DeleteFunc(visited, func(m serverMake) bool { return !slices.Contains(strings.Split(names, ","), m.name) })
	}
	var routes []proxy.Route
	for _, m := range visited {
		query := ""
		if m.name == "courier" {
			query = "?plain" // it runs without TLS: facteur answers the clients' STARTTLS
		}
		r, err := proxy.ParseRoute(fmt.Sprintf("%s://127.0.0.1:0=%s://localhost:%d%s", m.scheme, m.scheme, base+m.offset, query))
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, r)
	}
	show := &collected{}
	a := &app{out: io.Discard, err: io.Discard, lang: "en"}
	a.logs = a.logger()
	s, err := a.newStation(stationOptions{routes: routes, mode: proxy.Intercept, authority: auth, upstreamCA: pool, record: filepath.Join(dir, "rec"), name: "makes"})
	if err != nil {
		t.Fatal(err)
	}
	s.desk.Show = show
	if err := s.proxy.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	ran := 0
	for i, m := range visited {
		_, door, _ := net.SplitHostPort(s.proxy.Addrs()[i].String())
		for _, c := range visitors(dir, auth.Show().Path, m.scheme, door) {
			t.Run(m.name+"/"+m.scheme+"/"+c.name, func(t *testing.T) {
				if !answers(base + m.offset) {
					missing(t, fmt.Sprintf("%s on port %d (FACTEUR_MAKES names those to visit)", m.name, base+m.offset))
				}
				c.visit(t)
				ran++
			})
		}
	}
	time.Sleep(300 * time.Millisecond) // servers say goodbye after clients have gone
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if ran == 0 {
		return
	}
	files, _ := filepath.Glob(filepath.Join(dir, "rec", "*.pcapng"))
	if len(files) != 1 {
		t.Fatalf("%d recordings", len(files))
	}
	again := &collected{}
	if err := captures.ReadFile(files[0], &watch.File{Show: again, Keys: new(tlswire.KeyLog)}); err != nil {
		t.Fatal(err)
	}
	for id, live := range show.events {
		if strings.Join(live, "\n") != strings.Join(again.events[id], "\n") {
			t.Errorf("session %d: live and replay differ\n%s", id, firstDifference(live, again.events[id]))
		}
	}
	if data, _ := os.ReadFile(files[0]); strings.Contains(string(data), "secret-bob-2") {
		t.Error("the password is in the recording")
	}
	t.Logf("%d visits, %d sessions", ran, len(show.events))
}

func answers(port int) bool {
	c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// visitor is one client's errand. want is what it must have printed.
type visitor struct {
	name string
	args []string
	want string
}

func (v visitor) visit(t *testing.T) {
	program(t, v.args[0])
	c := exec.CommandContext(t.Context(), v.args[0], v.args[1:]...)
	c.WaitDelay = time.Second
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), v.want) {
		t.Errorf("%s: %v, without %q:\n%s", strings.Join(v.args, " "), err, v.want, out)
	}
}

// visitors are the clients for a scheme: with STARTTLS where it is in clear. All verify facteur's certificate.
func visitors(dir, ca, scheme, port string) []visitor {
	clear := map[string]bool{"smtp": true, "imap": true, "pop3": true}[scheme]
	url := fmt.Sprintf("%s://localhost:%s/", scheme, port)
	curl := []string{"curl", "-sSv", "--max-time", "20", "--cacert", ca}
	if clear {
		curl = append(curl, "--ssl-reqd")
	}
	python := func(code string) []string {
		return []string{"python3", "-c", "import ssl,imaplib,poplib,smtplib\nc=ssl.create_default_context(cafile='" + ca + "')\n" + code}
	}
	bob := "'bob','secret-bob-2'"
	switch scheme {
	case "smtp", "smtps":
		message := filepath.Join(dir, "m.eml")
		os.WriteFile(message, []byte("From: bob@interop.test\r\nSubject: other makes\r\n\r\n.a line with a dot\r\n"), 0o600)
		start, tls := "s=smtplib.SMTP('localhost',"+port+")\ns.starttls(context=c)\n", "--tls"
		if !clear {
			start, tls = "s=smtplib.SMTP_SSL('localhost',"+port+",context=c)\n", "--tls-on-connect"
		}
		return []visitor{
			{"curl", append(curl, "--user", "bob:secret-bob-2", "--mail-from", "bob@interop.test", "--mail-rcpt", "bob@interop.test", "--upload-file", message, url), "250"},
			{"swaks", []string{"swaks", "--server", "localhost:" + port, tls, "--tls-verify", "--tls-ca-path", ca, "--from", "bob@interop.test", "--to", "bob@interop.test",
				"--auth", "PLAIN", "--auth-user", "bob", "--auth-password", "secret-bob-2"}, "~> QUIT"},
			{"python", python(start + "s.login(" + bob + ")\nprint(s.sendmail('bob@interop.test',['bob@interop.test'],'Subject: python\\r\\n\\r\\nx\\r\\n'), s.quit())"), "{} (221"},
		}
	case "imap", "imaps":
		start := "m=imaplib.IMAP4('localhost'," + port + ")\nm.starttls(c)\n"
		kind := "STARTTLS"
		if !clear {
			start, kind = "m=imaplib.IMAP4_SSL('localhost',"+port+",ssl_context=c)\n", "IMAPS"
		}
		name := filepath.Join(dir, "mbsync-"+port)
		os.MkdirAll(name+".d", 0o700)
		os.WriteFile(name, fmt.Appendf(nil, "IMAPStore far\nHost localhost\nPort %s\nSSLType %s\nCertificateFile %s\nAuthMechs *\nUser bob\nPass secret-bob-2\n\nMaildirStore near\nPath %s/\nInbox %s/Inbox\n\nChannel all\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSync Pull\nSyncState *\n",
			port, kind, ca, name+".d", name+".d"), 0o600)
		return []visitor{
			{"curl", append(curl, "--user", "bob:secret-bob-2", url), "INBOX"},
			{"mbsync", []string{"mbsync", "-V", "-c", name, "all"}, "Opening far side box INBOX"},
			{"python", python(start + "print(m.login(" + bob + "))\nprint(m.append('INBOX',None,None,b'Subject: append\\r\\n\\r\\nx\\r\\n'))\nprint(m.select())\nprint(m.fetch('1:*','(FLAGS RFC822.SIZE)'))\nprint(m.logout())"), "('BYE'"},
		}
	case "pop3", "pop3s":
		start := "p=poplib.POP3('localhost'," + port + ")\np.stls(c)\n"
		if !clear {
			start = "p=poplib.POP3_SSL('localhost'," + port + ",context=c)\n"
		}
		return []visitor{
			{"curl", append(curl, "--user", "bob:secret-bob-2", url), "+OK"},
			{"python", python(start + "p.user('bob');p.pass_('secret-bob-2')\nprint(p.stat(),p.uidl()[0],p.quit())"), "+OK"},
		}
	case "sieve":
		return []visitor{{"openssl", []string{"sh", "-c", "printf 'CAPABILITY\\r\\nLOGOUT\\r\\n' | openssl s_client -quiet -verify_return_error -starttls sieve -CAfile " + ca + " -connect localhost:" + port + "; exit 0"}, "Logout Complete"}} // Cyrus goes without close_notify, which openssl minds
	}
	return nil
}
