package captures

import "math/bits"

// split divides a time in units of 10^-n or 2^-n seconds (n up to 127, whatever a hostile file says) into seconds and
// nanoseconds.
func split(t uint64, resolution uint8) (sec, ns uint64) {
	n := uint(resolution & 0x7f)
	if resolution&0x80 != 0 {
		return splitBinary(t, n)
	}
	switch {
	case n <= 9:
		p := pow10(n)
		return t / p, t % p * pow10(9-n)
	case n <= 19: // 10^19 is the last that fits
		p := pow10(n)
		return t / p, t % p / pow10(n-9)
	case n-9 <= 19: // less than a second in all
		return 0, t / pow10(n-9)
	}
	return 0, 0
}

func splitBinary(t uint64, n uint) (sec, ns uint64) {
	if n < 64 {
		sec = t >> n
		t &= 1<<n - 1
	}
	hi, lo := bits.Mul64(t, 1e9) // t / 2^n seconds, in nanoseconds
	switch {
	case n == 0:
		return sec, 0
	case n < 64:
		return sec, hi<<(64-n) | lo>>n
	}
	return 0, hi >> (n - 64)
}

func pow10(n uint) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}
