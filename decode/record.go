package decode

import (
	"facteur/decode/tlswire"
)

// carrier is a TLS record, or a block of compressed octets, and what it carried.
type carrier struct {
	inside      int // where in the wire's octets the plain ones stand as they are; 0 for nowhere
	wire, plain Span
	content     []byte         // of plain; kept only while someone may want it masked
	rec         tlswire.Record // to seal it again
	sealed      bool           // rec is a record (and not a block of compressed octets in clear)
	inflated    bool           // content is what came out of COMPRESS: it cannot be sealed again at the same length
	// bare: a record without octets of the protocol, an empty one or an alert. It is kept only to be sealed again where the
	// record before it was (TLS 1.0 chains them).
	bare bool
}

// stepRecord takes the next TLS record of a side.
func (l *leg) stepRecord(sd *side) bool {
	if len(sd.wire.buf) == 0 {
		return false
	}
	for i := range l.sides { // a record's octets are valid until the next one is opened
		l.sides[i].plain.keep()
	}
	rec, status := l.tls.Next(tlswire.Side(sd.from), sd.wire.buf, l.s.wait())
	switch status {
	case tlswire.NeedMore:
		return false
	case tlswire.Waiting:
		l.s.stalled = true
		return false
	case tlswire.NotTLS:
		e := l.s.event(l, sd.from, Wire, Span{sd.wire.at, sd.wire.at}, "session.violation")
		e.add("rule", "not_tls", Span{})
		e.note("session.violation.not_tls")
		sd.mode = opaque
		return true
	}
	sp := sd.wire.take(rec.Size)
	l.record(sd, &rec, sp)
	if len(rec.Messages) > 0 {
		l.messages(sd, rec.Messages, append(sd.frags, sp))
		sd.frags = nil
	} else if isMessages(&rec) {
		sd.frags = append(sd.frags, sp)
	}
	if content := rec.Content; (rec.Opened || !rec.Encrypted) && innerType(&rec) == tlswire.ApplicationData && len(content) > 0 {
		sd.application(&rec, sp, content)
	} else if rec.Opened && rec.Chained() && l.s.out.on() {
		sd.carried = append(sd.carried, carrier{wire: sp, plain: Span{sd.made, sd.made}, content: append([]byte(nil), content...), rec: rec, sealed: true, bare: true})
	}
	return true
}

func innerType(r *tlswire.Record) tlswire.ContentType {
	if r.Encrypted && r.Opened {
		return r.Inner
	}
	return r.Type
}

// isMessages reports whether a record's content is known and made of TLS's own messages.
func isMessages(r *tlswire.Record) bool {
	return (r.Opened || !r.Encrypted) && innerType(r) != tlswire.ApplicationData && len(r.Content) > 0
}

// recordIDs are the notes of a record by what is in it: in clear, opened, and sealed.
type recordIDs struct{ clear, opened, sealed string }

var recordNotes = func() map[string]recordIDs {
	m := map[string]recordIDs{}
	for _, t := range []tlswire.ContentType{0, tlswire.ChangeCipherSpec, tlswire.Alert, tlswire.Handshake, tlswire.ApplicationData, tlswire.Heartbeat} {
		id := "tls.record." + t.String()
		m[t.String()] = recordIDs{id, id + ".opened", id + ".sealed"}
	}
	return m
}()

func (l *leg) record(sd *side, rec *tlswire.Record, sp Span) {
	e := l.s.event(l, sd.from, Wire, sp, "tls.record")
	name := rec.Type.String()
	if rec.Opened {
		name = rec.Inner.String()
	}
	ids := recordNotes[name]
	e.add("type", rec.Type.String(), Span{sp.From, sp.From + 1})
	e.add("length", l.s.room.decimal(int64(rec.Length)), Span{sp.From + 3, sp.From + 5})
	switch {
	case !rec.Encrypted:
		e.note(ids.clear)
	case rec.Opened:
		e.add("opened", "yes", Span{})
		e.add("inner", name, Span{})
		e.add("content", l.s.room.decimal(int64(len(rec.Content))), Span{})
		e.note(ids.opened)
	default:
		e.add("opened", "no", Span{})
		e.add("reason", rec.Reason, Span{})
		e.note(ids.sealed)
		e.note("tls.sealed." + rec.Reason)
		l.lint.holes = true
	}
}

// messages tells TLS's own messages; their octets are the TLS layer.
func (l *leg) messages(sd *side, ms []tlswire.Message, carried []Span) {
	room, passing := l.s.room, l.s.o.Passing
	for i := range ms {
		m := &ms[i]
		sp := Span{sd.tlsAt, sd.tlsAt + int64(len(m.Raw))}
		sd.tlsAt = sp.To
		e := l.s.bare(l, sd.from, TLS, sp, m.Kind)
		e.Fields = room.fields.take(len(m.Fields)+noteRoom, fieldBatch, passing)
		e.Notes = room.notes.take(len(m.Notes)+noteRoom, noteBatch, passing)
		if len(carried) > 0 {
			e.Carried = append(room.spans.take(len(carried), spanBatch, passing), carried...)
			carried = carried[len(carried)-1:] // the next message began in the last record
		}
		for _, f := range m.Fields {
			e.Fields = append(e.Fields, field(f, sp.From))
		}
		for j := range m.Notes {
			n := &m.Notes[j]
			nn := Note{ID: n.ID}
			if len(n.Args) > 0 {
				nn.Args = room.fields.take(len(n.Args), fieldBatch, passing)
			}
			for _, a := range n.Args {
				nn.Args = append(nn.Args, field(a, sp.From))
			}
			if n.To > n.From {
				nn.Span = Span{sp.From + int64(n.From), sp.From + int64(n.To)}
			}
			e.Notes = append(e.Notes, nn)
		}
		if m.Kind == "tls.certificate" {
			lintCertificateTime(e)
		}
		if l.s.o.Octets != nil {
			l.s.o.Octets(l.id, sd.from, TLS, sp.From, m.Raw)
		}
	}
}

