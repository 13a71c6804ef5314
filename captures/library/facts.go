package library

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"facteur/decode"
	"facteur/internal/filter"
)

// Facts are what the columns of an event hold, written as words beside its text: zc550 for the code 550, zw1 for the server
// speaking. When words are searched, the full-text index has to meet them too, so that events that hold a common word but
// not the rest are left out before their rows are read: "the whole library" and "code:599" is then as quick as code:599.
// The columns decide all the same.

// Each fact begins with z and the letter of what it is about. A protocol that was not known yet is the bare letter.
const (
	factEvery    = "zevery" // what all events have: the full-text index can leave events out of others only
	factNone     = "znone"  // what none has
	factProtocol = "zp"
	factKind     = "zk"
	factClass    = "zd"
	factCode     = "zc"
	factEnhanced = "ze"
	factCommand  = "zm"
	factSide     = "zw"
	factLeg      = "zl"
	factTag      = "zt"
	factSession  = "zs"
	factFlag     = "zf"
)

const (
	// maxFact is how many octets of a value are in its fact: more than any verb, code or tag that is meant seriously.
	maxFact = 64
	// maxSets is how many sessions are named one by one.
	maxSets = 200
)

// fact writes a value as one word for the tokenizer: letters and digits stay, in small letters, the rest is in hex.
func fact(about, value string) string {
	var b strings.Builder
	b.WriteString(about)
	value = strings.ToLower(value)
	for i := 0; i < min(len(value), maxFact); i++ {
		if c := value[i]; c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "y%02x", c)
		}
	}
	return b.String()
}

// columns are the values of an event's row that facts are made of; "" for those that it has not.
type columns struct {
	protocol, code, code2, class, cmd, tag string
	secret, lint, fault                    bool
}

// facts lists an event's.
func (c *columns) facts(e *decode.Event, session int64) string {
	all := []string{factEvery, fact(factProtocol, c.protocol), fact(factKind, e.Kind), factSide + strconv.Itoa(int(e.From)),
		factLeg + strconv.Itoa(int(e.Leg)), factSession + strconv.FormatInt(session, 10)}
	for _, x := range []struct{ about, value string }{{factClass, c.class}, {factCode, c.code}, {factEnhanced, c.code2}, {factCommand, c.cmd}, {factTag, c.tag}} {
		if x.value != "" {
			all = append(all, fact(x.about, x.value))
		}
	}
	for key, is := range map[filter.Key]bool{filter.Secret: c.secret, filter.Lint: c.lint, filter.Fault: c.fault} {
		if is {
			all = append(all, fact(factFlag, string(key)))
		}
	}
	return strings.Join(all, " ")
}

// factsOf gives what the facts of every event that a term means hold, as an expression of FTS5; "" where facts say nothing
// of it. For a term with a minus it is what none of those events holds.
func (l *Library) factsOf(ctx context.Context, t *filter.Term) (string, error) {
	word := func(about, value string) string { return `facts : "` + fact(about, value) + `"` }
	// pattern is a value of which the end may be open; what else is open is left to the column
	pattern := func(about string) string {
		if t.Plain() {
			return word(about, t.Value)
		}
		if head := strings.TrimSuffix(t.Value, "*"); head != "" && !strings.ContainsAny(head, "*X") {
			return word(about, head) + " *"
		}
		return ""
	}
	if t.Not && len(t.Value) > maxFact {
		return "", nil // the fact is but its beginning
	}
	switch t.Key {
	case filter.Family:
		switch {
		case t.Value == "tls" || t.Value == "message" || t.Value == "sasl":
			return word(factKind, t.Value+".") + " *", nil
		case t.Not:
			return word(factProtocol, t.Value), nil
		}
		return "(" + word(factProtocol, t.Value) + " OR " + word(factProtocol, "") + ")", nil
	case filter.Kind:
		return word(factKind, t.Value) + " *", nil
	case filter.Code:
		if class := t.ClassOf(); class > 0 {
			return word(factClass, strconv.Itoa(class)), nil
		}
		if p := pattern(factCode); p != "" {
			return "(" + p + " OR " + pattern(factEnhanced) + ")", nil
		}
	case filter.Command:
		return pattern(factCommand), nil
	case filter.From:
		return word(factSide, strconv.Itoa(side(t.Value))), nil
	case filter.Leg:
		return word(factLeg, strconv.Itoa(side(t.Value))), nil
	case filter.Tag:
		return word(factTag, t.Value), nil
	case filter.Secret, filter.Lint, filter.Fault:
		return word(factFlag, string(t.Key)), nil
	case filter.Session, filter.TLS:
		if !t.Not {
			return l.sessionFacts(ctx, t)
		}
	}
	return "", nil
}

// sessionsOf is the condition on the table sessions that a term about them makes.
func sessionsOf(t *filter.Term) (where string, args []any) {
	if t.Key == filter.TLS {
		return "instr(lower(tls), ?) > 0", []any{t.Value}
	}
	return "number BETWEEN ? AND ?", []any{t.Low, t.High}
}

// sessionFacts names the sessions that a term means, unless they are many.
func (l *Library) sessionFacts(ctx context.Context, t *filter.Term) (string, error) {
	where, args := sessionsOf(t)
	rows, err := l.db.QueryContext(ctx, "SELECT id FROM sessions WHERE "+where+" LIMIT ?", append(args, maxSets+1)...)
	if err != nil {
		return "", failed(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return "", failed(err)
		}
		all = append(all, factSession+strconv.FormatInt(id, 10))
	}
	switch {
	case rows.Err() != nil || len(all) > maxSets:
		return "", rows.Err()
	case len(all) == 0:
		all = []string{factNone}
	}
	return `facts : (` + strings.Join(all, " OR ") + `)`, nil
}
