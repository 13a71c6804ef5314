package replay

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"facteur/decode"
)

// answer answers a command as the recorded server did.
func (c *serveConn) answer(octets []byte) error {
	key := meaning(c.door.Protocol, octets)
	switch classOf(c.door.Protocol, key) {
	case upgrade:
		return c.upgrade(octets, key)
	case ending:
		return c.goodbye(octets, key)
	}
	if key == logIn {
		return c.logIn(octets)
	}
	if strings.HasPrefix(key, "BDAT") { // the chunk follows, whatever is answered (RFC 3030 §2)
		if err := c.chunk(octets); err != nil {
			return err
		}
	}
	tag := c.tag(octets)
	if err := c.tellNews(key); err != nil {
		return err
	}
	f, ok := c.find(key)
	own := ok
	if !ok {
		f, ok = c.elsewhere(key)
	}
	if !ok {
		if whole, p, ok := c.assembled(key, tag); ok {
			c.tell(ServeEvent{Event: ServeAnswer, Session: p.session, Step: p.step.N, Expected: p.step.Line, Got: shownLine(c.door.Protocol, octets), Answer: firstLine(whole)})
			return c.write(whole)
		}
		return c.unrecorded(octets, key)
	}
	c.tell(ServeEvent{Event: ServeAnswer, Session: f.d.Session, Step: f.step.N, Expected: f.step.Line, Got: shownLine(c.door.Protocol, octets), Answer: firstLine(f.step.answer())})
	return c.reply(f, key, tag, own)
}

// tellNews tells what has happened to the open mailbox, where a client asks for that.
func (c *serveConn) tellNews(key string) error {
	if c.door.Protocol != decode.IMAP || key != "NOOP" && key != "CHECK" && key != "IDLE" {
		return nil
	}
	if news := c.news(); len(news) > 0 {
		return c.write(news)
	}
	return nil
}

// reply sends what was found. What is not from the client's own place leaves out how the mailbox there changed.
func (c *serveConn) reply(f found, key, tag string, own bool) error {
	if strings.HasPrefix(key, "APPEND ") && c.door.Protocol == decode.IMAP {
		c.s.happened(happening{f.d, f.index})
	}
	last := f.step.last()
	if !own && (strings.HasPrefix(key, "APPEND ") || classOf(c.door.Protocol, key) == free) {
		last = unpushed(last)
	}
	switch {
	case key == "DATA":
		return c.data(f)
	case key == "IDLE":
		return c.idle(f, tag)
	case key == "COMPRESS DEFLATE" && c.door.Protocol == decode.IMAP:
		if err := c.send(f.step, last, tag); err != nil {
			return err
		}
		if !c.packed && len(last) > 0 && taggedOK(last[len(last)-1].Octets) {
			return c.compress()
		}
		return nil
	case f.again && (key == "NOOP" || key == "CHECK"):
		return c.send(f.step, taggedOnly(last), tag)
	}
	return c.send(f.step, last, tag)
}

// tag is the command's own, where the protocol has them.
func (c *serveConn) tag(octets []byte) string {
	if c.door.Protocol != decode.IMAP {
		return ""
	}
	tag, _, _ := strings.Cut(firstLine(octets), " ")
	return tag
}

// taggedOK says whether a tagged response is OK.
func taggedOK(octets []byte) bool {
	words := bytes.Fields(octets)
	return len(words) > 1 && bytes.EqualFold(words[1], []byte("OK"))
}

// taggedOnly leaves out what the server told on the way: told twice it would be wrong.
func taggedOnly(answers []Answer) []Answer {
	for i := range answers {
		if answers[i].Tagged {
			return answers[i:]
		}
	}
	return answers
}

