package decode

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestGuardHidesPasswordsOutOfRule protects what no grammar protects: passwords in lines that are mistyped, meant for
// another protocol, sent although the server refused, longer than any line, or repeated by the server. They may leave neither in events nor in
// what is released, and the masked copy has to give the same events again.
func TestGuardHidesPasswordsOutOfRule(t *testing.T) {
	const pw = "Zq7-canary/4711"
	plain := base64.StdEncoding.EncodeToString([]byte("\x00bob\x00" + pw))
	word := base64.StdEncoding.EncodeToString([]byte(pw))
	long := strings.Repeat(pw+" ", 2*maxLine/len(pw))
	greeting := map[string]string{POP3: "+OK hi\r\n", SMTP: "220 hi\r\n", IMAP: "* OK hi\r\n"}
	for _, c := range []struct{ protocol, lines string }{
		{POP3, "PASS\t" + pw}, {POP3, " PASS " + pw}, {POP3, "\tPASS " + pw}, {POP3, "PASS:" + pw}, {POP3, "PASS\x00" + pw},
		{POP3, "USER bob\r\n<+OK\r\n\x00PASS " + pw}, {POP3, "USER bob PASS " + pw}, {POP3, "USER bob\rPASS " + pw + "\r"}, {POP3, "LOGIN bob " + pw},
		{POP3, "a LOGIN bob " + pw}, {POP3, "AUTH PLAIN\t" + plain}, {POP3, "AUTH\tPLAIN " + plain}, {POP3, "PASS " + long},
		{POP3, "AUTH PLAIN\r\n<-ERR no\r\n" + plain}, {POP3, "AUTH LOGIN\r\n<-ERR no\r\nYm9i\r\n<-ERR no\r\n" + word},
		{SMTP, "PASS " + pw}, {SMTP, "LOGIN bob " + pw}, {SMTP, "a LOGIN bob " + pw}, {SMTP, "AUTH=PLAIN " + plain},
		{SMTP, "AUTH\tPLAIN\t" + plain}, {SMTP, " AUTH PLAIN " + plain}, {SMTP, "PASS " + long},
		{SMTP, "AUTH PLAIN\r\n<504 no\r\n" + plain}, {SMTP, "AUTH LOGIN\r\n<504 no\r\nYm9i\r\n<500 no\r\n" + word},
		{IMAP, "a\tLOGIN\tbob\t" + pw}, {IMAP, "a LOGIN\tbob\t" + pw}, {IMAP, "a LOGIN bob\t" + pw}, {IMAP, "a\tLOGIN " + pw},
		{IMAP, "a LOGIN " + pw}, {IMAP, "a LOGIN (bob " + pw + ")"}, {IMAP, `a LOGIN "bob ` + pw}, {IMAP, "a a LOGIN bob " + pw},
		{IMAP, "a PASS " + pw}, {IMAP, "a AUTH PLAIN " + plain}, {IMAP, "a LOGIN bob " + long}, {IMAP, `a LOGIN bob "` + long},
		{IMAP, "a AUTHENTICATE PLAIN\r\n<a NO no\r\n" + plain + "\r\n<" + plain + " BAD what?"},
		{IMAP, "a\tLOGIN\tbob\t" + pw + "\r\n<a\tLOGIN\tbob\t" + pw + " BAD what?"}, {IMAP, "a LOGIN bob " + pw + "\r\n<* NO not " + pw + "\r\n<a NO no"},
		{IMAP, `a LOGIN "bob" "` + pw + "\"\r\n<a NO not " + pw}, {IMAP, "a AUTHENTICATE PLAIN " + plain + "\r\n<a BAD no " + plain},
		{POP3, "PASS " + pw + "\r\n<-ERR no: PASS " + pw}, {POP3, "AUTH PLAIN " + plain + "\r\n<-ERR " + plain + " " + plain},
		{SMTP, "AUTH PLAIN " + plain + "\r\n<535-no\r\n<535 " + plain}, {SMTP, "AUTH LOGIN\r\n<334 UGFzc3dvcmQ6\r\n" + word + "\r\n<what is " + word},
	} {
		name := fmt.Sprintf("%s %.40q", c.protocol, c.lines)
		events, released := guarded(c.protocol, greeting[c.protocol], c.lines+"\r\n", nil)
		for what, text := range map[string][]byte{"events": events, "octets": bytes.Join(released, nil)} {
			for _, secret := range []string{pw, strings.ToUpper(pw), plain, strings.ToUpper(plain), word, strings.ToUpper(word)} {
				if bytes.Contains(text, []byte(secret)) {
					t.Errorf("%s: the %s show %q", name, what, secret)
				}
			}
		}
		if again, _ := guarded(c.protocol, greeting[c.protocol], c.lines+"\r\n", released); !bytes.Equal(events, again) {
			t.Errorf("%s: the masked copy gives other events:\n%.900s\n%.900s", name, events, again)
		}
	}
}

// guarded feeds a greeting and the client's lines, with answers of the server behind '<', or masked in their place, and
// gives the events as JSON and the chunks released.
func guarded(protocol, greeting, lines string, masked [][]byte) (events []byte, released [][]byte) {
	s := New(Options{Protocol: protocol, Release: func(c Chunk) { released = append(released, bytes.Clone(c.Data)) }})
	at := time.Unix(1_700_000_000, 0).UTC()
	n := 0
	feed := func(from Side, text string) {
		data := []byte(text)
		if n < len(masked) {
			data = masked[n]
		}
		n++
		for _, e := range s.Feed(Chunk{Time: at, From: from, Data: data}) {
			events = AppendJSON(events, 1, &e)
			events = append(events, '\n')
		}
	}
	feed(Server, greeting)
	for _, line := range strings.SplitAfter(lines, "\r\n") {
		if answer, ok := strings.CutPrefix(line, "<"); ok {
			feed(Server, answer)
		} else if line != "" {
			feed(Client, line)
		}
	}
	for _, e := range s.Close(at) {
		events = AppendJSON(events, 1, &e)
		events = append(events, '\n')
	}
	return events, released
}
