package watch

import (
	"sync"

	"facteur/decode"
)

// maxInside is how much of what one side of a leg said inside TLS is kept until the records that carry it are looked at: as
// much as a session may be behind. Of more, the oldest is forgotten, and those records are opened.
const maxInside = backlog

// maxUnasked is how much may be forgotten without anybody having asked: behind it, nobody will.
const maxUnasked = 4 * maxInside

// inside keeps what was said inside TLS on facteur's own legs, for a decoder that would else open every record again.
type inside struct {
	mu    sync.Mutex
	sides [2][2]stretch // by leg and side
}

// stretch is what a side said from an offset on.
type stretch struct {
	at      int64   // offset of what is left
	buf     *[]byte // nil while nothing is kept: idle sessions are many
	taken   int     // octets of buf that are not needed any more
	passed  int64   // offset up to which records were read
	unasked int     // octets that were forgotten since somebody asked
	over    bool    // nobody asks
}

var stretches = sync.Pool{New: func() any { return new([]byte) }}

// say notes what a side said next.
func (in *inside) say(leg decode.Leg, from decode.Side, data []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	s := &in.sides[leg&1][from&1]
	if s.over {
		return
	}
	if s.buf == nil {
		s.buf = stretches.Get().(*[]byte)
	}
	if n := len(*s.buf); n+len(data) > cap(*s.buf) && s.taken > n/2 { // rather than grow; more often would copy too much
		*s.buf = (*s.buf)[:copy(*s.buf, (*s.buf)[s.taken:])]
		s.taken = 0
	}
	*s.buf = append(*s.buf, data...)
	s.forget(int(min(max(0, s.passed-s.at), int64(len(*s.buf)-s.taken))))
	if s.buf == nil {
		return
	}
	if excess := len(*s.buf) - s.taken - maxInside; excess > 0 {
		s.forget(excess)
		if s.unasked += excess; s.unasked > maxUnasked {
			s.end()
		}
	}
}

// forget drops the oldest n octets, and what held them once nothing is left.
func (s *stretch) forget(n int) {
	s.at += int64(n)
	if s.taken += n; s.taken == len(*s.buf) {
		*s.buf = (*s.buf)[:0]
		stretches.Put(s.buf)
		s.buf, s.taken = nil, 0
	}
}

// end lets go of everything, for good.
func (s *stretch) end() {
	if s.over = true; s.buf != nil {
		s.forget(len(*s.buf) - s.taken)
	}
}

// Known is decode.Plaintext's.
func (in *inside) Known(dst []byte, leg decode.Leg, from decode.Side, at int64, n int) ([]byte, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	s := &in.sides[leg&1][from&1]
	s.unasked = 0
	if s.buf == nil || at < s.at || at-s.at+int64(n) > int64(len(*s.buf)-s.taken) {
		return dst, false
	}
	first := s.taken + int(at-s.at)
	return append(dst, (*s.buf)[first:first+n]...), true
}

// Passed is decode.Plaintext's.
func (in *inside) Passed(leg decode.Leg, from decode.Side, to int64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	s := &in.sides[leg&1][from&1]
	if s.passed = to; s.buf != nil {
		s.forget(int(min(max(0, to-s.at), int64(len(*s.buf)-s.taken))))
	}
}

// close lets go of everything.
func (in *inside) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for leg := range in.sides {
		for side := range in.sides[leg] {
			in.sides[leg][side].end()
		}
	}
}
