package notes

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// unreferenced are the families without a standard: what facteur itself says, and what vendors never wrote down.
var unreferenced = regexp.MustCompile(`^(unknown|rfc|lint|session(\..*)?|message\.header\.(x-.*|user-agent|content-length|delivery-date|envelope-to|thread-.*)|` +
	`smtp\.capability\.(PRDR|PIPE_?CONNECT|X-.*)|imap\.(capability|command)\.(SNIPPET|THREAD\.REFS|XAPPLEPUSHSERVICE))$`)

func TestEveryNoteHasReferences(t *testing.T) {
	x := index()
	for id := range catalogueOf(English).notes {
		if len(x.refs[id]) == 0 && !unreferenced.MatchString(id) {
			t.Errorf("%s: no reference", id)
		}
	}
	for id := range x.citations {
		if !Has(id) {
			t.Errorf("refs.json: %s has no text", id)
		}
	}
}

// Nothing rests on a standard that was replaced, unless it says so: what TLS 1.2 or IMAP4rev1 do is still met.
func TestNoObsoleteReference(t *testing.T) {
	x := index()
	for id, citations := range x.citations {
		for _, c := range citations {
			m := rfcPattern.FindStringSubmatch(c.Ref)
			if m == nil {
				continue // has a url, or resolve would have panicked
			}
			n, _ := strconv.Atoi(m[1])
			r, ok := x.rfcs[n]
			switch {
			case !ok:
				t.Errorf("%s: %s is not in rfc.json", id, c.Ref)
			case len(r.ObsoletedBy) > 0 && !c.Historical:
				t.Errorf("%s: %s is obsoleted by %v", id, c.Ref, r.ObsoletedBy)
			case len(r.ObsoletedBy) == 0 && c.Historical:
				t.Errorf("%s: %s is current, not historical", id, c.Ref)
			}
		}
	}
}

// The prose too names current standards only.
func TestNoObsoleteRFCInProse(t *testing.T) {
	mention := regexp.MustCompile(`RFC[ \x{202F}\x{00A0}](\d+)`)
	each(t, func(t *testing.T, lang Lang, at, text string) {
		for _, m := range mention.FindAllStringSubmatch(text, -1) {
			n, _ := strconv.Atoi(m[1])
			if r, ok := index().rfcs[n]; !ok || len(r.ObsoletedBy) > 0 {
				t.Errorf("%s %s: RFC %d is not a current one: %s", lang, at, n, text)
			}
		}
	})
}

// The index agrees with itself, and knows what replaced the standards that learners still read about.
func TestRFCIndex(t *testing.T) {
	x := index()
	for n, r := range x.rfcs {
		if r.Title == "" || !regexp.MustCompile(`^(19|20)\d\d-(0[1-9]|1[0-2])$`).MatchString(r.Date) {
			t.Errorf("RFC %d: title %q, date %q", n, r.Title, r.Date)
		}
		for _, o := range r.Obsoletes {
			if old, ok := x.rfcs[o]; ok && !slices.Contains(old.ObsoletedBy, n) {
				t.Errorf("RFC %d obsoletes %d, which does not know", n, o)
			}
			if o >= n {
				t.Errorf("RFC %d obsoletes the later %d", n, o)
			}
		}
		for _, by := range r.ObsoletedBy {
			if newer, ok := x.rfcs[by]; ok && !slices.Contains(newer.Obsoletes, n) {
				t.Errorf("RFC %d is obsoleted by %d, which does not know", n, by)
			}
		}
	}
	for old, by := range map[int]int{821: 2821, 2821: 5321, 822: 2822, 2822: 5322, 1725: 1939, 3501: 9051, 5246: 8446, 8446: 9846,
		7489: 9989, 9091: 9989, 6855: 9755, 6125: 9525, 7525: 9325, 4551: 7162, 5162: 7162, 2087: 9208, 2088: 7888, 2222: 4422,
		2554: 4954, 2487: 3207, 1652: 6152, 4880: 9580, 5751: 8551, 3798: 8098, 7601: 8601, 7507: 8996, 6962: 9162, 2831: 6331} {
		if !slices.Contains(x.rfcs[old].ObsoletedBy, by) {
			t.Errorf("RFC %d: obsoleted by %v, not by %d", old, x.rfcs[old].ObsoletedBy, by)
		}
	}
	for _, n := range []int{1939, 2595, 3207, 4422, 4616, 5321, 5322, 6376, 7208, 8314, 8996, 8997, 9051, 9325, 9846, 9849, 9989} {
		if r := x.rfcs[n]; r.Number != n || len(r.ObsoletedBy) > 0 {
			t.Errorf("RFC %d is current, the index says %+v", n, r)
		}
	}
}

// TLS 1.3 is known by its old number; sections of the new document are not cited, they were renumbered.
func TestLabels(t *testing.T) {
	for id, refs := range index().refs {
		for _, r := range refs {
			if strings.HasPrefix(r.Label, "RFC 9846") && r.Label != "RFC 9846 (ex-8446)" {
				t.Errorf("%s: label %q", id, r.Label)
			}
			if !strings.HasPrefix(r.URL, "https://") {
				t.Errorf("%s: url %q", id, r.URL)
			}
		}
	}
	if got := index().resolve(citation{Ref: "RFC 5321 app. F.1"}); got.URL != "https://www.rfc-editor.org/rfc/rfc5321#appendix-F.1" {
		t.Errorf("appendix: %+v", got)
	}
}
