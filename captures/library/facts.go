package library

import (
	"context"
	"database/sql"
	"encoding/binary"
	"math/bits"
	"strconv"
	"strings"

	"facteur/decode"
)

// A fact is something that is so of many events: a kind, a code, that the server speaks. Of each fact the index keeps, for
// every block of events, which of them it is a fact of, one bit an event. What a filter asks for is facts, joined by "and"
// and "not": some additions of bits say which events of a block hold all of them, whatever is common or rare of it, and
// the rows of those alone are read. A million events are 123 blocks.
//
// Facts are written with the events, in the same transaction. Only factEvery is set once a recording is whole, and taken
// away first when it is forgotten: bits of events that are no more do no harm.

// Each fact begins with the letter of what it is about.
const (
	factEvery     = "every" // what all events of whole recordings have
	factRecording = "r:"
	factKind      = "k:"
	factClass     = "d:"
	factCode      = "c:"
	factEnhanced  = "e:"
	factCommand   = "m:"
	factTag       = "t:"
	factNote      = "n:"
	factFlag      = "f:" // secret, lint, error; server, serverleg
)

const (
	// blockBits is the binary logarithm of the events in a block: bits of three facts lie on a page of the database.
	blockBits     = 13
	blockSize     = 1 << blockBits
	blockSizeText = "8192"
	// maxFact is how many octets of a value are in its fact: more than any verb, code or tag that is meant seriously.
	maxFact = 200
	// sessionColumn stands for a fact's number: under it lies which session each event of a block is of.
	sessionColumn = 0
)

// bitset says which events of a block are meant.
type bitset [blockSize / 64]uint64

// add sets the bits that a blob tells: one each, or, of few events, their places in two octets each.
func (b *bitset) add(blob []byte) {
	if len(blob) == blockSize/8 {
		for i := range b {
			b[i] |= binary.LittleEndian.Uint64(blob[8*i:])
		}
		return
	}
	for ; len(blob) > 1; blob = blob[2:] {
		b.set(int(binary.LittleEndian.Uint16(blob)))
	}
}

func (b *bitset) set(i int) { b[i>>6&(len(b)-1)] |= 1 << (i & 63) }

// only keeps what is in both; with not, what is not in the other.
func (b *bitset) only(other *bitset, not bool) {
	for i := range b {
		if not {
			b[i] &^= other[i]
		} else {
			b[i] &= other[i]
		}
	}
}

func (b *bitset) count() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// each calls f with the place of each event, in order, until that says no.
func (b *bitset) each(f func(i int) bool) {
	for k, w := range b {
		for ; w != 0; w &= w - 1 {
			if !f(k<<6 | bits.TrailingZeros64(w)) {
				return
			}
		}
	}
}

// blob is what add reads.
func (b *bitset) blob() []byte {
	n := b.count()
	if n >= blockSize/16 {
		out := make([]byte, 0, blockSize/8)
		for _, w := range b {
			out = binary.LittleEndian.AppendUint64(out, w)
		}
		return out
	}
	out := make([]byte, 0, 2*n)
	b.each(func(i int) bool { out = binary.LittleEndian.AppendUint16(out, uint16(i)); return true })
	return out
}

// blockOf is the block of an event.
func blockOf(event int64) int64 { return event >> blockBits }

// fact writes a value as a fact.
func fact(about, value string) string {
	if len(value) > maxFact {
		value = value[:maxFact]
	}
	return about + value
}

// columns are what facts are made of; "" for what an event has not.
type columns struct {
	code, code2, class, cmd, tag string
	secret, lint, fault          bool
}

// facts calls add with each fact of an event.
func (c *columns) facts(e *decode.Event, add func(fact string)) {
	add(fact(factKind, e.Kind))
	for _, x := range []struct{ about, value string }{{factClass, c.class}, {factCode, c.code}, {factEnhanced, c.code2}, {factCommand, c.cmd}, {factTag, c.tag}} {
		if x.value != "" {
			add(fact(x.about, x.value))
		}
	}
	for _, x := range []struct {
		is   bool
		name string
	}{{c.secret, "secret"}, {c.lint, "lint"}, {c.fault, "error"}, {e.From == decode.Server, "server"}, {e.Leg == decode.ServerLeg, "serverleg"}} {
		if x.is {
			add(factFlag + x.name)
		}
	}
	for i := range e.Notes {
		add(fact(factNote, strings.ToLower(e.Notes[i].ID)))
	}
}

// putBits writes what is known of a fact in a block.
const putBits = "INSERT INTO blocks (block, fact, bits) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET bits = excluded.bits"

