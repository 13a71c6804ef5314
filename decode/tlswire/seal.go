package tlswire

import (
	"crypto/cipher"
	"crypto/rc4"
	"errors"
	"fmt"
)

// sealing is what a Record keeps so that it can be sealed again later.
type sealing struct {
	epoch *epoch
	seq   uint64
	octet int64  // where its keystream begins (RC4)
	chain []byte // the block it is chained to (CBC of TLS 1.0, SSL 3.0)
	inner ContentType
	size  int // content octets
	wire  int // record octets
}

// resealing is how far an epoch was sealed again, for the ciphers that chain records.
type resealing struct {
	stream *rc4.Cipher // keystream at octet
	octet  int64
	chain  []byte // last block of the record written last
	next   uint64 // the record that chain concerns
}

// What Reseal cannot do.
var (
	ErrNotOpened = errors.New("the record was not opened, so it cannot be sealed again")
	ErrSize      = errors.New("the new content or the octets given do not have the record's size")
)

// MustReseal reports whether the record hangs on one that was sealed again: in the chained CBC of TLS 1.0 and SSL 3.0, the
// last block of a record is the IV of the next, so after one change every later record of the side must be sealed again,
// in order, be it around its own content.
func (r *Record) MustReseal() bool {
	e := r.seal.epoch
	return e != nil && e.reseal.chain != nil && e.reseal.next == r.seal.seq
}

// Chained reports whether the record's cipher chains records: MustReseal may then be true of it.
func (r *Record) Chained() bool {
	e := r.seal.epoch
	return e != nil && e.suite.bulk == bulkCBC && e.firstIV != nil
}

// Reseal overwrites wire, the Size octets of the record as captured, with the same record around other content of the
// same length as Content had: same header, nonce or IV, padding and sequence number. It works as long as the Record is
// kept, whatever came after. A record in clear has its content replaced.
//
// Two contents under one nonce are no longer secret from whoever has both, and for AEADs forgeable: the original octets
// and the new ones must not both be given away where the keys are not.
func (r *Record) Reseal(wire, content []byte) error {
	s := &r.seal
	if !r.Opened && r.Encrypted || s.wire == 0 {
		return fmt.Errorf("tlswire: seal %s record of %d octets: %w", r.Type, r.Size, ErrNotOpened)
	}
	if len(wire) != s.wire || len(content) != s.size {
		return fmt.Errorf("tlswire: seal %d octets into %d, have %d into %d: %w", s.size, s.wire, len(content), len(wire), ErrSize)
	}
	if s.epoch == nil {
		copy(wire[len(wire)-len(content):], content)
		return nil
	}
	switch s.epoch.suite.bulk {
	case bulkCBC:
		return s.cbc(wire, content)
	case bulkRC4, bulkNULL:
		s.stream(wire, content)
		return nil
	}
	s.aead(wire, content)
	return nil
}

func (s *sealing) aead(wire, content []byte) {
	e, body := s.epoch, wire[headerLen:]
	plain := body[e.explicit : len(body)-e.suite.tagLen]
	copy(plain, content)
	if e.version >= 0x0304 {
		clear(plain[len(content):])
		plain[len(content)] = byte(s.inner)
	}
	aad := e.setAAD(s.seq, wire, len(plain))
	e.aead.Seal(plain[:0], e.setNonce(s.seq, body), plain, aad)
}

// cbc lays out content, MAC and padding (whose length is what is left) and encrypts under the record's own IV, or under
// the last block of the record before if that was sealed again.
func (s *sealing) cbc(wire, content []byte) error {
	e, body := s.epoch, wire[headerLen:]
	size := e.suite.blockLen()
	iv, sealed := s.chain, body
	if e.firstIV == nil {
		iv, sealed = body[:size], body[size:]
	} else if e.reseal.chain != nil && e.reseal.next == s.seq {
		iv = append([]byte(nil), e.reseal.chain...)
		s.chain = iv // for sealing this one yet again
	}
	if e.etm {
		sealed = sealed[:len(sealed)-e.mac.size()]
	}
	copy(sealed, content)
	n := len(content)
	if !e.etm {
		e.sum = e.mac.append(e.sum[:0], e.pseudoHeader(s.seq, wire, n), content)
		n += copy(sealed[n:], e.sum)
	}
	pad := len(sealed) - n
	for i := range sealed[n:] {
		sealed[n+i] = byte(pad - 1)
	}
	cipher.NewCBCEncrypter(e.block, iv).CryptBlocks(sealed, sealed)
	if e.etm {
		covered := body[:len(body)-e.mac.size()]
		e.sum = e.mac.append(e.sum[:0], e.pseudoHeader(s.seq, wire, len(covered)), covered)
		copy(body[len(covered):], e.sum)
	}
	if e.firstIV != nil {
		e.reseal.chain = append(e.reseal.chain[:0], sealed[len(sealed)-size:]...)
		e.reseal.next = s.seq + 1
	}
	return nil
}

// stream seals RC4 and NULL records. RC4 cannot seek: the keystream is run on from the record sealed last, or from the
// beginning if this one is older. Without a MAC key (a NULL cipher read without secrets) the MAC is blanked, since the
// old one would confirm a guess of the old content.
func (s *sealing) stream(wire, content []byte) {
	e, body := s.epoch, wire[headerLen:]
	copy(body, content)
	if e.keyless {
		clear(body[len(content):])
		return
	}
	e.sum = e.mac.append(e.sum[:0], e.pseudoHeader(s.seq, wire, len(content)), content)
	copy(body[len(content):], e.sum)
	if e.rc4Key == nil {
		return
	}
	if e.reseal.stream == nil || e.reseal.octet > s.octet {
		e.reseal.stream, _ = rc4.NewCipher(e.rc4Key)
		e.reseal.octet = 0
	}
	skipStream(e.reseal.stream, s.octet-e.reseal.octet)
	e.reseal.stream.XORKeyStream(body, body)
	e.reseal.octet = s.octet + int64(len(body))
}
