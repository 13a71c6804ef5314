package proxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"facteur/decode"
	"facteur/decode/tlswire"
)

// returning is a mail server whose tickets are good whenever a client returns.
type returning struct {
	*rig
	states chan tls.ConnectionState

	mu   sync.Mutex
	cert *tls.Certificate
}

func newReturning(t *testing.T, scheme, listen, upstream string, change func(*Config)) *returning {
	t.Helper()
	r := &returning{states: make(chan tls.ConnectionState, 8), cert: &serverTLS(t).Certificates[0]}
	cfg := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.cert, nil
	}}
	cfg.SetSessionTicketKeys([][32]byte{{1}})
	port := serve(t, func(c net.Conn) {
		if scheme == "imap" {
			io.WriteString(c, "* OK ready\r\n")
			k := newTalk(t, c)
			k.line()
			k.say("s OK go\r\n")
		}
		s := tls.Server(c, cfg)
		if s.Handshake() != nil {
			return
		}
		r.states <- s.ConnectionState()
		if scheme == "imaps" {
			io.WriteString(s, "* OK ready\r\n")
		}
		k := newTalk(t, s)
		k.line()
		k.say("x OK bye\r\n")
		s.Close()
	})
	r.rig = newRig(t, change, fmt.Sprintf("%s://127.0.0.1:0%s=%s://127.0.0.1:%d%s", scheme, listen, scheme, port, upstream))
	return r
}

// visit logs in, is answered, and tells whether each leg's session was resumed.
func (r *returning) visit(scheme string, cfg *tls.Config) (client, server bool) {
	r.t.Helper()
	k := newTalk(r.t, r.dial())
	if scheme == "imap" {
		k.line()
		k.say("s STARTTLS\r\n")
		k.line()
	}
	c := tls.Client(k.Conn, cfg)
	k = newTalk(r.t, c)
	if scheme == "imaps" {
		k.line()
	}
	k.say("x LOGIN learner rosebud\r\n")
	k.line()
	io.Copy(io.Discard, k.r)
	c.Close()
	select {
	case state := <-r.states:
		return c.ConnectionState().DidResume, state.DidResume
	case <-time.After(patience):
		r.t.Fatal("the server saw no handshake")
		return false, false
	}
}

// The server leg is resumed where the client offers to, and nowhere else; each session's own secrets open both of its
// legs, in every mixture of versions.
func TestResumptionIsMirrored(t *testing.T) {
	none := func(*tls.Config) {}
	anew := func(c *tls.Config) { c.ClientSessionCache = tls.NewLRUClientSessionCache(1) }
	for name, tt := range map[string]struct {
		scheme, listen, upstream string
		change                   func(*Config)
		first                    func(*tls.Config)
		again                    func(*tls.Config) // what the client does before its second visit
		client, server           bool
	}{
		"1.3":                          {first: anew, again: none, client: true, server: true},
		"1.2":                          {listen: "?tls-max=1.2", upstream: "?tls-max=1.2", first: anew, again: none, client: true, server: true},
		"1.2 to 1.3":                   {listen: "?tls-max=1.2", first: anew, again: none, client: true, server: true},
		"1.3 to 1.2":                   {upstream: "?tls-max=1.2", first: anew, again: none, client: true, server: true},
		"a client of 1.2":              {first: func(c *tls.Config) { anew(c); c.MaxVersion = tls.VersionTLS12 }, again: none, client: true, server: true},
		"STARTTLS":                     {scheme: "imap", first: anew, again: none, client: true, server: true},
		"STARTTLS, 1.2":                {scheme: "imap", listen: "?tls-max=1.2", upstream: "?tls-max=1.2", first: anew, again: none, client: true, server: true},
		"a client that wants none":     {first: none, again: none},
		"a client that has forgotten":  {first: anew, again: anew},
		"forgotten, 1.2":               {listen: "?tls-max=1.2", upstream: "?tls-max=1.2", first: anew, again: anew},
		"another client":               {first: none, again: anew},
		"no tickets from the server":   {upstream: "?no-resumption", first: anew, again: none, client: true},
		"always":                       {upstream: "?resumption", first: none, again: none, server: true},
		"always, 1.2":                  {upstream: "?resumption&tls-max=1.2", first: none, again: none, server: true},
		"always, in the whole run":     {change: func(c *Config) { c.ServerTLS.Resumption = true }, first: none, again: none, server: true},
		"always, but not on the route": {upstream: "?no-resumption", change: func(c *Config) { c.ServerTLS.Resumption = true }, first: anew, again: none, client: true},
		"no tickets for the client":    {listen: "?no-resumption", first: anew, again: none},
		"no tickets in the whole run":  {change: func(c *Config) { c.ClientTLS.NoResumption, c.ServerTLS.NoResumption = true, true }, first: anew, again: none},
		"nobody wants to know secrets": {change: func(c *Config) { c.Observe = nil }, first: anew, again: none, client: true, server: true},
		"nor with tickets of TLS 1.2":  {listen: "?tls-max=1.2", upstream: "?tls-max=1.2", change: func(c *Config) { c.Observe = nil }, first: anew, again: none, client: true, server: true},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.scheme == "" {
				tt.scheme = "imaps"
			}
			r := newReturning(t, tt.scheme, tt.listen, tt.upstream, tt.change)
			cfg := r.clientTLS()
			tt.first(cfg)
			for n := range 3 { // tickets of a resumed session are as good
				client, server := r.visit(tt.scheme, cfg)
				if client != (n > 0 && tt.client) || server != (n > 0 && tt.server) {
					t.Errorf("visit %d: the client resumed %v, facteur %v", n+1, client, server)
				}
				if r.srv.c.Observe != nil {
					opened(t, r.session().wait(), tt.scheme)
				}
				tt.again(cfg)
			}
		})
	}
}

