package decode

import "strings"

// Transition is one arrow of a protocol's state machine: in state From, On leads to To. The decoders move by these
// tables and the page draws them.
type Transition struct {
	// From "" is any state. Where such an arrow is taken in the normal course, the arrow stands before it once more from
	// there: it moves nothing else, and tells who draws the machine where the way leads.
	From string `json:"from"`
	// On is a verb and how the answer to it begins: "MAIL 2", "STLS +OK", "LOGIN OK"; "greeting" stands for the server's
	// first word, "any" for every verb, "." for the end of a message. In TLS it is a side and what it sends.
	On string `json:"on"`
	To string `json:"to"`
}

// The names of TLS's tables in [States].
const (
	TLS12 = "tls1.2"
	TLS13 = "tls1.3"
)

// States gives the state machine of a protocol (one of the constants [SMTP] to [Sieve], [TLS12] or [TLS13]); nil if it
// has none. The first transition starts in the first state. The slice is shared: it must not be changed.
func States(protocol string) []Transition {
	switch protocol {
	case SMTP:
		return SMTPStates
	case LMTP:
		return LMTPStates
	case POP3:
		return POP3States
	case IMAP:
		return IMAPStates
	case Sieve:
		return SieveStates
	case TLS12:
		return tls12States
	case TLS13:
		return tls13States
	}
	return nil
}

// SMTPStates is SMTP's machine (RFC 5321 §4.1.4), with STARTTLS (RFC 3207 §4.2), AUTH (RFC 4954 §4) and CHUNKING
// (RFC 3030 §2).
var SMTPStates = append([]Transition{
	{"connected", "greeting 2", "greeted"},
	{"greeted", "EHLO 2", "ready"},
	{"", "EHLO 2", "ready"},
	{"greeted", "HELO 2", "ready"},
	{"", "HELO 2", "ready"},
	{"recipients", "BDAT LAST 2", "delivered"},
	{"recipients", "BDAT LAST 4", "refused"},
	{"recipients", "BDAT LAST 5", "refused"},
	{"chunks", "BDAT LAST 2", "delivered"},
	{"chunks", "BDAT LAST 4", "refused"},
	{"chunks", "BDAT LAST 5", "refused"},
}, transactionStates...)

// LMTPStates is LMTP's machine: SMTP's with another greeting and, at the end of the message, an answer for each recipient
// (RFC 2033 §4).
var LMTPStates = append([]Transition{
	{"connected", "greeting 2", "greeted"},
	{"greeted", "LHLO 2", "ready"},
	{"", "LHLO 2", "ready"},
	{"recipients", ". 2", "delivered"}, // by a single BDAT LAST
	{"recipients", ". 4", "refused"},
	{"recipients", ". 5", "refused"},
	{"chunks", ". 2", "delivered"},
	{"chunks", ". 4", "refused"},
	{"chunks", ". 5", "refused"},
	{"refused", ". 2", "delivered"}, // to another recipient
}, transactionStates...)

var transactionStates = []Transition{
	{"ready", "STARTTLS 2", "greeted"},
	{"greeted", "STARTTLS 2", "greeted"},
	{"ready", "AUTH 2", "authenticated"},
	{"ready", "MAIL 2", "envelope"},
	{"authenticated", "MAIL 2", "envelope"},
	{"delivered", "MAIL 2", "envelope"},
	{"refused", "MAIL 2", "envelope"},
	{"", "MAIL 2", "envelope"},
	{"envelope", "RCPT 2", "recipients"},
	{"recipients", "RCPT 2", "recipients"},
	{"", "RCPT 2", "recipients"},
	{"recipients", "DATA 3", "message"},
	{"message", ". 2", "delivered"},
	{"message", ". 4", "refused"},
	{"message", ". 5", "refused"},
	{"recipients", "BDAT 2", "chunks"},
	{"chunks", "BDAT 2", "chunks"},
	{"", "RSET 2", "ready"},
	{"", "QUIT 2", "closing"},
	{"", "any 421", "closing"}, // RFC 5321 §3.8
}

// POP3States is POP3's machine (RFC 1939 §3), with STLS (RFC 2595 §4).
var POP3States = []Transition{
	{"connected", "greeting +OK", "authorization"},
	{"authorization", "PASS +OK", "transaction"},
	{"authorization", "APOP +OK", "transaction"},
	{"authorization", "AUTH +OK", "transaction"},
	{"authorization", "STLS +OK", "authorization"},
	{"transaction", "QUIT +OK", "update"},
	{"authorization", "QUIT +OK", "closing"},
}

// SieveStates is ManageSieve's machine (RFC 5804 §1.6).
var SieveStates = []Transition{
	{"connected", "greeting OK", "not authenticated"},
	{"not authenticated", "STARTTLS OK", "not authenticated"},
	{"not authenticated", "AUTHENTICATE OK", "authenticated"},
	{"authenticated", "UNAUTHENTICATE OK", "not authenticated"},
	{"", "LOGOUT OK", "closing"},
}

// arrows are a table's transitions, in its order, by the verb in On; their On is the rest, how the answer begins.
type arrows struct {
	first  string // the state that they start in
	byVerb map[string][]Transition
}

func arrowsOf(table []Transition) *arrows {
	a := &arrows{table[0].From, map[string][]Transition{}}
	for _, t := range table {
		i := strings.LastIndexByte(t.On, ' ')
		verb := t.On[:i]
		t.On = t.On[i+1:]
		a.byVerb[verb] = append(a.byVerb[verb], t)
	}
	return a
}

var (
	smtpArrows  = arrowsOf(SMTPStates)
	lmtpArrows  = arrowsOf(LMTPStates)
	pop3Arrows  = arrowsOf(POP3States)
	imapArrows  = arrowsOf(IMAPStates)
	sieveArrows = arrowsOf(SieveStates)
)

// machine is where a leg stands in its protocol's table.
type machine struct {
	arrows *arrows
	state  string
}

func newMachine(a *arrows) machine { return machine{a, a.first} }

// move takes the arrow for an answer to a verb, if there is one, and gives the new state, "" if nothing changed. An
// answer is matched by its beginning: "250" by "2", "+OK" by "+OK".
func (m *machine) move(verb, answer string) string {
	for _, t := range m.arrows.byVerb[verb] {
		if t.From != "" && t.From != m.state || !strings.HasPrefix(answer, t.On) {
			continue
		}
		if t.To == m.state {
			return ""
		}
		m.state = t.To
		return m.state
	}
	return ""
}
