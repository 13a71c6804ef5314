package replay

import (
	"strings"
	"testing"

	"facteur/internal/lab"
)

func differences(rows []DiffRow) string {
	var b strings.Builder
	for _, r := range rows {
		if r.Op == DiffSame {
			continue
		}
		b.WriteString(r.Op)
		if r.Upgrade {
			b.WriteString(" (upgrade)")
		}
		if r.A != nil {
			b.WriteString("\n A -> " + r.A.Line + "\n A <- " + r.A.Answer)
		}
		if r.B != nil {
			b.WriteString("\n B -> " + r.B.Line + "\n B <- " + r.B.Answer)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// The same script in clear, with STARTTLS and in implicit TLS says the same, but for how it comes into TLS.
func TestDiffSecurities(t *testing.T) {
	for _, id := range []string{"smtp-%-plain", "smtp-%-login", "pop3-%-user", "pop3-%-apop", "imap-%-quoted", "imap-%-plain-ir"} {
		in := func(s string) *Dialogue { return recorded(t, lab.Options{}, strings.Replace(id, "%", s, 1))[0] }
		clear, starttls, implicit := in("clear"), in("starttls"), in("implicit")
		if clear.Security != Clear || starttls.Security != StartTLS || implicit.Security != ImplicitTLS {
			t.Errorf("%s: securities %s, %s, %s", id, clear.Security, starttls.Security, implicit.Security)
		}
		for _, p := range [][2]*Dialogue{{clear, starttls}, {starttls, implicit}, {clear, implicit}, {implicit, clear}} {
			rows := Diff(p[0], p[1])
			if !Equal(rows) {
				t.Errorf("%s, %s and %s:\n%s", id, p[0].Security, p[1].Security, differences(rows))
			}
			upgrades := 0
			for _, r := range rows {
				if r.Upgrade {
					upgrades++
				}
			}
			if starts := p[0] == starttls || p[1] == starttls; starts != (upgrades >= 2) {
				t.Errorf("%s, %s and %s: %d rows of upgrading", id, p[0].Security, p[1].Security, upgrades)
			}
		}
	}
}

// What differs is shown where it differs: another recipient, an answer, a step that only one has.
func TestDiffShowsWhatDiffers(t *testing.T) {
	a := recorded(t, lab.Options{}, "smtp-clear-plain")[0]
	b := recorded(t, lab.Options{Faults: lab.Faults{MailboxFull: true}}, "refusals")[0]
	if rows := Diff(a, a); !Equal(rows) || len(rows) != len(a.Steps) {
		t.Errorf("a session differs from itself:\n%s", differences(rows))
	}
	c := *a
	c.Steps = append([]Step{}, a.Steps...)
	for i := range c.Steps {
		if c.Steps[i].Verb == "RCPT" {
			s := c.Steps[i]
			s.Line, s.key = "RCPT TO:<zoe@exemple.test>", "RCPT <zoe@exemple.test>"
			s.Turns = []Turn{{Client: []byte(s.Line + "\r\n"), Server: []Answer{{Octets: []byte("550 5.1.1 no\r\n")}}}}
			c.Steps[i] = s
			break
		}
	}
	c.Steps = c.Steps[:len(c.Steps)-1] // QUIT
	rows := Diff(a, &c)
	var changed, only []DiffRow
	for _, r := range rows {
		switch r.Op {
		case DiffChanged:
			changed = append(changed, r)
		case DiffOnlyA, DiffOnlyB:
			only = append(only, r)
		}
	}
	if len(changed) != 1 || !changed[0].Asked || !changed[0].Replied || changed[0].A.Verb != "RCPT" || changed[0].B.Answer != "550 5.1.1 no" {
		t.Errorf("changed: %+v", changed)
	}
	if len(only) != 1 || only[0].Op != DiffOnlyA || only[0].A.Verb != "QUIT" {
		t.Errorf("only: %+v", only)
	}
	if Equal(Diff(a, b)) {
		t.Error("two different sessions are equal")
	}
}
