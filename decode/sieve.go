package decode

import (
	"bytes"
	"strconv"
	"strings"
)

// sieve decodes ManageSieve (RFC 5804), with the STARTTLS of its section 2.2.
type sieve struct {
	l       *leg
	greeted bool
	pending queue[sieveCommand]
	await   string // AUTHENTICATE or STARTTLS: the command whose answer decides what the client's next octets are
	sasl    *exchange
	guard   guard
	answer  bool // the client's next unit answers a challenge
	steps   int
	held    int64
	lines   [2]int // offset in each side's frame of the line asked for next
	state   machine
}

type sieveCommand struct {
	seq  int
	name string
}

func newSieve(l *leg) *sieve {
	return &sieve{l: l, state: newMachine(sieveArrows), guard: guard{literals: true}}
}

// unit finds the next line of a side together with the literals in it ({n} and {n+}, RFC 5804 §4). A unit over maxLine
// is given in pieces.
func (v *sieve) unit(from Side, f *frame) (int, bool) {
	for {
		end, ok := f.lineFrom(v.lines[from])
		if !ok {
			return 0, false
		}
		n, literal := literalAtEnd(f.buf[v.lines[from]:end])
		if !literal || int64(end)+n > maxLine {
			v.lines[from] = 0
			return end, true
		}
		if int64(len(f.buf)) < int64(end)+n {
			if !f.ended {
				return 0, false
			}
			v.lines[from] = 0
			return len(f.buf), true
		}
		v.lines[from] = end + int(n)
		f.scanned = v.lines[from]
	}
}

// literalAtEnd reads {n} or {n+} at the end of a line.
func literalAtEnd(line []byte) (n int64, ok bool) {
	line = chomp(line)
	if len(line) < 3 || line[len(line)-1] != '}' {
		return 0, false
	}
	open := bytes.LastIndexByte(line, '{')
	if open < 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(bytes.TrimSuffix(line[open+1:len(line)-1], []byte("+"))), 10, 64)
	return n, err == nil && n >= 0
}

func (v *sieve) step(from Side, f *frame) bool {
	switch {
	case len(f.buf) == 0:
		return false
	case from == Server:
		return v.server(f)
	case v.await != "":
		if f.held() {
			return false
		}
		if v.await == "AUTHENTICATE" {
			v.answer = true
		} else if looksTLS(f.buf, Client, true) == yes {
			v.l.upgrade("STARTTLS", 0)
		}
		v.await = ""
		return v.l.step(from)
	}
	return v.client(f)
}

func (v *sieve) idle(from Side) bool {
	return v.lines[from] == 0 && (from == Server || v.await == "" && !v.answer)
}

// client reads a command, or the answer to a challenge.
func (v *sieve) client(f *frame) bool {
	n, ok := v.unit(Client, f)
	if !ok {
		return false
	}
	raw := f.buf[:n]
	if v.answer {
		v.saslLine(f, raw)
		return true
	}
	at := f.at
	name := upper(sieveVerb(chomp(raw)))
	raw = v.guard.line(v.l, f.layer, raw, at, name, sieveVerbs[name], v.state.state != "authenticated" && v.state.state != "closing")
	body := chomp(raw)
	word := sieveVerb(body)
	name = upper(word)
	args := sieveWords(body, len(word))
	shown := body
	var parts []Field
	partsAt := 0
	if name == "AUTHENTICATE" {
		if v.sasl, v.steps = v.l.exchange(""), 0; len(args) > 0 { // a server may go on without a mechanism's name
			shown, parts, partsAt = v.authenticate(f.layer, body, args, at)
		}
	}
	rule, kind := noVerb(body), "sieve.command"
	if rule != "" {
		kind = "session.violation"
	}
	e := v.l.emit(Client, f, f.take(n), kind)
	line := outline(shown, args)
	e.add("name", name, Span{at, at + int64(len(word))})
	e.add("arguments", strings.TrimLeft(line[min(len(word), len(line)):], " "), Span{at + int64(len(word)), at + int64(len(body))})
	e.add("line", line, Span{at, at + int64(len(body))})
	if rule != "" {
		e.add("rule", rule, Span{})
		e.note("session.violation." + rule)
	} else {
		e.note("sieve.command." + name)
	}
	v.arguments(e, name, args, at)
	if name == "AUTHENTICATE" && len(args) > 0 {
		e.add("mechanism", v.sasl.mechanism, Span{})
		addParts(e, parts, at+int64(partsAt))
		saslNotes(e, v.sasl.mechanism, f.layer, len(args) > 1)
	}
	v.l.lintBehind(e, at, v.held)
	v.lintCommand(e, name, raw, body, args)
	v.pending.push(sieveCommand{e.Seq, name})
	if name == "STARTTLS" || name == "AUTHENTICATE" {
		v.await = name
	}
	return true
}

