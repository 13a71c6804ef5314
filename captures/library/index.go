package library

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"facteur/captures"
	"facteur/decode/tlswire"
	"facteur/internal/bilingual"
)

const (
	// batch is how many events are written in one transaction: another process waits less than a second for it, and the
	// memory that a transaction takes stays small.
	batch = 5000
	// stale is after how long without a sign of life another process's indexing is taken over.
	stale = 60 * time.Second
)

// Report says what Sync did.
type Report struct {
	Added, Changed, Gone int
	Faults               []error // recordings that could be read in part or not at all, and why
}

// extensions are those of the files that are recordings.
var extensions = []string{".pcapng", ".pcap", ".cap", ".pcapng.gz", ".pcap.gz"}

// IsRecording reports whether a file of that name belongs to the library.
func IsRecording(name string) bool {
	lower := strings.ToLower(name)
	return !strings.HasPrefix(name, ".") && slices.ContainsFunc(extensions, func(e string) bool { return strings.HasSuffix(lower, e) })
}

// Sync brings the index up to the recordings: new and changed ones are read, those that are gone are forgotten. A
// recording that another process is indexing is left to it.
func (l *Library) Sync(ctx context.Context) (r Report, err error) {
	files, err := l.files()
	if err != nil {
		return r, err
	}
	known, err := l.known(ctx)
	if err != nil {
		return r, err
	}
	for _, name := range inOrder(files) {
		st := files[name]
		k, ok := known[name]
		if ok && k.state == "done" && k.size == st.Size() && k.modified == st.ModTime().UnixNano() {
			continue
		}
		done, fault, err := l.index(ctx, name, st)
		if err != nil {
			return r, failed(bilingual.Errorf("%s: %w", "%s\u202f: %w", name, err))
		}
		if fault != nil {
			r.Faults = append(r.Faults, fault)
		}
		switch {
		case done && ok:
			r.Changed++
		case done:
			r.Added++
		}
	}
	for name, k := range known {
		if files[name] == nil {
			if err := l.forget(ctx, k.id, true); err != nil {
				return r, failed(bilingual.Errorf("%s: %w", "%s\u202f: %w", name, err))
			}
			r.Gone++
		}
	}
	if r.Added+r.Changed > 0 {
		_, err = l.db.ExecContext(ctx, "PRAGMA optimize(0x10002)")
	}
	return r, err
}

// Reindex makes the index anew from the recordings. Marks, notes and tags stay; so do the recordings' numbers. What another
// process is indexing just now is new already.
func (l *Library) Reindex(ctx context.Context) (Report, error) {
	if _, err := l.db.ExecContext(ctx, "UPDATE recordings SET state = 'old', seen = 0 WHERE state <> 'indexing' OR seen < ?", time.Now().Add(-stale).UnixNano()); err != nil {
		return Report{}, failed(err)
	}
	return l.Sync(ctx)
}

// files lists the recordings in the folder.
func (l *Library) files() (map[string]fs.FileInfo, error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, failed(err)
	}
	out := map[string]fs.FileInfo{}
	for _, e := range entries {
		if !IsRecording(e.Name()) {
			continue
		}
		if st, err := os.Stat(filepath.Join(l.dir, e.Name())); err == nil && st.Mode().IsRegular() {
			out[e.Name()] = st
		}
	}
	return out, nil
}

// inOrder gives the names of files, the oldest first: so their numbers follow the order in which they came.
func inOrder(files map[string]fs.FileInfo) []string {
	return slices.SortedFunc(maps.Keys(files), func(a, b string) int {
		return cmp.Or(files[a].ModTime().Compare(files[b].ModTime()), cmp.Compare(a, b))
	})
}

type knownFile struct {
	id, size, modified int64
	state              string
}

func (l *Library) known(ctx context.Context) (map[string]knownFile, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT id, name, size, modified, state FROM recordings")
	if err != nil {
		return nil, failed(err)
	}
	defer rows.Close()
	out := map[string]knownFile{}
	for rows.Next() {
		var k knownFile
		var name string
		if err := rows.Scan(&k.id, &name, &k.size, &k.modified, &k.state); err != nil {
			return nil, failed(err)
		}
		out[name] = k
	}
	return out, rows.Err()
}

