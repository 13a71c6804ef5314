package decode

import (
	"bytes"
)

// maxUndecided is how many octets wait for the secrecy of one of them to be decided. Only a side that stops in the
// middle of a line while the other goes on for megabytes comes near; its undecided octets are then masked as they are.
const maxUndecided = 8 << 20

// mark is a secret: the octets of a span, and the octets of the same length that stand for them outside.
type mark struct {
	layer Layer
	span  Span
	with  []byte
}

// release hands on what passed through the session, in the same order, masked: a chunk leaves once every octet of it
// belongs to something understood, so that a secret cut in two by chunks is seen whole before its first half leaves.
type release struct {
	s     *Session
	queue []heldChunk
	size  int
}

type heldChunk struct {
	c    Chunk
	span Span // on the wire
	own  bool // c.Data is ours; it is the caller's otherwise, until the call returns
}

// on reports whether anybody wants the octets.
func (r *release) on() bool { return r.s.o.Release != nil || r.s.o.Octets != nil }

// hold queues a chunk. Its octets are copied only if they are to be changed, or stay beyond the call.
func (r *release) hold(l *leg, c Chunk) {
	if !r.on() {
		return
	}
	at := l.here(c.From & 1).From
	h := heldChunk{c: c, span: Span{at, at + int64(c.Lost) + int64(len(c.Data))}}
	r.size += len(c.Data)
	r.queue = append(r.queue, h)
}

// keep makes the octets of queued chunks our own, before the caller's cease to be valid.
func (r *release) keep() {
	for i := range r.queue {
		r.queue[i].keep(r)
	}
}

func (h *heldChunk) keep(r *release) {
	if !h.own && len(h.c.Data) > 0 {
		h.c.Data, h.own = r.s.room.copies.of(h.c.Data), true
	}
}

// flush hands on what is decided.
func (r *release) flush() {
	if !r.on() {
		return
	}
	for _, l := range r.s.legs {
		if l != nil {
			l.sides[0].settle()
			l.sides[1].settle()
		}
	}
	n := 0
	for n < len(r.queue) {
		h := &r.queue[n]
		sd := &r.s.legs[h.c.Leg&1].sides[h.c.From&1]
		if d := sd.decided(); h.span.To > d {
			if r.size <= maxUndecided {
				break
			}
			sd.hide(h, d)
		}
		r.hand(sd, h)
		n++
	}
	defer r.keep()
	if n == 0 {
		return
	}
	m := copy(r.queue, r.queue[n:])
	for i := m; i < len(r.queue); i++ {
		r.queue[i] = heldChunk{}
	}
	r.queue = r.queue[:m]
}

// hand gives a decided chunk out.
func (r *release) hand(sd *side, h *heldChunk) {
	for len(sd.marks) > 0 && sd.marks[0].layer == Wire && sd.marks[0].span.To <= h.span.From {
		sd.marks = sd.marks[1:]
	}
	for _, m := range sd.marks {
		if m.layer == Wire && m.span.From < h.span.To && m.span.To > h.span.From {
			h.keep(r)
			overwrite(h.c.Data, h.span.From, m)
		}
	}
	if rewrite := r.s.o.Rewrite; rewrite != nil && len(h.c.Data) > 0 {
		h.keep(r)
		rewrite(h.c.Leg, h.c.From, Wire, h.span.From+int64(h.c.Lost), h.c.Data)
	}
	if r.s.o.Release != nil {
		r.s.o.Release(h.c)
	}
	if r.s.o.Octets != nil && len(h.c.Data) > 0 {
		r.s.o.Octets(h.c.Leg, h.c.From, Wire, h.span.From, h.c.Data)
	}
	r.size -= len(h.c.Data)
	if h.own {
		r.s.room.copies.put(h.c.Data)
	}
}

// overwrite puts a mark's octets over those of data, which begins at offset at.
func overwrite(data []byte, at int64, m mark) {
	from, to := max(m.span.From, at), min(m.span.To, at+int64(len(data)))
	if from < to {
		copy(data[from-at:to-at], m.with[from-m.span.From:to-m.span.From])
	}
}

