package proxy

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"facteur/decode"
)

// A server that goes in mid-session is told in one line, with who, the route and after what; one that said farewell, or
// that the client left, is not.
func TestServerGone(t *testing.T) {
	const imap = "* OK ready\r\n"
	for name, tt := range map[string]struct {
		proto          string
		secure         bool   // implicit TLS on both legs
		greeting, said string // the client's words
		answer         string // the server's last
		reset          bool
		leaves         bool   // the client does, first
		want, verb     string // cause of the fault, "" for none
	}{
		"fin":          {proto: "imap", greeting: imap, said: "a SELECT INBOX\r\n", want: "fin", verb: "SELECT"},
		"fin in TLS":   {proto: "imap", secure: true, greeting: imap, said: "a UID FETCH 1:* (FLAGS)\r\n", answer: "* 1 FETCH", want: "fin", verb: "UID"},
		"reset":        {proto: "smtp", greeting: "220 x\r\n", said: "EHLO a\r\n", reset: true, want: "reset", verb: "EHLO"},
		"reset in TLS": {proto: "imap", secure: true, greeting: imap, said: "a NOOP\r\n", reset: true, want: "reset", verb: "NOOP"},
		"no greeting":  {proto: "pop3", want: "fin"},
		"a password":   {proto: "imap", greeting: imap, said: "a LOGIN x {6}\r\nquit q\r\n", want: "fin"},
		"QUIT":         {proto: "pop3", greeting: "+OK\r\n", said: "QUIT\r\n", answer: "+OK\r\n"},
		"LOGOUT":       {proto: "imap", greeting: imap, said: "a logout\r\n", answer: "* BYE\r\na OK\r\n"},
		"421":          {proto: "smtp", greeting: "220 x\r\n", said: "EHLO a\r\n", answer: "421 4.4.2 too slow\r\n"},
		"BYE":          {proto: "imap", greeting: imap, said: "a IDLE\r\n", answer: "+ idling\r\n* BYE Autologout\r\n"},
		"the client":   {proto: "imap", greeting: imap, said: "a SELECT INBOX\r\n", leaves: true},
		"compressed":   {proto: "imap", greeting: imap, said: "a COMPRESS DEFLATE\r\n", answer: "a OK\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			scheme, cert := tt.proto, serverTLS(t)
			if tt.secure {
				scheme += "s"
			}
			port := serve(t, func(c net.Conn) {
				wire := c.(*net.TCPConn)
				if tt.secure {
					c = tls.Server(c, cert)
				}
				io.WriteString(c, tt.greeting)
				if tt.said != "" {
					io.ReadFull(c, make([]byte, len(tt.said)))
				}
				io.WriteString(c, tt.answer)
				if tt.leaves {
					io.Copy(io.Discard, c)
				}
				if tt.reset {
					wire.SetLinger(0)
				}
				wire.Close() // as the system does for a program that was killed: no close_notify
			})
			r := newRig(t, nil, fmt.Sprintf("%s://127.0.0.1:0=%s://127.0.0.1:%d", scheme, scheme, port))
			var c net.Conn = r.dial()
			if tt.secure {
				c = tls.Client(c, r.clientTLS())
			}
			c.SetDeadline(time.Now().Add(10 * time.Second))
			io.ReadFull(c, make([]byte, len(tt.greeting)))
			io.WriteString(c, tt.said)
			if tt.leaves {
				c.Close()
			}
			io.Copy(io.Discard, c)
			c.Close()
			rec := r.session().wait()
			told := rec.find("session.error", "")
			if tt.want == "" {
				if told != nil {
					t.Errorf("told %v", told)
				}
				return
			}
			if told == nil || told["what"] != faultLost || told["cause"] != tt.want || told["verb"] != tt.verb {
				t.Errorf("told %v, want %s after %q", told, tt.want, tt.verb)
			}
			if n := strings.Count(r.log.String(), "\n"); n != 1 || !strings.Contains(r.log.String(), "what=upstream_lost") || !strings.Contains(r.log.String(), "route=") {
				t.Errorf("the log has %d lines:\n%s", n, r.log)
			}
		})
	}
}

// However a side's octets are cut, its farewell is one, and nothing is named but the last command.
func TestLastWords(t *testing.T) {
	long := strings.Repeat("x", 3*lineTail)
	for said, want := range map[string]struct {
		verb string
		bye  bool
	}{
		"EHLO a\r\nMAIL FROM:<a>\r\n":                        {"MAIL", false},
		"EHLO a\r\nquit\r\n":                                 {"EHLO", true},
		"AUTH PLAIN\r\nSECRET\r\n":                           {"AUTH", false},
		"DATA\r\n" + long + "\r\n" + long + "\nfoo\r\n.\r\n": {"DATA", false},
		"RSET\r\nQUI":                                        {"RSET", false},
	} {
		for _, size := range []int{1, 7, 100, 5000, 1 << 20} {
			var w lastWords
			for b := []byte(said); len(b) > 0; {
				n := min(size, len(b))
				w.hear(decode.SMTP, decode.Client, b[:n])
				b = b[n:]
			}
			if w.verb != want.verb && w.verb != "" || size == 1 && w.verb == "" || w.bye != want.bye {
				t.Errorf("%.20q in pieces of %d: %q, farewell %v", said, size, w.verb, w.bye)
			}
		}
	}
}

func BenchmarkLastWords(b *testing.B) {
	text := []byte(strings.Repeat("The quick brown fox jumps over the lazy dog. 0123456789\r\n", 180))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var w lastWords
	for b.Loop() {
		w.hear(decode.SMTP, decode.Client, text)
	}
}
