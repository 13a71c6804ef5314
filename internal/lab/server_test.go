package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// eventually waits for something that another goroutine does.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for " + what)
		}
	}
}

// A session in IDLE must hear of a delivery by SMTP and of another session's flags and removals, as they happen.
func TestIdleHears(t *testing.T) {
	s := start(t, Options{})
	heard := make(chan string, 100)
	idle := dialIMAP(t, s, "implicit", &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Expunge: func(n uint32) { heard <- fmt.Sprintf("expunge %d", n) },
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				heard <- fmt.Sprintf("exists %d", *d.NumMessages)
			}
		},
		Fetch: func(m *imapclient.FetchMessageData) {
			b, err := m.Collect()
			heard <- fmt.Sprintf("flags %d %v %v", m.SeqNum, b.Flags, err)
		},
	}})
	_, err := idle.Select(inbox, nil).Wait()
	must(t, err)
	command, err := idle.Idle()
	must(t, err)
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-heard:
			if got != want {
				t.Fatalf("heard %q, want %q", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%q was not heard", want)
		}
	}
	must(t, Play(t.Context(), titled("send", "", "", sendQuickly("alice", alice(), bob(), letter)), s.Targets()))
	expect("exists 7")

	other := dialIMAP(t, s, "clear", nil)
	_, err = other.Select(inbox, nil).Wait()
	must(t, err)
	must(t, other.Store(imap.SeqSetNum(3), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Close())
	expect(`flags 3 [\Flagged] <nil>`)
	_, err = other.Move(imap.SeqSetNum(2), "Archives").Wait()
	must(t, err)
	expect("expunge 2")
	must(t, command.Close())
	must(t, command.Wait())
}

// dialLines is a client that sees every line as it is.
func dialLines(t *testing.T, s *Server, service string) *textproto.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr(service))
	must(t, err)
	c := textproto.NewConn(nc)
	t.Cleanup(func() { _ = c.Close() })
	_, err = c.ReadLine()
	must(t, err)
	return c
}

// imapLines sends a command and gives all lines up to the tagged one.
func imapLines(t *testing.T, c *textproto.Conn, command string) []string {
	t.Helper()
	must(t, c.PrintfLine("%s", command))
	tag, _, _ := strings.Cut(command, " ")
	for lines := []string(nil); ; {
		line, err := c.ReadLine()
		must(t, err)
		if lines = append(lines, line); strings.HasPrefix(line, tag+" ") {
			return lines
		}
	}
}

// MOVE must tell one EXPUNGE for each message, with COPYUID before it (RFC 6851, section 4.3): the flaw of a widely used
// in-memory server, which tells two.
func TestMoveTellsOnce(t *testing.T) {
	s := start(t, Options{})
	c := dialLines(t, s, IMAP)
	imapLines(t, c, "a1 LOGIN bob "+demoPasswordBob)
	imapLines(t, c, "a2 SELECT INBOX")
	got := imapLines(t, c, "a3 UID MOVE 2,4 Archives")
	if len(got) != 4 || !strings.HasPrefix(got[0], "* OK [COPYUID ") || got[1] != "* 2 EXPUNGE" || got[2] != "* 3 EXPUNGE" || got[3] != "a3 OK Move completed." {
		t.Errorf("UID MOVE 2,4 gave %q", got)
	}
	if got := imapLines(t, c, "a4 NOOP"); len(got) != 1 {
		t.Errorf("NOOP after it gave %q", got)
	}
}

// Numbers must stay while FETCH, STORE and SEARCH run, and be told before the next command (RFC 3501, section 7.4.1).
func TestExpungeWaits(t *testing.T) {
	s := start(t, Options{})
	c, d := dialLines(t, s, IMAP), dialLines(t, s, IMAP)
	for _, x := range []*textproto.Conn{c, d} {
		imapLines(t, x, "a1 LOGIN bob "+demoPasswordBob)
		imapLines(t, x, "a2 SELECT INBOX")
	}
	imapLines(t, d, `d1 STORE 1 +FLAGS.SILENT (\Deleted)`)
	imapLines(t, d, "d2 EXPUNGE")
	for _, step := range []struct{ command, want string }{
		{"c1 FETCH 2 UID", "* 2 FETCH (UID 2)|c1 OK Fetch completed."},
		{"c2 FETCH 1 UID", "* 1 FETCH (UID 1)|c2 OK Fetch completed."},
		{"c3 SEARCH UID 2", "* SEARCH 2|c3 OK Search completed."},
		{"c4 NOOP", "* 1 EXPUNGE|c4 OK NOOP completed."},
		{"c5 FETCH 1 UID", "* 1 FETCH (UID 2)|c5 OK Fetch completed."},
		{"c6 FETCH 6 UID", "c6 BAD Error in IMAP command FETCH: Invalid messageset"},
		{"c7 UID FETCH 100 FLAGS", "c7 OK Fetch completed."},
	} {
		if got := strings.Join(imapLines(t, c, step.command), "|"); got != step.want {
			t.Errorf("%s gave %q, want %q", step.command, got, step.want)
		}
	}
}

