package notes

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

const (
	maxLine  = 90 // characters of a line with typical values, TEACHING's measure for a projector
	maxWords = 60 // of the text behind it
)

// known are the words that templates may use: fields and arguments that decode and proxy give, and what Explain adds.
var known = strings.Fields(`action alpn argument arguments asked by chosen cipher client code cv description detail enhanced filename flags found
	from group groups highestmodseq hint host how identifier issuer items length level mailbox mechanism messages missing
	name names not_after now number obsoleted_by obsoletes octets offered progress protocol resources result rights root
	server set shape size sni status tag text to type uidnext uidvalidity unseen user value verb verbs verdict version
	versions was what word year`)

// both calls f for the notes of each id, French first.
func both(t *testing.T, f func(t *testing.T, id string, fr, en note)) {
	t.Helper()
	fr, en := catalogueOf(French), catalogueOf(English)
	for _, id := range slices.Sorted(maps.Keys(fr.notes)) {
		if _, ok := en.notes[id]; ok {
			f(t, id, fr.notes[id], en.notes[id])
		}
	}
}

func each(t *testing.T, f func(t *testing.T, lang Lang, id, text string)) {
	t.Helper()
	for _, lang := range Langs() {
		c := catalogueOf(lang)
		for id, n := range c.notes {
			f(t, lang, id+" line", skeleton(n.line))
			f(t, lang, id+" more", skeleton(n.more))
		}
		for id, g := range c.glossary {
			f(t, lang, "glossary "+id, g.Text)
			f(t, lang, "glossary "+id, g.Term)
		}
	}
}

// skeleton is the prose of a template, every condition met and every value an x.
func skeleton(t template) string {
	var b strings.Builder
	for _, p := range t {
		switch {
		case p.name == "":
			b.WriteString(p.text)
		case p.form == '?':
			b.WriteString(skeleton(p.body))
		case p.form == '|':
			b.WriteString("9 " + p.one + " " + p.many)
		default:
			b.WriteString("x")
		}
	}
	return b.String()
}

func words(t template, into map[string]bool) map[string]bool {
	for _, p := range t {
		if p.name != "" {
			into[p.name] = true
		}
		words(p.body, into)
	}
	return into
}

// A reader who changes language keeps the same notes, with the same values in them.
func TestLanguagesAgree(t *testing.T) {
	fr, en := catalogueOf(French), catalogueOf(English)
	same := func(what string, a, b []string) {
		for _, id := range a {
			if !slices.Contains(b, id) {
				t.Errorf("%s %s is in one language only", what, id)
			}
		}
	}
	f, e := slices.Sorted(maps.Keys(fr.notes)), slices.Sorted(maps.Keys(en.notes))
	same("note", f, e)
	same("note", e, f)
	f, e = slices.Sorted(maps.Keys(fr.glossary)), slices.Sorted(maps.Keys(en.glossary))
	same("term", f, e)
	same("term", e, f)
	f, e = slices.Sorted(maps.Keys(fr.kinds)), slices.Sorted(maps.Keys(en.kinds))
	same("kind", f, e)
	same("kind", e, f)
	if len(fr.notes) < 1000 || len(fr.glossary) < 120 {
		t.Errorf("only %d notes and %d terms", len(fr.notes), len(fr.glossary))
	}
	both(t, func(t *testing.T, id string, fr, en note) {
		for _, pair := range [][2]template{{fr.line, en.line}, {fr.more, en.more}} {
			a, b := words(pair[0], map[string]bool{}), words(pair[1], map[string]bool{})
			if !maps.Equal(a, b) {
				t.Errorf("%s: words %v in French, %v in English", id, a, b)
			}
			for name := range a {
				if !slices.Contains(known, name) {
					t.Errorf("%s: nobody gives {%s}", id, name)
				}
			}
		}
		if !slices.Equal(fr.See, en.See) {
			t.Errorf("%s: see %v in French, %v in English", id, fr.See, en.See)
		}
		if (fr.More == "") != (en.More == "") {
			t.Errorf("%s: more in one language only", id)
		}
	})
}

// typical is what a line is measured with: a sample for every word, those that only an event can give included.
func typical(id string) Values {
	others := map[string]string{"text": "User unknown", "word": "XFOO", "description": "unknown_ca", "detail": "connection refused"}
	samples := Samples(id)
	return func(name string) (string, bool) {
		if v, ok := samples(name); ok {
			return v, true
		}
		v, ok := others[name]
		return v, ok
	}
}

func TestLengths(t *testing.T) {
	for _, lang := range Langs() {
		for id := range catalogueOf(lang).notes {
			x := Explain(lang, id, typical(id))
			if n := utf8.RuneCountInString(x.Line); n > maxLine || n < 12 {
				t.Errorf("%s %s: line of %d characters: %s", lang, id, n, x.Line)
			}
			count := 0
			for word := range strings.FieldsSeq(x.More) {
				if strings.ContainsFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
					count++
				}
			}
			if count > maxWords {
				t.Errorf("%s %s: more of %d words: %s", lang, id, count, x.More)
			}
		}
	}
}

// A sentence must stay one with every value and with none: live, some fields are missing.
func TestSentences(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	bad := regexp.MustCompile(`  |\(\)|«\x{202F}?»|“”|[a-zà-ÿ] [.,]|\.\.|^[ ,.:;]|[:,;]$`)
	for _, lang := range Langs() {
		for id := range catalogueOf(lang).notes {
			for _, v := range []Values{typical(id), none} {
				x := Explain(lang, id, v)
				for _, s := range []string{x.Line, x.More} {
					if m := bad.FindString(s); m != "" {
						t.Errorf("%s %s: %q in: %s", lang, id, m, s)
					}
					if s != "" && !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "…") {
						t.Errorf("%s %s: no full stop: %s", lang, id, s)
					}
					first, _ := utf8.DecodeRuneInString(s)
					if s != "" && unicode.IsLower(first) && !startsWithName(s) {
						t.Errorf("%s %s: starts in lower case: %s", lang, id, s)
					}
				}
			}
		}
	}
}

