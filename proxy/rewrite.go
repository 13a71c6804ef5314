package proxy

import (
	"bytes"
	"slices"
	"strings"

	"facteur/decode"
)

// changes say what facteur changes in a server's capabilities.
type changes struct {
	plus     bool // leave out SCRAM-*-PLUS: channel binding (RFC 5802 §6) cannot survive two TLS sessions
	scram    bool // leave out all of SCRAM: this client takes the absence of -PLUS for an attack; see binding.go
	hideTLS  bool // leave out STARTTLS: the client is in TLS already
	offerTLS bool // add STARTTLS: facteur answers it itself
}

func (c changes) any() bool { return c.plus || c.hideTLS || c.offerTLS }

// Why an octet was changed, as the field "why" of session.rewrite has it.
const (
	whyPlus  = "channel_binding"
	whyHide  = "already_in_tls"
	whyOffer = "facteur_answers_starttls"
)

// rewrite is a changed piece of the server's stream.
type rewrite struct {
	span     decode.Span // of the server's stream
	was, now []byte
	why      string
}

// smtpCapabilities changes the reply to EHLO or LHLO (RFC 5321 §4.1.1.1), all its lines.
func (c changes) smtpCapabilities(reply []byte) (now []byte, why string) {
	lines := bytes.SplitAfter(reply, []byte("\n"))
	if n := len(lines); len(lines[n-1]) == 0 {
		lines = lines[:n-1]
	}
	var out [][]byte
	offered := len(lines[0]) < 3 // no reply at all
	for i, l := range lines {
		if i == 0 || len(l) < 4 {
			out = append(out, l)
			continue
		}
		word, _, _ := strings.Cut(strings.TrimRight(string(l[4:]), "\r\n"), " ")
		word = strings.ToUpper(word)
		switch {
		case word == "STARTTLS":
			if offered = true; c.hideTLS {
				why = whyHide
				continue
			}
		case c.plus && (word == "AUTH" || strings.HasPrefix(word, "AUTH=")):
			short, left, changed := c.shorten(l, 4+len("AUTH"))
			if changed {
				why = whyPlus
			}
			if l = short; !left {
				continue
			}
		}
		out = append(out, l)
	}
	if c.offerTLS && !offered {
		out = append(out, []byte(string(lines[0][:3])+" STARTTLS\r\n"))
		why = whyOffer
	}
	if why == "" {
		return reply, ""
	}
	for i, l := range out { // the last line, and no other, has a space behind its code
		l = bytes.Clone(l)
		switch {
		case i < len(out)-1 && len(l) > 3 && l[3] == ' ':
			l[3] = '-'
		case i < len(out)-1 && len(l) > 3 && (l[3] == '\r' || l[3] == '\n'):
			l = slices.Insert(l, 3, '-')
		case i == len(out)-1 && len(l) > 3 && l[3] == '-':
			l[3] = ' '
		}
		now = append(now, l...)
	}
	return now, why
}

// pop3Capability changes one line of the answer to CAPA (RFC 2449 §5) or to AUTH without argument.
func (c changes) pop3Capability(line []byte, listing string) (now []byte, why string) {
	word, _, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
	word = strings.ToUpper(word)
	switch {
	case listing == "AUTH":
		if c.drops(word) {
			return nil, whyPlus
		}
	case word == "STLS" && c.hideTLS:
		return nil, whyHide
	case word == "SASL" && c.plus:
		if short, left, changed := c.shorten(line, len("SASL")); changed {
			if !left {
				return nil, whyPlus
			}
			return short, whyPlus
		}
	}
	return line, ""
}

// sieveCapability changes one line of the capabilities (RFC 5804 §1.7).
func (c changes) sieveCapability(line []byte) (now []byte, why string) {
	upper := bytes.ToUpper(line)
	switch {
	case bytes.HasPrefix(upper, []byte(`"STARTTLS"`)) && c.hideTLS:
		return nil, whyHide
	case bytes.HasPrefix(upper, []byte(`"SASL" "`)) && c.plus:
		const at = len(`"SASL" "`)
		if short, _, changed := c.shorten(line, at); changed {
			if len(short) > at && short[at] == ' ' { // the first mechanism went
				short = slices.Delete(short, at, at+1)
			}
			return short, whyPlus
		}
	}
	return line, ""
}

// imapCapabilities changes the list behind CAPABILITY, in an untagged response or in a response code (RFC 9051 §7.2.2).
func (c changes) imapCapabilities(line []byte) (now []byte, why string) {
	const word = "CAPABILITY "
	at := bytes.Index(bytes.ToUpper(line), []byte(word))
	if at < 0 || at > 0 && line[at-1] != '[' && line[at-1] != ' ' {
		return line, ""
	}
	from := at + len(word)
	to := from + bytes.IndexAny(line[from:], "]\r\n")
	if to < from {
		return line, ""
	}
	var keep []string
	offered := false
	for _, name := range strings.Split(string(line[from:to]), " ") {
		upper := strings.ToUpper(name)
		switch {
		case strings.HasPrefix(upper, "AUTH=") && c.drops(upper[len("AUTH="):]):
			why = whyPlus
			continue
		case upper == "STARTTLS":
			if offered = true; c.hideTLS {
				why = whyHide
				continue
			}
		}
		keep = append(keep, name)
	}
	if c.offerTLS && !offered {
		keep = append(keep, "STARTTLS")
		why = whyOffer
	}
	if why == "" {
		return line, ""
	}
	return slices.Concat(line[:from], []byte(strings.Join(keep, " ")), line[to:]), why
}

// drops reports whether a mechanism, in upper case, is left out.
func (c changes) drops(mechanism string) bool {
	return c.plus && strings.HasSuffix(mechanism, "-PLUS") || c.scram && strings.HasPrefix(mechanism, "SCRAM-")
}

// shorten takes the mechanisms that are left out from a list that begins at offset at of line. left says that any
// mechanism remains.
func (c changes) shorten(line []byte, at int) (now []byte, left, changed bool) {
	now = append(now, line[:at]...)
	for i := at; i < len(line); {
		end := i + 1
		for end < len(line) && !isSeparator(line[end]) {
			end++
		}
		word := line[i:end] // with the separator before it, if there is one
		name := word
		if isSeparator(word[0]) {
			name = word[1:]
		}
		if c.drops(strings.ToUpper(string(name))) {
			changed = true
		} else {
			left = left || len(name) > 0
			now = append(now, word...)
		}
		i = end
	}
	return now, left, changed
}

func isSeparator(c byte) bool { return c == ' ' || c == '=' || c == '"' || c == '\r' || c == '\n' }
