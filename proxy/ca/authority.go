// Package ca is facteur's local certificate authority: one root per installation, and certificates made on the spot for
// the names that mail clients ask for.
//
// A root that a learner's mail client trusts is a dangerous thing to leave on a disk. So it is name-constrained (RFC 5280
// §4.2.1.10, critical) to the hosts of the routes, the practice names and this machine: whoever steals the key can
// still not sign for the rest of the world. The key never leaves its file, and leaf certificates live for days only.
package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"facteur/internal/bilingual"
)

const (
	rootLife = 2 * 365 * 24 * time.Hour // a school year and the next; `facteur ca renew` makes another
	// backdate makes a certificate valid for clients whose clock is behind: a classroom's machines often are.
	backdate = 24 * time.Hour
)

// PracticeNames may always be certified: nobody can own a name under .test (RFC 6761 §6.2).
var PracticeNames = []string{"exemple.test", "example.test"}

// Options say what an authority is made for. They count when one is created or renewed; an existing one keeps its own.
type Options struct {
	Hosts   []string         // host names and IP literals of the routes that the root may sign for
	Any     bool             // no name constraint at all: the root can sign for every name there is
	Machine string           // the machine's name, which the root's name holds; "" means the system's host name
	Now     func() time.Time // nil means time.Now
}

func (o Options) now() time.Time {
	if o.Now != nil {
		return o.Now()
	}
	return time.Now()
}

// Authority signs leaf certificates. It is made by [LoadOrCreate] or [Renew] and may be used by several goroutines.
type Authority struct {
	Dir     string // where ca.pem and ca-key.pem lie
	Created bool   // true if LoadOrCreate made it just now, so that clients cannot trust it yet

	root *x509.Certificate
	key  crypto.Signer
	now  func() time.Time

	ecdsaKey func() (crypto.Signer, error) // one key for all leaves of a run: making keys is what costs
	rsaKey   func() (crypto.Signer, error)

	mu     sync.Mutex // guards leaves
	leaves map[string]*leaf
}

// Info is what `facteur ca show` tells of an authority.
type Info struct {
	Subject             string
	SHA256              string // fingerprint of the certificate, 64 hexadecimal digits
	NotBefore, NotAfter time.Time
	DNS                 []string // names it may sign for, each with everything below it
	IP                  []string // address ranges it may sign for, as address/length
	Any                 bool     // it may sign for every name
	Path                string   // the certificate's file
}

// Show describes the authority.
func (a *Authority) Show() Info {
	sum := a.fingerprint()
	i := Info{
		Subject: a.root.Subject.String(), SHA256: hex.EncodeToString(sum[:]), NotBefore: a.root.NotBefore, NotAfter: a.root.NotAfter,
		DNS: slices.Clone(a.root.PermittedDNSDomains), Any: unconstrained(a.root), Path: certPath(a.Dir),
	}
	for _, n := range a.root.PermittedIPRanges {
		i.IP = append(i.IP, n.String())
	}
	return i
}

func (a *Authority) fingerprint() [sha256.Size]byte { return sha256.Sum256(a.root.Raw) }

// SHA1 is the fingerprint by which Windows and macOS name a certificate, 40 hexadecimal digits; nothing is protected by it.
func (a *Authority) SHA1() string {
	sum := sha1.Sum(a.root.Raw)
	return hex.EncodeToString(sum[:])
}

// Certificate is the root's certificate; it must not be changed.
func (a *Authority) Certificate() *x509.Certificate { return a.root }

// Export gives the root's certificate, never its key, as "pem", "der" or "profile" (for Apple devices). PKCS#12 wants
// a password: [Authority.TrustStore].
func (a *Authority) Export(format string) ([]byte, error) {
	switch format {
	case "pem":
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw}), nil
	case "der":
		return slices.Clone(a.root.Raw), nil
	case "profile":
		return a.profile(), nil
	}
	return nil, bilingual.Errorf("export of the authority: format %q is not known; use pem, der or profile",
		"export de l’autorité\u202f: format inconnu %q\u202f; les formats sont pem, der et profile", format)
}

// ErrOutside is what [Authority.Check] answers for a host that the name constraint leaves out.
var ErrOutside = bilingual.New("outside the names that facteur's authority may sign for", "hors des noms pour lesquels l’autorité de facteur peut signer")

// Check reports whether the authority may sign for host, a DNS name or an IP literal. The error wraps [ErrOutside] and
// names the command that mends it.
func (a *Authority) Check(host string) error {
	if a.Permits(host) {
		return nil
	}
	return bilingual.Errorf("%s: %w (%s); run `facteur ca renew --host %s`, and let the mail clients trust the new authority",
		"%s\u202f: %w (%s)\u202f; lancez facteur ca renew --host %s, puis faites apprendre la nouvelle autorité aux clients",
		host, ErrOutside, strings.Join(a.root.PermittedDNSDomains, ", "), host)
}

