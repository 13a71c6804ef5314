package tlswire

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
)

const (
	masterLen = 48
	// maxRSAKeys limits the private keys tried on one ClientKeyExchange, maxRSABits their size: a spectator must not
	// be kept busy by what it is shown.
	maxRSAKeys = 64
	maxRSABits = 16384
)

// pHash is P_hash of RFC 5246 section 5, XORed onto out.
func pHash(h crypto.Hash, out, secret, seed []byte) {
	mac := hmac.New(h.New, secret)
	mac.Write(seed)
	a := mac.Sum(nil)
	for len(out) > 0 {
		mac.Reset()
		mac.Write(a)
		mac.Write(seed)
		b := mac.Sum(nil)
		n := min(len(b), len(out))
		for i := range n {
			out[i] ^= b[i]
		}
		out = out[n:]
		mac.Reset()
		mac.Write(a)
		a = mac.Sum(nil)
	}
}

// prf gives n octets of the version's pseudorandom function: SSL 3.0's nested hashes (RFC 6101 section 6.2.2), the
// MD5/SHA-1 pair (RFC 2246 section 5), or the suite's hash (RFC 5246 section 5).
func prf(version uint16, h crypto.Hash, secret []byte, label string, seed []byte, n int) []byte {
	out := make([]byte, n)
	switch {
	case version < 0x0301:
		ssl3PRF(out, secret, seed)
	case version < 0x0303:
		half := (len(secret) + 1) / 2
		labelled := append([]byte(label), seed...)
		pHash(crypto.MD5, out, secret[:half], labelled)
		pHash(crypto.SHA1, out, secret[len(secret)-half:], labelled)
	default:
		pHash(h, out, secret, append([]byte(label), seed...))
	}
	return out
}

func ssl3PRF(out, secret, seed []byte) {
	for i := 0; len(out) > 0; i++ {
		salt := make([]byte, i+1) // "A", "BB", "CCC" …
		for j := range salt {
			salt[j] = 'A' + byte(i)
		}
		inner := crypto.SHA1.New()
		inner.Write(salt)
		inner.Write(secret)
		inner.Write(seed)
		outer := crypto.MD5.New()
		outer.Write(secret)
		outer.Write(inner.Sum(nil))
		out = out[copy(out, outer.Sum(nil)):]
	}
}

// masterSecret finds the session's master secret: in the key log by client random, by the session id it resumes, or from
// the pre-master secret that a key log line or a server's private key gives. nil if there is none.
func (c *Conn) masterSecret(h *handshake) []byte {
	if h.master != nil || !h.haveClient {
		return h.master
	}
	m := c.secret("CLIENT_RANDOM", h.clientRandom[:])
	if len(m) != masterLen && h.resumed {
		m = c.secret(labelSession, h.serverSession)
	}
	if len(m) != masterLen && h.resumed && h.offered != nil {
		m = c.secret(labelTicket, h.offered)
	}
	if len(m) != masterLen && !h.resumed && c.secrets != nil {
		m = h.fromPreMaster(h.preMaster(c.secrets))
	}
	if len(m) != masterLen {
		return nil
	}
	h.master = append([]byte(nil), m...)
	if !h.resumed && len(h.serverSession) > 0 {
		c.learn(labelSession, h.serverSession, m)
	}
	if h.given != nil {
		c.learn(labelTicket, h.given, m)
	}
	return h.master
}

// The labels under which master secrets are kept for resumption. The first is Wireshark's own.
const (
	labelSession = "SESSION_ID"
	labelTicket  = "TICKET"
)

// maxLearned limits the secrets that a Conn remembers for its own renegotiations.
const maxLearned = 64

// secret asks for a secret, also of what the connection itself has shown.
func (c *Conn) secret(label string, id []byte) []byte {
	if c.secrets != nil {
		if s := c.secrets.Secret(label, id); s != nil {
			return s
		}
	}
	return c.learned[label+string(id)]
}

// learn remembers a master secret by the session id or ticket under which it may be resumed, here or in a connection
// to come.
func (c *Conn) learn(label string, id, secret []byte) {
	if l, ok := c.secrets.(Learner); ok {
		l.Learn(label, id, secret)
	}
	if c.learned == nil {
		c.learned = map[string][]byte{}
	}
	if len(c.learned) < maxLearned {
		c.learned[label+string(id)] = append([]byte(nil), secret...)
	}
}

