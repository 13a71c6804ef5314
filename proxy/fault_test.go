package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"facteur/decode"
	"facteur/internal/notes"
)

// badCertificate makes a self-signed certificate for name.
func badCertificate(t *testing.T, name string, until time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
	}
	if ip := net.ParseIP(name); ip != nil {
		c.DNSNames, c.IPAddresses = nil, []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// No octet of a client may go to a server whose certificate is not what it should be, whatever the security of either leg.
func TestBadUpstreamCertificate(t *testing.T) {
	later, earlier := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for what, make := range map[string]func() (tls.Certificate, *x509.CertPool){
		faultUntrusted: func() (tls.Certificate, *x509.CertPool) {
			c, _ := badCertificate(t, "127.0.0.1", later)
			return c, x509.NewCertPool()
		},
		faultExpired: func() (tls.Certificate, *x509.CertPool) { return badCertificate(t, "127.0.0.1", earlier) },
		faultName:    func() (tls.Certificate, *x509.CertPool) { return badCertificate(t, "other.example.org", later) },
	} {
		cert, pool := make()
		for _, route := range []string{"imap=imaps", "imaps=imaps", "imap=imap", "imaps=imap?starttls", "imap=imap?starttls"} {
			t.Run(what+" "+route, func(t *testing.T) { testBadUpstream(t, what, route, cert, pool) })
		}
	}
}

func testBadUpstream(t *testing.T, what, route string, cert tls.Certificate, pool *x509.CertPool) {
	listen, upstream, _ := strings.Cut(route, "=")
	scheme, query, _ := strings.Cut(upstream, "?")
	m := &mailServer{t: t, proto: decode.IMAP, tls: &tls.Config{Certificates: []tls.Certificate{cert}}, implicit: scheme == "imaps"}
	r := newRig(t, func(c *Config) { c.UpstreamCA = pool }, fmt.Sprintf("%s://127.0.0.1:0=%s://127.0.0.1:%d?%s", listen, scheme, m.start(), query))
	conn := r.dial()
	switch {
	case listen == "imaps":
		if err := tls.Client(conn, r.clientTLS()).Handshake(); err == nil {
			t.Error("the client got a good handshake for a bad server")
		}
	case route == "imap=imap":
		k := newTalk(t, conn)
		k.line()
		k.say("s STARTTLS\r\n")
		k.until("s OK")
		if err := tls.Client(conn, r.clientTLS()).Handshake(); err == nil {
			t.Error("the client got a good handshake for a bad server")
		}
	default:
		k := newTalk(t, conn)
		k.say("l LOGIN a secret\r\n")
		if l := k.line(); !strings.HasPrefix(l, "* BYE") {
			t.Errorf("the client was told %q", l)
		}
	}
	conn.Close()
	rec := r.session().wait()
	e := rec.wantError(what)
	if !strings.Contains(r.log.String(), "The certificate of") && !strings.Contains(r.log.String(), "No known authority") || e["server"] == "" {
		t.Errorf("the log does not say it: %s", r.log)
	}
	for _, s := range m.commands() {
		if s != "s STARTTLS" && s != "f1 STARTTLS" {
			t.Errorf("the server saw %q", m.commands())
		}
	}
	for _, e := range rec.expects[len(rec.expects)-1:] {
		if strings.HasSuffix(e, "true") {
			t.Errorf("handshakes that began and did not end: %v", rec.expects)
		}
	}
}

// A server that is not there must be said at once, in the client's own protocol.
func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	for scheme, want := range map[string]string{"smtp": "421 4.4.1 ", "lmtp": "421 4.4.1 ", "pop3": "-ERR [SYS/TEMP] ", "imap": "* BYE ", "sieve": `BYE "`,
		"smtps": "421 4.4.1 ", "pop3s": "-ERR [SYS/TEMP] ", "imaps": "* BYE "} {
		r := newRig(t, nil, fmt.Sprintf("%s://127.0.0.1:0=%s://127.0.0.1:%d", scheme, scheme, port))
		var c net.Conn = r.dial()
		if strings.HasSuffix(scheme, "s") {
			c = tls.Client(c, r.clientTLS())
		}
		k := newTalk(t, c)
		if l := k.line(); !strings.HasPrefix(l, want) || !strings.Contains(l, "refuses the connection") {
			t.Errorf("%s: the client was told %q", scheme, l)
		}
		k.eof()
		k.Close()
		r.session().wait().wantError(faultUnreachable)
	}
}

