package ca

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func newTest(t testing.TB, hosts ...string) *Authority {
	t.Helper()
	a, err := LoadOrCreate(filepath.Join(t.TempDir(), "ca"), Options{Hosts: hosts})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func pool(a *Authority) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.Certificate())
	return p
}

// The files must be what DESIGN.md promises: a key that only its owner reads, and the same authority at the next start.
func TestFilesAndReload(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	a, err := LoadOrCreate(dir, Options{Hosts: []string{"mail.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	if !a.Created {
		t.Error("a new authority does not say that it is new")
	}
	if runtime.GOOS != "windows" {
		for path, want := range map[string]os.FileMode{dir: 0o700, keyPath(dir): 0o600, certPath(dir): 0o644} {
			if st, err := os.Stat(path); err != nil || st.Mode().Perm() != want {
				t.Errorf("%s: mode %v, %v; want %v", path, st.Mode().Perm(), err, want)
			}
		}
	}
	b, err := LoadOrCreate(dir, Options{Hosts: []string{"other.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	if b.Created || b.Show().SHA256 != a.Show().SHA256 {
		t.Error("the second start made another authority")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".tmp-*")); len(left) > 0 {
		t.Errorf("temporary files left: %v", left)
	}
}

// A key that others may have copied must not be used in silence.
func TestRefusals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	fresh := func() string { return newTest(t, "mail.example.org").Dir }
	other := newTest(t, "mail.example.org")
	tests := []struct {
		name, want string
		spoil      func(dir string) error
	}{
		{"readable key", "chmod 600", func(d string) error { return os.Chmod(keyPath(d), 0o644) }},
		{"writable directory", "chmod 700", func(d string) error { return os.Chmod(d, 0o777) }},
		{"no certificate", "ca.pem", func(d string) error {
			old := time.Now().Add(-time.Hour)
			return errors.Join(os.Remove(certPath(d)), os.Chtimes(keyPath(d), old, old))
		}},
		{"no key", "ca-key.pem", func(d string) error { return os.Remove(keyPath(d)) }},
		{"certificate of another key", "do not belong together", func(d string) error {
			pem, err := other.Export("pem")
			return errors.Join(err, os.WriteFile(certPath(d), pem, 0o644))
		}},
		{"no PEM", "holds no CERTIFICATE", func(d string) error { return os.WriteFile(certPath(d), []byte("x"), 0o644) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := fresh()
			if err := tt.spoil(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := LoadOrCreate(dir, Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	t.Run("expired", func(t *testing.T) {
		later := func() time.Time { return time.Now().Add(rootLife + time.Hour) }
		if _, err := LoadOrCreate(fresh(), Options{Now: later}); err == nil || !strings.Contains(err.Error(), "facteur ca renew") {
			t.Errorf("error %v, want one with the command that renews", err)
		}
	})
}

// What the constraint permits is what verifiers will accept, no more and no less.
func TestConstraint(t *testing.T) {
	a := newTest(t, "mail.example.org", "192.0.2.7", "2001:db8::7")
	for host, want := range map[string]bool{
		"mail.example.org": true, "MAIL.Example.Org.": true, "imap.mail.example.org": true, "localhost": true, "smtp.exemple.test": true,
		"127.0.0.1": true, "127.8.9.10": true, "::1": true, "192.0.2.7": true, "2001:db8::7": true,
		"example.org": false, "xmail.example.org": false, "mail.example.com": false, "192.0.2.8": false, "2001:db8::8": false,
		"": false, "*.example.com": false, "a b": false,
	} {
		if got := a.Permits(host); got != want {
			t.Errorf("Permits(%q) = %v, want %v", host, got, want)
		}
		err := a.Check(host)
		if (err == nil) != want || (err != nil && (!errors.Is(err, ErrOutside) || !strings.Contains(err.Error(), "facteur ca renew --host "+host))) {
			t.Errorf("Check(%q) = %v", host, err)
		}
	}
	if !a.Certificate().PermittedDNSDomainsCritical {
		t.Error("the constraint is not critical")
	}
	open, err := LoadOrCreate(filepath.Join(t.TempDir(), "any"), Options{Any: true})
	if err != nil {
		t.Fatal(err)
	}
	if !open.Permits("anything.example") || !open.Show().Any {
		t.Error("an authority for any name does not permit any name")
	}
	if _, err := LoadOrCreate(filepath.Join(t.TempDir(), "bad"), Options{Hosts: []string{"no name!"}}); err == nil {
		t.Error("a host that is no name was taken")
	}
}

// A key that was stolen must not help: Go, like other verifiers, refuses leaves outside the constraint.
func TestStolenKeyIsOfNoUse(t *testing.T) {
	a := newTest(t, "mail.example.org")
	key, err := a.ecdsaKey()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := a.mint(key, []string{"bank.example.com"}) // what a thief would do
	if err != nil {
		t.Fatal(err)
	}
	_, err = leaf.Leaf.Verify(x509.VerifyOptions{Roots: pool(a), DNSName: "bank.example.com"})
	var invalid x509.CertificateInvalidError
	if !errors.As(err, &invalid) || invalid.Reason != x509.CANotAuthorizedForThisName {
		t.Errorf("verification says %v, want that the authority may not sign for this name", err)
	}
}

func TestLeaf(t *testing.T) {
	a := newTest(t, "mail.example.org", "192.0.2.7")
	for kind, mint := range map[string]func(...string) (*tls.Certificate, error){"ecdsa": a.Leaf, "rsa": a.LeafRSA} {
		c, err := mint("mail.example.org", "192.0.2.7", "evil.example.com", "127.0.0.2")
		if err != nil {
			t.Fatal(err)
		}
		l := c.Leaf
		if life := l.NotAfter.Sub(l.NotBefore); life > 7*24*time.Hour {
			t.Errorf("%s: lives %v", kind, life)
		}
		if slices.Contains(l.DNSNames, "evil.example.com") {
			t.Errorf("%s: carries a name outside the constraint", kind)
		}
		for _, name := range []string{"mail.example.org", "localhost", "127.0.0.1", "::1", "192.0.2.7", "127.0.0.2"} {
			if err := l.VerifyHostname(name); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
			if _, err := l.Verify(x509.VerifyOptions{Roots: pool(a), DNSName: name}); err != nil {
				t.Errorf("%s: %s: %v", kind, name, err)
			}
		}
		if again, _ := mint("mail.example.org", "192.0.2.7", "127.0.0.2"); again != c {
			t.Errorf("%s: not kept", kind)
		}
		_, isRSA := c.PrivateKey.(*rsa.PrivateKey)
		_, isEC := c.PrivateKey.(*ecdsa.PrivateKey)
		if isRSA != (kind == "rsa") || isEC != (kind == "ecdsa") {
			t.Errorf("%s: key is a %T", kind, c.PrivateKey)
		}
	}
}

// A kept leaf must not be handed out when it is about to expire, and the cache must not grow with what clients ask for.
func TestLeafCache(t *testing.T) {
	now := time.Now()
	a, err := LoadOrCreate(filepath.Join(t.TempDir(), "ca"), Options{Hosts: []string{"example.org"}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	first, err := a.Leaf("example.org")
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(leafLife - leafFresh + time.Minute)
	if second, _ := a.Leaf("example.org"); second == first {
		t.Error("a leaf in its last days was used again")
	}
	for i := range maxLeaves + 10 {
		if _, err := a.Leaf(fmt.Sprintf("h%d.example.org", i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(a.leaves); n > maxLeaves {
		t.Errorf("%d leaves kept, limit %d", n, maxLeaves)
	}
}

// Clients that come together for the first time are shown one certificate, made once; clients for other names do not wait.
func TestLeafIsMadeOnce(t *testing.T) {
	a, err := LoadOrCreate(filepath.Join(t.TempDir(), "ca"), Options{Hosts: []string{"example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var certs [16]*tls.Certificate
	start := make(chan struct{})
	for i := range certs {
		wg.Go(func() {
			<-start
			var err error
			if certs[i], err = a.Leaf("example.org"); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
	for _, c := range certs {
		if c != certs[0] {
			t.Fatal("clients that came together were shown different certificates")
		}
	}
	held := a.kept("ecdsa " + strings.Join(a.permitted([]string{"example.org"}), " "))
	held.mu.Lock() // as while one is made
	defer held.mu.Unlock()
	other := make(chan error, 1)
	go func() {
		_, err := a.Leaf("mail.example.org")
		other <- err
	}()
	select {
	case err := <-other:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("a client waits for the certificate of other names")
	}
}

func TestConcurrentUse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	var wg sync.WaitGroup
	prints := make([]string, 8)
	for i := range prints {
		wg.Go(func() {
			a, err := LoadOrCreate(dir, Options{Hosts: []string{"mail.example.org"}})
			if err != nil {
				t.Error(err)
				return
			}
			prints[i] = a.Show().SHA256
			for range 20 {
				if _, err := a.Leaf("mail.example.org"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if len(slices.Compact(prints)) != 1 {
		t.Errorf("processes that start together use different authorities: %v", prints)
	}
}

// Renewal adds hosts, forgets none, and keeps the old certificate so that it can be taken out of trust stores.
func TestRenew(t *testing.T) {
	a := newTest(t, "mail.example.org", "192.0.2.7")
	b, err := Renew(a.Dir, Options{Hosts: []string{"new.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []string{"mail.example.org", "192.0.2.7", "new.example.org", "localhost"} {
		if err := b.Check(h); err != nil {
			t.Error(err)
		}
	}
	if a.Show().SHA256 == b.Show().SHA256 || bytes.Equal(a.root.RawSubjectPublicKeyInfo, b.root.RawSubjectPublicKeyInfo) {
		t.Error("the renewed authority has the old certificate or key")
	}
	old, err := readPEM(filepath.Join(a.Dir, oldCertFile), "CERTIFICATE")
	if err != nil || !bytes.Equal(old, a.root.Raw) {
		t.Errorf("the old certificate is not kept: %v", err)
	}
	if c, err := LoadOrCreate(a.Dir, Options{}); err != nil || c.Show().SHA256 != b.Show().SHA256 {
		t.Errorf("the renewed authority is not the one that is loaded: %v", err)
	}
}

func TestExport(t *testing.T) {
	a := newTest(t, "mail.example.org")
	p, err := a.Export("pem")
	if err != nil {
		t.Fatal(err)
	}
	d, err := a.Export("der")
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(p)
	if block == nil || !bytes.Equal(block.Bytes, d) || len(rest) > 0 {
		t.Error("pem and der are not the same certificate, or something lies behind it")
	}
	if _, err := a.Export("p12"); err == nil {
		t.Error("an unknown format was taken")
	}
}

// OpenSSL's strict checks are those of Python 3.13 and others: a certificate that fails them fails real clients.
func TestOpenSSLStrict(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is not installed; CI needs it")
		}
		t.Skip("openssl is not installed")
	}
	a := newTest(t, "mail.example.org", "192.0.2.7", "2001:db8::7")
	for kind, mint := range map[string]func(...string) (*tls.Certificate, error){"ecdsa": a.Leaf, "rsa": a.LeafRSA} {
		c, err := mint("mail.example.org", "192.0.2.7", "2001:db8::7")
		if err != nil {
			t.Fatal(err)
		}
		leaf := filepath.Join(t.TempDir(), "leaf.pem")
		if err := os.WriteFile(leaf, pemOf("CERTIFICATE", c.Certificate[0]), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, check := range [][]string{{"-verify_hostname", "mail.example.org"}, {"-verify_hostname", "localhost"}, {"-verify_ip", "192.0.2.7"}, {"-verify_ip", "2001:db8::7"}, {"-verify_ip", "::1"}} {
			args := append([]string{"verify", "-x509_strict", "-check_ss_sig", "-purpose", "sslserver", "-CAfile", certPath(a.Dir)}, check...)
			if out, err := exec.Command(openssl, append(args, leaf)...).CombinedOutput(); err != nil {
				t.Errorf("%s: openssl %v: %v\n%s", kind, check, err, out)
			}
		}
	}
	key, err := a.ecdsaKey()
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.mint(key, []string{"bank.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	leaf := filepath.Join(t.TempDir(), "stolen.pem")
	if err := os.WriteFile(leaf, pemOf("CERTIFICATE", c.Certificate[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(openssl, "verify", "-CAfile", certPath(a.Dir), leaf).CombinedOutput(); err == nil {
		t.Errorf("openssl accepts a name outside the constraint: %s", out)
	}
}

// A real handshake with Go's client, for every name that a client may use.
func TestHandshake(t *testing.T) {
	a := newTest(t, "mail.example.org")
	c, err := a.Leaf("mail.example.org")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mail.example.org", "localhost", "127.0.0.1"} {
		client, server := net.Pipe()
		done := make(chan error, 1)
		go func() { done <- tls.Server(server, &tls.Config{Certificates: []tls.Certificate{*c}}).Handshake() }()
		if err := tls.Client(client, &tls.Config{RootCAs: pool(a), ServerName: name}).Handshake(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		client.Close()
		<-done
		server.Close()
	}
}

func BenchmarkLeafKept(b *testing.B) {
	a := newTest(b, "mail.example.org")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Leaf("mail.example.org"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLeafMinted(b *testing.B) {
	a := newTest(b, "mail.example.org")
	key, err := a.ecdsaKey()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.mint(key, []string{"mail.example.org", "localhost"}); err != nil {
			b.Fatal(err)
		}
	}
}

// An authority that has expired can still be looked at, and so be taken out of the stores; all that renewals replaced are
// known, and the stores that were named.
func TestLookAtWhatIsOver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	long := func() time.Time { return time.Now().AddDate(-5, 0, 0) }
	var replaced []*x509.Certificate
	for range 3 {
		a, err := Renew(dir, Options{Now: long})
		if err != nil {
			t.Fatal(err)
		}
		replaced = append(replaced, a.Certificate())
	}
	if _, err := LoadOrCreate(dir, Options{}); err == nil {
		t.Error("it has not expired")
	}
	a, err := Look(dir)
	if err != nil || !a.Certificate().Equal(replaced[2]) {
		t.Fatalf("looked at: %v", err)
	}
	if old := Old(dir); len(old) != 2 || !old[0].Equal(replaced[1]) || !old[1].Equal(replaced[0]) {
		t.Errorf("%d old ones", len(old))
	}
	for _, s := range []string{"nss:/a b", "java", "nss:/a b"} {
		if err := Remember(dir, s); err != nil {
			t.Fatal(err)
		}
	}
	if got := Stores(dir); !slices.Equal(got, []string{"nss:/a b", "java"}) {
		t.Errorf("stores %q", got)
	}
	if _, err := Renew(dir, Options{}); err != nil { // as the refusal says
		t.Errorf("what has expired cannot be renewed: %v", err)
	}
	if _, err := LoadOrCreate(dir, Options{}); err != nil {
		t.Error(err)
	}
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is left: %v", err)
	}
}