// With a server that hundreds of clients a second are brought to, sessions are resumed for all of them; and as soon as there
// are few again, each has its own certificate to look at.
func TestBusyServersAreSpared(t *testing.T) {
	var p pace
	at := time.Unix(1000, 0)
	for n := range 3 * busyPace {
		if got := p.busy(at); got != (n >= busyPace) {
			t.Fatalf("handshake %d of a second: busy %v", n+1, got)
		}
	}
	if !p.busy(at.Add(time.Second)) {
		t.Error("a second behind a busy one begins at rest")
	}
	if p.busy(at.Add(2*time.Second)) || p.busy(at.Add(time.Hour)) {
		t.Error("busy behind a second of rest")
	}
	r := newReturning(t, "imaps", "", "", nil)
	resumed := false
	r.busy()
	for n := 0; n < 3 && !resumed; n++ {
		_, resumed = r.visit("imaps", r.clientTLS())
		opened(t, r.session().wait(), "imaps")
	}
	if !resumed {
		t.Error("a busy server's session was not resumed")
	}
}

// busy makes the server one to which many handshakes go.
func (r *rig) busy() {
	p := r.srv.routes[0].legs[decode.ServerLeg].pace
	p.mu.Lock()
	defer p.mu.Unlock()
	p.second, p.now, p.last = time.Now().Unix(), 2*busyPace, 2*busyPace
}

