package trust

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// root makes an authority's certificate; n tells two of them apart.
func root(t *testing.T, n int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(n), Subject: pkix.Name{Organization: []string{"facteur"}, CommonName: fmt.Sprintf("facteur on vm (2026-11-%02d)", n)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c
}

// need skips where a program is absent, but not in CI.
func need(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is needed in CI", name)
			}
			t.Skipf("%s is not installed", name)
		}
	}
}

// cycle puts a certificate in, twice, and takes it out, twice; another authority's in the same store is not touched.
func cycle(t *testing.T, s Store) {
	t.Helper()
	ctx := t.Context()
	mine, other := root(t, 1), root(t, 2)
	want := func(c *x509.Certificate, want bool, when string) {
		t.Helper()
		if got, err := s.Holds(ctx, c); err != nil || got != want {
			t.Fatalf("%s: held %v, %v", when, got, err)
		}
	}
	for _, step := range []func(context.Context, *x509.Certificate) error{s.Add, s.Add} {
		if err := step(ctx, mine); err != nil {
			t.Fatal(err)
		}
	}
	want(other, false, "before it was added")
	if err := s.Add(ctx, other); err != nil {
		t.Fatal(err)
	}
	want(mine, true, "added")
	want(other, true, "added")
	for range 2 {
		if err := s.Drop(ctx, mine); err != nil {
			t.Fatal(err)
		}
	}
	want(mine, false, "dropped")
	want(other, true, "the other one")
	if err := s.Drop(ctx, other); err != nil {
		t.Fatal(err)
	}
}

