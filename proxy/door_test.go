package proxy

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	xproxy "golang.org/x/net/proxy"

	"facteur/decode"
	"facteur/proxy/ca"
)

// mailPort lets a test's server stand for one at a registered port.
func mailPort(t *testing.T, scheme string, port int) {
	t.Helper()
	for i := range schemes {
		if schemes[i].name == scheme {
			was := schemes[i].port
			schemes[i].port = port
			t.Cleanup(func() { schemes[i].port = was })
		}
	}
}

func socksRig(t *testing.T, change func(*Config)) (*rig, xproxy.Dialer) {
	t.Helper()
	r := newRig(t, func(c *Config) {
		c.Socks = "127.0.0.1:0"
		if change != nil {
			change(c)
		}
	})
	d, err := xproxy.SOCKS5("tcp", r.addr(), nil, xproxy.Direct)
	if err != nil {
		t.Fatal(err)
	}
	return r, d
}

// Through SOCKS a client keeps its settings: mail is intercepted by its registered port, in clear and in TLS.
func TestSocksMail(t *testing.T) {
	for _, scheme := range []string{"imap", "imaps"} {
		t.Run(scheme, func(t *testing.T) {
			m := &mailServer{t: t, proto: decode.IMAP, tls: serverTLS(t), implicit: scheme == "imaps"}
			port := m.start()
			mailPort(t, scheme, port)
			r, d := socksRig(t, nil)
			conn, err := d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			c := &mailClient{proto: decode.IMAP}
			if scheme == "imaps" {
				s := tls.Client(conn, r.clientTLS()) // trusts facteur's authority alone
				if err := s.Handshake(); err != nil {
					t.Fatal(err)
				}
				conn = s
			}
			c.k = newTalk(t, conn)
			c.hello(true)
			if scheme == "imap" {
				c.starttls(r.clientTLS())
			}
			c.login()
			c.quit()
			rec := r.session().wait()
			if m := rec.find("session.door", doorMail); m == nil || m["how"] != "socks5" {
				t.Errorf("told %+v", rec.told)
			}
			if rec.info.Mode != Intercept || rec.info.Route.Upstream.Scheme != scheme {
				t.Errorf("the session is %+v", rec.info)
			}
		})
	}
}

// What is no mail is relayed untouched, and listed as what it is.
func TestSocksNotMail(t *testing.T) {
	port := serve(t, func(c net.Conn) { io.Copy(c, c) })
	r, d := socksRig(t, nil)
	conn, err := d.Dial("tcp", net.JoinHostPort("localhost", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	sent := append([]byte("GET / HTTP/1.1\r\n\r\n\x16\x03\x01"), bytes.Repeat([]byte{0, 255}, 5000)...)
	conn.Write(sent)
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("got %q, %v", got[:20], err)
	}
	conn.Close()
	rec := r.session().wait()
	if rec.find("session.door", doorNotMail) == nil || rec.find("session.error", "") != nil || rec.info.Route.Listen.Protocol != decode.Detect {
		t.Errorf("told %+v", rec.told)
	}
	if !bytes.Equal(rec.wire[decode.ClientLeg][decode.Client].Bytes(), sent) {
		t.Error("the observer sees other octets than the client's")
	}
}

// A host outside the authority's constraint keeps its own certificate, end to end, and that is said.
func TestSocksOutside(t *testing.T) {
	m := &mailServer{t: t, proto: decode.IMAP, tls: serverTLS(t), implicit: true}
	port := m.start()
	mailPort(t, "imaps", port)
	name, err := os.Hostname()
	if _, lookup := net.LookupHost("ip6-localhost"); err != nil || lookup != nil {
		t.Skip("this machine has no second name for loopback", name)
	}
	r, d := socksRig(t, nil)
	conn, err := d.Dial("tcp", fmt.Sprintf("ip6-localhost:%d", port))
	if err != nil { // the name leads to ::1, where nobody listens: that is enough to see how it was decided
		rec := r.session().wait()
		if rec.find("session.door", doorOutside) == nil || rec.info.Mode != Passthrough {
			t.Errorf("told %+v", rec.told)
		}
		return
	}
	s := tls.Client(conn, &tls.Config{RootCAs: poolOf(r.upstream), ServerName: "127.0.0.1"})
	if err := s.Handshake(); err != nil {
		t.Error(err)
	}
	s.Close()
	if rec := r.session().wait(); rec.find("session.door", doorOutside) == nil {
		t.Errorf("told %+v", rec.told)
	}
}

// A destination that cannot be reached, or that is facteur itself or its page, is refused in SOCKS's own words.
func TestSocksRefusals(t *testing.T) {
	page := serve(t, func(c net.Conn) { t.Error("the page was reached") })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	r, d := socksRig(t, nil)
	r.srv.KeepOff(page)
	_, own, _ := net.SplitHostPort(r.addr())
	for addr, want := range map[string]struct{ reply, what string }{
		closed:                            {"connection refused", faultUnreachable},
		"no-such-host.invalid:143":        {"host unreachable", faultUnreachable},
		r.addr():                          {"not allowed by ruleset", faultLoop},
		"localhost:" + own:                {"not allowed by ruleset", faultLoop},
		"0.0.0.0:" + own:                  {"not allowed by ruleset", faultLoop},
		fmt.Sprintf("127.0.0.1:%d", page): {"not allowed by ruleset", faultLoop},
		fmt.Sprintf("127.9.9.9:%d", page): {"not allowed by ruleset", faultLoop},
	} {
		conn, err := d.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			t.Errorf("%s was reached", addr)
			continue
		}
		if !strings.Contains(err.Error(), want.reply) {
			t.Errorf("%s: %v, want %s", addr, err, want.reply)
		}
		r.session().wait().wantError(want.what)
	}
}

