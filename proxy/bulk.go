package proxy

import (
	"crypto/tls"
	"sync"
)

// Beside its arithmetic, what TLS costs a relay is system calls: crypto/tls reads and writes record by record, of at most
// 16 KiB. While much comes, a leg inside TLS reads ahead, hands on together what is there already, and writes the records
// that carry it in one piece. Nothing is ever waited for that would not be waited for without.

// maxText is what a record carries at most (RFC 9846 §5.1).
const maxText = 16 << 10

// ahead is what was read from the wire of a leg before crypto/tls asked for it. It belongs to who reads.
type ahead struct {
	large *[]byte // nil while little comes
	rest  []byte  // of it: not asked for yet
	dry   bool    // nothing is waited for
}

// errDry says that what was read ahead is used up. To crypto/tls it is a timeout, and those it survives.
var errDry = dryError{}

type dryError struct{}

func (dryError) Error() string   { return "nothing was read ahead" }
func (dryError) Timeout() bool   { return true }
func (dryError) Temporary() bool { return true }

// readAhead reads from the wire for crypto/tls.
func (l *leg) readAhead(p []byte) (int, error) {
	a := &l.ahead
	if len(a.rest) == 0 {
		switch {
		case a.dry:
			return 0, errDry
		case a.large == nil:
			n, err := l.receive(p)
			if n == len(p) && n >= smallBuffer {
				a.large = largeBuffers.Get().(*[]byte)
			}
			return n, err
		}
		n, err := l.receive(*a.large)
		if err != nil {
			l.ahead.free()
			return 0, err
		}
		a.rest = (*a.large)[:n]
	}
	n := copy(p, a.rest)
	if a.rest = a.rest[n:]; len(a.rest) == 0 && n < smallBuffer {
		a.free()
	}
	return n, nil
}

// free gives the large buffer back.
func (a *ahead) free() {
	if a.large != nil {
		largeBuffers.Put(a.large)
		a.large, a.rest = nil, nil
	}
}

// take reads what a peer said: what there is, and what else was read ahead if there is room for a record of it.
func (l *leg) take(p []byte) (n int, err error) {
	n, err = l.app.Read(p)
	for err == nil && len(l.ahead.rest) > 0 && len(p)-n >= maxText {
		var more int
		l.ahead.dry = true
		more, err = l.app.Read(p[n:])
		l.ahead.dry = false
		n += more
	}
	if err == errDry {
		err = nil
	}
	return n, err
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