// hide masks the octets of a chunk that nothing is known of yet, from offset d on.
func (sd *side) hide(h *heldChunk, d int64) {
	if sd.mode != secure {
		h.keep(&sd.leg.s.out)
		for i := max(0, d-h.span.From); i < int64(len(h.c.Data)); i++ {
			h.c.Data[i] = '*'
		}
		return
	}
	sd.leg.s.out.size -= len(h.c.Data)
	h.c.Lost, h.c.Data = h.c.Lost+len(h.c.Data), nil
}

// mask notes that the octets of a span are secret and what stands for them: with, or stars. It is called before the
// next chunk is fed, when the event that shows the secret is made.
func (sd *side) mask(layer Layer, span Span, with []byte) {
	s := sd.leg.s
	if s.o.ShowSecrets || !s.out.on() || span.Len() <= 0 {
		return
	}
	if with == nil {
		with = bytes.Repeat([]byte{'*'}, int(span.Len()))
	}
	sd.marks = append(sd.marks, mark{layer, span, append([]byte(nil), with...)})
}

// decided is how far the side's octets on the wire are known.
func (sd *side) decided() int64 {
	if sd.settled < len(sd.carried) {
		return sd.carried[sd.settled].wire.From
	}
	return sd.wire.at
}

// settle looks at the records whose octets have all been understood: secrets in them are masked by sealing them again.
func (sd *side) settle() {
	for sd.settled < len(sd.carried) && sd.carried[sd.settled].plain.To <= sd.plain.at {
		c := &sd.carried[sd.settled]
		sd.settled++
		if c.bare {
			if c.rec.MustReseal() {
				sd.seal(c)
			}
			c.content = nil
			continue
		}
		hit := false
		for _, m := range sd.marks {
			if m.layer == Plain && m.span.From < c.plain.To && m.span.To > c.plain.From {
				overwrite(c.content, c.plain.From, m)
				hit = true
			}
		}
		if rewrite := sd.leg.s.o.Rewrite; rewrite != nil && rewrite(sd.leg.id, sd.from, Plain, c.plain.From, c.content) {
			hit = true
		}
		if hit || c.sealed && c.rec.MustReseal() {
			sd.seal(c)
		}
		if o := sd.leg.s.o.Octets; o != nil {
			o(sd.leg.id, sd.from, Plain, c.plain.From, c.content)
		}
		sd.leg.s.room.copies.put(c.content)
		c.content = nil
	}
	n := 0
	for _, m := range sd.marks {
		if m.layer != Plain || m.span.To > sd.plain.at || sd.settled < len(sd.carried) && m.span.To > sd.carried[sd.settled].plain.From {
			sd.marks[n] = m
			n++
		}
	}
	sd.marks = sd.marks[:n]
}

// seal writes a record whose content was masked back into the queued chunks.
func (sd *side) seal(c *carrier) {
	wire := make([]byte, c.wire.Len())
	sd.queued(c.wire, func(off int64, part []byte) { copy(wire[off:], part) })
	content := c.content
	if c.inside > 0 { // in a security layer that signs, and does not encrypt
		copy(wire[c.inside:], content)
		sd.queued(c.wire, func(off int64, part []byte) { copy(part, wire[off:]) })
		return
	}
	if c.inflated {
		// a secret inside COMPRESS: what is compressed cannot be masked at the same length, so nothing of it is kept
		content = make([]byte, len(c.rec.Content))
	}
	if !c.sealed || c.rec.Reseal(wire, content) != nil {
		for i := range wire {
			wire[i] = 0
		}
	}
	sd.queued(c.wire, func(off int64, part []byte) { copy(part, wire[off:]) })
}

// queued visits the queued octets of a span on the wire; off counts from the start of the span.
func (sd *side) queued(span Span, visit func(off int64, part []byte)) {
	for i := range sd.leg.s.out.queue {
		h := &sd.leg.s.out.queue[i]
		if h.c.Leg != sd.leg.id || h.c.From != sd.from || len(h.c.Data) == 0 {
			continue
		}
		from, to := max(span.From, h.span.From), min(span.To, h.span.To)
		if from < to {
			h.keep(&sd.leg.s.out)
			visit(from-span.From, h.c.Data[from-h.span.From:to-h.span.From])
		}
	}
}
