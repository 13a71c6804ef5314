package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

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
	t.Logf("Reset took %v", time.Since(begin))
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
