package library

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
)

// Fault is a difference between the index and the recordings.
type Fault struct {
	Recording string // "" for the index itself
	// What is "index" (SQLite finds it damaged), "missing", "unknown" (not indexed), "size", "digest", "sessions", "events",
	// "unfinished" or "unreadable".
	What   string
	Detail string
}

// Verify holds the index against the recordings: every file is read and decoded again, and its size, SHA-256, and numbers
// of sessions and events are compared. It changes nothing.
func (l *Library) Verify(ctx context.Context) ([]Fault, error) {
	var faults []Fault
	add := func(name, what, format string, args ...any) {
		faults = append(faults, Fault{name, what, fmt.Sprintf(format, args...)})
	}
	if err := l.checkIndex(ctx, func(s string) { add("", "index", "%s", s) }); err != nil {
		return nil, err
	}
	files, err := l.files()
	if err != nil {
		return nil, err
	}
	all, err := l.Recordings(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		st := files[r.Name]
		delete(files, r.Name)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		err := l.checkRecording(ctx, &r, st, func(what, format string, args ...any) { add(r.Name, what, format, args...) })
		if err != nil {
			return nil, err
		}
	}
	for name := range files {
		if _, err := os.Stat(l.Path(name)); err == nil {
			add(name, "unknown", "not indexed yet")
		}
	}
	return faults, nil
}

// checkRecording tells the first thing that is wrong with a recording, st being its file, nil if it is gone.
func (l *Library) checkRecording(ctx context.Context, r *Recording, st fs.FileInfo, tell func(what, format string, args ...any)) error {
	switch {
	case st == nil:
		tell("missing", "the file is gone")
		return nil
	case !r.Indexed:
		tell("unfinished", "its indexing has not ended")
		return nil
	case st.Size() != r.Size:
		tell("size", "%d octets, indexed with %d", st.Size(), r.Size)
		return nil
	}
	sum, err := digest(l.Path(r.Name))
	if err != nil {
		tell("unreadable", "%v", err)
		return nil
	}
	if sum != r.SHA256 {
		tell("digest", "SHA-256 %s, indexed with %s", sum, r.SHA256)
		return nil
	}
	c := counter{keys: new(tlswire.KeyLog), sessions: map[int]*decode.Session{}}
	if err := captures.ReadFile(l.Path(r.Name), &c); err != nil && r.Fault == "" {
		tell("unreadable", "%v", err)
	}
	rows, err := l.counted(ctx, r.ID)
	if err != nil {
		return err
	}
	if c.opened != r.Sessions || rows[0] != r.Sessions {
		tell("sessions", "%d in the file, %d said and %d listed in the index", c.opened, r.Sessions, rows[0])
	}
	if c.events != r.Events || rows[1] != r.Events {
		tell("events", "%d in the file, %d said and %d listed in the index", c.events, r.Events, rows[1])
	}
	return nil
}

// checkIndex asks SQLite.
func (l *Library) checkIndex(ctx context.Context, tell func(string)) error {
	rows, err := l.db.QueryContext(ctx, "PRAGMA integrity_check(20)")
	if err != nil {
		return fmt.Errorf("library: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return fmt.Errorf("library: %w", err)
		}
		if s != "ok" {
			tell(s)
		}
	}
	return rows.Err()
}

// counted gives the numbers of sessions and events that the index lists.
func (l *Library) counted(ctx context.Context, recording int64) (n [2]int64, err error) {
	err = l.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM sessions WHERE recording = ?1),
		(SELECT count(*) FROM events e JOIN sessions s ON e.session = s.id WHERE s.recording = ?1)`, recording).Scan(&n[0], &n[1])
	return n, err
}

// counter counts what decode makes of a recording.
type counter struct {
	keys           *tlswire.KeyLog
	sessions       map[int]*decode.Session
	opened, events int64
}

func (c *counter) Open(i captures.Info) {
	s := c.sessions[i.Session]
	if s == nil {
		o := decode.Options{Protocol: i.Protocol, Midstream: i.Midstream, Secrets: c.keys}
		o.Implicit[i.Leg] = i.Implicit
		s = decode.New(o)
		c.sessions[i.Session] = s
		c.opened++
	}
	s.Implicit(i.Leg, i.Implicit)
	if i.Own == nil {
		told := decode.Told{Kind: "session.open"}
		c.events += int64(len(s.Feed(decode.Chunk{Time: i.Time, Leg: i.Leg, Told: &told})))
	}
}

func (c *counter) Chunk(session int, ch decode.Chunk) {
	if s := c.sessions[session]; s != nil {
		c.events += int64(len(s.Feed(ch)))
	}
}

func (c *counter) Close(session int, at time.Time) {
	if s := c.sessions[session]; s != nil {
		c.events += int64(len(s.Close(at)))
		delete(c.sessions, session)
	}
}

func (c *counter) Secrets(lines []byte) { c.keys.Add(lines) }
