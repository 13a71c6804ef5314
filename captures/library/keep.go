package library

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"facteur/captures"
	"facteur/internal/bilingual"
)

// Mark is what somebody noted at an event.
type Mark struct {
	ID        int64
	Recording string // its file's name
	Session   int
	Seq       int // 0 for the session as a whole
	Text      string
	Author    string
	Made      time.Time
}

// AddMark keeps a mark. It sets m.ID, and m.Made unless the mark comes from elsewhere and has one.
func (l *Library) AddMark(ctx context.Context, m Mark) (Mark, error) {
	if m.Made.IsZero() {
		m.Made = time.Now().UTC()
	}
	err := l.write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "INSERT INTO marks (recording, session, seq, text, author, made) VALUES (?, ?, ?, ?, ?, ?)",
			m.Recording, m.Session, m.Seq, m.Text, m.Author, m.Made.UnixNano())
		if err == nil {
			m.ID, err = res.LastInsertId()
		}
		return err
	})
	if err != nil {
		return m, failed(err)
	}
	return m, nil
}

// SetMark leaves one mark at m's event, whatever was there before: its text is m's. An author stays.
func (l *Library) SetMark(ctx context.Context, m Mark) error {
	return failed(l.write(ctx, func(tx *sql.Tx) error {
		const here = "recording = ? AND session = ? AND seq = ?"
		at := []any{m.Recording, m.Session, m.Seq}
		if _, err := tx.ExecContext(ctx, "DELETE FROM marks WHERE "+here+" AND id > (SELECT min(id) FROM marks WHERE "+here+")", append(at, at...)...); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "UPDATE marks SET text = ? WHERE "+here, append([]any{m.Text}, at...)...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO marks (recording, session, seq, text, author, made) VALUES (?, ?, ?, ?, ?, ?)",
			m.Recording, m.Session, m.Seq, m.Text, m.Author, time.Now().UnixNano())
		return err
	}))
}

// ClearMarks takes all marks away from an event.
func (l *Library) ClearMarks(ctx context.Context, recording string, session, seq int) error {
	_, err := l.db.ExecContext(ctx, "DELETE FROM marks WHERE recording = ? AND session = ? AND seq = ?", recording, session, seq)
	return failed(err)
}

// Marks lists the marks of a recording in the order of its events.
func (l *Library) Marks(ctx context.Context, recording string) ([]Mark, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT id, recording, session, seq, text, author, made FROM marks WHERE recording = ? ORDER BY session, seq, id", recording)
	if err != nil {
		return nil, failed(err)
	}
	defer rows.Close()
	var out []Mark
	for rows.Next() {
		var m Mark
		var made int64
		if err := rows.Scan(&m.ID, &m.Recording, &m.Session, &m.Seq, &m.Text, &m.Author, &made); err != nil {
			return nil, failed(err)
		}
		m.Made = moment(made)
		out = append(out, m)
	}
	return out, rows.Err()
}

// RemoveMark deletes a mark.
func (l *Library) RemoveMark(ctx context.Context, id int64) error {
	res, err := l.db.ExecContext(ctx, "DELETE FROM marks WHERE id = ?", id)
	if err != nil {
		return failed(err)
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return bilingual.Errorf("mark %d: %w", "repère %d\u202f: %w", id, ErrUnknown)
	}
	return nil
}

// Keep is the tag of recordings that no purge removes.
const Keep = "keep"

// Tag gives a recording a tag: one word. Untag takes it away.
func (l *Library) Tag(ctx context.Context, recording, tag string) error {
	if tag == "" || strings.ContainsAny(tag, " \t\r\n") {
		return bilingual.Errorf("%q: a tag is one word", "%q\u202f: une étiquette est un seul mot", tag)
	}
	_, err := l.db.ExecContext(ctx, "INSERT OR IGNORE INTO tags (recording, tag) VALUES (?, ?)", recording, tag)
	return failed(err)
}

// Untag takes a tag away.
func (l *Library) Untag(ctx context.Context, recording, tag string) error {
	_, err := l.db.ExecContext(ctx, "DELETE FROM tags WHERE recording = ? AND tag = ?", recording, tag)
	return failed(err)
}

// Remove deletes a recording: its file, what the index has of it, and its marks and tags. One that is being recorded into
// is left alone: captures.ErrRecording.
func (l *Library) Remove(ctx context.Context, r Recording) error {
	if captures.Recording(l.Path(r.Name)) {
		return bilingual.Errorf("%s: %w", "%s\u202f: %w", r.Name, captures.ErrRecording)
	}
	if err := os.Remove(l.Path(r.Name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return failed(err)
	}
	if err := l.forget(ctx, r.ID, true); err != nil {
		return failed(bilingual.Errorf("%s: %w", "%s\u202f: %w", r.Name, err))
	}
	return failed(l.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM marks WHERE recording = ?", r.Name); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM tags WHERE recording = ?", r.Name)
		return err
	}))
}

// Expired lists the recordings whose last change is older than retention, that nobody tagged to be kept or is recording into.
func (l *Library) Expired(ctx context.Context, retention time.Duration, now time.Time) ([]Recording, error) {
	all, err := l.Recordings(ctx)
	if err != nil {
		return nil, err
	}
	var out []Recording
	for _, r := range all {
		if Expires(r, retention, now) && !captures.Recording(l.Path(r.Name)) {
			out = append(out, r)
		}
	}
	return out, nil
}

// Expires tells whether a recording's last change is older than retention and nobody tagged it to be kept.
func Expires(r Recording, retention time.Duration, now time.Time) bool {
	return now.Sub(r.Modified) > retention && !slices.Contains(r.Tags, Keep)
}

// FreeName gives a file name for the library that is not taken: base, with a number if need be. What could lead out of
// the folder or hide the file is taken off.
func (l *Library) FreeName(base string) string {
	base = strings.TrimLeft(filepath.Base(filepath.Clean("/"+base)), "./")
	for _, e := range []string{".gz", ".pcapng", ".pcap", ".cap"} {
		base = strings.TrimSuffix(base, e)
	}
	base = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, base)
	if base == "" {
		base = "capture"
	}
	for n := 1; ; n++ {
		name := base + ".pcapng"
		if n > 1 {
			name = fmt.Sprintf("%s_%d.pcapng", base, n)
		}
		if _, err := os.Lstat(l.Path(name)); errors.Is(err, os.ErrNotExist) {
			return name
		}
	}
}

// Copy puts a file into the library as it is, and gives its name there.
func (l *Library) Copy(path string) (name string, err error) {
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	name = l.FreeName(path)
	out, err := os.OpenFile(l.Path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", failed(err)
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return "", errors.Join(failed(bilingual.Errorf("copy %s: %w", "copie de %s\u202f: %w", path, err)), os.Remove(l.Path(name)))
	}
	return name, nil
}
