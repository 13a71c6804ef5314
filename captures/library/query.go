package library

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"facteur/decode"
	"facteur/internal/filter"
)

// Recording is one file of the library.
type Recording struct {
	ID               int64
	Name, Title      string
	Size             int64
	Modified         time.Time
	SHA256           string
	Secrets          string // "masked", "kept", or "" where the file does not say: a foreign capture
	Fault, FaultFR   string // what is wrong with the file, "" for nothing
	Sessions, Events int64
	Began, Ended     time.Time
	Indexed          bool // false while it is being indexed
	Tags             []string
}

// Session is one session of a recording.
type Session struct {
	ID                    int64
	Recording             int64
	Number                int // in the recording
	Protocol              string
	Client, Server        string
	TLS                   string // versions, "" for none
	User                  string
	Began, Ended          time.Time
	Events, Lints, Faults int64
}

// Hit is an event that was found.
type Hit struct {
	Recording int64
	Name      string
	Session   int
	Seq       int
	Time      time.Time
	Leg       decode.Leg
	From      decode.Side
	Layer     decode.Layer
	Span      decode.Span
	Kind      string
	Line      string // masked; at most 500 octets
	Mark      string // what people noted there, or tagged the recording with, where that is what was found
	id        int64
}

// Recordings lists the recordings, newest first.
func (l *Library) Recordings(ctx context.Context) ([]Recording, error) {
	rows, err := l.db.QueryContext(ctx, `SELECT id, name, title, size, modified, sha256, secrets, fault, fault_fr, sessions, events, began, ended, state,
		(SELECT group_concat(tag, ' ') FROM tags t WHERE t.recording = r.name) FROM recordings r ORDER BY CASE began WHEN 0 THEN modified ELSE began END DESC`)
	if err != nil {
		return nil, failed(err)
	}
	defer rows.Close()
	var out []Recording
	for rows.Next() {
		var r Recording
		var modified, began, ended int64
		var state string
		var tags sql.NullString
		if err := rows.Scan(&r.ID, &r.Name, &r.Title, &r.Size, &modified, &r.SHA256, &r.Secrets, &r.Fault, &r.FaultFR, &r.Sessions, &r.Events, &began, &ended, &state, &tags); err != nil {
			return nil, failed(err)
		}
		r.Modified, r.Began, r.Ended, r.Indexed, r.Tags = moment(modified), moment(began), moment(ended), state == "done", strings.Fields(tags.String)
		out = append(out, r)
	}
	return out, rows.Err()
}

func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// Place names a hit for SearchFrom.
func (h *Hit) Place() string { return strconv.FormatInt(h.id, 10) }

// SearchFrom is Search behind the hit of that place, "" for the first ones. What is no place is the beginning too.
func (l *Library) SearchFrom(ctx context.Context, f *filter.Filter, limit int, place string) ([]Hit, bool, error) {
	var after *Hit
	if id, err := strconv.ParseInt(place, 10, 64); err == nil {
		after = &Hit{id: id}
	}
	return l.Search(ctx, f, limit, after)
}

// Find gives a recording by its number or its file's name.
func (l *Library) Find(ctx context.Context, which string) (Recording, error) {
	all, err := l.Recordings(ctx)
	if err != nil {
		return Recording{}, err
	}
	for _, r := range all {
		if strconv.FormatInt(r.ID, 10) == which || r.Name == which {
			return r, nil
		}
	}
	return Recording{}, notFound(which)
}

// Sessions lists the sessions of a recording in order, at most limit of them.
func (l *Library) Sessions(ctx context.Context, recording int64, limit int) ([]Session, error) {
	rows, err := l.db.QueryContext(ctx, `SELECT id, recording, number, protocol, client, server, tls, user, began, ended, events, lints, errors
		FROM sessions WHERE recording = ? ORDER BY number LIMIT ?`, recording, limit)
	if err != nil {
		return nil, failed(err)
	}
	defer rows.Close()
	var out []Session
	for rows.Next() {
		var s Session
		var began, ended int64
		if err := rows.Scan(&s.ID, &s.Recording, &s.Number, &s.Protocol, &s.Client, &s.Server, &s.TLS, &s.User, &began, &ended, &s.Events, &s.Lints, &s.Faults); err != nil {
			return nil, failed(err)
		}
		s.Began, s.Ended = moment(began), moment(ended)
		out = append(out, s)
	}
	return out, rows.Err()
}

