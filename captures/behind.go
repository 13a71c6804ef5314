package captures

import (
	"io"
	"sync"
)

// behind writes buffers to a file while the next one is filled: half of what a fast session's recording costs is the
// system's copy, and a second processor can make it. At most one buffer is under way, so that a slow disk holds its user
// back. A failure comes with one of the calls that follow; nothing is written after it.
type behind struct {
	w     io.Writer
	mu    sync.Mutex
	idle  sync.Cond // nothing is under way any more
	under []byte    // being written; nil if nothing is
	spare []byte
	err   error
}

func newBehind(w io.Writer) *behind {
	b := &behind{w: w}
	b.idle.L = &b.mu
	return b
}

// hand takes buf to be written, and gives an empty one for it.
func (b *behind) hand(buf []byte) (next []byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wait()
	if b.err != nil {
		return buf[:0], b.err
	}
	next, b.spare = b.spare, nil
	b.under = buf
	go b.write()
	return next, nil
}

func (b *behind) write() {
	_, err := b.w.Write(b.under)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err, b.spare, b.under = err, b.under[:0], nil
	b.idle.Broadcast()
}

// wait returns when nothing is under way. The caller holds mu.
func (b *behind) wait() {
	for b.under != nil {
		b.idle.Wait()
	}
}

// drain returns when everything is written.
func (b *behind) drain() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wait()
	return b.err
}