// claim makes this process the one that indexes a recording; ok is false if another one does.
func (l *Library) claim(ctx context.Context, name string, st fs.FileInfo) (id int64, ok bool, err error) {
	now := time.Now()
	err = l.write(ctx, func(tx *sql.Tx) error {
		var state string
		var seen, size, modified int64
		err := tx.QueryRowContext(ctx, "SELECT id, state, seen, size, modified FROM recordings WHERE name = ?", name).Scan(&id, &state, &seen, &size, &modified)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			res, err := tx.ExecContext(ctx, "INSERT INTO recordings (name, size, modified, state, seen) VALUES (?, ?, ?, 'indexing', ?)",
				name, st.Size(), st.ModTime().UnixNano(), now.UnixNano())
			if err != nil {
				return err
			}
			ok = true
			id, err = res.LastInsertId()
			return err
		case err != nil:
			return err
		case state == "indexing" && now.Sub(time.Unix(0, seen)) < stale,
			state == "done" && size == st.Size() && modified == st.ModTime().UnixNano():
			return nil
		}
		ok = true
		_, err = tx.ExecContext(ctx, "UPDATE recordings SET state = 'indexing', seen = ?, size = ?, modified = ? WHERE id = ?",
			now.UnixNano(), st.Size(), st.ModTime().UnixNano(), id)
		return err
	})
	return id, ok, err
}

// index reads a recording into the index. fault is what was wrong with the file.
func (l *Library) index(ctx context.Context, name string, st fs.FileInfo) (done bool, fault, err error) {
	id, ok, err := l.claim(ctx, name, st)
	if err != nil || !ok {
		return false, nil, err
	}
	defer func() {
		if !done { // interrupted: nobody need wait until it is stale
			_, _ = l.db.ExecContext(context.WithoutCancel(ctx), "UPDATE recordings SET state = 'old', seen = 0 WHERE id = ? AND state = 'indexing'", id)
		}
	}()
	if err := l.forget(ctx, id, false); err != nil {
		return false, nil, err
	}
	path := filepath.Join(l.dir, name)
	w := &indexer{ctx: ctx, l: l, recording: id, keys: new(tlswire.KeyLog), kinds: map[string]int64{}}
	fault = read(path, w)
	if err := w.finish(); err != nil {
		return false, nil, err
	}
	if ctx.Err() != nil {
		return false, nil, ctx.Err()
	}
	english, french := "", ""
	if fault != nil {
		english, french = fault.Error(), bilingual.In("fr", fault)
	}
	sum, err := digest(path)
	if err != nil {
		return false, nil, err
	}
	err = l.write(ctx, func(tx *sql.Tx) error {
		if err := publish(ctx, tx, id, false); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE recordings SET state = 'done', fault = ?, fault_fr = ?, sha256 = ?, title = ?, secrets = ?, sessions = ?, events = ?,
			began = ?, ended = ? WHERE id = ?`, english, french, sum, w.title, w.secrets, w.sessionCount, w.events, w.began, w.ended, id)
		return err
	})
	return err == nil, fault, err
}

// read reads a recording with what TCP tells, so that an event has the same number here as on the page and in exports.
func read(path string, to captures.Sink) error {
	return captures.Reader{Sink: to, TCPEvents: true}.ReadFile(path)
}

func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// forget deletes what the index has of a recording; with all, that there is one.
func (l *Library) forget(ctx context.Context, id int64, all bool) error {
	if err := l.write(ctx, func(tx *sql.Tx) error { return publish(ctx, tx, id, true) }); err != nil {
		return err
	}
	for {
		n := int64(0)
		err := l.write(ctx, func(tx *sql.Tx) error {
			const some = "(SELECT e.id FROM events e JOIN sessions s ON e.session = s.id WHERE s.recording = ? LIMIT ?)"
			if _, err := tx.ExecContext(ctx, "DELETE FROM words WHERE rowid IN "+some, id, batch); err != nil {
				return err
			}
			res, err := tx.ExecContext(ctx, "DELETE FROM events WHERE id IN "+some, id, batch)
			if err != nil {
				return err
			}
			if n, err = res.RowsAffected(); err != nil || n > 0 {
				return err
			}
			return forgetRest(ctx, tx, id, all)
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

// forgetRest deletes what is left once a recording's events are gone.
func forgetRest(ctx context.Context, tx *sql.Tx, id int64, all bool) error {
	statements := []string{
		"DELETE FROM blocks WHERE fact = (SELECT id FROM facts WHERE fact = '" + factRecording + "' || ?1) AND block IN (SELECT block FROM recorded WHERE recording = ?1)",
		`DELETE FROM blocks WHERE block IN (SELECT block FROM recorded r WHERE recording = ?1
			AND NOT EXISTS (SELECT 1 FROM events WHERE id >= r.block * ` + blockSizeText + ` AND id < (r.block + 1) * ` + blockSizeText + `))`,
		"DELETE FROM recorded WHERE recording = ?1", "DELETE FROM sessions WHERE recording = ?1",
	}
	if all {
		statements = append(statements, "DELETE FROM recordings WHERE id = ?1")
	}
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s, id); err != nil {
			return err
		}
	}
	return nil
}
