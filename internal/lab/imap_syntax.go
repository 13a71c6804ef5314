package lab

import (
	"math"
	"strconv"
	"strings"
)

// Limits on literals (RFC 9051, section 4.3 leaves them to the server).
const (
	maxLiteralBefore = 8 << 10  // before log-in: names and passwords
	maxLiteralSmall  = 64 << 10 // in commands other than APPEND
	maxLiterals      = 64       // in one command
)

// readCommand reads one command with its literals: the octets stand in the text where the client sent them.
func (s *imapSession) readCommand() (*arguments, error) {
	s.tag = "*"
	line, err := s.readLine()
	if err != nil {
		return nil, err
	}
	a := &arguments{text: line}
	tag := a.until(" ")
	if tag == "" || strings.ContainsAny(tag, "+(){%*\"\\\x00") {
		return nil, bad("Error in IMAP command received by server.")
	}
	s.tag = tag
	if a.text, err = s.readLiterals(line, s.literalLimit(a.text[a.at:])); err != nil {
		return nil, err
	}
	a.space()
	return a, nil
}

// literalLimit is the largest literal that a command, tag taken off, may have.
func (s *imapSession) literalLimit(command string) int64 {
	switch {
	case s.account == nil:
		return maxLiteralBefore
	case len(command) > 8 && strings.EqualFold(command[:8], " APPEND "):
		return maxMessage
	}
	return maxLiteralSmall
}

// readLiterals reads the literals that a command's first line announces, and the lines after them.
func (s *imapSession) readLiterals(line string, limit int64) (command string, err error) {
	var whole strings.Builder
	whole.WriteString(line)
	for n := 0; ; n++ {
		size, wait, ok := trailingLiteral(line)
		if !ok {
			break
		}
		if size > limit || n >= maxLiterals {
			if wait {
				return "", no("[TOOBIG] Literal too large.")
			}
			s.untagged("BYE [TOOBIG] Literal too large.") // RFC 7888, section 4: the only other way is to read it all
			return "", errQuit
		}
		if wait {
			s.printf("+ OK\r\n")
		}
		octets, err := s.readOctets(size)
		if err != nil {
			return "", err
		}
		if line, err = s.readLine(); err != nil {
			return "", err
		}
		whole.WriteString("\r\n")
		whole.Write(octets)
		whole.WriteString(line)
	}
	return whole.String(), nil
}

// trailingLiteral reads a literal's announcement at the end of a line: {n}, which waits for the server's go-ahead, or
// {n+} (RFC 7888), which does not.
func trailingLiteral(line string) (size int64, wait, ok bool) {
	if !strings.HasSuffix(line, "}") {
		return 0, false, false
	}
	open := strings.LastIndexByte(line, '{')
	if open < 0 {
		return 0, false, false
	}
	digits := line[open+1 : len(line)-1]
	wait = !strings.HasSuffix(digits, "+")
	digits = strings.TrimSuffix(digits, "+")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false, false
	}
	size, err := strconv.ParseInt(digits, 10, 64)
	if err != nil { // absurdly large: more than any limit
		size = math.MaxInt64
	}
	return size, wait, true
}

// arguments reads a command's text, left to right. The first error sticks, so that a step can read everything and ask
// once. Methods are named after the grammar's productions (RFC 3501, section 9).
type arguments struct {
	text string
	at   int
	err  error
	name string // of the command
	uid  bool   // UID stood before the name
}

func (a *arguments) fail(what string) {
	if a.err == nil {
		a.err = bad("Error in IMAP command %s: %s.", a.name, what)
	}
}

// more says whether anything is left.
func (a *arguments) more() bool { return a.err == nil && a.at < len(a.text) }

// peek gives the next octet, 0 at the end.
func (a *arguments) peek() byte {
	if a.more() {
		return a.text[a.at]
	}
	return 0
}

// accept takes c if it is next.
func (a *arguments) accept(c byte) bool {
	if a.peek() != c || !a.more() {
		return false
	}
	a.at++
	return true
}

func (a *arguments) expect(c byte) {
	if !a.accept(c) {
		a.fail("expected " + strconv.QuoteRune(rune(c)))
	}
}

func (a *arguments) space() { a.expect(' ') }

// end gives the first error, or one if something is left.
func (a *arguments) end() error {
	if a.more() {
		a.fail("unexpected argument")
	}
	return a.err
}

// until takes everything up to one of the stops or the end.
func (a *arguments) until(stops string) string {
	rest := a.text[a.at:]
	if i := strings.IndexAny(rest, stops); i >= 0 {
		rest = rest[:i]
	}
	a.at += len(rest)
	return rest
}

