package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"facteur/internal/bilingual"
)

const (
	certFile = "ca.pem"
	keyFile  = "ca-key.pem"
	// oldCertFile keeps the certificates before renewals, so that they can still be taken out of trust stores.
	oldCertFile = "ca-old.pem"
	// storesFile names the trust stores that were made to trust the authority, one a line: no search would find them all.
	storesFile = "stores.txt"
	// creationWait is how long LoadOrCreate waits for another process that is just writing the same authority.
	creationWait = 3 * time.Second
)

func certPath(dir string) string { return filepath.Join(dir, certFile) }
func keyPath(dir string) string  { return filepath.Join(dir, keyFile) }

// LoadOrCreate opens the authority in dir, and makes one for the hosts in o if there is none: dir/ca.pem (0644) and
// dir/ca-key.pem (0600), dir itself 0700 when it is new. A key that others may read is refused, with the command that
// mends it: it may have been copied already.
func LoadOrCreate(dir string, o Options) (*Authority, error) {
	_, certErr := os.Stat(certPath(dir))
	_, keyErr := os.Stat(keyPath(dir))
	if errors.Is(certErr, fs.ErrNotExist) && errors.Is(keyErr, fs.ErrNotExist) {
		a, err := createIn(dir, o)
		if !errors.Is(err, fs.ErrExist) {
			return a, err
		} // another process was faster: its authority counts
	}
	return loadWaiting(dir, o)
}

// loadWaiting loads, and gives another process that has written its key the time to write its certificate.
func loadWaiting(dir string, o Options) (*Authority, error) {
	for end := time.Now().Add(creationWait); ; time.Sleep(creationWait / 100) {
		a, err := load(dir, o.Now)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || time.Now().After(end) {
			return a, err
		}
		if st, e := os.Stat(keyPath(dir)); e != nil || time.Since(st.ModTime()) > creationWait {
			return nil, err // nobody is writing: a file is simply missing
		}
	}
}

// Renew replaces the authority in dir by a new one, with a new key, for the hosts in o and all that the present one may
// sign for. Clients that trusted the old one must trust the new one; the old certificate is kept in dir/ca-old.pem.
func Renew(dir string, o Options) (*Authority, error) {
	old, err := readCert(dir) // whatever became of its key, or of its time
	switch {
	case err == nil:
		o.Hosts = slices.Concat(o.Hosts, old.PermittedDNSDomains)
		for _, n := range old.PermittedIPRanges {
			if ones, bits := n.Mask.Size(); ones == bits {
				o.Hosts = append(o.Hosts, n.IP.String())
			}
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	root, key, err := create(o)
	if err != nil {
		return nil, err
	}
	if old != nil {
		path := filepath.Join(dir, oldCertFile)
		older, _ := os.ReadFile(path) // none, or damaged: what can be read of it stays
		if err := replaceFile(path, append(pemOf("CERTIFICATE", old.Raw), older...), 0o644); err != nil {
			return nil, err
		}
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	if err := write(dir, root, key, replaceFile); err != nil {
		return nil, err
	}
	a := newAuthority(dir, root, key, o.Now)
	a.Created = true
	return a, nil
}

// Look opens the authority in dir to look at it, also one that has expired or has lost its key. It signs nothing.
func Look(dir string) (*Authority, error) {
	root, err := readCert(dir)
	if err != nil {
		return nil, err
	}
	return newAuthority(dir, root, nil, nil), nil
}

// Old gives the certificates that renewals of the authority in dir replaced, the latest first. What is damaged is left out.
func Old(dir string) (all []*x509.Certificate) {
	text, _ := os.ReadFile(filepath.Join(dir, oldCertFile))
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return all
		}
		if c, err := x509.ParseCertificate(b.Bytes); err == nil {
			all = append(all, c)
		}
	}
}

// Stores gives the names of the trust stores that were made to trust the authority in dir; see [Remember].
func Stores(dir string) []string {
	text, _ := os.ReadFile(filepath.Join(dir, storesFile))
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
}

// Remember notes that a trust store is made to trust the authority in dir, so that it can be made to forget it.
func Remember(dir, store string) error {
	all := Stores(dir)
	if slices.Contains(all, store) {
		return nil
	}
	return replaceFile(filepath.Join(dir, storesFile), []byte(strings.Join(append(all, store), "\n")+"\n"), 0o600)
}

// Exists reports whether dir holds an authority, or what is left of one.
func Exists(dir string) bool {
	for _, path := range []string{certPath(dir), keyPath(dir)} {
		if _, err := os.Lstat(path); err == nil {
			return true
		}
	}
	return false
}

// Remove deletes the authority in dir, the key first, and dir itself if nothing else is in it. What is not there is no
// error.
func Remove(dir string) error {
	var errs []error
	for _, path := range []string{keyPath(dir), certPath(dir), filepath.Join(dir, oldCertFile), filepath.Join(dir, storesFile)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, bilingual.Errorf("removing the authority: %w",
				"effacement de l’autorité\u202f: %w", err))
		}
	}
	os.Remove(dir) // fails where something else is in it, which is right
	return errors.Join(errs...)
}

// createIn makes an authority in dir; the error is fs.ErrExist if another process makes one there at this moment.
func createIn(dir string, o Options) (*Authority, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	root, key, err := create(o)
	if err != nil {
		return nil, err
	}
	if err := write(dir, root, key, newFile); err != nil {
		return nil, err
	}
	a := newAuthority(dir, root, key, o.Now)
	a.Created = true
	return a, nil
}

