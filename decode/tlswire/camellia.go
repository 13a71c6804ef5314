package tlswire

import (
	"crypto/cipher"
	"encoding/binary"
	"math/bits"
	"sync"
)

// camellia is the block cipher of RFC 3713, of the suites of RFC 5932 and RFC 6367: GnuTLS and OpenSSL still agree on it.
type camellia struct {
	box    *[256]byte
	white  [4]uint64 // kw1 to kw4
	round  []uint64  // k1 to k18, or k24
	middle []uint64  // ke1 to ke4, or ke6
}

// camelliaBox is the S-box SBOX1, made from its definition once it is needed.
var camelliaBox = sync.OnceValue(makeCamelliaBox)

// makeCamelliaBox makes SBOX1: an inversion in GF(2^8), taken as GF((2^4)^2), between two bit maps. beta is the root of
// x^8+x^6+x^5+x^3+1, alpha = beta^238 spans GF(2^4).
func makeCamelliaBox() *[256]byte {
	power := func(base byte, n int) byte {
		out := byte(1)
		for range n {
			out = camelliaMul(out, base)
		}
		return out
	}
	var basis [8]byte // of bit 1 (the highest) to 8
	for i := range 4 {
		a := power(power(2, 238), i)
		basis[7-i], basis[3-i] = a, camelliaMul(a, 2)
	}
	element := func(v byte) (out byte) {
		for i := range 8 {
			if v>>(7-i)&1 != 0 {
				out ^= basis[i]
			}
		}
		return out
	}
	var number [256]byte
	for v := range 256 {
		number[element(byte(v))] = byte(v)
	}
	var box [256]byte
	for v := range 256 {
		in := bitMap(byte(v)^0xc5, [8][]int{{6, 2}, {7, 1}, {8, 5, 3}, {8, 3}, {7, 4}, {5, 2}, {8, 1}, {6, 4}})
		inverse := number[power(element(in), 254)]
		box[v] = 0x6e ^ bitMap(inverse, [8][]int{{5, 6, 2}, {6, 2}, {7, 4}, {8, 2}, {7, 3}, {8, 1}, {5, 1}, {6, 3}})
	}
	return &box
}

// camelliaMul multiplies in the field of the S-box.
func camelliaMul(a, b byte) (out byte) {
	for ; b > 0; b >>= 1 {
		if b&1 != 0 {
			out ^= a
		}
		high := a & 0x80
		a <<= 1
		if high != 0 {
			a ^= 0x69
		}
	}
	return out
}

// bitMap makes each bit, the highest first, the sum of the bits named (1 is the highest).
func bitMap(v byte, sums [8][]int) (out byte) {
	for i, from := range sums {
		for _, b := range from {
			out ^= v >> (8 - b) & 1 << (7 - i)
		}
	}
	return out
}

// sigma are the constants of the key schedule: of the square roots of the first primes.
var sigma = [6]uint64{0xa09e667f3bcc908b, 0xb67ae8584caa73b2, 0xc6ef372fe94f82be, 0x54ff53a5f1d36f1c, 0x10e527fade682d1d, 0xb05688c2b3e6c1fd}

// quad is 128 bits of a key.
type quad struct{ hi, lo uint64 }

// turn gives both halves rotated to the left by n bits.
func (q quad) turn(n int) (hi, lo uint64) {
	if n >= 64 {
		q, n = quad{q.lo, q.hi}, n-64
	}
	return q.hi<<n | q.lo>>(64-n), q.lo<<n | q.hi>>(64-n)
}

// turned are subkeys: both halves of a key, rotated.
type turned struct {
	key quad
	by  int
}

// newCamellia makes the cipher for a key of 16 or 32 octets, RFC 3713 section 2.2; nil for another.
func newCamellia(key []byte) cipher.Block {
	be := binary.BigEndian
	var l, r quad
	switch len(key) {
	case 32:
		r = quad{be.Uint64(key[16:]), be.Uint64(key[24:])}
		fallthrough
	case 16:
		l = quad{be.Uint64(key), be.Uint64(key[8:])}
	default:
		return nil
	}
	c := &camellia{box: camelliaBox()}
	a := c.mix(quad{l.hi ^ r.hi, l.lo ^ r.lo}, 0)
	a = c.mix(quad{a.hi ^ l.hi, a.lo ^ l.lo}, 2)
	c.white[0], c.white[1] = l.turn(0)
	if len(key) == 16 {
		c.round = expand(turned{a, 0}, turned{l, 15}, turned{a, 15}, turned{l, 45}, turned{a, 45}, turned{a, 60}, turned{l, 94}, turned{a, 94}, turned{l, 111})
		_, c.round[9] = l.turn(60) // the one pair of two keys
		c.middle = expand(turned{a, 30}, turned{l, 77})
		c.white[2], c.white[3] = a.turn(111)
		return c
	}
	b := c.mix(quad{a.hi ^ r.hi, a.lo ^ r.lo}, 4)
	c.round = expand(turned{b, 0}, turned{r, 15}, turned{a, 15}, turned{b, 30}, turned{l, 45}, turned{a, 45},
		turned{r, 60}, turned{b, 60}, turned{l, 77}, turned{r, 94}, turned{a, 94}, turned{l, 111})
	c.middle = expand(turned{r, 30}, turned{l, 60}, turned{a, 77})
	c.white[2], c.white[3] = b.turn(111)
	return c
}

