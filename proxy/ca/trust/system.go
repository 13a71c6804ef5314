package trust

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"facteur/internal/bilingual"
)

// distribution is how a family of Linux systems keeps its authorities.
type distribution struct {
	folder string   // where an administrator puts certificates
	bundle string   // what programs read
	update []string // the command that makes one of the other
	forget []string // the same after a removal
	pkg    string
}

var distributions = []distribution{
	{"/usr/local/share/ca-certificates", "/etc/ssl/certs/ca-certificates.crt", []string{"update-ca-certificates"}, []string{"update-ca-certificates", "--fresh"}, "ca-certificates"},
	{"/etc/pki/ca-trust/source/anchors", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", []string{"update-ca-trust", "extract"}, []string{"update-ca-trust", "extract"}, "ca-certificates"},
	{"/etc/ca-certificates/trust-source/anchors", "/etc/ssl/certs/ca-certificates.crt", []string{"update-ca-trust"}, []string{"update-ca-trust"}, "ca-certificates-utils"},
	{"/etc/pki/trust/anchors", "/var/lib/ca-certificates/ca-bundle.pem", []string{"update-ca-certificates"}, []string{"update-ca-certificates"}, "ca-certificates"},
}

// system gives the store of the operating system.
func (m Machine) system() (Store, error) {
	switch m.os() {
	case "darwin":
		return &keychain{m}, nil
	case "windows":
		return &windows{m}, nil
	}
	for _, d := range distributions {
		if st, err := os.Stat(m.path(d.folder)); err == nil && st.IsDir() {
			return &linux{m, d}, nil
		}
	}
	return nil, bilingual.New("system: this system keeps its authorities in none of the places that are known (Debian, Fedora, Arch and openSUSE are); install ca-certificates", "system\u202f: ce système range ses autorités là où facteur ne sait pas chercher (il connaît Debian, Fedora, Arch et openSUSE)\u202f; installez ca-certificates")
}

// linux is the bundle that OpenSSL, GnuTLS and most programs of a Linux system read.
type linux struct {
	m Machine
	d distribution
}

func (s *linux) Name() string { return "system" }
func (s *linux) Who() string  { return "OpenSSL, GnuTLS, curl, Python, Go" }

func (s *linux) Holds(_ context.Context, c *x509.Certificate) (bool, error) {
	text, err := os.ReadFile(s.m.path(s.d.bundle))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && contains(text, c), err
}

func (s *linux) file(c *x509.Certificate) string {
	return s.m.path(s.d.folder, handle(c)+".crt") // update-ca-certificates takes nothing but .crt
}

func (s *linux) Add(ctx context.Context, c *x509.Certificate) error {
	if err := os.WriteFile(s.file(c), asPEM(c), 0o644); err != nil {
		return rights(err)
	}
	if _, err := s.m.run(ctx, s.d.pkg, s.d.update[0], s.d.update[1:]...); err != nil {
		return bilingual.Errorf("system: %w",
			"system\u202f: %w", err)
	}
	return confirm(ctx, s, c, true)
}

func (s *linux) Drop(ctx context.Context, c *x509.Certificate) error {
	files, err := filepath.Glob(s.m.path(s.d.folder, "*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && contains(text, c) {
			if err := os.Remove(f); err != nil {
				return rights(err)
			}
		}
	}
	if has, err := s.Holds(ctx, c); err != nil || !has {
		return err
	}
	if _, err := s.m.run(ctx, s.d.pkg, s.d.forget[0], s.d.forget[1:]...); err != nil {
		return bilingual.Errorf("system: %w",
			"system\u202f: %w", err)
	}
	return confirm(ctx, s, c, false)
}

func rights(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return bilingual.Errorf("system: %w (%w)",
			"system\u202f: %w (%w)", ErrRights, err)
	}
	return bilingual.Errorf("system: %w",
		"system\u202f: %w", err)
}

// keychain is the user's login keychain on macOS, which Apple Mail and Safari look into.
type keychain struct{ m Machine }

func (s *keychain) Name() string { return "system" }
func (s *keychain) Who() string  { return "Apple Mail, Safari, Outlook" }

func (s *keychain) file() string {
	return filepath.Join(s.m.home(), "Library", "Keychains", "login.keychain-db")
}

func (s *keychain) security(ctx context.Context, args ...string) ([]byte, error) {
	out, err := s.m.run(ctx, "part of macOS", "security", args...)
	if err != nil {
		return out, bilingual.Errorf("system: %w",
			"system\u202f: %w", err)
	}
	return out, nil
}

func (s *keychain) Holds(ctx context.Context, c *x509.Certificate) (bool, error) {
	out, err := s.security(ctx, "find-certificate", "-a", "-p", s.file())
	if err != nil || !contains(out, c) {
		return false, err
	}
	// in the keychain is not trusted yet
	trusted := false
	err = withFile(c, func(path string) error {
		_, err := s.m.run(ctx, "part of macOS", "security", "verify-cert", "-c", path, "-l", "-L")
		trusted = err == nil
		return nil
	})
	return trusted, err
}

func (s *keychain) Add(ctx context.Context, c *x509.Certificate) error {
	err := withFile(c, func(path string) error {
		_, err := s.security(ctx, "add-trusted-cert", "-r", "trustRoot", "-p", "ssl", "-k", s.file(), path)
		return err
	})
	if err != nil {
		return err
	}
	return confirm(ctx, s, c, true)
}

func (s *keychain) Drop(ctx context.Context, c *x509.Certificate) error {
	if has, err := s.Holds(ctx, c); err != nil || !has {
		return err
	}
	if _, err := s.security(ctx, "delete-certificate", "-Z", strings.ToUpper(sha1Of(c)), "-t", s.file()); err != nil {
		return err
	}
	return confirm(ctx, s, c, false)
}

// windows is the user's own root store, which Outlook and Edge look into; no administrator is needed for it.
type windows struct{ m Machine }

func (s *windows) Name() string { return "system" }
func (s *windows) Who() string  { return "Outlook, Windows Mail, Edge" }

func (s *windows) Holds(ctx context.Context, c *x509.Certificate) (bool, error) {
	out, err := s.m.run(ctx, "part of Windows", "certutil", "-user", "-verifystore", "Root", sha1Of(c))
	if errors.As(err, new(*ToolError)) {
		return false, err
	}
	// a certificate that is not there makes certutil fail; its words are translated, the fingerprint is not
	return err == nil && strings.Contains(strings.ReplaceAll(strings.ToLower(string(out)), " ", ""), sha1Of(c)), nil
}

func (s *windows) Add(ctx context.Context, c *x509.Certificate) error {
	err := withFile(c, func(path string) error {
		_, err := s.m.run(ctx, "part of Windows", "certutil", "-user", "-addstore", "Root", path)
		return err
	})
	if err != nil {
		return bilingual.Errorf("system: %w",
			"system\u202f: %w", err)
	}
	return confirm(ctx, s, c, true)
}

func (s *windows) Drop(ctx context.Context, c *x509.Certificate) error {
	if has, err := s.Holds(ctx, c); err != nil || !has {
		return err
	}
	if _, err := s.m.run(ctx, "part of Windows", "certutil", "-user", "-delstore", "Root", sha1Of(c)); err != nil {
		return bilingual.Errorf("system: %w",
			"system\u202f: %w", err)
	}
	return confirm(ctx, s, c, false)
}
