package decode

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// falseEndDialogues are messages with false ends, and the order in which what is said of them must come: verbs, "." for the
// true end, "!" for a false one that the server took, text for a block of text, and replies with what they answer.
var falseEndDialogues = map[string]struct{ said, want string }{
	"interactive, bare LF": {
		`C| Subject: x\n\none\n.\n` + "\nS: 250 ok\nC: QUIT\nS: 221 bye",
		"text ! 250>DATA QUIT 221>QUIT"},
	"LF, CRLF": {
		`C| one\n.\r\n` + "\nS: 250 ok\nC: QUIT\nS: 221 bye",
		"text ! 250>DATA QUIT 221>QUIT"},
	"CRLF, LF": {
		`C| one\r\n.\n` + "\nS: 554 no\nC: QUIT\nS: 221 bye",
		"text ! 554>DATA QUIT 221>QUIT"},
	"CRLF, CR": {
		`C| one\r\n.\rNOOP\r\n` + "\nS: 250 ok\nS: 250 ok\nC: QUIT\nS: 221 bye",
		"text ! NOOP 250>DATA 250>NOOP QUIT 221>QUIT"},
	"smuggled": {
		`C| one\n.\nMAIL FROM:<m@x>\r\nRCPT TO:<b@x>\r\nDATA\r\ntwo\r\n.\r\n` + "\n" + `S| 250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n` + "\nC: QUIT\nS: 221 bye",
		"text ! MAIL RCPT DATA 250>DATA 250>MAIL 250>RCPT 354>DATA text . 250>DATA QUIT 221>QUIT"},
	"smuggled, answers one by one": {
		`C| one\n.\nMAIL FROM:<m@x>\r\nRCPT TO:<b@x>\r\nDATA\r\ntwo\r\n.\r\n` + "\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nS: 250 ok\nC: QUIT\nS: 221 bye",
		"text ! MAIL RCPT DATA 250>DATA 250>MAIL 250>RCPT 354>DATA text . 250>DATA QUIT 221>QUIT"},
	"not taken": {
		`C| one\n.\nMAIL FROM:<m@x>\r\n.\r\n` + "\nS: 250 ok\nC: QUIT\nS: 221 bye",
		"text . 250>DATA QUIT 221>QUIT"},
	"not taken, QUIT at once": {
		`C| one\n.\nMAIL FROM:<m@x>\r\n.\r\nQUIT\r\n` + "\n" + `S| 250 ok\r\n221 bye\r\n`,
		"text . QUIT 250>DATA 221>QUIT"},
	"three, none taken": {
		`C| a\n.\nb\n.\r\nc\r.\r\nd\r\n.\r\n` + "\nS: 250 ok\nC: QUIT\nS: 221 bye",
		"text . 250>DATA QUIT 221>QUIT"},
	"the second is taken": {
		`C| a\n.\nb\r\n` + "\n" + `C| c\n.\n` + "\nS: 250 ok\nC: QUIT\nS: 221 bye",
		"text ! 250>DATA QUIT 221>QUIT"},
	"the server gives up": {
		`C| a\n.\nb` + "\nS: 421 too slow",
		"421> text"},
	"long text behind it": {
		`C| a\n.\n` + strings.Repeat("0123456789abcdef", 5000) + `\r\n.\r\n` + "\nS: 250 ok\nC: QUIT\nS: 221 bye",
		"text text . 250>DATA QUIT 221>QUIT"},
	"at the very start": {
		`C| .\n` + "\nS: 250 ok\nC: QUIT\nS: 221 bye",
		"! 250>DATA QUIT 221>QUIT"},
	"a line that begins with a dot": {
		`C| a\n..\n.b\r\n.\r\n` + "\nS: 250 ok\nC: QUIT\nS: 221 bye",
		"text . 250>DATA QUIT 221>QUIT"},
}

// TestFalseEnds protects what is made of a dot that ends the message to the server and not by the RFC: what the server did
// is followed, however the octets are cut, and the warning stays.
func TestFalseEnds(t *testing.T) {
	for name, c := range falseEndDialogues {
		turns := script("S: 220 mx\nC: MAIL FROM:<a@x>\nS: 250 ok\nC: RCPT TO:<b@x>\nS: 250 ok\nC: DATA\nS: 354 go\n" + c.said)
		var whole []string
		for _, step := range []int{1 << 20, 1, 2, 3, 7} {
			if step == 1 && len(c.said) > 10000 {
				continue // tried with greater steps
			}
			var got, all []string
			verbs := map[int]string{}
			warned := false
			keep := func(evs []Event, count bool) {
				for i := range evs {
					e := &evs[i]
					all = append(all, summary(e))
					warned = warned || strings.Contains(all[len(all)-1], "lint.smuggling")
					if words := falseEndWord(e, verbs); count {
						got = append(got, words...)
					}
				}
			}
			s := New(Options{Protocol: SMTP})
			for i, tn := range turns {
				for _, part := range every(step)(tn.data) {
					keep(s.Feed(Chunk{From: tn.from, Data: part}), i >= 7)
				}
			}
			keep(s.Close(time.Time{}), true)
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s, cut by %d: %s\nwant %s", name, step, strings.Join(got, " "), c.want)
			}
			if !warned && name != "a line that begins with a dot" {
				t.Errorf("%s, cut by %d: no warning", name, step)
			}
			if whole == nil {
				whole = all
			} else if !slices.Equal(whole, all) {
				t.Errorf("%s, cut by %d: %s", name, step, firstDifference(strings.Join(whole, "\n"), strings.Join(all, "\n")))
			}
		}
		var chunks []Chunk
		for _, tn := range turns {
			chunks = append(chunks, Chunk{From: tn.from, Data: tn.data})
		}
		for seed := range uint64(5) {
			checkLaws(t, Options{Protocol: SMTP}, chunks, seed)
		}
	}
}

// falseEndWord says an event in a word.
func falseEndWord(e *Event, verbs map[int]string) []string {
	switch e.Kind {
	case "smtp.command":
		verbs[e.Seq] = e.Field("verb")
		return []string{e.Field("verb")}
	case "smtp.reply":
		return []string{fmt.Sprintf("%s>%s", e.Field("code"), verbs[e.Re])}
	case "smtp.data.data":
		return []string{"text"}
	case "smtp.data.end":
		if e.Field("shape") != "" {
			return []string{"!"}
		}
		return []string{"."}
	}
	return nil
}
