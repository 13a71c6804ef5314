package watch

import (
	"strings"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
)

// File decodes the sessions of a capture: it is a captures.Sink.
type File struct {
	Show        Show
	Keys        *tlswire.KeyLog
	As          string // protocol to decode every session as, "" to go by port and content
	ShowSecrets bool
	Digest      bool
	Octets      bool // hand octets to Show, not only events
	Passing     bool // Show lets go of events and all that is in them when Publish returns
	// Room, if set, holds the events of all sessions while they pass.
	Room *decode.Room
	// Place, if set, is where this is in a capture of which others decode sessions too.
	Place *Place
	// Late, if set, gives the secrets of the whole capture. It is called where Place and Keys have none.
	Late func() *tlswire.KeyLog

	sessions map[int]*decode.Session
}

// Open begins a session, or its second leg.
func (f *File) Open(i captures.Info) {
	if f.sessions == nil {
		f.sessions = map[int]*decode.Session{}
	}
	s := f.sessions[i.Session]
	if s == nil {
		s = f.begin(i)
		f.sessions[i.Session] = s
	}
	s.Implicit(i.Leg, i.Implicit)
	if i.Own != nil {
		return // the recording tells of it
	}
	told := decode.Told{Kind: "session.open", Fields: []decode.Field{{Name: "client", Value: i.Client.String()}, {Name: "server", Value: i.Server.String()}}}
	f.Show.Publish(i.Session, s.Feed(decode.Chunk{Time: i.Time, Leg: i.Leg, Told: &told}))
}

func (f *File) begin(i captures.Info) *decode.Session {
	o := decode.Options{Protocol: i.Protocol, Midstream: i.Midstream, Secrets: f.secrets(), ShowSecrets: f.ShowSecrets, Digest: f.Digest, Passing: f.Passing, Room: f.Room}
	o.Implicit[i.Leg] = i.Implicit
	if f.As != "" {
		o.Protocol, o.Implicit[0] = Protocol(f.As)
	}
	if f.Octets {
		id := i.Session
		o.Octets = func(leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
			f.Show.Octets(id, leg, from, layer, at, data)
		}
	}
	return decode.New(o)
}

// Protocol gives what a name like imap, imaps or submission stands for: decode's name of the protocol, and whether TLS
// begins with the first octet.
func Protocol(name string) (protocol string, implicit bool) {
	if name == "submission" {
		return decode.SMTP, false
	}
	return strings.TrimSuffix(name, "s"), strings.HasSuffix(name, "s")
}

// Chunk decodes what came next of a session.
func (f *File) Chunk(session int, c decode.Chunk) {
	if s := f.sessions[session]; s != nil {
		f.publish(session, s.Feed(c))
	}
}

// Close ends a session.
func (f *File) Close(session int, at time.Time) {
	if s := f.sessions[session]; s != nil {
		f.publish(session, s.Close(at))
		delete(f.sessions, session)
	}
}

func (f *File) secrets() tlswire.Secrets {
	if f.Place == nil || f.Keys == nil {
		return f.Keys
	}
	return elsewhere{f.Keys, f}
}

// elsewhere is a key log that several sessions fill and ask at a time, as if they came one after the other, with what the
// capture itself holds.
type elsewhere struct {
	*tlswire.KeyLog
	f *File
}

// Secret is that of tlswire.Secrets.
func (s elsewhere) Secret(label string, id []byte) []byte {
	if tlswire.Learned(label) {
		if s.known() {
			s.f.Place.Earlier()
		}
		return s.KeyLog.Secret(label, id)
	}
	if secret := s.f.Place.Secret(label, id); secret != nil {
		return secret
	}
	if secret := s.KeyLog.Secret(label, id); secret != nil || s.f.Late == nil {
		return secret
	}
	return s.f.Late().Secret(label, id)
}

// known reports whether there are any secrets, so that an earlier session may have brought more.
func (s elsewhere) known() bool {
	return s.Len() > 0 || len(s.RSAKeys()) > 0 || s.f.Place.AnySecrets() || s.f.Late != nil && s.f.Late().Len() > 0
}

// Secrets adds the key log lines that the capture itself holds.
func (f *File) Secrets(keylog []byte) { f.Keys.Add(keylog) }

func (f *File) publish(session int, evs []decode.Event) {
	if len(evs) > 0 {
		f.Show.Publish(session, evs)
	}
}
