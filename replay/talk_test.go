package replay

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"facteur/decode"
	"facteur/internal/lab"
)

// talked makes a dialogue of lines in clear: "C: …" and "S: …", each ended by CRLF; "S- 9" is a gap of nine octets.
func talked(t testing.TB, protocol, lines string) *Dialogue {
	t.Helper()
	book := &Book{}
	s := decode.New(decode.Options{Protocol: protocol, Octets: func(leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
		book.Octets(1, leg, from, layer, at, data)
	}})
	now := t0
	feed := func(c decode.Chunk) { now = now.Add(10 * time.Millisecond); c.Time = now; book.Publish(1, s.Feed(c)) }
	feed(decode.Chunk{Told: &decode.Told{Kind: "session.open", Fields: []decode.Field{{Name: "protocol", Value: protocol}}}})
	for _, l := range strings.Split(strings.TrimSpace(lines), "\n") {
		from := decode.Client
		if l[0] == 'S' {
			from = decode.Server
		}
		if l[1] == '-' {
			n := 0
			fmt.Sscan(l[2:], &n)
			feed(decode.Chunk{From: from, Lost: n})
			continue
		}
		feed(decode.Chunk{From: from, Data: []byte(strings.TrimPrefix(l[2:], " ") + "\r\n")})
	}
	book.Publish(1, s.Close(now))
	all, err := book.Dialogues()
	if err != nil || len(all) != 1 {
		t.Fatalf("%d dialogues, %v", len(all), err)
	}
	return all[0]
}

// converse says lines to a server and gives all it answers up to the end; lines beginning with "S: " are waited for
// before the next is said.
func converse(t *testing.T, addr, lines string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(c)
	for _, l := range strings.Split(strings.TrimSpace(lines), "\n") {
		if l[0] == 'C' {
			fmt.Fprintf(c, "%s\r\n", strings.TrimPrefix(l[2:], " "))
			continue
		}
		got, err := r.ReadString('\n')
		if want := strings.TrimPrefix(l[2:], " "); err != nil || !strings.HasPrefix(got, want) {
			t.Fatalf("the server said %q (%v), want %q", got, err, want)
		}
	}
}

const sieveTalk = `
S: "IMPLEMENTATION" "x"
S: "SASL" "SCRAM-SHA-256 PLAIN"
S: "STARTTLS"
S: OK "ready"
C: AUTHENTICATE "PLAIN" "AGJvYgAqKioq"
S: OK "Logged in."
C: LISTSCRIPTS
S: "main" ACTIVE
S: OK "done"
C: PUTSCRIPT "new" {7+}
C: keep;x
S: OK "stored"
C: SETACTIVE "new"
S: OK
C: LOGOUT
S: OK "Bye"
`

// ManageSieve is served as well: lists adapted, scripts of any content, order of questions free.
func TestServeSieve(t *testing.T) {
	s := serve(t, []*Dialogue{talked(t, decode.Sieve, sieveTalk)})
	converse(t, s.Doors()[0].Addr, `
S: "IMPLEMENTATION" "x"
S: "SASL" "PLAIN"
S: "STARTTLS"
S: OK "ready"
C: listscripts
S: "main" ACTIVE
S: OK "done"
C: AUTHENTICATE "SCRAM-SHA-256" "abcd"
S: NO "facteur replay: SCRAM-SHA-256 needs the password
C: AUTHENTICATE "PLAIN"
S: ""
C: "AGFubgB4"
S: OK "Logged in."
C: SETACTIVE "new"
S: NO "facteur replay: the recording has
C: PUTSCRIPT "new" {14+}
C: discard; stop;
S: OK "stored"
C: SETACTIVE "new"
S: OK
C: LOGOUT
S: OK "Bye"
`)
	if bad := s.of(ServeMismatch); len(bad) != 1 || !strings.HasPrefix(bad[0].Expected, "PUTSCRIPT") {
		t.Errorf("mismatches: %+v", bad)
	}
}

