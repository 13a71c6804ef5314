package web

import "facteur/decode"

const (
	// blockEvents is how many events share a block of the log: large enough that blocks are few, small enough that a
	// block of dropped events is soon free.
	blockEvents = 1024

	// maxFrameEvents and maxFrameOctets bound one message to a viewer: a page parses and draws it within one frame.
	maxFrameEvents = 500
	maxFrameOctets = 256 << 10
)

// eventLog keeps encoded events by their number n, from 1. Events are dropped singly; a block without events is freed.
type eventLog struct {
	blocks []*eventBlock // blocks[i] holds n from (first+i)*blockEvents+1; nil when all of it was dropped
	first  int
	last   int // n of the last event appended, 0 for none
	octets int // of the events kept
}

type eventBlock struct {
	json [blockEvents][]byte
	used int
}

// append keeps json as the next event.
func (l *eventLog) append(json []byte) {
	i := l.last / blockEvents
	l.last++
	if i-l.first == len(l.blocks) {
		l.blocks = append(l.blocks, new(eventBlock))
	}
	b := l.blocks[i-l.first]
	if b == nil { // everything so far in the last block was dropped
		b = new(eventBlock)
		l.blocks[i-l.first] = b
	}
	b.json[(l.last-1)%blockEvents] = json
	b.used++
	l.octets += len(json)
}

// block gives the block that holds n, nil when it is gone.
func (l *eventLog) block(n int) *eventBlock {
	i := (n-1)/blockEvents - l.first
	if n < 1 || i < 0 || i >= len(l.blocks) {
		return nil
	}
	return l.blocks[i]
}

// drop forgets event n and gives the octets freed.
func (l *eventLog) drop(n int) int {
	b := l.block(n)
	if b == nil || b.json[(n-1)%blockEvents] == nil {
		return 0
	}
	freed := len(b.json[(n-1)%blockEvents])
	b.json[(n-1)%blockEvents] = nil
	l.octets -= freed
	if b.used--; b.used == 0 {
		l.blocks[(n-1)/blockEvents-l.first] = nil
		for len(l.blocks) > 0 && l.blocks[0] == nil {
			l.blocks = l.blocks[1:]
			l.first++
		}
	}
	return freed
}

// collect gives the kept events with after < n ≤ upto that fit into one message, at least one if there is any, and the n
// up to which that is complete.
func (l *eventLog) collect(after, upto int) (events [][]byte, through int) {
	octets := 0
	n := max(after, l.first*blockEvents)
	for n < upto {
		b := l.block(n + 1)
		if b == nil { // skip to the next block
			n = min(upto, (n/blockEvents+1)*blockEvents)
			continue
		}
		if json := b.json[n%blockEvents]; json != nil {
			if len(events) == maxFrameEvents || len(events) > 0 && octets+len(json) > maxFrameOctets {
				return events, n
			}
			events = append(events, json)
			octets += len(json)
		}
		n++
	}
	return events, max(after, upto)
}

// run is consecutive numbers [from, to) of one session.
type run struct{ from, to int }

// encoder turns a batch of events into JSON in two steps: the slow one beside the hub's lock, the numbering inside it.
type encoder struct {
	text []byte
	ends []int
}

// encode writes the events one behind the other, not numbered yet.
func (c *encoder) encode(session int, events []decode.Event) {
	c.text, c.ends = c.text[:0], c.ends[:0]
	for i := range events {
		c.text = decode.AppendWebJSON(c.text, 0, session, &events[i])
		c.ends = append(c.ends, len(c.text))
	}
}
