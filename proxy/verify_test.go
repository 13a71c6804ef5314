package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"
)

// signer is an authority of a test's own, or what one has signed.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// sign makes a certificate of by's, its own if by is nil.
func sign(t *testing.T, by *signer, name string, from, to time.Time) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to,
		BasicConstraintsValid: true, IsCA: by == nil || name == "intermediate"}
	if ip := net.ParseIP(name); ip != nil {
		tmpl.IPAddresses = []net.IP{ip}
	} else {
		tmpl.DNSNames = []string{name}
	}
	parent, parentKey := tmpl, key
	if by != nil {
		parent, parentKey = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{cert, key}
}

// A chain that was found good is good again for minutes, and not a moment beyond the life of any certificate in it, nor
// before it was looked at; another chain, another authority and a bad chain are looked at every time.
func TestChainsAreRemembered(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	year := now.Add(365 * 24 * time.Hour)
	root := sign(t, nil, "root", now.Add(-time.Hour), year)
	between := sign(t, root, "intermediate", now.Add(-time.Hour), now.Add(time.Minute))
	leaf := sign(t, between, "mail.example.org", now.Add(-time.Hour), year)
	direct := sign(t, root, "mail.example.org", now.Add(-time.Hour), year)
	forged := sign(t, sign(t, nil, "root", now.Add(-time.Hour), year), "mail.example.org", now.Add(-time.Hour), year)
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	s := &Server{c: Config{UpstreamCA: pool}}
	long, short := []*x509.Certificate{leaf.cert, between.cert}, []*x509.Certificate{direct.cert}
	for _, tt := range []struct {
		what  string
		chain []*x509.Certificate
		at    time.Time
		good  bool
		known bool // before it was asked
	}{
		{"a chain", long, now, true, false},
		{"the same", long, now.Add(30 * time.Second), true, true},
		{"its leaf alone", long[:1], now, false, false},
		{"with an intermediate that has expired", long, now.Add(2 * time.Minute), false, false},
		{"before it was valid", long, now.Add(-2 * time.Hour), false, false},
		{"a direct one", short, now, true, false},
		{"later", short, now.Add(chainLife - 1), true, true},
		{"much later", short, now.Add(chainLife), true, false},
		{"before that look, while it was valid", short, now, true, false},
		{"a forgery under the same names", []*x509.Certificate{forged.cert}, now, false, false},
		{"again", []*x509.Certificate{forged.cert}, now, false, false},
	} {
		if known := s.chains.know(chainID(tt.chain), tt.at); known != tt.known {
			t.Errorf("%s: known %v", tt.what, known)
		}
		if err := s.trusts(tt.chain, tt.at); (err == nil) != tt.good {
			t.Errorf("%s: %v", tt.what, err)
		}
	}
	if err := (&Server{c: Config{UpstreamCA: x509.NewCertPool()}}).trusts(short, now); err == nil {
		t.Error("what one server trusts, another does, too")
	}
	for range maxChains + 1 {
		s.chains.learn([32]byte{byte(len(s.chains.good)), byte(len(s.chains.good) >> 8), 1}, short, now)
	}
	if n := len(s.chains.good); n > maxChains {
		t.Errorf("%d chains are remembered", n)
	}
}

// A chain that is known is no pass for other names: each connection is checked for its own.
func TestKnownChainStillNeedsItsName(t *testing.T) {
	r := implicitRig(t, serverTLS(t), func(*tls.ClientHelloInfo) {}, nil)
	visit(t, r, r.clientTLS())
	r.session().wait()
	s := &session{srv: r.srv, route: r.srv.routes[0]}
	a, _ := authorities()
	leaf, _ := a[1].Leaf("127.0.0.1")
	cs := tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf.Leaf}}
	if !r.srv.chains.know(chainID(cs.PeerCertificates), time.Now()) {
		t.Error("the chain of the server that was visited is not known")
	}
	if err := s.verify(cs, []string{"127.0.0.1"}); err != nil {
		t.Error(err)
	}
	if err := asFault(s.verify(cs, []string{"elsewhere.example.org"})); err == nil || err.what != faultName {
		t.Errorf("another name: %v", err)
	}
}
