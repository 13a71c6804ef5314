package replay

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"facteur/decode"
)

// What nobody asked for in this form is answered from what the recorded answers tell of messages and mailboxes, where
// they tell all of it. Nothing is made up: what is not known is refused.

// source is the recorded step that an answer was mostly put together from.
type source struct {
	session int
	step    *Step
}

// assembled answers a question that the recording does not have, from the answers to others.
func (c *serveConn) assembled(key, tag string) ([]byte, source, bool) {
	if c.door.Protocol != decode.IMAP || !c.in {
		return nil, source{}, false
	}
	rest, uid := strings.CutPrefix(key, "UID ")
	words := strings.Fields(rest)
	if len(words) < 2 {
		return nil, source{}, false
	}
	var out []byte
	var of source
	switch verb := words[0]; verb {
	case "FETCH":
		out, of = c.fetch(words, uid)
	case "SEARCH":
		out, of = c.search(words[1:], uid)
	case "STATUS":
		out, of = c.status(key)
	case "LIST", "LSUB":
		out, of = c.list(verb, key)
	}
	if of.step == nil {
		return nil, of, false
	}
	return fmt.Appendf(out, "%s OK %s%s completed.\r\n", tag, words[0][:1], strings.ToLower(words[0][1:])), of, true
}

// fetch answers a FETCH.
func (c *serveConn) fetch(words []string, uid bool) (out []byte, of source) {
	if len(words) < 3 {
		return nil, source{}
	}
	var items []fetchAsked
	for _, w := range words[2:] {
		a, ok := askedItem(w)
		if !ok {
			return nil, source{}
		}
		if a.name != "UID" {
			items = append(items, a)
		}
	}
	if uid || slices.Contains(words, "UID") {
		items = slices.Insert(items, 0, fetchAsked{name: "UID"})
	}
	for _, m := range c.cands {
		known, of, exists := c.recalled(m)
		numbers := known.chosen(words[1], uid, exists)
		if of.step == nil || len(numbers) == 0 {
			continue
		}
		out = nil
		for _, n := range numbers {
			line, ok := known[n].answer(n, items)
			if !ok {
				out = nil
				break
			}
			out = append(out, line...)
		}
		if out != nil {
			return out, of
		}
	}
	return nil, source{}
}

// recalled is what the recording tells of the messages of the mailbox that a client is in, by their numbers there, and how
// many it has, -1 where that is not told. What its own place tells counts first; other visits to the same mailbox add
// what they know of the same messages, and messages where its state was the same.
func (c *serveConn) recalled(m *matcher) (all fetched, of source, exists int) {
	from := 0
	for i := 0; i < m.done; i++ {
		if v := m.d.Steps[i].Verb; v == "SELECT" || v == "EXAMINE" || v == "EXPUNGE" || v == "MOVE" { // numbers are others from here on
			from = i
		}
	}
	all = fetched{}
	var here stay
	for _, st := range staysOf(m.d) {
		if st.from <= from {
			here = st
		}
	}
	of.session, of.step = m.d.Session, all.gather(m.d, here.mailbox, from, m.nextChange())
	exists = -1
	if here.d == nil {
		all.join()
		return all, of, exists
	}
	fresh := expunged(here.d, here.from, m.done) == 0
	if n, err := strconv.Atoi(here.exists); err == nil && fresh {
		exists = n
	}
	for _, st := range c.stays() {
		if st.mailbox != here.mailbox || st.validity != here.validity {
			continue
		}
		end := st.from
		for end < st.to && expunged(st.d, end, end+1) == 0 {
			end++
		}
		more := fetched{}
		step := more.gather(st.d, st.mailbox, st.from, end)
		all.add(more, fresh && st.exists == here.exists && st.next == here.next)
		if of.step == nil && step != nil {
			of = source{st.d.Session, step}
		}
	}
	all.join()
	return all, of, exists
}

// gather takes what steps [from, to) tell of the messages in a mailbox: the answers to FETCH, and what was stored with
// APPEND. It gives the last of these steps.
func (all fetched) gather(d *Dialogue, mailbox string, from, to int) (step *Step) {
	for i := from; i < to; i++ {
		s := &d.Steps[i]
		switch {
		case s.Kind != StepCommand || s.Cut:
		case strings.HasPrefix(strings.TrimPrefix(s.key, "UID "), "FETCH "):
			step = s
			for _, a := range s.last() {
				all.take(a.Octets, strings.Fields(s.key))
			}
		case mailbox != "" && strings.HasPrefix(s.key, "APPEND "+mailbox):
			if all.stored(s) {
				step = s
			}
		}
	}
	return step
}

