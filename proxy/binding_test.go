package proxy

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// A server that offers channel binding refuses a client that knows it and did not see the offer (RFC 5802 §6). The next
// time this client is not led there again; one that does not know channel binding keeps SCRAM.
func TestClientThatBinds(t *testing.T) {
	const listed = "AUTH=PLAIN AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 SASL-IR"
	port := serve(t, func(c net.Conn) {
		k := newTalk(t, tls.Server(c, serverTLS(t)))
		k.say("* OK [CAPABILITY IMAP4rev1 " + listed + "] ready\r\n")
		for {
			line, err := k.r.ReadString('\n')
			if err != nil {
				return
			}
			word := strings.Fields(line)
			switch {
			case word[1] == "LOGOUT":
				k.say("* BYE\r\n" + word[0] + " OK bye\r\n")
				c.Close()
				return
			case word[1] == "AUTHENTICATE":
				k.say(word[0] + " NO [AUTHENTICATIONFAILED] no\r\n")
			}
		}
	})
	r := newRig(t, nil, fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", port))
	visit := func(flag string) (greeting string, told map[string]string) {
		conn := r.dial()
		k := newTalk(t, tls.Client(conn, r.clientTLS()))
		greeting = k.until("* OK")
		k.say("a AUTHENTICATE SCRAM-SHA-256 " + base64.StdEncoding.EncodeToString([]byte(flag+",,n=alice,r=abcdef")) + "\r\n")
		k.until("a NO")
		k.say("b LOGOUT\r\n")
		k.until("b OK")
		io.Copy(io.Discard, conn)
		conn.Close()
		return greeting, r.session().wait().find("session.error", faultBinding)
	}
	for i, want := range []struct {
		flag string
		told bool
		has  string
	}{
		{"n", false, "AUTH=PLAIN AUTH=SCRAM-SHA-256 SASL-IR"},
		{"y", true, "AUTH=PLAIN AUTH=SCRAM-SHA-256 SASL-IR"},
		{"y", false, "AUTH=PLAIN SASL-IR"},
	} {
		greeting, told := visit(want.flag)
		if !strings.Contains(greeting, "[CAPABILITY IMAP4rev1 "+want.has+"]") || (told != nil) != want.told {
			t.Errorf("session %d: %q, told %v", i+1, greeting, told)
		}
	}
}

// Of a client that is known to bind, every list of mechanisms is shortened.
func TestScramLeftOut(t *testing.T) {
	c := changes{plus: true, scram: true}
	if now, _ := c.smtpCapabilities([]byte("250-x\r\n250-AUTH PLAIN SCRAM-SHA-1 SCRAM-SHA-1-PLUS LOGIN\r\n250 HELP\r\n")); string(now) != "250-x\r\n250-AUTH PLAIN LOGIN\r\n250 HELP\r\n" {
		t.Errorf("%q", now)
	}
	if now, _ := c.pop3Capability([]byte("SASL SCRAM-SHA-256 PLAIN\r\n"), "CAPA"); string(now) != "SASL PLAIN\r\n" {
		t.Errorf("%q", now)
	}
	if now, _ := c.pop3Capability([]byte("SCRAM-SHA-256\r\n"), "AUTH"); now != nil {
		t.Errorf("%q", now)
	}
	if now, _ := c.sieveCapability([]byte("\"SASL\" \"SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN\"\r\n")); string(now) != "\"SASL\" \"PLAIN\"\r\n" {
		t.Errorf("%q", now)
	}
}
