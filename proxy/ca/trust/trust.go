// Package trust puts a certificate into the stores that mail clients trust, takes it out again, and looks where it is.
//
// Nothing is assumed: after each change the store is asked again, with the tools that own it (certutil of NSS, keytool,
// update-ca-certificates, security, certutil of Windows). A store is changed only when it is named.
package trust

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // how Windows and macOS name certificates; nothing is protected by it
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"facteur/internal/bilingual"
)

// Store is a place where programs look for the authorities they trust.
type Store interface {
	// Name is what names it on the command line: "nss:DIR", "java", "system".
	Name() string
	// Who names the programs that look there.
	Who() string
	// Holds reports whether the store trusts the certificate to identify servers.
	Holds(ctx context.Context, c *x509.Certificate) (bool, error)
	// Add makes the store trust it. It is no error if it does already.
	Add(ctx context.Context, c *x509.Certificate) error
	// Drop takes every copy of it out. It is no error if there is none.
	Drop(ctx context.Context, c *x509.Certificate) error
}

// ToolError says that a store cannot be looked into because a program is missing.
type ToolError struct {
	Tool    string // the program
	Package string // where it comes from
}

func (e *ToolError) Error() string { return fmt.Sprintf("%s is not installed (%s)", e.Tool, e.Package) }

// Say gives the sentence in that language: fr or en.
func (e *ToolError) Say(lang string) string {
	if lang != "fr" {
		return e.Error()
	}
	return fmt.Sprintf("%s n’est pas installé (%s)", e.Tool, e.Package)
}

// ErrRights is what a store answers that only an administrator may change.
var ErrRights = bilingual.New("administrator rights are needed", "il faut les droits d’administrateur")

// Machine is the system whose stores are meant. Its zero value is this one; tests make others.
type Machine struct {
	OS   string // as runtime.GOOS; "" for this one
	Root string // what stands before absolute paths, "" for none
	Home string // the user's folder; "" for this user's
	// Run runs a program and gives what it said on both outputs; nil runs it here.
	Run func(ctx context.Context, name string, args ...string) ([]byte, error)
	// Look finds a program; nil looks in PATH.
	Look func(name string) (string, error)
}

func (m Machine) os() string {
	if m.OS != "" {
		return m.OS
	}
	return runtime.GOOS
}

func (m Machine) home() string {
	if m.Home != "" {
		return m.Home
	}
	h, _ := os.UserHomeDir()
	return h
}

func (m Machine) path(elem ...string) string { return m.Root + filepath.Join(elem...) }

// toolTime is how long a store's tool may take; keytool needs a second, update-ca-certificates a few.
const toolTime = time.Minute

// run runs a tool, or says what package it comes from.
func (m Machine) run(ctx context.Context, pkg, name string, args ...string) ([]byte, error) {
	look := m.Look
	if look == nil {
		look = exec.LookPath
	}
	path, err := look(name)
	if err != nil {
		return nil, &ToolError{name, pkg}
	}
	ctx, stop := context.WithTimeout(ctx, toolTime)
	defer stop()
	if m.Run != nil {
		return m.Run(ctx, name, args...)
	}
	c := exec.CommandContext(ctx, path, args...)
	c.Env = append(os.Environ(), "LC_ALL=C") // what tools say is read
	out, err := c.CombinedOutput()           // standard input is empty: a tool that asks for a password fails
	if err != nil {
		return out, bilingual.Errorf("%s: %w: %s",
			"%s\u202f: %w\u202f: %s", name, err, firstLine(out))
	}
	return out, nil
}

func firstLine(out []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

// Open finds a store by name: "nss:DIR", "thunderbird", "thunderbird:DIR", "java", "java:FILE", "system". password is that
// of a Java store, "" for Java's own default.
func (m Machine) Open(name, password string) (Store, error) {
	kind, where, named := strings.Cut(name, ":")
	if named && where == "" {
		return nil, bilingual.Errorf("%s: a folder or a file is missing behind the colon",
			"%s\u202f: il manque un dossier ou un fichier derrière les deux-points", name)
	}
	switch {
	case kind == "nss" && named:
		return &nss{m: m, name: name, dir: where}, nil
	case kind == "thunderbird" && named:
		return &nss{m: m, name: name, dir: where, who: "Thunderbird", mustExist: true}, nil
	case kind == "thunderbird":
		dir, err := m.thunderbirdProfile()
		if err != nil {
			return nil, err
		}
		return &nss{m: m, name: "thunderbird:" + dir, dir: dir, who: "Thunderbird", mustExist: true}, nil
	case kind == "java":
		return &java{m: m, file: where, password: password}, nil
	case name == "system":
		return m.system()
	}
	return nil, bilingual.Errorf("%s: the stores are thunderbird, nss:DIR, java, java:FILE and system",
		"%s\u202f: les magasins sont thunderbird, nss:DOSSIER, java, java:FICHIER et system", name)
}

// Found gives the stores that exist on the machine, for the user who runs facteur.
func (m Machine) Found() []Store {
	var all []Store
	for _, dir := range m.mozillaProfiles("thunderbird") {
		all = append(all, &nss{m: m, name: "thunderbird:" + dir, dir: dir, who: "Thunderbird", mustExist: true})
	}
	for _, dir := range m.mozillaProfiles("firefox") {
		all = append(all, &nss{m: m, name: "nss:" + dir, dir: dir, who: "Firefox", mustExist: true})
	}
	if dir := filepath.Join(m.home(), ".pki", "nssdb"); isFile(filepath.Join(dir, "cert9.db")) {
		all = append(all, &nss{m: m, name: "nss:" + dir, dir: dir, who: "Chromium, Evolution", mustExist: true})
	}
	look := m.Look
	if look == nil {
		look = exec.LookPath
	}
	if _, err := look("keytool"); err == nil {
		all = append(all, &java{m: m})
	}
	if s, err := m.system(); err == nil {
		all = append(all, s)
	}
	return all
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

// asPEM writes a certificate.
func asPEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// contains reports whether PEM text, with whatever between its blocks, has the certificate.
func contains(text []byte, c *x509.Certificate) bool {
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return false
		}
		if bytes.Equal(b.Bytes, c.Raw) {
			return true
		}
	}
}

// handle is a short name for a certificate that two authorities do not share.
func handle(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return "facteur-" + hex.EncodeToString(sum[:4])
}

func sha1Of(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw) //nolint:gosec // a name, see above
	return hex.EncodeToString(sum[:])
}

// withFile hands over a file that holds the certificate, gone afterwards.
func withFile(c *x509.Certificate, use func(path string) error) error {
	f, err := os.CreateTemp("", "facteur-*.pem")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(asPEM(c))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return use(f.Name())
}

// confirm asks a store again after a change.
func confirm(ctx context.Context, s Store, c *x509.Certificate, want bool) error {
	switch has, err := s.Holds(ctx, c); {
	case err != nil:
		return err
	case has != want && want:
		return bilingual.Errorf("%s: the store was told to trust the certificate and does not",
			"%s\u202f: le magasin devait faire confiance au certificat et ne le fait pas", s.Name())
	case has != want:
		return bilingual.Errorf("%s: the store was told to forget the certificate and still trusts it",
			"%s\u202f: le magasin devait oublier le certificat et lui fait toujours confiance", s.Name())
	}
	return nil
}