// ticketID is what a session ticket is filed under.
func ticketID(ticket []byte) []byte {
	if len(ticket) == 0 {
		return nil
	}
	sum := sha256.Sum256(ticket)
	return sum[:]
}

// fromPreMaster is RFC 5246 section 8.1, or RFC 7627 section 4 where the extended master secret was agreed.
func (h *handshake) fromPreMaster(pre []byte) []byte {
	if len(pre) == 0 {
		return nil
	}
	su := suiteOf(h.suite)
	if !h.ems {
		seed := append(append([]byte(nil), h.clientRandom[:]...), h.serverRandom[:]...)
		return prf(h.version, su.prf, pre, "master secret", seed, masterLen)
	}
	if h.torn || h.sessionEnd == 0 {
		return nil
	}
	transcript := [][]byte{h.hello, h.serverFlight, h.clientFlight[:h.sessionEnd]}
	var sum []byte
	if h.version < 0x0303 {
		sum = hashAll(crypto.SHA1, hashAll(crypto.MD5, nil, transcript), transcript)
	} else {
		sum = hashAll(su.prf, nil, transcript)
	}
	return prf(h.version, su.prf, pre, "extended master secret", sum, masterLen)
}

// hashAll appends the hash of the parts to prefix.
func hashAll(h crypto.Hash, prefix []byte, parts [][]byte) []byte {
	d := h.New()
	for _, p := range parts {
		d.Write(p)
	}
	return d.Sum(prefix)
}

// preMaster finds the pre-master secret of the handshake.
func (h *handshake) preMaster(s Secrets) []byte {
	if pre := s.Secret("PMS_CLIENT_RANDOM", h.clientRandom[:]); len(pre) > 0 {
		return pre
	}
	enc := h.encrypted
	su := suiteOf(h.suite)
	if len(enc) < 8 || !su.rsa {
		return nil
	}
	if pre := s.Secret("RSA", enc[:8]); len(pre) == masterLen {
		return pre
	}
	keys := s.RSAKeys()
	for _, k := range keys[:min(len(keys), maxRSAKeys)] {
		if pre := rsaOpen(k, enc); pre != nil {
			return pre
		}
	}
	return nil
}

// rsaOpen is RSAES-PKCS1-v1_5 (RFC 8017 section 7.2.2) for the 48 octets of a pre-master secret, nil if the key does not
// fit. A spectator answers nobody, so it need not hide how long that takes; and it must open the small keys of old
// captures, which crypto/rsa refuses.
func rsaOpen(k *rsa.PrivateKey, enc []byte) []byte {
	if k == nil || k.N == nil || k.D == nil || k.N.BitLen() > maxRSABits || k.N.BitLen() < 8*(masterLen+11) || k.D.Sign() <= 0 {
		return nil
	}
	size := (k.N.BitLen() + 7) / 8
	c := new(big.Int).SetBytes(enc)
	if len(enc) != size || c.Cmp(k.N) >= 0 {
		return nil
	}
	m := c.Exp(c, k.D, k.N).FillBytes(make([]byte, size))
	pre := m[size-masterLen:]
	if m[0] != 0 || m[1] != 2 || m[size-masterLen-1] != 0 || pre[0] != 3 {
		return nil
	}
	for _, b := range m[2 : size-masterLen-1] {
		if b == 0 {
			return nil
		}
	}
	return pre
}

// keys12 makes both sides' keys of a TLS 1.2 (or earlier) handshake, RFC 5246 section 6.3.
func (h *handshake) keys12(master []byte) [2]*epoch {
	su := suiteOf(h.suite)
	seed := append(append([]byte(nil), h.serverRandom[:]...), h.clientRandom[:]...)
	macLen, ivLen := 0, 0
	switch su.bulk {
	case bulkGCM, bulkCCM:
		ivLen = 4
	case bulkChaCha:
		ivLen = 12
	default:
		macLen = su.mac.Size()
		if h.version < 0x0302 {
			ivLen = su.blockLen()
		}
	}
	block := prf(h.version, su.prf, master, "key expansion", seed, 2*(macLen+su.keyLen+ivLen))
	take := func(n int) []byte {
		b := block[:n:n]
		block = block[n:]
		return b
	}
	mac := [2][]byte{take(macLen), take(macLen)}
	key := [2][]byte{take(su.keyLen), take(su.keyLen)}
	iv := [2][]byte{take(ivLen), take(ivLen)}
	var out [2]*epoch
	for side := range out {
		out[side] = newEpoch12(su, h.version, h.etm, mac[side], key[side], iv[side])
	}
	return out
}
