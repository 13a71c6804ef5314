package decode

// Transition is one arrow of a protocol's state machine: in state From, On leads to To. The decoders move by these
// tables and the page draws them.
type Transition struct {
	From string `json:"from"` // "" is any state
	On   string `json:"on"`   // a verb and the answer to it, "MAIL 2"; a lone code digit class, or an event's name
	To   string `json:"to"`
}

// SMTPStates is SMTP's machine (RFC 5321 §4.1.4), with STARTTLS (RFC 3207 §4.2) and AUTH (RFC 4954 §4).
var SMTPStates = []Transition{
	{"connected", "greeting 2", "greeted"},
	{"", "EHLO 2", "ready"},
	{"", "LHLO 2", "ready"},
	{"", "HELO 2", "ready"},
	{"ready", "STARTTLS 2", "greeted"},
	{"greeted", "STARTTLS 2", "greeted"},
	{"ready", "AUTH 2", "authenticated"},
	{"ready", "* 2", "authenticated"},
	{"", "MAIL 2", "envelope"},
	{"", "RCPT 2", "recipients"},
	{"recipients", "DATA 3", "message"},
	{"message", ". 2", "delivered"},
	{"message", ". 4", "refused"},
	{"message", ". 5", "refused"},
	{"recipients", "BDAT 2", "delivered"},
	{"", "RSET 2", "ready"},
	{"", "QUIT 2", "closing"},
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

// machine is where a leg stands in its protocol's table.
type machine struct {
	table []Transition
	state string
}

func newMachine(table []Transition) machine { return machine{table, table[0].From} }

// move takes the arrow for an answer to a verb, if there is one, and gives the new state, "" if nothing changed. An
// answer is matched by its beginning: "250" by "2", "+OK" by "+OK".
func (m *machine) move(verb, answer string) string {
	for i := range m.table {
		t := &m.table[i]
		if t.From != "" && t.From != m.state {
			continue
		}
		n := len(verb)
		if len(t.On) > n+1 && t.On[:n] == verb && t.On[n] == ' ' && len(answer) >= len(t.On)-n-1 && answer[:len(t.On)-n-1] == t.On[n+1:] {
			if t.To == m.state {
				return ""
			}
			m.state = t.To
			return m.state
		}
	}
	return ""
}
