package replay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"facteur/decode"
	"facteur/internal/lab"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorded plays scripts against a tapped practice server and gives what a recording of it holds.
func recorded(t *testing.T, o lab.Options, scripts ...string) []*Dialogue {
	t.Helper()
	book := &Book{}
	tp, targets := tappedLab(t, o, book)
	for _, id := range scripts {
		s, ok := lab.FindScript(id)
		if !ok {
			t.Fatalf("no script %s", id)
		}
		if err := lab.Play(t.Context(), s, targets); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
	}
	tp.settle()
	all, err := book.Dialogues()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// served is a running replayed server.
type served struct {
	*Server
	pool *x509.CertPool

	mu     sync.Mutex
	events []ServeEvent
}

func (s *served) of(kind string) []ServeEvent {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []ServeEvent
	for _, e := range s.events {
		if e.Event == kind {
			out = append(out, e)
		}
	}
	return out
}

// targets are its doors, for a script.
func (s *served) targets() lab.Targets {
	t := lab.Targets{Addrs: map[string]string{}, RootCAs: s.pool}
	for _, d := range s.Doors() {
		switch name := d.Protocol; {
		case name == decode.SMTP && d.Implicit:
			t.Addrs[lab.SMTPS] = d.Addr
		case name == decode.SMTP:
			t.Addrs[lab.SMTP], t.Addrs[lab.Submission] = d.Addr, d.Addr
		case d.Implicit:
			t.Addrs[name+"s"] = d.Addr
		default:
			t.Addrs[name] = d.Addr
		}
	}
	return t
}

func serve(t *testing.T, all []*Dialogue) *served {
	t.Helper()
	auth, err := lab.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := auth.Issue(lab.CertificateGood)
	if err != nil {
		t.Fatal(err)
	}
	s := &served{pool: auth.Pool()}
	o := ServeOptions{Dialogues: all, TLS: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, OnEvent: func(e ServeEvent) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, e)
	}}
	for _, p := range Protocols(all) {
		o.Doors = append(o.Doors, Door{Protocol: p, Addr: "127.0.0.1:0"}, Door{Protocol: p, Addr: "127.0.0.1:0", Implicit: true})
	}
	if s.Server, err = NewServer(o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.Listen(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

// Every script of the practice server completes against a replayed server made from a recording of it.
func TestServeEveryScript(t *testing.T) {
	for _, script := range lab.Scripts() {
		t.Run(script.ID, func(t *testing.T) {
			all := recorded(t, lab.Options{}, script.ID)
			s := serve(t, all)
			if err := lab.Play(t.Context(), script, s.targets()); err != nil {
				t.Error(err)
			}
			for _, e := range s.of(ServeMismatch) {
				t.Errorf("mismatch at step %d: the recording has %q, the client sent %q", e.Step, e.Expected, e.Got)
			}
		})
	}
}

// A session recorded in clear, with STARTTLS or in implicit TLS is served in all three ways, and any way to log in is
// taken for the recorded one.
func TestServeInEverySecurity(t *testing.T) {
	for _, rec := range []string{"smtp-clear-plain", "smtp-starttls-login", "smtp-implicit-plain-ir", "pop3-clear-user", "pop3-starttls-apop", "pop3-implicit-login",
		"imap-clear-quoted", "imap-starttls-plain-ir", "imap-implicit-literal"} {
		t.Run(rec, func(t *testing.T) {
			s := serve(t, recorded(t, lab.Options{}, rec))
			protocol, _, _ := strings.Cut(rec, "-")
			n := 0
			for _, script := range lab.Scripts() {
				if !strings.HasPrefix(script.ID, protocol+"-clear") && !strings.HasPrefix(script.ID, protocol+"-starttls") && !strings.HasPrefix(script.ID, protocol+"-implicit") {
					continue
				}
				n++
				if err := lab.Play(t.Context(), script, s.targets()); err != nil {
					t.Errorf("%s: %v", script.ID, err)
				}
			}
			if n < 9 {
				t.Errorf("%d scripts played, want 9 or more", n)
			}
			for _, e := range s.of(ServeMismatch) {
				t.Errorf("mismatch at step %d: the recording has %q, the client sent %q", e.Step, e.Expected, e.Got)
			}
		})
	}
}

// A command that the recording does not have is refused in the protocol's words, the exact step is told with both lines,
// and the session goes on.
func TestServeMismatch(t *testing.T) {
	for _, v := range []struct {
		rec, protocol string
		before        string // script steps before the command are the recording's
		say, refusal  string
		expected      string
	}{
		{"smtp-clear-plain", decode.SMTP, "MAIL", "MAIL FROM:<mallory@exemple.test>\r\n", "503 5.5.1", "MAIL FROM:<alice@exemple.test>"},
		{"smtp-clear-plain", decode.SMTP, "MAIL", "ETRN somewhere\r\n", "502 5.5.1", "MAIL FROM:<alice@exemple.test>"},
		{"pop3-clear-user", decode.POP3, "RETR", "RETR 5\r\n", "-ERR", "RETR 6"},
		{"imap-clear-quoted", decode.IMAP, "a8", "x1 FETCH 1:* (FLAGS UID)\r\n", "x1 NO", "FETCH 2 ("},
		{"imap-clear-quoted", decode.IMAP, "a8", "x1 GETACL INBOX\r\n", "x1 BAD", "FETCH 2 ("},
	} {
		t.Run(v.rec+" "+strings.TrimSpace(v.say), func(t *testing.T) {
			s := serve(t, recorded(t, lab.Options{}, v.rec))
			script, _ := lab.FindScript(v.rec)
			for i, st := range script.Steps {
				if st.Op == lab.OpSay && strings.HasPrefix(st.Send, v.before) {
					extra := lab.Step{Op: lab.OpSay, Conn: st.Conn, Send: v.say, Expect: v.refusal}
					script.Steps = append(append(append([]lab.Step{}, script.Steps[:i]...), extra), script.Steps[i:]...)
					break
				}
			}
			if err := lab.Play(t.Context(), script, s.targets()); err != nil {
				t.Errorf("the session did not go on: %v", err)
			}
			bad := s.of(ServeMismatch)
			if len(bad) != 1 {
				t.Fatalf("%d mismatches told, want 1: %+v", len(bad), bad)
			}
			if e := bad[0]; !strings.Contains(e.Expected, v.expected) || e.Got != strings.TrimSpace(v.say) || e.Step == 0 {
				t.Errorf("told: step %d, expected %q, got %q", e.Step, e.Expected, e.Got)
			}
		})
	}
}

// A recording that lacks something is refused, and the refusal says what and where.
func TestServeRefusesWhatIsNotWhole(t *testing.T) {
	all := recorded(t, lab.Options{}, "pop3-clear-user")
	d := *all[0]
	d.Missing = []Missing{{What: MissingOctets, From: "server", After: 3, Octets: 17}}
	_, err := NewServer(ServeOptions{Dialogues: []*Dialogue{&d}})
	if !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "17 octets") || !strings.Contains(err.Error(), "after step 3") {
		t.Errorf("a gap was answered with %v", err)
	}
}

// Several clients at once each have their own place in the recording.
func TestServeSeveralClients(t *testing.T) {
	s := serve(t, recorded(t, lab.Options{}, "imap-starttls-plain", "smtp-implicit-login", "pop3-clear-apop"))
	var wg sync.WaitGroup
	for range 8 {
		for _, id := range []string{"imap-starttls-plain", "smtp-implicit-login", "pop3-clear-apop"} {
			wg.Go(func() {
				script, _ := lab.FindScript(id)
				if err := lab.Play(t.Context(), script, s.targets()); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			})
		}
	}
	wg.Wait()
}