// Folder commands, with the responses that clients decide on.
func TestIMAPFolders(t *testing.T) {
	s := start(t, Options{})
	c := dialLines(t, s, IMAP)
	imapLines(t, c, "a1 LOGIN bob "+demoPasswordBob)
	for _, step := range []struct{ command, want string }{
		{"b1 CREATE Projets/2026/", "b1 OK Create completed."},
		{"b2 LIST \"\" Projets%", `* LIST (\HasChildren) "/" Projets|b2 OK List completed.`},
		{"b3 LIST \"\" Projets/%", `* LIST (\HasNoChildren) "/" Projets/2026|b3 OK List completed.`},
		{"b4 DELETE Projets", "b4 NO [HASCHILDREN] Mailbox has children, delete them first."},
		{"b5 RENAME Projets Affaires", "b5 OK Rename completed."},
		{"b6 LSUB \"\" \"A*\"", `* LSUB () "/" Affaires|* LSUB () "/" Affaires/2026|* LSUB () "/" Archives|b6 OK Lsub completed.`},
		{"b7 DELETE INBOX", "b7 NO [CANNOT] Operation not permitted on this mailbox."},
		{"b8 SELECT Rien", "b8 NO [NONEXISTENT] Mailbox doesn't exist."},
		{"b9 LIST (SPECIAL-USE) \"\" % RETURN (SUBSCRIBED)", `* LIST (\HasNoChildren \Subscribed \Archive) "/" Archives|* LIST (\HasNoChildren \Subscribed \Drafts) "/" Brouillons|* LIST (\HasNoChildren \Subscribed \Trash) "/" Corbeille|* LIST (\HasNoChildren \Subscribed \Sent) "/" Envoy&AOk-s|* LIST (\HasNoChildren \Subscribed \Junk) "/" Ind&AOk-sirables|b9 OK List completed.`},
		{"b10 RENAME INBOX Vieux", "b10 OK Rename completed."},
		{"b11 STATUS inbox (MESSAGES)", "* STATUS INBOX (MESSAGES 0)|b11 OK Status completed."},
		{"b12 STATUS Vieux (MESSAGES UNSEEN UIDNEXT)", "* STATUS Vieux (MESSAGES 6 UNSEEN 3 UIDNEXT 7)|b12 OK Status completed."},
		{"b13 EXAMINE Vieux extra", "b13 BAD Error in IMAP command EXAMINE: unexpected argument."},
		{"b14 FETCH 1 FLAGS", "b14 BAD No mailbox selected."},
		{"b15 XYZZY", "b15 BAD Error in IMAP command received by server."},
	} {
		if got := strings.Join(imapLines(t, c, step.command), "|"); got != step.want {
			t.Errorf("%s gave %q, want %q", step.command, got, step.want)
		}
	}
}

// EXAMINE must change nothing, and BODY[] after SELECT must mark as read.
func TestExamineChangesNothing(t *testing.T) {
	s := start(t, Options{})
	c := dialLines(t, s, IMAP)
	imapLines(t, c, "a1 LOGIN bob "+demoPasswordBob)
	imapLines(t, c, "a2 EXAMINE INBOX")
	imapLines(t, c, "a3 FETCH 3 BODY[TEXT]")
	if got := imapLines(t, c, `a4 STORE 3 +FLAGS (\Seen)`); !strings.HasPrefix(got[0], "a4 NO [READ-ONLY]") {
		t.Errorf("STORE after EXAMINE gave %q", got)
	}
	if hasFlag(s.messages("bob", inbox)[2].flags, `\Seen`) {
		t.Error("EXAMINE and BODY[] marked as read")
	}
	imapLines(t, c, "a5 SELECT INBOX")
	if got := imapLines(t, c, "a6 FETCH 4 BODY[HEADER.FIELDS (X-NONE)]"); got[len(got)-2] != ` FLAGS (\Seen))` {
		t.Errorf("BODY[] did not tell the flags it set: %q", got)
	}
}

