// Package notes holds every explanation of facteur, once in French and once in English.
//
// Decode names an explanation by id ("smtp.reply.250.RCPT") and never holds prose; this package has the prose. A text is
// a template whose words come from the event it explains (see render.go for the template language, which the page
// implements too: testdata/render.json is the contract between the two). A lookup drops the last component of an id
// again and again until a text is found, so decode may be as precise as it likes.
//
// The texts are in fr/*.json and en/*.json, one file per area; refs.json ties ids to the standards they explain, in no
// language; rfc.json is the index of those standards and keeps obsolete ones from being cited by mistake.
package notes

import "strings"

// Lang is a language of the catalogue: "fr" or "en".
type Lang string

// The languages of the catalogue.
const (
	French  Lang = "fr"
	English Lang = "en"
)

// Langs lists the languages in the order in which they are offered.
func Langs() []Lang { return []Lang{French, English} }

// Values gives the value of a template word, and whether there is one. Words are looked up in a note's arguments first
// and then in the fields of its event; that order is the caller's.
type Values func(name string) (string, bool)

// Text is an explanation, ready to be shown.
type Text struct {
	ID   string   // the id under which it was found: the one asked for, or a prefix of it
	Line string   // one sentence
	More string   // a few sentences more; "" if the line says it all
	Refs []Ref    // the standards it rests on
	See  []string // glossary ids
}

// LastResort is the id of the text used when not even the first component of an id is known.
const LastResort = "unknown"

// Explain gives the text of id in lang, filled with the values of v (nil for none). There always is one: an id unknown to
// the catalogue gets the text of its longest known prefix, in which {word} is the part that fell away. An unknown
// language gets English.
func Explain(lang Lang, id string, v Values) Text {
	c := catalogueOf(lang)
	found, rest := c.find(id)
	n := c.notes[found]
	values := withRest(v, rest)
	return Text{
		ID:   found,
		Line: n.line.render(lang, values),
		More: n.more.render(lang, values),
		Refs: index().refs[found],
		See:  n.See,
	}
}

// Has reports whether id has a text of its own, not one of a prefix.
func Has(id string) bool {
	_, ok := catalogueOf(English).notes[id]
	return ok
}

// find gives the longest known prefix of id and what fell away.
func (c *catalogue) find(id string) (found, rest string) {
	for at := len(id); at > 0; at = strings.LastIndexByte(id[:at], '.') {
		if _, ok := c.notes[id[:at]]; ok {
			return id[:at], strings.TrimPrefix(id[at:], ".")
		}
	}
	return LastResort, id
}

// withRest adds {word}, and {rest} as another name for it, to the words of v.
func withRest(v Values, rest string) Values {
	return func(name string) (string, bool) {
		if v != nil {
			if s, ok := v(name); ok {
				return s, true
			}
		}
		if name == "word" || name == "rest" {
			return rest, rest != ""
		}
		return "", false
	}
}
