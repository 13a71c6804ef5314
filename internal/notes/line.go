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

const (
	// maxKnownID is the longest id whose text is remembered, in octets: longer ones hold what a peer made up.
	maxKnownID = 128
	// recentLines is how many lines are found by a glance at their id: some hundred kinds make nearly all of a transcript.
	recentLines = 512
)

// Lines writes the lines of many notes, made harmless as by [Visible]: what a terminal shows. It is for one goroutine; it
// remembers what it looked up, and allocates next to nothing.
type Lines struct {
	lang  Lang
	c     *catalogue
	known map[string]*knownLine
	// recent are those written last, each where its id stands by recentLine.
	recent [recentLines]*knownLine

	values Values // of the line being written
	rest   string
	lookup Values // asks both
}

type knownLine struct {
	id   string
	line template
	rest string
}

// recentLine is the place of an id among the recent ones, by the octets in which ids differ most.
func recentLine(id string) uint {
	n := len(id)
	if n < 2 {
		return 0
	}
	return (uint(n)*37 + uint(id[n-1])*67 + uint(id[n-2])*5 + uint(id[n>>1])*131) % recentLines
}

// NewLines gives the lines of a language.
func NewLines(lang Lang) *Lines {
	l := &Lines{lang: lang, c: catalogueOf(lang), known: map[string]*knownLine{}}
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
	at := recentLine(id)
	k := l.recent[at]
	if k == nil || k.id != id {
		k = l.find(id)
		if len(id) <= maxKnownID {
			l.recent[at] = k
		}
	}
	l.values, l.rest = v, k.rest
	return k.line.append(dst, l.lang, l.lookup, fitVisible)
}

// find gives the line of an id that is not among the recent ones.
func (l *Lines) find(id string) *knownLine {
	k := l.known[id]
	if k == nil {
		found, rest := l.c.find(id)
		k = &knownLine{id, l.c.notes[found].line, rest}
		if len(l.known) < maxKnownLines && len(id) <= maxKnownID {
			l.known[id] = k
		}
	}
	return k
}

// fitVisible is clean, for a value that a terminal shows. The texts themselves hold nothing that is hidden.
func fitVisible(s string) string {
	if s = Spelt(s); isClean(s) {
		return s
	}
	return Visible(clean(s))
}