const lmtpTalk = `
S: 220 lmtp ready
C: LHLO me
S: 250-lmtp
S: 250 PIPELINING
C: MAIL FROM:<a@x.example> SIZE=12 BODY=8BITMIME
S: 250 ok
C: RCPT TO:<b@y.example>
S: 250 ok
C: RCPT TO:<c@y.example>
S: 250 ok
C: DATA
S: 354 go
C: Subject: x
C: 
C: hi
C: .
S: 250 b
S: 250 c
C: QUIT
S: 221 bye
`

// LMTP gives one reply for each recipient; recipients and parameters come in any order, commands in one go.
func TestServeLMTPPipelined(t *testing.T) {
	d := talked(t, decode.LMTP, lmtpTalk)
	s := serve(t, []*Dialogue{d})
	converse(t, s.Doors()[0].Addr, `
S: 220 lmtp ready
C: lhlo other
S: 250-lmtp
S: 250 PIPELINING
C: mail from:<a@X.example> body=8bitmime size=999
C: RCPT TO:<c@y.example>
C: RCPT TO:<b@y.example>
C: DATA
S: 250 ok
S: 250 ok
S: 250 ok
S: 354 go
C: anything
C: ..
C: .
S: 250 b
S: 250 c
C: QUIT
S: 221 bye
`)
	if bad := s.of(ServeMismatch); len(bad) > 0 {
		t.Errorf("mismatches: %+v", bad)
	}
}

// What a recording cannot answer is refused with the reason; what it can is accepted whatever the mechanism.
func TestServeMechanisms(t *testing.T) {
	all := recorded(t, lab.Options{Mechanisms: []string{"SCRAM-SHA-256"}}, "smtp-clear-scram")
	s := serve(t, all)
	for _, v := range []string{
		"C: AUTH SCRAM-SHA-256 biws\nS: 504 5.5.4 facteur replay: SCRAM-SHA-256 needs the password\nC: AUTH PLAIN =\nS: 235",
		"C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: Ym9i\nS: 334 UGFzc3dvcmQ6\nC: eA==\nS: 235",
		"C: AUTH LOGIN Ym9i\nS: 334 UGFzc3dvcmQ6\nC: *\nS: 504 5.5.4 facteur replay: authentication cancelled\nC: AUTH XOAUTH2 dXNlcj1ib2IBYXV0aD1CZWFyZXIgeAEB\nS: 235",
		"C: AUTH CRAM-MD5\nS: 334 PDE4\nC: Ym9iIDAw\nS: 235",
	} {
		converse(t, s.Doors()[0].Addr, "S: 220\nC: EHLO x\nS: 250-mail\nS: 250-PIPELINING\nS: 250-SIZE\nS: 250-STARTTLS\nS: 250-AUTH PLAIN\nS: 250-ENH\nS: 250-8BIT\nS: 250-SMTPUTF8\nS: 250 CHUNKING\n"+v+"\nC: QUIT\nS: 221")
	}
	if n := len(s.of(ServeLogin)); n != 4 {
		t.Errorf("%d log-ins told, want 4", n)
	}
	for _, e := range s.of(ServeLogin) {
		if e.Got != "PLAIN" && !strings.HasSuffix(e.Got, " bob") {
			t.Errorf("logged in as %q", e.Got)
		}
	}
}

// COMPRESS is real: the compressed session completes.
func TestServeCompress(t *testing.T) {
	for _, id := range []string{"imap-clear-compress", "imap-starttls-compress", "imap-implicit-compress"} {
		s := serve(t, recorded(t, lab.Options{Compress: true}, id))
		script, _ := lab.FindScript(id)
		if err := lab.Play(t.Context(), script, s.targets()); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		if bad := s.of(ServeMismatch); len(bad) > 0 {
			t.Errorf("%s: %+v", id, bad)
		}
	}
}

