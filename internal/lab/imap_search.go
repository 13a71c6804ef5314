package lab

import (
	"bytes"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
)

// candidate is a message that a search looks at.
type candidate struct {
	row
	seq        uint32
	flagsNow   []string
	largestSeq uint32
	largestUID uint32
}

// predicate says whether a message is wanted.
type predicate func(*candidate) bool

// maxSearchDepth bounds NOT, OR and parentheses inside one another.
const maxSearchDepth = 50

// search is SEARCH and UID SEARCH, RFC 3501, section 6.4.4, with the RETURN options of RFC 4731.
func (s *imapSession) search(a *arguments) error {
	a.space()
	var returns []string
	extended := false
	if word := "RETURN ("; len(a.text)-a.at > len(word) && strings.EqualFold(a.text[a.at:a.at+len(word)], word) {
		extended = true
		a.at += len(word) - 1
		a.list(func() { returns = append(returns, a.returnOption()) })
		a.space()
	}
	if word := "CHARSET "; len(a.text)-a.at > len(word) && strings.EqualFold(a.text[a.at:a.at+len(word)], word) {
		a.at += len(word)
		if charset := strings.ToUpper(a.astring()); charset != "UTF-8" && charset != "US-ASCII" {
			return no("[BADCHARSET (US-ASCII UTF-8)] Unknown charset")
		}
		a.space()
	}
	wanted := a.searchKeys(0)
	if err := a.end(); err != nil {
		return err
	}
	found := s.find(wanted, a.uid)
	if extended {
		s.tellExtended(found, returns, a.uid)
		return nil
	}
	var b strings.Builder
	for _, n := range found {
		b.WriteString(" " + strconv.FormatUint(uint64(n), 10))
	}
	s.untagged("SEARCH%s", b.String())
	return nil
}

func (a *arguments) returnOption() string {
	word := strings.ToUpper(a.atom())
	if !slices.Contains([]string{"MIN", "MAX", "ALL", "COUNT"}, word) {
		a.fail("unknown return option " + word)
	}
	return word
}

// find gives the numbers of the messages wanted, sequence numbers or UIDs.
func (s *imapSession) find(wanted predicate, uid bool) []uint32 {
	var found []uint32
	c := candidate{largestSeq: uint32(len(s.view.rows))}
	if n := len(s.view.rows); n > 0 {
		c.largestUID = s.view.rows[n-1].m.uid
	}
	for i, r := range s.view.rows {
		s.store.mu.Lock()
		c.flagsNow = r.flags()
		s.store.mu.Unlock()
		c.row, c.seq = r, uint32(i+1)
		if !wanted(&c) {
			continue
		}
		if uid {
			found = append(found, r.m.uid)
		} else {
			found = append(found, c.seq)
		}
	}
	return found
}

func (s *imapSession) tellExtended(found []uint32, returns []string, uid bool) {
	text := fmt.Sprintf(`ESEARCH (TAG "%s")`, s.tag)
	if uid {
		text += " UID"
	}
	if len(returns) == 0 {
		returns = []string{"ALL"}
	}
	for _, r := range returns {
		switch {
		case r == "COUNT":
			text += fmt.Sprintf(" COUNT %d", len(found))
		case len(found) == 0: // the others have no value then
		case r == "MIN":
			text += fmt.Sprintf(" MIN %d", found[0])
		case r == "MAX":
			text += fmt.Sprintf(" MAX %d", found[len(found)-1])
		case r == "ALL":
			text += " ALL " + formatSet(found)
		}
	}
	s.untagged("%s", text)
}

// searchKeys reads keys parted by spaces; all of them must hold.
func (a *arguments) searchKeys(depth int) predicate {
	all := []predicate{a.searchKey(depth)}
	for a.err == nil && a.accept(' ') {
		all = append(all, a.searchKey(depth))
	}
	return func(c *candidate) bool {
		for _, p := range all {
			if !p(c) {
				return false
			}
		}
		return true
	}
}

// flagKeys are the keys that ask for one flag; those with UN before them ask for its absence.
var flagKeys = map[string]string{
	"ANSWERED": `\Answered`, "DELETED": `\Deleted`, "DRAFT": `\Draft`, "FLAGGED": `\Flagged`, "SEEN": `\Seen`, "RECENT": `\Recent`,
}

