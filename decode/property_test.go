package decode

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// canary is the secret of every generated session: it may come out nowhere.
const canary = "canari-7f3a"

// fact is one thing that a generated session says, and what the decoder must tell of it.
type fact struct {
	kind   string
	fields map[string]string
	re     int // which of the facts it answers, counted from 1; 0 for none
}

// genSession is a session written by the grammar: turns on the wire, and its facts per side in order.
type genSession struct {
	t       *rapid.T
	turns   []turn
	facts   []fact // of both sides, in the order in which they are said
	pending []int  // facts without their answer
}

// say puts octets on the wire and notes what they mean.
func (g *genSession) say(from Side, text string, f fact) int {
	g.turns = append(g.turns, turn{from, []byte(text)})
	g.facts = append(g.facts, f)
	return len(g.facts)
}

// command says a command and has it wait for its answer.
func (g *genSession) command(kind, line string, fields map[string]string) {
	fields["line"] = strings.ReplaceAll(line, canary, strings.Repeat("*", len(canary)))
	g.pending = append(g.pending, g.say(Client, line+"\r\n", fact{kind: kind, fields: fields}))
}

// answer answers the oldest command.
func (g *genSession) answer(kind, text string, fields map[string]string) int {
	re := g.pending[0]
	g.pending = g.pending[1:]
	g.say(Server, text, fact{kind: kind, fields: fields, re: re})
	return re
}

func (g *genSession) chance(what string, percent int) bool {
	return rapid.IntRange(0, 99).Draw(g.t, what) < percent
}

func (g *genSession) word(what string) string {
	return rapid.StringMatching(`[a-z][a-z0-9.-]{0,11}[a-z0-9]`).Draw(g.t, what)
}

// body makes the lines of a message, with dots where dots are tricky, and its form on the wire.
func (g *genSession) body() (wire string, octets int) {
	lines := rapid.SliceOfN(rapid.StringMatching(`[.]{0,3}[ -~]{0,30}`), 0, 12).Draw(g.t, "lines")
	var b strings.Builder
	for _, l := range lines {
		if strings.HasPrefix(l, ".") {
			l = "." + l // RFC 5321 §4.5.2, RFC 1939 §3
		}
		b.WriteString(l + "\r\n")
	}
	return b.String() + ".\r\n", b.Len()
}

// saslPlain is the base64 message of PLAIN with the canary in it.
func saslPlain() string { return base64.StdEncoding.EncodeToString([]byte("\x00alice\x00" + canary)) }

// check decodes the session, cut by chance, and compares what is told with what was said; then it looks for the canary.
func (g *genSession) check(protocol string) {
	t := g.t
	var released, events bytes.Buffer
	s := New(Options{Protocol: protocol, Release: func(c Chunk) { released.Write(c.Data) }})
	var got []Event
	keep := func(evs []Event) {
		for i := range evs {
			events.Write(AppendJSON(nil, 1, &evs[i]))
			got = append(got, evs[i])
		}
	}
	for _, turn := range g.turns {
		step := rapid.IntRange(1, 60).Draw(t, "cut")
		for _, part := range every(step)(turn.data) {
			keep(s.Feed(Chunk{Time: time.Unix(1, 0), From: turn.from, Data: part}))
		}
	}
	keep(s.Close(time.Unix(2, 0)))
	g.compare(got)
	secret := []string{canary, saslPlain(), base64.StdEncoding.EncodeToString([]byte(canary))}
	for _, s := range secret {
		if strings.Contains(events.String(), s) {
			t.Fatalf("the secret is told: %s", events.String())
		}
		if bytes.Contains(released.Bytes(), []byte(s)) {
			t.Fatalf("the secret is released: %q", released.Bytes())
		}
	}
}

