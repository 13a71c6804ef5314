package proxy

import (
	"bytes"
	"crypto/tls"
	"net"
	"strings"
	"time"

	"facteur/decode"
	"facteur/internal/bilingual"
)

// resolve comes to a client's STARTTLS, with everything before it passed on: it awaits the answer, or gives it, and does
// what it means. The caller holds mu, the barrier is the first one, and the client's held octets begin with it or right
// behind it.
func (st *steering) resolve(b barrier) error {
	if st.tls != theServer {
		return st.answerItself(b)
	}
	for len(st.barrier) > 0 && st.barrier[0].seq == b.seq && !st.granted && !st.gone[decode.Server] {
		st.cond.Wait()
	}
	if !st.granted { // refused, or the server is gone: what the client sent behind it goes on
		if len(st.barrier) > 0 && st.barrier[0].seq == b.seq {
			st.barrier = st.barrier[1:]
		}
		return nil
	}
	if st.s.unnamed && !st.named() {
		return nil
	}
	st.glued()
	if err := st.apart(func() error { return st.s.secureClient(st.s.secureServer) }); err != nil {
		return st.failed(err)
	}
	st.begin(true)
	st.cond.Broadcast()
	return nil
}

// named reads the client's hello, which says whether TLS is intercepted. If not, nothing is left to steer, and what either
// side sent early goes on as it came. The caller holds mu.
func (st *steering) named() bool {
	f := &st.flows[decode.Client]
	st.s.client.head = bytes.Clone(f.held)
	f.skip(len(f.held))
	st.apart(func() error { st.s.learnName(); return nil })
	if st.s.route.mode == Intercept {
		st.discard(&st.flows[decode.Server], decode.ServerLeg, decode.Server)
		return true
	}
	st.barrier, st.dec, st.granted, st.cut = nil, nil, false, -1
	st.finished, st.over = true, true
	st.cond.Broadcast()
	return false
}

// glued decides on the octets that the client sent behind its STARTTLS, before the answer: a ClientHello is the
// beginning of the handshake, and anything else an attempt to smuggle commands into TLS.
func (st *steering) glued() {
	f := &st.flows[decode.Client]
	if len(f.held) > 0 && f.held[0] == 0x16 {
		st.s.client.head = bytes.Clone(f.held)
		f.skip(len(f.held))
		return
	}
	st.discard(f, decode.ClientLeg, decode.Client)
}

// failed keeps the reason why the session ends; the caller holds mu.
func (st *steering) failed(err error) error {
	st.failure = asFault(err)
	return st.failure
}

// answerItself answers STARTTLS where the two legs differ in security. The server never sees it, and what it says meanwhile
// waits for the end of the handshake.
func (st *steering) answerItself(b barrier) error {
	// in its turn: the greeting and what was asked before come before, and nothing is put into the middle of a line. A server
	// that never says what is awaited (none that greets, or one that answers a line which is no command) is not waited for longer
	// than for a handshake: nobody reads the client meanwhile.
	late := false
	alarm := time.AfterFunc(st.s.srv.c.HandshakeTimeout, func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		late = true
		st.cond.Broadcast()
	})
	defer alarm.Stop()
	for (!late && (!st.greeted || st.barrier[0].before != 0) || st.midLine || len(st.flows[decode.Server].held) > 0) && !st.gone[decode.Server] || st.busy {
		st.cond.Wait()
	}
	st.take()
	defer st.giveWay()
	f := &st.flows[decode.Client]
	was := string(f.held[:b.span.Len()])
	f.skip(int(b.span.Len()))
	words := ownAnswer(st.proto, st.tls, b.tag)
	st.barrier = st.barrier[1:]
	if st.tls != agree {
		st.prime(decode.Server, words)
	}
	why := whyOwnAnswer
	if st.tls == deny {
		why = whyRefuse
		st.s.attacked(st.refusing(), decode.ClientLeg)
	}
	err := st.apart(func() error {
		st.s.tellRewrite(decode.ClientLeg, decode.Server, was, words, why)
		return st.s.client.write([]byte(words))
	})
	if err != nil || st.tls != agree {
		return err
	}
	st.glued()
	if err := st.apart(func() error { return st.s.secureClient(nil) }); err != nil {
		return st.failed(err)
	}
	st.begin(true)
	if st.proto == decode.Sieve {
		return st.askCapabilities()
	}
	return nil
}

