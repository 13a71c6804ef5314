package cli

import "facteur/internal/bilingual"

// inWords gives the text of an error in the user's language, as far as what it is made of has one.
func (a *app) inWords(err error) string { return bilingual.In(a.lang, err) }
