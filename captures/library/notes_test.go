package library

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"facteur/internal/filter"
)

// What people noted and tagged is found beside what was said, in one order, page by page, and under the same filter.
func TestSearchFindsNotes(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	record(t, filepath.Join(dir, "a.pcapng"), 12)
	record(t, filepath.Join(dir, "b.pcapng"), 3)
	l := open(t, dir)
	_, err := l.Sync(ctx)
	check(t, err)
	for _, m := range []Mark{
		{Recording: "a.pcapng", Session: 9, Seq: 4, Text: "Ici le MOT de passe passe en clair, Zoé"},
		{Recording: "a.pcapng", Session: 2, Seq: 6, Text: "zoé: l’enveloppe"},
		{Recording: "a.pcapng", Session: 3, Text: "zoé parle de toute la séance"},
		{Recording: "gone.pcapng", Session: 1, Seq: 1, Text: "zoé n’est plus là"},
	} {
		_, err := l.AddMark(ctx, m)
		check(t, err)
	}
	check(t, l.Tag(ctx, "b.pcapng", "cours-zoé"))
	for text, want := range map[string]string{
		"zoé":               "a 2.6, a 3.1, a 9.4, b 1.1, b 2.1, b 3.1",
		"zoé passe":         "a 9.4",
		"zoé session:2-3":   "a 2.6, a 3.1, b 2.1, b 3.1",
		"zoé from:server":   "a 2.6, a 9.4",
		"zoé -enveloppe":    "a 2.6, a 3.1, a 9.4, b 1.1, b 2.1, b 3.1", // the event itself does not hold it
		"zoé -kind:session": "a 2.6, a 9.4",
		"cours-z":           "b 1.1, b 2.1, b 3.1",
		"nowhere":           "",
	} {
		f, err := filter.Parse(text)
		check(t, err)
		var got []string
		var after *Hit
		for more := true; more; {
			var hits []Hit
			hits, more, err = l.Search(ctx, f, 2, after)
			check(t, err)
			for i := range hits {
				got = append(got, strings.TrimSuffix(hits[i].Name, ".pcapng")+" "+strconv.Itoa(hits[i].Session)+"."+strconv.Itoa(hits[i].Seq))
				if !strings.Contains(strings.ToLower(hits[i].Mark), "zoé") {
					t.Errorf("%s: the note is not given: %+v", text, hits[i])
				}
				after = &hits[i]
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: found %s, want %s", text, strings.Join(got, ", "), want)
		}
	}
	// what was said and noted is found once
	f, _ := filter.Parse("bob")
	before, _, err := l.Search(ctx, f, 1000, nil)
	check(t, err)
	_, err = l.AddMark(ctx, Mark{Recording: "a.pcapng", Session: before[3].Session, Seq: before[3].Seq, Text: "bob again"})
	check(t, err)
	now, _, err := l.Search(ctx, f, 1000, nil)
	check(t, err)
	if len(now) != len(before) || now[3].Mark != "bob again" || !slices.IsSortedFunc(now, func(a, b Hit) int { return int(a.id - b.id) }) {
		t.Errorf("%d hits, %d before the note", len(now), len(before))
	}
}

// SetMark leaves one mark at an event; ClearMarks none.
func TestSetMark(t *testing.T) {
	l, ctx := open(t, t.TempDir()), t.Context()
	for _, m := range []Mark{{Text: "one", Author: "Ana"}, {Text: "two"}} {
		m.Recording, m.Session, m.Seq = "a.pcapng", 1, 2
		_, err := l.AddMark(ctx, m)
		check(t, err)
	}
	texts := func() string {
		all, err := l.Marks(ctx, "a.pcapng")
		check(t, err)
		var s []string
		for _, m := range all {
			s = append(s, strconv.Itoa(m.Session)+"#"+strconv.Itoa(m.Seq)+" "+m.Text+" "+m.Author)
		}
		return strings.Join(s, ", ")
	}
	check(t, l.SetMark(ctx, Mark{Recording: "a.pcapng", Session: 1, Seq: 2, Text: "both"}))
	check(t, l.SetMark(ctx, Mark{Recording: "a.pcapng", Session: 1, Seq: 3}))
	if got := texts(); got != "1#2 both Ana, 1#3  " {
		t.Error(got)
	}
	check(t, l.ClearMarks(ctx, "a.pcapng", 1, 2))
	if got := texts(); got != "1#3  " {
		t.Error(got)
	}
}
