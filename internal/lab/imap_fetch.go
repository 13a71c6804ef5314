package lab

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// fetchItem is one data item of FETCH (RFC 3501, section 6.4.5).
type fetchItem struct {
	name    string // as the response names it: FLAGS, BODY[1.MIME]<0>
	section *section
	peek    bool
	partial bool
	offset  uint32
	count   uint32
}

// section says which octets of a message a BODY[…] item means.
type section struct {
	numbers []int
	what    string // "", HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT, MIME
	fields  []string
}

// maxPartNumbers bounds a section's depth: no part lies deeper than the parser goes.
const maxPartNumbers = maxPartDepth + 1

var fetchMacros = map[string][]string{
	"FAST": {"FLAGS", "INTERNALDATE", "RFC822.SIZE"},
	"ALL":  {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"},
	"FULL": {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"},
}

// plainItems are the items that take no section.
var plainItems = []string{"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE", "UID"}

// fetchItems reads a macro, one item, or a list of items.
func (a *arguments) fetchItems() []fetchItem {
	var items []fetchItem
	if a.peek() == '(' {
		a.list(func() { items = append(items, a.fetchItem()) })
		return items
	}
	start := a.at
	if names, ok := fetchMacros[strings.ToUpper(a.until(atomStops))]; ok {
		for _, n := range names {
			items = append(items, fetchItem{name: n})
		}
		return items
	}
	a.at = start
	return []fetchItem{a.fetchItem()}
}

func (a *arguments) fetchItem() fetchItem {
	name := strings.ToUpper(a.until(atomStops + "[<"))
	item := fetchItem{name: name}
	switch {
	case slices.Contains(plainItems, name):
	case name == "RFC822":
		item.section = &section{}
	case name == "RFC822.HEADER":
		item.section, item.peek = &section{what: "HEADER"}, true
	case name == "RFC822.TEXT":
		item.section = &section{what: "TEXT"}
	case name == "BODY" && a.peek() != '[':
	case name == "BODY", name == "BODY.PEEK":
		item.peek = name == "BODY.PEEK"
		item.section = a.section()
		item.name = "BODY[" + item.section.String() + "]"
		a.partial(&item)
	default:
		a.fail("unknown FETCH item " + name)
	}
	return item
}

// partial reads <offset.count>.
func (a *arguments) partial(item *fetchItem) {
	if !a.accept('<') {
		return
	}
	item.partial = true
	item.offset = a.number()
	a.expect('.')
	if item.count = a.number(); item.count == 0 {
		a.fail("empty partial range")
	}
	a.expect('>')
	item.name += fmt.Sprintf("<%d>", item.offset)
}

// section reads [section-spec].
func (a *arguments) section() *section {
	a.expect('[')
	sec := &section{}
	for c := a.peek(); c >= '0' && c <= '9'; c = a.peek() {
		n := a.number()
		if n == 0 || len(sec.numbers) >= maxPartNumbers {
			a.fail("invalid part number")
		}
		sec.numbers = append(sec.numbers, int(n))
		if !a.accept('.') {
			a.expect(']')
			return sec
		}
	}
	sec.what = strings.ToUpper(a.until(atomStops))
	switch sec.what {
	case "HEADER", "TEXT":
	case "HEADER.FIELDS", "HEADER.FIELDS.NOT":
		a.space()
		a.list(func() { sec.fields = append(sec.fields, a.astring()) })
	case "":
		if sec.numbers != nil {
			a.fail("invalid section")
		}
	case "MIME":
		if sec.numbers == nil {
			a.fail("MIME without a part number")
		}
	default:
		a.fail("invalid section " + sec.what)
	}
	a.expect(']')
	return sec
}

// String is the section as responses repeat it.
func (s *section) String() string {
	var parts []string
	for _, n := range s.numbers {
		parts = append(parts, strconv.Itoa(n))
	}
	if s.what != "" {
		parts = append(parts, s.what)
	}
	text := strings.Join(parts, ".")
	if s.fields != nil {
		var names []string
		for _, f := range s.fields {
			names = append(names, nameOnWire(strings.ToUpper(f)))
		}
		text += " (" + strings.Join(names, " ") + ")"
	}
	return text
}

// octets gives what the section means in a message; ok is false where the message has no such part.
func (s *section) octets(m *message) (octets []byte, ok bool) {
	p := m.structure().find(s.numbers)
	if p == nil {
		return nil, false
	}
	if len(s.numbers) > 0 {
		switch s.what {
		case "":
			return m.raw[p.body:p.to], true
		case "MIME":
			return m.raw[p.from:p.body], true
		}
		if !p.isMessage() || len(p.children) == 0 {
			return nil, false
		}
		p = p.children[0]
	}
	switch s.what {
	case "":
		return m.raw[p.from:p.to], true
	case "HEADER":
		return m.raw[p.from:p.body], true
	case "TEXT":
		return m.raw[p.body:p.to], true
	}
	var out []byte
	for _, f := range p.fields {
		wanted := slices.ContainsFunc(s.fields, func(n string) bool { return strings.EqualFold(n, f.name) })
		if wanted == (s.what == "HEADER.FIELDS") {
			out = append(out, m.raw[f.from:f.to]...)
		}
	}
	return append(out, "\r\n"...), true
}

// fetch is FETCH and UID FETCH.
func (s *imapSession) fetch(a *arguments) error {
	a.space()
	set := a.set()
	a.space()
	items := a.fetchItems()
	if err := a.end(); err != nil {
		return err
	}
	if a.uid && !slices.ContainsFunc(items, func(i fetchItem) bool { return i.name == "UID" }) {
		items = append([]fetchItem{{name: "UID"}}, items...)
	}
	rows, err := s.pick(set, a)
	if err != nil {
		return err
	}
	reads := slices.ContainsFunc(items, func(i fetchItem) bool { return i.section != nil && !i.peek })
	for _, n := range rows {
		shown := items
		if reads && s.markSeen(n) && !slices.ContainsFunc(items, func(i fetchItem) bool { return i.name == "FLAGS" }) {
			shown = append(append([]fetchItem(nil), items...), fetchItem{name: "FLAGS"})
		}
		s.tellMessage(n, shown)
	}
	return nil
}

// pick gives the indexes of the view's rows that a set means. A sequence number beyond the mailbox is an error; a UID
// that does not exist is not (RFC 3501, section 6.4.8).
func (s *imapSession) pick(set numSet, a *arguments) ([]int, error) {
	rows := s.view.rows
	largest := uint32(len(rows))
	if a.uid && len(rows) > 0 {
		largest = rows[len(rows)-1].m.uid
	}
	if !a.uid && len(rows) > 0 {
		for _, r := range set {
			if r.from != star && r.from > largest || r.to != star && r.to > largest {
				return nil, bad("Error in IMAP command %s: Invalid messageset", a.name)
			}
		}
	}
	var out []int
	for i := range rows {
		n := uint32(i + 1)
		if a.uid {
			n = rows[i].m.uid
		}
		if set.has(n, largest) {
			out = append(out, i)
		}
	}
	return out, nil
}

// markSeen sets \Seen on the message of a row and says whether that changed anything.
func (s *imapSession) markSeen(i int) bool {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	r := &s.view.rows[i]
	if s.view.readOnly || hasFlag(r.m.flags, `\Seen`) {
		return false
	}
	s.setFlags(r, append(append([]string(nil), r.m.flags...), `\Seen`))
	return true
}

// tellMessage sends one FETCH response.
func (s *imapSession) tellMessage(i int, items []fetchItem) {
	r := s.view.rows[i]
	var w imapWriter
	fmt.Fprintf(&w, "* %d FETCH (", i+1)
	for n, item := range items {
		if n > 0 {
			w.WriteByte(' ')
		}
		w.WriteString(item.name + " ")
		s.writeItem(&w, r, item)
	}
	w.WriteString(")\r\n")
	s.write(w.Bytes())
}

func (s *imapSession) writeItem(w *imapWriter, r row, item fetchItem) {
	m := r.m
	if item.section != nil {
		octets, ok := item.section.octets(m)
		if !ok {
			w.WriteString("NIL")
			return
		}
		if item.partial {
			from := min(uint64(item.offset), uint64(len(octets)))
			octets = octets[from:min(from+uint64(item.count), uint64(len(octets)))]
		}
		w.literal(octets)
		return
	}
	switch item.name {
	case "FLAGS":
		s.store.mu.Lock()
		w.WriteString("(" + strings.Join(r.flags(), " ") + ")")
		s.store.mu.Unlock()
	case "INTERNALDATE":
		w.WriteString(m.arrived.Format(`"` + internalDate + `"`))
	case "RFC822.SIZE":
		w.WriteString(strconv.Itoa(len(m.raw)))
	case "UID":
		w.WriteString(strconv.FormatUint(uint64(m.uid), 10))
	case "ENVELOPE":
		w.envelope(m.structure())
	case "BODYSTRUCTURE", "BODY":
		w.structure(m.raw, m.structure(), item.name == "BODYSTRUCTURE")
	}
}

// internalDate is RFC 3501's date-time.
const internalDate = "_2-Jan-2006 15:04:05 -0700"