func (a *arguments) searchKey(depth int) predicate {
	never := func(*candidate) bool { return false }
	if depth > maxSearchDepth {
		a.fail("search keys nested too deeply")
		return never
	}
	switch c := a.peek(); {
	case c == '(':
		a.expect('(')
		p := a.searchKeys(depth + 1)
		a.expect(')')
		return p
	case c == '*' || c >= '0' && c <= '9':
		set := a.set()
		return func(c *candidate) bool { return set.has(c.seq, c.largestSeq) }
	}
	name := strings.ToUpper(a.atom())
	if p := bareKey(name); p != nil {
		return p
	}
	if a.err != nil {
		return never
	}
	a.space()
	if p := a.compoundKey(name, depth); p != nil {
		return p
	}
	if p := a.dateKey(name); p != nil {
		return p
	}
	if p := a.textKey(name); p != nil {
		return p
	}
	a.fail("unknown search key " + name)
	return never
}

// bareKey gives the keys that take no argument; nil for another key.
func bareKey(name string) predicate {
	if flag, ok := flagKeys[name]; ok {
		return func(c *candidate) bool { return hasFlag(c.flagsNow, flag) }
	}
	if positive, cut := strings.CutPrefix(name, "UN"); cut && flagKeys[positive] != "" && positive != "RECENT" {
		return func(c *candidate) bool { return !hasFlag(c.flagsNow, flagKeys[positive]) }
	}
	switch name {
	case "ALL":
		return func(*candidate) bool { return true }
	case "NEW":
		return func(c *candidate) bool { return c.recent && !hasFlag(c.flagsNow, `\Seen`) }
	case "OLD":
		return func(c *candidate) bool { return !c.recent }
	}
	return nil
}

// compoundKey reads the keys made of other keys, of sets, of flags and of sizes; nil for another key.
func (a *arguments) compoundKey(name string, depth int) predicate {
	switch name {
	case "NOT":
		p := a.searchKey(depth + 1)
		return func(c *candidate) bool { return !p(c) }
	case "OR":
		p := a.searchKey(depth + 1)
		a.space()
		q := a.searchKey(depth + 1)
		return func(c *candidate) bool { return p(c) || q(c) }
	case "UID":
		set := a.set()
		return func(c *candidate) bool { return set.has(c.m.uid, c.largestUID) }
	case "KEYWORD", "UNKEYWORD":
		flag := a.atom()
		return func(c *candidate) bool { return hasFlag(c.flagsNow, flag) == (name == "KEYWORD") }
	case "LARGER":
		n := a.number()
		return func(c *candidate) bool { return len(c.m.raw) > int(n) }
	case "SMALLER":
		n := a.number()
		return func(c *candidate) bool { return len(c.m.raw) < int(n) }
	}
	return nil
}

// dateKey reads the keys about dates, which disregard time and zone (RFC 3501, section 6.4.4); nil for another key.
func (a *arguments) dateKey(name string) predicate {
	kind, sent := strings.CutPrefix(name, "SENT")
	if kind != "BEFORE" && kind != "ON" && kind != "SINCE" {
		return nil
	}
	wanted, err := time.Parse("_2-Jan-2006", strings.TrimLeft(a.astring(), "0"))
	if err != nil {
		a.fail("invalid date")
	}
	return func(c *candidate) bool {
		t := c.m.arrived
		if sent {
			var err error
			if t, err = mail.ParseDate(c.m.structure().get("Date")); err != nil {
				return false
			}
		}
		day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
		switch kind {
		case "BEFORE":
			return day.Before(wanted)
		case "ON":
			return day.Equal(wanted)
		}
		return !day.Before(wanted)
	}
}

// textKey reads the keys that look for a text, without case and with encodings undone; nil for another key.
func (a *arguments) textKey(name string) predicate {
	header := name
	switch name {
	case "HEADER":
		header = a.astring()
		a.space()
	case "BCC", "CC", "FROM", "SUBJECT", "TO", "BODY", "TEXT":
	default:
		return nil
	}
	wanted := strings.ToLower(a.astring())
	switch name {
	case "BODY":
		return func(c *candidate) bool { return bodyHas(c.m, c.m.structure(), wanted) }
	case "TEXT":
		return func(c *candidate) bool {
			return headerHas(c.m.structure(), "", wanted) || bodyHas(c.m, c.m.structure(), wanted)
		}
	}
	return func(c *candidate) bool { return headerHas(c.m.structure(), header, wanted) }
}

// headerHas says whether a field of that name, or any for "", holds the text, which is in lower case.
func headerHas(p *part, name, wanted string) bool {
	for _, f := range p.fields {
		if (name == "" || strings.EqualFold(f.name, name)) && strings.Contains(strings.ToLower(decodeWords(f.value)), wanted) {
			return true
		}
	}
	return false
}

// bodyHas looks through the text parts.
func bodyHas(m *message, p *part, wanted string) bool {
	for _, c := range p.children {
		if bodyHas(m, c, wanted) {
			return true
		}
	}
	return p.children == nil && strings.EqualFold(p.kind, "text") && bytes.Contains(bytes.ToLower(p.text(m.raw)), []byte(wanted))
}
