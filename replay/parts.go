package replay

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"facteur/decode"
)

// Part is a stretch of what a side said. As names what only the moment knows, and does not count in a difference: "tag",
// "date", "id", "queue_id", "number", "size", "port", "nonce", "uid", "tls" or "credentials"; "" is text that counts.
type Part struct {
	Text string `json:"text"`
	As   string `json:"as,omitempty"`
}

// LineParts gives the command's line with what does not count told apart.
func (d *DiffSide) LineParts() []Part {
	var marks []mark
	words := wordPlaces.FindAllStringIndex(d.Line, -1)
	if d.Kind != StepCommand || len(words) == 0 {
		return cut(d.Line, momentMarks(d.Line))
	}
	if d.protocol == decode.IMAP {
		marks = append(marks, mark{words[0][0], words[0][1], "tag"})
		words = words[1:]
	}
	if d.s != nil && d.s.key == logIn {
		// the command and its mechanism count, who logs in and with what does not
		n := 1
		if len(words) > 0 && strings.HasPrefix(strings.ToUpper(d.Line[words[0][0]:words[0][1]]), "AUTH") {
			n = 2
		}
		if len(words) > n {
			marks = append(marks, mark{words[n][0], len(d.Line), "credentials"})
		}
	}
	return cut(d.Line, append(marks, momentMarks(d.Line)...))
}

// AnswerParts gives the answer with what does not count told apart.
func (d *DiffSide) AnswerParts() []Part {
	marks := momentMarks(d.Answer)
	all := func(what *regexp.Regexp, as string) {
		for _, at := range what.FindAllStringSubmatchIndex(d.Answer, -1) {
			marks = append(marks, mark{afterPrefix(at), at[1], as})
		}
	}
	switch {
	case d.protocol == decode.IMAP && d.s != nil && d.s.tag != "":
		all(regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(d.s.tag)+`\b`), "tag")
	case d.protocol == decode.POP3 && d.Kind == StepGreeting:
		all(nonce, "nonce")
	case d.protocol == decode.POP3 && d.Verb == "UIDL":
		all(uidLine, "uid")
	}
	return cut(d.Answer, marks)
}

var (
	wordPlaces = regexp.MustCompile(`\S+`)
	uidLine    = regexp.MustCompile(`(?m)^((?:\d+|\+OK \d+) )[!-~]+$`)
)

// mark is a stretch [from, to) of a text that does not count.
type mark struct {
	from, to int
	as       string
}

// momentMarks finds what the rules of comparing replace. They are made for text as it is sent, with CRLF.
func momentMarks(text string) []mark {
	sent := strings.ReplaceAll(text, "\n", "\r\n")
	// shift takes away the CRs before a place
	shift := func(at int) int { return at - strings.Count(sent[:at], "\r") }
	var marks []mark
	for i := range moment {
		for _, at := range moment[i].what.FindAllStringSubmatchIndex(sent, -1) {
			marks = append(marks, mark{shift(afterPrefix(at)), shift(at[1]), moment[i].as})
		}
	}
	return marks
}

// afterPrefix is where a match begins behind the groups that it begins with: those are kept.
func afterPrefix(at []int) int {
	from := at[0]
	for g := 2; g+1 < len(at) && at[g] == from; g += 2 {
		from = at[g+1]
	}
	return from
}

// cut divides a text at its marks; of those that overlap the first counts. Line ends stay outside.
func cut(text string, marks []mark) []Part {
	slices.SortStableFunc(marks, func(a, b mark) int { return cmp.Compare(a.from, b.from) })
	var parts []Part
	add := func(text, as string) {
		if text != "" {
			parts = append(parts, Part{text, as})
		}
	}
	at := 0
	for _, m := range marks {
		inside := strings.TrimRight(text[max(m.from, at):max(m.to, at)], "\n")
		if m.from < at || inside == "" {
			continue
		}
		add(text[at:m.from], "")
		add(inside, m.as)
		at = m.from + len(inside)
	}
	add(text[at:], "")
	return parts
}
