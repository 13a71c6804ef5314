package library

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"facteur/captures"
	"facteur/captures/samples"
	"facteur/decode"
	"facteur/decode/tlswire"
	"facteur/internal/filter"
)

// The index answers as the decoder's events do, for every word of the filter language.
func TestSearchEqualsDecode(t *testing.T) {
	t.Run("smtp", func(t *testing.T) {
		dir := t.TempDir()
		record(t, filepath.Join(dir, "a.pcapng"), 12)
		searchEqualsDecode(t, dir, 0)
	})
	for n, id := range []string{"imap-starttls", "pop3-clear"} { // tags, TLS, and what comes before the protocol is known
		t.Run(id, func(t *testing.T) {
			dir := t.TempDir()
			octets, err := samples.Read(id)
			check(t, err)
			check(t, os.WriteFile(filepath.Join(dir, "a.pcapng"), octets, 0o600))
			searchEqualsDecode(t, dir, n+1)
		})
	}
}

// searchEqualsDecode asks a library of one recording for single terms, and for one pair of terms in three: which of them, nth
// says.
func searchEqualsDecode(t *testing.T, dir string, nth int) {
	l := open(t, dir)
	ctx := t.Context()
	r, err := l.Sync(ctx)
	check(t, err)
	if r.Added != 1 || len(r.Faults) > 0 {
		t.Fatalf("%+v", r)
	}
	type told struct {
		session int
		decode.Event
	}
	var all []told
	about := map[int]*filter.About{} // a session is what it became
	a := &allEvents{counter: counter{keys: new(tlswire.KeyLog), sessions: map[int]*decode.Session{}}, visit: func(session int, e *decode.Event) {
		if about[session] == nil {
			about[session] = &filter.About{Number: session}
		}
		about[session].Note(e)
		one := told{session, *e}
		one.Fields, one.Notes = slices.Clone(e.Fields), slices.Clone(e.Notes)
		all = append(all, one)
	}}
	check(t, captures.ReadFile(filepath.Join(dir, "a.pcapng"), a))
	texts := []string{"", "smtp", "imap", "-smtp", "code:5xx", "code:250", "code:5.1.1", "code:2*", "-code:2xx from:server", "cmd:MAIL", "cmd:M*",
		"from:client", "leg:server", "leg:client cmd:QUIT", "kind:message.header", "kind:smtp.reply code:550", "session:7", "session:7-9 cmd:DATA",
		"secret", "lint", "error", "tls:1.3", "-tls:1.3 cmd:EHLO", "unknown", `"unknown user"`, "alice7@exemple.test", "-alice7 cmd:MAIL", "numéro", "note:lint.password",
		// words and the rest: what the facts say of the rest and what the columns say is one
		"exemple smtp", "exemple imap", "exemple -smtp", "exemple code:5xx", "exemple code:5.1.1", "exemple code:5.1.*", "exemple code:2*", "exemple code:25X", "exemple -code:250",
		"exemple cmd:MAIL", "exemple cmd:M*", "exemple -cmd:M*", "exemple from:client", "exemple -from:client", "exemple leg:server", "exemple kind:smtp.comm", "exemple -kind:message",
		"exemple message", "exemple session:7-9", "exemple session:99", "exemple -session:7", "exemple tls:1.3", "exemple -tls:1.3", "exemple secret", "plain secret", "lint alice7",
		"exemple -lint", "exemple error", "tag:a1", "-tag:a1 exemple", "note:lint.password from:client", "-note:lint secret"}
	for i, pair := range pairs() {
		if i%3 == nth {
			texts = append(texts, pair)
		}
	}
	for _, text := range texts {
		f, err := filter.Parse(text)
		check(t, err)
		want := map[string]bool{}
		for i := range all {
			if f.Match(&all[i].Event, about[all[i].session]) {
				want[fmt.Sprintf("%d.%d", all[i].session, all[i].Seq)] = true
			}
		}
		hits, more, err := l.Search(ctx, f, 1<<20, nil)
		if err != nil || more {
			t.Fatalf("%s: %v", text, err)
		}
		for _, h := range hits {
			k := fmt.Sprintf("%d.%d", h.Session, h.Seq)
			if !want[k] {
				t.Errorf("%s: found %s %s, which does not match", text, k, h.Line)
			}
			delete(want, k)
		}
		for k := range want {
			t.Errorf("%s: %s was not found", text, k)
		}
		if len(hits) > 1000 && strings.Contains(text, " ") { // in pages, but not hundreds of pages for each pair
			continue
		}
		n, after := 0, (*Hit)(nil)
		for {
			page, more, err := l.Search(ctx, f, 7, after)
			check(t, err)
			n += len(page)
			if !more {
				break
			}
			after = &page[len(page)-1]
		}
		if n != len(hits) {
			t.Errorf("%s: %d in pages, %d at once", text, n, len(hits))
		}
	}
}

