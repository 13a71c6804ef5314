package replay

import (
	"strings"

	"facteur/decode"
)

// class says when a command may come.
type class uint8

const (
	free   class = iota // any time, any number of times: it changes nothing
	asking              // any time and number between two changes: it asks for what the last change left
	change              // in the recorded order, once each
	upgrade
	ending
)

// classes by verb; what is not named is a change.
var classes = map[string]map[string]class{
	decode.SMTP: {"EHLO": free, "HELO": free, "LHLO": free, "NOOP": free, "HELP": free, "VRFY": free, "EXPN": free, "RSET": free,
		"RCPT": asking, "STARTTLS": upgrade, "QUIT": ending},
	decode.POP3: {"CAPA": free, "NOOP": free, "LANG": free, "UTF8": free, "USER": free, "AUTH": free, "STAT": asking, "LIST": asking, "UIDL": asking,
		"RETR": asking, "TOP": asking, "DELE": asking, "LAST": asking, "STLS": upgrade, "QUIT": ending},
	decode.IMAP: {"CAPABILITY": free, "NOOP": free, "ID": free, "NAMESPACE": free, "LIST": free, "LSUB": free, "XLIST": free, "STATUS": free,
		"ENABLE": free, "CHECK": free, "GETQUOTA": free, "GETQUOTAROOT": free, "LANGUAGE": free, "SUBSCRIBE": free, "UNSUBSCRIBE": free,
		"CLOSE": free, "UNSELECT": free, "COMPRESS": free, "IDLE": asking, "FETCH": asking, "SEARCH": asking, "SORT": asking, "THREAD": asking,
		"STARTTLS": upgrade, "LOGOUT": ending},
	decode.Sieve: {"CAPABILITY": free, "NOOP": free, "LISTSCRIPTS": free, "HAVESPACE": free, "GETSCRIPT": asking, "CHECKSCRIPT": asking,
		"STARTTLS": upgrade, "LOGOUT": ending},
}

// classOf says when a command that means key may come.
func classOf(protocol, key string) class {
	if key == logIn {
		return change
	}
	if protocol == decode.LMTP {
		protocol = decode.SMTP
	}
	key = strings.TrimPrefix(key, "UID ")
	verb, _, _ := strings.Cut(key, " ")
	if c, ok := classes[protocol][verb]; ok {
		return c
	}
	return change
}

// matcher is where one client stands in a dialogue. Changes have one order; what lies between two of them may come in
// any order, again, or not at all.
type matcher struct {
	d    *Dialogue
	used []bool
	done int // index behind the last change that was asked for
}

func newMatcher(d *Dialogue) *matcher { return &matcher{d: d, used: make([]bool, len(d.Steps))} }

// found is a recorded step that answers a command.
type found struct {
	step  *Step
	index int
	again bool // it has answered before
	d     *Dialogue
}

// find looks for the step that answers a command, without taking it.
func (m *matcher) find(key string, secure bool) (found, bool) {
	switch c := classOf(m.d.Protocol, key); c {
	case free, upgrade, ending:
		return m.nearest(key, secure, 0, len(m.d.Steps))
	case asking:
		return m.nearest(key, secure, m.done, m.nextChange())
	}
	if i := m.nextChange(); i < len(m.d.Steps) && m.d.Steps[i].key == key && !m.d.Steps[i].Cut {
		return found{step: &m.d.Steps[i], index: i, d: m.d}, true
	}
	return found{}, false
}

// nearest prefers a step that is still unused and as secure as the connection, the next one first.
func (m *matcher) nearest(key string, secure bool, from, to int) (found, bool) {
	best, score := -1, -1
	for i := from; i < to; i++ {
		s := &m.d.Steps[i]
		if s.Kind != StepCommand || s.key != key || s.Cut {
			continue
		}
		points := 0
		if s.Secure == secure {
			points += 4
		}
		if !m.used[i] {
			points += 2
		}
		if i >= m.done {
			points++
		}
		if points > score || points == score && m.used[i] { // of those used, the latest
			best, score = i, points
		}
	}
	if best < 0 {
		return found{}, false
	}
	return found{step: &m.d.Steps[best], index: best, again: m.used[best], d: m.d}, true
}

// nextChange is the index of the change that has to come next, or the number of steps.
func (m *matcher) nextChange() int {
	for i := m.done; i < len(m.d.Steps); i++ {
		s := &m.d.Steps[i]
		if s.Kind == StepCommand && classOf(m.d.Protocol, s.key) == change && !m.used[i] {
			return i
		}
	}
	return len(m.d.Steps)
}

// take notes that a step was asked for.
func (m *matcher) take(f found) {
	m.used[f.index] = true
	if classOf(m.d.Protocol, f.step.key) == change {
		m.done = f.index + 1
	}
}

// expected is the step that the recording has next: the first unused one that is not free, nil at the end.
func (m *matcher) expected() *Step {
	for i := m.done; i < len(m.d.Steps); i++ {
		s := &m.d.Steps[i]
		if s.Kind == StepCommand && !m.used[i] && classOf(m.d.Protocol, s.key) != free && classOf(m.d.Protocol, s.key) != upgrade {
			return s
		}
	}
	return nil
}

// knows says whether the dialogue has a command of that verb at all.
func (m *matcher) knows(key string) bool {
	verb, _, _ := strings.Cut(strings.TrimPrefix(key, "UID "), " ")
	for i := range m.d.Steps {
		if other, _, _ := strings.Cut(strings.TrimPrefix(m.d.Steps[i].key, "UID "), " "); other == verb && m.d.Steps[i].Kind == StepCommand {
			return true
		}
	}
	return false
}

// basic says whether every IMAP server knows a command (RFC 3501 §6.3, §6.4).
func basic(key string) bool {
	verb, _, _ := strings.Cut(strings.TrimPrefix(key, "UID "), " ")
	switch verb {
	case "SELECT", "EXAMINE", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "LIST", "LSUB", "STATUS", "APPEND", "CHECK", "CLOSE", "EXPUNGE",
		"SEARCH", "FETCH", "STORE", "COPY":
		return true
	}
	return false
}
