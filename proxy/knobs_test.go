package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// keyPair makes a self-signed client certificate and gives its two files.
func keyPair(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "learner"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	p8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
	os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: p8}), 0o600)
	return cert, key
}

// Each knob turns its own leg, and nothing else.
func TestKnobs(t *testing.T) {
	cert, key := keyPair(t)
	other, otherKey := keyPair(t)
	own, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := tls.LoadX509KeyPair(other, otherKey)
	if err != nil {
		t.Fatal(err)
	}
	signers, err := authorities()
	if err != nil {
		t.Fatal(err)
	}
	withRSA, err := signers[1].LeafRSA("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	rsaExchange := []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
	const suite = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
	for name, tt := range map[string]struct {
		listen, upstream string
		client           func(*tls.Config)
		old              bool // the server knows RSA key exchange only
		fails            bool
		check            func(client, server tls.ConnectionState) bool
	}{
		"the client leg's version": {listen: "?tls-max=1.2", check: func(c, s tls.ConnectionState) bool {
			return c.Version == tls.VersionTLS12 && s.Version == tls.VersionTLS13
		}},
		"the server leg's version": {upstream: "?tls-max=1.2", check: func(c, s tls.ConnectionState) bool {
			return c.Version == tls.VersionTLS13 && s.Version == tls.VersionTLS12
		}},
		"an old client": {listen: "?tls-min=1.0", client: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
			check: func(c, s tls.ConnectionState) bool {
				return c.Version == tls.VersionTLS11 && s.Version == tls.VersionTLS13
			}},
		"an old client, by default": {client: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, fails: true},
		"1.3 only":                  {listen: "?tls-min=1.3", client: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, fails: true},
		"the client leg's suite":    {listen: "?tls-max=1.2&ciphers=" + suite, check: func(c, s tls.ConnectionState) bool { return tls.CipherSuiteName(c.CipherSuite) == suite }},
		"an RSA suite, whatever versions the client knows": {listen: "?tls-max=1.2&ciphers=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", check: func(c, s tls.ConnectionState) bool { return c.CipherSuite == tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 }},
		"the server leg's suite":                           {upstream: "?tls-max=1.2&ciphers=" + suite, check: func(c, s tls.ConnectionState) bool { return tls.CipherSuiteName(s.CipherSuite) == suite }},
		"RSA key exchange, if a client knows no other": {client: func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, rsaExchange },
			check: func(c, s tls.ConnectionState) bool {
				return c.CipherSuite == rsaExchange[0] && c.PeerCertificates[0].KeyUsage&x509.KeyUsageKeyEncipherment != 0
			}},
		"no RSA key exchange with a server":         {old: true, fails: true},
		"RSA key exchange with a server, if wanted": {old: true, upstream: "?ciphers=TLS_RSA_WITH_AES_128_CBC_SHA", check: func(c, s tls.ConnectionState) bool { return s.CipherSuite == rsaExchange[0] }},
		"no RSA key exchange, by other ciphers": {listen: "?ciphers=" + suite, fails: true,
			client: func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, rsaExchange }},
		"a certificate for the server": {upstream: "?client-cert=" + cert + "&client-key=" + key,
			check: func(c, s tls.ConnectionState) bool {
				return len(s.PeerCertificates) == 1 && s.PeerCertificates[0].Subject.CommonName == "learner"
			}},
		"the client's certificate": {listen: "?client-ca=" + cert, client: func(c *tls.Config) { c.Certificates = []tls.Certificate{own} },
			check: func(c, s tls.ConnectionState) bool { return len(s.PeerCertificates) == 0 }},
		"no certificate of the client's":    {listen: "?client-ca=" + cert, fails: true},
		"a foreign certificate of a client": {listen: "?client-ca=" + cert, client: func(c *tls.Config) { c.Certificates = []tls.Certificate{foreign} }, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			states := make(chan tls.ConnectionState, 1)
			port := serve(t, func(c net.Conn) {
				cfg := serverTLS(t)
				cfg.ClientAuth = tls.RequestClientCert
				if tt.old {
					cfg.MaxVersion, cfg.CipherSuites = tls.VersionTLS12, rsaExchange
					cfg.Certificates = []tls.Certificate{*withRSA}
				}
				s := tls.Server(c, cfg)
				if s.Handshake() == nil {
					states <- s.ConnectionState()
					io.WriteString(s, "* OK ready\r\n")
					io.Copy(io.Discard, s)
				}
			})
			r := newRig(t, nil, fmt.Sprintf("imaps://127.0.0.1:0%s=imaps://127.0.0.1:%d%s", tt.listen, port, tt.upstream))
			cfg := r.clientTLS()
			if tt.client != nil {
				tt.client(cfg)
			}
			c := tls.Client(r.dial(), cfg)
			defer c.Close()
			_, err := io.ReadFull(c, make([]byte, 12))
			if (err != nil) != tt.fails {
				t.Fatalf("the client got %v", err)
			}
			c.Close()
			rec := r.session().wait()
			if tt.fails {
				rec.wantError(faultHandshake)
			} else if !tt.check(c.ConnectionState(), <-states) {
				t.Errorf("client %+v", c.ConnectionState())
			}
		})
	}
}

