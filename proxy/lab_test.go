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
	"facteur/internal/notes"
)

func labRig(t *testing.T, m *mailServer, attack string, route string) *rig {
	t.Helper()
	a, err := ParseAttack(attack)
	if err != nil {
		t.Fatal(err)
	}
	listen, upstream, _ := strings.Cut(route, "=")
	m.t, m.tls, m.implicit = t, serverTLS(t), strings.HasSuffix(upstream, "s")
	return newRig(t, func(c *Config) { c.Attacks = []Attack{a} }, fmt.Sprintf("%s://127.0.0.1:0=%s://127.0.0.1:%d", listen, upstream, m.start()))
}

func wantVerdict(t *testing.T, rec *recording, attack, verdict string) {
	t.Helper()
	v := rec.find("session.verdict", verdict)
	if rec.find("session.attack", attack) == nil || v == nil || v["verdict"] != verdict || v["name"] != attack {
		t.Errorf("told %+v", rec.told)
	}
	for _, id := range []string{"session.attack." + attack, "session.verdict." + verdict} {
		if !notes.Has(id) {
			t.Errorf("no note %s", id)
		}
	}
}

// A client that does not listen to the refusal of its STARTTLS sends its hello in clear: it wants TLS, and did not fall back.
func TestLabBlindHello(t *testing.T) {
	for _, proto := range []string{decode.SMTP, decode.IMAP} {
		t.Run(proto, func(t *testing.T) {
			r := labRig(t, &mailServer{proto: proto}, RefuseStartTLS, proto+"="+proto)
			k := newTalk(t, r.dial())
			k.line()
			k.say(map[string]string{decode.SMTP: "STARTTLS\r\n", decode.IMAP: "a STARTTLS\r\n"}[proto])
			k.line()
			k.say("\x16\x03\x01\x00 $\x01\x00 LOGIN\n\x03\r\n")
			k.line()
			k.Close()
			wantVerdict(t, r.session().wait(), RefuseStartTLS, verdictRefused)
		})
	}
}

// A client to which STARTTLS is not offered, or refused, or for which it has no place any more, either goes on in clear or
// does not: that is the verdict.
func TestLabClear(t *testing.T) {
	for _, attack := range []string{StripStartTLS, RefuseStartTLS, PreAuth} {
		for _, proto := range []string{decode.SMTP, decode.POP3, decode.IMAP, decode.Sieve} {
			if attack == PreAuth && proto != decode.IMAP {
				continue
			}
			for _, careful := range []bool{true, false} {
				t.Run(fmt.Sprint(attack, " ", proto, " careful ", careful), func(t *testing.T) {
					m := &mailServer{proto: proto}
					scheme := map[string]string{decode.SMTP: "smtp", decode.POP3: "pop3", decode.IMAP: "imap", decode.Sieve: "sieve"}[proto]
					r := labRig(t, m, attack, scheme+"="+scheme)
					c := &mailClient{k: newTalk(t, r.dial()), proto: proto}
					if attack == PreAuth {
						if l := c.k.line(); !strings.HasPrefix(l, "* PREAUTH ") {
							t.Errorf("greeted %q", l)
						}
						c.hello(false)
					} else {
						c.hello(true)
					}
					if c.offered() != (attack != StripStartTLS) {
						t.Errorf("capabilities %q", c.caps)
					}
					if attack != PreAuth {
						answer := map[string][2]string{decode.SMTP: {"STARTTLS", "454"}, decode.POP3: {"STLS", "-ERR"}, decode.IMAP: {"s STARTTLS", "s NO"}, decode.Sieve: {"STARTTLS", "NO"}}[proto]
						c.ask(answer[0], answer[1])
					}
					want := verdictRefused
					if !careful {
						c.login()
						want = verdictFellBack
					}
					c.quit()
					wantVerdict(t, r.session().wait(), attack, want)
					for _, s := range m.commands() {
						if strings.Contains(s, "STARTTLS") || strings.Contains(s, "STLS") {
							t.Errorf("the server saw %q", s)
						}
					}
				})
			}
		}
	}
}

