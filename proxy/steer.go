package proxy

import (
	"strings"
	"sync"
	"time"

	"facteur/decode"
)

// maxHeld is how much of a server's answer is held back, waiting for its end, before it is passed on as it is: more than
// any list of capabilities (they are some hundred octets), less than what would be felt.
const maxHeld = 64 << 10

// steering follows a session's protocol, as the application speaks it, far enough to know three things: where STARTTLS
// or STLS is agreed on, which answers list capabilities, and when neither can matter any more. It uses a decoder of its
// own, which sees one leg in clear whatever TLS the two real legs are in.
//
// Two goroutines share it, one per direction. mu is never held while either writes or does a handshake.
type steering struct {
	s     *session
	proto string

	mu   sync.Mutex
	cond *sync.Cond // broadcast whenever one direction did what the other may wait for
	dec  *decode.Session
	now  changes // what is changed in capabilities
	tls  answerer

	flows [2]flow // by side
	edits []rewrite

	watch    *smtpWatch     // follows instead of dec, once mail is sent
	mail     bool           // SMTP: a transaction has begun in clear
	message  int            // SMTP: Seq of the DATA or BDAT whose message is on its way or awaits its reply, 0 for none
	complete bool           // that message has been sent
	asked    map[int]string // commands whose answer matters, by Seq
	due      int            // capabilities are awaited: hold incomplete answers back
	greeted  bool           // the server has said something
	last     int            // Seq of the client's newest command that is no STARTTLS
	barrier  []barrier      // STARTTLS commands without an answer, oldest first
	cut      int64          // of the server's stream: behind it lies TLS; -1 while nothing was agreed on
	granted  bool           // the server's agreement has reached the client
	midLine  bool           // the client has the beginning of a line from the server
	busy     bool           // a direction writes to the client, or does its handshake: the other one must not
	offers   bool           // the server's last capabilities had STARTTLS
	unbound  bool           // a mechanism with channel binding was left out
	binds    bool           // and the client said that it misses one
	finished bool           // nothing is left to steer
	over     bool           // and nobody waits: relay as it comes
	gone     [2]bool        // the direction from that side has ended
	failure  *fault         // why facteur ended the session; read once both directions have ended
}

// apart does what may take its time, without mu; the caller holds it.
func (st *steering) apart(do func() error) error {
	st.mu.Unlock()
	defer st.mu.Lock() // also when do panics: the caller unlocks
	return do()
}

// awaitTurn waits until the client's direction neither writes to the client nor does its handshake. The caller holds mu.
func (st *steering) awaitTurn() {
	for st.busy && !st.gone[decode.Client] {
		st.cond.Wait()
	}
}

// take keeps the other direction off the client; the caller holds mu, and gives way when it is done.
func (st *steering) take() { st.busy = true }

func (st *steering) giveWay() {
	st.busy = false
	st.cond.Broadcast()
}

// answerer says who answers a client's STARTTLS.
type answerer uint8

const (
	theServer answerer = iota // both legs are in clear: it is passed on, and both are upgraded
	agree                     // facteur: only the client leg is upgraded
	decline                   // facteur: the client is in TLS already, and the server is not
	deny                      // facteur, in the lab: as a server without TLS would
	common                    // the server: both legs are in TLS, and it is a command like any other
)

// flow is the stream of one side.
type flow struct {
	base  int64 // offset of held[0]
	held  []byte
	known int64 // decoded up to here
}

func (f *flow) end() int64 { return f.base + int64(len(f.held)) }

// skip takes n octets off the front.
func (f *flow) skip(n int) {
	f.base += int64(n)
	if f.held = f.held[n:]; len(f.held) == 0 {
		f.held = nil
	}
}

// barrier is a STARTTLS command in the client's stream. Nothing behind it goes on before its answer is known.
type barrier struct {
	span     decode.Span
	seq      int
	tag      string // IMAP
	before   int    // Seq of the command before it
	answered bool
}

