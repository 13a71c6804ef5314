package replay

import (
	"time"

	"facteur/decode"
)

// The kinds of a step.
const (
	StepGreeting = "greeting" // the server's first words
	StepCommand  = "command"  // a command with all that belongs to it, and its answers
	StepUpgrade  = "upgrade"  // TLS or compression begins
)

// Dialogue is one recorded session as a conversation: who asked what, and what the answer was, in the protocol's own
// steps. How it was carried (segments, TLS records, compression) is taken off. It is read only once it is made.
type Dialogue struct {
	Session  int       `json:"session"`
	Protocol string    `json:"protocol"` // one of decode's constants
	Security string    `json:"security"` // Clear, StartTLS or ImplicitTLS
	Client   string    `json:"client,omitempty"`
	Server   string    `json:"server,omitempty"`
	Time     time.Time `json:"time"`
	Steps    []Step    `json:"steps,omitempty"`
	Missing  []Missing `json:"missing,omitempty"` // what the recording lacks; empty in a whole one
}

// The ways in which a session is secured.
const (
	Clear       = "clear"
	StartTLS    = "starttls" // STARTTLS, or POP3's STLS
	ImplicitTLS = "tls"      // from the first octet (RFC 8314)
)

// Step is one exchange of a dialogue.
type Step struct {
	N      int       `json:"n"`             // from 1
	Seq    int       `json:"seq,omitempty"` // of the event it begins with
	Kind   string    `json:"kind"`          // StepGreeting, StepCommand or StepUpgrade
	Verb   string    `json:"verb"`          // upper case; of an upgrade, TLS or DEFLATE
	Line   string    `json:"line"`          // the command as sent, CRLF taken off, lines joined by \n, secrets as stars
	Secure bool      `json:"secure,omitempty"`
	Time   time.Time `json:"time"`
	Turns  []Turn    `json:"-"`
	// Cut says that the recording ends before the answer does.
	Cut bool `json:"cut,omitempty"`

	key string // what the command means: equal for commands that ask for the same
	tag string // IMAP
}

// Turn is what the client sent in one go, and all that the server answered to it. A command has one; DATA, IDLE and
// SASL exchanges have more. In the greeting's only turn the client says nothing.
type Turn struct {
	Client []byte
	Server []Answer
}

// Answer is one reply or response, with all its lines and literals.
type Answer struct {
	After  time.Duration // since the turn began
	Octets []byte
	Tagged bool // IMAP: it begins with the command's tag
}

// What a recording can lack.
const (
	MissingOctets   = "octets"   // the capture lost some
	MissingKeys     = "keys"     // TLS that could not be opened
	MissingStart    = "start"    // the capture began after the connection
	MissingProtocol = "protocol" // not a mail protocol, or not understood from here on
)

// Missing is something that a recording lacks: without it a session can be shown, but not spoken again.
type Missing struct {
	What   string `json:"what"`
	From   string `json:"from"`             // client or server
	After  int    `json:"after"`            // the step it comes after, 0 for the beginning
	Octets int64  `json:"octets,omitempty"` // how many, where that is known
}

// answer is all that the server said in a step.
func (s *Step) answer() []byte {
	var all []byte
	for _, t := range s.Turns {
		for _, a := range t.Server {
			all = append(all, a.Octets...)
		}
	}
	return all
}

// last is the final turn's answers: what a log-in or a body came to.
func (s *Step) last() []Answer {
	if len(s.Turns) == 0 {
		return nil
	}
	return s.Turns[len(s.Turns)-1].Server
}

// asked is the client's first octets.
func (s *Step) asked() []byte {
	if len(s.Turns) == 0 {
		return nil
	}
	return s.Turns[0].Client
}

// isMail says whether a protocol is one that can be spoken again.
func isMail(protocol string) bool {
	switch protocol {
	case decode.SMTP, decode.LMTP, decode.POP3, decode.IMAP, decode.Sieve:
		return true
	}
	return false
}