// sieveVerbs are the commands of RFC 5804 §2.
var sieveVerbs = wordSet(`AUTHENTICATE CAPABILITY CHECKSCRIPT DELETESCRIPT GETSCRIPT HAVESPACE LISTSCRIPTS LOGOUT NOOP
	PUTSCRIPT RENAMESCRIPT SETACTIVE STARTTLS UNAUTHENTICATE`)

// sieveVerb gives the first word of a unit.
func sieveVerb(body []byte) []byte {
	if i := bytes.IndexAny(body, " \r\n"); i >= 0 {
		return body[:i]
	}
	return body
}

// authenticate reads AUTHENTICATE mechanism [initial-response] (RFC 5804 §2.1) and gives the unit masked, the parts of the
// response and where it begins.
func (v *sieve) authenticate(layer Layer, body []byte, args []sieveWord, at int64) (shown []byte, parts []Field, partsAt int) {
	if !mechanismName(args[0].value) && !args[0].announces() { // the response, its mechanism forgotten
		return v.hideWords(layer, body, args, at), nil, 0
	}
	v.sasl = v.l.exchange(string(args[0].value))
	if len(args) < 2 || args[1].announces() {
		return body, nil, len(body)
	}
	parts, masked := v.sasl.client(args[1].value)
	shown = v.l.hide(Client, layer, body, args[1].from, at, masked)
	return v.hideWords(layer, shown, args[2:], at), parts, args[1].from
}

// hideWords gives a unit with these words of it masked.
func (v *sieve) hideWords(layer Layer, body []byte, words []sieveWord, at int64) []byte {
	for i := range words {
		if w := &words[i]; !w.announces() {
			v.l.heardLine(w.value)
			body = v.l.hide(Client, layer, body, w.from, at, stars(len(w.value)))
		}
	}
	return body
}

func (v *sieve) arguments(e *Event, name string, args []sieveWord, at int64) {
	value := func(field string, i int) {
		if i < len(args) {
			e.add(field, string(args[i].value), Span{at + int64(args[i].from), at + int64(args[i].from+len(args[i].value))})
		}
	}
	switch name {
	case "PUTSCRIPT":
		value("script_name", 0)
		value("script", 1)
	case "CHECKSCRIPT":
		value("script", 0)
	case "GETSCRIPT", "SETACTIVE", "DELETESCRIPT":
		value("script_name", 0)
	case "RENAMESCRIPT":
		value("script_name", 0)
		value("new_name", 1)
	case "HAVESPACE":
		value("script_name", 0)
		value("size", 1)
	case "NOOP":
		value("tag", 0)
	}
}

// sieveWord is an argument: its value without quotes, and where that stands. marker is where a literal's {n} begins.
type sieveWord struct {
	value   []byte
	from    int
	literal bool
	quoted  bool
}

// announces reports whether a word is the {n} of a literal that never came: no secret, and masking it would change how the
// line is read.
func (w *sieveWord) announces() bool {
	_, marker := literalAtEnd(w.value)
	return marker && !w.literal && !w.quoted && w.value[0] == '{'
}

