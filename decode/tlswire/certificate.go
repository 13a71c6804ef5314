package tlswire

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strconv"
	"strings"
)

// maxCertificates limits the certificates of a chain that are explained.
const maxCertificates = 32

// certificate is what is shown of one. All of it is text; what could not be read is empty.
type certificate struct {
	subject, issuer, notBefore, notAfter, serial string
	key, signature, sha256                       string
	names                                        []string
	selfSigned                                   bool
	from, to                                     int
}

// certificates explains a Certificate message: RFC 9846 section 4.4.2, or RFC 5246 section 7.4.2. Values of several
// certificates are joined by newlines, the peer's own first.
func (i *helloInfo) certificates(r *reader, hs *handshake, side Side, tls13 bool) {
	if tls13 {
		context := r.sub(1)
		i.hex("context", context.raw[context.off:context.end], context.off)
	}
	list := r.sub(3)
	r.short = r.short || list.short
	var chain []certificate
	for list.left() >= 3 && len(chain) < maxCertificates {
		c := list.sub(3)
		chain = append(chain, i.room.certificate(c.raw[c.off:c.end]))
		last := &chain[len(chain)-1]
		last.from, last.to = c.off, c.end
		if tls13 {
			extensions := &helloInfo{typ: 11, builder: i.builder, extensions: make([]uint16, 1)} // (one entry: no list of them is shown)
			at := list.off
			ext := list.sub(2)
			extensions.readExtensions(&reader{raw: list.raw, off: at, end: ext.end})
			i.builder = extensions.builder
		}
	}
	i.addChain(chain)
	if side == Server && len(chain) > 0 {
		i.lintCertificate(&chain[0], hs.sni)
	}
}

func (i *helloInfo) addChain(chain []certificate) {
	i.add("count", strconv.Itoa(len(chain)), 0, 0)
	if len(chain) == 0 {
		return
	}
	from, to := chain[0].from, chain[len(chain)-1].to
	values := make([]string, len(chain))
	column := func(name string, get func(*certificate) string) {
		for n := range chain {
			values[n] = get(&chain[n])
		}
		i.add(name, strings.Join(values, "\n"), from, to)
	}
	column("subjects", func(c *certificate) string { return c.subject })
	i.add("names", strings.Join(chain[0].names, ", "), chain[0].from, chain[0].to)
	column("issuer", func(c *certificate) string { return c.issuer })
	column("not_before", func(c *certificate) string { return c.notBefore })
	column("not_after", func(c *certificate) string { return c.notAfter })
	column("key", func(c *certificate) string { return c.key })
	column("signature", func(c *certificate) string { return c.signature })
	column("serial", func(c *certificate) string { return c.serial })
	column("sha256", func(c *certificate) string { return c.sha256 })
	column("self_signed", func(c *certificate) string { return strconv.FormatBool(c.selfSigned) })
}

// lintCertificate warns of what needs no clock: self-signed, signed with a broken hash, not for the name asked for.
func (i *helloInfo) lintCertificate(c *certificate, sni string) {
	subject := Field{Name: "subject", Value: c.subject}
	if c.selfSigned {
		i.note("lint.cert_self_signed", c.from, c.to, subject)
	} else if strings.Contains(c.signature, "sha1") || strings.Contains(c.signature, "md5") || strings.Contains(c.signature, "md2") {
		i.note("lint.cert_sha1", c.from, c.to, subject, Field{Name: "signature", Value: c.signature})
	}
	if sni != "" && len(c.names) > 0 && !matchesName(c.names, sni) {
		i.note("lint.cert_wrong_name", c.from, c.to, Field{Name: "asked", Value: sni}, Field{Name: "names", Value: strings.Join(c.names, ", ")})
	}
}

// matchesName is RFC 9525 section 6.3: equal but for case, or a wildcard for the whole first label.
func matchesName(names []string, host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	for _, n := range names {
		n = strings.TrimSuffix(strings.ToLower(n), ".")
		if n == host {
			return true
		}
		if rest, ok := strings.CutPrefix(n, "*."); ok {
			if _, parent, ok := strings.Cut(host, "."); ok && parent == rest {
				return true
			}
		}
	}
	return false
}

// parseCertificate reads an X.509 certificate, RFC 5280 section 4.1, as far as it can be read.
func parseCertificate(b []byte) certificate { return readCertificate(b, sha256.Sum256(b)) }

