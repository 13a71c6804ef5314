// Package decode turns the octets of a mail session into events.
//
// It is the heart of facteur: everything is a [Chunk] before it and an [Event] after it. It reads SMTP, LMTP, POP3,
// IMAP and ManageSieve, in clear, after STARTTLS or STLS and in implicit TLS, and it never sees a socket, a file, a
// clock or a goroutine; a live session and its recording are therefore decoded by the same program to the same events.
//
// Five laws hold for any input, and the tests hold them over every fixture:
//
//  1. Split-proof: any cutting of the octets into chunks gives the same events.
//  2. Tiling: per leg, side and layer the spans touch end to end; every octet belongs to exactly one event.
//  3. Never fails: no panic, no unbounded memory, no error return. A peer out of rule is an event.
//  4. Live = replay: the events of a session equal those of its recording.
//  5. Never guesses an upgrade: TLS is looked for only where the protocol says so.
//
// One octet's way: [Session.Feed] → leg (leg.go) → tlswire, if TLS runs → frame (frame.go) → the protocol's step
// method (smtp.go, pop3.go, imap.go, sieve.go) → [Event].
package decode

import (
	"time"

	"facteur/decode/tlswire"
)

// Side is the end that sent something.
type Side uint8

// The two ends of a connection.
const (
	Client Side = iota
	Server
)

// Other is the end that Side talks to.
func (s Side) Other() Side { return s ^ 1 }

// String gives the word used in JSON: client or server.
func (s Side) String() string { return [...]string{"client", "server"}[s&1] }

// Leg is one TCP connection of a session.
type Leg uint8

// The legs of a session. A capture's session has the client leg only.
const (
	ClientLeg Leg = iota // mail client – facteur, or the one connection of a capture
	ServerLeg            // facteur – mail server
)

// String gives the word used in JSON: client or server.
func (l Leg) String() string { return [...]string{"client", "server"}[l&1] }

// Layer says which octets a span counts.
type Layer uint8

// Each layer of a leg's side is a stream of its own, counted from 0. In clear, commands and replies lie on Wire. Once TLS
// (or COMPRESS) runs, Wire is tiled by its records, TLS by the messages of TLS itself (handshake, alert, change cipher
// spec: the record contents that are not application data) and Plain by what the application said.
const (
	Wire  Layer = iota // as on the network
	TLS                // handshake and alert octets, records taken off
	Plain              // application octets, with TLS and then COMPRESS taken off
)

// String gives the word used in JSON: wire, tls or plain.
func (l Layer) String() string {
	if l > Plain {
		return "wire"
	}
	return [...]string{"wire", "tls", "plain"}[l]
}

// Span is the octets [From, To) of one side's stream on one layer.
type Span struct{ From, To int64 }

// Len is the number of octets.
func (s Span) Len() int64 { return s.To - s.From }

// End says that a side will send nothing more.
type End uint8

// How a side ended.
const (
	Open     End = iota
	Finished     // FIN: the side closed its half in order
	Reset        // RST: the connection was torn down
)

// Chunk is what reached one side of one leg: contiguous octets, octets that a capture missed, the end of the side, or
// something that happened beside the octets. Several may be set; they count in that order: Told, Lost, Data, End.
type Chunk struct {
	Time time.Time
	Leg  Leg
	From Side
	Data []byte // valid during the call only
	Lost int    // octets missing before Data
	End  End
	Told *Told
}

// Told is something that happened and that no octet shows: a connection opened or refused, an octet that facteur
// changed, a failed upstream. It becomes an event of its Kind with its Fields, and a recording keeps it.
type Told struct {
	Kind   string  `json:"kind"` // "session.open", "session.error", "session.rewrite" …
	Fields []Field `json:"fields,omitempty"`
}

// Event is one decoded thing.
type Event struct {
	Seq     int // from 1, in the session
	Time    time.Time
	Leg     Leg
	From    Side
	Layer   Layer
	Span    Span    // the octets this is, on Layer
	Carried []Span  // for events on TLS and Plain: the wire octets (records) that carried them
	Kind    string  // "smtp.command", "imap.response", "tls.client_hello", "session.gap" …
	Fields  []Field // in the order of the octets
	Re      int     // Seq of the command this answers, 0 for none
	Notes   []Note  // what to say about it; the first is the event's own
}

// Field is a named part of an event. Of a secret field the value is masked unless Options.ShowSecrets.
type Field struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Span   Span   `json:"-"` // the octets it was read from, on the event's layer; empty where it was derived
	Secret bool   `json:"secret,omitempty"`
}

// Note names an explanation in the catalogues; it never holds prose. A template's {word} is looked up in Args, then in
// the event's fields. Span, when not empty, is the part of the event that the note explains.
type Note struct {
	ID   string
	Args []Field
	Span Span
}

// Field gives the value of the first field of that name, "" if there is none.
func (e *Event) Field(name string) string {
	for i := range e.Fields {
		if e.Fields[i].Name == name {
			return e.Fields[i].Value
		}
	}
	return ""
}

// The protocols' names, as Options.Protocol and the session.open event have them.
const (
	SMTP   = "smtp"
	LMTP   = "lmtp"
	POP3   = "pop3"
	IMAP   = "imap"
	Sieve  = "sieve"
	Detect = "detect"  // decided from the first octets, and said in a session.detect event
	Opaque = "unknown" // not a mail protocol, or not one we know: counted, not decoded
)

// Options say what is known of a session before its first octet.
type Options struct {
	Protocol string  // one of the constants; "" means Detect
	Implicit [2]bool // per leg: TLS from the first octet
	// Midstream says that the beginning is missing: a response to a command already seen is no greeting.
	Midstream bool

	// Secrets opens TLS; nil shows what an eavesdropper sees.
	Secrets tlswire.Secrets
	// Await reports whether secrets may still come. While it does, octets that lack theirs wait, and everything behind
	// them (at most maxAwaiting octets), so that a late key changes no event. nil means no.
	Await func() bool

	// ShowSecrets leaves secrets as they are, in fields and in everything released. What is a secret is known from the
	// protocols' grammar, and guessed where a line is out of it. A password typed in place of a user's name is, to whoever
	// listens, a user's name: it is shown, recorded and exported as one.
	ShowSecrets bool
	// Passing says that nobody keeps events: their Fields, Notes and Carried are valid until the next call only, and what
	// held them is used again. The strings in them stay.
	Passing bool
	// Room, if set, is where the sessions that one goroutine decodes put their events together: with Passing, they are
	// then valid until the next call of any of them.
	Room *Room
	// Digest adds the SHA-256 of each side's octets to session.close.
	Digest bool

	// Release, if set, is handed every chunk again, in order, as soon as the secrecy of its octets is decided, with
	// secrets masked (inside TLS by sealing the record anew). Data is valid during the call. This is what recordings hold.
	Release func(Chunk)
	// Rewrite, if set, may change octets in place before Release and Octets are handed them, and reports whether it did: a
	// record is then sealed anew. It is asked about everything on Wire (where TLS runs that is ciphertext, not to be
	// touched) and on Plain, in order, after secrets were masked. It counts with Release or Octets only.
	Rewrite func(leg Leg, from Side, layer Layer, at int64, data []byte) bool
	// Octets, if set, is handed the octets of every layer in order, masked in the same way: what a viewer may see.
	// at is the offset of data[0] in the stream of that leg, side and layer. data is valid during the call.
	Octets func(leg Leg, from Side, layer Layer, at int64, data []byte)
}
