package decode

import (
	"strconv"

	"facteur/decode/tlswire"
)

// What is decompressed at once: a unit ends where the sender flushed, or at these sizes, so that neither a sender that
// never flushes nor one whose octets swell a thousandfold costs memory.
const (
	maxCompressed   = 16 << 10
	maxDecompressed = dataBlock
)

// inflater undoes COMPRESS=DEFLATE (RFC 4978) on one side.
type inflater struct {
	z      inflate
	failed bool
}

// compress is called by the protocol when both sides have agreed on COMPRESS DEFLATE; re is the command. Whatever
// follows on both sides is compressed, also what came in one record with the agreement.
func (l *leg) compress(re int) {
	sd := &l.sides[Server]
	f := sd.app()
	e := l.s.event(l, Server, f.layer, Span{f.at, f.at}, "session.upgrade")
	e.add("to", "deflate", Span{})
	e.add("how", "COMPRESS", Span{})
	e.Re = re
	e.note("session.upgrade.COMPRESS")
	for i := range l.sides {
		sd := &l.sides[i]
		if sd.inflate != nil || sd.mode == opaque {
			continue
		}
		sd.inflate = &inflater{}
		if sd.mode == secure {
			sd.compressedAlready()
		}
	}
}

// compressedAlready takes back the octets that were taken for plain ones before the agreement was read: they lie behind
// it in the records that carried it.
func (sd *side) compressedAlready() {
	early := append([]byte(nil), sd.plain.buf...)
	if len(early) == 0 {
		return
	}
	at := sd.plain.at
	sd.plain.buf, sd.plain.scanned = nil, 0
	sd.plain.keep()
	sd.made = at
	wire := Span{sd.wire.at, sd.wire.at}
	for i := range sd.carried {
		c := &sd.carried[i]
		if c.plain.To <= at {
			continue
		}
		if cut := at - c.plain.From; cut >= 0 && int64(len(c.content)) >= cut {
			c.content = c.content[:cut]
		}
		c.plain = Span{min(c.plain.From, at), at}
		wire = c.wire
	}
	var rec tlswire.Record
	sd.inflateRecord(&rec, wire, early)
}

// inflateRecord decompresses the content of a TLS record. What it gives is carried by that record.
func (sd *side) inflateRecord(rec *tlswire.Record, wire Span, content []byte) {
	x := sd.inflate
	for !x.failed && len(content) > 0 {
		n, status := x.z.run(content, 1<<30)
		content, x.z.read = content[n:], 0
		out := x.z.take()
		if len(out) > 0 {
			c := carrier{wire: wire, plain: Span{sd.made, sd.made + int64(len(out))}, sealed: rec.Size > 0, inflated: true}
			if sd.leg.s.out.on() {
				c.content, c.rec = append([]byte(nil), out...), *rec
			}
			sd.made = c.plain.To
			sd.carried = append(sd.carried, c)
			sd.plain.feed(out)
			sd.plain.keep()
		}
		if status == inflateBad {
			x.failed = true
			sd.badDeflate(&sd.plain)
		}
		if status == inflateMore {
			return
		}
	}
}

// stepInflate takes the next unit of compressed octets from the wire.
func (sd *side) stepInflate() bool {
	f, x := &sd.wire, sd.inflate
	if len(f.buf) == 0 || x.failed {
		return false
	}
	_, status := x.z.run(f.buf[min(x.z.read, len(f.buf)):], maxCompressed)
	switch {
	case status == inflateBad:
		x.failed = true
	case status == inflateMore && !f.ended:
		return false
	}
	n := min(x.z.read, len(f.buf))
	x.z.read = 0
	if n > 0 {
		out := x.z.take()
		sp := f.take(n)
		e := sd.leg.s.event(sd.leg, sd.from, Wire, sp, "compress.block")
		e.add("octets", strconv.FormatInt(sp.Len(), 10), Span{})
		e.add("inflated", strconv.Itoa(len(out)), Span{})
		e.note("compress.block")
		if len(out) > 0 {
			c := carrier{wire: sp, plain: Span{sd.made, sd.made + int64(len(out))}, inflated: true}
			if sd.leg.s.out.on() {
				c.content = append([]byte(nil), out...)
			}
			sd.made = c.plain.To
			sd.carried = append(sd.carried, c)
			sd.plain.feed(out)
			sd.plain.keep()
		}
	}
	if x.failed {
		sd.badDeflate(f)
		sd.mode = opaque
	}
	return n > 0 || x.failed
}

// badDeflate tells that what should be compressed is not, or is damaged.
func (sd *side) badDeflate(f *frame) {
	at := f.at + int64(len(f.buf))
	if f == &sd.wire {
		at = f.at
	}
	e := sd.leg.s.event(sd.leg, sd.from, f.layer, Span{at, at}, "session.violation")
	e.add("rule", "bad_deflate", Span{})
	e.note("session.violation.bad_deflate")
}
