package decode

import (
	"strconv"

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

func (l *leg) record(sd *side, rec *tlswire.Record, sp Span) {
	e := l.s.event(l, sd.from, Wire, sp, "tls.record")
	name := rec.Type.String()
	if rec.Opened {
		name = rec.Inner.String()
	}
	e.add("type", rec.Type.String(), Span{sp.From, sp.From + 1})
	e.add("length", strconv.Itoa(rec.Length), Span{sp.From + 3, sp.From + 5})
	switch {
	case !rec.Encrypted:
		e.note("tls.record." + name)
	case rec.Opened:
		e.add("opened", "yes", Span{})
		e.add("inner", name, Span{})
		e.add("content", strconv.Itoa(len(rec.Content)), Span{})
		e.note("tls.record." + name + ".opened")
	default:
		e.add("opened", "no", Span{})
		e.add("reason", rec.Reason, Span{})
		e.note("tls.record." + name + ".sealed")
		e.note("tls.sealed." + rec.Reason)
		l.lint.holes = true
	}
}

// messages tells TLS's own messages; their octets are the TLS layer.
func (l *leg) messages(sd *side, ms []tlswire.Message, carried []Span) {
	for _, m := range ms {
		sp := Span{sd.tlsAt, sd.tlsAt + int64(len(m.Raw))}
		sd.tlsAt = sp.To
		e := l.s.event(l, sd.from, TLS, sp, m.Kind)
		if len(carried) > 0 {
			e.Carried = append([]Span(nil), carried...)
			carried = carried[len(carried)-1:] // the next message began in the last record
		}
		for _, f := range m.Fields {
			e.Fields = append(e.Fields, field(f, sp.From))
		}
		for _, n := range m.Notes {
			nn := Note{ID: n.ID}
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
		c.content, c.rec = sd.leg.s.out.copyOf(content), *rec
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
	e.add("octets", strconv.FormatInt(o.n, 10), Span{})
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
