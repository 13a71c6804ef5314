package proxy

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"facteur/decode"
	"facteur/internal/bilingual"
	"facteur/proxy/ca"
)

// Attack is one of the attacks that a class may watch, on practice servers only.
type Attack struct {
	Name  string
	Delay time.Duration // of delay
	After int64         // of truncate and reset: octets of the server's that still reach the client
}

// The attacks, as --lab takes them.
const (
	StripStartTLS  = "strip-starttls"  // STARTTLS is left out of the capabilities, and refused
	RefuseStartTLS = "refuse-starttls" // offered, and refused with an error
	InjectCommand  = "inject-command"  // a command in clear behind the client's STARTTLS (CVE-2011-0411)
	InjectResponse = "inject-response" // a response in clear behind the server's agreement on TLS (CVE-2020-15955 and others)
	PreAuth        = "preauth"         // the IMAP greeting says that the client is logged in: STARTTLS has no place then
	Downgrade      = "downgrade"       // TLS 1.1 at most on the client leg
	Delay          = "delay"           // delay=DURATION: the server's words come late
	Truncate       = "truncate"        // truncate=N: the server's stream ends after N octets, without close_notify
	ResetAfter     = "reset"           // reset=N: the connection is reset after N octets of the server's
)

// attacks are all of them; those about certificates are flaws of [ca.Flaw].
var attacks = []string{StripStartTLS, RefuseStartTLS, InjectCommand, InjectResponse, PreAuth, Downgrade,
	string(ca.WrongName), string(ca.Expired), string(ca.SelfSigned), string(ca.UnknownCA), Delay, Truncate, ResetAfter}

// maxDelay keeps a lesson from waiting for ever.
const maxDelay = 10 * time.Minute

// ParseAttack reads an attack, as in strip-starttls, delay=2s or truncate=100.
func ParseAttack(s string) (a Attack, err error) {
	name, value, given := strings.Cut(s, "=")
	a.Name = name
	valued := name == Delay || name == Truncate || name == ResetAfter
	switch {
	case !slices.Contains(attacks, name):
		return a, bilingual.Errorf("attack %q is not known; use %s",
			"attaque inconnue\u202f: %q\u202f; les attaques sont %s", name, strings.Join(attacks, ", "))
	case valued && !given:
		return a, bilingual.Errorf("attack %s wants a value, as in delay=2s or %s=100",
			"il manque une valeur à l’attaque %s, comme dans delay=2s ou %s=100", name, Truncate)
	case !valued && given:
		return a, bilingual.Errorf("attack %s takes no value",
			"l’attaque %s ne prend pas de valeur", name)
	case name == Delay:
		if a.Delay, err = time.ParseDuration(value); err != nil || a.Delay <= 0 || a.Delay > maxDelay {
			return a, bilingual.Errorf("attack %s: %q is no time up to %s, as in 2s",
				"attaque %s\u202f: %q n’est pas une durée d’au plus %s, comme 2s", name, value, maxDelay)
		}
	case valued:
		if a.After, err = strconv.ParseInt(value, 10, 64); err != nil || a.After < 0 {
			return a, bilingual.Errorf("attack %s: %q is no number of octets",
				"attaque %s\u202f: %q n’est pas un nombre d’octets", name, value)
		}
	}
	return a, nil
}

// MayAttack refuses a route to anything but a practice server on this machine.
func MayAttack(r Route) error {
	if ip := net.ParseIP(r.Upstream.Host); r.Upstream.Host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return bilingual.Errorf("route %s: lab attacks are for practice servers on this machine only (127.0.0.1, ::1 or localhost); %s is none",
		"route %s\u202f: les attaques sont réservées aux serveurs d’exercice de cette machine (127.0.0.1, ::1 ou localhost)\u202f; %s n’en est pas un", r, r.Upstream.Host)
}

