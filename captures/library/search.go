package library

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"

	"facteur/internal/filter"
)

// ask is a filter as the index answers it: bits that every event has to have or must not have, sessions it has to be of or
// must not be of, and words.
type ask struct {
	l     *Library
	terms []asked
	facts []any // numbers of all facts in terms, and factEvery's
	every int64
	words *wordStream // nil for none
	last  int64       // block
	read  int64       // the last block that was read
	ahead map[int64]map[int64][]byte
}

// asked is a term: any of the facts, or any of the sessions.
type asked struct {
	not      bool
	facts    []int64
	sessions []uint64 // by number, a bit each; nil where the term says nothing of them
}

// found gives at most limit events for which the filter holds, from an event's number on; of only these, if there are any.
func (l *Library) found(ctx context.Context, f *filter.Filter, limit int, from int64, only []int64) (hits []Hit, err error) {
	q, err := l.ask(ctx, f)
	if err != nil || q == nil {
		return nil, failed(err)
	}
	for len(hits) < limit {
		ids, next, err := q.some(ctx, from, limit-len(hits), only)
		if err != nil {
			return nil, failed(err)
		}
		more, err := l.rows(ctx, ids)
		if err != nil {
			return nil, err
		}
		hits = append(hits, more...)
		if from = next; next < 0 {
			break
		}
	}
	return hits, nil
}

// ask reads a filter; nil where nothing can be found.
func (l *Library) ask(ctx context.Context, f *filter.Filter) (*ask, error) {
	q := &ask{l: l, ahead: map[int64]map[int64][]byte{}, read: -2}
	err := l.db.QueryRowContext(ctx, "SELECT id, (SELECT coalesce(max(block), -1) FROM blocks) FROM facts WHERE fact = ?", factEvery).Scan(&q.every, &q.last)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	q.facts = []any{q.every}
	var match, without []string
	for i := range f.Terms {
		t := &f.Terms[i]
		if t.Key == filter.Text {
			switch phrase := phraseOf(t); {
			case phrase == "":
			case t.Not:
				without = append(without, phrase)
			default:
				match = append(match, phrase)
			}
			continue
		}
		a, err := l.asked(ctx, t)
		if err != nil {
			return nil, err
		}
		for _, id := range a.facts {
			q.facts = append(q.facts, id)
		}
		if !a.not && len(a.facts) == 0 && a.sessions == nil {
			return nil, nil
		}
		q.terms = append(q.terms, a)
	}
	switch {
	case len(match) > 0:
		expr := strings.Join(match, " AND ")
		for _, w := range without {
			expr = "(" + expr + ") NOT " + w
		}
		q.words = &wordStream{l: l, expr: expr}
	case len(without) > 0:
		q.words = &wordStream{l: l, expr: strings.Join(without, " OR "), not: true}
	}
	return q, nil
}

// phraseOf writes a term for FTS5: its words one behind the other, the last one by its beginning.
func phraseOf(t *filter.Term) string {
	if strings.IndexFunc(t.Value, wordRune) < 0 {
		return "" // nothing of it is a word
	}
	return `text : "` + strings.ReplaceAll(t.Value, `"`, `""`) + `" *`
}

func wordRune(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x80
}

// asked reads a term.
func (l *Library) asked(ctx context.Context, t *filter.Term) (a asked, err error) {
	a.not = t.Not
	add := func(where string, args ...any) {
		if err == nil {
			a.facts, err = l.factsWhere(ctx, a.facts, where, args...)
		}
	}
	is := func(about, value string) { add("fact = ?", fact(about, value)) }
	begins := func(about, value string) {
		add("fact >= ?1 AND substr(fact, 1, length(?1)) = ?1 AND fact < ?2", fact(about, value), about[:1]+";")
	}
	pattern := func(about string) {
		if t.Plain() {
			is(about, t.Value)
		} else {
			add("fact >= ?1 AND fact < ?2 AND substr(fact, 3) GLOB ?3", about, about[:1]+";", globOf(t.Value))
		}
	}
	switch t.Key {
	case filter.Family:
		if begins(factKind, t.Value+"."); err == nil && t.Value != "tls" && t.Value != "message" && t.Value != "sasl" {
			a.sessions, err = l.sessionsWhere(ctx, "protocol = ?", t.Value)
		}
	case filter.Kind:
		begins(factKind, t.Value)
	case filter.Code:
		if class := t.ClassOf(); class > 0 {
			is(factClass, strconv.Itoa(class))
			break
		}
		pattern(factCode)
		pattern(factEnhanced)
	case filter.Command:
		pattern(factCommand)
	case filter.Tag:
		is(factTag, t.Value)
	case filter.Noted:
		add("fact >= ?1 AND fact < ?2 AND instr(substr(fact, 3), ?3) > 0", factNote, factNote[:1]+";", t.Value)
	case filter.From, filter.Leg:
		name := map[filter.Key]string{filter.From: "server", filter.Leg: "serverleg"}[t.Key]
		if is(factFlag, name); t.Value == "client" {
			a.not = !a.not
		}
	case filter.Secret, filter.Lint, filter.Fault:
		is(factFlag, string(t.Key))
	case filter.Session:
		a.sessions, err = l.sessionsWhere(ctx, "number BETWEEN ? AND ?", t.Low, t.High)
	case filter.TLS:
		a.sessions, err = l.sessionsWhere(ctx, "instr(lower(tls), ?) > 0", t.Value)
	}
	return a, err
}

// factsWhere adds the numbers of facts.
func (l *Library) factsWhere(ctx context.Context, to []int64, where string, args ...any) ([]int64, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT id FROM facts WHERE "+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		to = append(to, id)
	}
	return to, rows.Err()
}