// A literal may be refused before it is sent, and never costs memory before log-in.
func TestLiteralLimits(t *testing.T) {
	s := start(t, Options{})
	c := dialLines(t, s, IMAP)
	if got := imapLines(t, c, "a1 LOGIN {99999999999}"); got[0] != "a1 NO [TOOBIG] Literal too large." {
		t.Errorf("gave %q", got)
	}
	if got := imapLines(t, c, "a2 NOOP"); got[0] != "a2 OK NOOP completed." {
		t.Errorf("the session did not go on: %q", got)
	}
	must(t, c.PrintfLine("a3 LOGIN {99999999999+}"))
	if line, err := c.ReadLine(); err != nil || !strings.HasPrefix(line, "* BYE [TOOBIG]") {
		t.Errorf("gave %q, %v", line, err)
	}
}

// A command slipped in behind STARTTLS must not be obeyed inside TLS (RFC 3207, section 6; CVE-2011-0411).
func TestStartTLSInjection(t *testing.T) {
	s := start(t, Options{})
	for service, commands := range map[string][2]string{
		Submission: {"EHLO a\r\n", "STARTTLS\r\nRSET\r\n"}, POP3: {"CAPA\r\n", "STLS\r\nNOOP\r\n"}, IMAP: {"a1 NOOP\r\n", "a2 STARTTLS\r\na3 NOOP\r\n"},
	} {
		nc, err := net.Dial("tcp", s.Addr(service))
		must(t, err)
		_, err = io.WriteString(nc, commands[0]+commands[1])
		must(t, err)
		must(t, nc.SetDeadline(time.Now().Add(10*time.Second)))
		all, _ := io.ReadAll(nc) // ends when the server's handshake has failed on "RSET…"
		if text := string(all); strings.Contains(text, "Ok\r\nok") || strings.Contains(text, "a3 OK") || strings.Count(text, "2.0.0 Ok") > 0 {
			t.Errorf("%s answered the injected command: %q", service, text)
		}
		_ = nc.Close()
	}
}

