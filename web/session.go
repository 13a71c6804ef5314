package web

import (
	"strings"
	"time"

	"facteur/decode"
)

// Session is the summary of one session, as GET /api/v1/sessions and the stream give it. All of it is derived from the
// events published.
type Session struct {
	ID       int        `json:"id"`
	Opened   string     `json:"opened"`   // RFC 3339
	Closed   string     `json:"closed"`   // "" while it is open
	Protocol string     `json:"protocol"` // as session.open and session.detect say
	Client   string     `json:"client"`   // addresses, as session.open says
	Server   string     `json:"server"`
	Upstream string     `json:"upstream"`
	Route    string     `json:"route"`
	Security Security   `json:"security"`
	TLS      SessionTLS `json:"tls"`
	Events   int        `json:"events"`
	Octets   [2]int64   `json:"octets"` // on the wire of the client's leg, from client and from server
	Lints    int        `json:"lints"`  // notes that warn
	Errors   int        `json:"errors"` // session.error, session.violation and fatal TLS alerts
	LastN    int        `json:"last_n"`
	Dropped  int        `json:"dropped,omitempty"` // its events no longer kept, for want of room
}

// Security says how each leg is protected: "clear", "starttls", "tls", or "" while the leg has said nothing.
type Security struct {
	Client string `json:"client"`
	Server string `json:"server"`
}

// SessionTLS is what each leg's handshake agreed on.
type SessionTLS struct {
	Client *TLSFacts `json:"client,omitempty"`
	Server *TLSFacts `json:"server,omitempty"`
}

// TLSFacts are read from the hellos.
type TLSFacts struct {
	Version string `json:"version,omitempty"`
	Cipher  string `json:"cipher,omitempty"`
	SNI     string `json:"sni,omitempty"`
}

// How a leg is protected.
const (
	inClear  = "clear"
	startTLS = "starttls"
	fromOpen = "tls"
)

// session is a Session with what the hub keeps beside it. The hub's lock guards it.
type session struct {
	Session
	runs   []run  // its events that are kept
	rev    uint64 // hub.rev at which it was last shown
	dirty  bool   // changed since
	urgent bool   // by more than its counts
	mail   bool   // a mail protocol was spoken
}

// note takes an event into the summary.
func (s *session) note(e *decode.Event) {
	s.Events++
	if s.Opened == "" {
		s.Opened, s.urgent = stamp(e.Time), true
	}
	if e.Layer == decode.Wire && e.Leg == decode.ClientLeg {
		s.Octets[e.From&1] = max(s.Octets[e.From&1], e.Span.To)
	}
	for i := range e.Notes {
		if strings.HasPrefix(e.Notes[i].ID, "lint.") {
			s.Lints++
		}
	}
	s.noteKind(e)
}

func (s *session) noteKind(e *decode.Event) {
	room, what, _ := strings.Cut(e.Kind, ".")
	switch room {
	case "session":
		s.noteSession(what, e)
	case "tls", "sslv2":
		s.noteTLS(what, e)
	case "tcp": // how segments travelled says nothing of what they carried
	default:
		s.mail = s.mail || what == "command" || what == "reply" || what == "response"
		if e.Layer == decode.Wire {
			s.protect(e.Leg, inClear)
		}
	}
}

func (s *session) noteSession(what string, e *decode.Event) {
	switch {
	case what == "open", what == "detect":
		s.take(e, "protocol", &s.Protocol)
		s.take(e, "client", &s.Client)
		s.take(e, "server", &s.Server)
		s.take(e, "upstream", &s.Upstream)
		s.take(e, "route", &s.Route)
	case what == "close":
		s.Closed, s.urgent = stamp(e.Time), true
	case strings.HasPrefix(what, "error"), strings.HasPrefix(what, "violation"):
		s.Errors++
		s.urgent = true
	}
}

// take copies a field that the event has. The client's leg, told first, has the last word on a session.
func (s *session) take(e *decode.Event, name string, to *string) {
	value := e.Field(name)
	if value == "" || value == *to || *to != "" && e.Leg == decode.ServerLeg {
		return
	}
	*to, s.urgent = value, true
}

func (s *session) noteTLS(what string, e *decode.Event) {
	switch {
	case what == "client_hello", what == "server_hello":
		s.secure(e.Leg)
		facts := TLSFacts{}
		slot := s.tls(e.Leg)
		if *slot != nil {
			facts = **slot // copied: summaries that were handed out keep theirs
		}
		for name, to := range map[string]*string{"version": &facts.Version, "cipher": &facts.Cipher, "sni": &facts.SNI} {
			if v := e.Field(name); v != "" {
				*to = v
			}
		}
		*slot, s.urgent = &facts, true
	case what == "record":
		s.secure(e.Leg) // of a capture that began later
	case what == "alert" && e.Field("level") == "fatal":
		s.Errors++
		s.urgent = true
	}
}

// secure says that TLS runs on a leg: after words in clear, that was STARTTLS.
func (s *session) secure(leg decode.Leg) {
	switch *s.security(leg) {
	case "":
		s.protect(leg, fromOpen)
	case inClear:
		*s.security(leg), s.urgent = startTLS, true
	}
}

// protect sets what was not known yet.
func (s *session) protect(leg decode.Leg, how string) {
	if p := s.security(leg); *p == "" {
		*p, s.urgent = how, true
	}
}

func (s *session) security(leg decode.Leg) *string {
	if leg == decode.ServerLeg {
		return &s.Security.Server
	}
	return &s.Security.Client
}

func (s *session) tls(leg decode.Leg) **TLSFacts {
	if leg == decode.ServerLeg {
		return &s.TLS.Server
	}
	return &s.TLS.Client
}

// add takes consecutive numbers into the session's index.
func (s *session) add(from, to int) {
	if k := len(s.runs); k > 0 && s.runs[k-1].to == from {
		s.runs[k-1].to = to
	} else {
		s.runs = append(s.runs, run{from, to})
	}
	s.LastN = to - 1
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