// stored takes the message of an APPEND whose number and UID the server told (RFC 4315 §3).
func (all fetched) stored(s *Step) bool {
	n, uid := 0, ""
	for _, a := range s.last() {
		switch words := strings.Fields(strings.ToUpper(firstLine(a.Octets))); {
		case len(words) > 2 && words[2] == "EXISTS":
			n, _ = strconv.Atoi(words[1])
		case len(words) > 4 && words[2] == "[APPENDUID":
			uid = strings.TrimSuffix(words[4], "]")
		}
	}
	words := tokens(s.asked())
	if n == 0 || uid == "" || len(words) == 0 || !words[len(words)-1].quoted {
		return false
	}
	octets := []byte(words[len(words)-1].text)
	msg := &fetchedMessage{uid: uid, items: map[string][]byte{"UID": []byte(uid)}, parts: map[string][]part{}, whole: map[string][]byte{"BODY[]": octets}}
	if all[n] == nil {
		all[n] = msg
	} else if all[n].uid == uid {
		all[n].add(msg)
	}
	return true
}

// add takes over what another visit knows: of the messages that are known by UID, and, where the mailbox was in the same
// state, of all.
func (all fetched) add(more fetched, same bool) {
	byUID := map[string]int{}
	for n, msg := range all {
		if msg.uid != "" {
			byUID[msg.uid] = n
		}
	}
	for n, msg := range more {
		to, known := byUID[msg.uid]
		if !known && same {
			to, known = n, all[n] == nil || all[n].uid == "" || msg.uid == "" || all[n].uid == msg.uid
		}
		if !known {
			continue
		}
		if all[to] == nil {
			all[to] = msg
			continue
		}
		all[to].add(msg)
	}
}

// add takes over what is not known yet.
func (msg *fetchedMessage) add(more *fetchedMessage) {
	msg.uid = cmp.Or(msg.uid, more.uid)
	for name, value := range more.items {
		if _, known := msg.items[name]; !known {
			msg.items[name] = value
		}
	}
	for name, value := range more.whole {
		if _, known := msg.whole[name]; !known {
			msg.whole[name] = value
		}
	}
	for name, parts := range more.parts {
		msg.parts[name] = append(msg.parts[name], parts...)
	}
}

// section is all of a section, if that is known: fields of a header are taken out of it (RFC 9051 §6.4.5.1).
func (msg *fetchedMessage) section(name string) ([]byte, bool) {
	if octets, ok := msg.whole[name]; ok {
		return octets, true
	}
	list, not := "", false
	if rest, ok := strings.CutPrefix(name, "BODY[HEADER.FIELDS ("); ok {
		list = rest
	} else if list, not = strings.CutPrefix(name, "BODY[HEADER.FIELDS.NOT ("); !not {
		return nil, false
	}
	header, ok := msg.whole["BODY[HEADER]"]
	list, closed := strings.CutSuffix(list, ")]")
	if !ok || !closed {
		return nil, false
	}
	wanted := strings.Fields(strings.ReplaceAll(list, `"`, ""))
	var out []byte
	keep := false
	for line := range bytes.Lines(header) {
		if line[0] != ' ' && line[0] != '\t' {
			field, _, _ := bytes.Cut(line, []byte(":"))
			keep = slices.Contains(wanted, strings.ToUpper(string(bytes.TrimSpace(field)))) != not && len(bytes.TrimSpace(line)) > 0
		}
		if keep {
			out = append(out, line...)
		}
	}
	return append(out, "\r\n"...), true
}

// flagWords are the search keys that flags answer (RFC 9051 §6.4.4); with UN they mean the opposite.
var flagWords = map[string]string{"SEEN": `\SEEN`, "ANSWERED": `\ANSWERED`, "DELETED": `\DELETED`, "FLAGGED": `\FLAGGED`, "DRAFT": `\DRAFT`}

// has says whether a message has a flag; known is false if the recording does not tell.
func (msg *fetchedMessage) has(flag string) (yes, known bool) {
	value, known := msg.items["FLAGS"]
	return slices.Contains(strings.Fields(strings.ToUpper(strings.Trim(string(value), "()"))), flag), known
}

// search answers a SEARCH for flags, where those of all messages are known.
func (c *serveConn) search(words []string, uid bool) ([]byte, source) {
	known, of, exists := c.recalled(c.cands[0])
	if len(known) != exists || of.step == nil {
		return nil, source{}
	}
	out := []byte("* SEARCH")
	for n := 1; n <= exists; n++ {
		msg := known[n]
		if msg == nil || uid && msg.uid == "" {
			return nil, source{}
		}
		fits := true
		for _, w := range words {
			if w == "ALL" {
				continue
			}
			positive, not := strings.CutPrefix(w, "UN")
			yes, told := msg.has(flagWords[positive])
			if flagWords[positive] == "" || !told {
				return nil, source{}
			}
			fits = fits && yes != not
		}
		if fits && uid {
			out = append(append(out, ' '), msg.uid...)
		} else if fits {
			out = fmt.Appendf(out, " %d", n)
		}
	}
	return append(out, "\r\n"...), of
}
