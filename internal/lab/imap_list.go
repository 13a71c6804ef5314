package lab

import (
	"slices"
	"strings"
)

// listOptions are the selection and return options of RFC 5258, with SPECIAL-USE (RFC 6154) and STATUS (RFC 5819).
type listOptions struct {
	onlySubscribed, onlySpecial bool
	showSubscribed              bool
	status                      []string
}

// list is LIST, RFC 3501, section 6.3.8, and its extended form, RFC 5258.
func (s *imapSession) list(a *arguments) error {
	var o listOptions
	a.space()
	if a.peek() == '(' {
		a.list(func() { o.selection(a) })
		a.space()
	}
	reference := a.listMailboxOrEmpty()
	a.space()
	var patterns []string
	if a.peek() == '(' {
		a.list(func() { patterns = append(patterns, a.listMailbox()) })
	} else {
		patterns = append(patterns, a.listMailboxOrEmpty())
	}
	if a.more() {
		a.space()
		if !strings.EqualFold(a.atom(), "RETURN") {
			a.fail("expected RETURN")
		}
		a.space()
		a.list(func() { o.returns(a) })
	}
	if err := a.end(); err != nil {
		return err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if len(patterns) == 1 && patterns[0] == "" { // the question for the delimiter
		s.untagged(`LIST (\Noselect) "%c" ""`, delimiter)
		return nil
	}
	for _, name := range s.drop.names() {
		if matchAny(reference, patterns, name) {
			s.tellMailbox(s.drop.boxes[name], o)
		}
	}
	return nil
}

func (a *arguments) listMailboxOrEmpty() string {
	if strings.HasPrefix(a.text[a.at:], `""`) {
		a.at += 2
		return ""
	}
	return a.listMailbox()
}

func (o *listOptions) selection(a *arguments) {
	switch word := strings.ToUpper(a.atom()); word {
	case "SUBSCRIBED":
		o.onlySubscribed, o.showSubscribed = true, true
	case "SPECIAL-USE":
		o.onlySpecial = true
	case "REMOTE", "RECURSIVEMATCH": // nothing is remote, and nothing is listed for its children's sake
	default:
		a.fail("unknown selection option " + word)
	}
}

func (o *listOptions) returns(a *arguments) {
	switch word := strings.ToUpper(a.atom()); word {
	case "SUBSCRIBED":
		o.showSubscribed = true
	case "CHILDREN", "SPECIAL-USE": // always told
	case "STATUS":
		a.space()
		o.status = a.statusItems()
	default:
		a.fail("unknown return option " + word)
	}
}

// tellMailbox sends one LIST response, with store.mu held.
func (s *imapSession) tellMailbox(b *mailbox, o listOptions) {
	if o.onlySubscribed && !s.drop.subscribed[b.name] || o.onlySpecial && b.use == "" {
		return
	}
	attributes := []string{`\HasNoChildren`}
	if s.drop.hasChildren(b.name) {
		attributes[0] = `\HasChildren`
	}
	if o.showSubscribed && s.drop.subscribed[b.name] {
		attributes = append(attributes, `\Subscribed`)
	}
	if b.use != "" {
		attributes = append(attributes, b.use)
	}
	s.untagged(`LIST (%s) "%c" %s`, strings.Join(attributes, " "), delimiter, nameOnWire(b.name))
	if o.status != nil {
		s.tellStatus(b, o.status)
	}
}

// lsub is LSUB, RFC 3501, section 6.3.9.
func (s *imapSession) lsub(a *arguments) error {
	a.space()
	reference := a.listMailboxOrEmpty()
	a.space()
	pattern := a.listMailboxOrEmpty()
	if err := a.end(); err != nil {
		return err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	var names []string
	for name := range s.drop.subscribed {
		if matchAny(reference, []string{pattern}, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		s.untagged(`LSUB () "%c" %s`, delimiter, nameOnWire(name))
	}
	return nil
}

func matchAny(reference string, patterns []string, name string) bool {
	for _, p := range patterns {
		if matchMailbox(canonicalName(reference+p), name) {
			return true
		}
	}
	return false
}

// matchMailbox says whether a name matches a pattern: * is anything, % anything but the delimiter. It takes time in
// proportion to the product of the lengths, whatever the pattern.
func matchMailbox(pattern, name string) bool {
	reached := make([]bool, len(name)+1) // reached[i]: the pattern so far matches name[:i]
	reached[0] = true
	for i := 0; i < len(pattern); i++ {
		next := make([]bool, len(name)+1)
		for j := range next {
			switch pattern[i] {
			case '*':
				next[j] = reached[j] || j > 0 && next[j-1]
			case '%':
				next[j] = reached[j] || j > 0 && next[j-1] && name[j-1] != delimiter
			default:
				next[j] = j > 0 && reached[j-1] && name[j-1] == pattern[i]
			}
		}
		reached = next
	}
	return reached[len(name)]
}
