package lab

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

func clientTLS(s *Server) *tls.Config {
	return &tls.Config{RootCAs: s.Pool(), ServerName: ServerName, MinVersion: tls.VersionTLS12}
}

// The standard library's SMTP client must get a message through in each security. It asks for SMTPUTF8 wherever that is
// offered, which the Received field says (RFC 6531, section 4.3).
func TestNetSMTP(t *testing.T) {
	for _, door := range []struct {
		service       string
		implicit, tls bool
		with          string
	}{{Submission, false, false, "UTF8SMTPA"}, {Submission, false, true, "UTF8SMTPSA"}, {SMTPS, true, true, "UTF8SMTPSA"}} {
		t.Run(fmt.Sprintf("%s-%v", door.service, door.tls), func(t *testing.T) {
			s := start(t, Options{})
			c := dialSMTP(t, s, door.service, door.implicit)
			if door.tls && !door.implicit {
				must(t, c.StartTLS(clientTLS(s)))
			}
			must(t, c.Auth(smtp.PlainAuth("", "alice@exemple.test", demoPasswordAlice, "localhost")))
			must(t, c.Mail("alice@exemple.test"))
			must(t, c.Rcpt("bob@exemple.test"))
			w, err := c.Data()
			must(t, err)
			_, err = w.Write([]byte("Subject: hello\r\n\r\n.\r\n..two\r\nend\r\n"))
			must(t, err)
			must(t, w.Close())
			must(t, c.Quit())
			messages := s.messages("bob", inbox)
			raw := string(messages[len(messages)-1].raw)
			if !strings.HasSuffix(raw, "\r\nSubject: hello\r\n\r\n.\r\n..two\r\nend\r\n") || !strings.Contains(raw, "with "+door.with+" id") {
				t.Errorf("arrived as %q", raw)
			}
		})
	}
}

func dialSMTP(t *testing.T, s *Server, service string, implicit bool) *smtp.Client {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr(service))
	must(t, err)
	if implicit {
		nc = tls.Client(nc, clientTLS(s))
	}
	c, err := smtp.NewClient(nc, "localhost")
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pop3Client is as little of a POP3 client as a test needs.
type pop3Client struct {
	*textproto.Conn
	t *testing.T
}

func dialPOP3(t *testing.T, s *Server, service string) *pop3Client {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr(service))
	must(t, err)
	if service == POP3S {
		nc = tls.Client(nc, clientTLS(s))
	}
	c := &pop3Client{textproto.NewConn(nc), t}
	t.Cleanup(func() { _ = c.Close() })
	if line, err := c.ReadLine(); err != nil || !strings.HasPrefix(line, "+OK ") {
		t.Fatalf("greeting %q, %v", line, err)
	}
	return c
}

// do sends a command and gives the status line.
func (c *pop3Client) do(command string) string {
	c.t.Helper()
	must(c.t, c.PrintfLine("%s", command))
	line, err := c.ReadLine()
	must(c.t, err)
	return line
}

// all sends a command and gives the lines of its list.
func (c *pop3Client) all(command string) []string {
	c.t.Helper()
	if line := c.do(command); !strings.HasPrefix(line, "+OK") {
		c.t.Fatalf("%s: %s", command, line)
	}
	lines, err := c.ReadDotLines()
	must(c.t, err)
	return lines
}

func (c *pop3Client) logIn() {
	c.t.Helper()
	c.do("USER bob")
	if line := c.do("PASS " + demoPasswordBob); !strings.HasPrefix(line, "+OK") {
		c.t.Fatal(line)
	}
}

// What POP3 lists must be what it then sends, to the octet.
func TestPOP3Reads(t *testing.T) {
	s := start(t, Options{})
	for _, service := range []string{POP3, POP3S} {
		c := dialPOP3(t, s, service)
		capabilities := strings.Join(c.all("CAPA"), " ")
		if strings.Contains(capabilities, "STLS") != (service == POP3) {
			t.Errorf("%s announces %q", service, capabilities)
		}
		if line := c.do("STAT"); !strings.HasPrefix(line, "-ERR") {
			t.Errorf("STAT before log-in: %s", line)
		}
		c.logIn()
		want := s.messages("bob", inbox)
		sizes, uids := c.all("LIST"), c.all("UIDL")
		if len(sizes) != len(want) || len(uids) != len(want) {
			t.Fatalf("%d sizes, %d identifiers, want %d", len(sizes), len(uids), len(want))
		}
		for i, m := range want {
			if got := fmt.Sprintf("%d %d", i+1, len(m.raw)); sizes[i] != got {
				t.Errorf("LIST says %q, want %q", sizes[i], got)
			}
			lines := c.all(fmt.Sprintf("RETR %d", i+1))
			if got := strings.Join(lines, "\r\n") + "\r\n"; got != string(m.raw) {
				t.Errorf("message %d differs", i+1)
			}
		}
		if got := c.all("TOP 1 1"); got[len(got)-1] != "Bonjour Bob," || got[len(got)-2] != "" {
			t.Errorf("TOP 1 1 ends with %q", got[len(got)-2:])
		}
		c.do("QUIT")
	}
}

