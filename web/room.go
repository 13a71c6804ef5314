package web

import "slices"

// makeRoom drops events until an eighth of the memory for them is free again: those of closed sessions in the order of
// closing, then the oldest of the oldest open session. The summaries stay and say how many are gone.
func (h *Hub) makeRoom() {
	enough := h.eventOctets - h.eventOctets/8
	for h.events.octets > enough {
		s := h.victim()
		if s == nil {
			return
		}
		h.dropEvents(s, h.events.octets-enough)
	}
	if !h.warned {
		h.warned = true
		h.log.Warn("the page no longer keeps every event; the recording has them all", "limit", h.eventOctets)
	}
}

// victim is the session whose events are missed least.
func (h *Hub) victim() *session {
	for len(h.closed) > 0 {
		if s := h.closed[0]; len(s.runs) > 0 {
			return s
		}
		h.closed = h.closed[1:]
	}
	for _, s := range h.order {
		if len(s.runs) > 0 {
			return s
		}
	}
	return nil
}

// dropEvents drops the oldest events of s: all of them if it is closed, else at least so many octets.
func (h *Hub) dropEvents(s *session, octets int) {
	for len(s.runs) > 0 && (octets > 0 || s.Closed != "") {
		r := &s.runs[0]
		octets -= h.events.drop(r.from)
		s.Dropped++
		if r.from++; r.from == r.to {
			s.runs = s.runs[1:]
		}
	}
	s.urgent = true
	h.touch(s)
}

// forget takes one session off the list, when it is too long: the oldest closed one, or else the oldest.
func (h *Hub) forget() {
	at := 0
	for i, s := range h.order {
		if s.Closed != "" {
			at = i
			break
		}
	}
	h.remove(at)
}

// remove takes a session off the list, with all that is kept of it.
func (h *Hub) remove(at int) {
	s := h.order[at]
	for _, r := range s.runs {
		for n := r.from; n < r.to; n++ {
			h.events.drop(n)
		}
	}
	s.runs = nil
	delete(h.sessions, s.ID)
	h.closed = slices.DeleteFunc(h.closed, func(one *session) bool { return one == s })
	h.dirty = slices.DeleteFunc(h.dirty, func(one *session) bool { return one == s })
	h.order = append(h.order[:at:at], h.order[at+1:]...)
	h.octets.forget(s.ID)
}