// readCertificate is parseCertificate for octets whose SHA-256 is known.
func readCertificate(b []byte, sum [sha256.Size]byte) certificate {
	c := certificate{sha256: hex.EncodeToString(sum[:])}
	outer, ok := readDER(b)
	if !ok {
		return c
	}
	parts := outer.children()
	if len(parts) == 0 {
		return c
	}
	if len(parts) > 1 {
		c.signature = signatureOIDName(parts[1].child(0).oid())
	}
	tbs := parts[0].children()
	if len(tbs) > 0 && tbs[0].tag == 0xa0 { // version
		tbs = tbs[1:]
	}
	if len(tbs) < 6 {
		return c
	}
	c.serial = hexOf(tbs[0].body)
	c.issuer = distinguishedName(tbs[2].all)
	c.notBefore, c.notAfter = tbs[3].child(0).time(), tbs[3].child(1).time()
	c.subject = distinguishedName(tbs[4].all)
	c.key = keyName(tbs[5])
	for _, e := range tbs[6:] {
		if e.tag == 0xa3 {
			c.names = alternativeNames(e.child(0))
		}
	}
	c.selfSigned = bytes.Equal(tbs[2].all, tbs[4].all) && signsItself(b)
	return c
}

// signsItself checks a certificate's signature with its own key. Where that cannot be checked (a hash that Go refuses, a
// form it does not read), equal issuer and subject must do.
func signsItself(b []byte) bool {
	cert, err := x509.ParseCertificate(b)
	if err != nil {
		return true
	}
	if k, ok := cert.PublicKey.(interface{ Size() int }); ok && k.Size() > maxRSABits/8 {
		return true
	}
	err = cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
	_, insecure := err.(x509.InsecureAlgorithmError)
	return err == nil || insecure || err == x509.ErrUnsupportedAlgorithm
}

// alternativeNames finds the subject alternative names among a certificate's extensions, RFC 5280 section 4.2.1.6.
func alternativeNames(extensions der) []string {
	var names []string
	for _, e := range extensions.children() {
		parts := e.children()
		if len(parts) < 2 || parts[0].oid() != "2.5.29.17" {
			continue
		}
		list, _ := readDER(parts[len(parts)-1].body)
		for _, n := range list.children() {
			if len(names) >= maxList {
				break
			}
			switch n.tag & 0x1f {
			case 1, 2, 6: // mail address, DNS name, URI
				names = append(names, text(n.body))
			case 7:
				names = append(names, ipText(n.body))
			}
		}
	}
	return names
}

// keyName gives a public key's kind and size.
func keyName(spki der) string {
	algorithm := spki.child(0)
	id := algorithm.child(0).oid()
	bits := spki.child(1).body
	switch id {
	case "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10":
		if len(bits) < 1 {
			return "RSA"
		}
		key, _ := readDER(bits[1:])
		return "RSA " + strconv.Itoa(bitLen(key.child(0).body))
	case "1.2.840.10045.2.1":
		return "ECDSA " + curveName(algorithm.child(1).oid())
	case "1.2.840.10040.4.1":
		return "DSA " + strconv.Itoa(bitLen(algorithm.child(1, 0).body))
	}
	if n, ok := keyNames[id]; ok {
		return n
	}
	return id
}

var keyNames = map[string]string{
	"1.3.101.112": "Ed25519", "1.3.101.113": "Ed448", "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
	"2.16.840.1.101.3.4.3.18": "ML-DSA-65", "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}

func curveName(id string) string {
	switch id {
	case "1.2.840.10045.3.1.7":
		return "P-256"
	case "1.3.132.0.34":
		return "P-384"
	case "1.3.132.0.35":
		return "P-521"
	case "1.3.132.0.33":
		return "P-224"
	case "1.3.132.0.10":
		return "secp256k1"
	}
	return id
}

// signatureOIDs are the algorithms that sign certificates.
var signatureOIDs = map[string]string{
	"1.2.840.113549.1.1.2": "md2WithRSA", "1.2.840.113549.1.1.4": "md5WithRSA", "1.2.840.113549.1.1.5": "sha1WithRSA",
	"1.2.840.113549.1.1.10": "rsassa-pss", "1.2.840.113549.1.1.11": "sha256WithRSA",
	"1.2.840.113549.1.1.12": "sha384WithRSA", "1.2.840.113549.1.1.13": "sha512WithRSA",
	"1.2.840.113549.1.1.14": "sha224WithRSA", "1.2.840.10040.4.3": "sha1WithDSA", "2.16.840.1.101.3.4.3.2": "sha256WithDSA",
	"1.2.840.10045.4.1": "sha1WithECDSA", "1.2.840.10045.4.3.1": "sha224WithECDSA",
	"1.2.840.10045.4.3.2": "sha256WithECDSA", "1.2.840.10045.4.3.3": "sha384WithECDSA",
	"1.2.840.10045.4.3.4": "sha512WithECDSA", "1.3.101.112": "Ed25519", "1.3.101.113": "Ed448",
	"1.3.14.3.2.29": "sha1WithRSA", "2.16.840.1.101.3.4.3.17": "ML-DSA-44", "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
	"2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}

func signatureOIDName(id string) string {
	if n, ok := signatureOIDs[id]; ok {
		return n
	}
	return id
}
