package cli

import (
	"slices"

	"facteur/decode"
	"facteur/internal/notes"
)

// sentence says a note in a language: one sentence, and what to do about it. It is a proxy.Sentence.
func sentence(lang, id string, fields []decode.Field) (line, advice string) {
	x := notes.Explain(notes.Lang(lang), id, func(name string) (string, bool) {
		i := slices.IndexFunc(fields, func(f decode.Field) bool { return f.Name == name })
		if i < 0 {
			return "", false
		}
		return fields[i].Value, true
	})
	return x.Line, x.More
}
