package tlswire

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// ccm is counter with CBC-MAC (RFC 3610) as TLS uses it (RFC 6655): nonces of 12 octets, lengths of 3.
type ccm struct {
	block cipher.Block
	tag   int
}

const (
	ccmNonce  = 12
	ccmLength = 3 // octets of the length field
)

var errCCM = errors.New("tlswire: CCM tag does not fit")

func newCCM(b cipher.Block, tag int) cipher.AEAD { return &ccm{b, tag} }

func (c *ccm) NonceSize() int { return ccmNonce }
func (c *ccm) Overhead() int  { return c.tag }

// mac is the CBC-MAC over the first block, the additional data and the plaintext, RFC 3610 section 2.2.
func (c *ccm) mac(nonce, plain, aad []byte) (x [16]byte) {
	x[0] = byte((c.tag-2)/2<<3 | ccmLength - 1)
	if len(aad) > 0 {
		x[0] |= 0x40
	}
	copy(x[1:], nonce)
	x[13], x[14], x[15] = byte(len(plain)>>16), byte(len(plain)>>8), byte(len(plain))
	c.block.Encrypt(x[:], x[:])
	if len(aad) > 0 {
		var first [16]byte // TLS's additional data has at most 13 octets: with its length one block
		binary.BigEndian.PutUint16(first[:], uint16(len(aad)))
		copy(first[2:], aad)
		subtle.XORBytes(x[:], x[:], first[:])
		c.block.Encrypt(x[:], x[:])
	}
	for len(plain) > 0 {
		n := subtle.XORBytes(x[:], x[:], plain)
		c.block.Encrypt(x[:], x[:])
		plain = plain[n:]
	}
	return x
}

// counter XORs src with the key stream that starts at block 1 and gives block 0, which covers the tag.
func (c *ccm) counter(dst, src, nonce []byte) (s0 [16]byte) {
	var ctr [16]byte
	ctr[0] = ccmLength - 1
	copy(ctr[1:], nonce)
	c.block.Encrypt(s0[:], ctr[:])
	ctr[15] = 1
	cipher.NewCTR(c.block, ctr[:]).XORKeyStream(dst, src)
	return s0
}

func (c *ccm) Seal(dst, nonce, plain, aad []byte) []byte {
	tag := c.mac(nonce, plain, aad)
	at := len(dst)
	dst = append(dst, plain...)
	s0 := c.counter(dst[at:], dst[at:], nonce)
	subtle.XORBytes(tag[:], tag[:], s0[:])
	return append(dst, tag[:c.tag]...)
}

func (c *ccm) Open(dst, nonce, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < c.tag {
		return nil, errCCM
	}
	n := len(sealed) - c.tag
	at := len(dst)
	dst = append(dst, sealed[:n]...)
	s0 := c.counter(dst[at:], dst[at:], nonce)
	tag := c.mac(nonce, dst[at:], aad)
	subtle.XORBytes(tag[:], tag[:], s0[:])
	if subtle.ConstantTimeCompare(tag[:c.tag], sealed[n:]) != 1 {
		return nil, errCCM
	}
	return dst, nil
}
