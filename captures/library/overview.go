package library

import (
	"context"
	"strings"
)

// Overview is a recording with what its sessions have in common, for a list of many.
type Overview struct {
	Recording
	Protocols     []string
	TLS           []string // versions
	Clear         bool     // some session is not encrypted at all
	StartTLS      bool     // some session turns to TLS
	Implicit      bool     // some session begins with TLS
	Client        string   // of the first session
	Server        string
	Lints, Errors int64 // warnings and errors of all of them
	Marks         int64
}

// Overviews lists the recordings, newest first.
func (l *Library) Overviews(ctx context.Context) ([]Overview, error) {
	all, err := l.Recordings(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Overview, len(all))
	at := make(map[int64]*Overview, len(all))
	named := make(map[string]*Overview, len(all))
	for i := range all {
		out[i].Recording = all[i]
		at[all[i].ID], named[all[i].Name] = &out[i], &out[i]
	}
	if err := l.summarize(ctx, at); err != nil {
		return nil, failed(err)
	}
	if err := l.countMarks(ctx, named); err != nil {
		return nil, failed(err)
	}
	return out, nil
}

// summarize adds up the sessions. SQLite gives client and server of the row that has the least number.
func (l *Library) summarize(ctx context.Context, at map[int64]*Overview) error {
	rows, err := l.db.QueryContext(ctx, `SELECT recording, group_concat(DISTINCT protocol), group_concat(DISTINCT tls), min(number), client, server, sum(lints), sum(errors),
			max(tls = '' AND NOT tried), max(tls <> '' AND turned), max(tls <> '' AND NOT turned)
		FROM sessions GROUP BY recording`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, first int64
		var protocols, tls string
		var o Overview
		if err := rows.Scan(&id, &protocols, &tls, &first, &o.Client, &o.Server, &o.Lints, &o.Errors, &o.Clear, &o.StartTLS, &o.Implicit); err != nil {
			return err
		}
		if to := at[id]; to != nil {
			o.Recording, o.Protocols, o.TLS = to.Recording, words(protocols), words(tls)
			*to = o
		}
	}
	return rows.Err()
}

func (l *Library) countMarks(ctx context.Context, named map[string]*Overview) error {
	rows, err := l.db.QueryContext(ctx, "SELECT recording, count(*) FROM marks GROUP BY recording")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return err
		}
		if to := named[name]; to != nil {
			to.Marks = n
		}
	}
	return rows.Err()
}

// words splits what group_concat joined, without what is empty or twice.
func words(joined string) []string {
	var out []string
	seen := map[string]bool{"": true}
	for _, w := range strings.FieldsFunc(joined, func(r rune) bool { return r == ',' || r == ' ' }) {
		if !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	return out
}
