package library

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// A list of many recordings says of each what its sessions are, and is there at once.
func TestOverviews(t *testing.T) {
	dir := t.TempDir()
	ctx := t.Context()
	record(t, filepath.Join(dir, "a.pcapng"), 3)
	l := open(t, dir)
	_, err := l.Sync(ctx)
	check(t, err)
	_, err = l.AddMark(ctx, Mark{Recording: "a.pcapng", Session: 1, Text: "ici"})
	check(t, err)
	check(t, l.Tag(ctx, "a.pcapng", Keep))
	all, err := l.Overviews(ctx)
	check(t, err)
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	o := all[0]
	if !slices.Equal(o.Protocols, []string{"smtp"}) || !o.Clear || o.StartTLS || o.Implicit || o.Client != "127.0.0.1:40001" || o.Server != "127.0.0.1:25" ||
		o.Lints == 0 || o.Marks != 1 || !slices.Equal(o.Tags, []string{Keep}) || o.Sessions != 3 {
		t.Errorf("%+v", o)
	}
	const many = 10_000
	_, err = l.db.ExecContext(ctx, fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO recordings (id, name, size, modified, state, seen) SELECT 100 + i, 'r' || i || '.pcapng', i, i, 'done', 0 FROM n`, many))
	check(t, err)
	_, err = l.db.ExecContext(ctx, `INSERT INTO sessions (recording, number, protocol, tls, began, ended) SELECT id, 1, 'imap', '1.3', 1, 2 FROM recordings WHERE id > 100`)
	check(t, err)
	began := time.Now()
	all, err = l.Overviews(ctx)
	check(t, err)
	t.Logf("%d recordings in %v", len(all), time.Since(began))
	if len(all) != many+1 || !all[len(all)-1].Implicit {
		t.Errorf("%d recordings, the last %+v", len(all), all[len(all)-1])
	}
}