func field(f tlswire.Field, at int64) Field {
	out := Field{Name: f.Name, Value: f.Value, Secret: f.Secret}
	if f.To > f.From {
		out.Span = Span{at + int64(f.From), at + int64(f.To)}
	}
	return out
}

// application takes the content of an opened record: to the protocol, or through COMPRESS first.
func (sd *side) application(rec *tlswire.Record, wire Span, content []byte) {
	if sd.sumTLS != nil {
		sd.sumTLS.Write(content)
	}
	if sd.inflate != nil {
		sd.inflateRecord(rec, wire, content)
		return
	}
	c := carrier{wire: wire, plain: Span{sd.made, sd.made + int64(len(content))}, sealed: true}
	if sd.leg.s.out.on() {
		c.content, c.rec = sd.leg.s.room.copies.of(content), *rec
	}
	sd.made = c.plain.To
	sd.carried = append(sd.carried, c)
	sd.plain.feed(content) // stepRecord keeps what is left of it
}

// emit begins an event of the protocol on the frame it was read from.
func (l *leg) emit(from Side, f *frame, span Span, kind string) *Event {
	e := l.s.event(l, from, f.layer, span, kind)
	l.sides[from].cover(e)
	return e
}

// cover notes which records carried an event inside TLS, and forgets those that carry nothing beyond it.
func (sd *side) cover(e *Event) {
	if e.Layer != Plain || len(sd.carried) == 0 {
		return
	}
	n := 0
	for i := range sd.carried {
		c := &sd.carried[i]
		if c.plain.From >= e.Span.To {
			break
		}
		if c.plain.To > e.Span.From && !c.bare {
			n++
		}
	}
	e.Carried = sd.leg.s.room.spans.take(n, spanBatch, sd.leg.s.o.Passing)
	for i := range sd.carried {
		if c := &sd.carried[i]; c.plain.To > e.Span.From && !c.bare && len(e.Carried) < n {
			e.Carried = append(e.Carried, c.wire)
		}
	}
	n = 0
	for n < sd.settled && sd.carried[n].plain.To <= e.Span.To {
		n++
	}
	if !sd.leg.s.out.on() { // nobody asks for their secrecy
		for n < len(sd.carried) && sd.carried[n].plain.To <= e.Span.To {
			n++
		}
		sd.settled = n
	}
	sd.forget(n)
}

// forget drops the first n carriers.
func (sd *side) forget(n int) {
	if n == 0 {
		return
	}
	m := copy(sd.carried, sd.carried[n:])
	clear := sd.carried[m:]
	for i := range clear {
		clear[i] = carrier{}
	}
	sd.carried, sd.settled = sd.carried[:m], sd.settled-n
}

// octets cuts a run of octets that are not taken apart into events of dataBlock octets, counted from its start.
type octets struct {
	kind  string
	layer Layer
	at    int64 // where the open block began
	n     int64 // octets in the open block
	total int64 // octets of the run
}

func (o *octets) begin(kind string, f *frame) { *o = octets{kind: kind, layer: f.layer, at: f.at} }

// add takes n octets from the frame into the run.
func (o *octets) add(sd *side, f *frame, n int) {
	for n > 0 {
		k := min(int64(n), dataBlock-o.n)
		sp := f.take(int(k))
		if o.n == 0 {
			o.at = sp.From
		}
		o.n += k
		o.total += k
		n -= int(k)
		if o.n == dataBlock {
			o.flush(sd)
		}
	}
}

// flush tells the open block.
func (o *octets) flush(sd *side) {
	if o.n == 0 {
		return
	}
	e := sd.leg.s.event(sd.leg, sd.from, o.layer, Span{o.at, o.at + o.n}, o.kind)
	sd.cover(e)
	e.add("octets", sd.leg.s.room.decimal(o.n), Span{})
	e.note(o.kind)
	o.at += o.n
	o.n = 0
}

func (sd *side) stepOpaque() bool {
	f := &sd.wire
	if len(f.buf) == 0 {
		return false
	}
	if sd.run.kind == "" {
		sd.run.begin("session.opaque", f)
	}
	sd.run.add(sd, f, len(f.buf))
	return true
}

// unknown is the protocol of connections that are no mail.
type unknown struct{ l *leg }

func (u *unknown) step(from Side, f *frame) bool {
	sd := &u.l.sides[from]
	if len(f.buf) == 0 {
		return false
	}
	if sd.run.kind == "" || sd.run.layer != f.layer {
		sd.run.flush(sd)
		sd.run.begin("session.opaque", f)
	}
	sd.run.add(sd, f, len(f.buf))
	return true
}

func (u *unknown) idle(Side) bool { return true }
func (u *unknown) gap(from Side, _ int64) {
	sd := &u.l.sides[from]
	sd.run.flush(sd)
}
func (u *unknown) flush(from Side) {
	sd := &u.l.sides[from]
	sd.run.flush(sd)
}
func (u *unknown) secured() {}