const (
	whyOwnAnswer  = "facteur_answers_starttls"
	whyAsk        = "capabilities_after_starttls"
	whyStale      = "capabilities_before_starttls"
	whyOwnUpgrade = "facteur_starts_tls"
	whyStrip      = "lab_strips_starttls"
	whyRefuse     = "lab_refuses_starttls"
	whyInject     = "lab_injects"
	whyPreAuth    = "lab_preauth"
)

// ownAnswer is facteur's answer to STARTTLS.
func ownAnswer(proto string, a answerer, tag string) string {
	if a == deny {
		return refusal(proto, tag)
	}
	words := map[string][2]string{
		decode.SMTP:  {"220 2.0.0 Ready to start TLS\r\n", "503 5.5.1 TLS is active already\r\n"},
		decode.LMTP:  {"220 2.0.0 Ready to start TLS\r\n", "503 5.5.1 TLS is active already\r\n"},
		decode.POP3:  {"+OK Begin TLS negotiation\r\n", "-ERR TLS is active already\r\n"},
		decode.IMAP:  {tag + " OK Begin TLS negotiation now\r\n", tag + " BAD TLS is active already\r\n"},
		decode.Sieve: {"OK \"Begin TLS negotiation now.\"\r\n", "NO \"TLS is active already.\"\r\n"},
	}[proto]
	if a == decline {
		return words[1]
	}
	return words[0]
}

// askCapabilities asks the server for what a ManageSieve client expects, unasked, behind its handshake (RFC 5804 §2.2).
// The caller holds mu.
func (st *steering) askCapabilities() error {
	const ask = "CAPABILITY\r\n"
	return st.apart(func() error {
		st.s.tellRewrite(decode.ServerLeg, decode.Client, "", ask, whyAsk)
		return st.s.server.write([]byte(ask))
	})
}

// maxLine is the longest line that a server may say before facteur's own STARTTLS; capabilities are far shorter.
const maxLine = 8 << 10

// upgradeServer upgrades the server leg by STARTTLS before the client has its say, and keeps the greeting for it. hello
// is the client's, nil if the client speaks in clear.
func (s *session) upgradeServer(hello *tls.ClientHelloInfo) error {
	s.server.SetDeadline(deadlineIn(s.srv.c.HandshakeTimeout))
	d := &dialogue{s: s}
	if err := d.startTLS(); err != nil {
		return s.upgradeFault(d, err)
	}
	s.server.SetDeadline(never)
	if n := len(d.rest); n > 0 {
		s.fail(injected(decode.ServerLeg, decode.Server, n))
	}
	if err := s.secureServer(hello); err != nil {
		return err
	}
	s.greeting = d.greeting
	return nil
}

func (s *session) upgradeFault(d *dialogue, err error) *fault {
	up := s.route.Upstream.Addr()
	f := &fault{what: faultStartTLS, cause: "broke_off", leg: decode.ServerLeg, err: err, fields: []string{"server", up}}
	switch {
	case d.refusal != "":
		f.cause = "refused"
		f.fields = append(f.fields, "text", d.refusal)
	case isTimeout(err):
		f.what, f.cause = faultTimeout, "starttls"
	}
	return f
}

// dialogue is facteur's own few words with a server.
type dialogue struct {
	s        *session
	rest     []byte // read, and not yet a line
	greeting []byte
	refusal  string
}

// line reads the next line, with its end.
func (d *dialogue) line() (string, error) {
	for {
		if i := bytes.IndexByte(d.rest, '\n'); i >= 0 {
			l := string(d.rest[:i+1])
			d.rest = d.rest[i+1:]
			return l, nil
		}
		if len(d.rest) > maxLine {
			return "", bilingual.Errorf("a line of more than %d octets",
				"une ligne de plus de %d octets", maxLine)
		}
		room := make([]byte, 4<<10)
		n, err := d.s.server.Read(room)
		if n > 0 {
			d.s.server.heard()
		}
		d.rest = append(d.rest, room[:n]...)
		if err != nil && n == 0 {
			return "", err
		}
	}
}

