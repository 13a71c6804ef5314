package web

import (
	"sort"
	"sync"

	"facteur/decode"
)

const (
	// maxStreamOctets is kept of one stream (a leg's side on one layer): the first eighth, where sessions are
	// interesting, and the latest. What lies between is in the recording.
	maxStreamOctets = 4 << 20

	// maxAllOctets is kept of all streams together. Beyond it closed sessions lose theirs, in the order of closing, then
	// the oldest open session its oldest.
	maxAllOctets = 128 << 20

	// octetBlock is the unit in which octets are kept and dropped.
	octetBlock = 32 << 10
)

// stream is one side of one leg on one layer.
type stream struct {
	leg   decode.Leg
	from  decode.Side
	layer decode.Layer
}

// octetStore keeps what viewers may ask to see in octets.
type octetStore struct {
	streamMax, allMax int
	first             bool // when there is no more room, what comes is not kept

	mu       sync.Mutex
	sessions map[int]*keptSession
	order    []*keptSession // by their first octet
	closed   []*keptSession // in the order of closing
	octets   int
}

type keptSession struct {
	id      int
	streams map[stream]*keptStream
	octets  int
}

type keptStream struct {
	blocks []keptBlock // rising; they need not touch
	end    int64       // of all that came
	octets int
}

// keptBlock is octets from an offset on. They are only ever appended to, so a reader may keep a slice of them.
type keptBlock struct {
	at   int64
	data []byte
}

func (b *keptBlock) end() int64 { return b.at + int64(len(b.data)) }

func (o *octetStore) add(id int, which stream, at int64, data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.first && o.octets+len(data) > o.allMax {
		return
	}
	s := o.sessions[id]
	if s == nil {
		s = &keptSession{id: id, streams: make(map[stream]*keptStream)}
		o.sessions[id] = s
		o.order = append(o.order, s)
	}
	t := s.streams[which]
	if t == nil {
		t = &keptStream{}
		s.streams[which] = t
	}
	if at < t.end { // told twice
		data = data[min(t.end-at, int64(len(data))):]
		at = t.end
	}
	t.append(at, data)
	o.count(s, t, len(data))
	for t.octets > o.streamMax {
		i := sort.Search(len(t.blocks), func(i int) bool { return t.blocks[i].at >= int64(o.streamMax/8) })
		if i >= len(t.blocks)-1 {
			break
		}
		o.drop(s, t, i)
	}
	for o.octets > o.allMax {
		o.makeRoom()
	}
}

func (t *keptStream) append(at int64, data []byte) {
	for len(data) > 0 {
		k := len(t.blocks) - 1
		if k < 0 || t.blocks[k].end() != at || len(t.blocks[k].data) >= octetBlock {
			t.blocks = append(t.blocks, keptBlock{at: at})
			k++
		}
		part := data[:min(len(data), octetBlock-len(t.blocks[k].data))]
		t.blocks[k].data = append(t.blocks[k].data, part...)
		data = data[len(part):]
		at += int64(len(part))
	}
	t.end = max(t.end, at)
}

func (o *octetStore) count(s *keptSession, t *keptStream, n int) {
	t.octets += n
	s.octets += n
	o.octets += n
}

// drop forgets block i of a stream.
func (o *octetStore) drop(s *keptSession, t *keptStream, i int) {
	o.count(s, t, -len(t.blocks[i].data))
	t.blocks = append(t.blocks[:i], t.blocks[i+1:]...)
}

// makeRoom forgets a closed session's octets, or one block of the oldest session's fullest stream.
func (o *octetStore) makeRoom() {
	if len(o.closed) > 0 {
		o.remove(o.closed[0])
		return
	}
	for _, s := range o.order {
		var fullest *keptStream
		for _, t := range s.streams {
			if fullest == nil || t.octets > fullest.octets {
				fullest = t
			}
		}
		if fullest != nil && fullest.octets > 0 {
			o.drop(s, fullest, 0)
			return
		}
	}
}

// close says that a session's octets may go.
func (o *octetStore) close(id int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := o.sessions[id]; s != nil {
		o.closed = append(o.closed, s)
	}
}

// forget drops a session's octets.
func (o *octetStore) forget(id int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := o.sessions[id]; s != nil {
		o.remove(s)
	}
}

func (o *octetStore) remove(s *keptSession) {
	delete(o.sessions, s.id)
	o.order = without(o.order, s)
	o.closed = without(o.closed, s)
	o.octets -= s.octets
}

func without(list []*keptSession, s *keptSession) []*keptSession {
	for i := range list {
		if list[i] == s {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}

// get gives the longest kept stretch that begins at or after span.From and ends by span.To, at most limit octets; false
// when nothing of the span is kept. The parts must not be changed.
func (o *octetStore) get(id int, which stream, span decode.Span, limit int64) (parts [][]byte, given decode.Span, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.sessions[id]
	if s == nil || s.streams[which] == nil {
		return nil, decode.Span{}, false
	}
	blocks := s.streams[which].blocks
	i := sort.Search(len(blocks), func(i int) bool { return blocks[i].end() > span.From })
	if i == len(blocks) || blocks[i].at >= span.To {
		return nil, decode.Span{}, false
	}
	given.From = max(span.From, blocks[i].at)
	given.To = given.From
	upto := min(span.To, given.From+limit)
	for ; i < len(blocks) && given.To < upto && blocks[i].at <= given.To; i++ {
		b := &blocks[i]
		to := min(upto, b.end())
		parts = append(parts, b.data[given.To-b.at:to-b.at:to-b.at])
		given.To = to
	}
	return parts, given, true
}
