package watch

import (
	"sort"
	"sync"
	"sync/atomic"

	"facteur/decode/tlswire"
)

const (
	// nearBlocks is how many blocks of secrets before a place are looked through there. Who records secrets writes those of a
	// session just before its packets, and has as many sessions begin at a time at most.
	nearBlocks = 256
	// maxNearBlocks are kept: the reader is ahead of the lanes by the sessions that lie in the batches.
	maxNearBlocks = 4 * nearBlocks
	// maxNearText is how much key log text a block has that is kept: that of some ten sessions. A larger one is somebody's
	// whole key log, which is found in the file when it is asked for.
	maxNearText = 12 << 10
)

// nearby keeps the latest secrets that a capture brings, for those who are behind the reader: what they find depends on
// where in the capture they are, and never on how far the reader is.
type nearby struct {
	any    atomic.Bool // there are some, or were
	mu     sync.RWMutex
	blocks []nearBlock // in order
}

// nearBlock is secrets that stand before a step.
type nearBlock struct {
	step int64
	keys *tlswire.KeyLog
}

// add keeps secrets that stand before a step, and forgets those that no lane looks at any more: slowest is the step that
// the last of the lanes is at. It reports false if it has to wait for the lanes.
func (n *nearby) add(step, slowest int64, keylog []byte) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.blocks) >= maxNearBlocks {
		old := n.before(slowest) - nearBlocks
		if old <= 0 {
			return false
		}
		left := copy(n.blocks, n.blocks[old:])
		clear(n.blocks[left:])
		n.blocks = n.blocks[:left]
	}
	n.any.Store(true)
	if len(keylog) > maxNearText {
		return true
	}
	keys := new(tlswire.KeyLog)
	if keys.Add(keylog) > 0 {
		n.blocks = append(n.blocks, nearBlock{step, keys})
	}
	return true
}

// before is how many of the blocks stand before a step or at it.
func (n *nearby) before(step int64) int {
	return sort.Search(len(n.blocks), func(i int) bool { return n.blocks[i].step > step })
}

// secret gives the secret that stands last before a step, nil if none is near.
func (n *nearby) secret(step int64, label string, id []byte) []byte {
	n.mu.RLock()
	defer n.mu.RUnlock()
	last := n.before(step)
	for i := last - 1; i >= max(0, last-nearBlocks); i-- {
		if s := n.blocks[i].keys.Secret(label, id); s != nil {
			return s
		}
	}
	return nil
}

// Place is where in the capture a lane is. Only the lane asks it.
type Place struct {
	a    *Ahead
	lane int
}

// Earlier waits until all that stands before the step that the lane is at has been done.
func (p *Place) Earlier() { p.a.earlier(p.lane) }

// Secret gives a secret that stands in the capture not far before the lane's step; nil if there is none.
func (p *Place) Secret(label string, id []byte) []byte {
	return p.a.near.secret(p.a.reached[p.lane].step.Load(), label, id)
}

// AnySecrets reports whether the capture has brought secrets: it does if any stand before the lane's step.
func (p *Place) AnySecrets() bool { return p.a.near.any.Load() }
