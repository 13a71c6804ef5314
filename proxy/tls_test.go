package proxy

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"facteur/decode"
)

// implicitRig is a proxy for a server with TLS from the first octet. hello is told what the server's side of the
// handshake was asked.
func implicitRig(t *testing.T, cfg *tls.Config, hello func(*tls.ClientHelloInfo), change func(*Config)) *rig {
	t.Helper()
	port := serve(t, func(c net.Conn) {
		cfg := cfg.Clone()
		cfg.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) { hello(h); return nil, nil }
		s := tls.Server(c, cfg)
		io.WriteString(s, "* OK ready\r\n")
		newTalk(t, s).line()
		io.WriteString(s, "x OK bye\r\n")
		s.Close()
	})
	return newRig(t, change, fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", port))
}

// visit connects, says goodbye and reads to the end, which must be a close_notify.
func visit(t *testing.T, r *rig, cfg *tls.Config) tls.ConnectionState {
	t.Helper()
	raw := r.dial()
	c := tls.Client(raw, cfg)
	k := newTalk(t, c)
	if l := k.line(); l != "* OK ready" {
		t.Errorf("greeting %q", l)
	}
	k.say("x LOGOUT\r\n")
	k.line()
	if b, err := io.ReadAll(k.r); err != nil || len(b) > 0 {
		t.Errorf("the end: %q, %v", b, err)
	}
	state := c.ConnectionState()
	c.Close()
	raw.Close()
	return state
}

// What the client asks for in its hello must reach the real server: name, application protocol; and the answer the client.
func TestHelloPassedOn(t *testing.T) {
	var asked *tls.ClientHelloInfo
	cfg := serverTLS(t)
	cfg.NextProtos = []string{"imap"}
	r := implicitRig(t, cfg, func(h *tls.ClientHelloInfo) { asked = h }, nil)
	c := r.clientTLS()
	c.ServerName, c.NextProtos = "mail.example.org", []string{"h2", "imap"}
	if state := visit(t, r, c); state.NegotiatedProtocol != "imap" {
		t.Errorf("the client was given the protocol %q", state.NegotiatedProtocol)
	}
	if asked.ServerName != "mail.example.org" || !slices.Equal(asked.SupportedProtos, c.NextProtos) {
		t.Errorf("the server was asked for %q, %v", asked.ServerName, asked.SupportedProtos)
	}
	r.session().wait()
}

// Old and picky clients: TLS 1.2 and 1.3 alone, RSA alone, no name at all.
func TestClientKinds(t *testing.T) {
	r := implicitRig(t, serverTLS(t), func(*tls.ClientHelloInfo) {}, nil)
	for name, change := range map[string]func(*tls.Config){
		"tls 1.2": func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
		"tls 1.3": func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 },
		"rsa alone": func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
		},
		"an address": func(c *tls.Config) { c.ServerName = "127.0.0.1" },
		"the host":   func(c *tls.Config) { c.ServerName = "mail.example.org" },
	} {
		t.Run(name, func(t *testing.T) {
			c := r.clientTLS()
			change(c)
			visit(t, r, c)
			r.session().wait()
		})
	}
}

// A client that comes again may resume its session; the server is verified all the same.
func TestResumption(t *testing.T) {
	hellos := 0
	r := implicitRig(t, serverTLS(t), func(*tls.ClientHelloInfo) { hellos++ }, nil)
	c := r.clientTLS()
	c.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	visit(t, r, c)
	r.session().wait()
	if !visit(t, r, c).DidResume {
		t.Error("the second session was not resumed")
	}
	r.session().wait()
	if hellos != 2 {
		t.Errorf("the server saw %d handshakes", hellos)
	}
}

// A TLS stream that is cut off must not look as if it had ended in order, nor the other way round.
func TestTruncationIsCarried(t *testing.T) {
	for _, cut := range []bool{true, false} {
		port := serve(t, func(c net.Conn) {
			s := tls.Server(c, serverTLS(t))
			io.WriteString(s, "* OK ready\r\n* BYE\r\n")
			if !cut {
				s.CloseWrite()
			}
		})
		r := newRig(t, nil, fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", port))
		wire := &tap{Conn: r.dial()}
		c := tls.Client(wire, r.clientTLS())
		b, err := io.ReadAll(c)
		if err != nil || !strings.HasSuffix(string(b), "BYE\r\n") {
			t.Errorf("cut %v: got %q, %v", cut, b, err)
		}
		last := wire.in()
		// an alert is a record of its own, and close_notify is the only one that can come here: 2 octets, type and tag
		const sealedAlert = 5 + 2 + 1 + 16
		if notified := len(last) > sealedAlert && last[len(last)-sealedAlert] == 23 && last[len(last)-sealedAlert+4] == sealedAlert-5; notified == cut {
			t.Errorf("cut %v: the client was told goodbye: %v", cut, notified)
		}
		c.Close()
		r.session().wait()
	}
}

// In passthrough the client's TLS session is the server's own, and facteur has no secret of it.
func TestPassthrough(t *testing.T) {
	m := &mailServer{t: t, proto: decode.IMAP, tls: serverTLS(t)}
	r := newRig(t, func(c *Config) { c.Authority = nil }, fmt.Sprintf("imap://127.0.0.1:0=imap://127.0.0.1:%d?tls=passthrough", m.start()))
	c := &mailClient{k: newTalk(t, r.dial()), proto: decode.IMAP}
	c.hello(true)
	real := r.clientTLS()
	real.RootCAs, real.ServerName = poolOf(r.upstream), "127.0.0.1"
	c.starttls(real)
	c.hello(false)
	if !strings.Contains(c.caps, "SCRAM-SHA-256-PLUS") {
		t.Errorf("capabilities were changed: %q", c.caps)
	}
	c.login()
	c.quit()
	rec := r.session().wait()
	if rec.keys[0].Len()+rec.keys[1].Len() > 0 || len(rec.expects) > 0 {
		t.Error("secrets were told or promised")
	}
	if rec.find("session.error", "") != nil || rec.find("session.rewrite", "") != nil {
		t.Errorf("told %+v", rec.told)
	}
}