// Go's own net/smtp sends a message to a recording of itself, in every security.
func TestServeNetSMTP(t *testing.T) {
	send := func(addr string, config *tls.Config, implicit, starttls bool) error {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		if implicit {
			nc = tls.Client(nc, config)
		}
		c, err := smtp.NewClient(nc, "localhost")
		if err != nil {
			return err
		}
		defer c.Close()
		if starttls {
			if err := c.StartTLS(config); err != nil {
				return err
			}
		}
		if err := c.Auth(smtp.PlainAuth("", "alice", lab.Accounts[0].Password, "localhost")); err != nil {
			return err
		}
		if err := errors.Join(c.Mail("alice@exemple.test"), c.Rcpt("bob@exemple.test")); err != nil {
			return err
		}
		w, err := c.Data()
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "Subject: %d\r\n\r\n.dot\r\n", rand.Int())
		return errors.Join(w.Close(), c.Quit())
	}
	for _, security := range []string{Clear, StartTLS, ImplicitTLS} {
		book := &Book{}
		tp, targets := tappedLab(t, lab.Options{}, book)
		config := &tls.Config{RootCAs: targets.RootCAs, ServerName: "localhost", KeyLogWriter: tp}
		if err := send(targets.Addrs[labDoor(decode.SMTP, security)], config, security == ImplicitTLS, security == StartTLS); err != nil {
			t.Fatalf("%s, the practice server itself: %v", security, err)
		}
		tp.settle()
		all, err := book.Dialogues()
		if err != nil {
			t.Fatal(err)
		}
		s := serve(t, all)
		for i, served := range []string{Clear, StartTLS, ImplicitTLS} {
			door := s.Doors()[i/2]
			if err := send(door.Addr, &tls.Config{RootCAs: s.pool, ServerName: "localhost"}, served == ImplicitTLS, served == StartTLS); err != nil {
				t.Errorf("recorded %s, served %s: %v", security, served, err)
			}
		}
		if bad := s.of(ServeMismatch); len(bad) > 0 {
			t.Errorf("recorded %s: %+v", security, bad)
		}
	}
}

// A gap, a cut beginning and a cut end are told with the step they come after.
func TestDialogueTellsWhatIsMissing(t *testing.T) {
	gap := talked(t, decode.POP3, "S: +OK hi\nC: STAT\nS- 9\nS: +OK 1 2\nC: QUIT\nS: +OK bye")
	if err := gap.Whole(); err == nil || !strings.Contains(err.Error(), "after step 2 (STAT), 9 octets of the server's side") {
		t.Errorf("a gap: %v", err)
	}
	late := talked(t, decode.SMTP, "C: MAIL FROM:<a@x.example>\nS: 250 ok\nC: QUIT\nS: 221 bye")
	if err := late.Whole(); err == nil || !strings.Contains(err.Error(), "greeting") {
		t.Errorf("no greeting: %v", err)
	}
	cut := talked(t, decode.SMTP, "S: 220 hi\nC: EHLO me\nS: 250 x\nC: MAIL FROM:<a@x.example>")
	if err := cut.Whole(); err != nil || !cut.Steps[2].Cut {
		t.Errorf("cut at the end: %v, %+v", err, cut.Steps)
	}
	s := serve(t, []*Dialogue{cut})
	converse(t, s.Doors()[0].Addr, "S: 220 hi\nC: EHLO me\nS: 250 x\nC: MAIL FROM:<a@x.example>\nS: 503 5.5.1 facteur replay\nC: QUIT\nS: 221")
}