// DELE takes effect at QUIT and not before: a cut connection keeps everything (RFC 1939, section 6).
func TestPOP3DeleteNeedsQuit(t *testing.T) {
	s := start(t, Options{})
	c := dialPOP3(t, s, POP3)
	c.logIn()
	c.do("DELE 1")
	if line := c.do("RETR 1"); !strings.HasPrefix(line, "-ERR") {
		t.Errorf("RETR of a deleted message: %s", line)
	}
	if line := c.do("STAT"); !strings.HasPrefix(line, "+OK 5 ") {
		t.Errorf("STAT after DELE: %s", line)
	}
	must(t, c.Close())
	c = dialPOP3(t, s, POP3)
	eventually(t, "the lock to be released", func() bool {
		c.do("USER bob")
		return strings.HasPrefix(c.do("PASS "+demoPasswordBob), "+OK")
	})
	if n := len(s.messages("bob", inbox)); n != 6 {
		t.Fatalf("%d messages after the cut, want 6", n)
	}
	c.do("DELE 2")
	c.do("QUIT")
	messages := s.messages("bob", inbox)
	if len(messages) != 5 || messages[1].uid != 3 {
		t.Errorf("%d messages after QUIT, want 5 without UID 2", len(messages))
	}
}

// Only one POP3 session may hold a maildrop (RFC 1939, section 4; the code is of RFC 2449, section 8.1.2).
func TestPOP3Locks(t *testing.T) {
	s := start(t, Options{})
	c, d := dialPOP3(t, s, POP3), dialPOP3(t, s, POP3)
	c.logIn()
	d.do("USER bob")
	if line := d.do("PASS " + demoPasswordBob); !strings.HasPrefix(line, "-ERR [IN-USE]") {
		t.Errorf("second session: %s", line)
	}
	d.do("USER alice")
	if line := d.do("PASS " + demoPasswordAlice); !strings.HasPrefix(line, "+OK") {
		t.Errorf("another account: %s", line)
	}
}

// dialIMAP connects go-imap's client, an implementation not ours, and logs in.
func dialIMAP(t *testing.T, s *Server, how string, o *imapclient.Options) *imapclient.Client {
	t.Helper()
	if o == nil {
		o = &imapclient.Options{}
	}
	o.TLSConfig = clientTLS(s)
	dial, service := imapclient.DialInsecure, IMAP
	switch how {
	case "starttls":
		dial = imapclient.DialStartTLS
	case "implicit":
		dial, service = imapclient.DialTLS, IMAPS
	}
	c, err := dial(s.Addr(service), o)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	must(t, c.Login("bob@exemple.test", demoPasswordBob).Wait())
	return c
}

// A strict IMAP client must understand every response, in each security.
func TestIMAPClient(t *testing.T) {
	for _, how := range []string{"clear", "starttls", "implicit"} {
		t.Run(how, func(t *testing.T) {
			s := start(t, Options{})
			c := dialIMAP(t, s, how, nil)
			boxes, err := c.List("", "*", &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true}}).Collect()
			must(t, err)
			if len(boxes) != 6 || boxes[4].Mailbox != "Envoyés" || boxes[0].Status == nil || *boxes[0].Status.NumMessages != 6 {
				t.Errorf("LIST gave %+v", boxes)
			}
			selected, err := c.Select(inbox, nil).Wait()
			must(t, err)
			if selected.NumMessages != 6 || selected.UIDNext != 7 || selected.UIDValidity == 0 {
				t.Errorf("SELECT gave %+v", selected)
			}
			checkFetch(t, s, c)
			checkSearch(t, c)
			checkAppend(t, c)
			must(t, c.Logout().Wait())
		})
	}
}