// sessionsWhere gives sessions by number, a bit each.
func (l *Library) sessionsWhere(ctx context.Context, where string, args ...any) ([]uint64, error) {
	var all sql.NullString
	if err := l.db.QueryRowContext(ctx, "SELECT group_concat(id) FROM sessions WHERE "+where, args...).Scan(&all); err != nil {
		return nil, err
	}
	out := []uint64{0}
	for id := range numbers(all.String) {
		for int(id>>6) >= len(out) {
			out = append(out, make([]uint64, len(out))...)
		}
		out[id>>6] |= 1 << (id & 63)
	}
	return out, nil
}

// numbers reads what group_concat joined.
func numbers(joined string) func(yield func(int64) bool) {
	return func(yield func(int64) bool) {
		n, any := int64(0), false
		for i := 0; i <= len(joined); i++ {
			if i == len(joined) || joined[i] == ',' {
				if any && !yield(n) {
					return
				}
				n, any = 0, false
				continue
			}
			n, any = 10*n+int64(joined[i]-'0'), true
		}
	}
}

// globOf writes a pattern of the filter for SQLite's GLOB.
func globOf(v string) string {
	v = strings.NewReplacer("[", "[[]", "?", "[?]").Replace(v)
	if len(v) > 1 && strings.Trim(v, "0123456789X") == "" && v[0] != 'X' {
		v = strings.ReplaceAll(v, "X", "[0-9]")
	}
	return v
}

// some gives at most limit numbers of events from one on, and where to go on, less than 0 for nowhere.
func (q *ask) some(ctx context.Context, from int64, limit int, only []int64) (ids []int64, next int64, err error) {
	for block := blockOf(from); block <= q.last; block++ {
		if q.words != nil && !q.words.not {
			if block, err = q.words.nextBlock(ctx, max(from, block<<blockBits)); err != nil || block < 0 || block > q.last {
				return ids, -1, err
			}
		}
		if only != nil {
			i, _ := slices.BinarySearch(only, max(from, block<<blockBits))
			if i == len(only) {
				return ids, -1, nil
			}
			block = max(block, blockOf(only[i]))
		}
		var b bitset
		if err := q.block(ctx, block, &b); err != nil {
			return nil, -1, err
		}
		b.each(func(i int) bool {
			id := block<<blockBits | int64(i)
			if id < from {
				return true
			}
			if only != nil {
				if _, is := slices.BinarySearch(only, id); !is {
					return true
				}
			}
			if len(ids) == limit {
				next = id
				return false
			}
			ids = append(ids, id)
			return true
		})
		if len(ids) == limit {
			return ids, max(next, ids[limit-1]+1), nil
		}
	}
	return ids, -1, nil
}

// block says for which events of a block the filter holds.
func (q *ask) block(ctx context.Context, block int64, b *bitset) error {
	facts, err := q.bits(ctx, block)
	if err != nil {
		return err
	}
	b.add(facts[q.every])
	var column []byte
	for i := range q.terms {
		t := &q.terms[i]
		if *b == (bitset{}) {
			return nil
		}
		var any bitset
		for _, id := range t.facts {
			any.add(facts[id])
		}
		if t.sessions != nil {
			if column == nil {
				if err := q.l.db.QueryRowContext(ctx, "SELECT bits FROM blocks WHERE block = ? AND fact = ?", block, sessionColumn).Scan(&column); err != nil {
					return err
				}
			}
			b.each(func(i int) bool {
				if s := binary.LittleEndian.Uint32(column[4*i:]); int(s>>6) < len(t.sessions) && t.sessions[s>>6]>>(s&63)&1 == 1 {
					any.set(i)
				}
				return true
			})
		}
		b.only(&any, t.not)
	}
	if q.words != nil && *b != (bitset{}) {
		var said bitset
		if err := q.words.block(ctx, block, &said); err != nil {
			return err
		}
		b.only(&said, q.words.not)
	}
	return nil
}

const (
	// atOnce is how many blocks are read in one query, once the first one has not been enough.
	atOnce = 16
	// factsAtOnce is how many facts are: more than anybody means by a pattern, less than SQLite takes parameters.
	factsAtOnce = 2000
)

// bits reads what is known of the facts in a block.
func (q *ask) bits(ctx context.Context, block int64) (map[int64][]byte, error) {
	if facts, ok := q.ahead[block]; ok {
		delete(q.ahead, block)
		return facts, nil
	}
	n := 1
	if block == q.read+1 { // words that are rare go from block to block in leaps
		n = atOnce
	}
	q.read = block + int64(n) - 1
	q.ahead = map[int64]map[int64][]byte{}
	var args []any
	for i := range n {
		q.ahead[block+int64(i)] = map[int64][]byte{}
		args = append(args, block+int64(i))
	}
	for some := range slices.Chunk(q.facts, factsAtOnce) {
		err := q.readAhead(ctx, "SELECT block, fact, bits FROM blocks WHERE block IN (?"+strings.Repeat(",?", n-1)+") AND fact IN (?"+strings.Repeat(",?", len(some)-1)+")",
			append(slices.Clip(args), some...))
		if err != nil {
			return nil, err
		}
	}
	facts := q.ahead[block]
	delete(q.ahead, block)
	return facts, nil
}

func (q *ask) readAhead(ctx context.Context, query string, args []any) error {
	rows, err := q.l.db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var at, id int64
		var blob []byte
		if err := rows.Scan(&at, &id, &blob); err != nil {
			return err
		}
		q.ahead[at][id] = blob
	}
	return rows.Err()
}