// What is no SOCKS5, or more than CONNECT, is answered as RFC 1928 says, and said in one line of the log.
func TestSocksWords(t *testing.T) {
	r, _ := socksRig(t, nil)
	for name, tt := range map[string]struct{ sent, answer, log string }{
		"SOCKS4":         {"\x04\x01\x00\x19\x7f\x00\x00\x01\x00", "", "does not speak SOCKS5"},
		"HTTP":           {"CONNECT a:25 HTTP/1.1\r\n\r\n", "", "does not speak SOCKS5"},
		"a password":     {"\x05\x01\x02", "\x05\xff", "authentication"},
		"BIND":           {"\x05\x01\x00\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x19", "\x05\x00\x05\x07", "CONNECT only"},
		"a wrong kind":   {"\x05\x01\x00\x05\x01\x00\x09", "\x05\x00\x05\x08", "cannot be read"},
		"an empty name":  {"\x05\x01\x00\x05\x01\x00\x03\x00\x00\x19", "\x05\x00\x05\x08", "cannot be read"},
		"a false name":   {"\x05\x01\x00\x05\x01\x00\x03\x02a\x1b\x00\x19", "\x05\x00\x05\x08", "cannot be read"},
		"no port":        {"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x00", "\x05\x00\x05\x08", "cannot be read"},
		"a mere connect": {"", "", ""},
		"half a request": {"\x05\x01\x00\x05\x01", "\x05\x00", ""},
	} {
		c := r.dial()
		io.WriteString(c, tt.sent)
		c.CloseWrite()
		b, err := io.ReadAll(c)
		if err != nil && !isClosed(err) || !strings.HasPrefix(string(b), tt.answer) || tt.answer == "" && len(b) > 0 {
			t.Errorf("%s: answered %q, %v", name, b, err)
		}
		c.Close()
		if !strings.Contains(r.log.String(), tt.log) {
			t.Errorf("%s: the log does not say %q: %s", name, tt.log, r.log)
		}
	}
	if n := len(r.sessions); n > 0 {
		t.Errorf("%d sessions", n)
	}
}

// curl, told to use the door, reads its mail.
func TestSocksCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("curl is not installed")
	}
	m := &mailServer{t: t, proto: decode.IMAP, tls: serverTLS(t), implicit: true}
	port := m.start()
	mailPort(t, "imaps", port)
	r, _ := socksRig(t, nil)
	out, err := exec.Command(curl, "-sS", "--max-time", "10", "--socks5-hostname", r.addr(), "--cacert", r.local.Show().Path,
		fmt.Sprintf("imaps://localhost:%d/", port)).CombinedOutput()
	if err != nil {
		t.Errorf("curl: %v\n%s", err, out)
	}
	if rec := r.session().wait(); rec.info.Mode != Intercept || rec.info.Route.Upstream.Host != "localhost" {
		t.Errorf("the session is %+v", rec.info)
	}
}