// unrecorded answers what the recording does not have here: harmless questions in a way that lets the client go on, all
// else with a refusal.
func (c *serveConn) unrecorded(octets []byte, key string) error {
	tag := c.tag(octets)
	verb := key
	if strings.HasPrefix(key, "ENABLE ") && c.in {
		verb = "ENABLE"
	}
	switch c.door.Protocol + " " + verb {
	case "smtp NOOP", "lmtp NOOP", "smtp RSET", "lmtp RSET":
		return c.harmless(octets, key, "250 2.0.0 Ok")
	case "pop3 NOOP", "pop3 USER":
		return c.harmless(octets, key, "+OK")
	case "imap NOOP", "imap CHECK":
		return c.harmless(octets, key, tag+" OK "+key+" completed.")
	case "imap IDLE":
		if c.in {
			return c.quiet(octets, tag)
		}
	case "imap ENABLE": // nothing of it is (RFC 5161 §3.1)
		return c.harmless(octets, key, "* ENABLED\r\n"+tag+" OK Enabled.")
	case "imap CAPABILITY":
		return c.harmless(octets, key, "* CAPABILITY "+c.capabilityCode()+"\r\n"+tag+" OK Capability completed.")
	case "pop3 CAPA":
		return c.harmless(octets, key, c.capaList())
	case "sieve NOOP":
		return c.harmless(octets, key, `OK "NOOP completed."`)
	}
	reason, known := c.mismatch(octets, key)
	return c.refuse(tag, reason, known)
}

func (c *serveConn) harmless(octets []byte, key, answer string) error {
	c.tell(ServeEvent{Event: ServeAnswer, Got: shownLine(c.door.Protocol, octets), Answer: firstLine([]byte(answer))})
	return c.write(c.lists(key, []byte(answer+"\r\n")))
}

// refuse says no as the protocol does: the command is not known at all (502, BAD), or not now (503, NO).
func (c *serveConn) refuse(tag, reason string, known bool) error {
	switch c.door.Protocol {
	case decode.SMTP, decode.LMTP:
		if known {
			return c.writef("503 5.5.1 %s", reason)
		}
		return c.writef("502 5.5.1 %s", reason)
	case decode.POP3:
		return c.writef("-ERR %s", reason)
	case decode.Sieve:
		return c.writef("NO %s", strconv.Quote(reason))
	}
	if tag == "" {
		return c.writef("* BAD %s", reason)
	}
	if known {
		return c.writef("%s NO %s", tag, reason)
	}
	return c.writef("%s BAD %s", tag, reason)
}

// data takes a message of any content where the recording has one.
func (c *serveConn) data(f found) error {
	turns := f.step.Turns
	if err := c.send(f.step, turns[0].Server, ""); err != nil {
		return err
	}
	if len(turns) < 2 || len(turns[0].Server) == 0 || !bytes.HasPrefix(turns[0].Server[0].Octets, []byte("354")) {
		return nil
	}
	n, err := c.body()
	if err != nil {
		return err
	}
	c.tell(ServeEvent{Event: ServeAnswer, Step: f.step.N, Expected: f.step.Line, Got: fmt.Sprintf("(message, %d octets)", n), Answer: firstLine(lastOctets(f.step))})
	return c.send(f.step, turns[len(turns)-1].Server, "")
}

// chunk takes the octets that BDAT announces (RFC 3030 §2).
func (c *serveConn) chunk(octets []byte) error {
	words := strings.Fields(firstLine(octets))
	if len(words) < 2 {
		return nil
	}
	n, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil || n < 0 {
		return nil
	}
	if n > maxMessage {
		return errTooMuch
	}
	_, err = c.discard(n)
	return err
}

func (c *serveConn) discard(n int64) (int64, error) {
	left := n
	for left > 0 {
		k, err := c.r.Discard(int(min(left, 1<<20)))
		left -= int64(k)
		if err != nil {
			return n - left, err
		}
	}
	return n, nil
}

// idle tells what the recorded server told, at its pace but without its longest pauses, until the client ends it
// (RFC 2177). What is left is told then, so that the client knows what it would have known.
func (c *serveConn) idle(f found, tag string) error {
	turns := f.step.Turns
	first := turns[0].Server
	if len(turns) < 2 { // refused
		return c.send(f.step, first, tag)
	}
	if f.again && len(first) > 1 {
		first = first[:1]
	}
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- c.push(f.step, first, tag, stop) }()
	line, err := c.line()
	close(stop)
	if perr := <-done; err == nil {
		err = perr
	}
	if err != nil {
		return err
	}
	if !strings.EqualFold(strings.TrimSpace(string(line)), "DONE") {
		reason, _ := c.mismatch(line, "DONE")
		return c.refuse(tag, reason, false)
	}
	return c.send(f.step, turns[len(turns)-1].Server, tag)
}

