package decode

// huffman is a canonical prefix code (RFC 1951 §3.2.2).
type huffman struct {
	fast   [1 << fastBits]uint16 // length in the low 4 bits, symbol above; 0 for a longer code
	count  [maxCodeBits + 1]uint16
	symbol [literalCodes]uint16
}

// build makes the code of these lengths; it reports false if they are none. An incomplete code is allowed, as senders
// make one for a single distance.
func (h *huffman) build(lens []uint8) bool {
	*h = huffman{}
	for _, l := range lens {
		h.count[l]++
	}
	h.count[0] = 0
	left := 1
	var next, offset [maxCodeBits + 2]uint16
	for l := 1; l <= maxCodeBits; l++ {
		if left = left<<1 - int(h.count[l]); left < 0 {
			return false
		}
		next[l+1] = (next[l] + h.count[l]) << 1
		offset[l+1] = offset[l] + h.count[l]
	}
	for sym, l := range lens {
		if l == 0 {
			continue
		}
		h.symbol[offset[l]] = uint16(sym)
		offset[l]++
		code := next[l]
		next[l]++
		if l > fastBits {
			continue
		}
		for at := int(reverse(code, l)); at < len(h.fast); at += 1 << l {
			h.fast[at] = uint16(sym)<<4 | uint16(l)
		}
	}
	return true
}

// reverse turns the n bits of a code around: they come most significant first.
func reverse(code uint16, n uint8) (r uint16) {
	for ; n > 0; n-- {
		r = r<<1 | code&1
		code >>= 1
	}
	return r
}

// decode finds the symbol that bits begin with and its length. Where it is not found, n > have says that more bits are
// needed, and otherwise no code begins so.
func (h *huffman) decode(bits uint64, have uint) (sym int, n uint, found bool) {
	if e := h.fast[bits&(1<<fastBits-1)]; e != 0 {
		n = uint(e & 15)
		return int(e >> 4), n, n <= have
	}
	code, first, index := 0, 0, 0
	for n = 1; n <= maxCodeBits; n++ {
		if n > have {
			return 0, n, false
		}
		code |= int(bits & 1)
		bits >>= 1
		count := int(h.count[n])
		if code-count < first {
			return int(h.symbol[index+code-first]), n, true
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0, 0, false
}

// The codes of blocks with fixed codes (RFC 1951 §3.2.6).
var fixedLiterals, fixedDistances = func() (lit, dis huffman) {
	var lens [literalCodes]uint8
	for i := range lens {
		switch {
		case i < 144:
			lens[i] = 8
		case i < 256:
			lens[i] = 9
		case i < 280:
			lens[i] = 7
		default:
			lens[i] = 8
		}
	}
	lit.build(lens[:])
	var five [32]uint8
	for i := range five {
		five[i] = 5
	}
	dis.build(five[:])
	return lit, dis
}()
