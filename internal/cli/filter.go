package cli

import (
	"facteur/decode"
	"facteur/internal/filter"
)

// filtered prints the events that a filter lets through. They are looked at as they come: what a filter asks about the
// session (its TLS version, a protocol yet to be recognised) counts from the event on that tells it.
type filtered struct {
	pages
	f     *filter.Filter
	about map[int]*filter.About
}

// filteredBy puts a filter before a printer; an empty one is none.
func (a *app) filteredBy(text string, p pages) (pages, error) {
	f, err := filter.Parse(text)
	if err != nil {
		return nil, a.filterError(err)
	}
	if len(f.Terms) == 0 {
		return p, nil
	}
	return &filtered{pages: p, f: f, about: map[int]*filter.About{}}, nil
}

func (x *filtered) Publish(session int, events []decode.Event) {
	for i := range events {
		if matches(x.f, x.about, session, &events[i]) {
			x.pages.Publish(session, events[i:i+1])
		}
	}
}

// matches takes note of an event, and says whether it is let through.
func matches(f *filter.Filter, about map[int]*filter.About, session int, e *decode.Event) bool {
	s := about[session]
	if s == nil {
		s = &filter.About{Number: session}
		about[session] = s
	}
	s.Note(e)
	return f.Match(e, s)
}

func (x *filtered) lane() pages {
	return &filtered{pages: x.pages.lane(), f: x.f, about: map[int]*filter.About{}}
}
