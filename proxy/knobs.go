package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"os"
	"slices"
	"strings"

	"facteur/decode"
	"facteur/internal/bilingual"
)

// Knobs set the TLS of one leg. The zero value is TLS 1.2 and later, Go's choice of cipher suites, for clients those of usual, no
// certificate of the client's, and resumption, with the server where the client offers it, too. What the client offers as ALPN
// is passed on to the server, and the server's choice back, whatever the knobs are.
type Knobs struct {
	Min, Max     uint16 // versions as crypto/tls numbers them; 0 for the default
	Ciphers      string // suites of TLS 1.2 and before, by IANA names, joined by commas; "" for the default
	NoResumption bool   // no session tickets: for clients, or from the server
	Resumption   bool   // of an upstream: sessions are resumed whether the client offers to or not
	ClientCA     string // of a listener: PEM file; clients must show a certificate that it signed
	ClientCert   string // of an upstream: PEM file with the certificate that facteur shows the server
	ClientKey    string // and the file with its key
}

// versions are the names of TLS versions in a route.
var versions = []struct {
	name   string
	number uint16
}{{"1.0", tls.VersionTLS10}, {"1.1", tls.VersionTLS11}, {"1.2", tls.VersionTLS12}, {"1.3", tls.VersionTLS13}}

// ParseVersion reads the name of a TLS version, as in 1.2.
func ParseVersion(s string) (uint16, error) {
	for _, v := range versions {
		if v.name == s {
			return v.number, nil
		}
	}
	return 0, bilingual.Errorf("TLS version %q is not known; use 1.0, 1.1, 1.2 or 1.3",
		"version de TLS inconnue\u202f: %q\u202f; les versions sont 1.0, 1.1, 1.2 et 1.3", s)
}

func versionName(n uint16) string {
	for _, v := range versions {
		if v.number == n {
			return v.name
		}
	}
	return ""
}

// knobNames are the parameters of a URL that are knobs.
var knobNames = bilingual.New("tls-min, tls-max, ciphers, no-resumption; of a listener client-ca; of an upstream resumption, client-cert and client-key",
	"tls-min, tls-max, ciphers, no-resumption\u202f; de l’écoute client-ca\u202f; du serveur resumption, client-cert et client-key")

func behindUpstream(name string) error {
	return bilingual.Errorf("?%s belongs behind the upstream", "?%s va derrière l’URL du serveur", name)
}

// set takes one parameter; known is false if it is no knob.
func (k *Knobs) set(name, value string, listener bool) (known bool, err error) {
	of := map[string]bool{"client-ca": true, "resumption": false, "client-cert": false, "client-key": false}
	switch wants, sided := of[name]; {
	case sided && wants && !listener:
		return true, bilingual.Errorf("?%s belongs behind the listener", "?%s va derrière l’URL d’écoute", name)
	case sided && !wants && listener:
		return true, behindUpstream(name)
	}
	switch name {
	case "tls-min":
		k.Min, err = ParseVersion(value)
	case "tls-max":
		k.Max, err = ParseVersion(value)
	case "ciphers":
		k.Ciphers = value
		_, err = k.suites()
	case "no-resumption":
		k.NoResumption = true
	case "resumption":
		k.Resumption = true
	case "client-ca":
		k.ClientCA = value
	case "client-cert":
		k.ClientCert = value
	case "client-key":
		k.ClientKey = value
	default:
		return false, nil
	}
	return true, err
}

// parameters are the knobs that are set, as they stand in a URL.
func (k Knobs) parameters() (out []string) {
	add := func(name, value string) {
		if value != "" {
			out = append(out, name+"="+strings.NewReplacer("%2F", "/", "%2C", ",").Replace(url.QueryEscape(value)))
		}
	}
	add("tls-min", versionName(k.Min))
	add("tls-max", versionName(k.Max))
	add("ciphers", k.Ciphers)
	if k.NoResumption {
		out = append(out, "no-resumption")
	}
	if k.Resumption {
		out = append(out, "resumption")
	}
	add("client-ca", k.ClientCA)
	add("client-cert", k.ClientCert)
	add("client-key", k.ClientKey)
	return out
}

// or fills what is not set from the knobs of the run.
func (k Knobs) or(d Knobs) Knobs {
	setDefault(&k.Min, d.Min)
	setDefault(&k.Max, d.Max)
	setDefault(&k.Ciphers, d.Ciphers)
	if !k.NoResumption && !k.Resumption {
		k.NoResumption, k.Resumption = d.NoResumption, d.Resumption
	}
	setDefault(&k.ClientCA, d.ClientCA)
	if k.ClientCert == "" && k.ClientKey == "" {
		k.ClientCert, k.ClientKey = d.ClientCert, d.ClientKey
	}
	return k
}