// A server that fails when it is to resume a session that it gave itself, as Cyrus does, costs one connection, not every
// other one.
func TestServerThatCannotResume(t *testing.T) {
	cfg := serverTLS(t)
	var failed atomic.Int32
	cfg.UnwrapSession = func([]byte, tls.ConnectionState) (*tls.SessionState, error) {
		failed.Add(1)
		return nil, errors.New("session id context uninitialized")
	}
	port := serve(t, func(c net.Conn) {
		s := tls.Server(c, cfg)
		if _, err := io.WriteString(s, "* OK ready\r\n"); err == nil {
			io.Copy(io.Discard, s)
		} else {
			c.Write([]byte{21, 3, 3, 0, 2, 2, 80}) // the alert internal_error, which crypto/tls does not say here
		}
		s.Close()
	})
	r := newRig(t, nil, fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", port))
	greeted := 0
	for range 8 {
		r.busy()
		c := tls.Client(r.dial(), r.clientTLS())
		if line, _ := bufio.NewReader(c).ReadString('\n'); line != "" {
			greeted++
		}
		io.WriteString(c, "x LOGOUT\r\n")
		c.Close()
		r.session().wait()
	}
	if failed.Load() != 1 || greeted != 7 {
		t.Errorf("%d of 8 clients were greeted, the server failed %d times", greeted, failed.Load())
	}
}

// A handshake that breaks off, for whatever reason, is not the server's word that it cannot resume.
func TestBrokenHandshakeSpoilsNothing(t *testing.T) {
	cfg := serverTLS(t)
	var visits atomic.Int32
	port := serve(t, func(c net.Conn) {
		if visits.Add(1) == 2 {
			return
		}
		s := tls.Server(c, cfg)
		if _, err := io.WriteString(s, "* OK ready\r\n"); err == nil {
			io.Copy(io.Discard, s)
		}
		s.Close()
	})
	r := newRig(t, nil, fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", port))
	for range 2 {
		r.busy()
		c := tls.Client(r.dial(), r.clientTLS())
		bufio.NewReader(c).ReadString('\n')
		io.WriteString(c, "x LOGOUT\r\n")
		c.Close()
		r.session().wait()
	}
	p := r.srv.routes[0].legs[decode.ServerLeg].pace
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed {
		t.Error("sessions are not offered any more")
	}
}

// opened checks that a session's own secrets open both of its legs.
func opened(t *testing.T, rec *recording, scheme string) {
	t.Helper()
	keys := &tlswire.KeyLog{}
	keys.Add(rec.keys[0].Bytes())
	keys.Add(rec.keys[1].Bytes())
	implicit := scheme == "imaps"
	s := decode.New(decode.Options{Protocol: decode.IMAP, Implicit: [2]bool{implicit, implicit}, Secrets: keys})
	logins := 0
	for _, c := range rec.chunks {
		for _, e := range s.Feed(c) {
			if e.Kind == "imap.command" && e.Field("name") == "LOGIN" && e.Layer == decode.Plain {
				logins++
			}
			if e.Kind == "session.violation" {
				t.Errorf("told %+v", e)
			}
		}
	}
	s.Close(time.Now())
	if logins != 2 {
		t.Errorf("the login was read on %d legs; secrets: %s%s", logins, rec.keys[0].String(), rec.keys[1].String())
	}
}

// chainOf makes a server's certificate of a chain.
func chainOf(certs ...*signer) *tls.Certificate {
	c := &tls.Certificate{PrivateKey: certs[0].key}
	for _, s := range certs {
		c.Certificate = append(c.Certificate, s.cert.Raw)
	}
	return c
}

// A session that may be resumed is no way around the certificate: one whose chain has expired since is refused, and the
// next handshake is a full one, which finds the server's new certificate.
func TestResumptionStillVerifies(t *testing.T) {
	now := time.Now()
	soon := now.Truncate(time.Second).Add(2 * time.Second)
	later := now.Add(time.Hour)
	root := sign(t, nil, "root", now.Add(-time.Hour), later)
	between := sign(t, root, "intermediate", now.Add(-time.Hour), soon)
	old := chainOf(sign(t, between, "127.0.0.1", now.Add(-time.Hour), later), between)
	renewed := chainOf(sign(t, root, "127.0.0.1", now.Add(-time.Hour), later))
	r := newReturning(t, "imaps", "", "", func(c *Config) {
		c.UpstreamCA = x509.NewCertPool()
		c.UpstreamCA.AddCert(root.cert)
	})
	r.cert = old
	cfg := r.clientTLS()
	cfg.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	if client, server := r.visit("imaps", cfg); client || server {
		t.Error("the first session was resumed")
	}
	if client, server := r.visit("imaps", cfg); !client || !server {
		t.Error("the second session was not resumed")
	}
	r.mu.Lock()
	r.cert = renewed
	r.mu.Unlock()
	r.session().wait()
	r.session().wait()
	time.Sleep(time.Until(soon.Add(10 * time.Millisecond)))
	c := tls.Client(r.dial(), cfg)
	if err := c.Handshake(); err == nil {
		t.Error("a session of an expired chain was resumed")
	}
	c.Close()
	r.session().wait().wantError(faultExpired)
	for len(r.states) > 0 {
		<-r.states
	}
	if _, server := r.visit("imaps", cfg); server {
		t.Error("what was refused is offered again")
	}
	r.session().wait()
}
