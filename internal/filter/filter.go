// Package filter is the small language in which people say which events they look for: the quick filter of the page, of
// facteur decode --filter and of facteur captures search.
//
// A filter is words that must all hold, with a minus before those that must not:
//
//	smtp lmtp pop3 imap sieve tls sasl message    events of that family, and all events of sessions of that protocol
//	code:5xx code:250 code:NO                     replies and responses: code, enhanced code, status or name; x is any digit, * anything
//	cmd:FETCH                                     commands by verb
//	from:client  from:server  leg:client          who spoke, on which leg
//	kind:smtp.reply  tag:a1  note:starttls        the beginning of a kind, an IMAP tag, part of a note's id
//	session:3  session:2-5  tls:1.2               by session; by the TLS version of the session
//	secret  lint  error                           events with secrets, warnings, errors
//	"two words"  word                             text in any field
//
// Keys are in lower case, so that From: and FROM:<alice> are looked for in what was sent.
package filter

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"facteur/decode"
)

// Key says what a term looks at.
type Key string

// The keys. Free text has the key Text, the words that stand alone their own.
const (
	Text    Key = "text"
	Family  Key = "family"
	Code    Key = "code"
	Command Key = "cmd"
	From    Key = "from"
	Leg     Key = "leg"
	Kind    Key = "kind"
	Tag     Key = "tag"
	Noted   Key = "note"
	Session Key = "session"
	TLS     Key = "tls"
	Secret  Key = "secret"
	Lint    Key = "lint"
	Fault   Key = "error"
)

// Term is one word of a filter.
type Term struct {
	Not   bool
	Key   Key
	Value string // in lower case but for Code and Command (upper case); of From and Leg client or server
	// Low and High bound Session, both inclusive.
	Low, High int64

	pattern *regexp.Regexp // of Code and Command
}

// Filter is terms that must all hold. Without any it lets everything through.
type Filter struct{ Terms []Term }

// Error says which word was not understood, and why.
type Error struct {
	Word string
	why  [2]string // French, English
}

// Error is in English; Say has both languages.
func (e *Error) Error() string { return e.Say("en") }

// Say gives the sentence in that language: fr or en.
func (e *Error) Say(lang string) string {
	if lang == "fr" {
		return fmt.Sprintf("filtre : je ne comprends pas « %s » : %s", e.Word, e.why[0])
	}
	return fmt.Sprintf("filter: cannot make sense of %q: %s", e.Word, e.why[1])
}

var families = map[string]bool{"smtp": true, "lmtp": true, "pop3": true, "imap": true, "sieve": true, "tls": true, "sasl": true, "message": true}

// words stand alone.
var words = map[string]Key{"secret": Secret, "lint": Lint, "error": Fault, "erreur": Fault}

var sides = map[string]string{"client": "client", "c": "client", "server": "server", "s": "server", "serveur": "server"}

var splitter = regexp.MustCompile(`(-?)(?:"([^"]*)"?|([^\s"]+:"[^"]*"?|\S+))`)

