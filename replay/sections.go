package replay

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A client may fetch a message in parts (BODY[]<0.4096>) that was recorded whole, or whole what was recorded in parts, or
// other items together than the recorded client did. The messages are the same: what the recording holds of them answers.

// fetched is what the recording tells of the messages of the mailbox that is selected, by their number.
type fetched map[int]*fetchedMessage

type fetchedMessage struct {
	uid   string
	items map[string][]byte // name in upper case → its value as sent
	parts map[string][]part // BODY[…] without PEEK → stretches of it
	whole map[string][]byte // BODY[…], as far as known from its beginning to its end
}

// part is a stretch of a section; last says that the section ends with it.
type part struct {
	at     int
	octets []byte
	last   bool
}

// fetchAsked is one item of a FETCH: all of its section, or a stretch of it.
type fetchAsked struct {
	name     string // upper case, PEEK taken off
	partial  bool
	from, to int
}

// askedItem reads an item as fetchMeaning gives it: BODY.PEEK[HEADER]<0.1024>.
func askedItem(item string) (a fetchAsked, ok bool) {
	a.name = strings.ReplaceAll(strings.ReplaceAll(item, "_", " "), ".PEEK[", "[")
	section, rest, partial := strings.Cut(a.name, "]<")
	if !partial {
		return a, true
	}
	from, length, _ := strings.Cut(strings.TrimSuffix(rest, ">"), ".")
	at, err := strconv.Atoi(from)
	n, err2 := strconv.Atoi(length)
	if err != nil || err2 != nil || at < 0 || n < 0 || at > maxMessage || n > maxMessage {
		return a, false
	}
	return fetchAsked{section + "]", true, at, at + n}, true
}

// take reads one response: * 3 FETCH (UID 7 BODY[]<0> {4096} …). asked are the words of the command, which tell how long a
// stretch could have been.
func (all fetched) take(octets []byte, asked []string) {
	var n int
	var word string
	if k, _ := fmt.Sscanf(string(octets[:min(len(octets), 40)]), "* %d %s (", &n, &word); k < 2 || !strings.EqualFold(word, "FETCH") {
		return
	}
	_, list, ok := bytes.Cut(octets, []byte("("))
	if !ok {
		return
	}
	msg := all[n]
	if msg == nil {
		msg = &fetchedMessage{items: map[string][]byte{}, parts: map[string][]part{}, whole: map[string][]byte{}}
		all[n] = msg
	}
	for {
		list = bytes.TrimLeft(list, " ")
		size := atomLen(list)
		if size == 0 || len(list) <= size || list[size] != ' ' {
			return
		}
		name := strings.ToUpper(string(list[:size]))
		value, rest, ok := fetchValue(list[size+1:])
		if !ok {
			return
		}
		list = rest
		msg.keep(name, value, asked)
	}
}

// keep notes an item.
func (msg *fetchedMessage) keep(name string, value []byte, asked []string) {
	text, isString := stringOf(value)
	section, origin, partial := strings.Cut(name, "]<")
	switch {
	case name == "UID":
		msg.uid = string(value)
		fallthrough
	default:
		msg.items[name] = value
	case !isString && (strings.HasSuffix(name, "]") || partial):
	case partial:
		at, err := strconv.Atoi(strings.TrimSuffix(origin, ">"))
		if err != nil {
			return
		}
		p := part{at: at, octets: text}
		for _, w := range asked {
			if a, ok := askedItem(w); ok && a.partial && a.name == section+"]" && a.from == at {
				p.last = len(text) < a.to-a.from
			}
		}
		msg.parts[section+"]"] = append(msg.parts[section+"]"], p)
	case strings.HasSuffix(name, "]"):
		msg.whole[name] = text
	case name == "RFC822":
		msg.whole["BODY[]"] = text
	}
}

// join makes the most of what is known of each message.
func (all fetched) join() {
	for _, msg := range all {
		msg.join()
	}
}

// join puts stretches together to whole sections, and takes the sections of a whole message out of it.
func (msg *fetchedMessage) join() {
	for name, parts := range msg.parts {
		slices.SortStableFunc(parts, func(a, b part) int { return a.at - b.at })
		var all []byte
		ended := false
		for _, p := range parts {
			if p.at > len(all) {
				break // a hole
			}
			if end := p.at + len(p.octets); end > len(all) {
				all = append(all, p.octets[len(all)-p.at:]...)
			}
			ended = ended || p.last
		}
		if size := msg.items["RFC822.SIZE"]; name == "BODY[]" && string(size) == strconv.Itoa(len(all)) {
			ended = true
		}
		if _, known := msg.whole[name]; ended && !known {
			msg.whole[name] = all
		}
	}
	if all, ok := msg.whole["BODY[]"]; ok {
		head, text := all, []byte(nil)
		if i := bytes.Index(all, []byte("\r\n\r\n")); i >= 0 {
			head, text = all[:i+4], all[i+4:]
		}
		for name, octets := range map[string][]byte{"BODY[HEADER]": head, "BODY[TEXT]": text} {
			if _, known := msg.whole[name]; !known {
				msg.whole[name] = octets
			}
		}
		if _, known := msg.items["RFC822.SIZE"]; !known {
			msg.items["RFC822.SIZE"] = strconv.AppendInt(nil, int64(len(all)), 10)
		}
	}
}