// Search finds events by what was said, and by what people noted at them. It gives at most limit of them in the order in
// which they were indexed, beginning behind after (nil for the start), and reports whether there are more.
func (l *Library) Search(ctx context.Context, f *filter.Filter, limit int, after *Hit) (hits []Hit, more bool, err error) {
	if impossible(f) {
		return nil, false, nil
	}
	q, err := l.query(ctx, f)
	if err != nil {
		return nil, false, err
	}
	if hits, err = l.rows(ctx, q, limit+1, after); err != nil {
		return nil, false, err
	}
	noted, err := l.searchNotes(ctx, f, limit+1, after)
	if err != nil {
		return nil, false, err
	}
	if hits = merged(hits, noted); len(hits) > limit {
		return hits[:limit], true, nil
	}
	return hits, false, nil
}

// rows gives at most limit events behind after for which the conditions hold.
func (l *Library) rows(ctx context.Context, q *conditions, limit int, after *Hit) (hits []Hit, err error) {
	if after != nil {
		q.add("e.id > ?", after.id)
	}
	text := `SELECT e.id, r.id, r.name, s.number, e.seq, e.time, e.leg, e.side, e.layer, e.span_from, e.span_to, k.name, e.line
		FROM ` + q.from + ` CROSS JOIN sessions s ON s.id = e.session CROSS JOIN recordings r ON r.id = s.recording CROSS JOIN kinds k ON k.id = e.kind
		WHERE r.state = 'done'` + q.where.String() + ` ORDER BY ` + q.order + ` LIMIT ?`
	rows, err := l.db.QueryContext(ctx, text, append(q.args, limit)...)
	if err != nil {
		return nil, failed(err)
	}
	defer rows.Close()
	for rows.Next() {
		var h Hit
		var at int64
		if err := rows.Scan(&h.id, &h.Recording, &h.Name, &h.Session, &h.Seq, &at, &h.Leg, &h.From, &h.Layer, &h.Span.From, &h.Span.To, &h.Kind, &h.Line); err != nil {
			return nil, failed(err)
		}
		h.Time = moment(at)
		hits = append(hits, h)
	}
	return hits, failed(rows.Err())
}

// conditions is the part of a query that a filter makes.
type conditions struct {
	from, order string
	where       strings.Builder
	args        []any
}

func (q *conditions) add(sql string, args ...any) {
	q.where.WriteString(" AND " + sql)
	q.args = append(q.args, args...)
}

// query puts a filter into SQL. Words go to the full-text index, all in one expression, with what the facts say of the rest;
// the rest to columns.
func (l *Library) query(ctx context.Context, f *filter.Filter) (*conditions, error) {
	q := &conditions{from: "events e", order: "e.id"}
	var match, without []string
	words := false // something is looked for that only the full-text index finds soon
	for i := range f.Terms {
		t := &f.Terms[i]
		phrase := ""
		if t.Key == filter.Text || t.Key == filter.Noted {
			phrase = phraseOf(t)
			words = words || phrase != ""
		} else {
			if err := l.column(ctx, q, t); err != nil {
				return nil, err
			}
			var err error
			if phrase, err = l.factsOf(ctx, t); err != nil {
				return nil, err
			}
			words = words || t.Key == filter.Tag
		}
		switch {
		case phrase == "":
		case t.Not:
			without = append(without, phrase)
		default:
			match = append(match, phrase)
		}
	}
	if !words {
		return q, nil
	}
	if len(match) == 0 {
		match = []string{`facts : "` + factEvery + `"`}
	}
	expr := strings.Join(match, " AND ")
	for _, w := range without {
		expr = "(" + expr + ") NOT " + w
	}
	q.from, q.order = "words w CROSS JOIN events e ON e.id = w.rowid", "w.rowid"
	q.where.WriteString(" AND w.words MATCH ?")
	q.args = append(q.args, expr)
	return q, nil
}

// phraseOf writes a term for FTS5: its words one behind the other, the last one by its beginning.
func phraseOf(t *filter.Term) string {
	column := "text"
	if t.Key == filter.Noted {
		column = "note"
	}
	if strings.IndexFunc(t.Value, wordRune) < 0 {
		return "" // nothing of it is a word
	}
	return column + ` : "` + strings.ReplaceAll(t.Value, `"`, `""`) + `" *`
}

