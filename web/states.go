package web

import (
	"net/http"
	"slices"
	"strings"

	"facteur/decode"
)

// Machine is one state machine, as GET /api/v1/states gives it: decode's own table, with what the page needs to draw and
// explain it.
type Machine struct {
	ID          string              `json:"id"` // a protocol, decode.TLS12 or decode.TLS13
	States      []MachineState      `json:"states"`
	Transitions []MachineTransition `json:"transitions"`
}

// MachineState is a state; the first is where a machine begins.
type MachineState struct {
	ID   string `json:"id"`   // as the table and the events' field "state" name it
	Note string `json:"note"` // explains it
}

// MachineTransition is an arrow of the table.
type MachineTransition struct {
	From string `json:"from"` // "" is any state
	To   string `json:"to"`
	// Trigger is what moves: a verb, "greeting", "untagged", "any" or "." (the end of a message); in TLS a side.
	Trigger string `json:"trigger"`
	// Answer is how the answer to the verb begins ("2", "+OK", "LAST 2"); in TLS the message that the side sends.
	Answer string `json:"answer"`
	Note   string `json:"note"` // explains the trigger
}

// machines are all that decode has a table for, in the order in which they are offered.
var machines = []string{decode.SMTP, decode.LMTP, decode.POP3, decode.IMAP, decode.Sieve, decode.TLS12, decode.TLS13}

// machineOf reads one table.
func machineOf(id string) Machine {
	m := Machine{ID: id}
	family := id
	switch id {
	case decode.LMTP: // the same machine but for its greeting
		family = decode.SMTP
	case decode.TLS12, decode.TLS13:
		family = "tls"
	}
	state := func(name string) {
		if name != "" && !slices.ContainsFunc(m.States, func(s MachineState) bool { return s.ID == name }) {
			m.States = append(m.States, MachineState{ID: name, Note: "state." + family + "." + noteWord(name)})
		}
	}
	table := decode.States(id)
	for _, t := range table {
		state(t.From)
	}
	for _, t := range table {
		state(t.To)
	}
	for _, t := range table {
		trigger, answer, _ := strings.Cut(t.On, " ")
		m.Transitions = append(m.Transitions, MachineTransition{From: t.From, To: t.To, Trigger: trigger, Answer: answer, Note: triggerNote(id, trigger, answer)})
	}
	return m
}

// noteWord makes a state's name a component of a note's id.
func noteWord(name string) string {
	return strings.NewReplacer(" ", "_", ",", "", "'", "").Replace(name)
}

// triggerNote names the explanation of what moves a machine.
func triggerNote(id, trigger, answer string) string {
	switch {
	case id == decode.TLS12, id == decode.TLS13:
		return "tls." + answer
	case trigger == "greeting" && id == decode.IMAP:
		return "imap.greeting." + answer
	case trigger == "greeting" && id == decode.POP3:
		return "pop3.response.ok.greeting"
	case trigger == "greeting" && id == decode.Sieve:
		return "sieve.response.OK"
	case trigger == "greeting":
		return "smtp.reply.220.greeting"
	case trigger == "untagged":
		return "imap.response." + answer
	case trigger == "any":
		return "smtp.reply." + answer
	case trigger == ".":
		return "smtp.data.end"
	case id == decode.LMTP && trigger != "LHLO":
		return "smtp.command." + trigger
	}
	return id + ".command." + trigger
}

func (s *Server) getStates(w http.ResponseWriter, _ *http.Request, _ Role) {
	list := make([]Machine, len(machines))
	for i, id := range machines {
		list[i] = machineOf(id)
	}
	answer(w, map[string]any{"machines": list})
}