// chosen lists the numbers of the messages that a set names; none where one of the set is not known. exists is how many
// messages the mailbox has, less than 0 where that is not known: once all of them are, UIDs may have holes, and * is the
// last one (RFC 9051 §2.3.1.1, §9).
func (all fetched) chosen(set string, uid bool, exists int) []int {
	of := map[int]int{}
	last := 0
	for n, msg := range all {
		at := n
		if uid {
			at, _ = strconv.Atoi(msg.uid)
		}
		of[at], last = n, max(last, at)
	}
	whole := len(all) == exists && len(of) == exists && of[0] == 0
	var out []int
	for _, stretch := range strings.Split(set, ",") {
		a, b, ranged := strings.Cut(stretch, ":")
		if !ranged {
			b = a
		}
		from, ok := place(a, last, whole)
		to, ok2 := place(b, last, whole)
		if from > to {
			from, to = to, from
		}
		if !ok || !ok2 || to-from > len(all) && !uid || to-from > maxSet {
			return nil
		}
		for i := from; i <= to; i++ {
			n, known := of[i]
			switch {
			case known:
				out = append(out, n)
			case !uid || from == to || exists >= 0 && !whole:
				return nil
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// place reads a number of a set; * is the last message, where that is known to be one.
func place(word string, last int, whole bool) (int, bool) {
	if word == "*" {
		return last, whole && last > 0
	}
	n, err := strconv.Atoi(word)
	return n, err == nil && n > 0
}

// olderNames are names of sections from before IMAP4rev1 that clients still use (RFC 3501 §6.4.5).
var olderNames = map[string]string{"RFC822": "BODY[]", "RFC822.HEADER": "BODY[HEADER]", "RFC822.TEXT": "BODY[TEXT]"}

// answer makes the response about message n; false if the recording lacks an item.
func (msg *fetchedMessage) answer(n int, items []fetchAsked) ([]byte, bool) {
	out := fmt.Appendf(nil, "* %d FETCH (", n)
	for i, a := range items {
		if i > 0 {
			out = append(out, ' ')
		}
		name := a.name
		if of, ok := olderNames[name]; ok {
			name = of
		}
		octets, ok := msg.section(name)
		if a.partial {
			var found bool
			if octets, found = msg.stretch(name, a.from, a.to); !found {
				return nil, false
			}
			out = fmt.Appendf(out, "%s<%d> {%d}\r\n%s", name, a.from, len(octets), octets)
			continue
		}
		if ok {
			out = fmt.Appendf(out, "%s {%d}\r\n%s", a.name, len(octets), octets)
			continue
		}
		value, ok := msg.items[name]
		if !ok {
			return nil, false
		}
		out = fmt.Appendf(out, "%s %s", name, value)
	}
	return append(out, ")\r\n"...), true
}

// stretch is a part of a section: of the whole, or within a part that was fetched. Beyond the end there is nothing, which is
// no error (RFC 9051 §6.4.5).
func (msg *fetchedMessage) stretch(name string, from, to int) ([]byte, bool) {
	if all, ok := msg.section(name); ok {
		return all[min(from, len(all)):min(to, len(all))], true
	}
	for _, p := range msg.parts[name] {
		if end := p.at + len(p.octets); p.at <= from && to <= end {
			return p.octets[from-p.at : to-p.at], true
		}
	}
	return nil, false
}

// fetchValue takes one value off the front: a string, a list, an atom.
func fetchValue(b []byte) (value, rest []byte, ok bool) {
	depth := 0
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '"':
			_, n := quotedString(b[i:])
			i += n
		case c == '{' || c == '~' && i+1 < len(b) && b[i+1] == '{':
			_, n := literalAt(b[i:])
			if n == 0 {
				return nil, nil, false
			}
			i += n
		case c == '(':
			depth++
			i++
		case c == ')' && depth == 0:
			return b[:i], b[i:], i > 0
		case c == ')':
			depth--
			i++
		case c == ' ' && depth == 0:
			return b[:i], b[i:], i > 0
		case c == ' ' || c == '\r' || c == '\n':
			i++
		default:
			i += max(1, atomLen(b[i:]))
		}
	}
	return nil, nil, false
}

// stringOf is the value of a quoted string or literal; NIL is none.
func stringOf(value []byte) ([]byte, bool) {
	if len(value) == 0 {
		return nil, false
	}
	switch value[0] {
	case '"':
		text, _ := quotedString(value)
		return []byte(text), true
	case '{', '~':
		text, n := literalAt(value)
		return []byte(text), n > 0
	}
	return nil, false
}
