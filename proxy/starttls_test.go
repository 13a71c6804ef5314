package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"facteur/decode"
)

// clearRig is a proxy for a mail server in clear with STARTTLS.
func clearRig(t *testing.T, m *mailServer, change func(*Config)) *rig {
	t.Helper()
	m.t = t
	if m.tls == nil {
		m.tls = serverTLS(t)
	}
	return newRig(t, change, fmt.Sprintf("%s://127.0.0.1:0=%s://127.0.0.1:%d", m.proto, m.proto, m.start()))
}

// A refusal leaves both legs in clear, and what the client sent behind its STARTTLS is carried on.
func TestStartTLSRefused(t *testing.T) {
	m := &mailServer{proto: decode.SMTP, refuse: true}
	r := clearRig(t, m, nil)
	k := newTalk(t, r.dial())
	k.line()
	k.say("STARTTLS\r\nNOOP\r\nSTARTTLS\r\nRSET\r\n")
	for _, want := range []string{"454", "250", "454", "250"} {
		if l := k.line(); !strings.HasPrefix(l, want) {
			t.Errorf("got %q, want %s", l, want)
		}
	}
	k.say("QUIT\r\n")
	k.line()
	k.eof()
	k.Close()
	if got := m.commands(); !bytes.Equal([]byte(strings.Join(got, " ")), []byte("STARTTLS NOOP STARTTLS RSET QUIT")) {
		t.Errorf("the server saw %q", got)
	}
	if rec := r.session().wait(); rec.find("session.error", "") != nil {
		t.Errorf("an error was told: %+v", rec.told)
	}
}

// RFC 3207 lets a client send its ClientHello right behind STARTTLS only after the 220, but some do not wait; cut into
// single octets or glued to the line, it must make no difference.
func TestStartTLSGluedAndCut(t *testing.T) {
	for _, glued := range []bool{true, false} {
		m := &mailServer{proto: decode.IMAP}
		r := clearRig(t, m, nil)
		k := newTalk(t, r.dial())
		k.line()
		hello := &firstFlight{}
		tls.Client(hello, r.clientTLS()).Handshake()
		line := []byte("s STARTTLS\r\n")
		if glued {
			k.say(string(line) + string(hello.out))
			k.until("s OK")
		} else {
			for _, b := range line {
				k.Write([]byte{b})
				time.Sleep(time.Millisecond)
			}
			k.until("s OK")
			for i := range hello.out[:20] {
				k.Write(hello.out[i : i+1])
				time.Sleep(time.Millisecond)
			}
			k.Write(hello.out[20:])
		}
		first := make([]byte, 6)
		if _, err := io.ReadFull(k.r, first); err != nil || first[0] != 0x16 || first[5] != 2 {
			t.Errorf("glued %v: no ServerHello but % x, %v", glued, first, err)
		}
		k.Close()
		rec := r.session().wait()
		if glued && !bytes.Contains(rec.wire[decode.ClientLeg][decode.Client].Bytes(), append(line, hello.out...)) {
			t.Error("what the client sent was not told as it came")
		}
		if got := m.commands(); len(got) != 1 || got[0] != "s STARTTLS" {
			t.Errorf("glued %v: the server saw %q", glued, got)
		}
	}
}

// firstFlight is a connection on which a client's first flight is kept, and nothing answers.
type firstFlight struct {
	net.Conn
	out []byte
}

func (f *firstFlight) Write(p []byte) (int, error)      { f.out = append(f.out, p...); return len(p), nil }
func (f *firstFlight) Read([]byte) (int, error)         { return 0, io.EOF }
func (f *firstFlight) SetWriteDeadline(time.Time) error { return nil }

// CVE-2011-0411: what stands in clear behind STARTTLS must never be obeyed inside TLS, at either end; but it is shown.
func TestInjection(t *testing.T) {
	for proto, inject := range map[string][2]string{
		decode.SMTP:  {"STARTTLS\r\nRSET\r\nNOOP\r\n", "220"},
		decode.POP3:  {"STLS\r\nNOOP\r\nCAPA\r\n", "+OK"},
		decode.IMAP:  {"s STARTTLS\r\nx NOOP\r\n", "s OK"},
		decode.Sieve: {"STARTTLS\r\nNOOP\r\n", "OK"},
		decode.LMTP:  {"STARTTLS\r\nRSET\r\n", "220"},
	} {
		t.Run(proto, func(t *testing.T) {
			m := &mailServer{proto: proto, behind: "250 injected\r\n* OK injected\r\n"}
			r := clearRig(t, m, nil)
			c := &mailClient{k: newTalk(t, r.dial()), proto: proto}
			c.hello(true)
			c.k.say(inject[0])
			c.k.until(inject[1])
			c.k = c.k.starttls(r.clientTLS()) // fails if a single octet stands before the handshake
			c.hello(false)
			if strings.Contains(c.caps, "injected") {
				t.Errorf("the client was told the injected response inside TLS: %q", c.caps)
			}
			c.login()
			c.quit()
			for _, s := range m.commands() {
				if strings.Contains(s, "NOOP") || strings.Contains(s, "RSET") || strings.HasPrefix(s, "tls") && strings.Contains(s, "STARTTLS") {
					t.Errorf("the injected command reached the server: %q", m.commands())
				}
			}
			rec := r.session().wait()
			rec.wantError(faultInjection)
			if !bytes.Contains(rec.wire[decode.ServerLeg][decode.Server].Bytes(), []byte("injected")) || !bytes.Contains(rec.wire[decode.ClientLeg][decode.Client].Bytes(), []byte(inject[0])) {
				t.Error("the injected octets were not shown")
			}
		})
	}
}

