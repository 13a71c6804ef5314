package decode

import (
	"slices"
	"strconv"
	"strings"

	"facteur/decode/tlswire"
)

// How many fields, notes and spans are allocated at once in the end: an event has six or so of the first, two of the second.
// The first time it is a part of that, and each time twice as many as before: a session of a few lines takes little.
const (
	fieldBatch = 512
	noteBatch  = 256
	spanBatch  = 256
	firstPart  = 8
)

// maxBatches is how many batches of each a Room keeps for what comes: the events of a chunk of a megabyte.
const maxBatches = 64

// Room is where events and what is in them are put together. Sessions that one goroutine decodes may share one
// (Options.Room): its memory is used again for every call, however many sessions there are. Its zero value is ready.
type Room struct {
	passing bool // what was given is used again at the next call
	calls   int  // so many have begun
	evs     []Event
	fields  slab[Field]
	notes   slab[Note]
	spans   slab[Span]
	texts   texts
	names   imapNames
	headers map[string]headerName
	tls     tlswire.Room
	stores  [][]byte // of frames that are empty, to be used again
	copies  copies
}

// What is kept of buffers: as many as sides wait with half a record at a time, where sessions are many, and none larger
// than a record of TLS with what comes behind it takes.
const (
	maxStores = 32
	maxStore  = 64 << 10
)

// Swap exchanges the memory that a session of its own Room puts events together in for that of r, between two calls. A
// program with thousands of sessions keeps a few Rooms, swaps one in while it feeds a session and out again behind that: a
// session that waits holds next to nothing.
func (s *Session) Swap(r *Room) {
	own := s.room
	s.evs = nil
	own.evs, r.evs = r.evs, own.evs
	own.fields, r.fields = r.fields, own.fields
	own.notes, r.notes = r.notes, own.notes
	own.spans, r.spans = r.spans, own.spans
	own.tls, r.tls = r.tls, own.tls
	own.stores, r.stores = r.stores, own.stores
	own.copies, r.copies = r.copies, own.copies
}

// store gives a buffer with room for n octets.
func (r *Room) store(n int) []byte {
	last := len(r.stores) - 1
	if last < 0 || cap(r.stores[last]) < n {
		return make([]byte, 0, max(512, 2*n))
	}
	b := r.stores[last]
	r.stores = r.stores[:last]
	return b[:0]
}

// giveBack takes a buffer that nobody uses.
func (r *Room) giveBack(b []byte) {
	if cap(b) > 0 && cap(b) <= maxStore && len(r.stores) < maxStores {
		r.stores = append(r.stores, b)
	}
}

// copies are buffers for octets that wait to be released: chunks of any size, and what records held. Their sizes
// double, so that what comes next fits, and lie an eighth above the powers of two: a relay's pieces are such a power, and TLS
// adds a little to each.
type copies struct {
	free [][]byte
	size int // octets of free
}

// What is kept of them for what comes next: some large chunks and the records in them.
const (
	maxCopies    = 64
	maxCopied    = 2 << 20
	smallestCopy = 1<<10 + 1<<7 // room for a reply of some lines
)

// of gives a copy of octets, which put takes back.
func (c *copies) of(b []byte) []byte {
	size := smallestCopy
	for size < len(b) {
		size *= 2
	}
	for i := len(c.free) - 1; i >= 0; i-- {
		if room := c.free[i]; cap(room) == size {
			c.free = slices.Delete(c.free, i, i+1)
			c.size -= size
			return append(room, b...)
		}
	}
	return append(make([]byte, 0, size), b...)
}

// put takes a copy that is not needed any more. What has waited longest makes room for it: sizes that are not asked for.
func (c *copies) put(b []byte) {
	if cap(b) == 0 || cap(b) > maxCopied {
		return
	}
	for len(c.free) == maxCopies || c.size+cap(b) > maxCopied {
		c.size -= cap(c.free[0])
		c.free = slices.Delete(c.free, 0, 1)
	}
	c.free = append(c.free, b[:0])
	c.size += cap(b)
}

// fresh begins a call: what the last one gave is gone.
func (r *Room) fresh() {
	r.calls++
	if r.passing {
		r.fields.reuse()
		r.notes.reuse()
		r.spans.reuse()
	}
}

// Texts are copied into pieces of memory that grow from the first size to the last: a session of a few lines takes little,
// a busy one does not allocate for each.
const (
	firstTexts = 512
	lastTexts  = 4 << 10
)

// texts makes strings. Those of a piece share its memory; what is long has its own.
type texts struct {
	piece strings.Builder
	next  int // size of the next piece
}

// text gives octets as a string.
func (r *Room) text(b []byte) string {
	t := &r.texts
	at := t.piece.Len()
	if len(b) > t.piece.Cap()-at {
		if len(b) > lastTexts/8 {
			return string(b)
		}
		t.next = min(max(2*t.next, firstTexts), lastTexts)
		t.piece.Reset()
		t.piece.Grow(t.next)
		at = 0
	}
	t.piece.Write(b)
	return t.piece.String()[at:]
}

// decimal prints a number.
func (r *Room) decimal(n int64) string {
	if 0 <= n && n < 100 {
		return strconv.FormatInt(n, 10) // no new text
	}
	var b [20]byte
	return r.text(strconv.AppendInt(b[:0], n, 10))
}

// slab hands out room for a few of T at a time.
type slab[T any] struct {
	now  []T   // its capacity is the room there is; its length, what is taken
	old  [][]T // batches, if they are used again
	next int   // of old
	size int   // of the last batch
}

// need makes room for n behind what is taken.
func (s *slab[T]) need(n, batch int, keep bool) {
	if len(s.now)+n <= cap(s.now) {
		return
	}
	for s.next < len(s.old) {
		s.now = s.old[s.next][:0]
		if s.next++; n <= cap(s.now) {
			return
		}
	}
	s.size = min(max(2*s.size, batch/firstPart), batch)
	s.now = make([]T, 0, max(n, s.size))
	if keep && len(s.old) < maxBatches {
		s.old = append(s.old, s.now)
		s.next = len(s.old)
	}
}

// take gives an empty slice with room for n.
func (s *slab[T]) take(n, batch int, keep bool) []T {
	s.need(n, batch, keep)
	at := len(s.now)
	s.now = s.now[:at+n]
	return s.now[at : at : at+n]
}

// back gives back what was not used of a slice that take gave, if it was the last.
func (s *slab[T]) back(used []T) {
	if from := len(s.now) - cap(used); from >= 0 && len(used) > 0 && &s.now[from:][0] == &used[0] {
		s.now = s.now[:from+len(used)]
	}
}

// reuse starts over with the first batch.
func (s *slab[T]) reuse() {
	s.now, s.next = nil, 0
	if len(s.old) > 0 {
		s.now, s.next = s.old[0][:0], 1
	}
}
