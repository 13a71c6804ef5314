package notes

// Line is the Line of [Explain], for those who show nothing else: it costs a fraction.
func Line(lang Lang, id string, v Values) string {
	c := catalogueOf(lang)
	found, rest := c.find(id)
	return c.notes[found].line.render(lang, withRest(v, rest))
}