// Octets of a message that look like STARTTLS or like TLS are none of facteur's business.
func TestMessagesAreNotSteered(t *testing.T) {
	const text = "Subject: x\r\n\r\nSTARTTLS\r\n\x16\x03\x01\x02\x00\x01\r\n..\r\na STARTTLS\r\n"
	got := make(chan string, 1)
	port := serve(t, func(c net.Conn) {
		k := newTalk(t, c)
		k.say("220 h\r\n")
		k.line()
		k.say("250-h\r\n250 STARTTLS\r\n")
		k.line()
		k.say("250 ok\r\n")
		k.line()
		k.say("354 go\r\n")
		body := make([]byte, len(text)+3)
		io.ReadFull(k.r, body)
		got <- string(body)
		k.say("250 queued\r\n")
		k.line()
	})
	r := newRig(t, nil, fmt.Sprintf("smtp://127.0.0.1:0=smtp://127.0.0.1:%d", port))
	k := newTalk(t, r.dial())
	k.line()
	for _, s := range []string{"EHLO x", "MAIL FROM:<a@b>", "DATA"} {
		k.say(s + "\r\n")
		for l := k.line(); len(l) > 3 && l[3] == '-'; {
			l = k.line()
		}
	}
	k.say(text + ".\r\n")
	if body := <-got; body != text+".\r\n" {
		t.Errorf("the server got %q", body)
	}
	if l := k.line(); l != "250 queued" {
		t.Error(l)
	}
	k.say("QUIT\r\n")
}

// With NoRewrite not one octet is changed, whatever will come of it.
func TestNoRewrite(t *testing.T) {
	m := &mailServer{proto: decode.IMAP}
	r := clearRig(t, m, func(c *Config) { c.NoRewrite = true })
	c := &mailClient{k: newTalk(t, r.dial()), proto: decode.IMAP}
	c.hello(true)
	c.starttls(r.clientTLS())
	c.hello(false)
	if !strings.Contains(c.caps, "AUTH=SCRAM-SHA-256-PLUS") {
		t.Errorf("capabilities: %q", c.caps)
	}
	c.quit()
	if rec := r.session().wait(); rec.find("session.rewrite", "") != nil {
		t.Errorf("told %+v", rec.told)
	}
}

// Where facteur answers STARTTLS itself, the server must not see even a part of it, and answers keep their order.
func TestOwnAnswerInOrder(t *testing.T) {
	m := &mailServer{t: t, proto: decode.SMTP}
	r := newRig(t, nil, fmt.Sprintf("smtp://127.0.0.1:0=smtp://127.0.0.1:%d?plain", m.start()))
	c := &mailClient{k: newTalk(t, r.dial()), proto: decode.SMTP}
	c.hello(true)
	c.k.say("NOOP\r\nRSET\r\nSTA")
	time.Sleep(50 * time.Millisecond)
	c.k.say("RTT")
	time.Sleep(50 * time.Millisecond)
	c.k.say("LS\r\n")
	for _, want := range []string{"250 ok", "250 ok", "220 2.0.0 Ready to start TLS"} {
		if l := c.k.line(); l != want {
			t.Errorf("got %q, want %q", l, want)
		}
	}
	c.k = c.k.starttls(r.clientTLS())
	c.hello(false)
	if l := c.ask("STARTTLS", "503"); !strings.HasPrefix(l, "503") {
		t.Errorf("a second STARTTLS: %q", l)
	}
	c.login()
	c.quit()
	for _, s := range m.commands() {
		if strings.Contains(s, "STA") || strings.Contains(s, "LS") {
			t.Errorf("the server saw %q", m.commands())
		}
	}
	if rec := r.session().wait(); rec.find("session.rewrite", "")["why"] == "" {
		t.Error("the change was not told")
	}
}

