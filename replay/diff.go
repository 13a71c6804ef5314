package replay

import (
	"bytes"
	"strings"

	"facteur/decode"
)

// What a row of a difference says.
const (
	DiffSame    = "same"
	DiffChanged = "changed"
	DiffOnlyA   = "only_a"
	DiffOnlyB   = "only_b"
)

// DiffRow is a step of one session next to the step of the other that it corresponds to.
type DiffRow struct {
	Op string `json:"op"` // DiffSame, DiffChanged, DiffOnlyA or DiffOnlyB
	// Upgrade marks what a session says only to come into TLS: STARTTLS, and what is repeated after it.
	Upgrade bool      `json:"upgrade,omitempty"`
	Asked   bool      `json:"asked,omitempty"`    // changed: the commands differ
	Replied bool      `json:"answered,omitempty"` // changed: the answers differ
	A       *DiffSide `json:"a,omitempty"`
	B       *DiffSide `json:"b,omitempty"`
}

// DiffSide is one session's part of a row.
type DiffSide struct {
	Step   int    `json:"step"`
	Kind   string `json:"kind"`
	Verb   string `json:"verb,omitempty"`
	Line   string `json:"line,omitempty"`   // the command, secrets as stars
	Answer string `json:"answer,omitempty"` // the answer's lines, joined by \n, at most maxDiffAnswer octets
	Secure bool   `json:"secure,omitempty"`
	Seq    int    `json:"seq,omitempty"` // of the event that the step begins with

	protocol string
	s        *Step
}

const (
	// maxDiffAnswer is how much of an answer a row shows; all of it is compared.
	maxDiffAnswer = 4 << 10
	// maxDiffSteps is how many steps are aligned at a time: the work grows with the square. Longer sessions are compared
	// in stretches of this length.
	maxDiffSteps = 10_000
)

// Equal says whether two sessions say the same but for how they come into TLS.
func Equal(rows []DiffRow) bool {
	for i := range rows {
		if rows[i].Op != DiffSame && !rows[i].Upgrade {
			return false
		}
	}
	return true
}

// Diff lays two sessions side by side, aligned by what their commands ask for. What only the moment knows does not
// count: tags, dates, message and queue ids, nonces, UIDVALIDITY, ports, and what follows from TLS in lists of
// capabilities.
func Diff(a, b *Dialogue) []DiffRow {
	x, y := diffSteps(a), diffSteps(b)
	ids := map[string]int{}
	for _, steps := range [][]diffStep{x, y} {
		for i := range steps {
			id, known := ids[steps[i].key]
			if !known {
				id = len(ids)
				ids[steps[i].key] = id
			}
			steps[i].id = id
		}
	}
	var rows []DiffRow
	for len(x) > 0 || len(y) > 0 {
		i, j := min(len(x), maxDiffSteps), min(len(y), maxDiffSteps)
		rows = append(rows, diffRows(x[:i], y[:j])...)
		x, y = x[i:], y[j:]
	}
	return rows
}

// diffStep is a step as it is compared.
type diffStep struct {
	s        *Step
	protocol string
	key      string // steps with the same key correspond
	id       int    // stands for key
	asked    string // normalised
	answer   string // normalised
	upgrade  bool
}

// diffSteps prepares the steps of a session.
func diffSteps(d *Dialogue) []diffStep {
	tls := -1
	for i := range d.Steps {
		if d.Steps[i].Kind == StepUpgrade && d.Steps[i].Verb == "TLS" {
			tls = i
		}
	}
	after := map[string]bool{}
	for i := tls + 1; i < len(d.Steps); i++ {
		after[d.Steps[i].key] = true
	}
	out := make([]diffStep, len(d.Steps))
	for i := range d.Steps {
		s := &d.Steps[i]
		ds := diffStep{s: s, protocol: d.Protocol, key: s.Kind + " " + s.key, asked: s.key, answer: normalAnswer(d.Protocol, s)}
		if s.Kind == StepUpgrade {
			ds.key, ds.upgrade = s.Kind+" "+s.Verb, s.Verb == "TLS"
		}
		if s.key == logIn {
			ds.asked = loginWay(d.Protocol, s)
		}
		if i < tls && s.Kind == StepCommand && (classOf(d.Protocol, s.key) == upgrade || after[s.key] && classOf(d.Protocol, s.key) == free) {
			ds.key, ds.upgrade = "upgrade "+ds.key, true
		}
		out[i] = ds
	}
	return out
}

// loginWay is how a log-in is made: the command, and its mechanism.
func loginWay(protocol string, s *Step) string {
	words := tokens(s.asked())
	if protocol == decode.IMAP && len(words) > 0 {
		words = words[1:]
	}
	if len(words) == 0 {
		return ""
	}
	way := strings.ToUpper(words[0].text)
	if strings.HasPrefix(way, "AUTH") && len(words) > 1 {
		way += " " + strings.ToUpper(words[1].text)
	}
	return way
}