// atomStops end an atom: atom-specials.
const atomStops = "(){ %*\"\\]\x00\r\n\x7f"

func (a *arguments) atom() string {
	word := a.until(atomStops)
	if word == "" {
		a.fail("expected an atom")
	}
	return word
}

// astring is an atom, in which ] may stand, a quoted string or a literal.
func (a *arguments) astring() string {
	switch a.peek() {
	case '"', '{':
		return a.str()
	}
	word := a.until(strings.ReplaceAll(atomStops, "]", ""))
	if word == "" {
		a.fail("expected a string")
	}
	return word
}

// listMailbox is an astring in which % and * may stand.
func (a *arguments) listMailbox() string {
	switch a.peek() {
	case '"', '{':
		return a.str()
	}
	word := a.until("(){ \"\\\x00\r\n\x7f")
	if word == "" {
		a.fail("expected a mailbox pattern")
	}
	return word
}

// mailbox is a mailbox name.
func (a *arguments) mailbox() string { return canonicalName(a.astring()) }

// nilWord takes NIL.
func (a *arguments) nilWord() bool {
	if len(a.text)-a.at >= 3 && strings.EqualFold(a.text[a.at:a.at+3], "NIL") {
		a.at += 3
		return true
	}
	return false
}

func (a *arguments) nstring() string {
	if a.nilWord() {
		return ""
	}
	return a.str()
}

// str is a quoted string or a literal.
func (a *arguments) str() string {
	if a.peek() == '{' {
		return a.literal()
	}
	a.expect('"')
	var b strings.Builder
	for a.more() {
		c := a.text[a.at]
		a.at++
		switch {
		case c == '"':
			return b.String()
		case c == '\\' && a.more():
			c = a.text[a.at]
			a.at++
		case c == '\r' || c == '\n':
			a.fail("line end in a quoted string")
		}
		b.WriteByte(c)
	}
	a.fail("quoted string without its end")
	return ""
}

func (a *arguments) literal() string {
	a.expect('{')
	size, err := strconv.Atoi(strings.TrimSuffix(a.until("}"), "+"))
	if err != nil || !strings.HasPrefix(a.text[a.at:], "}\r\n") || len(a.text)-a.at-3 < size {
		a.fail("invalid literal")
		return ""
	}
	a.at += 3 + size
	return a.text[a.at-size : a.at]
}

func (a *arguments) number() uint32 {
	digits := 0
	for a.at+digits < len(a.text) && a.text[a.at+digits] >= '0' && a.text[a.at+digits] <= '9' {
		digits++
	}
	n, err := strconv.ParseUint(a.text[a.at:a.at+digits], 10, 32)
	if err != nil {
		a.fail("expected a number")
	}
	a.at += digits
	return uint32(n)
}

// list reads "(" items parted by spaces ")".
func (a *arguments) list(item func()) {
	a.expect('(')
	for a.err == nil && !a.accept(')') {
		item()
		if a.peek() != ')' {
			a.space()
		}
	}
}

// flags reads a flag list.
func (a *arguments) flags() []string {
	var out []string
	a.list(func() { out = append(out, a.flag()) })
	return out
}

func (a *arguments) flag() string {
	prefix := ""
	if a.accept('\\') {
		prefix = `\`
	}
	f := canonicalFlag(prefix + a.atom())
	if prefix != "" && !hasFlag(systemFlags, f) {
		a.fail("invalid system flag " + f)
	}
	return f
}

// numSet is a set of sequence numbers or UIDs; star stands for the largest in the mailbox.
type numSet []numRange

type numRange struct{ from, to uint32 }

const star = math.MaxUint32

func (a *arguments) set() numSet {
	var out numSet
	one := func() uint32 {
		if a.accept('*') {
			return star
		}
		n := a.number()
		if n == 0 {
			a.fail("0 in a message set")
		}
		return n
	}
	for {
		r := numRange{from: one()}
		r.to = r.from
		if a.accept(':') {
			r.to = one()
		}
		out = append(out, r)
		if !a.accept(',') {
			return out
		}
	}
}

// has says whether n is in the set when largest is the largest number in use.
func (s numSet) has(n, largest uint32) bool {
	for _, r := range s {
		from, to := r.from, r.to
		if from == star {
			from = largest
		}
		if to == star {
			to = largest
		}
		if min(from, to) <= n && n <= max(from, to) {
			return true
		}
	}
	return false
}

// formatSet writes ascending numbers as a set: 1:3,5.
func formatSet(numbers []uint32) string {
	var b strings.Builder
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(uint64(numbers[i]), 10))
		if j > i {
			b.WriteString(":" + strconv.FormatUint(uint64(numbers[j]), 10))
		}
		i = j + 1
	}
	return b.String()
}