// gathered is the facts of a batch of events that is not written yet.
type gathered struct {
	numbers map[string]int64 // of facts
	events  map[place][]uint16
	columns map[int64][]sessionOf
}

// place is where bits lie.
type place struct{ block, fact int64 }

type sessionOf struct {
	at      uint16
	session int64
}

// maxNumbers is how many facts' numbers are kept at hand; tags of a large recording are many more.
const maxNumbers = 10_000

// number gives a fact's number.
func (g *gathered) number(ctx context.Context, tx *sql.Tx, fact string) (id int64, err error) {
	if id, ok := g.numbers[fact]; ok {
		return id, nil
	}
	if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO facts (fact) VALUES (?)", fact); err != nil {
		return 0, err
	}
	if err := tx.QueryRowContext(ctx, "SELECT id FROM facts WHERE fact = ?", fact).Scan(&id); err != nil {
		return 0, err
	}
	if g.numbers == nil || len(g.numbers) >= maxNumbers {
		g.numbers = map[string]int64{}
	}
	g.numbers[fact] = id
	return id, nil
}

// add notes an event's facts.
func (g *gathered) add(ctx context.Context, tx *sql.Tx, event, session, recording int64, e *decode.Event, c *columns) (err error) {
	if g.events == nil {
		g.events, g.columns = map[place][]uint16{}, map[int64][]sessionOf{}
	}
	block, at := blockOf(event), uint16(event&(blockSize-1))
	note := func(fact string) {
		id, e := g.number(ctx, tx, fact)
		if e != nil {
			err = e
			return
		}
		p := place{block, id}
		g.events[p] = append(g.events[p], at)
	}
	c.facts(e, note)
	note(factRecording + strconv.FormatInt(recording, 10))
	g.columns[block] = append(g.columns[block], sessionOf{at, session})
	return err
}

// write puts what was gathered to what is there.
func (g *gathered) write(ctx context.Context, tx *sql.Tx, recording int64) error {
	get, err := tx.PrepareContext(ctx, "SELECT bits FROM blocks WHERE block = ? AND fact = ?")
	if err != nil {
		return err
	}
	put, err := tx.PrepareContext(ctx, putBits)
	if err != nil {
		return err
	}
	defer get.Close()
	defer put.Close()
	old := func(p place) (blob []byte, err error) {
		if err = get.QueryRowContext(ctx, p.block, p.fact).Scan(&blob); err == sql.ErrNoRows {
			err = nil
		}
		return blob, err
	}
	for p, events := range g.events {
		blob, err := old(p)
		if err != nil {
			return err
		}
		var b bitset
		b.add(blob)
		for _, at := range events {
			b.set(int(at))
		}
		if _, err := put.ExecContext(ctx, p.block, p.fact, b.blob()); err != nil {
			return err
		}
	}
	for block, sessions := range g.columns {
		if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO recorded (recording, block) VALUES (?, ?)", recording, block); err != nil {
			return err
		}
		blob, err := old(place{block, sessionColumn})
		if err != nil {
			return err
		}
		if blob == nil {
			blob = make([]byte, 4*blockSize)
		}
		for _, s := range sessions {
			binary.LittleEndian.PutUint32(blob[4*int(s.at):], uint32(s.session))
		}
		if _, err := put.ExecContext(ctx, block, sessionColumn, blob); err != nil {
			return err
		}
	}
	clear(g.events)
	clear(g.columns)
	return nil
}

// publish has searches find a recording's events; with hide, no longer.
func publish(ctx context.Context, tx *sql.Tx, recording int64, hide bool) error {
	var g gathered
	every, err := g.number(ctx, tx, factEvery)
	if err != nil {
		return err
	}
	own, err := g.number(ctx, tx, factRecording+strconv.FormatInt(recording, 10))
	if err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, `SELECT o.block, o.bits, e.bits FROM blocks o LEFT JOIN blocks e ON e.block = o.block AND e.fact = ? WHERE o.fact = ? AND o.block IN
		(SELECT block FROM recorded WHERE recording = ?)`, every, own, recording)
	if err != nil {
		return err
	}
	defer rows.Close()
	changed := map[int64][]byte{}
	for rows.Next() {
		var block int64
		var mine, all []byte
		if err := rows.Scan(&block, &mine, &all); err != nil {
			return err
		}
		var b, m bitset
		b.add(all)
		m.add(mine)
		if hide {
			b.only(&m, true)
		} else {
			for i := range b {
				b[i] |= m[i]
			}
		}
		changed[block] = b.blob()
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for block, blob := range changed {
		if _, err := tx.ExecContext(ctx, putBits, block, every, blob); err != nil {
			return err
		}
	}
	return nil
}