// checkLab refuses attacks on anything but a practice server: whoever runs them on the mail of others is an attacker.
func (s *Server) checkLab() error {
	if len(s.c.Attacks) == 0 {
		return nil
	}
	if s.c.Socks != "" || s.c.Transparent != "" {
		return bilingual.New("lab attacks are for routes to this machine's own practice servers: leave out --socks and --transparent",
			"les attaques sont pour les serveurs d’exercice de cette machine\u202f: ôtez --socks et --transparent")
	}
	if s.c.NoRewrite {
		return bilingual.New("lab attacks change octets: leave out --no-rewrite",
			"les attaques changent des octets\u202f: ôtez --no-rewrite")
	}
	for _, r := range s.routes {
		if err := MayAttack(r.Route); err != nil {
			return err
		}
		if r.mode == Passthrough {
			return bilingual.Errorf("route %s: lab attacks need --tls intercept",
				"route %s\u202f: les attaques demandent --tls intercept", r.Route)
		}
		if s.attacks(Downgrade) {
			r.legs[decode.ClientLeg].min, r.legs[decode.ClientLeg].max = versions[0].number, versions[1].number
		}
	}
	return nil
}

// attacks reports whether an attack is on.
func (s *Server) attacks(name string) bool {
	return slices.ContainsFunc(s.c.Attacks, func(a Attack) bool { return a.Name == name })
}

// flaw is the flaw that certificates are to have, "" for none.
func (s *Server) flaw() ca.Flaw {
	for _, a := range s.c.Attacks {
		switch f := ca.Flaw(a.Name); f {
		case ca.WrongName, ca.Expired, ca.SelfSigned, ca.UnknownCA:
			return f
		}
	}
	return ""
}

// attacked tells that an attack takes place, once a session.
func (s *session) attacked(name string, leg decode.Leg, fields ...string) {
	s.judge.mu.Lock()
	again := slices.Contains(s.judge.done, name)
	if !again {
		s.judge.done = append(s.judge.done, name)
	}
	s.judge.mu.Unlock()
	if !again {
		s.tell.told(leg, decode.Server, "session.attack", append([]string{"what", name}, fields...)...)
	}
}

// refusal is what a lab's STARTTLS is refused with (RFC 3207 §4, 2595 §4, 9051 §7.1, 5804 §1.3).
func refusal(proto, tag string) string {
	switch proto {
	case decode.POP3:
		return "-ERR TLS not available\r\n"
	case decode.IMAP:
		return tag + " NO TLS not available\r\n"
	case decode.Sieve:
		return "NO \"TLS not available.\"\r\n"
	}
	return "454 4.7.0 TLS not available due to temporary reason\r\n"
}

// injectedCommand and injectedResponse are glued to the words that agree on TLS. They are harmless: it shows whether they
// are believed, and nothing is done with it.
var (
	injectedCommand = map[string]string{decode.SMTP: "NOOP\r\n", decode.LMTP: "NOOP\r\n", decode.POP3: "NOOP\r\n", decode.IMAP: "lab NOOP\r\n", decode.Sieve: "NOOP \"lab\"\r\n"}
	// the first answer that a client waits for inside TLS
	injectedResponse = map[string]string{decode.SMTP: "250 injected\r\n", decode.LMTP: "250 injected\r\n", decode.POP3: "+OK\r\n.\r\n",
		decode.Sieve: "OK \"injected\"\r\n"}
)

// imapInjected is the same for IMAP: an answer to the command that a client will send next, as it counts its tags. Where
// STARTTLS had one that is no count, it is a goodbye, and whether that is believed cannot be told.
func imapInjected(tag string) (words string, untold bool) {
	base := strings.TrimRight(tag, "0123456789")
	n, err := strconv.ParseUint(tag[len(base):], 10, 32)
	if err != nil {
		return "* BYE injected\r\n", true
	}
	return fmt.Sprintf("%s%0*d OK injected\r\n", base, len(tag)-len(base), n+1), false
}

// injectWait is how long the first answer inside TLS is held back, so that a client that believes the injected one shows
// it by going on.
const injectWait = 300 * time.Millisecond