func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return bilingual.Errorf("making the authority's directory: %w",
			"création du dossier de l’autorité\u202f: %w", err)
	}
	return checkDir(dir)
}

// checkDir refuses a directory in which others could put another authority.
func checkDir(dir string) error {
	st, err := os.Stat(dir)
	if err != nil {
		return bilingual.Errorf("the authority's directory: %w",
			"le dossier de l’autorité\u202f: %w", err)
	}
	if runtime.GOOS != "windows" && st.Mode().Perm()&0o022 != 0 {
		return bilingual.Errorf("the authority's directory %s may be written by others (mode %04o); run `chmod 700 %s`",
			"d’autres peuvent écrire dans le dossier de l’autorité %s (mode %04o)\u202f; lancez chmod 700 %s", dir, st.Mode().Perm(), dir)
	}
	return nil
}

// write puts the key and then the certificate into dir: who finds a certificate finds its key.
func write(dir string, root *x509.Certificate, key *ecdsa.PrivateKey, put func(string, []byte, fs.FileMode) error) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return bilingual.Errorf("writing the authority's key: %w",
			"écriture de la clé de l’autorité\u202f: %w", err)
	}
	if err := put(keyPath(dir), pemOf("PRIVATE KEY", der), 0o600); err != nil {
		return err
	}
	return put(certPath(dir), pemOf("CERTIFICATE", root.Raw), 0o644)
}

// newFile writes a file that must not exist yet; it is complete as soon as it has its name.
func newFile(path string, data []byte, mode fs.FileMode) error {
	return putFile(path, data, mode, func(tmp string) error { return os.Link(tmp, path) })
}

// replaceFile writes a file in one step over whatever has its name.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	return putFile(path, data, mode, func(tmp string) error { return os.Rename(tmp, path) })
}

func putFile(path string, data []byte, mode fs.FileMode, name func(tmp string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*") // mode 0600 from the start
	if err != nil {
		return bilingual.Errorf("writing %s: %w",
			"écriture de %s\u202f: %w", path, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = name(f.Name())
	}
	if err != nil {
		return bilingual.Errorf("writing %s: %w",
			"écriture de %s\u202f: %w", path, err)
	}
	return nil
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// load reads and checks both files.
func load(dir string, now func() time.Time) (*Authority, error) {
	if err := checkDir(dir); err != nil {
		return nil, err
	}
	if err := checkKeyMode(keyPath(dir)); err != nil {
		return nil, err
	}
	keyDER, err := readPEM(keyPath(dir), "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(keyDER)
	if err != nil {
		return nil, bilingual.Errorf("the authority's key %s: %w",
			"la clé de l’autorité %s\u202f: %w", keyPath(dir), err)
	}
	root, err := readCert(dir)
	if err != nil {
		return nil, err
	}
	key, ok := k.(crypto.Signer)
	if !ok {
		return nil, bilingual.Errorf("the authority's key %s cannot sign",
			"la clé de l’autorité %s ne sait pas signer", keyPath(dir))
	}
	a := newAuthority(dir, root, key, now)
	return a, a.checkRoot()
}

func readCert(dir string) (*x509.Certificate, error) {
	der, err := readPEM(certPath(dir), "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, bilingual.Errorf("the authority's certificate %s: %w",
			"le certificat de l’autorité %s\u202f: %w", certPath(dir), err)
	}
	return root, nil
}

// checkRoot refuses a root that no client would accept.
func (a *Authority) checkRoot() error {
	pub, ok := a.key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !pub.Equal(a.root.PublicKey) {
		return bilingual.Errorf("%s and %s do not belong together; restore them, or remove both and start again",
			"%s et %s ne vont pas ensemble\u202f; rétablissez-les, ou effacez les deux et recommencez", certPath(a.Dir), keyPath(a.Dir))
	}
	if !a.root.IsCA || a.root.KeyUsage&x509.KeyUsageCertSign == 0 {
		return bilingual.Errorf("%s is not an authority's certificate",
			"%s n’est pas le certificat d’une autorité", certPath(a.Dir))
	}
	if a.now().After(a.root.NotAfter) {
		return bilingual.Errorf("the authority %s expired on %s; run `facteur ca renew`, and let the mail clients trust the new one",
			"l’autorité %s a expiré le %s\u202f; lancez facteur ca renew, puis faites apprendre la nouvelle aux clients",
			certPath(a.Dir), a.root.NotAfter.Format(time.DateOnly))
	}
	return nil
}

func checkKeyMode(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return bilingual.Errorf("the authority's key: %w",
			"la clé de l’autorité\u202f: %w", err)
	}
	if runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0 {
		return bilingual.Errorf("the authority's key %s may be read by others (mode %04o); run `chmod 600 %s`, and if somebody may have copied it, `facteur ca renew`",
			"d’autres peuvent lire la clé de l’autorité %s (mode %04o)\u202f; lancez chmod 600 %s, et si quelqu’un a pu la copier, facteur ca renew",
			path, st.Mode().Perm(), path)
	}
	return nil
}

func readPEM(path, kind string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, bilingual.Errorf("the authority: %w",
			"l’autorité\u202f: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != kind {
		return nil, bilingual.Errorf("the authority: %s holds no %s in PEM; restore it, or delete all of %s and start again",
			"l’autorité\u202f: %s ne contient pas de %s au format PEM\u202f; rétablissez-le, ou effacez tout %s et recommencez", path, kind, filepath.Dir(path))
	}
	return block.Bytes, nil
}
