package decode

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sayings give, for each protocol, what the client says for a verb of the tables, and how the server's answer is written.
var sayings = map[string]struct {
	verb   func(verb string, n int) string
	answer func(verb, answer string, n int) string
}{
	SMTP: {smtpVerb, smtpAnswer},
	LMTP: {smtpVerb, smtpAnswer},
	POP3: {
		func(verb string, _ int) string {
			return map[string]string{"PASS": "PASS x", "APOP": "APOP a 0123", "AUTH": "AUTH PLAIN AGEAYg=="}[verb] + verbAlone(verb, "PASS APOP AUTH") + "\r\n"
		},
		func(_, answer string, _ int) string { return answer + " so\r\n" },
	},
	IMAP: {
		func(verb string, n int) string {
			if verb == "untagged" {
				return ""
			}
			args := map[string]string{"LOGIN": " a b", "AUTHENTICATE": " PLAIN AGEAYg==", "SELECT": " INBOX", "EXAMINE": " INBOX"}[verb]
			return "t" + strconv.Itoa(n) + " " + verb + args + "\r\n"
		},
		func(verb, answer string, n int) string {
			if verb == "greeting" || verb == "untagged" {
				return "* " + answer + " so\r\n"
			}
			return "t" + strconv.Itoa(n) + " " + answer + " so\r\n"
		},
	},
	Sieve: {
		func(verb string, _ int) string {
			return map[string]string{"AUTHENTICATE": `AUTHENTICATE "PLAIN" "AGEAYg=="`}[verb] + verbAlone(verb, "AUTHENTICATE") + "\r\n"
		},
		func(_, answer string, _ int) string { return answer + "\r\n" },
	},
}

// verbAlone gives the verb itself unless it is one of those that take arguments.
func verbAlone(verb, withArguments string) string {
	if hasWord(withArguments, verb) {
		return ""
	}
	return verb
}

func smtpVerb(verb string, _ int) string {
	switch verb {
	case "EHLO", "HELO", "LHLO":
		return verb + " a.test\r\n"
	case "MAIL":
		return "MAIL FROM:<a@b.test>\r\n"
	case "RCPT":
		return "RCPT TO:<a@b.test>\r\n"
	case "AUTH":
		return "AUTH PLAIN AGEAYg==\r\n"
	case "BDAT":
		return "BDAT 1\r\nx"
	case "BDAT LAST":
		return "BDAT 1 LAST\r\nx"
	case "any":
		return "NOOP\r\n"
	}
	return verb + "\r\n"
}

func smtpAnswer(verb, answer string, _ int) string {
	switch {
	case verb == "greeting", verb == "STARTTLS":
		return "220 so\r\n"
	case answer == "3":
		return "354 so\r\n"
	}
	return (answer + "50")[:3] + " so\r\n"
}

// speaker walks a protocol's table and has the decoder follow.
type speaker struct {
	t        *testing.T
	protocol string
	s        *Session
	state    string // by the table
	told     string // by the decoder's events
	n        int
	rcpts    int // LMTP: recipients of the transaction
	owed     int // answers still to come to the message's end
	log      strings.Builder
}

func newSpeaker(t *testing.T, protocol string) *speaker {
	first := States(protocol)[0].From
	return &speaker{t: t, protocol: protocol, s: New(Options{Protocol: protocol}), state: first, told: first}
}

// take goes along an arrow and checks that the decoder went too.
func (w *speaker) take(tr Transition) {
	w.t.Helper()
	i := strings.LastIndexByte(tr.On, ' ')
	verb, answer := tr.On[:i], tr.On[i+1:]
	w.n++
	say := sayings[w.protocol]
	if w.protocol == LMTP {
		w.recipients(verb)
	}
	switch {
	case verb == "greeting", verb == "." && w.owed > 0:
	case verb == "." && w.state != "message": // LMTP: the end of chunks
		w.feed(Client, say.verb("BDAT LAST", w.n))
		w.owed = w.rcpts
	default:
		w.feed(Client, say.verb(verb, w.n))
		if verb == "." {
			w.owed = w.rcpts
		}
	}
	w.feed(Server, say.answer(verb, answer, w.n))
	w.owed--
	w.state = tr.To
	if w.told != w.state {
		w.t.Fatalf("%s: behind %q the table is in %q, the decoder in %q:\n%s", w.protocol, tr.On, w.state, w.told, w.log.String())
	}
}

// recipients keeps count of the answers that LMTP owes: a RCPT is said twice, so that recipients can differ.
func (w *speaker) recipients(verb string) {
	for ; verb != "." && w.owed > 0; w.owed-- {
		w.feed(Server, smtpAnswer("", map[string]string{"delivered": "2", "refused": "5"}[w.state], 0))
	}
	switch verb {
	case "MAIL":
		w.rcpts = 0
	case "RCPT":
		w.rcpts += 2
		w.feed(Client, smtpVerb("RCPT", 0))
		w.feed(Server, smtpAnswer("", "2", 0))
	}
}