// compare matches facts and events: the same kinds in the same order per side, with these fields, answering those.
func (g *genSession) compare(got []Event) {
	t := g.t
	seq := map[int]int{} // of a fact, its event's
	next := [2]int{}     // per side, in got
	told := map[string]bool{}
	for _, f := range g.facts {
		told[f.kind] = true
	}
	for n, f := range g.facts {
		from := g.turns[n].from
		for next[from] < len(got) && (got[next[from]].From != from || !told[got[next[from]].Kind]) {
			next[from]++
		}
		if next[from] == len(got) {
			t.Fatalf("%q (%s) is not told", g.turns[n].data, f.kind)
		}
		e := &got[next[from]]
		next[from]++
		seq[n+1] = e.Seq
		if e.Kind != f.kind {
			t.Fatalf("%q is %s, told as %s", g.turns[n].data, f.kind, summary(e))
		}
		for name, value := range f.fields {
			if e.Field(name) != value {
				t.Fatalf("%q: %s is %q, told as %q in %s", g.turns[n].data, name, value, e.Field(name), summary(e))
			}
		}
		if e.Re != seq[f.re] {
			t.Fatalf("%q answers event %d, told as %s", g.turns[n].data, seq[f.re], summary(e))
		}
	}
	for i := range got {
		e := &got[i]
		if told[e.Kind] && i >= next[e.From] {
			t.Fatalf("told, but not said: %s", summary(e))
		}
		if e.Kind == "session.error" || e.Kind == "session.violation" {
			t.Fatalf("nothing was out of rule: %s", summary(e))
		}
	}
}

// TestSMTPGenerated protects decode∘encode of SMTP: greeting, EHLO, STARTTLS refused, AUTH in all its forms, transactions
// with messages in DATA and BDAT, pipelined or not, replies of one line and of several.
func TestSMTPGenerated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &genSession{t: t}
		g.say(Server, "220 mx ESMTP\r\n", fact{kind: "smtp.reply", fields: map[string]string{"code": "220", "text": "mx ESMTP"}})
		g.command("smtp.command", "EHLO client.test", map[string]string{"verb": "EHLO", "domain": "client.test"})
		g.reply("250", "mx", "PIPELINING", "AUTH PLAIN LOGIN", "STARTTLS", "CHUNKING")
		if g.chance("starttls", 30) {
			g.command("smtp.command", "STARTTLS", map[string]string{"verb": "STARTTLS"})
			g.reply("454", "4.7.0 not now")
		}
		if g.chance("auth", 60) {
			g.smtpAuth()
		}
		for range rapid.IntRange(0, 3).Draw(t, "transactions") {
			g.transaction()
		}
		g.command("smtp.command", "QUIT", map[string]string{"verb": "QUIT"})
		g.reply("221", "2.0.0 bye")
		g.check(SMTP)
	})
}

// reply answers the oldest command with a reply of these lines.
func (g *genSession) reply(code string, lines ...string) int {
	var b strings.Builder
	for i, l := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		b.WriteString(code + sep + l + "\r\n")
	}
	fields := map[string]string{"code": code, "text": strings.Join(lines, "\n"), "line": strings.ReplaceAll(strings.TrimSuffix(b.String(), "\r\n"), "\r\n", "\n")}
	if word, _, _ := strings.Cut(lines[0], " "); strings.Count(word, ".") == 2 {
		fields["enhanced"] = word
	}
	return g.answer("smtp.reply", b.String(), fields)
}

func (g *genSession) smtpAuth() {
	command := func(arg string, fields map[string]string) {
		fields["verb"] = "AUTH"
		line := "AUTH " + arg
		g.pending = append(g.pending, g.say(Client, line+"\r\n", fact{kind: "smtp.command", fields: fields}))
	}
	line := func(text, step string) {
		g.pending = append(g.pending, g.say(Client, text+"\r\n", fact{kind: "smtp.auth", fields: map[string]string{"step": step}}))
	}
	switch rapid.IntRange(0, 3).Draw(g.t, "mechanism") {
	case 0:
		command("PLAIN "+saslPlain(), map[string]string{"mechanism": "PLAIN", "user": "alice"})
	case 1:
		command("plain", map[string]string{"mechanism": "PLAIN"})
		g.reply("334", "")
		line(saslPlain(), "1")
	case 2:
		command("LOGIN", map[string]string{"mechanism": "LOGIN"})
		g.reply("334", "VXNlcm5hbWU6")
		line("YWxpY2U=", "1")
		g.reply("334", "UGFzc3dvcmQ6")
		line(base64.StdEncoding.EncodeToString([]byte(canary)), "2")
	default:
		command("LOGIN", map[string]string{"mechanism": "LOGIN"})
		g.reply("334", "VXNlcm5hbWU6")
		line("*", "1")
		g.reply("501", "5.7.0 cancelled")
		return
	}
	if g.chance("right", 50) {
		g.reply("235", "2.7.0 welcome")
	} else {
		g.reply("535", "5.7.8 no")
	}
}