// withoutTagOctets puts the same tag before every IMAP command.
func withoutTagOctets(protocol string, octets []byte) []byte {
	if protocol == decode.IMAP {
		if i := bytes.IndexByte(octets, ' '); i >= 0 {
			return append([]byte("*"), octets[i:]...)
		}
	}
	return octets
}

// diffRows aligns two stretches.
func diffRows(x, y []diffStep) []DiffRow {
	pairs := align(x, y, nil, 0, 0)
	var rows []DiffRow
	i, j := 0, 0
	for _, p := range append(pairs, [2]int{len(x), len(y)}) {
		rows = append(rows, lonely(x[i:p[0]], y[j:p[1]])...)
		if i, j = p[0], p[1]; i < len(x) && j < len(y) {
			rows = append(rows, pair(&x[i], &y[j]))
			i, j = i+1, j+1
		}
	}
	return rows
}

// lonely gives the rows of steps that correspond to nothing; two of the same verb in the same place are one that changed.
func lonely(x, y []diffStep) []DiffRow {
	var rows []DiffRow
	j := 0
	for i := range x {
		for k := j; k < len(y); k++ {
			if x[i].s.Verb != "" && x[i].s.Verb == y[k].s.Verb && x[i].upgrade == y[k].upgrade {
				for ; j < k; j++ {
					rows = append(rows, DiffRow{Op: DiffOnlyB, Upgrade: y[j].upgrade, B: side(&y[j])})
				}
				rows = append(rows, pair(&x[i], &y[k]))
				j = k + 1
				goto next
			}
		}
		rows = append(rows, DiffRow{Op: DiffOnlyA, Upgrade: x[i].upgrade, A: side(&x[i])})
	next:
	}
	for ; j < len(y); j++ {
		rows = append(rows, DiffRow{Op: DiffOnlyB, Upgrade: y[j].upgrade, B: side(&y[j])})
	}
	return rows
}

// pair compares two steps that correspond.
func pair(a, b *diffStep) DiffRow {
	r := DiffRow{Op: DiffSame, Upgrade: a.upgrade && b.upgrade, A: side(a), B: side(b), Asked: a.asked != b.asked, Replied: a.answer != b.answer}
	if r.Asked || r.Replied {
		r.Op = DiffChanged
	}
	return r
}

func side(d *diffStep) *DiffSide {
	answer := bytes.TrimRight(d.s.answer(), "\r\n")
	if len(answer) > maxDiffAnswer {
		answer = answer[:maxDiffAnswer]
	}
	return &DiffSide{Step: d.s.N, Kind: d.s.Kind, Verb: d.s.Verb, Line: d.s.Line, Secure: d.s.Secure, Seq: d.s.Seq, protocol: d.protocol, s: d.s,
		Answer: strings.ToValidUTF8(strings.ReplaceAll(string(answer), "\r\n", "\n"), "\uFFFD")}
}

// align gives the longest sequence of corresponding steps, as pairs of indices, in linear memory (Hirschberg 1975).
func align(x, y []diffStep, out [][2]int, i0, j0 int) [][2]int {
	for len(x) > 0 && len(y) > 0 && x[0].id == y[0].id {
		out = append(out, [2]int{i0, j0})
		x, y, i0, j0 = x[1:], y[1:], i0+1, j0+1
	}
	switch {
	case len(x) == 0 || len(y) == 0:
		return out
	case len(x) == 1:
		for j := range y {
			if x[0].id == y[j].id {
				return append(out, [2]int{i0, j0 + j})
			}
		}
		return out
	}
	mid := len(x) / 2
	head, tail := lengths(x[:mid], y, false), lengths(x[mid:], y, true)
	best := 0
	for j := range head {
		if head[j]+tail[len(y)-j] > head[best]+tail[len(y)-best] {
			best = j
		}
	}
	out = align(x[:mid], y[:best], out, i0, j0)
	return align(x[mid:], y[best:], out, i0+mid, j0+best)
}

// lengths gives, for each beginning of y (or each end, from the back), how many steps of it correspond to x.
func lengths(x, y []diffStep, back bool) []int {
	row := make([]int, len(y)+1)
	prev := make([]int, len(y)+1)
	for i := range x {
		row, prev = prev, row
		row[0] = 0
		for j := range y {
			a, b := &x[i], &y[j]
			if back {
				a, b = &x[len(x)-1-i], &y[len(y)-1-j]
			}
			if a.id == b.id {
				row[j+1] = prev[j] + 1
			} else {
				row[j+1] = max(row[j], prev[j+1])
			}
		}
	}
	return row
}