// A bad certificate, or a version of TLS that is none any more, is refused or it is not.
func TestLabTLS(t *testing.T) {
	for _, attack := range []string{"wrong-name", "expired", "self-signed", "unknown-ca", Downgrade} {
		for _, route := range []string{"imaps=imaps", "imap=imap"} {
			for _, careful := range []bool{true, false} {
				t.Run(fmt.Sprint(attack, " ", route, " careful ", careful), func(t *testing.T) {
					r := labRig(t, &mailServer{proto: decode.IMAP}, attack, route)
					conn := net.Conn(r.dial())
					k := newTalk(t, conn)
					if route == "imap=imap" {
						k.line()
						k.say("s STARTTLS\r\n")
						k.until("s OK")
					}
					cfg := r.clientTLS()
					if !careful {
						cfg.InsecureSkipVerify, cfg.MinVersion = true, tls.VersionTLS10
					}
					s := tls.Client(conn, cfg)
					err := s.Handshake()
					if (err == nil) == careful {
						t.Fatalf("the handshake: %v", err)
					}
					want := verdictRefused
					if !careful {
						want = verdictFooled
						k = newTalk(t, s)
						k.say("a LOGIN b c\r\n")
						k.until("a OK")
					}
					s.Close()
					conn.Close()
					rec := r.session().wait()
					wantVerdict(t, rec, attack, want)
					if careful && attack != Downgrade { // nobody is told to trust an authority: it would not help
						if e := rec.wantError(faultRefusedUs); e["cause"] != "lab" || e["name"] != attack {
							t.Errorf("told %v", e)
						}
					}
				})
			}
		}
	}
}

// A response injected before TLS is believed by a client that keeps it, and shows by going on; a command, by a server.
func TestLabInjection(t *testing.T) {
	for _, careful := range []bool{true, false} {
		t.Run(fmt.Sprint("response, careful ", careful), func(t *testing.T) {
			r := labRig(t, &mailServer{proto: decode.SMTP}, InjectResponse, "smtp=smtp")
			k := newTalk(t, r.dial())
			k.line()
			k.say("STARTTLS\r\n")
			k.until("220")
			if l := k.line(); l != "250 injected" {
				t.Errorf("no injected response: %q", l)
			}
			s := tls.Client(k.Conn, r.clientTLS())
			inside := newTalk(t, s)
			inside.say("EHLO x\r\n")
			want := verdictRefused
			if !careful { // it holds the injected response for the one to EHLO
				inside.say("MAIL FROM:<a@b>\r\n")
				want = verdictFooled
			}
			inside.until("250 ")
			s.Close()
			k.Close()
			wantVerdict(t, r.session().wait(), InjectResponse, want)
		})
		for tag, injected := range map[string]string{"a1": "a2 OK injected", "A009": "A010 OK injected", "99": "100 OK injected", ".": "* BYE injected"} {
			t.Run(fmt.Sprint("response of IMAP to ", tag, ", careful ", careful), func(t *testing.T) {
				r := labRig(t, &mailServer{proto: decode.IMAP}, InjectResponse, "imap=imap")
				k := newTalk(t, r.dial())
				k.line()
				k.say(tag + " STARTTLS\r\n")
				k.until(tag + " OK")
				if l := k.line(); l != injected {
					t.Errorf("injected %q, want %q", l, injected)
				}
				inside := newTalk(t, tls.Client(k.Conn, r.clientTLS()))
				inside.say("x CAPABILITY\r\n")
				want := verdictRefused
				if !careful { // it holds the injected response for the one to CAPABILITY
					inside.say("y NOOP\r\n")
					want = verdictFooled
				}
				inside.until("x ")
				inside.Close()
				k.Close()
				rec := r.session().wait()
				if tag != "." {
					wantVerdict(t, rec, InjectResponse, want)
				} else if v := rec.find("session.verdict", ""); v != nil {
					t.Errorf("told %v of what cannot be told", v)
				}
			})
		}
		t.Run(fmt.Sprint("command, careful ", careful), func(t *testing.T) {
			a, err := ParseAttack(InjectCommand)
			if err != nil {
				t.Fatal(err)
			}
			port := serve(t, func(c net.Conn) {
				k := newTalk(t, c)
				k.say("220 h\r\n")
				if l := k.line(); l != "STARTTLS" {
					t.Errorf("the server got %q", l)
				}
				if l := k.line(); l != "NOOP" {
					t.Errorf("the server got %q", l)
				}
				k.say("220 go\r\n")
				s := tls.Server(c, serverTLS(t))
				if s.Handshake() != nil {
					return
				}
				if !careful {
					io.WriteString(s, "250 noop\r\n")
				}
				io.Copy(io.Discard, s)
			})
			r := newRig(t, func(c *Config) { c.Attacks = []Attack{a} }, fmt.Sprintf("smtp://127.0.0.1:0=smtp://127.0.0.1:%d", port))
			k := newTalk(t, r.dial())
			k.line()
			k.say("STARTTLS\r\n")
			k.until("220")
			k = k.starttls(r.clientTLS())
			want := verdictRefused
			if !careful {
				k.until("250")
				want = verdictFooled
			}
			k.say("EHLO x\r\n")
			k.Close()
			wantVerdict(t, r.session().wait(), InjectCommand, want)
		})
	}
}

