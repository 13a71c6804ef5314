package notes

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Found is what `facteur explain` says about a word.
type Found struct {
	Title string // "SMTP command EHLO", "port 993", "RFC 1939 — Post Office Protocol - Version 3"
	Text  Text
}

// The ids of what is found outside the notes: a glossary entry and an RFC have these prefixes.
const (
	glossaryPrefix = "glossary."
	rfcPrefix      = "rfc."
	rfcNote        = "rfc" // the note that is the template for all RFCs
)

// maxNear is the number of suggestions for a word that is not known.
const maxNear = 5

// Word looks a word up in everything the catalogue has: a verb, a reply code, an enhanced code, a port, a capability, a
// mechanism, a TLS message or alert (by name or number), a header field, an RFC number, a glossary term. Case, accents
// and the choice between space, hyphen and underscore do not matter. When nothing is found, near has the closest words.
func Word(lang Lang, word string) (found []Found, near []string) {
	x := wordsOf(lang)
	key := fold(word)
	for _, id := range x.targets[key] {
		found = append(found, x.describe(lang, id))
	}
	if n, ok := rfcNumber(key, len(found) > 0); ok {
		found = append(found, describeRFC(lang, index().rfcs[n]))
	}
	if len(found) == 0 {
		near = x.near(key)
	}
	return found, near
}

// vocabulary is the words of a language. Aliases and samples are in words.json.
type vocabulary struct {
	*catalogue
	targets map[string][]string // folded word → ids
	shown   map[string]string   // folded word → as it is written
}

var wordFile = sync.OnceValue(func() (f struct {
	Aliases map[string][]string          `json:"aliases"`
	Samples map[string]map[string]string `json:"samples"`
}) {
	decodeFile("words.json", &f)
	return f
})

var vocabularies = map[Lang]func() *vocabulary{
	French:  sync.OnceValue(func() *vocabulary { return newVocabulary(French) }),
	English: sync.OnceValue(func() *vocabulary { return newVocabulary(English) }),
}

func wordsOf(lang Lang) *vocabulary {
	if v, ok := vocabularies[lang]; ok {
		return v()
	}
	return vocabularies[English]()
}

func newVocabulary(lang Lang) *vocabulary {
	x := &vocabulary{catalogueOf(lang), map[string][]string{}, map[string]string{}}
	for id := range x.notes {
		if _, name := x.kind(id); name != "" {
			x.add(name, id)
		}
	}
	for id, t := range x.glossary {
		x.add(id, glossaryPrefix+id)
		x.add(t.Term, glossaryPrefix+id)
	}
	for alias, ids := range wordFile().Aliases {
		for _, id := range ids {
			x.add(alias, id)
		}
	}
	for _, ids := range x.targets {
		slices.Sort(ids)
	}
	return x
}

func (x *vocabulary) add(word, id string) {
	key := fold(word)
	if !slices.Contains(x.targets[key], id) {
		x.targets[key] = append(x.targets[key], id)
	}
	// of several spellings the one in capitals is shown: it is the protocol's
	if shown, ok := x.shown[key]; !ok || word < shown {
		x.shown[key] = word
	}
}

// kind splits an id into what it is ("SMTP command") and its name ("EHLO"); both are "" for an id of no kind.
func (x *vocabulary) kind(id string) (kind, name string) {
	for at := strings.LastIndexByte(id, '.'); at > 0; at = strings.LastIndexByte(id[:at], '.') {
		if k, ok := x.kinds[id[:at]]; ok {
			return k, id[at+1:]
		}
	}
	return "", ""
}

func (x *vocabulary) describe(lang Lang, id string) Found {
	if g, ok := strings.CutPrefix(id, glossaryPrefix); ok {
		t := x.glossary[g]
		return Found{t.Term, Text{ID: id, Line: t.Text}}
	}
	kind, name := x.kind(id)
	return Found{strings.TrimSpace(kind + " " + name), Explain(lang, id, Samples(id))}
}

// Samples gives typical values for the words of a text, so that it can be shown without an event.
func Samples(id string) Values {
	samples := wordFile().Samples
	return func(name string) (string, bool) {
		for at := len(id); at > 0; at = strings.LastIndexByte(id[:at], '.') {
			if v, ok := samples[id[:at]][name]; ok {
				return v, true
			}
		}
		v, ok := samples[""][name]
		return v, ok
	}
}

// rfcNumber reads "rfc 5321", "rfc5321" or, unless it means something else too, "5321".
func rfcNumber(key string, taken bool) (int, bool) {
	digits, named := strings.CutPrefix(key, "rfc")
	n, err := strconv.Atoi(strings.TrimPrefix(digits, "-"))
	if err != nil || !named && taken {
		return 0, false
	}
	_, ok := index().rfcs[n]
	return n, ok
}

func describeRFC(lang Lang, r RFC) Found {
	label := fmt.Sprintf("RFC %d", r.Number)
	year, _, _ := strings.Cut(r.Date, "-")
	values := map[string]string{"year": year, "obsoletes": rfcList(r.Obsoletes), "obsoleted_by": rfcList(r.ObsoletedBy)}
	t := Explain(lang, rfcNote, func(name string) (string, bool) { v, ok := values[name]; return v, ok })
	t.ID = rfcPrefix + strconv.Itoa(r.Number)
	t.Refs = []Ref{{label, rfcURL(r.Number)}}
	return Found{label + " — " + r.Title, t}
}

func rfcList(numbers []int) string {
	var labels []string
	for _, n := range numbers {
		labels = append(labels, fmt.Sprintf("RFC %d", n))
	}
	return strings.Join(labels, ", ")
}

// near gives the words closest to key: those that begin with it, then those a few typing slips away.
func (x *vocabulary) near(key string) []string {
	type candidate struct {
		word string
		far  int
	}
	var all []candidate
	slips := 1 + len(key)/4 // a short word tolerates one slip
	for k, word := range x.shown {
		far := slips + 1
		if len(key) >= 2 && strings.HasPrefix(k, key) {
			far = 1
		} else if len(k)-len(key) <= slips && len(key)-len(k) <= slips {
			far = Distance(key, k)
		}
		if far <= slips && strings.ContainsFunc(k, func(r rune) bool { return r < '0' || r > '9' && r != '.' }) {
			all = append(all, candidate{word, far})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(len(a.word), len(b.word)), cmp.Compare(a.word, b.word))
	})
	var out []string
	for _, c := range all[:min(len(all), maxNear)] {
		out = append(out, c.word)
	}
	return out
}

// Distance counts the insertions, deletions, replacements and swaps of neighbouring octets that lead from a to b (optimal
// string alignment): how far a mistyped word is from one that exists.
func Distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

var unaccent = strings.NewReplacer("é", "e", "è", "e", "ê", "e", "ë", "e", "à", "a", "â", "a", "ç", "c", "î", "i", "ï", "i",
	"ô", "o", "û", "u", "ù", "u", "œ", "oe", "’", "'", "=", ".", " ", "-", "_", "-", "\u00a0", "-", "\u202f", "-")

// maxWord bounds the work for a word from outside; the longest id has about 50 characters.
const maxWord = 100

// fold makes spellings of the same word equal.
func fold(word string) string {
	word = strings.ToLower(strings.TrimSpace(word))
	if len(word) > maxWord {
		word = word[:maxWord]
	}
	return strings.TrimPrefix(unaccent.Replace(word), `\`)
}
