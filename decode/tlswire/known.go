package tlswire

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"

	"golang.org/x/crypto/chacha20"
)

// Plaintext is what is known of the application data of a connection without opening a record, because an end of it told:
// whoever has TLS run on facteur has opened these octets once, or sealed them, and opening them again is most of what it
// costs to watch. It may know less than everything, and forget.
type Plaintext interface {
	// Known appends to dst the n octets of application data that a side says from offset at of it on, and reports whether
	// it knows all of them.
	Known(dst []byte, from Side, at int64, n int) (octets []byte, ok bool)
	// Passed says that what lies before an offset will not be asked for any more.
	Passed(from Side, to int64)
}

// Knows has a Plaintext asked before a record of application data is opened. Of what it says, the first and the last
// octets are held against those of the record: what is not in step with the wire is not believed. The record's tag is not
// verified then; the end that told has done so, or made it.
func (c *Conn) Knows(p Plaintext) { c.known = p }

// untold is the offset of the application data of a side of which not every record was opened.
const untold = -1

// already gives the content of a record, with what TLS 1.3 puts behind it, if that is known without opening it.
func (c *Conn) already(h *half, rec *Record, wire []byte) ([]byte, bool) {
	e := h.keys
	tls13 := e.version >= 0x0304
	if c.known == nil || e.glimpse == nil || rec.Type != ApplicationData || h.said == untold || h.pos.low != h.pos.high ||
		tls13 && h.stage != stageApplication {
		return nil, false
	}
	body := wire[headerLen:]
	sealed := len(body) - e.explicit - e.suite.tagLen
	n := sealed
	if tls13 {
		n-- // its type, RFC 9846 section 5.2
	}
	if n <= 0 {
		return nil, false
	}
	content, ok := c.known.Known(c.room.open(), h.side, h.said, n)
	if !ok {
		return nil, false
	}
	if tls13 {
		content = append(content, byte(ApplicationData))
	}
	cut := body[e.explicit : e.explicit+sealed]
	nonce := e.setNonce(h.pos.low, body)
	last := (sealed - 1) / glimpseLen * glimpseLen
	if !e.agrees(nonce, cut, content, 0) || !e.agrees(nonce, cut, content, last) {
		return nil, false
	}
	return content, true
}

// agrees reports whether what is sealed at offset at, as far as a glimpse goes, is what content has there.
func (e *epoch) agrees(nonce, sealed, content []byte, at int) bool {
	end := min(at+glimpseLen, len(sealed))
	seen := e.glimpse(e.seen[:0], nonce, sealed[at:end], at/glimpseLen)
	return bytes.Equal(seen, content[at:end])
}

// glimpseLen is how much a glimpse shows: a block of AES.
const glimpseLen = 16

// glimpse opens at most glimpseLen octets of a record's body, the block-th such piece of it, without looking at its tag:
// in these ciphers, each octet is masked by one of a keystream that can be entered anywhere.
type glimpse func(dst, nonce, sealed []byte, block int) []byte

// glimpseGCM is for AES-GCM: counter mode, whose first block of text has number 2 (NIST SP 800-38D sections 6.5, 7.1).
func glimpseGCM(b cipher.Block) glimpse {
	var counter, mask [glimpseLen]byte
	return func(dst, nonce, sealed []byte, block int) []byte {
		copy(counter[:], nonce)
		binary.BigEndian.PutUint32(counter[12:], uint32(block)+2)
		b.Encrypt(mask[:], counter[:])
		return masked(dst, sealed, mask[:])
	}
}

// glimpseChaCha is for ChaCha20-Poly1305: blocks of 64 octets, of which the text's first has number 1 (RFC 8439
// section 2.8).
func glimpseChaCha(key []byte) glimpse {
	const perBlock = 64 / glimpseLen
	key = bytes.Clone(key)
	return func(dst, nonce, sealed []byte, block int) []byte {
		stream, err := chacha20.NewUnauthenticatedCipher(key, nonce)
		if err != nil {
			return dst
		}
		stream.SetCounter(uint32(block/perBlock) + 1)
		var mask [64]byte
		stream.XORKeyStream(mask[:], mask[:])
		return masked(dst, sealed, mask[block%perBlock*glimpseLen:])
	}
}

func masked(dst, sealed, mask []byte) []byte {
	for i, b := range sealed {
		dst = append(dst, b^mask[i])
	}
	return dst
}
