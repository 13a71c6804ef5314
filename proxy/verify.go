package proxy

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"sync"
	"time"
)

const (
	// chainLife is how long a chain that was found good is taken for good again.
	chainLife = 5 * time.Minute
	// maxChains bounds how many are remembered: those of the servers of some hundred routes.
	maxChains = 256
)

// chains remembers the certificate chains that were found good: a server shows the same one every time, and its signatures
// cost more than the rest of a connection's verification together. Authorities are those of the run, so that nothing but the
// octets of the certificates and the time matters; names are looked at every time, and what was not good is looked at anew.
type chains struct {
	mu   sync.Mutex
	good map[[sha256.Size]byte]period
}

// period is when a chain is good without another look. Its beginning is when it was looked at: clocks may be set back.
type period struct{ from, to time.Time }

// chainID names a chain.
func chainID(certs []*x509.Certificate) (id [sha256.Size]byte) {
	h := sha256.New()
	for _, c := range certs {
		h.Write(c.Raw) // DER, which says how long it is
	}
	h.Sum(id[:0])
	return id
}

func (c *chains) know(id [sha256.Size]byte, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.good[id]
	return ok && !now.Before(p.from) && now.Before(p.to)
}

// learn remembers a chain for a while, and never beyond the life of a certificate on the way to the authority.
func (c *chains) learn(id [sha256.Size]byte, path []*x509.Certificate, now time.Time) {
	p := period{now, now.Add(chainLife)}
	for _, cert := range path {
		if cert.NotAfter.Before(p.to) {
			p.to = cert.NotAfter
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.good == nil || len(c.good) >= maxChains {
		c.good = map[[sha256.Size]byte]period{}
	}
	c.good[id] = p
}

// verify checks the server's certificate: the chain, its dates, and its name.
func (s *session) verify(cs tls.ConnectionState, names []string) error {
	if len(cs.PeerCertificates) == 0 {
		return &fault{what: faultUntrusted, cause: "no_certificate", fields: []string{"server", s.route.Upstream.Addr()}}
	}
	leaf := cs.PeerCertificates[0]
	if err := s.srv.trusts(cs.PeerCertificates, time.Now()); err != nil {
		return s.chainFault(leaf, err)
	}
	var err error
	for _, n := range names {
		if err = leaf.VerifyHostname(n); err == nil {
			return nil
		}
	}
	return &fault{what: faultName, cause: "other", err: err, fields: []string{"server", s.route.Upstream.Addr(), "names", strings.Join(namesOf(leaf), ", ")}}
}

// trusts reports why a chain does not lead to an authority of mail servers, or nil.
func (s *Server) trusts(certs []*x509.Certificate, now time.Time) error {
	id := chainID(certs)
	if s.chains.know(id, now) {
		return nil
	}
	o := x509.VerifyOptions{Roots: s.c.UpstreamCA, Intermediates: x509.NewCertPool(), CurrentTime: now}
	for _, c := range certs[1:] {
		o.Intermediates.AddCert(c)
	}
	paths, err := certs[0].Verify(o)
	if err != nil && o.Roots != nil && s.c.SystemCA {
		o.Roots = nil
		var e error
		if paths, e = certs[0].Verify(o); e == nil {
			err = nil
		}
	}
	if err == nil {
		s.chains.learn(id, paths[0], now)
	}
	return err
}

func namesOf(c *x509.Certificate) []string {
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return []string{"(" + c.Subject.String() + ")"}
	}
	return names
}

// chainFault says why a chain does not verify.
func (s *session) chainFault(leaf *x509.Certificate, err error) *fault {
	f := &fault{what: faultUntrusted, cause: "chain", err: err, fields: []string{"server", s.route.Upstream.Addr()}}
	var invalid x509.CertificateInvalidError
	switch now := time.Now(); {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.Before(leaf.NotBefore):
		f.what, f.cause = faultExpired, "not_yet"
		f.fields = append(f.fields, "value", leaf.NotBefore.Format(time.DateTime))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired: // it, or one above it
		f.what, f.cause = faultExpired, "past"
		f.fields = append(f.fields, "not_after", invalid.Cert.NotAfter.Format(time.DateOnly))
	default:
		f.fields = append(f.fields, "issuer", leaf.Issuer.String())
	}
	return f
}