func newSteering(s *session) *steering {
	st := &steering{s: s, proto: s.route.Listen.Protocol}
	st.cond = sync.NewCond(&st.mu)
	if s.route.mode == Passthrough && !s.unnamed {
		st.over = true
		return st
	}
	st.begin(false)
	return st
}

// begin starts to follow the protocol: from the greeting, or from where TLS has just begun.
func (st *steering) begin(upgraded bool) {
	client, server := st.s.client.tls != nil, st.s.server.tls != nil
	st.tls, st.now = theServer, changes{}
	if !st.s.srv.c.NoRewrite {
		st.now.plus = client || server
		st.now.scram = st.now.plus && st.s.srv.binders.know(st.s.binder())
		switch {
		case client && server:
			st.tls = common
		case client:
			st.tls, st.now.hideTLS = decline, true
		case server || st.s.route.Upstream.Security == Plain:
			st.tls, st.now.offerTLS = agree, true
		}
	}
	lab := st.s.srv
	if strip := lab.attacks(StripStartTLS); !client && (strip || lab.attacks(RefuseStartTLS)) {
		st.tls = deny
		if strip {
			st.now.hideTLS, st.now.offerTLS = true, false
		}
	}
	preauth := !client && st.proto == decode.IMAP && lab.attacks(PreAuth)
	st.flows, st.edits, st.barrier = [2]flow{}, nil, nil
	st.asked, st.due, st.last = map[int]string{}, 0, 0
	st.cut, st.granted, st.offers, st.greeted = -1, false, true, false
	st.finished = !st.now.any() && (client || server)
	if st.over = st.finished; st.over {
		st.dec = nil
		return
	}
	st.dec = decode.New(decode.Options{Protocol: st.proto, Passing: true})
	if upgraded && st.proto != decode.Sieve { // no second greeting comes (RFC 3207 §4.2, 2595 §4, 9051 §6.2.1)
		st.prime(decode.Server, greetings[st.proto])
		return
	}
	if (st.now.any() || preauth) && (st.proto == decode.IMAP || st.proto == decode.Sieve) {
		st.due = 1 // the greeting lists capabilities
	}
}

var greetings = map[string]string{decode.SMTP: "220 x\r\n", decode.LMTP: "220 x\r\n", decode.POP3: "+OK\r\n", decode.IMAP: "* OK x\r\n"}

// prime lets the decoder hear words that are not on this stretch of the stream.
func (st *steering) prime(from decode.Side, words string) {
	st.feed(from, []byte(words))
	f := &st.flows[from]
	f.base = f.end() + int64(len(words))
	f.known = max(f.known, f.base)
}

// feed decodes octets of a side; the caller holds mu.
func (st *steering) feed(from decode.Side, data []byte) {
	evs := st.dec.Feed(decode.Chunk{Time: time.Now(), Leg: decode.ClientLeg, From: from, Data: data})
	for i := range evs {
		st.event(&evs[i])
	}
	if n := len(st.barrier); n > 0 && st.cut < 0 {
		// an agreement that the decoder does not take for one is none
		for len(st.barrier) > 0 && st.barrier[0].answered {
			st.barrier = st.barrier[1:]
		}
	}
	st.over = st.finished && len(st.barrier) == 0
	if st.mail && !st.over && st.quiet() {
		st.watch = &smtpWatch{}
	}
	if st.over || st.watch != nil {
		st.dec = nil // it has buffers, and sessions may be many and long
	}
	st.cond.Broadcast()
}

// quiet reports whether nothing is under way: every command has its reply, and every octet is understood.
func (st *steering) quiet() bool {
	c, s := &st.flows[decode.Client], &st.flows[decode.Server]
	return st.last == 0 && st.message == 0 && len(st.barrier) == 0 && c.known == c.end() && s.known == s.end()
}

