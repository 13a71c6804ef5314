package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"time"

	"facteur/internal/bilingual"
)

// Flaw is what is wrong with a certificate that a lesson shows to a client on purpose.
type Flaw string

// The flaws that a client has to find (RFC 5280 §6, RFC 9525 §6).
const (
	WrongName  Flaw = "wrong-name"  // in order, but for another name
	Expired    Flaw = "expired"     // its time is over
	SelfSigned Flaw = "self-signed" // nobody vouches for it
	UnknownCA  Flaw = "unknown-ca"  // somebody does whom nobody knows
)

// wrongName is the name in a certificate for another name; it is within every authority's constraint.
const wrongName = "wrong.exemple.test"

// expiredFor is how long an expired certificate has been: more than any clock is wrong.
const expiredFor = 30 * 24 * time.Hour

// Flawed gives a certificate for names with a flaw, freshly made. The authority's own key signs what is wrong-name and
// expired; the others are signed by keys that are thrown away.
func (a *Authority) Flawed(flaw Flaw, names ...string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, bilingual.Errorf("making a key: %w",
			"création d’une clé\u202f: %w", err)
	}
	names = a.permitted(names)
	switch flaw {
	case WrongName:
		return a.mint(key, []string{wrongName})
	case Expired:
		past := *newAuthority(a.Dir, a.root, a.key, func() time.Time { return a.now().Add(-leafLife - expiredFor) })
		return past.mint(key, names)
	case SelfSigned, UnknownCA:
		signer := key
		if flaw == UnknownCA {
			if signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
				return nil, bilingual.Errorf("making a key: %w",
					"création d’une clé\u202f: %w", err)
			}
		}
		root := &x509.Certificate{Subject: pkix.Name{Organization: []string{"nobody"}, CommonName: "an authority that nobody knows"}, NotAfter: a.now().Add(leafLife)}
		if flaw == SelfSigned {
			root = nil // the certificate signs itself
		}
		return mintBy(root, signer, key, names, a.now())
	}
	return nil, fmt.Errorf("a certificate's flaw %q is not known", flaw)
}