// quiet is an IDLE in which nothing happens: the recording has none here.
func (c *serveConn) quiet(octets []byte, tag string) error {
	if err := c.harmless(octets, "IDLE", "+ idling"); err != nil {
		return err
	}
	line, err := c.line()
	if err != nil {
		return err
	}
	if !strings.EqualFold(strings.TrimSpace(string(line)), "DONE") {
		reason, _ := c.mismatch(line, "DONE")
		return c.refuse(tag, reason, false)
	}
	return c.writef("%s OK Idle completed.", tag)
}

// push sends answers at their time; once stop is closed, all the rest at once.
func (c *serveConn) push(s *Step, answers []Answer, tag string, stop <-chan struct{}) error {
	before := time.Duration(0)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range answers {
		if i > 0 {
			timer.Reset(min(max(answers[i].After-before, 0), maxPush))
			select {
			case <-stop:
			case <-timer.C:
			}
		}
		before = answers[i].After
		if err := c.write(c.adapted(s, &answers[i], tag)); err != nil {
			return err
		}
	}
	return nil
}

// goodbye ends the session, as recorded or as the protocol does.
func (c *serveConn) goodbye(octets []byte, key string) error {
	tag := c.tag(octets)
	if f, ok := c.find(key); ok {
		c.tell(ServeEvent{Event: ServeAnswer, Step: f.step.N, Expected: f.step.Line, Got: shownLine(c.door.Protocol, octets), Answer: firstLine(f.step.answer())})
		if err := c.send(f.step, f.step.last(), tag); err != nil {
			return err
		}
		return errGone
	}
	answer := map[string]string{decode.SMTP: "221 2.0.0 Bye", decode.LMTP: "221 2.0.0 Bye", decode.POP3: "+OK Bye", decode.Sieve: `OK "Bye"`,
		decode.IMAP: "* BYE Logging out\r\n" + tag + " OK Logout completed."}[c.door.Protocol]
	if err := c.harmless(octets, key, answer); err != nil {
		return err
	}
	return errGone
}

// upgrade answers STARTTLS and STLS: with a handshake, unless the recorded server refused.
func (c *serveConn) upgrade(octets []byte, key string) error {
	tag := c.tag(octets)
	f, ok := c.find(key)
	switch {
	case c.secure || c.s.o.TLS == nil:
		return c.refuse(tag, "facteur replay: TLS is not possible here", true)
	case ok && !agrees(c.door.Protocol, f.step.last()):
		c.tell(ServeEvent{Event: ServeAnswer, Step: f.step.N, Expected: f.step.Line, Got: key, Answer: firstLine(f.step.answer())})
		return c.send(f.step, f.step.last(), tag)
	case ok:
		c.tell(ServeEvent{Event: ServeAnswer, Step: f.step.N, Expected: f.step.Line, Got: key, Answer: firstLine(f.step.answer())})
		if err := c.send(f.step, f.step.last(), tag); err != nil {
			return err
		}
	default:
		yes := map[string]string{decode.SMTP: "220 2.0.0 Ready to start TLS", decode.LMTP: "220 2.0.0 Ready to start TLS", decode.POP3: "+OK Begin TLS negotiation",
			decode.Sieve: `OK "Begin TLS negotiation now."`, decode.IMAP: tag + " OK Begin TLS negotiation now."}[c.door.Protocol]
		if err := c.harmless(octets, key, yes); err != nil {
			return err
		}
	}
	if c.r.Buffered() > 0 { // commands sent ahead in clear: RFC 3207 §4.2 and RFC 9051 §6.2.1 want them forgotten
		c.tell(ServeEvent{Event: ServeRefused, Got: "octets in clear behind " + key})
		return errGone
	}
	if err := c.startTLS(); err != nil {
		return err
	}
	if c.door.Protocol == decode.Sieve { // the server tells its capabilities again (RFC 5804 §2.2)
		if f, ok := c.find("CAPABILITY"); ok {
			return c.send(f.step, f.step.last(), "")
		}
		return c.greet()
	}
	return nil
}

// agrees says whether answers allow the upgrade.
func agrees(protocol string, answers []Answer) bool {
	if len(answers) == 0 {
		return false
	}
	o := answers[len(answers)-1].Octets
	switch protocol {
	case decode.SMTP, decode.LMTP:
		return bytes.HasPrefix(o, []byte("220"))
	case decode.POP3:
		return bytes.HasPrefix(o, []byte("+OK"))
	case decode.Sieve:
		return bytes.HasPrefix(bytes.ToUpper(o), []byte("OK"))
	}
	return taggedOK(o)
}