func checkFetch(t *testing.T, s *Server, c *imapclient.Client) {
	t.Helper()
	whole := &imap.FetchItemBodySection{Peek: true}
	picture := &imap.FetchItemBodySection{Peek: true, Part: []int{2}, Partial: &imap.SectionPartial{Offset: 4, Size: 8}}
	fetched, err := c.Fetch(imap.SeqSetNum(3), &imap.FetchOptions{
		Envelope: true, Flags: true, UID: true, RFC822Size: true, InternalDate: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
		BodySection:   []*imap.FetchItemBodySection{whole, picture},
	}).Collect()
	must(t, err)
	m, want := fetched[0], s.messages("bob", inbox)[2]
	if !bytes.Equal(m.FindBodySection(whole), want.raw) || m.RFC822Size != int64(len(want.raw)) {
		t.Error("BODY[] is not the message")
	}
	if got := string(m.FindBodySection(picture)); got != "Rw0KGgoA" { // "iVBORw0KGgoA…" is a PNG file's beginning
		t.Errorf("BODY[2]<4.8> gave %q", got)
	}
	if m.Envelope.Subject != "The drawing for the poster" || m.Envelope.To[0].Name != "Bob Lefèvre" || m.Envelope.Date.IsZero() {
		t.Errorf("ENVELOPE gave %+v", m.Envelope)
	}
	mixed, ok := m.BodyStructure.(*imap.BodyStructureMultiPart)
	if !ok || len(mixed.Children) != 2 || mixed.Children[1].MediaType() != "image/png" || mixed.Children[1].Disposition().Value != "attachment" {
		t.Errorf("BODYSTRUCTURE gave %+v", m.BodyStructure)
	}
}

func checkSearch(t *testing.T, c *imapclient.Client) {
	t.Helper()
	for _, q := range []struct {
		criteria imap.SearchCriteria
		want     string
	}{
		{imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, "3:4,6"},
		{imap.SearchCriteria{Body: []string{"café"}}, "3"},
		{imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "séances"}}}, "2"},
		{imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{{Larger: 2000}, {Flag: []imap.Flag{imap.FlagAnswered}}}}}, "3,5"},
		{imap.SearchCriteria{Not: []imap.SearchCriteria{{UID: []imap.UIDSet{imap.UIDSetNum(1, 2, 3)}}}}, "4:6"},
	} {
		data, err := c.Search(&q.criteria, &imap.SearchOptions{ReturnAll: true}).Wait()
		must(t, err)
		if got := data.All.String(); got != q.want {
			t.Errorf("SEARCH %+v gave %s, want %s", q.criteria, got, q.want)
		}
	}
}

func checkAppend(t *testing.T, c *imapclient.Client) {
	t.Helper()
	text := []byte("Subject: draft\r\n\r\n(A1 OK)\r\n")
	w := c.Append("Brouillons", int64(len(text)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagDraft}})
	_, err := w.Write(text)
	must(t, err)
	must(t, w.Close())
	data, err := w.Wait()
	must(t, err)
	if data.UID != 1 || data.UIDValidity == 0 {
		t.Errorf("APPEND gave %+v", data)
	}
	copied, err := c.Copy(imap.SeqSetNum(1, 3), "Brouillons").Wait()
	must(t, err)
	if copied.SourceUIDs.String() != "1,3" || copied.DestUIDs.String() != "2:3" {
		t.Errorf("COPY gave %+v", copied)
	}
}

// curl is a client of all three protocols: it must get through all nine doors.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("curl is needed in CI: ", err)
		}
		t.Skip("curl is not installed")
	}
	s := start(t, Options{})
	authority, message := filepath.Join(t.TempDir(), "ca.pem"), filepath.Join(t.TempDir(), "message")
	must(t, os.WriteFile(authority, s.Authority().PEM(), 0o600))
	must(t, os.WriteFile(message, []byte("Subject: by curl\r\n\r\n.hello\r\n"), 0o600))
	for _, door := range []struct{ scheme, service, security string }{
		{"smtp", Submission, ""}, {"smtp", Submission, "--ssl-reqd"}, {"smtps", SMTPS, ""},
		{"pop3", POP3, ""}, {"pop3", POP3, "--ssl-reqd"}, {"pop3s", POP3S, ""},
		{"imap", IMAP, ""}, {"imap", IMAP, "--ssl-reqd"}, {"imaps", IMAPS, ""},
	} {
		t.Run(door.scheme+door.security, func(t *testing.T) {
			_, port, err := net.SplitHostPort(s.Addr(door.service))
			must(t, err)
			url, want := door.scheme+"://localhost:"+port, "The drawing for the poster"
			args := []string{"-sS", "-m", "20", "--noproxy", "*", "--cacert", authority}
			if door.security != "" {
				args = append(args, door.security)
			}
			switch door.scheme[:4] {
			case "smtp":
				want = ""
				args = append(args, "-u", "alice:"+demoPasswordAlice, "--mail-from", "alice@exemple.test", "--mail-rcpt", "bob@exemple.test", "-T", message, url)
			case "pop3":
				args = append(args, "-u", "bob:"+demoPasswordBob, url+"/3")
			default:
				args = append(args, "-u", "bob:"+demoPasswordBob, url+"/INBOX;MAILINDEX=3")
			}
			out, err := exec.CommandContext(t.Context(), curl, args...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), want) {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
	if n := len(s.messages("bob", inbox)); n != 9 {
		t.Errorf("%d messages in the end, want 6 and the 3 sent", n)
	}
}
