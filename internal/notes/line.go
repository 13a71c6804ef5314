package notes

// Line is the Line of [Explain], for those who show nothing else: it costs a fraction.
func Line(lang Lang, id string, v Values) string {
	c := catalogueOf(lang)
	found, rest := c.find(id)
	return c.notes[found].line.render(lang, withRest(v, rest))
}

// maxKnownLines is how many ids a Lines remembers the text of. Decode has some thousand; what a peer's words make of them
// beyond that is looked up each time.
const maxKnownLines = 4096

// Lines writes the lines of many notes, made harmless as by [Visible]: what a terminal shows. It is for one goroutine; it
// remembers what it looked up, and allocates next to nothing.
type Lines struct {
	lang  Lang
	c     *catalogue
	known map[string]knownLine

	values Values // of the line being written
	rest   string
	lookup Values // asks both
}

type knownLine struct {
	line template
	rest string
}

// NewLines gives the lines of a language.
func NewLines(lang Lang) *Lines {
	l := &Lines{lang: lang, c: catalogueOf(lang), known: map[string]knownLine{}}
	l.lookup = func(name string) (string, bool) {
		if s, ok := l.values(name); ok {
			return s, true
		}
		if name == "word" || name == "rest" {
			return l.rest, l.rest != ""
		}
		return "", false
	}
	return l
}

// Append appends the line of id, with values as [Explain] takes them; v may not be nil.
func (l *Lines) Append(dst []byte, id string, v Values) []byte {
	k, ok := l.known[id]
	if !ok {
		found, rest := l.c.find(id)
		k = knownLine{l.c.notes[found].line, rest}
		if len(l.known) < maxKnownLines {
			l.known[id] = k
		}
	}
	l.values, l.rest = v, k.rest
	return k.line.append(dst, l.lang, l.lookup, fitVisible)
}

// fitVisible is clean, for a value that a terminal shows. The texts themselves hold nothing that is hidden.
func fitVisible(s string) string {
	if s = Spelt(s); isClean(s) {
		return s
	}
	return Visible(clean(s))
}
