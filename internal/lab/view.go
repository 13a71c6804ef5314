package lab

// delimiter parts the levels of a mailbox name.
const delimiter = '/'

// view is what one IMAP session has been told of the mailbox it has selected. Comparing it with the mailbox gives the
// untagged responses that are due: nothing is queued, so nothing can be told twice, and a MOVE is one EXPUNGE.
type view struct {
	box      *mailbox
	readOnly bool
	rows     []row         // the session's sequence numbers: message n is rows[n-1]
	changed  chan struct{} // capacity 1: the mailbox is no longer as told
}

// row is one message as the session knows it.
type row struct {
	m       *message
	version int // of the flags last told
	recent  bool
}

// update is one untagged response that is due.
type update struct {
	kind updateKind
	n    uint32   // sequence number or count
	row  row      // for flags
	list []string // the flags
}

type updateKind uint8

const (
	updateExpunge updateKind = iota
	updateFlags
	updateExists
	updateRecent
)

// open gives a new view with all messages known, with store.mu held.
func (b *mailbox) open(readOnly bool) *view {
	v := &view{box: b, readOnly: readOnly, changed: make(chan struct{}, 1)}
	b.views[v] = struct{}{}
	v.grow()
	return v
}

// close forgets the view, with store.mu held.
func (v *view) close() { delete(v.box.views, v) }

// wake tells all views of the mailbox to look, with store.mu held.
func (b *mailbox) wake() {
	for v := range b.views {
		select {
		case v.changed <- struct{}{}:
		default:
		}
	}
}

// grow appends the messages that are new to the view and says how many those were. \Recent goes to the first session
// that is told of a message and may change the mailbox (RFC 3501, section 2.3.2).
func (v *view) grow() int {
	last, n := uint32(0), 0
	if len(v.rows) > 0 {
		last = v.rows[len(v.rows)-1].m.uid
	}
	for _, m := range v.box.messages {
		if m.uid <= last {
			continue
		}
		r := row{m: m, version: m.version, recent: m.uid > v.box.recent}
		if r.recent && !v.readOnly {
			v.box.recent = m.uid
		}
		v.rows = append(v.rows, r)
		n++
	}
	return n
}

// sync brings the view up to date, with store.mu held, and gives what the client must be told. Without expunge, removed
// messages keep their numbers for now (RFC 9051, section 7.5.1 forbids renumbering under FETCH, STORE and SEARCH).
func (v *view) sync(expunge bool) []update {
	var out []update
	if expunge {
		out = v.shrink()
	}
	for i := range v.rows {
		if r := &v.rows[i]; r.version != r.m.version && !r.m.gone {
			r.version = r.m.version
			out = append(out, update{kind: updateFlags, n: uint32(i + 1), row: *r, list: r.flags()})
		}
	}
	if v.grow() > 0 {
		out = append(out, update{kind: updateExists, n: uint32(len(v.rows))},
			update{kind: updateRecent, n: uint32(v.countRecent())})
	}
	return out
}

// shrink drops the removed messages. Each number told counts after the ones before it, so they are all told as seen at
// that moment.
func (v *view) shrink() []update {
	var out []update
	kept := v.rows[:0]
	for i, r := range v.rows {
		if r.m.gone {
			out = append(out, update{kind: updateExpunge, n: uint32(i + 1 - len(out))})
			continue
		}
		kept = append(kept, r)
	}
	clear(v.rows[len(kept):])
	v.rows = kept
	return out
}

func (v *view) countRecent() int {
	n := 0
	for _, r := range v.rows {
		if r.recent {
			n++
		}
	}
	return n
}

// flags gives the flags as the session sees them, with store.mu held.
func (r row) flags() []string {
	list := append([]string(nil), r.m.flags...)
	if r.recent {
		list = append(list, `\Recent`)
	}
	return list
}
