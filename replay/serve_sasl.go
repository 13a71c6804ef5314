package replay

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"facteur/decode"
)

// acceptable are the mechanisms whose server half needs no password: any credentials are accepted unseen. The others
// (SCRAM, DIGEST-MD5, Kerberos, NTLM) have the server prove something that a recording does not hold.
var acceptable = []string{"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER", "EXTERNAL", "ANONYMOUS", "CRAM-MD5"}

// logIn accepts credentials, whatever they are, and gives the recorded outcome.
func (c *serveConn) logIn(octets []byte) error {
	tag := c.tag(octets)
	mechanism, initial, sasl := c.proof(octets)
	if sasl && !slices.Contains(acceptable, mechanism) {
		c.tell(ServeEvent{Event: ServeRefused, Got: mechanism})
		return c.refuseLogin(tag, "facteur replay: "+printable(mechanism)+" needs the password, which a recording does not hold; use "+acceptable[0])
	}
	if !c.has(logIn) {
		reason, known := c.mismatch(octets, logIn)
		return c.refuse(tag, reason, known)
	}
	user := ""
	if sasl {
		ok, err := false, error(nil)
		if user, ok, err = c.exchange(mechanism, initial); err != nil {
			return err
		} else if !ok {
			return c.refuseLogin(tag, "facteur replay: authentication cancelled, or no base64")
		}
	} else {
		user = c.named(octets)
	}
	f, _ := c.find(logIn)
	c.in = c.door.Protocol == decode.IMAP && taggedOK(lastOctets(f.step))
	c.tell(ServeEvent{Event: ServeLogin, Step: f.step.N, Expected: shownLine(c.door.Protocol, []byte(f.step.Line)), Got: strings.TrimSpace(mechanism + " " + user), Answer: firstLine(lastOctets(f.step))})
	return c.send(f.step, f.step.last(), tag)
}

func lastOctets(s *Step) []byte {
	last := s.last()
	if len(last) == 0 {
		return nil
	}
	return last[len(last)-1].Octets
}

// proof takes a log-in command apart; sasl is false for the protocols' own: PASS, APOP, LOGIN.
func (c *serveConn) proof(octets []byte) (mechanism, initial string, sasl bool) {
	words := tokens(octets)
	if c.door.Protocol == decode.IMAP && len(words) > 0 {
		words = words[1:]
	}
	if len(words) == 0 {
		return "", "", false
	}
	switch verb := strings.ToUpper(words[0].text); verb {
	case "AUTH", "AUTHENTICATE":
		if len(words) > 1 {
			mechanism = strings.ToUpper(words[1].text)
		}
		if len(words) > 2 {
			initial = words[2].text
		}
		return mechanism, initial, true
	default:
		return verb, "", false
	}
}

// named is the user that a log-in without SASL names.
func (c *serveConn) named(octets []byte) string {
	words := tokens(octets)
	if c.door.Protocol == decode.IMAP && len(words) > 2 {
		return words[2].text
	}
	if len(words) > 2 { // APOP
		return words[1].text
	}
	return ""
}

// exchange runs the server's half of a SASL exchange (RFC 4422) to its last response.
func (c *serveConn) exchange(mechanism, initial string) (user string, ok bool, err error) {
	challenges := []string{""}
	switch mechanism {
	case "LOGIN":
		challenges = []string{"Username:", "Password:"}
	case "CRAM-MD5":
		challenges, initial = []string{"<1896.697170952@replay.facteur>"}, ""
	}
	for i, challenge := range challenges {
		response := initial
		initial = ""
		if response == "" {
			if response, err = c.ask(challenge); err != nil {
				return "", false, err
			}
		}
		raw, err := base64.StdEncoding.DecodeString(response)
		if err != nil && response != "=" {
			return "", false, nil // "*" is none either
		}
		if i == 0 {
			user = saslUser(mechanism, raw)
		}
	}
	return user, true, nil
}

// ask sends a challenge and reads the response.
func (c *serveConn) ask(challenge string) (string, error) {
	b64 := base64.StdEncoding.EncodeToString([]byte(challenge))
	format := map[string]string{decode.SMTP: "334 %s", decode.LMTP: "334 %s", decode.Sieve: "\"%s\""}[c.door.Protocol]
	if format == "" {
		format = "+ %s"
	}
	if err := c.writef(format, b64); err != nil {
		return "", err
	}
	if c.door.Protocol == decode.Sieve {
		octets, err := c.command()
		if words := tokens(octets); err == nil && len(words) > 0 {
			return words[0].text, nil
		}
		return "", err
	}
	line, err := c.line()
	return strings.TrimSpace(string(line)), err
}