// suites are the numbers of the cipher suites, secure or not: a lesson may want a bad one.
func (k Knobs) suites() (out []uint16, err error) {
	if k.Ciphers == "" {
		return nil, nil
	}
	all := append(tls.CipherSuites(), tls.InsecureCipherSuites()...)
	for name := range strings.SplitSeq(k.Ciphers, ",") {
		i := slices.IndexFunc(all, func(c *tls.CipherSuite) bool { return c.Name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, bilingual.Errorf("cipher suite %q is not known; use IANA names, as in %s",
				"suite de chiffrement inconnue\u202f: %q\u202f; prenez les noms de l’IANA, comme %s", name, tls.CipherSuiteName(tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256))
		}
		if !slices.Contains(all[i].SupportedVersions, tls.VersionTLS12) {
			return nil, bilingual.Errorf("cipher suite %s is of TLS 1.3, which does not let its suites be chosen",
				"la suite de chiffrement %s est de TLS 1.3, qui ne laisse pas choisir les siennes", name)
		}
		out = append(out, all[i].ID)
	}
	return out, nil
}

// usual are Go's own suites and, for when nothing else is common, RSA key exchange: mail servers still take it, and printers
// and scanners that send mail may know no other. Go ranks suites itself, these last. A server could rank them first, so that
// they are not offered to it (RFC 9325 §4.1).
var usual = func() []uint16 {
	own := []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA}
	for _, c := range tls.CipherSuites() {
		own = append(own, c.ID)
	}
	return own
}()

// secured is the TLS of a leg with all files read.
type secured struct {
	min, max uint16
	suites   []uint16
	tickets  bool
	always   bool                   // sessions are resumed without the client's offer
	sessions tls.ClientSessionCache // that can be resumed with mail servers; nil: none are
	pace     *pace                  // of handshakes with the server
	pool     *x509.CertPool         // clients must be signed by one of these; nil: they need not
	own      []tls.Certificate      // shown to the server
}

// load reads the files. Errors say what is wrong with which.
func (k Knobs) load(leg decode.Leg) (s secured, err error) {
	s = secured{min: k.Min, max: k.Max, tickets: !k.NoResumption, always: k.Resumption, pace: new(pace)}
	if s.min == 0 {
		s.min = minTLS
		if s.max != 0 {
			s.min = min(s.min, s.max)
		}
	}
	if s.max != 0 && s.max < s.min {
		return s, bilingual.Errorf("tls-max %s is below tls-min %s",
			"tls-max %s est au-dessous de tls-min %s", versionName(s.max), versionName(s.min))
	}
	if k.NoResumption && k.Resumption {
		return s, bilingual.New("no-resumption and resumption exclude each other: give one", "no-resumption et resumption s’excluent\u202f: donnez l’un des deux")
	}
	if s.tickets {
		s.sessions = tls.NewLRUClientSessionCache(maxResumable)
	}
	if s.suites, err = k.suites(); err != nil {
		return s, err
	}
	if s.suites == nil && leg == decode.ClientLeg {
		s.suites = usual
	}
	if s.pool, err = k.clients(); err != nil {
		return s, err
	}
	if (k.ClientCert == "") != (k.ClientKey == "") {
		return s, bilingual.New("client-cert and client-key belong together: give both",
			"client-cert et client-key vont ensemble\u202f: donnez les deux")
	}
	if k.ClientCert != "" {
		c, err := tls.LoadX509KeyPair(k.ClientCert, k.ClientKey)
		if err != nil {
			return s, bilingual.Errorf("client-cert %s with client-key %s: %w",
				"client-cert %s avec client-key %s\u202f: %w", k.ClientCert, k.ClientKey, err)
		}
		s.own = []tls.Certificate{c}
	}
	return s, nil
}

// clients reads who signs the certificates of clients; nil if they need none.
func (k Knobs) clients() (*x509.CertPool, error) {
	if k.ClientCA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(k.ClientCA)
	if err != nil {
		return nil, bilingual.Errorf("client-ca: %w",
			"client-ca\u202f: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, bilingual.Errorf("client-ca %s: no certificate in PEM form in it (BEGIN CERTIFICATE)",
			"client-ca %s\u202f: aucun certificat au format PEM n’y est (BEGIN CERTIFICATE)", k.ClientCA)
	}
	return pool, nil
}

// apply sets a handshake's configuration.
func (s *secured) apply(c *tls.Config) {
	c.MinVersion, c.MaxVersion, c.CipherSuites, c.SessionTicketsDisabled = s.min, s.max, s.suites, !s.tickets
	if s.pool != nil {
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, s.pool
	}
	if s.own != nil {
		c.Certificates = s.own
	}
}
