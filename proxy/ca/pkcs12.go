package ca

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"unicode/utf16"

	"facteur/internal/bilingual"
)

// A trust store in PKCS#12 (RFC 7292) holds certificates and no key. There is nothing to hide in it, so its contents are
// not encrypted; the password protects them from being changed, and Java wants one.

const (
	// macRounds is the iteration count of the integrity key; the password is no secret, so that more would buy nothing.
	macRounds = 2048
	macSalt   = 16 // octets; RFC 7292 §4 wants 8 or more
)

var (
	oidData         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidCertBag      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidFriendlyName = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}
	// oidTrustedUsage marks a certificate as one to trust, for Java, which ignores the others.
	oidTrustedUsage = asn1.ObjectIdentifier{2, 16, 840, 1, 113894, 746875, 1, 1}
	oidAnyUsage     = asn1.ObjectIdentifier{2, 5, 29, 37, 0}
	oidSHA256       = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
)

type (
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue
	}
	attribute struct {
		ID     asn1.ObjectIdentifier
		Values []asn1.RawValue `asn1:"set"`
	}
	certBag struct {
		Type asn1.ObjectIdentifier
		Data asn1.RawValue
	}
	safeBag struct {
		ID         asn1.ObjectIdentifier
		Value      asn1.RawValue
		Attributes []attribute `asn1:"set"`
	}
	digestInfo struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	macData struct {
		Mac    digestInfo
		Salt   []byte
		Rounds int
	}
	pfx struct {
		Version int
		Safe    contentInfo
		Mac     macData
	}
)

// TrustStore gives the root's certificate as a PKCS#12 trust store, protected from change by password. It holds no key.
func (a *Authority) TrustStore(password string) ([]byte, error) {
	safe, err := a.safeContents()
	if err != nil {
		return nil, bilingual.Errorf("writing PKCS#12: %w",
			"écriture du PKCS#12\u202f: %w", err)
	}
	salt := make([]byte, macSalt)
	if _, err := rand.Read(salt); err != nil {
		return nil, bilingual.Errorf("writing PKCS#12: %w",
			"écriture du PKCS#12\u202f: %w", err)
	}
	mac := hmac.New(sha256.New, macKey(password, salt, macRounds))
	mac.Write(safe)
	info, err := dataOf(safe)
	if err != nil {
		return nil, bilingual.Errorf("writing PKCS#12: %w",
			"écriture du PKCS#12\u202f: %w", err)
	}
	return asn1.Marshal(pfx{3, info, macData{digestInfo{pkix.AlgorithmIdentifier{Algorithm: oidSHA256, Parameters: asn1.NullRawValue}, mac.Sum(nil)}, salt, macRounds}})
}

// safeContents is the authenticated part: one bag with the certificate.
func (a *Authority) safeContents() ([]byte, error) {
	var e encoder
	cert := explicit(e.of(certBag{oidX509, explicit(e.of(a.root.Raw))}))
	bag := safeBag{oidCertBag, cert, []attribute{
		{oidFriendlyName, []asn1.RawValue{{Tag: asn1.TagBMPString, Bytes: bmp(a.root.Subject.CommonName)}}},
		{oidTrustedUsage, []asn1.RawValue{e.of(oidAnyUsage)}},
	}}
	bags := e.of([]safeBag{bag})
	info, err := dataOf(bags.FullBytes)
	if e.err == nil {
		e.err = err
	}
	safe := e.of([]contentInfo{info})
	return safe.FullBytes, e.err
}

// encoder marshals values, and keeps the first error.
type encoder struct{ err error }

func (e *encoder) of(v any) asn1.RawValue {
	der, err := asn1.Marshal(v)
	if err != nil && e.err == nil {
		e.err = err
	}
	return asn1.RawValue{FullBytes: der}
}

// explicit puts [0] around a value; encoding/asn1 does not do that for one that is marshalled already.
func explicit(v asn1.RawValue) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: v.FullBytes}
}

// dataOf wraps octets as PKCS#7 data.
func dataOf(b []byte) (contentInfo, error) {
	der, err := asn1.Marshal(b)
	return contentInfo{oidData, explicit(asn1.RawValue{FullBytes: der})}, err
}

// bmp writes s as a BMPString: UTF-16 in network order.
func bmp(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}

// macKey derives the integrity key from a password (RFC 7292 appendix B.2, ID 3, SHA-256: u = 32, v = 64). One block of
// output is all that is wanted, so that step 6 is never needed.
func macKey(password string, salt []byte, rounds int) []byte {
	const v, id = 64, 3
	in := append(bytes.Repeat([]byte{id}, v), fill(salt, v)...)
	in = append(in, fill(append(bmp(password), 0, 0), v)...)
	sum := sha256.Sum256(in)
	for range rounds - 1 {
		sum = sha256.Sum256(sum[:])
	}
	return sum[:]
}

// fill repeats b to the next multiple of v octets.
func fill(b []byte, v int) []byte {
	n := (len(b) + v - 1) / v * v
	return bytes.Repeat(b, n/max(len(b), 1)+1)[:n]
}
