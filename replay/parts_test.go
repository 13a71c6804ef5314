package replay

import (
	"strings"
	"testing"

	"facteur/decode"
	"facteur/internal/lab"
)

func shown(parts []Part) string {
	var b strings.Builder
	for _, p := range parts {
		if p.As == "" {
			b.WriteString(p.Text)
		} else {
			b.WriteString("[" + p.As + ":" + p.Text + "]")
		}
	}
	return b.String()
}

// What does not count in a difference is told apart where it stands, and nothing of the text is lost.
func TestParts(t *testing.T) {
	imap := &Step{tag: "a7"}
	login := &Step{key: logIn}
	for _, c := range []struct {
		side         DiffSide
		line, answer string
	}{
		{DiffSide{Kind: StepCommand, Line: "a7 SELECT INBOX", Answer: "* 3 EXISTS\n* OK [UIDVALIDITY 1763] ok\na7 OK [READ-WRITE] a7 done", protocol: decode.IMAP, s: imap},
			"[tag:a7] SELECT INBOX", "* 3 EXISTS\n* OK [UIDVALIDITY [number:1763]] ok\n[tag:a7] OK [READ-WRITE] a7 done"},
		{DiffSide{Kind: StepCommand, Line: "AUTH PLAIN ****", Answer: "235 2.7.0 ok", protocol: decode.SMTP, s: login}, "AUTH PLAIN [credentials:****]", "235 2.7.0 ok"},
		{DiffSide{Kind: StepCommand, Line: "PASS ****", protocol: decode.POP3, s: login}, "PASS [credentials:****]", ""},
		{DiffSide{Kind: StepCommand, Line: "DATA", Answer: "354 go\n250 2.0.0 Ok: queued as 6B03", protocol: decode.SMTP, s: &Step{}}, "DATA", "354 go\n250 2.0.0 Ok: [queue_id:queued as 6B03]"},
		{DiffSide{Kind: StepGreeting, Answer: "+OK ready <1896.6@mx>", protocol: decode.POP3, s: &Step{}}, "", "+OK ready [nonce:<1896.6@mx>]"},
		{DiffSide{Kind: StepCommand, Verb: "UIDL", Line: "UIDL", Answer: "+OK\n1 ab12\n2 cd", protocol: decode.POP3, s: &Step{}}, "UIDL", "+OK\n1 [uid:ab12]\n2 [uid:cd]"},
		{DiffSide{Kind: StepCommand, Line: "RETR 1", Answer: "+OK\nDate: Mon, 23 Nov 2026 09:14:02 +0100\nMessage-ID: <a@b>\nx", protocol: decode.POP3, s: &Step{}},
			"RETR 1", "+OK\nDate: [date:Mon, 23 Nov 2026 09:14:02 +0100]\nMessage-ID:[id: <a@b>]\nx"},
		{DiffSide{Kind: StepCommand, Line: "a7 FETCH 1 BODY[]", Answer: "* 1 FETCH (BODY[] {12}\nhello", protocol: decode.IMAP, s: imap}, "[tag:a7] FETCH 1 BODY[]", "* 1 FETCH (BODY[] [size:{12}]\nhello"},
	} {
		if got := shown(c.side.LineParts()); got != c.line {
			t.Errorf("line\n got %s\nwant %s", got, c.line)
		}
		if got := shown(c.side.AnswerParts()); got != c.answer {
			t.Errorf("answer\n got %s\nwant %s", got, c.answer)
		}
	}
}

// Of every row of real sessions the parts give the whole text again, and each step knows its first event.
func TestPartsOfSessions(t *testing.T) {
	named := map[string]bool{}
	for _, script := range []string{"smtp-starttls-login", "pop3-clear-apop", "imap-implicit-quoted"} {
		a, b := recorded(t, lab.Options{}, script)[0], recorded(t, lab.Options{}, script)[0]
		for _, r := range Diff(a, b) {
			for _, side := range []*DiffSide{r.A, r.B} {
				if side == nil {
					continue
				}
				if side.Seq == 0 {
					t.Errorf("%s: step %d knows no event", script, side.Step)
				}
				for text, parts := range map[string][]Part{side.Line: side.LineParts(), side.Answer: side.AnswerParts()} {
					whole := ""
					for _, p := range parts {
						whole += p.Text
						named[p.As] = true
					}
					if whole != text {
						t.Errorf("%s: %q became %q", script, text, whole)
					}
				}
			}
		}
	}
	for _, as := range []string{"tag", "credentials", "nonce"} {
		if !named[as] {
			t.Errorf("no %s told apart", as)
		}
	}
}