// unwatch goes back from the watch to a decoder, which has to take up at a command. It is told of as many harmless ones
// as have no reply yet, and of the part of the line that has gone already.
func (st *steering) unwatch() {
	w := st.watch
	st.watch, st.mail, st.message = nil, false, 0
	st.dec = decode.New(decode.Options{Protocol: st.proto, Passing: true})
	st.flows, st.last = [2]flow{}, 0
	clear(st.asked)
	st.prime(decode.Server, greetings[st.proto]+string(w.reply))
	st.prime(decode.Client, strings.Repeat("NOOP\r\n", w.pending)+string(w.line))
}

func (st *steering) event(e *decode.Event) {
	if e.Layer != decode.Wire {
		return
	}
	f := &st.flows[e.From]
	f.known = max(f.known, e.Span.To)
	family, kind, _ := strings.Cut(e.Kind, ".")
	st.missesBinding(e)
	switch {
	case e.Kind == "session.upgrade":
		if len(st.barrier) > 0 && e.Re == st.barrier[0].seq {
			st.cut = e.Span.From
		}
	case e.From == decode.Server && e.Kind == "session.violation":
		st.greeted = true // with what is no greeting
	case kind == "command":
		st.command(e)
	case kind == "reply" || kind == "response":
		st.answer(e, family)
	case e.From == decode.Client && kind == "data.begin":
		st.message, st.complete = e.Re, false
	case e.From == decode.Client && kind == "data.end":
		st.complete = true
	case e.From == decode.Server && (kind == "item" || kind == "data.end"):
		st.item(e, kind)
	}
}

// listings are the commands that are answered by capabilities.
var listings = map[string]bool{"EHLO": true, "LHLO": true, "CAPA": true, "CAPABILITY": true}

// logins are the commands behind which STARTTLS has no place any more.
var logins = map[string]bool{"AUTH": true, "PASS": true, "APOP": true, "LOGIN": true, "AUTHENTICATE": true}

func (st *steering) command(e *decode.Event) {
	name := strings.ToUpper(e.Field("verb") + e.Field("name"))
	st.s.judge.commanded(name, st.s.client.tls != nil)
	switch {
	case st.tls != common && (name == "STARTTLS" && st.proto != decode.POP3 || name == "STLS" && st.proto == decode.POP3):
		st.barrier = append(st.barrier, barrier{span: e.Span, seq: e.Seq, tag: e.Field("tag"), before: st.last})
		return
	case listings[name], st.proto == decode.POP3 && name == "AUTH" && e.Field("argument") == "":
		st.asked[e.Seq] = name + " listing"
		if st.now.any() {
			st.due++
		}
	case logins[name] || name == "MAIL":
		st.asked[e.Seq] = name
	}
	st.last = e.Seq
}

// answer takes a reply or response: its command is answered, and it may list capabilities.
func (st *steering) answer(e *decode.Event, family string) {
	good, final := verdict(e, family)
	st.greeted = true
	st.refusedBinding(e, final && !good)
	if family == decode.IMAP {
		if e.Field("tag") == "*" {
			st.imapUntagged(e)
		} else if good {
			st.edit(e, st.now.imapCapabilities) // OK [CAPABILITY …]
		}
	}
	if !final {
		return
	}
	for i := range st.barrier {
		if st.barrier[i].seq == e.Re && e.Re != 0 {
			st.barrier[i].answered = true
		}
		if st.barrier[i].before == e.Re {
			st.barrier[i].before = 0
		}
	}
	if e.Re == st.last {
		st.last = 0
	}
	if st.complete && e.Re == st.message {
		st.message = 0
	}
	st.answered(e, family, st.asked[e.Re], good)
	delete(st.asked, e.Re)
}

// verdict tells whether an answer is a good one, and whether it is the command's last.
func verdict(e *decode.Event, family string) (good, final bool) {
	switch family {
	case decode.SMTP, decode.LMTP:
		return strings.HasPrefix(e.Field("code"), "2"), true
	case decode.POP3:
		return strings.EqualFold(e.Field("status"), "+OK"), e.Field("status") != "+"
	case decode.IMAP:
		tag := e.Field("tag")
		return strings.EqualFold(e.Field("name"), "OK"), tag != "*" && tag != "+"
	}
	return strings.EqualFold(e.Field("name"), "OK"), true
}