// preAuthenticate changes an IMAP greeting into one that says that the client is logged in.
func (st *steering) preAuthenticate(e *decode.Event) bool {
	if !st.s.srv.attacks(PreAuth) || st.s.client.tls != nil || !strings.EqualFold(e.Field("name"), "OK") {
		return false
	}
	f := &st.flows[decode.Server]
	was := f.held[e.Span.From-f.base : e.Span.To-f.base]
	now, _ := st.now.imapCapabilities(was)
	now = []byte(strings.Replace(string(now), "OK", "PREAUTH", 1))
	st.edits = append(st.edits, rewrite{e.Span, was, now, whyPreAuth})
	st.s.attacked(PreAuth, decode.ClientLeg)
	return true
}

// injectCommand glues a command of facteur's to the client's STARTTLS, which ends at to.
func (st *steering) injectCommand(to int64) {
	f := &st.flows[decode.Client]
	if !st.s.srv.attacks(InjectCommand) || to <= f.base {
		return
	}
	words := injectedCommand[st.proto]
	at := to - f.base
	f.held = slices.Concat(f.held[:at:at], []byte(words), f.held[at:])
	f.base -= int64(len(words)) // what comes behind keeps its place in the stream
	st.s.attacked(InjectCommand, decode.ServerLeg)
	st.s.tellRewrite(decode.ServerLeg, decode.Client, "", words, whyInject)
}

// injectResponse glues a response of facteur's to the server's agreement on TLS.
func (st *steering) injectResponse() {
	if !st.s.srv.attacks(InjectResponse) || st.flows[decode.Server].base >= st.cut {
		return
	}
	words := injectedResponse[st.proto]
	if st.proto == decode.IMAP && len(st.barrier) > 0 {
		untold := false
		words, untold = imapInjected(st.barrier[0].tag)
		st.s.judge.mu.Lock()
		st.s.judge.untold = untold
		st.s.judge.mu.Unlock()
	}
	st.edits = append(st.edits, rewrite{decode.Span{From: st.cut, To: st.cut}, nil, []byte(words), whyInject})
	st.s.attacked(InjectResponse, decode.ClientLeg)
}

// refusing is the attack that refuses STARTTLS.
func (st *steering) refusing() string {
	if st.s.srv.attacks(StripStartTLS) {
		return StripStartTLS
	}
	return RefuseStartTLS
}

// deliver writes what the other side said, with what the lab does to it on its way to the client.
func (l *leg) deliver(p []byte) error {
	if l.id == decode.ClientLeg && len(l.s.srv.c.Attacks) > 0 {
		return l.mistreat(p)
	}
	return l.write(p)
}

// errCut ends a session that the lab cuts off; it is no failure to be told.
var errCut = &fault{what: faultInternal, told: true}

func (l *leg) mistreat(p []byte) error {
	s := l.s
	cut := ""
	for _, a := range s.srv.c.Attacks {
		switch a.Name {
		case InjectResponse:
			s.judge.mu.Lock()
			wait := l.tls != nil && !s.judge.heard && len(s.judge.done) > 0
			s.judge.mu.Unlock()
			if wait {
				s.pause(injectWait)
			}
		case Delay:
			s.attacked(Delay, decode.ClientLeg, "value", a.Delay.String())
			s.pause(a.Delay)
			if l.endOf(decode.Client) != decode.Open {
				s.judge.mu.Lock()
				s.judge.gaveUp = true
				s.judge.mu.Unlock()
			}
		case Truncate, ResetAfter:
			if left := a.After - l.delivered; left < int64(len(p)) {
				p, cut = p[:max(0, left)], a.Name
				s.attacked(cut, decode.ClientLeg, "number", strconv.FormatInt(a.After, 10))
			}
		}
	}
	l.delivered += int64(len(p))
	if l.tls != nil {
		s.judge.mu.Lock()
		s.judge.heard = true
		s.judge.mu.Unlock()
	}
	if len(p) > 0 {
		if err := l.write(p); err != nil {
			return err
		}
	}
	switch cut {
	case Truncate:
		s.judge.mu.Lock()
		s.judge.cut = true
		s.judge.mu.Unlock()
		return errCut
	case ResetAfter:
		s.breakOff()
		return errCut
	}
	return nil
}

// pause waits, unless the session is ended.
func (s *session) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.ending:
	}
}
