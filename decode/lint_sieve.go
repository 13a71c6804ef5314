package decode

import (
	"bytes"
	"strings"
)

// lintCommand looks at a command: raw with its end, body without.
func (v *sieve) lintCommand(e *Event, name string, raw, body []byte, args []sieveWord) {
	switch name {
	case "CAPABILITY":
		v.l.lint.asked = true
	case "AUTHENTICATE":
		v.l.lintUse(e)
		v.l.lintMechanism(e, e.Field("mechanism"))
		if args = args[:min(1, len(args))]; e.Field("mechanism") == "" { // the response is a secret, and so is what stands for the name of none
			args = nil
		}
	}
	v.lintUnit(e, raw, body, args)
}

// lintUnit looks at a command or a line from the server. Strings are UTF-8 and may hold anything but NUL (RFC 5804 §1.2,
// §4), so that only the end of the unit and its literals are looked at.
func (v *sieve) lintUnit(e *Event, raw, body []byte, words []sieveWord) {
	v.l.lintLine(e, raw, 0, maxLine, false)
	for i := range words {
		w := &words[i]
		if i := bytes.IndexByte(w.value, 0); i >= 0 && e.Kind != "sieve.auth" {
			e.noteAt("lint.nul", octetAt(e.Span.From, w.from+i))
		}
		if next := w.from + len(w.value); w.literal && next < len(body) && strings.IndexByte(" )\r\n", body[next]) < 0 {
			e.noteAt("lint.bad_count", octetAt(e.Span.From, next))
		}
	}
}

// lintResponse looks at a response to cmd, which is none if nothing was asked.
func (v *sieve) lintResponse(e *Event, raw []byte, cmd sieveCommand) {
	v.l.lintLine(e, raw, 0, maxLine, false)
	if cmd.name == "" && e.Fields[0].Value != "BYE" && !v.l.lint.holes && !v.l.s.o.Midstream { // RFC 5804 §1.3: BYE may come unasked
		e.note("lint.unexpected_reply")
	}
	if v.l.behindUpgrade(Server) {
		e.note("lint.starttls_plaintext")
	}
}

// lintItem looks at a line of data, and keeps what the server offers, unasked in its greeting and behind TLS.
func (v *sieve) lintItem(e *Event, raw, body []byte, words []sieveWord, re sieveCommand) {
	v.lintUnit(e, raw, body, words)
	if v.l.behindUpgrade(Server) {
		e.note("lint.starttls_plaintext")
	}
	if re.name != "greeting" && re.name != "CAPABILITY" || len(words) == 0 {
		return
	}
	v.l.lint.asked = true
	value := ""
	if len(words) > 1 {
		value = string(words[1].value)
	}
	v.l.lint.offers(string(words[0].value), value, e.Layer)
}

// unanswered gives the commands that wait for their response; a connection may end without the answer to LOGOUT.
func (v *sieve) unanswered() (names []string) {
	for _, c := range v.pending.all() {
		if c.name != "LOGOUT" && c.name != "" {
			names = append(names, c.name)
		}
	}
	return names
}

// missing gives how much of a literal has not come.
func (v *sieve) missing(from Side, f *frame) int64 {
	line := f.buf[min(v.lines[from], len(f.buf)):]
	end := bytes.IndexByte(line, '\n') + 1
	if n, literal := literalAtEnd(line[:end]); literal && n <= maxLine {
		return n - int64(len(line)-end)
	}
	return 0
}
