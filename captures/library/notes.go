package library

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"facteur/internal/filter"
)

// What people add is little beside what was recorded, and changes: it is looked through as it is, without an index.

// maxNoted is how many notes that hold the words are looked at further in one search.
const maxNoted = 500

// searchNotes finds events by their marks, and sessions by the marks and tags they have as a whole, which stand at their
// first event. Of the filter the words have to be in the note; the rest holds for the event.
func (l *Library) searchNotes(ctx context.Context, f *filter.Filter, limit int, from int64) ([]Hit, error) {
	var words []string
	rest := *f
	rest.Terms = slices.DeleteFunc(slices.Clone(f.Terms), func(t filter.Term) bool {
		is := t.Key == filter.Text && !t.Not
		if is {
			words = append(words, strings.ToLower(t.Value))
		}
		return is
	})
	if len(words) == 0 {
		return nil, nil
	}
	noted, err := l.noted(ctx, words)
	if err != nil || len(noted) == 0 {
		return nil, err
	}
	hits, err := l.found(ctx, &rest, limit, from, slices.Sorted(maps.Keys(noted)))
	for i := range hits {
		hits[i].Mark = noted[hits[i].id]
	}
	return hits, err
}

// noted gives the events at which a note holds all words, and the note.
func (l *Library) noted(ctx context.Context, words []string) (map[int64]string, error) {
	rows, err := l.db.QueryContext(ctx, `SELECT r.id, m.session, m.seq, m.text FROM marks m JOIN recordings r ON r.name = m.recording
		UNION ALL SELECT r.id, s.number, 0, '#' || t.tag FROM tags t JOIN recordings r ON r.name = t.recording JOIN sessions s ON s.recording = r.id`)
	if err != nil {
		return nil, failed(err)
	}
	defer rows.Close()
	type place struct {
		recording    int64
		session, seq int
	}
	found := map[place]string{}
	for rows.Next() && len(found) < maxNoted {
		var at place
		var text string
		if err := rows.Scan(&at.recording, &at.session, &at.seq, &text); err != nil {
			return nil, failed(err)
		}
		small := strings.ToLower(text)
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(small, w) }) {
			found[at] = strings.TrimPrefix(found[at]+"\n"+text, "\n")
		}
	}
	if err := rows.Err(); err != nil {
		return nil, failed(err)
	}
	out := map[int64]string{}
	for at, text := range found {
		var id *int64
		err := l.db.QueryRowContext(ctx, `SELECT min(e.id) FROM sessions s JOIN events e ON e.session = s.id AND (e.seq = ?3 OR ?3 = 0 AND e.seq = 1)
			WHERE s.recording = ?1 AND s.number = ?2`, at.recording, at.session, at.seq).Scan(&id)
		if err != nil {
			return nil, failed(err)
		}
		if id != nil {
			out[*id] = strings.TrimPrefix(out[*id]+"\n"+text, "\n")
		}
	}
	return out, nil
}

// merged puts two lists of hits in order; what is in both is in it once, with its note.
func merged(said, noted []Hit) []Hit {
	if len(noted) == 0 {
		return said
	}
	all := append(slices.Clone(noted), said...)
	slices.SortStableFunc(all, func(a, b Hit) int { return cmp.Compare(a.id, b.id) })
	return slices.CompactFunc(all, func(a, b Hit) bool { return a.id == b.id })
}