// saslUser is whom a first response names.
func saslUser(mechanism string, raw []byte) string {
	switch mechanism {
	case "PLAIN":
		if parts := bytes.Split(raw, []byte{0}); len(parts) == 3 {
			return string(parts[1])
		}
	case "LOGIN", "EXTERNAL":
		return string(raw)
	case "CRAM-MD5":
		user, _, _ := bytes.Cut(raw, []byte(" "))
		return string(user)
	case "XOAUTH2", "OAUTHBEARER":
		for _, part := range bytes.FieldsFunc(raw, func(r rune) bool { return r == 1 || r == ',' }) {
			for _, key := range []string{"user=", "a="} {
				if user, ok := bytes.CutPrefix(part, []byte(key)); ok {
					return string(user)
				}
			}
		}
	}
	return ""
}

// refuseLogin says no to a log-in.
func (c *serveConn) refuseLogin(tag, reason string) error {
	switch c.door.Protocol {
	case decode.SMTP, decode.LMTP:
		return c.writef("504 5.5.4 %s", reason)
	case decode.POP3:
		return c.writef("-ERR [AUTH] %s", reason)
	case decode.Sieve:
		return c.writef("NO %s", strconv.Quote(reason))
	}
	return c.writef("%s NO %s", tag, reason)
}

// lists makes the lists of what a server can do true for this one: STARTTLS as far as it is possible now, no mechanism
// that a recording cannot answer. verb is the command that is answered, "" for the greeting.
func (c *serveConn) lists(verb string, octets []byte) []byte {
	var out []byte
	switch p := c.door.Protocol; {
	case (p == decode.SMTP || p == decode.LMTP) && (verb == "EHLO" || verb == "LHLO"):
		out = c.ehloList(octets)
	case p == decode.POP3 && verb == "CAPA", p == decode.Sieve && (verb == "" || verb == "CAPABILITY" || verb == "STARTTLS"):
		out = c.lineList(octets)
	case p == decode.IMAP:
		out = c.imapList(octets)
	default:
		return octets
	}
	if !bytes.Equal(out, octets) {
		c.tellOnce(ServeEvent{Event: ServeChanged, Got: verb})
	}
	return out
}

// offersTLS says whether STARTTLS has to be in a list that lacks it: the session was recorded in TLS from the first
// octet, and this client came in clear.
func (c *serveConn) offersTLS() bool {
	return !c.secure && c.s.o.TLS != nil && c.cands[0].d.Security == ImplicitTLS
}

// keep says whether a capability stays in the list.
func (c *serveConn) keep(word string) bool {
	switch strings.ToUpper(word) {
	case "STARTTLS", "STLS":
		return !c.secure && c.s.o.TLS != nil
	case "LOGINDISABLED":
		return !c.secure
	}
	return true
}

// mechanismsIn leaves out what cannot be accepted; if nothing stays, PLAIN takes its place.
func mechanismsIn(words []string) []string {
	out := slices.DeleteFunc(slices.Clone(words), func(m string) bool { return !slices.Contains(acceptable, strings.ToUpper(m)) })
	if len(out) == 0 && len(words) > 0 {
		out = []string{acceptable[0]}
	}
	return out
}

// ehloList: RFC 5321 §4.1.1.1.
func (c *serveConn) ehloList(octets []byte) []byte {
	if !bytes.HasPrefix(octets, []byte("250")) {
		return octets
	}
	lines := strings.Split(strings.TrimRight(string(octets), "\r\n"), "\n")
	var out []string
	for i, l := range lines {
		text := strings.TrimRight(l, "\r")
		text = text[min(4, len(text)):]
		word, rest, _ := strings.Cut(strings.Replace(text, "AUTH=", "AUTH ", 1), " ")
		switch {
		case i == 0:
		case !c.keep(word):
			continue
		case strings.EqualFold(word, "AUTH"):
			text = strings.Replace(text, rest, strings.Join(mechanismsIn(strings.Fields(rest)), " "), 1)
		}
		out = append(out, text)
	}
	if c.offersTLS() && !slices.Contains(out, "STARTTLS") {
		out = append(out, "STARTTLS")
	}
	var b strings.Builder
	for i, text := range out {
		sign := "-"
		if i == len(out)-1 {
			sign = " "
		}
		fmt.Fprintf(&b, "250%s%s\r\n", sign, text)
	}
	return []byte(b.String())
}

