package proxy

import (
	"crypto/tls"
	"sync"
)

// What a long message costs a relay, beside the arithmetic of TLS, is system calls and being woken: crypto/tls reads and writes
// record by record, of at most 16 KiB. So a direction reads as much as is there, up to a large buffer, and hands it on in one
// piece, in as many records as it takes. Nothing is ever waited for that would not be waited for without; and while there is
// nothing, a direction holds a small buffer only: thousands of idle sessions must cost next to nothing.

const (
	// largeBuffer is what is borrowed where more is there: half of a processor's cache.
	largeBuffer = 512 << 10
	// maxText is what a record carries at most (RFC 9846 §5.1).
	maxText = 16 << 10
)

var largeBuffers = sync.Pool{New: func() any { b := make([]byte, largeBuffer); return &b }}

// buffer is what a direction reads into.
type buffer struct {
	small []byte
	large *[]byte // nil while little comes
}

// free gives the large buffer back.
func (b *buffer) free() {
	if b.large != nil {
		largeBuffers.Put(b.large)
		b.large = nil
	}
}

// take reads what a peer said: all that is there, or what comes next.
func (l *leg) take(b *buffer) (data []byte, err error) {
	n := 0
	if b.large != nil {
		if n, err = l.fill(*b.large); n > 0 || err != nil {
			return (*b.large)[:n], err
		}
		b.free()
	}
	if b.small == nil {
		b.small = make([]byte, smallBuffer)
	}
	if n, err = l.app.Read(b.small); err != nil || n < len(b.small) {
		return b.small[:n], err
	}
	b.large = largeBuffers.Get().(*[]byte)
	copy(*b.large, b.small)
	more, err := l.fill((*b.large)[n:])
	return (*b.large)[:n+more], err
}

// fill reads what is there, without waiting.
func (l *leg) fill(p []byte) (n int, err error) {
	l.wire.now = true
	defer func() { l.wire.now = false }()
	for n < len(p) && err == nil {
		var more int
		more, err = l.app.Read(p[n:])
		if n += more; l.tls == nil && l.wire.dry {
			break
		}
	}
	if err == errDry {
		err = nil
	}
	return n, err
}

// ahead is what was read from the wire of a leg before crypto/tls asked for it. It belongs to who reads.
type ahead struct {
	large *[]byte // nil while it is waited
	rest  []byte  // of it: not asked for yet
}

// errDry says that nothing is there. To crypto/tls it is a timeout, and those it survives.
var errDry = dryError{}

type dryError struct{}

func (dryError) Error() string   { return "nothing is there" }
func (dryError) Timeout() bool   { return true }
func (dryError) Temporary() bool { return true }

// readAhead reads from the wire for crypto/tls.
func (l *leg) readAhead(p []byte) (int, error) {
	a := &l.ahead
	if len(a.rest) == 0 {
		if !l.wire.now {
			a.free()
			return l.receive(p)
		}
		if a.large == nil {
			a.large = largeBuffers.Get().(*[]byte)
		}
		n, err := l.receive(*a.large)
		if err != nil {
			a.free()
			return 0, err
		}
		a.rest = (*a.large)[:n]
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// free gives the large buffer back.
func (a *ahead) free() {
	if a.large != nil {
		largeBuffers.Put(a.large)
		a.large, a.rest = nil, nil
	}
}

// cork holds back the records of a leg that are to be written in one piece. Its zero value holds none back.
type cork struct {
	mu   sync.Mutex
	held *[]byte // nil: octets are written as they come
}

// maxCorked is room for what a large buffer holds, in records.
const maxCorked = largeBuffer + (largeBuffer/maxText+1)*256

var corked = sync.Pool{New: func() any { b := make([]byte, 0, maxCorked); return &b }}

// hold takes octets, unless they are to be written now.
func (c *cork) hold(p []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		return false
	}
	*c.held = append(*c.held, p...)
	return true
}

// joined is the TLS session on a leg; what takes several records is sent in one piece, and what else is written meanwhile
// keeps its place.
type joined struct {
	*tls.Conn
	l *leg
}

// Write is net.Conn's.
func (j joined) Write(p []byte) (int, error) {
	if len(p) <= maxText {
		return j.Conn.Write(p)
	}
	l := j.l
	l.cork.mu.Lock()
	l.cork.held = corked.Get().(*[]byte)
	l.cork.mu.Unlock()
	n, err := j.Conn.Write(p)
	l.cork.mu.Lock()
	defer l.cork.mu.Unlock()
	b := l.cork.held
	l.cork.held = nil
	if len(*b) > 0 {
		if _, e := l.send(*b); err == nil {
			err = e
		}
	}
	*b = (*b)[:0]
	corked.Put(b)
	return n, err
}
