package lab

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

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
