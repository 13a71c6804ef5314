// Package library keeps a folder of recordings and an index of them, index.db (SQLite, write-ahead log).
//
// The recordings are the truth: [Library.Sync] brings the index up to them, [Library.Reindex] makes it anew, and
// [Library.Verify] holds one against the other. Only what people add (marks, notes, tags) lives in the index alone, filed
// under the recording's name, and outlives both. Secrets are never in the index: events come masked from decode.
//
// Several processes may have the same library open. Every write is an immediate transaction that waits for others
// (busyTimeout); a recording is indexed by one process at a time, in batches, and shows when it is complete.
package library

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver

	"facteur/internal/bilingual"
)

const (
	// IndexName is the index's file in the folder.
	IndexName = "index.db"
	// Retention is how long recordings are kept unless somebody says otherwise.
	Retention = 30 * 24 * time.Hour
	// busyTimeout is how long a write waits for another process's: many batches.
	busyTimeout = 30 * time.Second
	// schemaVersion is in the file's user_version. An index of another version is made anew; marks and tags stay.
	schemaVersion = 5
)

// Library is an open library. It may be used by several goroutines.
type Library struct {
	dir string
	db  *sql.DB
}

// Open opens the library in a folder, making folder and index as needed. It does not look at the recordings: see Sync.
func Open(ctx context.Context, dir string) (*Library, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, failed(err)
	}
	name := filepath.Join(dir, IndexName)
	if f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600); err != nil { // nobody else reads who wrote to whom
		return nil, failed(err)
	} else if err := f.Close(); err != nil {
		return nil, failed(err)
	}
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "journal_mode(WAL)", "synchronous(NORMAL)",
		"foreign_keys(1)", "cache_size(-32768)", "temp_store(MEMORY)",
	}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: name}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, failed(err)
	}
	db.SetMaxOpenConns(4)
	l := &Library{dir, db}
	if err := l.prepare(ctx); err != nil {
		return nil, errors.Join(failed(bilingual.Errorf("%s: %w", "%s\u202f: %w", name, err)), db.Close())
	}
	return l, nil
}

// Close closes the index.
func (l *Library) Close() error { return l.db.Close() }

// Dir is the folder.
func (l *Library) Dir() string { return l.dir }

// Path gives a recording's file.
func (l *Library) Path(name string) string { return filepath.Join(l.dir, filepath.Base(name)) }

// prepare makes the tables.
func (l *Library) prepare(ctx context.Context) error {
	var version int
	if err := l.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version == schemaVersion {
		return nil
	}
	return l.write(ctx, func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil || version == schemaVersion {
			return err // another process was faster
		}
		if version != 0 {
			if _, err := tx.ExecContext(ctx, dropIndex); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, peoplesTables+indexTables+fmt.Sprintf("PRAGMA user_version = %d;", schemaVersion))
		return err
	})
}

// write runs f in one transaction that has the write lock from its start.
func (l *Library) write(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// peoplesTables hold what people add. They know recordings by name, sessions and events by their numbers in it.
const peoplesTables = `
CREATE TABLE IF NOT EXISTS marks (
	id INTEGER PRIMARY KEY, recording TEXT NOT NULL, session INTEGER NOT NULL, seq INTEGER NOT NULL,
	text TEXT NOT NULL, author TEXT NOT NULL DEFAULT '', made INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS marks_recording ON marks (recording, session, seq);
CREATE TABLE IF NOT EXISTS tags (
	recording TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (recording, tag)) WITHOUT ROWID;
`

// indexTables hold what is in the recordings. The text that is searched lies in words only, which keeps no copy of it; what
// else is asked for lies in blocks (see facts.go). Numbers of events are never given twice.
const indexTables = `
CREATE TABLE recordings (
	id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
	size INTEGER NOT NULL, modified INTEGER NOT NULL, sha256 TEXT NOT NULL DEFAULT '',
	title TEXT NOT NULL DEFAULT '', secrets TEXT NOT NULL DEFAULT '', fault TEXT NOT NULL DEFAULT '', fault_fr TEXT NOT NULL DEFAULT '',
	sessions INTEGER NOT NULL DEFAULT 0, events INTEGER NOT NULL DEFAULT 0,
	began INTEGER NOT NULL DEFAULT 0, ended INTEGER NOT NULL DEFAULT 0,
	state TEXT NOT NULL, seen INTEGER NOT NULL);
CREATE TABLE sessions (
	id INTEGER PRIMARY KEY AUTOINCREMENT, recording INTEGER NOT NULL REFERENCES recordings (id), number INTEGER NOT NULL,
	protocol TEXT NOT NULL DEFAULT '', client TEXT NOT NULL DEFAULT '', server TEXT NOT NULL DEFAULT '',
	tls TEXT NOT NULL DEFAULT '', user TEXT NOT NULL DEFAULT '', began INTEGER NOT NULL, ended INTEGER NOT NULL,
	events INTEGER NOT NULL DEFAULT 0, lints INTEGER NOT NULL DEFAULT 0, errors INTEGER NOT NULL DEFAULT 0,
	tried INTEGER NOT NULL DEFAULT 0, turned INTEGER NOT NULL DEFAULT 0, -- TLS: a hello was seen, an upgrade
	UNIQUE (recording, number));
CREATE TABLE kinds (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE events (
	id INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL,
	leg INTEGER NOT NULL, side INTEGER NOT NULL, layer INTEGER NOT NULL, span_from INTEGER NOT NULL, span_to INTEGER NOT NULL,
	kind INTEGER NOT NULL, re INTEGER NOT NULL, line TEXT NOT NULL);
CREATE INDEX events_session ON events (session, seq);
CREATE TABLE facts (id INTEGER PRIMARY KEY, fact TEXT NOT NULL UNIQUE);
CREATE TABLE blocks (block INTEGER NOT NULL, fact INTEGER NOT NULL, bits BLOB NOT NULL, PRIMARY KEY (block, fact));
CREATE TABLE recorded (recording INTEGER NOT NULL, block INTEGER NOT NULL, PRIMARY KEY (recording, block)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (text, content='', contentless_delete=1, prefix='1 2', tokenize="unicode61 remove_diacritics 2");
`

const dropIndex = `
DROP TABLE IF EXISTS words; DROP TABLE IF EXISTS events; DROP TABLE IF EXISTS kinds; DROP TABLE IF EXISTS sessions;
DROP TABLE IF EXISTS recordings; DROP TABLE IF EXISTS facts; DROP TABLE IF EXISTS blocks; DROP TABLE IF EXISTS recorded;
`
