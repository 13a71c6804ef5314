package captures

import (
	"slices"

	"facteur/decode"
)

// edit puts other octets in the place of a span: with, or what fill makes of them.
type edit struct {
	span decode.Span
	with []byte
	fill filler // used where with is nil
}

// filler writes other octets over those it is handed: the pieces of its spans, in order.
type filler interface{ over(data []byte) }

// edits are what a second pass changes, found by a first one. It is the same decoder, so the offsets are the same.
type edits struct {
	at   map[place][]edit
	done map[place]int // edits that lie before what was handed last
}

func (e *edits) add(p place, span decode.Span, with []byte, fill filler) {
	if span.Len() <= 0 {
		return
	}
	if e.at == nil {
		e.at = map[place][]edit{}
	}
	e.at[p] = append(e.at[p], edit{span, with, fill})
}

// sort puts the edits of each stream into the order of their octets; of several over the same ones the last wins.
func (e *edits) sort() {
	for _, list := range e.at {
		slices.SortStableFunc(list, func(a, b edit) int {
			switch {
			case a.span.From < b.span.From:
				return -1
			case a.span.From > b.span.From:
				return 1
			}
			return 0
		})
	}
	e.done = map[place]int{}
}

// apply changes data, which begins at offset at, and reports whether it did. Each stream comes in order.
func (e *edits) apply(p place, at int64, data []byte) (changed bool) {
	list := e.at[p]
	n := e.done[p]
	end := at + int64(len(data))
	for n < len(list) && list[n].span.To <= at {
		n++
	}
	e.done[p] = n
	for i := n; i < len(list) && list[i].span.From < end; i++ {
		x := &list[i]
		from, to := max(x.span.From, at), min(x.span.To, end)
		if from >= to {
			continue
		}
		changed = true
		part := data[from-at : to-at]
		if x.with != nil {
			copy(part, x.with[from-x.span.From:to-x.span.From])
			continue
		}
		x.fill.over(part)
	}
	return changed
}

// stars fills with '*'.
type stars struct{}

func (stars) over(data []byte) {
	for i := range data {
		data[i] = '*'
	}
}
