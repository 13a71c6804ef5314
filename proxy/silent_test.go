package proxy

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// A server that accepts and does not greet is said once, with what it may be, and the session goes on: the greeting that
// comes late reaches the client.
func TestSilentUpstream(t *testing.T) {
	for _, tt := range []struct{ route, cause string }{
		{"imap=imap", "clear"}, {"imap=imaps", "tls"}, {"imaps=imap", "clear"}, {"imap=imap?tls=passthrough", "clear"},
	} {
		t.Run(tt.route, func(t *testing.T) {
			listen, upstream, _ := strings.Cut(tt.route, "=")
			scheme, query, _ := strings.Cut(upstream, "?")
			speak := make(chan struct{})
			port := serve(t, func(c net.Conn) {
				if scheme == "imaps" {
					s := tls.Server(c, serverTLS(t))
					if err := s.Handshake(); err != nil {
						t.Error(err)
					}
					c = s
				}
				<-speak
				io.WriteString(c, "* OK at last\r\n")
			})
			r := newRig(t, func(c *Config) { c.GreetingTime = 30 * time.Millisecond }, fmt.Sprintf("%s://127.0.0.1:0=%s://127.0.0.1:%d?%s", listen, scheme, port, query))
			var c net.Conn = r.dial()
			if listen == "imaps" {
				s := tls.Client(c, r.clientTLS())
				if err := s.Handshake(); err != nil {
					t.Fatal(err)
				}
				c = s
			}
			rec := r.session()
			for end := time.Now().Add(patience); !strings.Contains(r.log.String(), "what="+faultSilent) && time.Now().Before(end); { // the log is told last
				time.Sleep(time.Millisecond)
			}
			close(speak)
			if l := newTalk(t, c).line(); l != "* OK at last" {
				t.Errorf("the client got %q", l)
			}
			c.Close()
			if e := rec.wait().wantError(faultSilent); e["cause"] != tt.cause || strings.Count(r.log.String(), "what="+faultSilent) != 1 {
				t.Errorf("told %v, log %s", e, r.log)
			}
		})
	}
}

// A server that greets in time is not said to be silent, however long the session lasts.
func TestNotSilent(t *testing.T) {
	port := serve(t, func(c net.Conn) {
		io.WriteString(c, "* OK ready\r\n")
		io.Copy(io.Discard, c)
	})
	r := newRig(t, func(c *Config) { c.GreetingTime = 200 * time.Millisecond }, fmt.Sprintf("imap://127.0.0.1:0=imap://127.0.0.1:%d", port))
	k := newTalk(t, r.dial())
	k.line()
	time.Sleep(300 * time.Millisecond)
	k.Close()
	if rec := r.session().wait(); rec.find("session.error", "") != nil {
		t.Errorf("told %+v", rec.told)
	}
}