// A client may ask for TLS before it has read the greeting (some libraries do), or, inside TLS, behind other commands:
// facteur's own answer comes in its turn, as a server's would.
func TestOwnAnswerBehindOthers(t *testing.T) {
	for proto, story := range map[string]struct{ asks, greets, answers string }{
		decode.SMTP:  {"STARTTLS", "220", "220"},
		decode.LMTP:  {"STARTTLS", "220", "220"},
		decode.POP3:  {"STLS", "+OK ready", "+OK Begin"},
		decode.IMAP:  {"s STARTTLS", "* OK", "s OK"},
		decode.Sieve: {"STARTTLS", "\"IMPLEMENTATION\"", "OK \"Begin"},
	} {
		t.Run(proto, func(t *testing.T) {
			m := &mailServer{t: t, proto: proto, hold: make(chan struct{})}
			r := newRig(t, nil, fmt.Sprintf("%s://127.0.0.1:0=%s://127.0.0.1:%d?plain", proto, proto, m.start()))
			k := newTalk(t, r.dial())
			k.say(story.asks + "\r\n")
			time.Sleep(50 * time.Millisecond) // for an answer that does not wait for its turn
			close(m.hold)
			if l := k.line(); !strings.HasPrefix(l, story.greets) {
				t.Fatalf("got %q before the greeting", l)
			}
			k.until(story.answers)
			k = k.starttls(r.clientTLS())
			if proto != decode.Sieve { // there, capabilities come first
				k.say(story.asks + "\r\n") // refused, though the server has said nothing since
				if l := k.line(); l == "" || strings.HasPrefix(l, story.answers) {
					t.Errorf("inside TLS, STARTTLS was answered by %q", l)
				}
			}
			c := &mailClient{k: k, proto: proto}
			c.hello(false)
			c.login()
			c.quit()
		})
	}
}

// Whoever never says what facteur's own answer would wait for does not keep the client waiting for ever; and what is no
// greeting is not waited behind.
func TestOwnAnswerBehindNothing(t *testing.T) {
	for name, says := range map[string]string{"silence": "", "nonsense": "nonsense\r\n"} {
		t.Run(name, func(t *testing.T) {
			port := serve(t, func(c net.Conn) {
				io.WriteString(c, says)
				io.Copy(io.Discard, c)
			})
			limit := patience
			if says == "" {
				limit = 300 * time.Millisecond
			}
			r := newRig(t, func(c *Config) { c.HandshakeTimeout = limit }, fmt.Sprintf("smtp://127.0.0.1:0=smtp://127.0.0.1:%d?plain", port))
			k := newTalk(t, r.dial())
			k.say("STARTTLS\r\n")
			if says != "" {
				k.line()
			}
			if l := k.line(); !strings.HasPrefix(l, "220 ") {
				t.Errorf("got %q", l)
			}
			k.Close()
			r.session().wait()
		})
	}
}

func TestOwnRefusalBehindOthers(t *testing.T) {
	m := &mailServer{t: t, proto: decode.SMTP}
	r := newRig(t, nil, fmt.Sprintf("smtps://127.0.0.1:0=smtp://127.0.0.1:%d?plain", m.start()))
	k := newTalk(t, tls.Client(r.dial(), r.clientTLS()))
	c := &mailClient{k: k, proto: decode.SMTP}
	c.hello(true)
	k.say("NOOP\r\nRSET\r\nSTARTTLS\r\nNOOP\r\nSTARTTLS\r\nSTARTTLS\r\nRSET\r\n")
	for _, want := range []string{"250", "250", "503", "250", "503", "503", "250"} {
		if l := k.line(); !strings.HasPrefix(l, want) {
			t.Errorf("got %q, want %s", l, want)
		}
	}
	c.login()
	c.quit()
}

// With both legs in TLS, STARTTLS is the server's to refuse: not an octet is held back because it might become one.
// (gnutls-cli --crlf ends its lines with a NUL: held back until the end, it came to a server that had said goodbye, and the
// reset that answered it took the goodbye away.)
func TestStartTLSInsideTLS(t *testing.T) {
	came := make(chan string, 2) // both go in, whoever listens
	cfg := serverTLS(t)
	port := serve(t, func(c net.Conn) {
		k := newTalk(t, tls.Server(c, cfg))
		k.say("* OK hi\r\n")
		start := make([]byte, 1)
		io.ReadFull(k.r, start)
		came <- string(start)
		came <- k.line()
		k.say("s BAD in TLS already\r\n")
	})
	r := newRig(t, nil, fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", port))
	k := newTalk(t, tls.Client(r.dial(), r.clientTLS()))
	k.line()
	for _, part := range []string{"s", " STARTTLS\r\n"} {
		k.say(part)
		select {
		case got := <-came:
			if got != strings.TrimRight(part, "\r\n") {
				t.Errorf("the server got %q", got)
			}
		case <-time.After(patience):
			t.Fatalf("%q does not reach the server", part)
		}
	}
	if l := k.line(); l != "s BAD in TLS already" {
		t.Errorf("got %q", l)
	}
}
