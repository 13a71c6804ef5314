package ca

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"facteur/internal/bilingual"
)

const (
	// leafLife, with backdate, keeps a leaf's whole validity under 7 days.
	leafLife = 5 * 24 * time.Hour
	// leafFresh is how long a cached leaf must still live to be used: longer than any session that begins with it.
	leafFresh = 2 * 24 * time.Hour
	// leafRSABits is the least that RFC 9325 §4.5 allows, and RSA leaves are for old clients only.
	leafRSABits = 2048
	// maxLeaves bounds the cache. A client can ask for any name below a permitted one, so the names are not ours to count.
	maxLeaves = 512
	// maxCommonName is ub-common-name of RFC 5280 appendix A.1.
	maxCommonName = 64
)

// Leaf gives a certificate for the names, DNS names or IP literals, and for this machine's loopback names. Names that the
// constraint does not permit are left out: ask [Authority.Check] where that must be an error. The key is ECDSA P-256.
// Leaves are kept and shared; the result must not be changed.
func (a *Authority) Leaf(names ...string) (*tls.Certificate, error) {
	return a.leaf(a.ecdsaKey, "ecdsa", names)
}

// LeafRSA is [Authority.Leaf] with an RSA key, for clients that cannot verify ECDSA signatures.
func (a *Authority) LeafRSA(names ...string) (*tls.Certificate, error) {
	return a.leaf(a.rsaKey, "rsa", names)
}

func (a *Authority) leaf(key func() (crypto.Signer, error), kind string, names []string) (*tls.Certificate, error) {
	names = a.permitted(names)
	l := a.kept(kind + " " + strings.Join(names, " "))
	l.mu.Lock() // who asks for the same names at the same time gets the same certificate
	defer l.mu.Unlock()
	if l.cert != nil && l.cert.Leaf.NotAfter.Sub(a.now()) > leafFresh {
		return l.cert, nil
	}
	signer, err := key() // an RSA key takes a while, and those with other names must not wait for it
	if err != nil {
		return nil, bilingual.Errorf("making a key for %s: %w",
			"création d’une clé pour %s\u202f: %w", names[0], err)
	}
	c, err := a.mint(signer, names)
	if err != nil {
		return nil, err
	}
	l.cert = c
	return c, nil
}

// leaf is a certificate that is kept.
type leaf struct {
	mu   sync.Mutex // guards cert, and is held while it is made
	cert *tls.Certificate
}

// kept gives the place of a certificate.
func (a *Authority) kept(id string) *leaf {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.leaves[id]
	if l == nil {
		if len(a.leaves) >= maxLeaves {
			clear(a.leaves)
		}
		l = new(leaf)
		a.leaves[id] = l
	}
	return l
}

// permitted gives the names a leaf may carry: those asked for, then loopback, each once.
func (a *Authority) permitted(names []string) []string {
	out := make([]string, 0, len(names)+3)
	for _, n := range append(slices.Clone(names), "localhost", "127.0.0.1", "::1") {
		if ip := net.ParseIP(n); ip != nil {
			n = ip.String()
		} else {
			n = canonicalName(n)
		}
		if a.Permits(n) && !slices.Contains(out, n) && (net.ParseIP(n) != nil || validName(n)) {
			out = append(out, n)
		}
	}
	return out
}

// mint signs a certificate for names with the public part of key.
func (a *Authority) mint(key crypto.Signer, names []string) (*tls.Certificate, error) {
	return mintBy(a.root, a.key, key, names, a.now())
}

// mintBy makes a certificate for names with the public part of key, signed by signer in the name of root; without a root
// the certificate is its own.
func mintBy(root *x509.Certificate, signer, key crypto.Signer, names []string, at time.Time) (*tls.Certificate, error) {
	if len(names) == 0 {
		return nil, bilingual.New("making a certificate: none of the names lies within the authority's constraint",
			"création d’un certificat\u202f: l’autorité ne peut signer pour aucun de ces noms")
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	id, err := keyID(key.Public())
	if err != nil {
		return nil, err
	}
	now := at.UTC().Truncate(time.Second)
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{Organization: []string{"facteur"}, CommonName: shorten(names[0])},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, SubjectKeyId: id,
	}
	if _, ok := key.Public().(*rsa.PublicKey); ok {
		t.KeyUsage |= x509.KeyUsageKeyEncipherment // RSA key exchange (RFC 5246 §7.4.2)
	}
	if root == nil {
		root = t
	} else if t.NotAfter.After(root.NotAfter) {
		t.NotAfter = root.NotAfter
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, root, key.Public(), signer)
	if err != nil {
		return nil, bilingual.Errorf("signing a certificate for %s: %w",
			"signature d’un certificat pour %s\u202f: %w", names[0], err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, bilingual.Errorf("signing a certificate for %s: %w",
			"signature d’un certificat pour %s\u202f: %w", names[0], err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// newSerial makes a random positive serial number of 127 bits (RFC 5280 §4.1.2.2 allows 20 octets).
func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, bilingual.Errorf("making a serial number: %w",
			"création d’un numéro de série\u202f: %w", err)
	}
	return n.Add(n, big.NewInt(1)), nil
}

// keyID names a public key: the leftmost 160 bits of the SHA-256 of it (RFC 7093 §2).
func keyID(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, bilingual.Errorf("naming a key: %w",
			"identification d’une clé\u202f: %w", err)
	}
	sum := sha256.Sum256(der)
	return sum[:20], nil
}

// shorten cuts s to what a common name may hold.
func shorten(s string) string { return cutTo(s, maxCommonName) }

// cutTo keeps the first n octets of s, less where a character would be cut.
func cutTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// canonicalName is a DNS name in lower case without its final dot.
func canonicalName(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }

// validName reports whether s, in lower case, can stand in a certificate as dNSName: letters, digits, hyphens and
// underscores in labels (RFC 5280 §4.2.1.6 with the leniency of today's verifiers).
func validName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
