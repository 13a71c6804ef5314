package tlswire

import "crypto/sha256"

const (
	// maxKnownCertificates is how many certificates a Room remembers: a capture of a mail provider's clients meets a
	// handful, of a network's mail some dozens. Beyond it the remembering starts over.
	maxKnownCertificates = 64
	// maxKnownCertificate is the largest one that is remembered, in octets. Real ones have 1 to 3 KiB, and the text that
	// is made of them has a few times that at most.
	maxKnownCertificate = 16 << 10
)

// Room is what connections share that one goroutine follows, however many there are: space to open records in, and what
// is known of the certificates met. Its zero value is ready. The Content of a Record is valid until the next call of Next
// of any of its connections.
type Room struct {
	buf          []byte // what was opened last
	certificates map[[sha256.Size]byte]certificate
}

// open is the space to open a record in.
func (r *Room) open() []byte {
	if r.buf == nil {
		r.buf = make([]byte, 0, maxFragment)
	}
	return r.buf[:0]
}

// certificate reads a certificate, or remembers it: the same ones come with every session, and to check the signature of
// one that signed itself costs more than all else in a handshake.
func (r *Room) certificate(b []byte) certificate {
	sum := sha256.Sum256(b)
	if c, ok := r.certificates[sum]; ok {
		return c
	}
	c := readCertificate(b, sum)
	if len(b) > maxKnownCertificate {
		return c
	}
	if r.certificates == nil || len(r.certificates) == maxKnownCertificates {
		r.certificates = map[[sha256.Size]byte]certificate{}
	}
	r.certificates[sum] = c
	return c
}