// answered does what the answer to a command that matters means.
func (st *steering) answered(e *decode.Event, family, name string, good bool) {
	switch {
	case name == "" && family == decode.Sieve && st.due > 0 && e.Re == 0, name == "CAPABILITY listing" && family == decode.Sieve:
		if good && st.now.offerTLS {
			st.insert(e, "\"STARTTLS\"\r\n")
		}
		st.listed()
	case name == "EHLO listing" || name == "LHLO listing":
		if good {
			st.offers = strings.Contains(strings.ToUpper(e.Field("text")), "\nSTARTTLS")
			st.edit(e, st.now.smtpCapabilities)
		}
		st.listed()
	case name == "CAPA listing" || name == "AUTH listing":
		if good {
			st.asked[-e.Re] = name // until the list has ended
		} else {
			st.listed()
		}
	case name == "CAPABILITY listing":
		st.listed()
	case name == "MAIL":
		// A client in TLS that has begun to send needs no other mechanism; one in clear may still upgrade, later.
		st.finished = st.finished || good && (st.tls != theServer || !st.offers)
		st.mail = good && family == decode.SMTP
	case name != "":
		st.finished = st.finished || good && (family != decode.SMTP && family != decode.LMTP || strings.HasPrefix(e.Field("code"), "235"))
	case (family == decode.SMTP || family == decode.LMTP) && e.Field("code") == "235": // it answers a line of SASL
		st.finished = true
	}
}

func (st *steering) listed() {
	if st.due > 0 {
		st.due--
	}
}

func (st *steering) imapUntagged(e *decode.Event) {
	if e.Span.From == 0 && st.preAuthenticate(e) {
		st.listed()
		return
	}
	st.edit(e, st.now.imapCapabilities)
	switch name := strings.ToUpper(e.Field("name")); name {
	case "OK", "PREAUTH", "BYE":
		if e.Span.From == 0 { // the greeting
			st.listed()
			st.finished = st.finished || name != "OK"
		}
	}
}

// item takes a line of a listing.
func (st *steering) item(e *decode.Event, kind string) {
	switch st.proto {
	case decode.POP3:
		name := st.asked[-e.Re]
		if name == "" {
			return
		}
		if kind == "item" {
			listing, _, _ := strings.Cut(name, " ")
			st.edit(e, func(line []byte) ([]byte, string) { return st.now.pop3Capability(line, listing) })
			return
		}
		if st.now.offerTLS && name == "CAPA listing" {
			st.insert(e, "STLS\r\n")
		}
		delete(st.asked, -e.Re)
		st.listed()
	case decode.Sieve:
		if st.due > 0 {
			st.edit(e, st.now.sieveCapability)
		}
	}
}

// edit changes the octets of an event of the server's, if the change wants to.
func (st *steering) edit(e *decode.Event, change func([]byte) ([]byte, string)) {
	f := &st.flows[decode.Server]
	if !st.now.any() || e.Span.From < f.base || e.Span.To > f.end() {
		return // a part of it has gone already
	}
	was := f.held[e.Span.From-f.base : e.Span.To-f.base]
	if now, why := change(was); why != "" {
		st.unbound = st.unbound || why == whyPlus
		if why == whyHide && st.tls == deny {
			why = whyStrip
			st.s.attacked(StripStartTLS, decode.ClientLeg)
		}
		st.edits = append(st.edits, rewrite{e.Span, was, now, why})
	}
}

// insert puts words before an event of the server's.
func (st *steering) insert(e *decode.Event, words string) {
	st.edit(e, func(was []byte) ([]byte, string) { return append([]byte(words), was...), whyOffer })
}
