package library

import (
	"context"
	"database/sql"
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
	from := int64(0)
	if after != nil {
		from = after.id + 1
	}
	if hits, err = l.found(ctx, f, limit+1, from, nil); err != nil {
		return nil, false, err
	}
	noted, err := l.searchNotes(ctx, f, limit+1, from)
	if err != nil {
		return nil, false, err
	}
	if hits = merged(hits, noted); len(hits) > limit {
		return hits[:limit], true, nil
	}
	return hits, false, nil
}

// rowsAtOnce is how many events are read in one query.
const rowsAtOnce = 500

// rows reads events. Those that are no more, or of a recording that is being indexed anew, are left out.
func (l *Library) rows(ctx context.Context, ids []int64) (hits []Hit, err error) {
	for len(ids) > 0 {
		n := min(len(ids), rowsAtOnce)
		args := make([]any, n)
		for i := range args {
			args[i] = ids[i]
		}
		ids = ids[n:]
		rows, err := l.db.QueryContext(ctx, `SELECT e.id, r.id, r.name, s.number, e.seq, e.time, e.leg, e.side, e.layer, e.span_from, e.span_to, k.name, e.line
			FROM events e CROSS JOIN sessions s ON s.id = e.session CROSS JOIN recordings r ON r.id = s.recording CROSS JOIN kinds k ON k.id = e.kind
			WHERE e.id IN (?`+strings.Repeat(",?", n-1)+`) AND r.state = 'done' ORDER BY e.id`, args...)
		if err != nil {
			return nil, failed(err)
		}
		if hits, err = scanHits(rows, hits); err != nil {
			return nil, failed(err)
		}
	}
	return hits, nil
}

func scanHits(rows *sql.Rows, hits []Hit) ([]Hit, error) {
	defer rows.Close()
	for rows.Next() {
		var h Hit
		var at int64
		if err := rows.Scan(&h.id, &h.Recording, &h.Name, &h.Session, &h.Seq, &at, &h.Leg, &h.From, &h.Layer, &h.Span.From, &h.Span.To, &h.Kind, &h.Line); err != nil {
			return nil, err
		}
		h.Time = moment(at)
		hits = append(hits, h)
	}
	return hits, rows.Err()
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