// A ClientHello that comes in one segment with STARTTLS belongs to the handshake.
func TestStartTLSGlued(t *testing.T) {
	s := start(t, Options{})
	nc, err := net.Dial("tcp", s.Addr(IMAP))
	must(t, err)
	defer nc.Close()
	r := bufio.NewReader(nc)
	_, err = r.ReadString('\n')
	must(t, err)
	glued := &gluedConn{Conn: nc, r: r, prefix: "a1 STARTTLS\r\n"}
	secure := tls.Client(glued, clientTLS(s))
	must(t, secure.Handshake())
	_, err = io.WriteString(secure, "a2 NOOP\r\n")
	must(t, err)
	if line, err := bufio.NewReader(secure).ReadString('\n'); err != nil || line != "a2 OK NOOP completed.\r\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

// gluedConn puts a line before the first write and takes a line before the first read.
type gluedConn struct {
	net.Conn
	r      *bufio.Reader
	prefix string
	read   bool
}

func (g *gluedConn) Write(p []byte) (int, error) {
	prefix := g.prefix
	g.prefix = ""
	n, err := g.Conn.Write(append([]byte(prefix), p...))
	return max(0, n-len(prefix)), err
}

func (g *gluedConn) Read(p []byte) (int, error) {
	if !g.read {
		g.read = true
		if _, err := g.r.ReadString('\n'); err != nil {
			return 0, err
		}
	}
	return g.r.Read(p)
}

// The replies that lessons and other programs rely on, word for word where a code depends on it.
func TestSMTPReplies(t *testing.T) {
	s := start(t, Options{})
	c := dialLines(t, s, SMTP)
	for _, step := range []struct{ command, want string }{
		{"MAIL FROM:<a@b.example>", "503 5.5.1 Error: send HELO/EHLO first"},
		{"HELO pc", "250 mail.exemple.test"},
		{"RCPT TO:<bob@exemple.test>", "503 5.5.1 Error: need MAIL command"},
		{"MAIL FROM:<a@b.example> SIZE=99999999", "552 5.3.4 Message size exceeds fixed limit"},
		{"MAIL FROM:<a@b.example> SMTPUTF8 X=1", "555 5.5.4 Unsupported option: X=1"},
		{"MAIL FROM:<@relay.example:a@b.example> BODY=8BITMIME", "250 2.1.0 Ok"},
		{"RCPT TO:<nobody@exemple.test>", "550 5.1.1 <nobody@exemple.test>: Recipient address rejected: User unknown in local recipient table"},
		{"RCPT TO:<bob@elsewhere.example>", "550 5.7.1 <bob@elsewhere.example>: Relay access denied"},
		{"RCPT TO:<bob@exemple.test@elsewhere.example>", "550 5.7.1 <bob@exemple.test@elsewhere.example>: Relay access denied"},
		{"RCPT TO:<>", "501 5.5.4 Syntax: RCPT TO:<address>"},
		{"DATA", "554 5.5.1 Error: no valid recipients"},
		{"rcpt to: <Bob+liste@Exemple.Test>", "250 2.1.5 Ok"},
		{"RCPT TO:<Postmaster>", "250 2.1.5 Ok"},
		{"MAIL FROM:<a@b.example>", "503 5.5.1 Error: nested MAIL command"},
		{"VRFY bob", "252 2.0.0 bob"},
		{"EXPN bob", "502 5.5.1 Error: command not implemented"},
		{"XYZZY", "500 5.5.2 Error: command not recognized"},
		{"NOOP", "250 2.0.0 Ok"},
		{"AUTH GSSAPI", "503 5.5.1 Error: MAIL transaction in progress"},
		{"RSET", "250 2.0.0 Ok"},
		{"AUTH GSSAPI", "504 5.5.4 Error: authentication mechanism not supported"},
		{"AUTH PLAIN ***", "501 5.5.2 Error: cannot decode the response as base64"},
		{"AUTH PLAIN =", "535 5.7.8 Error: authentication failed"},
		{"AUTH LOGIN", "334 VXNlcm5hbWU6"},
		{"*", "501 5.7.0 Authentication aborted"},
		{"BDAT 6 LAST\r\nRSET", "503 5.5.1 Error: need MAIL command"},
		{"QUIT", "221 2.0.0 Bye"},
	} {
		must(t, c.PrintfLine("%s", step.command))
		if line, err := c.ReadLine(); err != nil || line != step.want {
			t.Errorf("%s gave %q, %v; want %q", step.command, line, err, step.want)
		}
	}
}

// A message must end at <CRLF>.<CRLF> and nowhere else, or a second one can be smuggled in behind a bare LF.
func TestNoSmuggling(t *testing.T) {
	s := start(t, Options{})
	c := dialLines(t, s, SMTP)
	for _, command := range []string{"HELO pc", "MAIL FROM:<a@b.example>", "RCPT TO:<bob@exemple.test>", "DATA"} {
		must(t, c.PrintfLine("%s", command))
		_, err := c.ReadLine()
		must(t, err)
	}
	must(t, c.PrintfLine("Subject: one\r\n\r\nfirst\n.\r\nMAIL FROM:<x@y.example>\r\nsecond\r\n.\nthird\r\n."))
	line, err := c.ReadLine()
	must(t, err)
	messages := s.messages("bob", inbox)
	if raw := string(messages[len(messages)-1].raw); !strings.HasPrefix(line, "250 ") || len(messages) != 7 || !strings.HasSuffix(raw, "third\r\n") {
		t.Errorf("got %q and %d messages, the last %q", line, len(messages), raw)
	}
}

// A message typed by hand, with bare LF throughout, must arrive too.
func TestTypedByHand(t *testing.T) {
	s := start(t, Options{})
	c := dialLines(t, s, SMTP)
	_, err := io.WriteString(c.W, "HELO pc\nMAIL FROM:a@b.example\nRCPT TO:<bob@exemple.test>\nDATA\nSubject: hand\n\nhello\n.\nQUIT\n")
	must(t, err)
	must(t, c.W.Flush())
	for _, want := range []string{"250", "250", "250", "354", "250", "221"} {
		if line, err := c.ReadLine(); err != nil || !strings.HasPrefix(line, want) {
			t.Fatalf("got %q, %v; want %s", line, err, want)
		}
	}
	messages := s.messages("bob", inbox)
	if raw := string(messages[len(messages)-1].raw); !strings.HasSuffix(raw, "\r\nSubject: hand\r\n\r\nhello\r\n") {
		t.Errorf("arrived as %q", raw)
	}
}

// A message beyond the limit must be refused after its end, and the session go on (RFC 1870, section 6.3).
func TestTooBig(t *testing.T) {
	s := start(t, Options{})
	c := dialLines(t, s, SMTP)
	say := func(command, want string) {
		t.Helper()
		must(t, c.PrintfLine("%s", command))
		if line, err := c.ReadLine(); err != nil || !strings.HasPrefix(line, want) {
			t.Fatalf("got %q, %v; want %s", line, err, want)
		}
	}
	say("HELO pc", "250")
	say("MAIL FROM:<a@b.example>", "250")
	say("RCPT TO:<bob@exemple.test>", "250")
	say("DATA", "354")
	line := strings.Repeat("x", 998) + "\r\n"
	say(strings.Repeat(line, maxMessage/len(line)+1)+".", "552 5.3.4")
	say("MAIL FROM:<a@b.example>", "250")
	say("RCPT TO:<bob@exemple.test>", "250")
	say(fmt.Sprintf("BDAT %d\r\n%s", maxMessage, strings.Repeat("x", maxMessage-2)), "250")
	say("BDAT 4 LAST\r\nxx", "552 5.3.4")
	say("NOOP", "250")
	if n := len(s.messages("bob", inbox)); n != 6 {
		t.Errorf("%d messages, want the first 6", n)
	}
}

// Every certificate fault must be refused by a client that checks, and for its own reason.
func TestCertificateFaults(t *testing.T) {
	s := start(t, Options{})
	for fault, check := range map[CertificateFault]func(error) bool{
		CertificateGood:      func(err error) bool { return err == nil },
		CertificateWrongName: func(err error) bool { var e x509.HostnameError; return errors.As(err, &e) },
		CertificateExpired: func(err error) bool {
			var e x509.CertificateInvalidError
			return errors.As(err, &e) && e.Reason == x509.Expired
		},
		CertificateSelfSigned: func(err error) bool { var e x509.UnknownAuthorityError; return errors.As(err, &e) },
	} {
		s.SetFaults(Faults{Certificate: fault})
		err := Play(t.Context(), Script{ID: "tls", Steps: []Step{open("c", IMAPS, "* OK")}}, s.Targets())
		if !check(err) {
			t.Errorf("certificate %q: %v", fault, err)
		}
	}
	if _, err := s.Authority().Issue("no such"); err == nil {
		t.Error("an unknown fault gave a certificate")
	}
}

// STARTTLS refused, greylisting and a full mailbox, each in its protocol's words.
func TestFaults(t *testing.T) {
	s := start(t, Options{Faults: Faults{RefuseStartTLS: true, Greylist: true}})
	play := func(steps ...Step) {
		t.Helper()
		if err := Play(t.Context(), Script{ID: "fault", Steps: steps}, s.Targets()); err != nil {
			t.Error(err)
		}
	}
	play(open("c", Submission, "220 "), say("c", "EHLO a\r\n", "250 "), say("c", "STARTTLS\r\n", "454 4.7.0"))
	play(open("c", POP3, "+OK"), say("c", "STLS\r\n", "-ERR"))
	play(open("c", IMAP, "* OK"), say("c", "a1 STARTTLS\r\n", "a1 NO"), say("c", "a2 NOOP\r\n", "a2 OK"))
	play(open("c", SMTP, "220 "), say("c", "HELO a\r\n", "250 "), say("c", "MAIL FROM:<x@y.example>\r\n", "250 "),
		say("c", "RCPT TO:<bob@exemple.test>\r\n", "450 4.2.0"), say("c", "RCPT TO:<bob@exemple.test>\r\n", "250 "))
	s.SetFaults(Faults{NoStartTLS: true, MailboxFull: true})
	play(open("c", SMTP, "220 "), say("c", "STARTTLS\r\n", "502 "), say("c", "HELO a\r\n", "250 "),
		say("c", "MAIL FROM:<x@y.example>\r\n", "250 "), say("c", "RCPT TO:<bob@exemple.test>\r\n", "452 4.2.2"))
	play(open("c", IMAP, "* OK"), say("c", "a1 LOGIN bob "+demoPasswordBob+"\r\n", "a1 OK"),
		say("c", "a2 APPEND INBOX {3+}\r\nabc\r\n", "a2 NO [OVERQUOTA]"))
	for service, command := range map[string]string{Submission: "EHLO a", POP3: "CAPA", IMAP: "a1 CAPABILITY"} {
		c := dialLines(t, s, service)
		must(t, c.PrintfLine("%s", command))
		line, err := c.ReadLine()
		for ; err == nil && line != "." && !strings.HasPrefix(line, "250 ") && !strings.HasPrefix(line, "a1 "); line, err = c.ReadLine() {
			if strings.Contains(line, "STARTTLS") || line == "STLS" {
				t.Errorf("%s still announces TLS: %s", service, line)
			}
		}
		must(t, err)
	}
}

// With RequireTLS no password is taken in clear, and none is asked for.
func TestRequireTLS(t *testing.T) {
	s := start(t, Options{RequireTLS: true})
	for _, steps := range [][]Step{
		{open("c", Submission, "220 "), say("c", "EHLO a\r\n", "250 "), say("c", "AUTH LOGIN\r\n", "530 5.7.0"), say("c", "MAIL FROM:<a@b.example>\r\n", "530 5.7.0 Must")},
		{open("c", POP3, "+OK"), say("c", "USER bob\r\n", "-ERR"), say("c", "AUTH PLAIN\r\n", "-ERR")},
		{open("c", IMAP, "* OK"), say("c", "a1 CAPABILITY\r\n", "* CAPABILITY IMAP4rev1 SASL-IR ENABLE ID IDLE LITERAL+ NAMESPACE STARTTLS LOGINDISABLED"), wait("c", "a1 OK"), say("c", "a2 LOGIN bob x\r\n", "a2 NO [PRIVACYREQUIRED]")},
	} {
		if err := Play(t.Context(), Script{ID: "require", Steps: steps}, s.Targets()); err != nil {
			t.Error(err)
		}
	}
	for _, id := range []string{"smtp-starttls-login", "pop3-starttls-user", "imap-starttls-quoted"} {
		script, _ := FindScript(id)
		if err := Play(t.Context(), script, s.Targets()); err != nil {
			t.Error(err)
		}
	}
}

// A reset must be quick, be complete, end sessions with a word, and give new UIDVALIDITY values.
func TestReset(t *testing.T) {
	s := start(t, Options{})
	c := dialLines(t, s, IMAP)
	imapLines(t, c, "a1 LOGIN bob "+demoPasswordBob)
	before := imapLines(t, c, "a2 STATUS INBOX (MESSAGES UIDVALIDITY)")[0]
	imapLines(t, c, "a3 DELETE Archives")
	imapLines(t, c, "a4 SELECT INBOX")
	imapLines(t, c, `a5 STORE 1:* +FLAGS (\Deleted)`)
	imapLines(t, c, "a6 EXPUNGE")
	begin := time.Now()
	must(t, s.Reset())
	if d := time.Since(begin); d > 100*time.Millisecond {
		t.Errorf("Reset took %v, want less than 100 ms", d)
	}
	if line, err := c.ReadLine(); err != nil || !strings.HasPrefix(line, "* BYE ") {
		t.Errorf("the session ended with %q, %v", line, err)
	}
	c = dialLines(t, s, IMAP)
	imapLines(t, c, "a1 LOGIN bob "+demoPasswordBob)
	after := imapLines(t, c, "a2 STATUS INBOX (MESSAGES UIDVALIDITY)")[0]
	if !strings.HasPrefix(after, "* STATUS INBOX (MESSAGES 6 ") || after == before {
		t.Errorf("before %q, after %q", before, after)
	}
	if got := imapLines(t, c, "a3 SELECT Archives"); !strings.HasPrefix(got[len(got)-1], "a3 OK") {
		t.Errorf("Archives did not come back: %q", got)
	}
}

// The end of the context must end the server with its sessions, and Close must be free to come again.
func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Start(ctx, Options{})
	must(t, err)
	c := dialLines(t, s, POP3)
	cancel()
	if line, err := c.ReadLine(); err != nil || line != "-ERR [SYS/TEMP] Server shutting down" {
		t.Errorf("got %q, %v", line, err)
	}
	must(t, s.Close())
	must(t, s.Close())
	if err := s.Reset(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Reset after Close: %v", err)
	}
}

// A port already in use must be an error that names the door, and leave nothing open.
func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	_, err = Start(t.Context(), Options{Ports: map[string]int{POP3S: l.Addr().(*net.TCPAddr).Port}})
	if err == nil || !strings.Contains(err.Error(), "pop3s door") {
		t.Errorf("got %v", err)
	}
}
