package captures

import "facteur/decode"

// pairing puts events and the octets that they are together again. Octets are released when their secrecy is decided,
// which is before or after their event; every octet belongs to one event, so it waits for that one and no longer.
type pairing struct {
	each    func(e *decode.Event, octets []byte)
	waiting []decode.Event
	streams [2][2][3]stretch
}

// stretch is the octets of one stream that wait for their events: pieces, with holes where a capture missed something.
type stretch struct {
	pieces []piece
	end    int64
}

type piece struct {
	at   int64
	data []byte
}

// octets takes what decode.Options.Octets is handed.
func (p *pairing) octets(leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
	s := &p.streams[leg&1][from&1][layer]
	if n := len(s.pieces); n > 0 && s.pieces[n-1].at+int64(len(s.pieces[n-1].data)) == at {
		s.pieces[n-1].data = append(s.pieces[n-1].data, data...)
	} else {
		s.pieces = append(s.pieces, piece{at, append([]byte(nil), data...)})
	}
	s.end = at + int64(len(data))
}

// events takes what decode gives, and hands on what is complete.
func (p *pairing) events(evs []decode.Event) {
	if p.each == nil {
		return
	}
	n := 0
	if len(p.waiting) == 0 {
		for n < len(evs) && p.ready(&evs[n]) {
			p.hand(&evs[n])
			n++
		}
	}
	p.waiting = append(p.waiting, evs[n:]...)
	n = 0
	for n < len(p.waiting) && p.ready(&p.waiting[n]) {
		p.hand(&p.waiting[n])
		n++
	}
	m := copy(p.waiting, p.waiting[n:])
	clear(p.waiting[m:])
	p.waiting = p.waiting[:m]
}

// end hands on what still waits: no octets will come.
func (p *pairing) end() {
	for i := range p.waiting {
		p.hand(&p.waiting[i])
	}
	p.waiting = nil
}

func (p *pairing) ready(e *decode.Event) bool {
	return e.Span.Len() <= 0 || e.Kind == "session.gap" || p.streams[e.Leg&1][e.From&1][e.Layer].end >= e.Span.To
}

func (p *pairing) hand(e *decode.Event) {
	s := &p.streams[e.Leg&1][e.From&1][e.Layer]
	var octets []byte
	if e.Span.Len() > 0 && e.Kind != "session.gap" {
		octets = s.take(e.Span)
	}
	p.each(e, octets)
	s.drop(e.Span.To)
}

// take gives the octets of a span, without copying where they lie in one piece.
func (s *stretch) take(span decode.Span) (octets []byte) {
	for i := range s.pieces {
		g := &s.pieces[i]
		from, to := max(span.From, g.at), min(span.To, g.at+int64(len(g.data)))
		if from >= to {
			continue
		}
		part := g.data[from-g.at : to-g.at]
		if from == span.From && to == span.To {
			return part
		}
		octets = append(octets, part...)
	}
	return octets
}

// drop forgets the octets before an offset.
func (s *stretch) drop(to int64) {
	n := 0
	for n < len(s.pieces) && s.pieces[n].at+int64(len(s.pieces[n].data)) <= to {
		n++
	}
	if n > 0 {
		m := copy(s.pieces, s.pieces[n:])
		clear(s.pieces[m:])
		s.pieces = s.pieces[:m]
	}
	if len(s.pieces) > 0 && s.pieces[0].at < to {
		g := &s.pieces[0]
		g.data, g.at = g.data[to-g.at:], to
	}
}
