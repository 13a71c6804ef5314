package proxy

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"facteur/decode"
)

// The watch must find the same STARTTLS that the decoder finds, however the octets are cut, and nothing else may end it
// but commands beyond it.
func TestWatch(t *testing.T) {
	const body = "Subject: x\r\n\r\nSTARTTLS\r\n..\r\n.x\r\nQUIT\r\n.\n.\r\r\n"
	type turn struct{ client, server string }
	mail := []turn{{"MAIL FROM:<a@b>\r\n", "250-ok\r\n250 ok\r\n"}, {"rcpt to:<c@d>\r\n", "250 ok\r\n"}, {"DATA\r\n", "354 go\r\n"}, {body + ".\r\n", "250 queued\r\n"}}
	for name, tt := range map[string]struct {
		turns []turn
		end   string // what ends the watch; "" if nothing may
	}{
		"a mail":            {mail, ""},
		"and then STARTTLS": {append(mail[:len(mail):len(mail)], turn{"STARTTLS\r\n", ""}), "STARTTLS\r\n"},
		"pipelined":         {[]turn{{"MAIL FROM:<>\r\nRCPT TO:<c>\r\nDATA\r\n", "250 ok\r\n550 no\r\n354 go\r\n"}, {body + ".\r\nRSET\r\nstarttls\r\n", ""}}, "starttls\r\n"},
		"an empty text":     {[]turn{{"DATA\r\n", "354 go\r\n"}, {".\r\nSTARTTLS\r\n", ""}}, "STARTTLS\r\n"},
		"DATA refused":      {[]turn{{"DATA\r\n", "503 no\r\n"}, {"STARTTLS\r\n", ""}}, "STARTTLS\r\n"},
		"chunks":            {[]turn{{"BDAT 10\r\nSTARTTLS\r\nBDAT 4 last\r\n\r\n.\nNOOP\r\nSTARTTLS\r\n", ""}}, "STARTTLS\r\n"},
		"an empty chunk":    {[]turn{{"BDAT 0 LAST\r\nSTARTTLS\r\n", ""}}, "STARTTLS\r\n"},
		"a wrong chunk":     {[]turn{{"BDAT x\r\n", ""}}, "BDAT x\r\n"},
		"a long line":       {[]turn{{"NOOP " + strings.Repeat("x", 5000) + "\r\nAUTH PLAIN\r\n", ""}}, "AUTH PLAIN\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(200) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				w := &smtpWatch{}
				rest := ""
				for _, turn := range tt.turns {
					for _, piece := range cut(rnd, turn.client) {
						if rest != "" {
							rest += piece
							continue
						}
						if n := w.client([]byte(piece)); n < len(piece) {
							rest = string(w.line) + piece[n:]
						}
					}
					for _, piece := range cut(rnd, turn.server) {
						w.server([]byte(piece))
					}
				}
				if rest != tt.end {
					t.Fatalf("seed %d: the watch ended with %q, want %q", seed, rest, tt.end)
				}
			}
		})
	}
}

// cut cuts s at random places.
func cut(rnd *rand.Rand, s string) (pieces []string) {
	for len(s) > 0 {
		n := 1 + rnd.IntN(min(len(s), 1+rnd.IntN(30)))
		pieces = append(pieces, s[:n])
		s = s[n:]
	}
	return pieces
}

// STARTTLS after mail was sent in clear is rare, and legal: it must be followed as it is at the beginning.
func TestStartTLSAfterMail(t *testing.T) {
	for _, group := range []string{"STARTTLS\r\n", "RSET\r\nNOOP\r\nSTARTTLS\r\n", "RSET\r\nSTARTTLS\r\nNOOP\r\n"} {
		m := &mailServer{proto: decode.SMTP}
		r := clearRig(t, m, nil)
		c := &mailClient{k: newTalk(t, r.dial()), proto: decode.SMTP}
		c.hello(true)
		for i := range 3 {
			c.ask(fmt.Sprintf("MAIL FROM:<%d@b>", i), "250")
			c.ask("RCPT TO:<c@d>", "250")
			c.ask("RSET", "250")
		}
		c.k.say(group)
		c.k.until("220")
		c.k = c.k.starttls(r.clientTLS())
		c.hello(false)
		if c.offered() || strings.Contains(c.caps, "-PLUS") {
			t.Errorf("capabilities inside TLS: %q", c.caps)
		}
		c.login()
		c.quit()
		rec := r.session().wait()
		if injected := strings.HasSuffix(group, "NOOP\r\n"); (rec.find("session.error", faultInjection) != nil) != injected {
			t.Errorf("%q: told %+v", group, rec.told)
		}
	}
}

// Whatever comes, the watch must neither fail nor take octets that are not there.
func FuzzWatch(f *testing.F) {
	f.Add([]byte("MAIL\r\nDATA\r\n"), []byte("250 x\r\n354 y\r\n"), []byte("x\r\n.\r\nQUIT\r\n"))
	f.Add([]byte("BDAT 5 LAST\r\n12345STARTTLS\r\n"), []byte("250-\r\n\r\n2"), []byte(".\r\n"))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		w := &smtpWatch{}
		for _, client := range [][]byte{a, c, a} {
			if n := w.client(client); n < 0 || n > len(client) {
				t.Fatalf("took %d of %d octets", n, len(client))
			}
			w.server(b)
			if len(w.line) > maxWatched || len(w.tail) >= len(textEnd) || len(w.reply) > 4 || w.left < 0 || w.pending < 0 {
				t.Fatalf("%+v", w)
			}
		}
	})
}

// A client that does not wait for the 354, against RFC 2920 §3.1, is made to: its octets mean something else if DATA is refused.
func TestDataWithoutWaiting(t *testing.T) {
	for answer, want := range map[string]string{"354 go\r\n": "STARTTLS\r\n.\r\n", "503 no\r\n": ""} {
		t.Run(answer[:3], func(t *testing.T) {
			got := make(chan string, 1)
			port := serve(t, func(c net.Conn) {
				k := newTalk(t, c)
				k.say("220 h\r\n")
				k.line()
				k.say("250-h\r\n250 STARTTLS\r\n")
				k.line()
				k.say("250 ok\r\n")
				k.line()
				time.Sleep(20 * time.Millisecond)
				k.say(answer)
				if want == "" {
					got <- ""
					if l := k.line(); l != "STARTTLS" {
						t.Errorf("the server got %q", l)
					}
					k.say("454 no\r\n")
					if l := k.line(); l != "." {
						t.Errorf("the server got %q", l)
					}
					k.say("500 what\r\n")
				} else {
					got <- k.line() + "\r\n" + k.line() + "\r\n"
					k.say("250 queued\r\n")
				}
				k.line()
			})
			r := newRig(t, nil, fmt.Sprintf("smtp://127.0.0.1:0=smtp://127.0.0.1:%d", port))
			k := newTalk(t, r.dial())
			k.line()
			k.say("EHLO x\r\n")
			k.until("250 ")
			k.say("MAIL FROM:<>\r\n")
			k.until("250")
			k.say("DATA\r\nSTARTTLS\r\n.\r\n")
			k.until(answer[:3])
			if text := <-got; text != want {
				t.Errorf("the server got the text %q, want %q", text, want)
			}
			if want == "" {
				k.until("454")
				k.until("500")
			} else {
				k.until("250")
			}
			k.say("QUIT\r\n")
		})
	}
}
