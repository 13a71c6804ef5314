package replay

import (
	"slices"
	"strings"

	"facteur/decode"
)

// An IMAP client may have several connections and gives each whatever work comes first: which of them lists the mailboxes,
// which opens one and which stores what was sent differs from one run to the next. The sessions that were recorded are
// memories of one server. So what the session a connection is in does not have is looked for in the others: a mailbox
// that is opened leads into the session where it was, questions and stores are answered from where they were made.

// stay is the time that a recorded session has a mailbox open.
type stay struct {
	d        *Dialogue
	from, to int // steps [from, to): the selection, and all up to the next
	mailbox  string
	validity string // UIDVALIDITY: with another one, UIDs are of other messages (RFC 9051 §2.3.1.1)
	exists   string
	next     string // UIDNEXT
}

// staysOf lists the stays of a dialogue in order.
func staysOf(d *Dialogue) (all []stay) {
	for i := range d.Steps {
		s := &d.Steps[i]
		if s.Kind != StepCommand {
			continue
		}
		switch verb, _, _ := strings.Cut(s.key, " "); verb {
		case "SELECT", "EXAMINE", "CLOSE", "UNSELECT", "LOGOUT":
			if n := len(all); n > 0 && all[n-1].to > i {
				all[n-1].to = i
			}
			if verb == "SELECT" || verb == "EXAMINE" {
				st := stay{d: d, from: i, to: len(d.Steps), mailbox: selectedBy(s.key)}
				st.exists, st.validity, st.next = selection(s.last())
				all = append(all, st)
			}
		}
	}
	return all
}

// selectedBy is the mailbox of a selection's key, quoted.
func selectedBy(key string) string {
	_, rest, _ := strings.Cut(key, " ")
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			return rest[:i+1]
		}
	}
	return rest
}

// selection reads what a server says as a mailbox is opened (RFC 9051 §6.3.2).
func selection(answers []Answer) (exists, validity, next string) {
	for i := range answers {
		words := strings.Fields(strings.ToUpper(firstLine(answers[i].Octets)))
		switch {
		case len(words) > 2 && words[2] == "EXISTS":
			exists = words[1]
		case len(words) > 3 && words[2] == "[UIDVALIDITY":
			validity = strings.TrimSuffix(words[3], "]")
		case len(words) > 3 && words[2] == "[UIDNEXT":
			next = strings.TrimSuffix(words[3], "]")
		}
	}
	return exists, validity, next
}

// stays are those of all sessions that the client may be in, its own first.
func (c *serveConn) stays() (all []stay) {
	for _, m := range c.every {
		if m.d != c.cands[0].d {
			all = append(all, staysOf(m.d)...)
		}
	}
	return append(staysOf(c.cands[0].d), all...)
}

// here is the stay that the client is in.
func (c *serveConn) here() (stay, bool) {
	m := c.cands[0]
	var found stay
	ok := false
	for _, st := range staysOf(m.d) {
		if st.from < m.done && m.used[st.from] {
			found, ok = st, !m.left(st)
		}
	}
	return found, ok
}

// left says whether the client closed the mailbox again.
func (m *matcher) left(st stay) bool {
	return st.to < m.done || st.to < len(m.d.Steps) && m.used[st.to] && m.d.Steps[st.to].Kind == StepCommand && classOf(m.d.Protocol, m.d.Steps[st.to].key) == free
}

// elsewhere looks for the answer to a command in other places than the one where the client is.
func (c *serveConn) elsewhere(key string) (found, bool) {
	if c.door.Protocol != decode.IMAP || !c.in {
		return found{}, false
	}
	verb, _, _ := strings.Cut(strings.TrimPrefix(key, "UID "), " ")
	switch kind := classOf(c.door.Protocol, key); {
	case verb == "SELECT" || verb == "EXAMINE":
		return c.open(key)
	case verb == "APPEND" || verb == "CREATE":
		return c.borrow(key, true, nil)
	case kind == free:
		return c.borrow(key, false, nil)
	case kind != asking && verb != "STORE" && verb != "COPY" && verb != "MOVE" && verb != "EXPUNGE":
		return found{}, false
	}
	here, ok := c.here()
	if !ok {
		return found{}, false
	}
	gone := expunged(here.d, here.from, c.cands[0].done)
	// numbers count in these, which are others in another state of the mailbox
	numbers := !strings.HasPrefix(key, "UID ") || verb == "MOVE" || verb == "EXPUNGE"
	for _, st := range c.stays() {
		switch {
		case st.mailbox != here.mailbox || st.validity != here.validity, numbers && (st.exists != here.exists || st.next != here.next):
			continue
		case verb == "MOVE" || verb == "EXPUNGE":
			if f, ok := c.follow(key, &st, gone); ok {
				return f, true
			}
			continue
		}
		f, ok := c.borrow(key, classOf(c.door.Protocol, key) == change, func(d *Dialogue, i int) bool {
			return d == st.d && i >= st.from && i < st.to && (!numbers || expunged(d, st.from, i) == gone)
		})
		if ok {
			return f, true
		}
	}
	return found{}, false
}

