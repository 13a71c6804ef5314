package notes

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"sync"
)

//go:embed fr/*.json en/*.json refs.json rfc.json words.json
var files embed.FS

// note is an explanation as a catalogue file has it.
type note struct {
	Line string   `json:"line"`
	More string   `json:"more,omitempty"`
	See  []string `json:"see,omitempty"`

	line, more template
}

// term is a glossary entry.
type term struct {
	Term string `json:"term"`
	Text string `json:"text"`
}

type catalogue struct {
	notes    map[string]note
	glossary map[string]term
	kinds    map[string]string // what an id with this prefix is: "smtp.command" → "SMTP command"
	json     []byte
}

var catalogues = map[Lang]func() *catalogue{
	French:  sync.OnceValue(func() *catalogue { return load(French) }),
	English: sync.OnceValue(func() *catalogue { return load(English) }),
}

func catalogueOf(lang Lang) *catalogue {
	if c, ok := catalogues[lang]; ok {
		return c()
	}
	return catalogues[English]()
}

// The two files of a language that do not hold notes.
const (
	glossaryFile = "glossary.json"
	kindsFile    = "kinds.json"
)

// load reads the embedded files of a language. They are part of the program and tested, so a fault in them is a panic.
func load(lang Lang) *catalogue {
	c := &catalogue{notes: map[string]note{}}
	names, err := fs.Glob(files, string(lang)+"/*.json")
	if err != nil || len(names) == 0 {
		panic(fmt.Sprintf("notes: no catalogue for %q: %v", lang, err))
	}
	for _, name := range names {
		switch path.Base(name) {
		case glossaryFile:
			decodeFile(name, &c.glossary)
		case kindsFile:
			decodeFile(name, &c.kinds)
		default:
			var area map[string]note
			decodeFile(name, &area)
			for id, n := range area {
				if _, twice := c.notes[id]; twice {
					panic(fmt.Sprintf("notes: %s: id %q is in another file too", name, id))
				}
				n.line, n.more = parse(n.Line), parse(n.More)
				c.notes[id] = n
			}
		}
	}
	c.json = c.encode(lang)
	return c
}

func decodeFile(name string, into any) {
	data, err := files.ReadFile(name)
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(data))
		d.DisallowUnknownFields()
		err = d.Decode(into)
	}
	if err != nil {
		panic(fmt.Sprintf("notes: %s: %v", name, err))
	}
}

// Catalogue gives all texts of a language as JSON:
//
//	{"lang":"fr","notes":{ID:{"line","more","refs":[{"label","url"}],"see":[…]}},"glossary":{ID:{"term","text"}}}
//
// Lines are templates. The octets are the same on every call and in every process; the caller may not change them.
func Catalogue(lang Lang) []byte { return catalogueOf(lang).json }

func (c *catalogue) encode(lang Lang) []byte {
	type shown struct {
		note
		Refs []Ref `json:"refs,omitempty"`
	}
	out := struct {
		Lang     Lang             `json:"lang"`
		Notes    map[string]shown `json:"notes"`
		Glossary map[string]term  `json:"glossary"`
	}{lang, make(map[string]shown, len(c.notes)), c.glossary}
	for id, n := range c.notes {
		out.Notes[id] = shown{n, index().refs[id]}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(out); err != nil { // maps are written in order of their keys
		panic(fmt.Sprintf("notes: catalogue %s: %v", lang, err))
	}
	return bytes.TrimSpace(b.Bytes())
}
