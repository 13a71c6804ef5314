package replay

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"

	"facteur/decode"
	"facteur/internal/lab"
)

var scrams = lab.Options{Mechanisms: []string{"PLAIN", "LOGIN", "SCRAM-SHA-256"}, Compress: true}

// sendTo speaks a dialogue to a fresh practice server.
func sendTo(t *testing.T, o lab.Options, all []*Dialogue, security string) ([]*Dialogue, error) {
	t.Helper()
	s, err := lab.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var out []*Dialogue
	for _, d := range all {
		sec := security
		if sec == "" {
			sec = d.Security
		}
		now, err := Send(t.Context(), d, SendOptions{Target: Target{Addr: s.Addr(labDoor(d.Protocol, sec)), Security: security,
			TLS: &tls.Config{RootCAs: s.Pool(), ServerName: lab.ServerName}}, Password: labPassword})
		if err != nil {
			return out, err
		}
		out = append(out, now)
	}
	return out, nil
}

func labDoor(protocol, security string) string {
	door := map[string]string{decode.SMTP: lab.Submission, decode.POP3: lab.POP3, decode.IMAP: lab.IMAP}[protocol]
	if security == ImplicitTLS {
		door = map[string]string{decode.SMTP: lab.SMTPS, decode.POP3: lab.POP3S, decode.IMAP: lab.IMAPS}[protocol]
	}
	return door
}

func labPassword(user string) (string, bool) {
	for _, a := range lab.Accounts {
		if strings.EqualFold(user, a.User) || strings.EqualFold(user, a.Address) {
			return a.Password, true
		}
	}
	return "", false
}

// What was recorded of the practice server, sent to it again, gets the same answers: every script of one client.
func TestSendEqualsItsRecording(t *testing.T) {
	ids := []string{"imap-clear-compress", "imap-starttls-compress", "smtp-clear-scram-ir", "pop3-starttls-scram", "imap-implicit-scram"}
	for _, s := range lab.Scripts() {
		if s.ID != "two-devices" { // its sessions talk to each other
			ids = append(ids, s.ID)
		}
	}
	for _, id := range ids {
		t.Run(id, func(t *testing.T) {
			all := recorded(t, scrams, id)
			now, err := sendTo(t, scrams, all, "")
			if err != nil {
				t.Fatal(err)
			}
			for i := range all {
				if rows := Diff(all[i], now[i]); !Equal(rows) {
					t.Errorf("session %d:\n%s", all[i].Session, differences(rows))
				}
			}
		})
	}
}

// The URL may say another security than the recording's; only the way into TLS differs then.
func TestSendInAnotherSecurity(t *testing.T) {
	for _, id := range []string{"smtp-clear-plain", "pop3-clear-apop", "imap-clear-literal", "imap-implicit-quoted", "smtp-starttls-login"} {
		for _, security := range []string{StartTLS, ImplicitTLS} {
			all := recorded(t, lab.Options{}, id)
			now, err := sendTo(t, lab.Options{}, all, security)
			if err != nil {
				t.Fatalf("%s, %s: %v", id, security, err)
			}
			if rows := Diff(all[0], now[0]); !Equal(rows) || now[0].Security != security {
				t.Errorf("%s, %s:\n%s", id, security, differences(rows))
			}
		}
	}
}

// A server that answers otherwise is shown where it does.
func TestSendShowsOtherAnswers(t *testing.T) {
	all := recorded(t, lab.Options{}, "smtp-implicit-plain")
	now, err := sendTo(t, lab.Options{Faults: lab.Faults{MailboxFull: true}}, all, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Diff(all[0], now[0]) {
		if r.Op == DiffSame {
			continue
		}
		if r.Op != DiffChanged || r.A.Verb != "RCPT" || !strings.HasPrefix(r.B.Answer, "452") {
			t.Errorf("the first difference is %s:\n%s", r.Op, differences([]DiffRow{r}))
		}
		return
	}
	t.Error("no difference was seen")
}

// Without a password, and with a certificate that nobody vouches for, nothing is sent.
func TestSendRefuses(t *testing.T) {
	all := recorded(t, lab.Options{}, "imap-implicit-quoted")
	s, err := lab.Start(t.Context(), lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	to := Target{Addr: s.Addr(lab.IMAPS), TLS: &tls.Config{RootCAs: s.Pool(), ServerName: lab.ServerName}}
	if _, err := Send(t.Context(), all[0], SendOptions{Target: to}); !errors.Is(err, ErrCannotSend) {
		t.Errorf("without a password: %v", err)
	}
	to.TLS = &tls.Config{ServerName: lab.ServerName}
	if now, err := Send(t.Context(), all[0], SendOptions{Target: to, Password: labPassword}); err == nil || len(now.Steps) > 0 {
		t.Errorf("an unknown certificate was accepted: %v", err)
	}
	d := *all[0]
	d.Missing = []Missing{{What: MissingKeys, From: "client"}}
	if _, err := Send(t.Context(), &d, SendOptions{Target: to}); !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "--keylog") {
		t.Errorf("a sealed recording: %v", err)
	}
}