// Parse reads a filter. The error is an *Error.
func Parse(text string) (*Filter, error) {
	f := &Filter{}
	for _, m := range splitter.FindAllStringSubmatch(text, -1) {
		t := Term{Not: m[1] == "-"}
		var err error
		switch {
		case m[2] != "":
			t.Key, t.Value = Text, strings.ToLower(m[2])
		case m[3] != "":
			err = t.word(m[3])
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		f.Terms = append(f.Terms, t)
	}
	return f, nil
}

// word reads a term that is not in quotes.
func (t *Term) word(w string) error {
	key, value, ok := strings.Cut(w, ":")
	if ok && key != "" {
		if read := readers[Key(key)]; read != nil {
			value = strings.Trim(value, `"`)
			if value == "" {
				return &Error{w, [2]string{"il manque quelque chose après le deux-points", "something is missing behind the colon"}}
			}
			t.Key = Key(key)
			return read(t, w, value)
		}
	}
	lower := strings.ToLower(w)
	switch {
	case words[lower] != "":
		t.Key = words[lower]
	case families[lower]:
		t.Key, t.Value = Family, lower
	default:
		t.Key, t.Value = Text, lower
	}
	return nil
}

// readers read the value of each key.
var readers = map[Key]func(t *Term, word, value string) error{
	Code: readPattern, Command: readPattern, From: readSide, Leg: readSide, Session: readRange,
	Kind: readLower, Tag: readLower, Noted: readLower, TLS: readLower,
}

func readLower(t *Term, _, value string) error {
	t.Value = strings.ToLower(value)
	return nil
}

var class = regexp.MustCompile(`^\d+[xX]+$`)

// readPattern: 5xx is every code of the class, * anything.
func readPattern(t *Term, _, value string) error {
	t.Value = strings.ToUpper(value)
	source := strings.ReplaceAll(regexp.QuoteMeta(t.Value), `\*`, ".*")
	if class.MatchString(value) {
		source = strings.ReplaceAll(source, "X", `\d`)
	}
	t.pattern = regexp.MustCompile("(?i)^" + source + "$")
	return nil
}

func readSide(t *Term, word, value string) error {
	if t.Value = sides[strings.ToLower(value)]; t.Value == "" {
		return &Error{word, [2]string{"c’est client ou server", "it is client or server"}}
	}
	return nil
}

func readRange(t *Term, word, value string) error {
	low, high, two := strings.Cut(value, "-")
	wrong := &Error{word, [2]string{"il faut un numéro, ou deux comme 2-5", "it takes a number, or two like 2-5"}}
	var err error
	if low != "" {
		if t.Low, err = strconv.ParseInt(low, 10, 64); err != nil {
			return wrong
		}
	}
	switch t.High = t.Low; {
	case !two && low == "", two && low == "" && high == "":
		return wrong
	case two && high == "":
		t.High = 1<<63 - 1
	case two:
		if t.High, err = strconv.ParseInt(high, 10, 64); err != nil {
			return wrong
		}
	}
	return nil
}

// ClassOf gives the first digit of a term like code:5xx, 0 for any other.
func (t *Term) ClassOf() int {
	if t.Key == Code && len(t.Value) == 3 && t.Value[1:] == "XX" && t.Value[0] >= '0' && t.Value[0] <= '9' {
		return int(t.Value[0] - '0')
	}
	return 0
}

// Plain reports whether a Code or Command stands for itself only.
func (t *Term) Plain() bool { return !strings.Contains(t.Value, "*") && !class.MatchString(t.Value) }

// About is what is known of a session beside the event at hand.
type About struct {
	Number   int
	Protocol string
	TLS      []string // versions, of its legs
}

// Note learns from an event of the session.
func (a *About) Note(e *decode.Event) {
	switch e.Kind {
	case "session.open", "session.detect":
		if p := e.Field("protocol"); p != "" && p != decode.Detect {
			a.Protocol = p
		}
	case "tls.server_hello":
		if v := e.Field("version"); v != "" {
			a.TLS = append(a.TLS, v)
		}
	}
}

// Match reports whether all terms hold for an event.
func (f *Filter) Match(e *decode.Event, s *About) bool {
	for i := range f.Terms {
		if f.Terms[i].holds(e, s) == f.Terms[i].Not {
			return false
		}
	}
	return true
}

func (t *Term) holds(e *decode.Event, s *About) bool {
	switch t.Key {
	case Text:
		return t.text(e)
	case Family:
		return strings.HasPrefix(e.Kind, t.Value+".") || s.Protocol == t.Value
	case Code:
		return !strings.HasSuffix(e.Kind, ".command") && !strings.HasPrefix(e.Kind, "message.") && t.any(e, "code", "enhanced", "status", "name")
	case Command:
		return strings.HasSuffix(e.Kind, ".command") && t.any(e, "verb", "name")
	case From:
		return e.From.String() == t.Value
	case Leg:
		return e.Leg.String() == t.Value
	case Kind:
		return strings.HasPrefix(e.Kind, t.Value)
	case Tag:
		return strings.EqualFold(e.Field("tag"), t.Value)
	case Session:
		return int64(s.Number) >= t.Low && int64(s.Number) <= t.High
	case TLS:
		for _, v := range s.TLS {
			if strings.Contains(strings.ToLower(v), t.Value) {
				return true
			}
		}
		return false
	case Secret:
		return HasSecret(e)
	case Lint:
		return HasLint(e)
	case Fault:
		return IsFault(e)
	}
	for i := range e.Notes {
		if strings.Contains(strings.ToLower(e.Notes[i].ID), t.Value) {
			return true
		}
	}
	return false
}

func (t *Term) any(e *decode.Event, names ...string) bool {
	for _, n := range names {
		if v := e.Field(n); v != "" && t.pattern.MatchString(v) {
			return true
		}
	}
	return false
}

func (t *Term) text(e *decode.Event) bool {
	if strings.Contains(e.Kind, t.Value) {
		return true
	}
	for i := range e.Fields {
		if strings.Contains(strings.ToLower(e.Fields[i].Value), t.Value) {
			return true
		}
	}
	return false
}

// HasSecret reports whether a field of the event is a secret.
func HasSecret(e *decode.Event) bool {
	for i := range e.Fields {
		if e.Fields[i].Secret {
			return true
		}
	}
	return false
}

// HasLint reports whether a note of the event warns: as the page has it, lints, violations and gaps.
func HasLint(e *decode.Event) bool {
	for i := range e.Notes {
		id := e.Notes[i].ID
		if strings.HasPrefix(id, "lint.") || strings.HasPrefix(id, "session.violation") || strings.HasPrefix(id, "session.gap") {
			return true
		}
	}
	return false
}

// IsFault reports whether the event is an error, or a TLS alert that is not the ordinary end.
func IsFault(e *decode.Event) bool {
	if e.Kind == "session.error" {
		return true
	}
	for i := range e.Notes {
		id := e.Notes[i].ID
		if strings.HasPrefix(id, "session.error") || strings.HasPrefix(id, "tls.alert") && !strings.HasSuffix(id, "close_notify") {
			return true
		}
	}
	return false
}