// pairs are every two terms of one of each kind: bits, sessions and words, common and rare ones, wanted and not.
func pairs() (out []string) {
	terms := strings.Split("smtp|-smtp|pop3|tls|message|code:250|code:2xx|-code:2xx|code:55*|code:*0|code:OK|cmd:MAIL|-cmd:MAIL|cmd:*E|from:client|from:server|leg:client|-leg:client|"+
		"kind:smtp|-kind:tls|note:lint|-note:lint|tag:a1|session:1-7|-session:1-7|tls:1.3|-tls:1.3|secret|-secret|-lint|-error|exemple|-exemple|nowhere|-nowhere", "|")
	for i, one := range terms {
		for _, two := range terms[i+1:] {
			out = append(out, one+" "+two)
		}
	}
	return out
}

// Over the borders of blocks of events and of what is read of words at a time, nothing is lost or found twice.
func TestSearchManyEvents(t *testing.T) {
	dir := t.TempDir()
	record(t, filepath.Join(dir, "a.pcapng"), 900)
	l := open(t, dir)
	_, err := l.Sync(t.Context())
	check(t, err)
	for text, want := range map[string]int{"cmd:QUIT": 900, "cmd:QUIT session:300-600": 301, "exemple cmd:MAIL": 900, "-nowhere cmd:MAIL": 900, "exemple -queued cmd:MAIL -session:1": 899,
		"alice77 cmd:MAIL": 1 + 10 + 0, "-exemple cmd:QUIT": 900, "mail from exemple": 900} {
		f, err := filter.Parse(text)
		check(t, err)
		seen := map[int64]bool{}
		for after := (*Hit)(nil); ; {
			page, more, err := l.Search(t.Context(), f, 150, after)
			check(t, err)
			for i := range page {
				if seen[page[i].id] {
					t.Fatalf("%s: event %d twice", text, page[i].id)
				}
				seen[page[i].id] = true
			}
			if !more {
				break
			}
			after = &page[len(page)-1]
		}
		if len(seen) != want {
			t.Errorf("%s: %d found, want %d", text, len(seen), want)
		}
	}
}

// What is indexed anew is found as before, what is gone no longer; and of what is gone nothing is kept.
func TestSearchFollowsFiles(t *testing.T) {
	dir := t.TempDir()
	ctx := t.Context()
	l := open(t, dir)
	record(t, filepath.Join(dir, "a.pcapng"), 400) // more than a block
	record(t, filepath.Join(dir, "b.pcapng"), 7)
	_, err := l.Sync(ctx)
	check(t, err)
	count := func(text string) int {
		f, err := filter.Parse(text)
		check(t, err)
		hits, _, err := l.Search(ctx, f, 1<<20, nil)
		check(t, err)
		return len(hits)
	}
	for _, text := range []string{"cmd:QUIT", "exemple cmd:MAIL", "-exemple cmd:QUIT"} {
		if n := count(text); n != 407 {
			t.Errorf("%s: %d", text, n)
		}
	}
	_, err = l.Reindex(ctx)
	check(t, err)
	if n := count("cmd:QUIT"); n != 407 {
		t.Errorf("indexed anew: %d", n)
	}
	check(t, os.Remove(filepath.Join(dir, "a.pcapng")))
	_, err = l.Sync(ctx)
	check(t, err)
	if n := count("cmd:QUIT"); n != 7 {
		t.Errorf("one gone: %d", n)
	}
	check(t, os.Remove(filepath.Join(dir, "b.pcapng")))
	_, err = l.Sync(ctx)
	check(t, err)
	for _, table := range []string{"blocks", "recorded", "events", "sessions", "recordings"} {
		var n int
		check(t, l.db.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n))
		if n > 0 {
			t.Errorf("%s: %d rows of recordings that are gone", table, n)
		}
	}
}