// mix is two rounds of the key schedule, with the constants from n on.
func (c *camellia) mix(q quad, n int) quad {
	q.lo ^= c.f(q.hi, sigma[n])
	q.hi ^= c.f(q.lo, sigma[n+1])
	return q
}

func expand(keys ...turned) (out []uint64) {
	for _, k := range keys {
		hi, lo := k.key.turn(k.by)
		out = append(out, hi, lo)
	}
	return out
}

// f is the function F of a round.
func (c *camellia) f(x, key uint64) uint64 {
	box := c.box
	x ^= key
	t1, t2, t3, t4 := box[x>>56], bits.RotateLeft8(box[x>>48&0xff], 1), bits.RotateLeft8(box[x>>40&0xff], 7), box[bits.RotateLeft8(byte(x>>32), 1)]
	t5, t6, t7, t8 := bits.RotateLeft8(box[x>>24&0xff], 1), bits.RotateLeft8(box[x>>16&0xff], 7), box[bits.RotateLeft8(byte(x>>8), 1)], box[x&0xff]
	return uint64(t1^t3^t4^t6^t7^t8)<<56 | uint64(t1^t2^t4^t5^t7^t8)<<48 | uint64(t1^t2^t3^t5^t6^t8)<<40 | uint64(t2^t3^t4^t5^t6^t7)<<32 |
		uint64(t1^t2^t6^t7^t8)<<24 | uint64(t2^t3^t5^t7^t8)<<16 | uint64(t3^t4^t5^t6^t8)<<8 | uint64(t1^t4^t5^t6^t7)
}

// camelliaFL is the layer between six rounds, camelliaBack its inverse.
func camelliaFL(x, key uint64) uint64 {
	hi, lo := uint32(x>>32), uint32(x)
	lo ^= bits.RotateLeft32(hi&uint32(key>>32), 1)
	hi ^= lo | uint32(key)
	return uint64(hi)<<32 | uint64(lo)
}

func camelliaBack(x, key uint64) uint64 {
	hi, lo := uint32(x>>32), uint32(x)
	hi ^= lo | uint32(key)
	lo ^= bits.RotateLeft32(hi&uint32(key>>32), 1)
	return uint64(hi)<<32 | uint64(lo)
}

func (c *camellia) BlockSize() int { return 16 }

func (c *camellia) Encrypt(dst, src []byte) {
	be := binary.BigEndian
	d1, d2 := be.Uint64(src)^c.white[0], be.Uint64(src[8:])^c.white[1]
	for i := 0; i < len(c.round); i += 2 {
		if i > 0 && i%6 == 0 {
			d1, d2 = camelliaFL(d1, c.middle[i/3-2]), camelliaBack(d2, c.middle[i/3-1])
		}
		d2 ^= c.f(d1, c.round[i])
		d1 ^= c.f(d2, c.round[i+1])
	}
	be.PutUint64(dst, d2^c.white[2])
	be.PutUint64(dst[8:], d1^c.white[3])
}

// Decrypt is Encrypt with the subkeys in the other order.
func (c *camellia) Decrypt(dst, src []byte) {
	be := binary.BigEndian
	d1, d2 := be.Uint64(src)^c.white[2], be.Uint64(src[8:])^c.white[3]
	for i := len(c.round) - 1; i > 0; i -= 2 {
		if left := i + 1; left < len(c.round) && left%6 == 0 {
			d1, d2 = camelliaFL(d1, c.middle[left/3-1]), camelliaBack(d2, c.middle[left/3-2])
		}
		d2 ^= c.f(d1, c.round[i])
		d1 ^= c.f(d2, c.round[i-1])
	}
	be.PutUint64(dst, d2^c.white[0])
	be.PutUint64(dst[8:], d1^c.white[1])
}
