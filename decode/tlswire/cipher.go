package tlswire

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/rc4"
	"encoding/binary"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

// epoch is one side's keys for as long as they are in use: what opens its records and seals them again. It keeps
// scratch space, so it is for one goroutine; it is never changed otherwise, so a Record may keep it.
type epoch struct {
	suite   suite
	version uint16 // negotiated
	draft   int    // of TLS 1.3, 0 for the standard
	etm     bool   // encrypt-then-MAC, RFC 7366

	aead     cipher.AEAD
	iv       [12]byte
	explicit int // nonce octets carried by each record

	block   cipher.Block
	firstIV []byte // of chained CBC (TLS 1.0, SSL 3.0)
	mac     recordMAC
	rc4Key  []byte
	keyless bool // NULL cipher without its MAC key: readable, not verifiable

	nonce  [12]byte
	aad    [13]byte
	sum    []byte
	reseal resealing
}

// position is where a side stands in an epoch: the next sequence number may be anything from low to high, and what the
// ciphers without an explicit nonce remember.
type position struct {
	low, high uint64
	fresh     bool        // no record of the epoch has passed
	chained   int         // block size of a chained CBC, 0 for all else
	trail     int         // octets of a MAC behind its last block (encrypt-then-MAC)
	chain     []byte      // last ciphertext block, nil if it was missed
	rc4       *rc4.Cipher // keystream at octet, nil while the key is not known
	octet     int64       // octets of keystream used up to here
	missed    int64       // octets of the wire that were missed since, headers included
}

func newEpoch12(su suite, version uint16, etm bool, macKey, key, iv []byte) *epoch {
	e := &epoch{suite: su, version: version, etm: etm && su.bulk == bulkCBC}
	copy(e.iv[:], iv)
	switch su.bulk {
	case bulkGCM, bulkCCM:
		e.explicit = 8
		e.aead = newAEAD(su, key)
	case bulkChaCha:
		e.aead = newAEAD(su, key)
	case bulkCBC:
		e.block = newBlock(su, key)
		if version < 0x0302 {
			e.firstIV = iv
		} else {
			e.explicit = su.blockLen()
		}
	case bulkRC4:
		e.rc4Key = key
	}
	if su.tagLen == 0 {
		e.mac = newRecordMAC(su, version, macKey)
	}
	return e
}

func newEpoch13(su suite, draft int, key, iv []byte) *epoch {
	e := &epoch{suite: su, version: 0x0304, draft: draft, aead: newAEAD(su, key)}
	copy(e.iv[:], iv)
	return e
}

// newAEAD makes an AEAD. Keys have the lengths of cipherParts, so no constructor can fail; nil would mean it did.
func newAEAD(su suite, key []byte) cipher.AEAD {
	if su.bulk == bulkChaCha {
		a, err := chacha20poly1305.New(key)
		if err != nil {
			return nil
		}
		return a
	}
	b := newBlock(su, key)
	if b == nil {
		return nil
	}
	if su.bulk == bulkCCM {
		return newCCM(b, su.tagLen)
	}
	a, err := cipher.NewGCM(b)
	if err != nil {
		return nil
	}
	return a
}

func newBlock(su suite, key []byte) cipher.Block {
	var b cipher.Block
	var err error
	switch su.block {
	case "AES":
		b, err = aes.NewCipher(key)
	case "CAMELLIA":
		return newCamellia(key)
	case "3DES":
		b, err = des.NewTripleDESCipher(key)
	default:
		b, err = des.NewCipher(key)
	}
	if err != nil {
		return nil
	}
	return b
}

// join puts a position, which may have moved on while the keys were not known, into the epoch.
func (e *epoch) join(p *position) {
	if p.fresh {
		p.chain = e.firstIV
	}
	if e.rc4Key != nil {
		p.rc4, _ = rc4.NewCipher(e.rc4Key)
		skipStream(p.rc4, p.octet)
	}
}

// setNonce makes the nonce of an AEAD record, RFC 9846 section 5.3, RFC 5288 section 3, RFC 7905 section 2.
func (e *epoch) setNonce(seq uint64, body []byte) []byte {
	e.nonce = e.iv
	if e.explicit > 0 {
		copy(e.nonce[4:], body[:8])
		return e.nonce[:]
	}
	var s [8]byte
	binary.BigEndian.PutUint64(s[:], seq)
	for i, b := range s {
		e.nonce[4+i] ^= b
	}
	return e.nonce[:]
}

// setAAD makes the additional data of an AEAD record: the header in TLS 1.3 (nothing before draft 25), the pseudo-header
// of RFC 5246 section 6.2.3.3 before.
func (e *epoch) setAAD(seq uint64, head []byte, content int) []byte {
	if e.version >= 0x0304 {
		if e.draft > 0 && e.draft < 25 {
			return nil
		}
		return append(e.aad[:0], head[:headerLen]...)
	}
	return e.pseudoHeader(seq, head, content)
}

func (e *epoch) pseudoHeader(seq uint64, head []byte, content int) []byte {
	binary.BigEndian.PutUint64(e.aad[:], seq)
	copy(e.aad[8:], head[:3])
	binary.BigEndian.PutUint16(e.aad[11:], uint16(content))
	return e.aad[:]
}