// passage is a connection through a door to a server that is known by an address; its certificate has another name, the one
// name that the authority may sign for.
type passage struct {
	r      *rig
	server *mailServer
	cert   *x509.Certificate
	conn   net.Conn
}

func throughDoor(t *testing.T, scheme string) *passage {
	t.Helper()
	const name = "mail.example.org"
	a, err := authorities()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a[1].Leaf(name)
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{t: t, proto: decode.IMAP, tls: &tls.Config{Certificates: []tls.Certificate{*cert}}, implicit: scheme == "imaps"}
	port := m.start()
	mailPort(t, scheme, port)
	permits = func(_ *ca.Authority, host string) bool { return host == name }
	t.Cleanup(func() { permits = (*ca.Authority).Permits })
	r, d := socksRig(t, nil)
	conn, err := d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &passage{r, m, cert.Leaf, conn}
}

// asking is a client that asks for a name, and trusts facteur, unless TLS is expected to pass end to end.
func (p *passage) asking(name, want string) *tls.Config {
	if want == doorOutside {
		return &tls.Config{ServerName: name, InsecureSkipVerify: true}
	}
	return &tls.Config{ServerName: name, RootCAs: poolOf(p.r.local)}
}

// A client that comes with an address and names the server in its hello only is intercepted by that name: its certificate
// has the name, and the real server is held to it. A name that the authority may not sign for passes end to end, with the
// hello as it was.
func TestSocksNameInHello(t *testing.T) {
	for name, want := range map[string]string{"mail.example.org": doorMail, "other.example.net": doorOutside} {
		t.Run(name, func(t *testing.T) {
			p := throughDoor(t, "imaps")
			conn := p.conn
			s := tls.Client(conn, p.asking(name, want))
			if err := s.Handshake(); err != nil {
				t.Fatal(err)
			}
			k := newTalk(t, s)
			k.line()
			k.say("a LOGOUT\r\n")
			k.until("a OK")
			if got := s.ConnectionState().PeerCertificates[0].Equal(p.cert); got != (want == doorOutside) {
				t.Errorf("the certificate is the server's own: %v", got)
			}
			s.Close()
			rec := p.r.session().wait()
			if rec.find("session.door", want) == nil || rec.find("session.error", "") != nil {
				t.Errorf("told %+v", rec.told)
			}
			if p.server.sni != name {
				t.Errorf("the server was asked for %q", p.server.sni)
			}
		})
	}
}

// Behind STARTTLS it is the same: the hello decides whether TLS is intercepted, by that name, or passes end to end. A
// client that never asks for TLS is relayed in clear, and said to have come for mail.
func TestSocksNameBehindStartTLS(t *testing.T) {
	for name, want := range map[string]string{"mail.example.org": doorMail, "other.example.net": doorOutside, "": doorOutside, "clear": doorMail} {
		t.Run("name "+name, func(t *testing.T) {
			p := throughDoor(t, "imap")
			conn := p.conn
			k := newTalk(t, conn)
			k.line()
			if name != "clear" {
				k.say("s STARTTLS\r\n")
				k.until("s OK")
				s := tls.Client(conn, p.asking(name, want))
				if err := s.Handshake(); err != nil {
					t.Fatal(err)
				}
				if got := s.ConnectionState().PeerCertificates[0].Equal(p.cert); got != (want == doorOutside) {
					t.Errorf("the certificate is the server's own: %v", got)
				}
				if p.server.sni != name {
					t.Errorf("the server was asked for %q", p.server.sni)
				}
				k = newTalk(t, s)
			}
			k.say("a LOGOUT\r\n")
			k.until("a OK")
			k.Close()
			rec := p.r.session().wait()
			if rec.find("session.door", want) == nil || rec.find("session.error", "") != nil || rec.find("session.rewrite", "") != nil {
				t.Errorf("told %+v", rec.told)
			}
			if outside := rec.find("session.door", doorOutside) != nil; outside != (want == doorOutside) {
				t.Errorf("said to pass end to end: %v", outside)
			}
		})
	}
}
