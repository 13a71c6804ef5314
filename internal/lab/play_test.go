package lab

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"testing"
	"time"
)

// Every script must play to its end against the practice server itself; whatever fails behind a proxy is then the
// proxy's doing.
func TestScriptsPlay(t *testing.T) {
	s := start(t, Options{})
	seen := make(map[string]bool)
	for _, script := range Scripts() {
		t.Run(script.ID, func(t *testing.T) {
			if seen[script.ID] {
				t.Fatal("two scripts have this ID")
			}
			seen[script.ID] = true
			if script.Title["fr"] == "" || script.Title["en"] == "" {
				t.Error("title missing in a language")
			}
			for i, step := range script.Steps {
				if step.Caption != nil && (step.Caption["fr"] == "" || step.Caption["en"] == "") {
					t.Errorf("step %d: caption missing in a language", i)
				}
			}
			if err := Play(t.Context(), script, s.Targets()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// The optional scripts must play where their options are set, and SCRAM must refuse a wrong proof and a wrong binding.
func TestOptionalScriptsPlay(t *testing.T) {
	s := start(t, Options{Compress: true, Mechanisms: knownMechanisms})
	for _, script := range OptionalScripts() {
		if err := Play(t.Context(), script, s.Targets()); err != nil {
			t.Error(err)
		}
	}
	for name, steps := range map[string][]Step{
		"wrong proof":           {open("c", POP3S, "+OK"), say("c", "AUTH SCRAM-SHA-256 $scram-first\r\n", "+ "), say("c", b64("c=biws,r=x,p=AAAA")+"\r\n", "-ERR [AUTH]")},
		"binding not asked for": {open("c", POP3S, "+OK"), say("c", "AUTH SCRAM-SHA-256-PLUS $scram-first\r\n", "-ERR [AUTH]")},
		"binding in clear":      {open("c", POP3, "+OK"), say("c", "AUTH SCRAM-SHA-256-PLUS x\r\n", "-ERR unsupported")},
		"compressed too early":  {open("c", IMAP, "* OK"), say("c", "a1 COMPRESS DEFLATE\r\n", "a1 BAD")},
	} {
		if err := Play(t.Context(), Script{ID: name, Steps: steps}, s.Targets()); err != nil {
			t.Error(err)
		}
	}
	if _, err := Start(t.Context(), Options{Mechanisms: []string{"KERBEROS_V4"}}); err == nil {
		t.Error("an unknown mechanism was accepted")
	}
}

// A second connection with the same session cache must resume, for the lessons and tests on resumption.
func TestResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s := start(t, Options{MaxVersion: version})
		targets := s.Targets()
		cache := &countingCache{ClientSessionCache: tls.NewLRUClientSessionCache(4)}
		targets.Sessions = cache
		script, _ := FindScript("pop3-keep")
		for range 2 {
			if err := Play(t.Context(), script, targets); err != nil {
				t.Fatal(err)
			}
		}
		if cache.hits != 1 {
			t.Errorf("%s: %d sessions found in the cache, want 1", tls.VersionName(version), cache.hits)
		}
	}
}

// countingCache counts the sessions found.
type countingCache struct {
	tls.ClientSessionCache
	hits int
}

func (c *countingCache) Get(key string) (*tls.ClientSessionState, bool) {
	s, ok := c.ClientSessionCache.Get(key)
	if ok {
		c.hits++
	}
	return s, ok
}

// What the first lesson says must hold: the message arrives unstuffed, marked as read, in one copy.
func TestFirstLessonDelivers(t *testing.T) {
	s := start(t, Options{})
	script, ok := FindScript("first")
	if !ok {
		t.Fatal("no script named first")
	}
	if err := Play(t.Context(), script, s.Targets()); err != nil {
		t.Fatal(err)
	}
	messages := s.messages("bob", inbox)
	last := messages[len(messages)-1]
	if len(messages) != 7 || !hasFlag(last.flags, `\Seen`) {
		t.Errorf("%d messages, the last with flags %v; want 7, \\Seen", len(messages), last.flags)
	}
	if !bytes.Contains(last.raw, []byte("\r\n.\r\n(Cette")) {
		t.Errorf("the doubled dot was not undone:\n%s", last.raw)
	}
	if !bytes.Contains(last.raw, []byte("with ESMTPSA id ")) {
		t.Errorf("the Received field does not say ESMTPSA:\n%s", last.raw)
	}
}

// The trap body must be stored octet for octet by BDAT and by both kinds of literal.
func TestTrapSurvives(t *testing.T) {
	s := start(t, Options{})
	script, _ := FindScript("smtp-clear-plain")
	if err := Play(t.Context(), script, s.Targets()); err != nil {
		t.Fatal(err)
	}
	messages := s.messages("bob", inbox)
	if raw := messages[len(messages)-1].raw; !bytes.HasSuffix(raw, []byte(trap)) {
		t.Errorf("BDAT changed the message:\n%q", raw)
	}
	imap, _ := FindScript("imap-clear-literal")
	for i, step := range imap.Steps { // stop before the messages are removed
		if bytes.HasPrefix([]byte(step.Send), []byte("a10 ")) {
			imap.Steps = imap.Steps[:i]
			break
		}
	}
	if err := Play(t.Context(), imap, s.Targets()); err != nil {
		t.Fatal(err)
	}
	for i, m := range s.messages("bob", "Archives") {
		if string(m.raw) != trap {
			t.Errorf("APPEND %d changed the message:\n%q", i, m.raw)
		}
	}
}

// A script stops where the server does not answer as the lesson says, and tells where.
func TestPlayTellsWhatCame(t *testing.T) {
	s := start(t, Options{})
	script := Script{ID: "wrong", Steps: []Step{open("c", SMTP, "220 "), say("c", "NOOP\r\n", "354 ")}}
	err := Play(t.Context(), script, s.Targets())
	var unexpected *UnexpectedAnswerError
	if !errors.As(err, &unexpected) || unexpected.Step != 1 || unexpected.Got != "250 2.0.0 Ok" {
		t.Fatalf("got %v", err)
	}
}

// A lesson can be stopped at once, even while it waits for an answer.
func TestPlayStopsWithContext(t *testing.T) {
	s := start(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	script := Script{ID: "waits", Steps: []Step{open("c", SMTP, "220 "), wait("c", "250 never")}}
	begin := time.Now()
	if err := Play(ctx, script, s.Targets()); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("stopped only after %v", d)
	}
}

// A whole class at once must be served, and lose no message.
func TestManyAtOnce(t *testing.T) {
	s := start(t, Options{})
	const learners = 12
	var wg sync.WaitGroup
	for range learners {
		for _, id := range []string{"fetch-useful", "envelope", "smtp-pipelined"} {
			script, ok := FindScript(id)
			if !ok {
				t.Fatal("no script named ", id)
			}
			wg.Go(func() {
				if err := Play(t.Context(), script, s.Targets()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if n := len(s.messages("bob", inbox)); n != 6+2*learners {
		t.Errorf("%d messages, want %d", n, 6+2*learners)
	}
}