// Commands that mean the same are the same, and no others.
func TestMeaning(t *testing.T) {
	same := map[string][][2]string{
		decode.SMTP: {{"MAIL FROM:<a@B.example> SIZE=1 SMTPUTF8", "mail from: <a@b.example>  smtputf8 size=20"}, {"EHLO a", "ehlo [127.0.0.1]"},
			{"RCPT TO:<\"a>b\"@x.example> NOTIFY=NEVER", "rcpt to:<\"a>b\"@X.example> notify=never"}, {"AUTH PLAIN eA==", "AUTH LOGIN"}},
		decode.POP3: {{"RETR 1", "retr 01"}, {"PASS x", "APOP u 00"}, {"TOP 1 0", "top 1  0"}},
		decode.IMAP: {{"a1 SELECT inbox", "b SELECT \"INBOX\""}, {"a FETCH 1:3 (FLAGS UID)", "b fetch 1,2,3 (uid flags)"}, {"a FETCH 1 FLAGS", "a FETCH 1 (FLAGS)"},
			{"a LOGIN x y", "b AUTHENTICATE PLAIN"}, {"a STORE 1 +FLAGS (\\Seen \\Draft)", "a STORE 1 +flags \\draft \\seen"}, {"a SELECT {5}\r\nhello", "a SELECT hello"},
			{"a APPEND x (\\Seen) \"01-Jan-2020 00:00:00 +0000\" {3}\r\nabc", "a APPEND x (\\seen) {4+}\r\nabcd"}, {"a SEARCH CHARSET UTF-8 ALL", "a SEARCH ALL"},
			{"a FETCH 1 FAST", "a FETCH 1 (INTERNALDATE FLAGS RFC822.SIZE)"}, {"a UID SEARCH SINCE 1-Jan-2020", "a uid search since \"02-Feb-2026\""},
			{"a SEARCH HEADER Message-ID <1@x>", "a SEARCH HEADER message-id \"<2@y>\""}},
	}
	other := map[string][][2]string{
		decode.SMTP: {{"MAIL FROM:<a@b.example>", "MAIL FROM:<A@b.example>"}, {"EHLO a", "HELO a"}, {"RCPT TO:<a@b.example>", "RCPT TO:<c@b.example>"}, {"BDAT 3", "BDAT 3 LAST"}},
		decode.POP3: {{"RETR 1", "RETR 2"}, {"LIST", "LIST 1"}},
		decode.IMAP: {{"a FETCH 1 FLAGS", "a UID FETCH 1 FLAGS"}, {"a FETCH 1:* FLAGS", "a FETCH 1:7 FLAGS"}, {"a SELECT Inbox2", "a SELECT inbox2"}, {"a SELECT x", "a EXAMINE x"},
			{"a FETCH 1 BODY[TEXT]", "a FETCH 1 BODY[]"}, {"a STORE 1 +FLAGS \\Seen", "a STORE 1 -FLAGS \\Seen"}},
	}
	for protocol, pairs := range same {
		for _, p := range pairs {
			if a, b := meaning(protocol, []byte(p[0]+"\r\n")), meaning(protocol, []byte(p[1]+"\r\n")); a != b {
				t.Errorf("%s: %q means %q, %q means %q", protocol, p[0], a, p[1], b)
			}
		}
	}
	for protocol, pairs := range other {
		for _, p := range pairs {
			if a, b := meaning(protocol, []byte(p[0]+"\r\n")), meaning(protocol, []byte(p[1]+"\r\n")); a == b {
				t.Errorf("%s: %q and %q both mean %q", protocol, p[0], p[1], a)
			}
		}
	}
}

// What a client sends is never shown with its password.
func TestShownLineHidesCredentials(t *testing.T) {
	for _, v := range [][2]string{{decode.IMAP, "a1 LOGIN bob geheim"}, {decode.POP3, "PASS geheim"}, {decode.SMTP, "AUTH PLAIN geheim"}, {decode.IMAP, "a AUTHENTICATE PLAIN geheim"},
		{decode.POP3, "APOP bob geheim"}, {decode.Sieve, `AUTHENTICATE "PLAIN" "geheim"`}, {decode.SMTP, "auth plain geheim"}, {decode.IMAP, "a LOGIN geheim"}, {decode.SMTP, "AUTH geheim geheim"}} {
		if line := shownLine(v[0], []byte(v[1]+"\r\n")); strings.Contains(strings.Replace(line, "AUTH geheim", "", 1), "geheim") {
			t.Errorf("%q is shown as %q", v[1], line)
		}
	}
}

