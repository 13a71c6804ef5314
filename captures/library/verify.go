package library

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
	"facteur/internal/bilingual"
)

// Fault is a difference between the index and the recordings.
type Fault struct {
	Recording string // "" for the index itself
	// What is "index" (SQLite finds it damaged), "missing", "unknown" (not indexed), "size", "digest", "sessions", "events",
	// "unfinished" or "unreadable".
	What   string
	Detail error // in both languages
}

// Verify holds the index against the recordings: every file is read and decoded again, and its size, SHA-256, and numbers
// of sessions and events are compared. It changes nothing.
func (l *Library) Verify(ctx context.Context) ([]Fault, error) {
	var faults []Fault
	add := func(name, what string, detail error) { faults = append(faults, Fault{name, what, detail}) }
	if err := l.checkIndex(ctx, func(s string) { add("", "index", errors.New(s)) }); err != nil {
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
		err := l.checkRecording(ctx, &r, st, func(what string, detail error) { add(r.Name, what, detail) })
		if err != nil {
			return nil, err
		}
	}
	for name := range files {
		if _, err := os.Stat(l.Path(name)); err == nil {
			add(name, "unknown", bilingual.New("not indexed yet", "pas encore dans l’index"))
		}
	}
	return faults, nil
}

// checkRecording tells the first thing that is wrong with a recording, st being its file, nil if it is gone.
func (l *Library) checkRecording(ctx context.Context, r *Recording, st fs.FileInfo, tell func(what string, detail error)) error {
	switch {
	case st == nil:
		tell("missing", bilingual.New("the file is gone", "le fichier n’est plus là"))
		return nil
	case !r.Indexed:
		tell("unfinished", bilingual.New("its indexing has not ended", "son indexation n’est pas terminée"))
		return nil
	case st.Size() != r.Size:
		tell("size", bilingual.Errorf("%d octets, indexed with %d", "%d octets, et %d quand il fut indexé", st.Size(), r.Size))
		return nil
	}
	sum, err := digest(l.Path(r.Name))
	if err != nil {
		tell("unreadable", err)
		return nil
	}
	if sum != r.SHA256 {
		tell("digest", bilingual.Errorf("its octets have changed: SHA-256 %.16s…, indexed with %.16s…", "ses octets ont changé\u202f: SHA-256 %.16s…, et %.16s… quand il fut indexé", sum, r.SHA256))
		return nil
	}
	c := counter{keys: new(tlswire.KeyLog), sessions: map[int]*decode.Session{}}
	if err := read(l.Path(r.Name), &c); err != nil && r.Fault == "" {
		tell("unreadable", err)
	}
	rows, err := l.counted(ctx, r.ID)
	if err != nil {
		return err
	}
	if c.opened != r.Sessions || rows[0] != r.Sessions {
		tell("sessions", bilingual.Errorf("%d sessions in the file; the index says %d and lists %d", "%d séances dans le fichier\u202f; l’index en annonce %d et en contient %d", c.opened, r.Sessions, rows[0]))
	}
	if c.events != r.Events || rows[1] != r.Events || rows[2] != r.Events {
		tell("events", bilingual.Errorf("%d events in the file; the index says %d and lists %d", "%d événements dans le fichier\u202f; l’index en annonce %d et en contient %d", c.events, r.Events, min(rows[1], rows[2])))
	}
	return nil
}

// checkIndex asks SQLite.
func (l *Library) checkIndex(ctx context.Context, tell func(string)) error {
	rows, err := l.db.QueryContext(ctx, "PRAGMA integrity_check(20)")
	if err != nil {
		return failed(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return failed(err)
		}
		if s != "ok" {
			tell(s)
		}
	}
	return rows.Err()
}

// counted gives the numbers of sessions and events that the index lists, and of events that searches can find.
func (l *Library) counted(ctx context.Context, recording int64) (n [3]int64, err error) {
	err = l.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM sessions WHERE recording = ?1),
		(SELECT count(*) FROM events e JOIN sessions s ON e.session = s.id WHERE s.recording = ?1)`, recording).Scan(&n[0], &n[1])
	if err != nil {
		return n, failed(err)
	}
	rows, err := l.db.QueryContext(ctx, `SELECT o.bits, e.bits FROM recorded r JOIN blocks o ON o.block = r.block AND o.fact = (SELECT id FROM facts WHERE fact = ?)
		JOIN blocks e ON e.block = r.block AND e.fact = (SELECT id FROM facts WHERE fact = ?) WHERE r.recording = ?`,
		factRecording+strconv.FormatInt(recording, 10), factEvery, recording)
	if err != nil {
		return n, failed(err)
	}
	defer rows.Close()
	for rows.Next() {
		var own, every []byte
		if err := rows.Scan(&own, &every); err != nil {
			return n, failed(err)
		}
		var b, all bitset
		b.add(own)
		all.add(every)
		b.only(&all, false)
		n[2] += int64(b.count())
	}
	return n, failed(rows.Err())
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
