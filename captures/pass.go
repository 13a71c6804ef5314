package captures

import (
	"io"
	"time"

	"facteur/decode"
	"facteur/decode/tlswire"
)

// place is a stream of octets: one layer of one side of one leg of a session.
type place struct {
	session int
	leg     decode.Leg
	from    decode.Side
	layer   decode.Layer
}

// pass decodes a whole capture once. What it does with what it meets is in the functions, each of which may be nil.
type pass struct {
	keys    *tlswire.KeyLog
	show    bool // leave secrets as they are
	leave   map[int]bool
	open    func(i Info) error
	event   func(session int, e *decode.Event, octets []byte) // octets: those of e.Span, as far as there are any
	rewrite func(p place, at int64, data []byte) bool
	release func(session int, c decode.Chunk) error
	close   func(session int) error
	secrets func(lines []byte) error

	remarks *remarks // packet comments for the copy; nil: none are kept

	protocol func(i *Info) // may say otherwise what a connection speaks
	reader   Reader        // with its options; the sink is the pass

	sessions map[int]*passing
	err      error
}

// passing is a session in a pass.
type passing struct {
	dec   *decode.Session
	pairs pairing
}

// run reads the file. What stopped it from writing comes before what was wrong with the file.
func (p *pass) run(path string) error {
	p.sessions, p.reader.Sink = map[int]*passing{}, p
	err := p.reader.ReadFile(path)
	if p.err != nil {
		return p.err
	}
	return err
}

// runFrom is run for what cannot be read twice.
func (p *pass) runFrom(r io.Reader, name string) error {
	p.sessions, p.reader.Sink = map[int]*passing{}, p
	err := p.reader.Read(r, name)
	if p.err != nil {
		return p.err
	}
	return err
}

func (p *pass) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// Open begins a session, or its second leg.
func (p *pass) Open(i Info) {
	if p.leave[i.Session] || p.err != nil {
		return
	}
	if p.protocol != nil {
		p.protocol(&i)
	}
	s := p.sessions[i.Session]
	if s == nil {
		s = p.begin(i)
		p.sessions[i.Session] = s
	}
	s.dec.Implicit(i.Leg, i.Implicit)
	if p.open != nil {
		if err := p.open(i); err != nil {
			p.fail(err)
			return
		}
	}
	if i.Own == nil {
		told := decode.Told{Kind: "session.open", Fields: []decode.Field{{Name: "client", Value: i.Client.String()}, {Name: "server", Value: i.Server.String()}}}
		p.Chunk(i.Session, decode.Chunk{Time: i.Time, Leg: i.Leg, Told: &told})
	}
}

func (p *pass) begin(i Info) *passing {
	s := &passing{}
	o := decode.Options{Protocol: i.Protocol, Midstream: i.Midstream, Secrets: p.keys, ShowSecrets: p.show}
	o.Implicit[i.Leg] = i.Implicit
	id := i.Session
	if p.event != nil {
		s.pairs.each = func(e *decode.Event, octets []byte) { p.event(id, e, octets) }
		o.Octets = s.pairs.octets
	}
	if p.release != nil {
		o.Release = func(c decode.Chunk) {
			if p.err == nil {
				if err := p.release(id, c); err != nil {
					p.fail(err)
				}
			}
		}
	}
	if p.rewrite != nil {
		o.Rewrite = func(leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) bool {
			return p.rewrite(place{id, leg, from, layer}, at, data)
		}
	}
	s.dec = decode.New(o)
	return s
}

// Remark keeps a packet comment for the copy.
func (p *pass) Remark(session int, leg decode.Leg, from decode.Side, ahead int, text string) {
	if p.remarks != nil && p.sessions[session] != nil {
		p.remarks.add(place{session: session, leg: leg, from: from}, ahead, text)
	}
}

// Chunk decodes what came next of a session.
func (p *pass) Chunk(session int, c decode.Chunk) {
	if s := p.sessions[session]; s != nil && p.err == nil {
		if p.remarks != nil {
			p.remarks.fed(session, &c)
		}
		s.pairs.events(s.dec.Feed(c))
	}
}

// Close ends a session.
func (p *pass) Close(session int, at time.Time) {
	s := p.sessions[session]
	if s == nil {
		return
	}
	delete(p.sessions, session)
	if p.err != nil {
		return
	}
	s.pairs.events(s.dec.Close(at))
	s.pairs.end()
	if p.close != nil {
		if err := p.close(session); err != nil {
			p.fail(err)
		}
	}
}

// Secrets adds the key log lines that the capture itself holds.
func (p *pass) Secrets(lines []byte) {
	p.keys.Add(lines)
	if p.secrets != nil && p.err == nil {
		if err := p.secrets(lines); err != nil {
			p.fail(err)
		}
	}
}