// Whatever a client sends, meaning and its parts give an answer.
func FuzzMeaning(f *testing.F) {
	for _, s := range []string{"a FETCH 1:* (BODY[HEADER.FIELDS (TO)]<0.2> FLAGS)\r\n", "a LOGIN {3}\r\nbob {3+}\r\nabc\r\n", "MAIL FROM:<\"a>\\\"@b> X=1\r\n", "RETR 1\r\n", "x {99999999999}\r\n", "a STORE 4294967295:1 FLAGS ()\r\n", "\"\\", "(((", "a UID"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		for _, p := range []string{decode.SMTP, decode.LMTP, decode.POP3, decode.IMAP, decode.Sieve} {
			_ = classOf(p, meaning(p, octets))
			if line := shownLine(p, octets); len(line) > 2*maxShown+len(octets) || bytes.ContainsRune([]byte(line), '\n') {
				t.Errorf("shown as %q", line)
			}
		}
	})
}

// Whatever a recording holds, a dialogue comes of it, compares equal to itself, and is served or refused.
func FuzzDialogue(f *testing.F) {
	f.Add(lmtpTalk, uint8(1))
	f.Add(sieveTalk, uint8(4))
	f.Add("S: * OK hi\nC: a LOGIN b c\nS: a OK\nC: b APPEND x {3}\nS: +\nC: abc\nS: b OK\nC: c IDLE\nS: + i\nS: * 1 EXISTS\nC: DONE\nS: c OK\nC: d FETCH 1 BODY[]\nC: e NOOP\nS: * 1 FETCH (BODY[] {2}\nS: x)\nS: d OK\nS: e OK", uint8(3))
	f.Add("S: 220 hi\nC: EHLO x\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nC: plain", uint8(0))
	f.Fuzz(func(t *testing.T, lines string, which uint8) {
		var kept []string
		for _, l := range strings.Split(lines, "\n") {
			if len(l) > 1 && (l[0] == 'C' || l[0] == 'S') && (l[1] == ':' || l[1] == '-') {
				kept = append(kept, l)
			}
		}
		if len(kept) == 0 {
			return
		}
		protocol := []string{decode.SMTP, decode.LMTP, decode.POP3, decode.IMAP, decode.Sieve}[which%5]
		d := talked(t, protocol, strings.Join(kept, "\n"))
		if rows := Diff(d, d); !Equal(rows) || len(rows) != len(d.Steps) {
			t.Errorf("a session differs from itself:\n%s", differences(rows))
		}
		if _, err := NewServer(ServeOptions{Dialogues: []*Dialogue{d}}); err != nil && !errors.Is(err, ErrIncomplete) {
			t.Error(err)
		}
	})
}

// longSession is an IMAP session of n steps.
func longSession(b testing.TB, n int) *Dialogue {
	var s strings.Builder
	s.WriteString("S: * OK hi\n")
	for i := range n {
		fmt.Fprintf(&s, "C: a%d FETCH %d (FLAGS UID)\nS: * %d FETCH (UID %d FLAGS ())\nS: a%d OK done\n", i, i+1, i+1, i+1, i)
	}
	return talked(b, decode.IMAP, s.String())
}

func BenchmarkDiff(b *testing.B) {
	x, y := longSession(b, 2000), longSession(b, 2000)
	y.Steps = append(y.Steps[:500:500], y.Steps[700:]...)
	b.ReportAllocs()
	for b.Loop() {
		Diff(x, y)
	}
}

func BenchmarkMeaning(b *testing.B) {
	octets := []byte("a1 UID FETCH 1:5,9,12:40 (UID FLAGS BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT)])\r\n")
	b.ReportAllocs()
	b.SetBytes(int64(len(octets)))
	for b.Loop() {
		meaning(decode.IMAP, octets)
	}
}
