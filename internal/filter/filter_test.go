package filter

import (
	"errors"
	"slices"
	"testing"

	"facteur/decode"
)

var sample = []decode.Event{
	{Seq: 1, Kind: "smtp.command", Fields: []decode.Field{{Name: "verb", Value: "MAIL"}, {Name: "line", Value: "MAIL FROM:<alice@exemple.test>"}}},
	{Seq: 2, Kind: "smtp.reply", From: decode.Server, Fields: []decode.Field{{Name: "code", Value: "550"}, {Name: "enhanced", Value: "5.1.1"}, {Name: "text", Value: "Unknown user"}}},
	{Seq: 3, Kind: "imap.command", Fields: []decode.Field{{Name: "tag", Value: "A1"}, {Name: "name", Value: "FETCH"}}},
	{Seq: 4, Kind: "imap.response", From: decode.Server, Leg: decode.ServerLeg, Fields: []decode.Field{{Name: "name", Value: "NO"}}},
	{Seq: 5, Kind: "pop3.command", Fields: []decode.Field{{Name: "verb", Value: "PASS"}, {Name: "password", Value: "****", Secret: true}}, Notes: []decode.Note{{ID: "lint.password_in_clear"}}},
	{Seq: 6, Kind: "session.error", Notes: []decode.Note{{ID: "session.error.upstream"}}},
}

// Each word of the language does what the page's does.
func TestMatch(t *testing.T) {
	about := &About{Number: 3, Protocol: "smtp", TLS: []string{"TLS 1.2"}}
	for text, want := range map[string][]int{
		"":                      {1, 2, 3, 4, 5, 6},
		"imap":                  {3, 4},
		"smtp":                  {1, 2, 3, 4, 5, 6}, // the whole session is
		"code:5xx":              {2},
		"code:5.1.*":            {2},
		"code:no":               {4},
		"cmd:fetch":             {3},
		"cmd:F*":                {3},
		"from:server -imap":     {2},
		"from:serveur":          {2, 4},
		"leg:server":            {4},
		"kind:pop3":             {5},
		"tag:a1":                {3},
		"note:password":         {5},
		"secret":                {5},
		"lint":                  {5},
		"error":                 {6},
		"erreur":                {6},
		"session:3":             {1, 2, 3, 4, 5, 6},
		"session:4-":            nil,
		"session:-3 secret":     {5},
		"tls:1.2 cmd:MAIL":      {1},
		"tls:1.3":               nil,
		`"unknown user"`:        {2},
		"ALICE":                 {1},
		"FROM:<alice":           {1},
		"-smtp":                 nil,
		"-\"unknown\" code:5xx": nil,
	} {
		f, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []int
		for i := range sample {
			if f.Match(&sample[i], about) {
				got = append(got, sample[i].Seq)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: events %v, want %v", text, got, want)
		}
	}
}

// What makes no sense is said in both languages, with the word.
func TestErrors(t *testing.T) {
	for text, want := range map[string][2]string{
		"smtp from:me":  {"filtre : je ne comprends pas « from:me » : c’est client ou server", `filter: cannot make sense of "from:me": it is client or server`},
		"session:three": {"filtre : je ne comprends pas « session:three » : il faut un numéro, ou deux comme 2-5", `filter: cannot make sense of "session:three": it takes a number, or two like 2-5`},
		"code:":         {"filtre : je ne comprends pas « code: » : il manque quelque chose après le deux-points", `filter: cannot make sense of "code:": something is missing behind the colon`},
	} {
		_, err := Parse(text)
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v", text, err)
		}
		if fr, en := e.Say("fr"), e.Say("en"); fr != want[0] || en != want[1] {
			t.Errorf("%s\n %s\n %s", text, fr, en)
		}
	}
}

// Whatever is typed is a filter or an error, and a filter may be asked about any event.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"smtp code:5xx", `-"a b" from:c`, "code:**", "session:9-1", "cmd:(", "-", `"`, "tls:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		for i := range sample {
			p.Match(&sample[i], &About{})
		}
	})
}