// lineList: POP3's CAPA (RFC 2449 §5) and ManageSieve's capabilities (RFC 5804 §1.7), one a line.
func (c *serveConn) lineList(octets []byte) []byte {
	var out []string
	said := false
	for _, l := range strings.SplitAfter(string(octets), "\n") {
		words := strings.Fields(strings.ReplaceAll(l, `"`, " "))
		switch {
		case len(words) == 0:
		case !c.keep(words[0]):
			continue
		case strings.EqualFold(words[0], "SASL") && len(words) > 1:
			list := strings.Join(mechanismsIn(words[1:]), " ")
			if l = "SASL " + list + "\r\n"; c.door.Protocol == decode.Sieve {
				l = fmt.Sprintf("\"SASL\" %q\r\n", list)
			}
		case strings.EqualFold(words[0], "STLS"), strings.EqualFold(words[0], "STARTTLS"):
			said = true
		case c.door.Protocol == decode.POP3 && words[0] == "." && !said && c.offersTLS():
			out = append(out, "STLS\r\n")
		}
		out = append(out, l)
	}
	return []byte(strings.Join(out, ""))
}

// imapList: "* CAPABILITY …" and the code [CAPABILITY …] of a status response (RFC 9051 §7.2.2, §7.1).
func (c *serveConn) imapList(octets []byte) []byte {
	end := bytes.IndexByte(octets, '\n') + 1
	if end == 0 {
		return octets
	}
	line := string(octets[:end])
	from, to := -1, -1
	if len(line) > 13 && strings.EqualFold(line[:13], "* CAPABILITY ") {
		from, to = 13, len(strings.TrimRight(line, " \r\n"))
	} else if i := strings.Index(line, " [CAPABILITY "); i >= 0 && !strings.Contains(line[:i], "{") && strings.Count(line[:i], " ") == 1 {
		if n := strings.IndexByte(line[i:], ']'); n > 0 {
			from, to = i+13, i+n
		}
	}
	if from < 0 || to < from {
		return octets
	}
	return slices.Concat(octets[:from], []byte(strings.Join(c.imapWords(strings.Fields(line[from:to])), " ")), octets[to:])
}

// imapWords is a capability list for this client.
func (c *serveConn) imapWords(words []string) []string {
	var out []string
	auth, kept := 0, 0
	for _, w := range words {
		if len(w) > 5 && strings.EqualFold(w[:5], "AUTH=") {
			if auth++; !slices.Contains(acceptable, strings.ToUpper(w[5:])) {
				continue
			}
			kept++
		}
		if c.keep(w) {
			out = append(out, w)
		}
	}
	if auth > 0 && kept == 0 {
		out = append(out, "AUTH="+acceptable[0])
	}
	if c.offersTLS() && !slices.Contains(out, "STARTTLS") {
		out = append(out, "STARTTLS")
	}
	return out
}

// capabilityCode is the latest list that the recorded server told in passing, for clients that ask outright.
func (c *serveConn) capabilityCode() (list string) {
	m := c.cands[0]
	defer func() {
		if list == "" {
			list = "IMAP4rev1 STARTTLS" // what is not possible is left out on the way
		}
	}()
	for i := range m.d.Steps {
		if i > 0 && i >= m.done && list != "" {
			break
		}
		for _, a := range m.d.Steps[i].last() {
			if _, rest, ok := strings.Cut(firstLine(a.Octets), " [CAPABILITY "); ok {
				list, _, _ = strings.Cut(rest, "]")
			}
		}
	}
	return list
}

// capaList is a capability list of what the recording shows, for clients that ask for one where none was recorded.
func (c *serveConn) capaList() string {
	out := []string{"+OK Capability list follows", "STLS", "USER", "SASL PLAIN"}
	for _, verb := range []string{"TOP", "UIDL"} {
		if c.cands[0].knows(verb) {
			out = append(out, verb)
		}
	}
	return strings.Join(append(out, "."), "\r\n")
}