// Where a certificate of a client is wanted and missing, or not believed, that is said, and not something about versions: on
// either leg, by TLS 1.2 and 1.3.
func TestMutualTLSIsSaid(t *testing.T) {
	cert, _ := keyPair(t)
	foreign, err := tls.LoadX509KeyPair(keyPair(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		listen, cause string
		client        *tls.Certificate
	}{
		"none":         {"?client-ca=" + cert, "client_no_certificate", nil},
		"none, 1.2":    {"?tls-max=1.2&client-ca=" + cert, "client_no_certificate", nil},
		"foreign":      {"?client-ca=" + cert, "client_certificate", &foreign},
		"the server's": {"", "server_wants_certificate", nil},
	} {
		t.Run(name, func(t *testing.T) {
			port := serve(t, func(c net.Conn) {
				cfg := serverTLS(t)
				if tt.listen == "" {
					cfg.ClientAuth = tls.RequireAnyClientCert
				}
				s := tls.Server(c, cfg)
				s.Handshake()
				io.Copy(io.Discard, s)
			})
			r := newRig(t, nil, fmt.Sprintf("imaps://127.0.0.1:0%s=imaps://127.0.0.1:%d", tt.listen, port))
			cfg := r.clientTLS()
			cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if tt.client == nil {
					return new(tls.Certificate), nil
				}
				return tt.client, nil
			}
			c := tls.Client(r.dial(), cfg)
			c.Handshake()
			io.Copy(io.Discard, c)
			c.Close()
			if e := r.session().wait().wantError(faultHandshake); e["cause"] != tt.cause {
				t.Errorf("told %v", e)
			}
		})
	}
}

// Without tickets no session is resumed; with them it is.
func TestNoResumption(t *testing.T) {
	for query, want := range map[string]bool{"": true, "?no-resumption": false} {
		port := serve(t, func(c net.Conn) { io.WriteString(c, "* OK ready\r\n"); io.Copy(io.Discard, c) })
		r := newRig(t, nil, fmt.Sprintf("imaps://127.0.0.1:0%s=imap://127.0.0.1:%d", query, port))
		cfg := r.clientTLS()
		cfg.ClientSessionCache = tls.NewLRUClientSessionCache(4)
		resumed := false
		for range 2 {
			c := tls.Client(r.dial(), cfg)
			io.ReadFull(c, make([]byte, 12))
			resumed = c.ConnectionState().DidResume
			c.Close()
		}
		if resumed != want {
			t.Errorf("%q: resumed %v", query, resumed)
		}
	}
}

// A knob that cannot be turned is an error before anything listens, and a route with knobs reads back as it was written.
func TestKnobErrors(t *testing.T) {
	cert, key := keyPair(t)
	for route, want := range map[string]string{
		"imaps://:0?tls-min=1.4=imaps://h":                         `TLS version "1.4"`,
		"imaps://:0?client-cert=x=imaps://h":                       "belongs behind the upstream",
		"imaps://:0=imaps://h?client-ca=x":                         "belongs behind the listener",
		"imaps://:0?resumption=imaps://h":                          "belongs behind the upstream",
		"imaps://:0=imaps://127.0.0.1?resumption&no-resumption":    "exclude each other",
		"imaps://:0=imaps://h?ciphers=RC5":                         `"RC5" is not known`,
		"imaps://:0=imaps://h?ciphers=TLS_AES_128_GCM_SHA256":      "of TLS 1.3",
		"imaps://:0=imaps://127.0.0.1?tls-min=1.3&tls-max=1.2":     "tls-max 1.2 is below",
		"imaps://:0?client-ca=missing.pem=imaps://127.0.0.1":       "missing.pem",
		"imaps://:0?client-ca=" + key + "=imaps://127.0.0.1":       "no certificate in PEM",
		"imaps://:0=imaps://127.0.0.1?client-cert=" + cert:         "belong together",
		"imaps://:0=imaps://127.0.0.1?client-cert=a&client-key=b":  "client-cert a",
		"imaps://:0?tls-min=1.3=imaps://127.0.0.1?tls=passthrough": "in passthrough",
	} {
		r, err := ParseRoute(route)
		if err == nil {
			a, _ := authorities()
			_, err = New(Config{Routes: []Route{r}, Authority: a[0]})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", route, err, want)
		}
	}
	const whole = "imap://127.0.0.1:1143?tls-min=1.0&no-resumption&client-ca=/a b/c.pem=imap://mail.example.org:143?starttls&tls-max=1.2&ciphers=TLS_RSA_WITH_AES_128_CBC_SHA,TLS_RSA_WITH_AES_256_CBC_SHA&no-resumption&client-cert=c&client-key=k&tls=intercept"
	r, err := ParseRoute(whole)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParseRoute(r.String()); err != nil || again != r {
		t.Errorf("%s reads back as %+v, %v", r, again, err)
	}
}