// sieveWords splits what follows from offset on: quoted strings, literals, numbers.
func sieveWords(b []byte, i int) (ws []sieveWord) {
	for i < len(b) && len(ws) < 64 {
		switch {
		case b[i] == ' ' || b[i] == '\r' || b[i] == '\n':
			i++
		case b[i] == '"':
			end := i + 1
			for end < len(b) && b[end] != '"' {
				if b[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end, len(b))
			ws = append(ws, sieveWord{value: b[i+1 : end], from: i + 1, quoted: true})
			i = end + 1
		default:
			end := i
			for end < len(b) && b[end] != ' ' && b[end] != '\n' {
				end++
			}
			if n, ok := literalAtEnd(b[i:min(end+1, len(b))]); ok && end < len(b) && b[end] == '\n' {
				to := min(int64(len(b)), int64(end)+1+n)
				ws = append(ws, sieveWord{value: b[end+1 : to], from: end + 1, literal: true})
				i = int(to)
				continue
			}
			ws = append(ws, sieveWord{value: b[i:end], from: i})
			i = end
		}
	}
	return ws
}

// outline is a unit as sent with its literals' octets left out, its lines joined by \n.
func outline(b []byte, words []sieveWord) string {
	var out []byte
	at := 0
	for _, w := range words {
		if w.literal {
			out = append(append(out, chomp(b[at:w.from])...), '\n')
			at = w.from + len(w.value)
		}
	}
	return strings.TrimSuffix(string(append(out, b[at:]...)), "\n")
}

// saslLine reads the client's answer to a challenge: a string (RFC 5804 §2.1).
func (v *sieve) saslLine(f *frame, raw []byte) {
	body, at := chomp(raw), f.at
	words := sieveWords(body, 0)
	shown := body
	var parts []Field
	if v.sasl == nil {
		v.sasl = v.l.exchange("")
	}
	if len(words) > 0 && !words[0].announces() {
		var masked []byte
		parts, masked = v.sasl.client(words[0].value)
		shown = v.l.hide(Client, f.layer, body, words[0].from, at, masked)
		shown = v.hideWords(f.layer, shown, words[1:], at)
	}
	e := v.l.emit(Client, f, f.take(len(raw)), "sieve.auth")
	v.steps++
	e.add("mechanism", v.sasl.mechanism, Span{})
	e.add("step", strconv.Itoa(v.steps), Span{})
	e.add("line", outline(shown, words), Span{at, at + int64(len(body))})
	if len(words) > 0 {
		addParts(e, parts, at+int64(words[0].from))
	}
	e.note("sieve.auth")
	saslNotes(e, v.sasl.mechanism, f.layer, true)
	v.answer, v.await = false, "AUTHENTICATE"
}

// server reads a response (OK, NO, BYE) or a line of data before one.
func (v *sieve) server(f *frame) bool {
	n, ok := v.unit(Server, f)
	if !ok {
		return false
	}
	raw := v.unecho(f.layer, f.buf[:n], f.at)
	body, at := chomp(raw), f.at
	word := sieveVerb(body)
	status := upper(word)
	if status != "OK" && status != "NO" && status != "BYE" {
		v.item(f, raw)
		return true
	}
	cmd := sieveCommand{name: "greeting"}
	if v.greeted || v.pending.len() > 0 {
		cmd = sieveCommand{}
		if v.pending.len() > 0 && (status != "BYE" || v.pending.first().name == "LOGOUT") { // RFC 5804 §2.3, §1.5
			cmd = *v.pending.first()
			v.pending.pop()
		}
	}
	v.greeted = true
	words := sieveWords(body, len(word))
	e := v.l.emit(Server, f, f.take(n), "sieve.response")
	line := outline(body, words)
	e.add("name", status, Span{at, at + int64(len(word))})
	e.add("text", sieveText(words), Span{at + int64(len(word)), at + int64(len(body))})
	e.add("line", line, Span{at, at + int64(len(body))})
	e.Re = cmd.seq
	e.note(strings.TrimSuffix("sieve.response."+status+"."+cmd.name, "."))
	if open := strings.IndexByte(line, '('); open >= 0 && open == len(status)+1 {
		if code, _, ok := strings.Cut(line[open+1:], ")"); ok {
			e.add("code", code, Span{})
			word, _, _ := strings.Cut(code, " ")
			e.note("sieve.code." + strings.ToUpper(strings.ReplaceAll(word, "/", "."))) // QUOTA/MAXSIZE is a kind of QUOTA
		}
	}
	v.lintResponse(e, raw, cmd)
	if to := v.state.move(cmd.name, status); to != "" {
		e.add("state", to, Span{})
	}
	if v.await != "" && cmd.name == v.await {
		v.await, v.answer = "", false
		if cmd.name == "AUTHENTICATE" && status == "OK" {
			v.l.mayLayer(v.sasl, cmd.seq)
		}
		if cmd.name == "STARTTLS" && status == "OK" {
			c := v.l.sides[Client].app()
			v.held = c.at + int64(len(c.buf))
			v.l.upgrade("STARTTLS", cmd.seq)
			v.greeted = false // the capabilities come once more, unasked (RFC 5804 §2.2)
		}
	}
	return true
}

// unecho gives a unit of the server's with secrets masked that it repeats in one of its strings.
func (v *sieve) unecho(layer Layer, raw []byte, at int64) []byte {
	if len(v.l.echoes) == 0 {
		return raw
	}
	from := 0
	switch word := sieveVerb(chomp(raw)); upper(word) {
	case "OK", "NO", "BYE":
		from = len(word)
	}
	words := sieveWords(chomp(raw), from)
	for i := range words {
		if w := &words[i]; w.literal {
			raw = v.l.unechoText(layer, raw, w.from, w.from+len(w.value), at)
		} else if !w.announces() {
			raw = v.unechoLines(layer, raw, w.from, w.from+len(w.value), at)
		}
	}
	return raw
}

// unechoLines masks the stretch [from, to) of a unit but for the {n} at the end of its lines, which say how the unit is
// read, also behind a quote that never closes.
func (v *sieve) unechoLines(layer Layer, raw []byte, from, to int, at int64) []byte {
	for from < to {
		end := to
		if i := bytes.IndexByte(raw[from:to], '\n'); i >= 0 {
			end = from + i + 1
		}
		text := end
		if _, marker := literalAtEnd(raw[from:end]); marker {
			text = from + bytes.LastIndexByte(raw[from:end], '{')
		}
		raw = v.l.unechoText(layer, raw, from, text, at)
		from = end
	}
	return raw
}

func sieveText(words []sieveWord) string {
	if len(words) == 0 {
		return ""
	}
	return string(words[len(words)-1].value)
}

// item reads a line of data: a capability, a script's name, a script, a challenge.
func (v *sieve) item(f *frame, raw []byte) {
	n := len(raw)
	body, at := chomp(raw), f.at
	words := sieveWords(body, 0)
	re := sieveCommand{name: "greeting"}
	if v.pending.len() > 0 {
		re = *v.pending.first()
	}
	e := v.l.emit(Server, f, f.take(n), "sieve.item")
	e.add("line", outline(body, words), Span{at, at + int64(len(body))})
	e.Re = re.seq
	if len(words) > 0 {
		w := words[0]
		e.add("name", string(w.value), Span{at + int64(w.from), at + int64(w.from+len(w.value))})
	}
	if len(words) > 1 {
		w := words[1]
		e.add("value", string(w.value), Span{at + int64(w.from), at + int64(w.from+len(w.value))})
	}
	switch {
	case re.name == "AUTHENTICATE" && v.await == re.name && len(words) > 0:
		parts, _ := v.sasl.server(words[0].value)
		addParts(e, parts, at+int64(words[0].from))
		e.note(saslID(v.sasl.mechanism, ".server"))
		v.await, v.answer = "", true
	case (re.name == "greeting" || re.name == "CAPABILITY") && len(words) > 0:
		e.note("sieve.capability." + strings.ToUpper(string(words[0].value)))
	default:
		e.note("sieve.item")
	}
	v.lintItem(e, raw, body, words, re)
}

func (v *sieve) gap(from Side, n int64) {
	v.lines[from] = 0
	if from == Client {
		v.await, v.answer = "", false
	}
}

func (v *sieve) flush(from Side) { v.lines[from] = 0 }

func (v *sieve) secured() {
	v.await = ""
	v.pending.empty()
}