func (d *dialogue) say(words string) error {
	d.s.tellRewrite(decode.ServerLeg, decode.Client, "", words, whyOwnUpgrade)
	_, err := d.s.server.Write([]byte(words))
	return err
}

// answer reads lines up to the last one of an answer, which last recognises; good is what it must begin with.
func (d *dialogue) answer(last func(string) bool, good string) (all string, err error) {
	for n := 0; ; n++ {
		l, err := d.line()
		if err != nil {
			return all, err
		}
		if all += l; !last(l) {
			if n > maxAnswer {
				return all, bilingual.Errorf("an answer of more than %d lines",
					"une réponse de plus de %d lignes", maxAnswer)
			}
			continue
		}
		if !strings.HasPrefix(strings.ToUpper(l), good) {
			d.refusal = strings.TrimSpace(l)
			return all, bilingual.Errorf("the server said %q",
				"le serveur a dit %q", d.refusal)
		}
		return all, nil
	}
}

// maxAnswer is the most lines in an answer before STARTTLS.
const maxAnswer = 256

func (d *dialogue) startTLS() error {
	switch d.s.route.Upstream.Protocol {
	case decode.POP3:
		return d.steps(always, "+OK", "STLS\r\n", always, "+OK")
	case decode.IMAP:
		err := d.steps(always, "* OK", "f1 STARTTLS\r\n", func(l string) bool { return !strings.HasPrefix(l, "* ") }, "F1 OK")
		d.forgetCapabilities()
		return err
	case decode.Sieve:
		return d.steps(sieveStatus, "OK", "STARTTLS\r\n", sieveStatus, "OK")
	}
	if err := d.steps(smtpLast, "220", d.hello(), smtpLast, "250"); err != nil {
		return err
	}
	if err := d.say("STARTTLS\r\n"); err != nil {
		return err
	}
	_, err := d.answer(smtpLast, "220")
	return err
}

// steps reads the greeting, says something, and reads the answer.
func (d *dialogue) steps(greeted func(string) bool, greeting, words string, last func(string) bool, good string) error {
	g, err := d.answer(greeted, greeting)
	if err != nil {
		return err
	}
	if d.greeting = []byte(g); d.s.route.Upstream.Protocol == decode.Sieve {
		d.greeting = nil // the server greets again inside TLS (RFC 5804 §2.2)
	}
	if err := d.say(words); err != nil {
		return err
	}
	_, err = d.answer(last, good)
	return err
}

func always(string) bool     { return true }
func smtpLast(l string) bool { return len(l) < 4 || l[3] != '-' }
func sieveStatus(l string) bool {
	word := strings.ToUpper(strings.TrimRight(l, "\r\n"))
	word, _, _ = strings.Cut(word, " ")
	return word == "OK" || word == "NO" || word == "BYE"
}

// hello is EHLO with an address literal (RFC 5321 §4.1.3): facteur has no name of its own in the DNS.
func (d *dialogue) hello() string {
	verb, literal := "EHLO ", "[127.0.0.1]"
	if d.s.route.Upstream.Protocol == decode.LMTP {
		verb = "LHLO "
	}
	if a, ok := d.s.server.LocalAddr().(*net.TCPAddr); ok {
		if ip := a.IP.To4(); ip != nil {
			literal = "[" + ip.String() + "]"
		} else {
			literal = "[IPv6:" + a.IP.String() + "]"
		}
	}
	return verb + literal + "\r\n"
}

// forgetCapabilities takes the list out of a greeting that was said before TLS: inside, it is no longer true, and
// LOGINDISABLED would keep the client from logging in (RFC 9051 §6.2.1).
func (d *dialogue) forgetCapabilities() {
	was := string(d.greeting)
	open := strings.Index(strings.ToUpper(was), "[CAPABILITY ")
	if open < 0 || d.s.srv.c.NoRewrite {
		return
	}
	end := strings.IndexByte(was[open:], ']')
	if end < 0 {
		return
	}
	now := was[:open] + strings.TrimPrefix(was[open+end+1:], " ")
	d.greeting = []byte(now)
	d.s.tellRewrite(decode.ClientLeg, decode.Server, was, now, whyStale)
}