func wordRune(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x80
}

// column puts a term that looks at a column into SQL.
func (l *Library) column(ctx context.Context, q *conditions, t *filter.Term) error {
	not := func(expr string, args ...any) error {
		if t.Not {
			expr = "NOT coalesce(" + expr + ", 0)"
		}
		q.add("("+expr+")", args...)
		return nil
	}
	switch t.Key {
	case filter.Family:
		if t.Value != "tls" && t.Value != "message" && t.Value != "sasl" {
			return not("e.protocol = ?", t.Value)
		}
		in, err := l.kinds(ctx, "family = ?", t.Value)
		if err != nil {
			return err
		}
		return not(in)
	case filter.Kind:
		in, err := l.kinds(ctx, "substr(name, 1, length(?1)) = ?1", t.Value)
		if err != nil {
			return err
		}
		return not(in)
	case filter.Code:
		expr, args := codeColumn(t)
		return not(expr, args...)
	case filter.Command:
		if t.Plain() {
			return not("e.cmd = ?", t.Value)
		}
		return not("e.cmd GLOB ?", globOf(t.Value))
	case filter.From:
		return not("e.side = ?", side(t.Value))
	case filter.Leg:
		return not(fmt.Sprintf("e.leg = %d", side(t.Value))) // in full, for a partial index
	case filter.Tag:
		return not("e.tag = ?", t.Value)
	case filter.Session, filter.TLS:
		where, args := sessionsOf(t)
		return not("e.session IN (SELECT id FROM sessions WHERE "+where+")", args...)
	case filter.Secret:
		return not("e.secret = 1")
	case filter.Lint:
		return not("e.lint = 1")
	case filter.Fault:
		return not("e.error = 1")
	}
	return errors.New("library: the index knows nothing of " + string(t.Key))
}

// codeColumn writes a code term.
func codeColumn(t *filter.Term) (expr string, args []any) {
	switch {
	case t.ClassOf() > 0:
		return "e.class = ?", []any{t.ClassOf()}
	case t.Plain():
		return "e.code = ? OR e.code2 = ?", []any{t.Value, t.Value}
	}
	p := globOf(t.Value)
	return "e.code GLOB ? OR e.code2 GLOB ?", []any{p, p}
}

func side(name string) int {
	if name == "server" {
		return 1
	}
	return 0
}

// globOf writes a pattern of the filter for SQLite's GLOB.
func globOf(v string) string {
	v = strings.NewReplacer("[", "[[]", "?", "[?]").Replace(v)
	if len(v) > 1 && strings.Trim(v, "0123456789X") == "" && v[0] != 'X' {
		v = strings.ReplaceAll(v, "X", "[0-9]")
	}
	return v
}

// rare is the part of all events below which an index that gives them out of order is worth the sorting.
const rare = 50

// kinds gives the condition on an event's kind. Kinds that are common are tested as events pass; the index would give
// each kind for itself, and all of them would have to be sorted before the first is shown.
func (l *Library) kinds(ctx context.Context, where, arg string) (string, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT id, n, (SELECT sum(n) FROM kinds) FROM kinds WHERE "+where, arg)
	if err != nil {
		return "", failed(err)
	}
	defer rows.Close()
	var ids []string
	var sum, all int64
	for rows.Next() {
		var id, n int64
		if err := rows.Scan(&id, &n, &all); err != nil {
			return "", failed(err)
		}
		ids = append(ids, strconv.FormatInt(id, 10))
		sum += n
	}
	column := "e.kind"
	if len(ids) > 1 && sum > all/rare {
		column = "+e.kind" // no index
	}
	return column + " IN (" + strings.Join(ids, ",") + ")", rows.Err()
}

// impossible reports whether nothing can hold all terms: clients give no codes, servers no commands.
func impossible(f *filter.Filter) bool {
	var client, server, code, command bool
	for i := range f.Terms {
		t := &f.Terms[i]
		if t.Not {
			continue
		}
		client = client || t.Key == filter.From && t.Value == "client"
		server = server || t.Key == filter.From && t.Value == "server"
		code = code || t.Key == filter.Code
		command = command || t.Key == filter.Command
	}
	return client && (server || code) || command && (server || code)
}