// Permits reports whether host, a DNS name or an IP literal, lies within the name constraint (RFC 5280 §4.2.1.10).
func (a *Authority) Permits(host string) bool {
	if unconstrained(a.root) {
		return true
	}
	if ip := net.ParseIP(host); ip != nil {
		return slices.ContainsFunc(a.root.PermittedIPRanges, func(n *net.IPNet) bool { return n.Contains(ip) })
	}
	host = canonicalName(host)
	if !validName(host) {
		return false
	}
	return slices.ContainsFunc(a.root.PermittedDNSDomains, func(d string) bool {
		return host == d || strings.HasSuffix(host, "."+d)
	})
}

func unconstrained(c *x509.Certificate) bool {
	return len(c.PermittedDNSDomains) == 0 && len(c.PermittedIPRanges) == 0
}

// newAuthority ties a root to its key.
func newAuthority(dir string, root *x509.Certificate, key crypto.Signer, now func() time.Time) *Authority {
	if now == nil {
		now = time.Now
	}
	return &Authority{
		Dir: dir, root: root, key: key, now: now, leaves: map[string]*leaf{},
		ecdsaKey: sync.OnceValues(func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }),
		rsaKey:   sync.OnceValues(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, leafRSABits) }),
	}
}

// create makes a root for the hosts in o, and its key.
func create(o Options) (root *x509.Certificate, key *ecdsa.PrivateKey, err error) {
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, nil, bilingual.Errorf("making the authority's key: %w",
			"création de la clé de l’autorité\u202f: %w", err)
	}
	t, err := template(o, &key.PublicKey)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, nil, bilingual.Errorf("making the authority's certificate: %w",
			"création du certificat de l’autorité\u202f: %w", err)
	}
	if root, err = x509.ParseCertificate(der); err != nil {
		return nil, nil, bilingual.Errorf("making the authority's certificate: %w",
			"création du certificat de l’autorité\u202f: %w", err)
	}
	return root, key, nil
}

func template(o Options, pub crypto.PublicKey) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	id, err := keyID(pub)
	if err != nil {
		return nil, err
	}
	machine := o.Machine
	if machine == "" {
		machine, _ = os.Hostname()
	}
	now := o.now().UTC().Truncate(time.Second)
	t := &x509.Certificate{
		SerialNumber: serial,
		Subject: pkix.Name{
			Organization:       []string{"facteur"},
			OrganizationalUnit: []string{"local teaching proxy"},
			CommonName:         commonName(machine, now),
		},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(rootLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		SubjectKeyId: id, AuthorityKeyId: id,
	}
	if o.Any {
		return t, nil
	}
	names, addrs, err := constraint(o.Hosts, machine)
	if err != nil {
		return nil, err
	}
	t.PermittedDNSDomainsCritical = true
	t.PermittedDNSDomains, t.PermittedIPRanges = names, addrs
	// Names of the other forms would be free otherwise; nobody owns a mailbox or a URI under .invalid (RFC 6761 §6.4).
	t.PermittedEmailAddresses = []string{"facteur.invalid"}
	t.PermittedURIDomains = []string{"facteur.invalid"}
	return t, nil
}

// commonName is what certificate managers list the root as. It has no comma, which they would show escaped (RFC 4514
// §2.4), and a long machine name is cut before the date: the date tells two authorities apart.
func commonName(machine string, at time.Time) string {
	const before, after = "facteur on ", " (2006-01-02)"
	room := maxCommonName - len(before) - len(after)
	if machine == "" {
		machine = "this machine"
	}
	return before + strings.TrimRight(cutTo(machine, room), "-. ") + at.Format(after)
}

// constraint lists the names and addresses that a root for hosts may sign for.
func constraint(hosts []string, machine string) (names []string, addrs []*net.IPNet, err error) {
	addName := func(n string) {
		if n = canonicalName(n); validName(n) && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	addIP := func(n *net.IPNet) {
		if !slices.ContainsFunc(addrs, func(m *net.IPNet) bool { return m.String() == n.String() }) {
			addrs = append(addrs, n)
		}
	}
	addIP(&net.IPNet{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)})
	addIP(host128(net.IPv6loopback))
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			addIP(host128(ip))
			continue
		}
		if !validName(canonicalName(h)) {
			return nil, nil, bilingual.Errorf("host %q of the authority is neither a DNS name nor an IP address",
				"%q, hôte de l’autorité, n’est ni un nom DNS ni une adresse IP", h)
		}
		addName(h)
	}
	for _, n := range append([]string{"localhost", machine}, PracticeNames...) {
		addName(n)
	}
	if ifs, err := net.InterfaceAddrs(); err == nil {
		for _, i := range ifs {
			if n, ok := i.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsUnspecified() {
				addIP(host128(n.IP))
			}
		}
	}
	return names, addrs, nil
}

// host128 is the range of one address: /32 or /128.
func host128(ip net.IP) *net.IPNet {
	if v4 := ip.To4(); v4 != nil {
		return &net.IPNet{IP: v4, Mask: net.CIDRMask(32, 32)}
	}
	return &net.IPNet{IP: ip, Mask: net.CIDRMask(128, 128)}
}