// Settings that do not fit must be told apart, so that a learner can put them right.
func TestWrongStart(t *testing.T) {
	m := &mailServer{t: t, proto: decode.IMAP, tls: serverTLS(t)}
	port := m.start()
	t.Run("TLS on a port in clear", func(t *testing.T) {
		r := newRig(t, nil, fmt.Sprintf("imap://127.0.0.1:0=imap://127.0.0.1:%d", port))
		if err := tls.Client(r.dial(), r.clientTLS()).Handshake(); err == nil {
			t.Error("the handshake succeeded")
		}
		if e := r.session().wait().wantError(faultTLSOnClear); e["value"] != "imaps" {
			t.Errorf("told %v", e)
		}
	})
	for words, what := range map[string]string{"a LOGIN b c\r\n": faultClearOnTLS, "GET / HTTP/1.1\r\n\r\n": faultProtocol} {
		t.Run(what, func(t *testing.T) {
			r := newRig(t, nil, fmt.Sprintf("imaps://127.0.0.1:0=imap://127.0.0.1:%d", port))
			c := r.dial()
			io.WriteString(c, words)
			io.Copy(io.Discard, c)
			r.session().wait().wantError(what)
		})
	}
	t.Run("the server does not speak TLS", func(t *testing.T) {
		r := newRig(t, nil, fmt.Sprintf("imap://127.0.0.1:0=imaps://127.0.0.1:%d", port))
		newTalk(t, r.dial()).until("* BYE")
		if e := r.session().wait().wantError(faultHandshake); e["cause"] != "server_not_tls" {
			t.Errorf("told %v", e)
		}
	})
	t.Run("the client does not trust us", func(t *testing.T) {
		r := newRig(t, nil, fmt.Sprintf("imap://127.0.0.1:0=imap://127.0.0.1:%d", port))
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			k := newTalk(t, r.dial())
			k.line()
			k.say("s STARTTLS\r\n")
			k.until("s OK")
			if err := tls.Client(k, &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost", MaxVersion: version}).Handshake(); err == nil {
				t.Error("the handshake succeeded")
			}
			k.Close()
			if e := r.session().wait().wantError(faultRefusedUs); !strings.HasSuffix(e["filename"], "ca.pem") || !strings.Contains(r.log.String(), "facteur ca install") {
				t.Errorf("told %v", e)
			}
		}
	})
	t.Run("the server refuses STARTTLS", func(t *testing.T) {
		m := &mailServer{t: t, proto: decode.SMTP, tls: serverTLS(t), refuse: true}
		r := newRig(t, nil, fmt.Sprintf("smtp://127.0.0.1:0=smtp://127.0.0.1:%d?starttls", m.start()))
		newTalk(t, r.dial()).until("421")
		if e := r.session().wait().wantError(faultStartTLS); !strings.Contains(e["text"], "454") {
			t.Errorf("told %v", e)
		}
	})
}

// A client may say no to the certificate after its handshake is done; the alert must be read there, too.
func TestLateRefusal(t *testing.T) {
	port := serve(t, func(c net.Conn) {
		s := tls.Server(c, serverTLS(t))
		io.WriteString(s, "* OK ready\r\n")
		io.Copy(io.Discard, s)
	})
	r := newRig(t, nil, fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", port))
	wire := &alerting{Conn: r.dial()}
	cfg := r.clientTLS()
	cfg.MaxVersion, cfg.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	cfg.InsecureSkipVerify = true
	c := tls.Client(wire, cfg)
	newTalk(t, c).until("* OK")
	wire.spoil = true
	io.WriteString(c, "a NOOP\r\n") // arrives as a record that cannot be opened
	io.Copy(io.Discard, wire.Conn)
	c.Close()
	if e := r.session().wait().wantError(faultHandshake); !strings.Contains(e["description"], "bad record MAC") {
		t.Errorf("told %v", e)
	}
}

// alerting spoils what is written.
type alerting struct {
	net.Conn
	spoil bool
}

func (a *alerting) Write(p []byte) (int, error) {
	if a.spoil {
		p = append([]byte(nil), p...)
		p[len(p)-1] ^= 1
	}
	return a.Conn.Write(p)
}

func TestDialFaults(t *testing.T) {
	r, err := ParseRoute("smtp://:0=smtp://mail.example.org:2525")
	if err != nil {
		t.Fatal(err)
	}
	s := &session{srv: &Server{c: Config{DialTimeout: time.Second, HandshakeTimeout: time.Second}}, route: &route{Route: r}}
	for want, err := range map[string]error{
		"dns_unknown":                  &net.DNSError{IsNotFound: true, Name: "mail.example.org"},
		"dns_failed":                   &net.DNSError{Err: "server misbehaving"},
		"upstream_timeout.connect":     os.ErrDeadlineExceeded,
		"upstream_unreachable.refused": syscall.ECONNREFUSED,
		"network":                      syscall.EHOSTUNREACH,
	} {
		f := s.dialFault(&net.OpError{Op: "dial", Net: "tcp", Err: err})
		for _, lang := range []string{"fr", "en"} {
			line, advice := sentence(lang, f.id(), words(f.fields))
			if !notes.Has(f.id()) || !strings.Contains(f.id(), want) || !strings.Contains(line, "mail.example.org") || advice == "" {
				t.Errorf("%v: %s: %q, %q", err, f.id(), line, advice)
			}
		}
	}
	for want, err := range map[string]error{
		"administrator rights": &os.SyscallError{Err: syscall.EACCES}, "no address of this machine": syscall.EADDRNOTAVAIL, "cannot listen": io.EOF,
	} {
		if e := listenFault(r, err); !strings.Contains(e.Error(), want) || !errors.Is(e, err) {
			t.Errorf("%v: %v", err, e)
		}
	}
}