// may reports whether an arrow can be said now: within a message nothing but its end can, and answers to nothing cannot.
func (w *speaker) may(tr Transition) bool {
	verb, _, _ := strings.Cut(tr.On, " ")
	switch {
	case verb == "STARTTLS", verb == "STLS", verb == "greeting":
		return false
	case w.state == "message":
		return verb == "."
	case w.protocol == LMTP && verb == "RCPT":
		return w.state == "envelope" || w.state == "recipients"
	case w.protocol == LMTP && verb == "." && w.state == "refused":
		return w.owed > 0
	}
	return true
}

func (w *speaker) feed(from Side, text string) {
	if text == "" {
		return
	}
	w.log.WriteString(from.String() + ": " + text)
	evs := w.s.Feed(Chunk{Time: time.Unix(0, 0), From: from, Data: []byte(text)})
	for i := range evs {
		if to := evs[i].Field("state"); to != "" {
			w.told = to
		}
	}
}

// wayTo gives the shortest way from the table's first state to a state.
func wayTo(table []Transition, state string) (way []Transition, ok bool) {
	type node struct {
		state string
		way   []Transition
	}
	seen := map[string]bool{table[0].From: true}
	for queue := []node{{table[0].From, nil}}; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		if n.state == state {
			return n.way, true
		}
		for _, tr := range table {
			if (tr.From == n.state || tr.From == "" && n.state != table[0].From) && !seen[tr.To] {
				seen[tr.To] = true
				queue = append(queue, node{tr.To, append(append([]Transition(nil), n.way...), tr)})
			}
		}
	}
	return nil, false
}

// TestStatesReachable protects the tables: every state can be reached from the first, and no two arrows say different
// things of the same answer in the same state.
func TestStatesReachable(t *testing.T) {
	for _, protocol := range []string{SMTP, LMTP, POP3, IMAP, Sieve, TLS12, TLS13} {
		table := States(protocol)
		if len(table) == 0 {
			t.Fatalf("%s has no table", protocol)
		}
		arrows := map[[2]string]string{}
		for _, tr := range table {
			if _, ok := wayTo(table, tr.To); !ok {
				t.Errorf("%s: nothing leads to %q", protocol, tr.To)
			}
			if _, ok := wayTo(table, tr.From); tr.From != "" && !ok {
				t.Errorf("%s: nothing leads to %q, where an arrow begins", protocol, tr.From)
			}
			if to, twice := arrows[[2]string{tr.From, tr.On}]; twice {
				t.Errorf("%s: %q in %q leads to %q and to %q", protocol, tr.On, tr.From, to, tr.To)
			}
			if to, any := arrows[[2]string{"", tr.On}]; tr.From != "" && any {
				t.Errorf("%s: %q in %q stands behind the arrow of any state, which leads to %q", protocol, tr.On, tr.From, to)
			}
			arrows[[2]string{tr.From, tr.On}] = tr.To
		}
		for arrow, to := range arrows {
			if anyTo, ok := arrows[[2]string{"", arrow[1]}]; ok && anyTo != to {
				t.Errorf("%s: %q leads to %q from %q and to %q from any state", protocol, arrow[1], to, arrow[0], anyTo)
			}
		}
	}
	if States("http") != nil {
		t.Error("http has states")
	}
}

// TestStatesAgree protects that the decoder and the page's tables are one: for every arrow, a dialogue that goes there and
// along it brings the decoder to the same state.
func TestStatesAgree(t *testing.T) {
	for protocol := range sayings {
		table := States(protocol)
		for _, tr := range table {
			from := tr.From
			if from == "" {
				from = table[0].To
			}
			way, ok := wayTo(table, from)
			if !ok {
				t.Fatalf("%s: no way to %q", protocol, from)
			}
			w := newSpeaker(t, protocol)
			for _, step := range way {
				w.take(step)
			}
			w.take(tr)
		}
	}
}

// TestStatesWalk protects the same for long dialogues made of arrows by chance. TLS is not begun in them, nor is anything
// said behind the end.
func TestStatesWalk(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	for protocol := range sayings {
		table := States(protocol)
		for range 200 {
			w := newSpeaker(t, protocol)
			w.take(table[0])
			for range 30 {
				var open []Transition
				for _, tr := range table {
					if (tr.From == w.state || tr.From == "") && w.may(tr) && first(table, w.state, tr) {
						open = append(open, tr)
					}
				}
				if len(open) == 0 || w.state == "closing" || w.state == "logout" || w.state == "update" {
					break
				}
				w.take(open[r.IntN(len(open))])
			}
		}
	}
}

// first reports whether an arrow is the one that counts in a state: of several for one answer, the first.
func first(table []Transition, state string, tr Transition) bool {
	for _, other := range table {
		if other.On == tr.On && (other.From == state || other.From == "") {
			return other == tr
		}
	}
	return false
}