// open tries to open wire (header included) into dst. The sequence numbers low to high of the position are tried, in
// that order, as long as the budget (octets) lasts. It changes nothing but the scratch space, the budget and dst.
func (e *epoch) open(dst, wire []byte, p *position, budget *int64) (content []byte, seq uint64, ok bool) {
	switch e.suite.bulk {
	case bulkGCM, bulkCCM, bulkChaCha:
		return e.openAEAD(dst, wire, p, budget)
	case bulkCBC:
		return e.openCBC(dst, wire, p, budget)
	}
	return e.openStream(dst, wire, p, budget)
}

func (e *epoch) openAEAD(dst, wire []byte, p *position, budget *int64) ([]byte, uint64, bool) {
	head, body := wire[:headerLen], wire[headerLen:]
	n := len(body) - e.explicit - e.suite.tagLen
	if e.aead == nil || n < 0 {
		return nil, 0, false
	}
	for seq := p.low; ; seq++ {
		aad := e.setAAD(seq, head, n)
		content, err := e.aead.Open(dst[:0], e.setNonce(seq, body), body[e.explicit:], aad)
		if err == nil {
			return content, seq, true
		}
		if *budget -= int64(len(wire)); seq >= p.high || *budget < 0 {
			return nil, 0, false
		}
	}
}

// openStream opens RC4 and NULL records: content and MAC, both under the keystream.
func (e *epoch) openStream(dst, wire []byte, p *position, budget *int64) ([]byte, uint64, bool) {
	head, body := wire[:headerLen], wire[headerLen:]
	if e.keyless {
		n := len(body) - e.suite.mac.Size()
		return append(dst[:0], body[:max(n, 0)]...), p.low, n >= 0
	}
	n := len(body) - e.mac.size()
	if n < 0 || e.rc4Key != nil && p.rc4 == nil {
		return nil, 0, false
	}
	for seq := p.low; ; seq++ {
		skip := p.missed - headerLen*int64(seq-p.low)
		if skip < 0 {
			return nil, 0, false
		}
		plain := append(dst[:0], body...)
		if e.rc4Key != nil {
			stream := *p.rc4
			skipStream(&stream, skip)
			stream.XORKeyStream(plain, plain)
		}
		e.sum = e.mac.append(e.sum[:0], e.pseudoHeader(seq, head, n), plain[:n])
		if hmac.Equal(e.sum, plain[n:]) {
			return plain[:n], seq, true
		}
		if *budget -= int64(len(wire)) + skip; seq >= p.high || *budget < 0 {
			return nil, 0, false
		}
	}
}

// skipStream runs a keystream on by n octets.
func skipStream(stream *rc4.Cipher, n int64) {
	var trash [1024]byte
	for ; n > 0; n -= int64(len(trash)) {
		part := trash[:min(n, int64(len(trash)))]
		stream.XORKeyStream(part, part)
	}
}

// pass moves the position behind a record that was opened as number seq.
func (p *position) pass(seq uint64, body []byte) {
	n := p.missed
	if p.missed > 0 {
		n -= headerLen * int64(seq-p.low)
	}
	p.run(n + int64(len(body)))
	p.low, p.high, p.missed = seq+1, seq+1, 0
	p.keepChain(body)
}

// miss moves the position behind a record of which no more is known than its length, and the octets that end it.
func (p *position) miss(length int, end []byte) {
	p.run(int64(length))
	p.low++
	p.high++
	p.keepChain(end)
}

// run uses n octets of keystream.
func (p *position) run(n int64) {
	p.octet += n
	if p.rc4 != nil {
		skipStream(p.rc4, n)
	}
}

// keepChain remembers the block that the next record of a chained epoch is combined with. octets end where that record
// begins.
func (p *position) keepChain(octets []byte) {
	p.fresh = false
	if p.chained == 0 {
		return
	}
	if len(octets) < p.chained+p.trail {
		p.chain = nil
		return
	}
	octets = octets[:len(octets)-p.trail]
	p.chain = append([]byte(nil), octets[len(octets)-p.chained:]...)
}

// recordMAC is the MAC of records before AEADs: HMAC, or SSL 3.0's (RFC 6101 section 5.2.3.1).
type recordMAC struct {
	hash hash.Hash // keyed for HMAC, plain for SSL 3.0
	key  []byte    // of SSL 3.0
	pad  int
}

func newRecordMAC(su suite, version uint16, key []byte) recordMAC {
	if version >= 0x0301 {
		return recordMAC{hash: hmac.New(su.mac.New, key)}
	}
	m := recordMAC{hash: su.mac.New(), key: key, pad: 40}
	if m.hash.Size() == 16 { // MD5
		m.pad = 48
	}
	return m
}

func (m *recordMAC) size() int { return m.hash.Size() }

// append appends the MAC of the content under the pseudo-header (sequence number, type, version, length).
func (m *recordMAC) append(dst, pseudo, content []byte) []byte {
	m.hash.Reset()
	if m.key == nil {
		m.hash.Write(pseudo)
		m.hash.Write(content)
		return m.hash.Sum(dst)
	}
	var pad [48]byte
	fill := func(b byte) []byte {
		for i := range pad {
			pad[i] = b
		}
		return pad[:m.pad]
	}
	m.hash.Write(m.key)
	m.hash.Write(fill(0x36))
	m.hash.Write(pseudo[:9])  // number and type
	m.hash.Write(pseudo[11:]) // SSL 3.0 leaves the version out
	m.hash.Write(content)
	inner := m.hash.Sum(dst)
	m.hash.Reset()
	m.hash.Write(m.key)
	m.hash.Write(fill(0x5c))
	m.hash.Write(inner[len(dst):])
	return m.hash.Sum(dst)
}