// Delay, cut and reset happen where they were asked for, and what the client does then is the verdict.
func TestLabNetwork(t *testing.T) {
	greeted := func(b []byte, _ error, d time.Duration) bool { return len(b) == 11 && d > 200*time.Millisecond }
	for _, tt := range []struct {
		attack, verdict, says string
		check                 func([]byte, error, time.Duration) bool
	}{
		{"delay=200ms", verdictWaited, "", greeted},
		{"delay=200ms", verdictGaveUp, "hang up", func(b []byte, _ error, d time.Duration) bool { return true }},
		{"truncate=7", verdictCutOff, "", func(b []byte, err error, d time.Duration) bool { return len(b) == 7 && err == io.ErrUnexpectedEOF }},
		{"truncate=7", verdictCutOff, "QUIT\r\n", func(b []byte, err error, d time.Duration) bool { return len(b) == 7 }},
		{"truncate=7", verdictFooled, "EHLO x\r\n", func(b []byte, err error, d time.Duration) bool { return len(b) == 7 }},
		{"reset=4", verdictCutOff, "", func(b []byte, err error, d time.Duration) bool { return len(b) <= 4 && err != nil }},
	} {
		r := labRig(t, &mailServer{proto: decode.SMTP}, tt.attack, "smtps=smtp")
		start := time.Now()
		c := tls.Client(r.dial(), r.clientTLS())
		var n int
		var err error
		b := make([]byte, 11)
		if tt.says == "hang up" {
			err = c.Handshake()
			time.Sleep(50 * time.Millisecond) // the server's greeting is on its way
		} else {
			n, err = io.ReadFull(c, b)
		}
		if !tt.check(b[:n], err, time.Since(start)) {
			t.Errorf("%s: got %q, %v after %v", tt.attack, b[:n], err, time.Since(start))
		}
		if strings.HasSuffix(tt.says, "\n") {
			io.WriteString(c, tt.says)
		}
		c.Close()
		name, _, _ := strings.Cut(tt.attack, "=")
		rec := r.session().wait()
		if rec.find("session.error", "") != nil {
			t.Errorf("%s: told %+v", tt.attack, rec.told)
		}
		wantVerdict(t, rec, name, tt.verdict)
	}
}

// Attacks are for practice servers on this machine, and nothing else.
func TestLabRefusals(t *testing.T) {
	a, err := authorities()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"imap://:0=imap://mail.example.org":          "mail.example.org is none",
		"imap://:0=imap://localhost.example.org":     "practice servers on this machine only",
		"imap://:0=imap://127.0.0.1?tls=passthrough": "--tls intercept",
	} {
		r, err := ParseRoute(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := (&Server{c: Config{Attacks: []Attack{{Name: PreAuth}}}, routes: []*route{{Route: r, mode: max(r.TLS, Intercept)}}}).checkLab(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	good, _ := ParseRoute("imap://:0=imap://[::1]")
	for want, c := range map[string]Config{"": {}, "--socks": {Socks: "127.0.0.1:0"}, "--no-rewrite": {NoRewrite: true}} {
		c.Routes, c.Authority, c.Attacks = []Route{good}, a[0], []Attack{{Name: PreAuth}}
		if _, err := New(c); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, s := range []string{"", "evil", "delay", "delay=x", "delay=-1s", "delay=1h", "truncate=-1", "reset=x", "preauth=1"} {
		if _, err := ParseAttack(s); err == nil {
			t.Errorf("attack %q was taken", s)
		}
	}
}
