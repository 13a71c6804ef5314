package proxy

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"facteur/decode"
	"facteur/decode/tlswire"
)

// Every security of the client with every security of the server, for every protocol: the login must work, inside what
// TLS there is, the capabilities must be those that can work, and the observer must be able to open both legs.
func TestMatrix(t *testing.T) {
	for _, proto := range []string{decode.SMTP, decode.LMTP, decode.POP3, decode.IMAP, decode.Sieve} {
		for _, client := range []string{"clear", "starttls", "implicit"} {
			for _, server := range []string{"clear", "starttls", "implicit"} {
				t.Run(proto+" "+client+" "+server, func(t *testing.T) {
					m := &matrix{T: t, proto: proto, client: client, server: server}
					m.run()
				})
			}
		}
	}
}

type matrix struct {
	*testing.T
	proto, client, server string
}

// route gives the route of a combination; ManageSieve and LMTP have no scheme with TLS from the first octet, so that these
// endpoints are set in the configuration itself.
func (m *matrix) route(port int) Route {
	r, err := ParseRoute(fmt.Sprintf("%s://127.0.0.1:0=%s://127.0.0.1:%d", m.proto, m.proto, port))
	if err != nil {
		m.Fatal(err)
	}
	if m.client == "implicit" {
		r.Listen.Security = Implicit
	}
	switch {
	case m.server == "implicit":
		r.Upstream.Security = Implicit
	case m.server == "clear" && m.client == "starttls":
		r.Upstream.Security = Plain
	case m.server == "starttls" && m.client != "starttls":
		r.Upstream.Security = StartTLS
	}
	return r
}

func (m *matrix) run() {
	server := &mailServer{t: m, proto: m.proto, tls: serverTLS(m), implicit: m.server == "implicit"}
	r := newRig(m, func(c *Config) { c.Routes = []Route{m.route(server.start())} })
	c := &mailClient{proto: m.proto}
	conn := r.dial()
	if m.client == "implicit" {
		c.k = newTalk(m, tls.Client(conn, r.clientTLS()))
	} else {
		c.k = newTalk(m, conn)
	}
	c.hello(true)
	if m.client == "starttls" {
		if !c.offered() {
			m.Errorf("STARTTLS is not offered: %q", c.caps)
		}
		c.starttls(r.clientTLS())
		c.hello(false)
	}
	if m.client != "clear" && c.offered() {
		m.Errorf("STARTTLS is offered inside TLS: %q", c.caps)
	}
	if m.client == "clear" && m.server == "clear" && !c.offered() {
		m.Errorf("STARTTLS is no longer offered: %q", c.caps)
	}
	if strings.Contains(c.caps, "-PLUS") || !strings.Contains(c.caps, "PLAIN") {
		m.Errorf("mechanisms: %q", c.caps)
	}
	c.login()
	c.quit()
	m.checkServer(server.commands())
	rec := r.session().wait()
	m.checkDecoded(rec)
	if rec.find("session.error", "") != nil {
		m.Errorf("errors were told: %+v", rec.told)
	}
	if server := m.server == "implicit"; rec.find("session.rewrite", "") == nil && (m.client == "implicit" || m.client == "starttls" || server) {
		m.Error("no change was told, although SCRAM-PLUS or STARTTLS was left out")
	}
}

// checkServer holds that the secret went where it was to go.
func (m *matrix) checkServer(commands []string) {
	i := slices.IndexFunc(commands, func(s string) bool {
		return strings.Contains(s, "AGEAYg==") || strings.Contains(s, "secret")
	})
	if i < 0 {
		m.Fatalf("the server saw no login: %q", commands)
	}
	if secured := strings.HasPrefix(commands[i], "tls "); secured != (m.server != "clear") {
		m.Errorf("the login came as %q", commands[i])
	}
}

// checkDecoded feeds a decoder with what was told, at the moments it was told: it must find the login on both legs.
func (m *matrix) checkDecoded(rec *recording) {
	keys := &tlswire.KeyLog{}
	keys.Add(rec.keys[0].Bytes())
	keys.Add(rec.keys[1].Bytes())
	s := decode.New(decode.Options{Protocol: m.proto, Implicit: [2]bool{m.client == "implicit", m.server == "implicit"}, Secrets: keys})
	logins := map[decode.Leg]decode.Layer{}
	for _, c := range rec.chunks {
		for _, e := range s.Feed(c) {
			switch e.Field("verb") + e.Field("name") {
			case "AUTH", "PASS", "LOGIN", "AUTHENTICATE":
				if strings.HasSuffix(e.Kind, ".command") {
					logins[e.Leg] = e.Layer
				}
			}
			if e.Kind == "session.violation" {
				m.Errorf("the decoder complains: %+v", e)
			}
		}
	}
	s.Close(time.Now())
	for leg, security := range map[decode.Leg]string{decode.ClientLeg: m.client, decode.ServerLeg: m.server} {
		want := decode.Plain
		if security == "clear" {
			want = decode.Wire
		}
		if got, ok := logins[leg]; !ok || got != want {
			m.Errorf("%s leg: the login was decoded: %v, on layer %v; want %v", leg, ok, got, want)
		}
	}
	if (m.client == "clear") != (rec.keys[0].Len() == 0) || (m.server == "clear") != (rec.keys[1].Len() == 0) {
		m.Errorf("secrets told: %d and %d octets", rec.keys[0].Len(), rec.keys[1].Len())
	}
}
