package tlswire

import (
	"crypto"
	_ "crypto/md5"    // the hashes that suites name
	_ "crypto/sha1"   //
	_ "crypto/sha256" //
	_ "crypto/sha512" //
	"fmt"
	"strings"
)

// bulk is how a suite protects records.
type bulk uint8

const (
	bulkUnknown bulk = iota // known by name only
	bulkNULL
	bulkRC4
	bulkCBC
	bulkGCM
	bulkCCM
	bulkChaCha
)

// suite is what the keys and records of a cipher suite need.
type suite struct {
	id     uint16
	bulk   bulk
	block  string // AES, CAMELLIA, 3DES or DES, but for stream ciphers
	keyLen int
	tagLen int         // of an AEAD
	mac    crypto.Hash // of CBC, RC4 and NULL
	prf    crypto.Hash // of TLS 1.2's PRF and of TLS 1.3's HKDF
	tls13  bool
	rsa    bool // the client encrypts the pre-master secret to the server's RSA key
}

// blockLen is the cipher's block size, 0 for stream ciphers and AEADs.
func (s *suite) blockLen() int {
	switch {
	case s.bulk != bulkCBC:
		return 0
	case s.block == "AES", s.block == "CAMELLIA":
		return 16
	}
	return 8
}

// SuiteName gives the registry's name of a cipher suite, "GREASE (0xNNNN)" for the values of RFC 8701, "0xNNNN" for others.
func SuiteName(id uint16) string {
	if n, ok := suiteNames[id]; ok {
		return n
	}
	return codeName(id)
}

// codeName names a 16-bit code that no table has.
func codeName(id uint16) string {
	if isGREASE(id) {
		return fmt.Sprintf("GREASE (0x%04x)", id)
	}
	return fmt.Sprintf("0x%04x", id)
}

// isGREASE reports whether a code is one of those reserved by RFC 8701 to keep peers tolerant.
func isGREASE(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

// suiteOf reads a suite's parts from its name. The bulk of suites that cannot be opened is bulkUnknown.
func suiteOf(id uint16) suite {
	s := suite{id: id, prf: crypto.SHA256}
	name := suiteNames[id]
	kx, parts, old := strings.Cut(strings.TrimPrefix(name, "TLS_"), "_WITH_")
	if !old {
		parts = kx
		s.tls13 = id>>8 == 0x13
		if !s.tls13 {
			return s
		}
	} else if strings.Contains(kx, "EXPORT") || id>>8 == 0xcc && id&0xff < 0xa8 { // weakened keys; drafts with another nonce
		return s
	}
	s.rsa = kx == "RSA"
	if strings.HasSuffix(parts, "_SHA384") {
		s.prf = crypto.SHA384
	}
	s.cipherOf(parts)
	return s
}

// cipherParts are the ciphers that can be opened, by the beginning of the suite's part behind WITH.
var cipherParts = []struct {
	prefix string
	suite  suite
}{
	{"AES_128_GCM", suite{bulk: bulkGCM, block: "AES", keyLen: 16, tagLen: 16}},
	{"AES_256_GCM", suite{bulk: bulkGCM, block: "AES", keyLen: 32, tagLen: 16}},
	{"AES_128_CCM_8", suite{bulk: bulkCCM, block: "AES", keyLen: 16, tagLen: 8}},
	{"AES_256_CCM_8", suite{bulk: bulkCCM, block: "AES", keyLen: 32, tagLen: 8}},
	{"AES_128_CCM", suite{bulk: bulkCCM, block: "AES", keyLen: 16, tagLen: 16}},
	{"AES_256_CCM", suite{bulk: bulkCCM, block: "AES", keyLen: 32, tagLen: 16}},
	{"CHACHA20_POLY1305", suite{bulk: bulkChaCha, keyLen: 32, tagLen: 16}},
	{"AES_128_CBC", suite{bulk: bulkCBC, block: "AES", keyLen: 16}},
	{"AES_256_CBC", suite{bulk: bulkCBC, block: "AES", keyLen: 32}},
	{"CAMELLIA_128_GCM", suite{bulk: bulkGCM, block: "CAMELLIA", keyLen: 16, tagLen: 16}},
	{"CAMELLIA_256_GCM", suite{bulk: bulkGCM, block: "CAMELLIA", keyLen: 32, tagLen: 16}},
	{"CAMELLIA_128_CBC", suite{bulk: bulkCBC, block: "CAMELLIA", keyLen: 16}},
	{"CAMELLIA_256_CBC", suite{bulk: bulkCBC, block: "CAMELLIA", keyLen: 32}},
	{"3DES_EDE_CBC", suite{bulk: bulkCBC, block: "3DES", keyLen: 24}},
	{"DES_CBC_SHA", suite{bulk: bulkCBC, block: "DES", keyLen: 8}},
	{"DES_CBC_MD5", suite{bulk: bulkCBC, block: "DES", keyLen: 8}},
	{"RC4_128", suite{bulk: bulkRC4, keyLen: 16}},
	{"NULL_MD5", suite{bulk: bulkNULL}},
	{"NULL_SHA", suite{bulk: bulkNULL}},
}

func (s *suite) cipherOf(parts string) {
	for _, c := range cipherParts {
		if strings.HasPrefix(parts, c.prefix) {
			s.bulk, s.block, s.keyLen, s.tagLen = c.suite.bulk, c.suite.block, c.suite.keyLen, c.suite.tagLen
			break
		}
	}
	if s.bulk == bulkUnknown || s.tagLen > 0 {
		return
	}
	switch {
	case strings.HasSuffix(parts, "_MD5"):
		s.mac = crypto.MD5
	case strings.HasSuffix(parts, "_SHA"):
		s.mac = crypto.SHA1
	case strings.HasSuffix(parts, "_SHA256"):
		s.mac = crypto.SHA256
	case strings.HasSuffix(parts, "_SHA384"):
		s.mac = crypto.SHA384
	default:
		s.bulk = bulkUnknown
	}
}