// transaction says MAIL, RCPTs and a message, in one group (RFC 2920) or one by one.
func (g *genSession) transaction() {
	pipelined := g.chance("pipelined", 50)
	var replies []func()
	later := func(code string, lines ...string) {
		answer := func() { g.reply(code, lines...) }
		if pipelined {
			replies = append(replies, answer)
		} else {
			answer()
		}
	}
	from := g.word("from") + "@a.test"
	g.command("smtp.command", "MAIL FROM:<"+from+"> SIZE=100", map[string]string{"verb": "MAIL", "from": from, "size": "100"})
	later("250", "2.1.0 ok")
	for range rapid.IntRange(1, 3).Draw(g.t, "recipients") {
		to := g.word("to") + "@b.test"
		g.command("smtp.command", "RCPT TO:<"+to+">", map[string]string{"verb": "RCPT", "to": to})
		if g.chance("known", 70) {
			later("250", "2.1.5 ok")
		} else {
			later("550", "5.1.1 unknown", "5.1.1 here")
		}
	}
	answerAll := func() {
		for _, a := range replies {
			a()
		}
	}
	if g.chance("chunks", 30) {
		g.chunks(later)
		answerAll()
		return
	}
	g.command("smtp.command", "DATA", map[string]string{"verb": "DATA"})
	data := g.pending[len(g.pending)-1]
	answerAll()
	g.reply("354", "go")
	wire, octets := g.body()
	g.say(Client, wire, fact{kind: "smtp.data.end", fields: map[string]string{"octets": strconv.Itoa(octets), "line": "."}, re: data})
	g.pending = append(g.pending, data)
	g.reply("250", "2.0.0 queued")
}

// chunks says a message in BDATs; each is answered.
func (g *genSession) chunks(later func(code string, lines ...string)) {
	total := 0
	n := rapid.IntRange(1, 3).Draw(g.t, "chunks")
	for i := range n {
		content := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(g.t, "content")
		line := fmt.Sprintf("BDAT %d", len(content))
		if i == n-1 {
			line += " LAST"
		}
		g.command("smtp.command", line, map[string]string{"verb": "BDAT", "size": strconv.Itoa(len(content))})
		re := g.pending[len(g.pending)-1]
		total += len(content)
		g.say(Client, string(content), fact{kind: "smtp.data.end", fields: map[string]string{"octets": strconv.Itoa(total)}, re: re})
		later("250", "2.0.0 ok")
	}
}

// TestSieveResponseMasked protects what looks like a literal's announcement and is a password all the same.
func TestSieveResponseMasked(t *testing.T) {
	for _, response := range []string{`"{3}"`, `"abc{3}"`, "{3+}\r\n{3}"} {
		g := script("S: OK")
		g = append(g, turn{Client, []byte(`AUTHENTICATE "PLAIN" ` + response + "\r\n")}, turn{Server, []byte("OK\r\n")})
		all := strings.Join(play(Options{Protocol: Sieve}, g, uncut), "\n")
		if !strings.Contains(all, `"response":"***`) || strings.Contains(all, `"response":"{`) {
			t.Errorf("%s is shown: %s", response, all)
		}
	}
}

// TestPOP3Generated protects decode∘encode of POP3: signing in by USER, APOP and AUTH, STLS refused, listings and messages
// by command, pipelined or not.
func TestPOP3Generated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &genSession{t: t}
		g.say(Server, "+OK ready <1.2@mx>\r\n", fact{kind: "pop3.response", fields: map[string]string{"status": "+OK"}})
		if g.chance("capa", 40) {
			g.listed("CAPA", "name", "value", "TOP", "SASL PLAIN", "UIDL")
		}
		if g.chance("stls", 30) {
			g.command("pop3.command", "STLS", map[string]string{"verb": "STLS"})
			g.response("-ERR", "not now")
		}
		g.popSignIn()
		var said []func()
		for range rapid.IntRange(0, 6).Draw(t, "commands") {
			answer := g.popCommand()
			if g.chance("pipelined", 50) {
				said = append(said, answer)
				continue
			}
			for _, a := range append(said, answer) {
				a()
			}
			said = nil
		}
		for _, a := range said {
			a()
		}
		g.command("pop3.command", "QUIT", map[string]string{"verb": "QUIT"})
		g.response("+OK", "bye")
		g.check(POP3)
	})
}