// expunged counts the steps [from, to) that took messages out of a mailbox: behind them numbers are others.
func expunged(d *Dialogue, from, to int) (n int) {
	for i := from; i < to; i++ {
		if v := d.Steps[i].Verb; v == "EXPUNGE" || v == "MOVE" {
			n++
		}
	}
	return n
}

// open goes on in the sessions where a mailbox was opened, behind that.
func (c *serveConn) open(key string) (found, bool) {
	var first found
	var places []*matcher
	for _, exact := range []bool{true, false} { // how it is opened (CONDSTORE …) is second to which it is
		for _, st := range c.stays() {
			s := &st.d.Steps[st.from]
			if s.Cut || exact && s.key != key || !exact && (st.mailbox != selectedBy(key) || !strings.HasPrefix(key, s.Verb+" ")) {
				continue
			}
			if len(places) == 0 {
				first = found{step: s, index: st.from, d: st.d}
			}
			places = append(places, behind(st.d, st.from))
		}
		if len(places) > 0 {
			c.cands = places
			return first, true
		}
	}
	return found{}, false
}

// behind is a client that has come to a step by another way than all those before it.
func behind(d *Dialogue, step int) *matcher {
	m := newMatcher(d)
	m.used[step], m.done = true, step+1
	return m
}

// follow goes on in the session where messages were taken out of the mailbox, so that the numbers stay right.
func (c *serveConn) follow(key string, st *stay, gone int) (found, bool) {
	for i := st.from; i < st.to; i++ {
		s := &st.d.Steps[i]
		if s.key != key || s.Cut || expunged(st.d, st.from, i) != gone || st.d == c.cands[0].d && c.cands[0].used[i] {
			continue
		}
		m := behind(st.d, i)
		m.used[st.from] = true
		c.cands = []*matcher{m}
		return found{step: s, index: i, d: st.d}, true
	}
	return found{}, false
}

// borrow takes the answer of a step from any session without going there: where holds says so (nil for anywhere), with
// once each step's only once.
func (c *serveConn) borrow(key string, once bool, holds func(d *Dialogue, i int) bool) (found, bool) {
	for _, m := range append([]*matcher{c.cands[0]}, c.every...) {
		for i := range m.d.Steps {
			s := &m.d.Steps[i]
			if s.Kind != StepCommand || s.key != key || s.Cut || once && (c.borrowed[s] || m.used[i]) || holds != nil && !holds(m.d, i) {
				continue
			}
			if once {
				c.borrowed[s], m.used[i] = true, true
			}
			return found{step: s, index: i, again: m.used[i] && !once, d: m.d}, true
		}
	}
	return found{}, false
}

// happening is a message that a client had stored in a mailbox.
type happening struct {
	d     *Dialogue
	index int
}

// happened notes what clients in that mailbox have to learn.
func (s *Server) happened(h happening) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.stored, h) {
		s.stored = append(s.stored, h)
	}
}

// news is what the client has not been told of: messages that another connection stored in the mailbox it is in, as the
// recorded server told of them. What the recording has behind that is now its place.
func (c *serveConn) news() (out []byte) {
	here, ok := c.here()
	if !ok {
		return nil
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	m := c.cands[0]
	for _, h := range c.s.stored {
		s := &h.d.Steps[h.index]
		if h.d != m.d || h.index < here.from || h.index >= here.to || m.used[h.index] || !strings.HasPrefix(s.key, "APPEND "+here.mailbox) {
			continue
		}
		m.used[h.index], m.done = true, max(m.done, h.index+1)
		for _, a := range s.last() {
			if pushed(a.Octets) {
				out = append(out, a.Octets...)
			}
		}
	}
	return out
}

// pushed says whether a response tells how the open mailbox has changed (RFC 9051 §7.4.1, §7.5): it is of no use elsewhere.
func pushed(octets []byte) bool {
	words := strings.Fields(strings.ToUpper(firstLine(octets)))
	return len(words) > 2 && words[0] == "*" && (words[2] == "EXISTS" || words[2] == "RECENT" || words[2] == "EXPUNGE" || words[2] == "FETCH")
}

// unpushed leaves that out.
func unpushed(answers []Answer) []Answer {
	return slices.DeleteFunc(slices.Clone(answers), func(a Answer) bool { return pushed(a.Octets) })
}
