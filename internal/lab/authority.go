package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// CertificateFault names what is wrong with a practice certificate.
type CertificateFault string

// The certificates a client must refuse, and the good one.
const (
	CertificateGood       CertificateFault = ""
	CertificateWrongName  CertificateFault = "wrong_name"  // a valid one, for another host
	CertificateExpired    CertificateFault = "expired"     // a month too old
	CertificateSelfSigned CertificateFault = "self_signed" // signed by itself, so by nobody the client knows
)

const (
	authorityLife = 30 * 24 * time.Hour // a practice server rarely runs longer than a course
	clockSkew     = 24 * time.Hour      // class-room machines' clocks are often some hours wrong
	wrongName     = "autre.exemple.test"
)

// Authority is a throw-away certificate authority: its key lives in memory and dies with the program, and it may sign for
// the practice names and loopback only, so that trusting it during a lesson opens nothing else.
type Authority struct {
	now  time.Time
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes a practice authority valid around now. That should be the machine's real time, even where the
// mailboxes run on a demonstration clock, because clients check certificates against the real one.
func NewAuthority(now time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the practice authority's key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "facteur practice authority", Organization: []string{"facteur"}},
		NotBefore:             now.Add(-2*authorityLife - clockSkew), // old enough to have signed the expired certificate
		NotAfter:              now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,

		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         []string{Domain, "localhost"},
		PermittedIPRanges: []*net.IPNet{
			{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
			{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
		},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("signing the practice authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading the practice authority back: %w", err)
	}
	return &Authority{now: now, cert: cert, key: key}, nil
}

// Pool is the set of roots to verify the practice server with.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// PEM is the authority's certificate, for a client's trust store or curl --cacert.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// Issue makes a server certificate for mail.exemple.test, localhost and the loopback addresses, with the fault asked for.
func (a *Authority) Issue(fault CertificateFault) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making the practice server's key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("choosing a serial number: %w", err)
	}
	leaf := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: ServerName},
		NotBefore:             a.now.Add(-clockSkew),
		NotAfter:              a.now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{ServerName, "localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	parent, signer := a.cert, a.key
	switch fault {
	case CertificateGood:
	case CertificateWrongName:
		leaf.Subject.CommonName, leaf.DNSNames, leaf.IPAddresses = wrongName, []string{wrongName}, nil
	case CertificateExpired:
		leaf.NotBefore, leaf.NotAfter = a.now.Add(-2*authorityLife), a.now.Add(-authorityLife)
	case CertificateSelfSigned:
		parent, signer = leaf, key
	default:
		return tls.Certificate{}, fmt.Errorf("no certificate fault named %q: use wrong_name, expired or self_signed", fault)
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, parent, &key.PublicKey, signer)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("signing the practice server's certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