// response answers the oldest command with a status line.
func (g *genSession) response(status, text string) int {
	return g.answer("pop3.response", status+" "+text+"\r\n", map[string]string{"status": status, "text": text, "line": status + " " + text})
}

// listed says a command and its listing of lines, each of two words.
func (g *genSession) listed(command, first, second string, lines ...string) {
	g.command("pop3.command", command, map[string]string{"verb": command})
	g.listing(first, second, lines...)
}

func (g *genSession) listing(first, second string, lines ...string) {
	re := g.response("+OK", "so")
	for _, l := range lines {
		a, b, _ := strings.Cut(l, " ")
		g.say(Server, l+"\r\n", fact{kind: "pop3.item", fields: map[string]string{first: a, second: b, "line": l}, re: re})
	}
	g.say(Server, ".\r\n", fact{kind: "pop3.data.end", fields: map[string]string{"items": strconv.Itoa(len(lines))}, re: re})
}

func (g *genSession) popSignIn() {
	switch rapid.IntRange(0, 3).Draw(g.t, "sign in") {
	case 0:
		g.command("pop3.command", "USER alice", map[string]string{"verb": "USER", "user": "alice"})
		g.response("+OK", "go on")
		g.command("pop3.command", "PASS "+canary, map[string]string{"verb": "PASS", "argument": strings.Repeat("*", len(canary))})
	case 1:
		g.command("pop3.command", "APOP alice "+canary, map[string]string{"verb": "APOP", "user": "alice"})
	case 2:
		g.pending = append(g.pending, g.say(Client, "AUTH PLAIN "+saslPlain()+"\r\n", fact{kind: "pop3.command", fields: map[string]string{"verb": "AUTH", "mechanism": "PLAIN"}}))
	default:
		g.command("pop3.command", "AUTH PLAIN", map[string]string{"verb": "AUTH", "mechanism": "PLAIN"})
		g.say(Server, "+ \r\n", fact{kind: "pop3.response", fields: map[string]string{"status": "+"}, re: g.pending[0]})
		g.say(Client, saslPlain()+"\r\n", fact{kind: "pop3.auth", fields: map[string]string{"step": "1"}})
	}
	g.response("+OK", "signed in")
}

// popCommand says a command and gives what answers it.
func (g *genSession) popCommand() func() {
	n := strconv.Itoa(rapid.IntRange(1, 99).Draw(g.t, "number"))
	say := func(line, verb string, fields map[string]string) {
		fields["verb"] = verb
		g.command("pop3.command", line, fields)
	}
	if g.chance("refused", 20) {
		say("RETR "+n, "RETR", map[string]string{"number": n})
		return func() { g.response("-ERR", "no such message") }
	}
	switch rapid.IntRange(0, 5).Draw(g.t, "command") {
	case 0:
		say("STAT", "STAT", map[string]string{})
		return func() { g.response("+OK", "2 300") }
	case 1:
		say("LIST", "LIST", map[string]string{})
		return func() { g.listing("number", "octets", "1 100", "2 200") }
	case 2:
		say("UIDL "+n, "UIDL", map[string]string{"number": n})
		return func() { g.response("+OK", n+" abc") }
	case 3:
		say("DELE "+n, "DELE", map[string]string{"number": n})
		return func() { g.response("+OK", "marked") }
	case 4:
		say("TOP "+n+" 3", "TOP", map[string]string{"number": n, "lines": "3"})
	default:
		say("RETR "+n, "RETR", map[string]string{"number": n})
	}
	return func() {
		re := g.response("+OK", "it comes")
		wire, octets := g.body()
		g.say(Server, wire, fact{kind: "pop3.data.end", fields: map[string]string{"octets": strconv.Itoa(octets), "line": "."}, re: re})
	}
}