// startsWithName allows names that are written in lower case.
func startsWithName(s string) bool {
	return regexp.MustCompile(`^(facteur|base64|inline|text/|spf=|d=|cv=|charset|k, x)`).MatchString(s)
}

var (
	// protocol is text that follows the protocol's rules, not those of typography.
	protocol = regexp.MustCompile(`\b(From|To|Date|FROM|Username|Password|Nom|cid):|[a-z]://|\d:\d|=\?UTF-8\?…\?=|\{\w+\+?\}`)
	// typography: a sign not preceded by a narrow no-break space, or an opening mark not followed by one.
	typography = regexp.MustCompile(`(^|[^\x{202F}])[;:!?»]|«([^\x{202F}]|$)|\x{202F}([^;:!?»\d%\pL+*.{/\\$=“-]|$)`)
)

func TestFrenchTypography(t *testing.T) {
	each(t, func(t *testing.T, lang Lang, at, text string) {
		if strings.ContainsAny(text, "'\"`") {
			t.Errorf("%s %s: a straight quotation mark: %s", lang, at, text)
		}
		if lang != French {
			if strings.ContainsAny(text, "\u202F«»") {
				t.Errorf("%s %s: French typography: %s", lang, at, text)
			}
			return
		}
		if m := typography.FindString(protocol.ReplaceAllString(text, "P")); m != "" {
			t.Errorf("%s: %q in: %s", at, m, text)
		}
		if strings.ContainsAny(text, "“”") {
			t.Errorf("%s: English quotation marks: %s", at, text)
		}
	})
}

// barred are words of the other language, and those the style guide rules out: octets, not bytes; nothing that commands.
var barred = map[Lang][]string{
	French:  {"tu", "tes", "byte", "bytes", "the", "and", "of", "server", "your", "email", "e-mail"},
	English: {"byte", "bytes", "le", "la", "les", "une", "et", "est", "avec", "serveur", "don’t", "you’re"},
}

func TestVocabulary(t *testing.T) {
	each(t, func(t *testing.T, lang Lang, at, text string) {
		for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' && r != '’' }) {
			if slices.Contains(barred[lang], strings.ToLower(word)) && word != strings.ToUpper(word) {
				t.Errorf("%s %s: %q in: %s", lang, at, word, text)
			}
		}
		if strings.Contains(strings.ToLower(text), "il faut") || strings.Contains(text, "you must") {
			t.Errorf("%s %s: commands: %s", lang, at, text)
		}
	})
}

// identical are the texts that are the same in both languages because they are protocol.
var identical = regexp.MustCompile(`^(X-GM-LABELS, X-GM-MSGID, X-GM-THRID\.|Rare\.)$`)

// A text that is the same in both languages was forgotten, unless it is protocol.
func TestNothingUntranslated(t *testing.T) {
	both(t, func(t *testing.T, id string, fr, en note) {
		if fr.Line == en.Line || fr.More != "" && fr.More == en.More && !identical.MatchString(fr.More) {
			t.Errorf("%s: the same in both languages: %s %s", id, fr.Line, fr.More)
		}
	})
	fr, en := catalogueOf(French), catalogueOf(English)
	for id, g := range fr.glossary {
		if g.Text == en.glossary[id].Text {
			t.Errorf("glossary %s: the same in both languages: %s", id, g.Text)
		}
	}
}

func TestSeeLeadsSomewhere(t *testing.T) {
	c := catalogueOf(French)
	for id, n := range c.notes {
		for _, s := range n.See {
			if _, ok := c.glossary[s]; !ok {
				t.Errorf("%s: see %q is not in the glossary", id, s)
			}
		}
		if len(n.See) == 0 && id != LastResort && id != rfcNote {
			t.Errorf("%s: leads to no term", id)
		}
	}
}

// Decode may emit ids that nobody foresaw; every family of two components has a text that is true of them.
func TestEveryPrefixHasAText(t *testing.T) {
	c := catalogueOf(English)
	for id := range c.notes {
		parts := strings.Split(id, ".")
		for n := 1; n <= min(2, len(parts)); n++ {
			prefix := strings.Join(parts[:n], ".")
			if _, ok := c.notes[prefix]; !ok {
				t.Errorf("%s: no text for %s", id, prefix)
			}
		}
	}
}

// The page gets the same octets always, in the shape it expects.
func TestCatalogueJSON(t *testing.T) {
	for _, lang := range Langs() {
		first := Catalogue(lang)
		if again := load(lang).json; !bytes.Equal(first, again) {
			t.Errorf("%s: not deterministic", lang)
		}
		var c struct {
			Lang  string
			Notes map[string]struct {
				Line, More string
				Refs       []struct{ Label, URL string }
				See        []string
			}
			Glossary map[string]struct{ Term, Text string }
		}
		d := json.NewDecoder(bytes.NewReader(first))
		d.DisallowUnknownFields()
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		ehlo := c.Notes["smtp.command.EHLO"]
		if c.Lang != string(lang) || ehlo.Line == "" || len(ehlo.See) == 0 || c.Glossary["ehlo"].Term != "EHLO" {
			t.Errorf("%s: EHLO is %+v", lang, ehlo)
		}
		if len(ehlo.Refs) != 1 || ehlo.Refs[0].Label != "RFC 5321 §4.1.1.1" ||
			ehlo.Refs[0].URL != "https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.1" {
			t.Errorf("%s: EHLO's references are %+v", lang, ehlo.Refs)
		}
	}
}