// A database of NSS is made in a folder that is named and has none; a folder that is not there is a mistyped one, and a
// profile without a database is not made into one.
func TestNSS(t *testing.T) {
	need(t, "certutil")
	dir := filepath.Join(t.TempDir(), "nss db")
	s, err := Machine{}.Open("nss:"+dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(t.Context(), root(t, 6)); err == nil || !strings.Contains(err.Error(), "mkdir") {
		t.Errorf("a folder was made: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cycle(t, s)
	out, err := exec.Command("certutil", "-L", "-d", "sql:"+dir).CombinedOutput()
	if err != nil || strings.Contains(string(out), "facteur") {
		t.Errorf("left behind: %v\n%s", err, out)
	}
	p, err := Machine{}.Open("thunderbird:"+t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Add(t.Context(), root(t, 3)); err == nil || !strings.Contains(err.Error(), "cert9.db") {
		t.Errorf("a profile was made: %v", err)
	}
}

// A certificate that a person imported by hand, under another name and without trust, is not taken for trusted, and is
// taken out all the same.
func TestNSSByHand(t *testing.T) {
	need(t, "certutil")
	dir, c := t.TempDir(), root(t, 4)
	s, _ := Machine{}.Open("nss:"+dir, "")
	if err := s.Add(t.Context(), root(t, 5)); err != nil {
		t.Fatal(err)
	}
	err := withFile(c, func(path string) error {
		return exec.Command("certutil", "-A", "-n", "facteur on vm (2026-11-04) - facteur", "-t", ",,", "-i", path, "-d", "sql:"+dir).Run()
	})
	if err != nil {
		t.Fatal(err)
	}
	if has, err := s.Holds(t.Context(), c); has || err != nil {
		t.Errorf("trusted without trust: %v", err)
	}
	if err := s.Drop(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if found, err := s.(*nss).ours(t.Context(), c); err != nil || len(found) > 0 {
		t.Errorf("left: %v %v", found, err)
	}
}

// Java's stores: a new file, and the password of one that exists.
func TestJava(t *testing.T) {
	need(t, "keytool")
	file := filepath.Join(t.TempDir(), "trust.p12")
	s, err := Machine{}.Open("java:"+file, "timbre")
	if err != nil {
		t.Fatal(err)
	}
	c := root(t, 1)
	if has, err := s.Holds(t.Context(), c); has || err != nil {
		t.Fatalf("an absent file holds it: %v", err)
	}
	if err := s.Add(t.Context(), c); err != nil { // and looks again
		t.Fatal(err)
	}
	wrong, _ := Machine{}.Open("java:"+file, "another")
	if _, err := wrong.Holds(t.Context(), c); err == nil || !strings.Contains(err.Error(), "--password") {
		t.Errorf("a wrong password: %v", err)
	}
	if err := s.Drop(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// Debian's own update-ca-certificates, in a tree of its own.
func TestDebian(t *testing.T) {
	need(t, "update-ca-certificates")
	m := Machine{OS: "linux", Root: t.TempDir()}
	for _, dir := range []string{"/usr/local/share/ca-certificates", "/usr/share/ca-certificates", "/etc/ssl/certs", "/hooks"} {
		if err := os.MkdirAll(m.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(m.path("/etc/ca-certificates.conf"), nil, 0o644)
	// as on every real system, some authority stays: without any, the tool leaves the bundle as it was
	stays := m.path("/usr/local/share/ca-certificates/stays.crt")
	os.WriteFile(stays, asPEM(root(t, 9)), 0o644)
	m.Run = func(ctx context.Context, name string, args ...string) ([]byte, error) {
		args = append(args, "--certsconf", m.path("/etc/ca-certificates.conf"), "--certsdir", m.path("/usr/share/ca-certificates"),
			"--localcertsdir", m.path("/usr/local/share/ca-certificates"), "--etccertsdir", m.path("/etc/ssl/certs"), "--hooksdir", m.path("/hooks"))
		out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return out, err
	}
	s, err := m.Open("system", "")
	if err != nil {
		t.Fatal(err)
	}
	cycle(t, s)
	var left []string
	filepath.WalkDir(m.Root, func(path string, d os.DirEntry, _ error) error {
		if !d.IsDir() && strings.Contains(d.Name(), "facteur") {
			left = append(left, path)
		}
		return nil
	})
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// fake answers for tools of systems that the test does not run on, by the documented forms of their commands.
type fake struct {
	t      *testing.T
	stored map[string][]byte // PEM by fingerprint
	asked  []string
}

func (f *fake) run(_ context.Context, name string, args ...string) ([]byte, error) {
	f.asked = append(f.asked, name+" "+strings.Join(args, " "))
	last := args[len(args)-1]
	switch name + " " + args[0] + " " + args[1] {
	case "security find-certificate -a":
		var out []byte
		for _, p := range f.stored {
			out = append(out, p...)
		}
		return out, nil
	case "security verify-cert -c":
		return nil, nil
	case "security add-trusted-cert -r", "certutil -user -addstore":
		text, err := os.ReadFile(last)
		if err != nil {
			f.t.Error(err)
		}
		f.stored[sha1Of(f.cert(text))] = text
		return nil, nil
	case "security delete-certificate -Z", "certutil -user -delstore", "certutil -user -verifystore":
		sum := last
		if name == "security" {
			sum = args[2]
		}
		sum = strings.ToLower(sum)
		if f.stored[sum] == nil {
			return nil, errors.New("exit status 1")
		}
		if args[1] == "-verifystore" {
			return []byte("Cert Hash(sha1): " + sum), nil
		}
		delete(f.stored, sum)
		return nil, nil
	}
	f.t.Errorf("unexpected command %s %v", name, args)
	return nil, errors.New("unexpected")
}

func (f *fake) cert(text []byte) *x509.Certificate {
	c, err := x509.ParseCertificate(decodePEM(text))
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// macOS and Windows: the commands that change their stores name the certificate by its fingerprint, so that nothing else
// is removed with it.
func TestOtherSystems(t *testing.T) {
	for _, name := range []string{"darwin", "windows"} {
		t.Run(name, func(t *testing.T) {
			f := &fake{t: t, stored: map[string][]byte{}}
			m := Machine{OS: name, Home: t.TempDir(), Run: f.run, Look: func(n string) (string, error) { return n, nil }}
			s, err := m.Open("system", "")
			if err != nil {
				t.Fatal(err)
			}
			cycle(t, s)
			if len(f.stored) > 1 {
				t.Errorf("left %d", len(f.stored))
			}
		})
	}
}

// The profile that Thunderbird starts with: the one of the installation, which may not be the one marked Default=1.
func TestProfiles(t *testing.T) {
	home := t.TempDir()
	folder := filepath.Join(home, ".thunderbird")
	for _, p := range []string{"aaa.default", "bbb.default-release", "ccc.unused"} {
		if err := os.MkdirAll(filepath.Join(folder, p), 0o700); err != nil {
			t.Fatal(err)
		}
		if p != "ccc.unused" {
			os.WriteFile(filepath.Join(folder, p, "cert9.db"), nil, 0o600)
		}
	}
	ini := "[Install1234]\nDefault=bbb.default-release\nLocked=1\n\n[Profile1]\nName=default\nIsRelative=1\nPath=aaa.default\nDefault=1\n\n" +
		"[Profile0]\nName=default-release\nIsRelative=1\nPath=bbb.default-release\n\n[Profile2]\nIsRelative=1\nPath=ccc.unused\n"
	os.WriteFile(filepath.Join(folder, "profiles.ini"), []byte(ini), 0o600)
	m := Machine{OS: "linux", Home: home}
	got := m.mozillaProfiles("thunderbird")
	want := []string{filepath.Join(folder, "bbb.default-release"), filepath.Join(folder, "aaa.default")}
	if !slices.Equal(got, want) {
		t.Errorf("profiles %v, want %v", got, want)
	}
	s, err := m.Open("thunderbird", "")
	if err != nil || s.Name() != "thunderbird:"+want[0] {
		t.Errorf("store %v, %v", s, err)
	}
	if _, err := (Machine{OS: "linux", Home: t.TempDir()}).Open("thunderbird", ""); err == nil || !strings.Contains(err.Error(), "profile") {
		t.Errorf("without a profile: %v", err)
	}
}

// What is missing or not known is said, with the names there are.
func TestOpenFaults(t *testing.T) {
	for name, want := range map[string]string{"nope": "the stores are", "nss": "the stores are", "nss:": "missing behind the colon", "": "the stores are"} {
		if _, err := (Machine{}).Open(name, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	m := Machine{Look: func(string) (string, error) { return "", exec.ErrNotFound }}
	s, err := m.Open("java", "")
	if err != nil {
		t.Fatal(err)
	}
	var tool *ToolError
	if _, err := s.Holds(t.Context(), root(t, 1)); !errors.As(err, &tool) || tool.Tool != "keytool" {
		t.Errorf("without the tool: %v", err)
	}
}

func decodePEM(text []byte) []byte {
	b, _ := pem.Decode(text)
	return b.Bytes
}
