package decode

import "strconv"

const (
	// maxUIDs is how many identifiers of a UIDL listing are kept to see one come twice; larger mailboxes are looked at as
	// far as this. In a table that is three quarters full, it is 768 KiB while the listing runs.
	maxUIDs = uidSlots / 4 * 3
	// uidSlots and firstUIDSlots are the most and the fewest places of the table, powers of two.
	uidSlots      = 64 << 10
	firstUIDSlots = 64
)

// uidSet are the identifiers of a listing, each as a hash of eight octets, and the messages that have them. That one of
// two different identifiers in the largest listing is taken for the other has a chance of one in ten thousand million.
type uidSet struct {
	hashes  []uint64 // 0 is an empty place
	numbers []uint32
	n       int
}

// seen gives the message that had an identifier before, and remembers it for this message if there is none. What is
// no message number (RFC 1939 §3) is not remembered.
func (u *uidSet) seen(uid, message string) (first string, twice bool) {
	hash := hashOf(uid)
	if at, found := u.find(hash); found {
		return strconv.FormatUint(uint64(u.numbers[at]), 10), true
	}
	number, err := strconv.ParseUint(message, 10, 32)
	if err != nil || number == 0 || u.n >= maxUIDs {
		return "", false
	}
	if u.n >= len(u.hashes)/4*3 {
		u.grow()
	}
	at, _ := u.find(hash)
	u.hashes[at], u.numbers[at] = hash, uint32(number)
	u.n++
	return "", false
}

// find gives the place of a hash, or the empty one where it belongs.
func (u *uidSet) find(hash uint64) (at int, found bool) {
	if len(u.hashes) == 0 {
		return 0, false
	}
	mask := len(u.hashes) - 1
	for at = int(hash) & mask; u.hashes[at] != 0; at = (at + 1) & mask {
		if u.hashes[at] == hash {
			return at, true
		}
	}
	return at, false
}

func (u *uidSet) grow() {
	old := *u
	size := max(firstUIDSlots, 2*len(old.hashes))
	u.hashes, u.numbers = make([]uint64, size), make([]uint32, size)
	for i, hash := range old.hashes {
		if hash != 0 {
			at, _ := u.find(hash)
			u.hashes[at], u.numbers[at] = hash, old.numbers[i]
		}
	}
}

// hashOf is FNV-1a, its bits mixed so that the low ones are as good as the high ones. It is the same in every run, as
// what is decoded has to be; never 0.
func hashOf(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	return max(h, 1)
}
