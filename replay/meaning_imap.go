package replay

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// token is a word of a command: an atom as it is written, or the value of a quoted string or literal.
type token struct {
	text   string
	quoted bool // a string: its case and blanks count
}

// tokens takes a command apart (RFC 9051 §4, §9): parentheses, atoms with their brackets, strings. The octets of a
// literal that is not whole, as of a message that was thrown away, count as far as they are there.
func tokens(octets []byte) []token {
	var all []token
	for i := 0; i < len(octets); {
		switch c := octets[i]; {
		case c == ' ' || c == '\r' || c == '\n':
			i++
		case c == '(' || c == ')':
			all = append(all, token{text: string(c)})
			i++
		case c == '"':
			text, n := quotedString(octets[i:])
			all = append(all, token{text, true})
			i += n
		case c == '{' || c == '~' && i+1 < len(octets) && octets[i+1] == '{':
			text, n := literalAt(octets[i:])
			if n == 0 {
				all = append(all, token{text: string(c)})
				n = 1
			} else {
				all = append(all, token{text, true})
			}
			i += n
		default:
			n := atomLen(octets[i:])
			all = append(all, token{text: string(octets[i : i+n])})
			i += n
		}
	}
	return all
}

func quotedString(b []byte) (text string, n int) {
	var out []byte
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			if i++; i < len(b) {
				out = append(out, b[i])
			}
		case '"':
			return string(out), i + 1
		case '\r', '\n':
			return string(out), i
		default:
			out = append(out, b[i])
		}
	}
	return string(out), len(b)
}

// literalAt reads {n}, {n+} or ~{n} with its octets.
func literalAt(b []byte) (text string, n int) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return "", 0
	}
	size, _, ok := announced(b[:end+1])
	if !ok || bytes.IndexByte(b[:end], '}') != len(bytes.TrimRight(b[:end], "\r"))-1 {
		return "", 0
	}
	to := int64(end+1) + min(size, int64(len(b)-end-1))
	return string(b[end+1 : to]), int(to)
}

// announced reads the literal that a line ends with: its size, and whether the client does not wait (RFC 7888).
func announced(line []byte) (size int64, nonSync, ok bool) {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 || line[len(line)-1] != '}' {
		return 0, false, false
	}
	open := bytes.LastIndexByte(line, '{')
	if open < 0 {
		return 0, false, false
	}
	number, plus := strings.CutSuffix(string(line[open+1:len(line)-1]), "+")
	size, err := strconv.ParseInt(number, 10, 64)
	return size, plus, err == nil && size >= 0
}

// atomLen is the length of an atom; blanks and parentheses in its brackets belong to it: BODY[HEADER.FIELDS (TO)].
func atomLen(b []byte) int {
	depth := 0
	for i, c := range b {
		switch {
		case c == '\r' || c == '\n':
			return max(i, 1)
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth <= 0 && (c == ' ' || c == '(' || c == ')'):
			return max(i, 1)
		}
	}
	return len(b)
}

// imapMeaning: RFC 9051 §6. The tag is left out.
func imapMeaning(octets []byte) string {
	words := tokens(octets)
	if len(words) > 0 {
		words = words[1:]
	}
	if len(words) == 0 {
		return ""
	}
	verb := strings.ToUpper(words[0].text)
	words = words[1:]
	uid := ""
	if verb == "UID" && len(words) > 0 {
		uid, verb, words = "UID ", strings.ToUpper(words[0].text), words[1:]
	}
	return strings.TrimSpace(imapCommand(uid, verb, words))
}

// imapCommand is a command's name with what its arguments mean.
func imapCommand(uid, verb string, words []token) string {
	switch verb {
	case "LOGIN", "AUTHENTICATE":
		return logIn
	case "ID", "NOOP", "CAPABILITY", "IDLE", "LOGOUT", "STARTTLS":
		return verb
	case "APPEND":
		return "APPEND " + appendMeaning(words)
	case "FETCH":
		return uid + "FETCH " + fetchMeaning(words)
	case "STORE":
		return uid + "STORE " + storeMeaning(words)
	case "COPY", "MOVE":
		if len(words) == 2 {
			return fmt.Sprint(uid, verb, " ", sequence(words[0].text), " ", mailbox(words[1]))
		}
	case "EXPUNGE":
		if len(words) == 1 {
			return uid + "EXPUNGE " + sequence(words[0].text)
		}
	case "SELECT", "EXAMINE", "STATUS", "CREATE", "DELETE", "SUBSCRIBE", "UNSUBSCRIBE", "GETQUOTAROOT":
		if len(words) > 0 {
			return verb + " " + mailbox(words[0]) + " " + strings.Join(plainWords(words[1:], true), " ")
		}
	case "LIST", "LSUB", "XLIST":
		return verb + " " + strings.Join(listWords(words), " ")
	case "RENAME":
		var parts []string
		for _, w := range words {
			parts = append(parts, mailbox(w))
		}
		return verb + " " + strings.Join(parts, " ")
	case "SEARCH", "SORT", "THREAD":
		words = timeless(withoutCharset(words))
	}
	return uid + verb + " " + strings.Join(plainWords(words, false), " ")
}

// mailbox is a mailbox's name: INBOX in any case, every other as it is (RFC 9051 §5.1).
func mailbox(w token) string {
	if strings.EqualFold(w.text, "INBOX") {
		return `"INBOX"`
	}
	if w.text == "(" || w.text == ")" {
		return w.text
	}
	return strconv.Quote(w.text)
}

// listWords are what a LIST asks for: names as they are, the options before and behind them in any case (RFC 5258).
func listWords(words []token) (out []string) {
	before := len(words) > 0 && words[0].text == "(" && !words[0].quoted
	behind := false
	for i, w := range words {
		behind = behind || i > 1 && !w.quoted && strings.EqualFold(w.text, "RETURN")
		if before || behind {
			out = append(out, strings.ToUpper(w.text))
			before = before && w.text != ")"
			continue
		}
		out = append(out, mailbox(w))
	}
	return out
}

// plainWords are words by value: atoms in upper case, strings quoted. sorted puts what stands in a list in order.
func plainWords(words []token, sorted bool) []string {
	var out []string
	for _, w := range words {
		switch {
		case w.quoted:
			out = append(out, strconv.Quote(w.text))
		case sorted && (w.text == "(" || w.text == ")"):
		default:
			out = append(out, strings.ToUpper(sequence(w.text)))
		}
	}
	if sorted {
		slices.Sort(out)
	}
	return out
}

// fetchMeaning: the same items in any order are the same request; the macros are written out (RFC 9051 §6.4.5).
func fetchMeaning(words []token) string {
	if len(words) == 0 {
		return ""
	}
	var items []string
	rest := words[1:]
	depth, done := 0, false
	var modifiers []string
	for _, w := range rest {
		switch {
		case w.text == "(" && !w.quoted:
			depth++
		case w.text == ")" && !w.quoted:
			depth--
			done = done || depth == 0
		case done:
			modifiers = append(modifiers, strings.ToUpper(w.text))
		default:
			items = append(items, strings.Fields(fetchItem(w.text))...)
			done = depth == 0
		}
	}
	slices.Sort(items)
	return strings.Join(append(append([]string{sequence(words[0].text)}, slices.Compact(items)...), modifiers...), " ")
}

func fetchItem(item string) string {
	if strings.ContainsAny(item, " []") {
		return strings.ReplaceAll(strings.ToUpper(item), " ", "_")
	}
	switch item = strings.ToUpper(item); item {
	case "FAST":
		return "FLAGS INTERNALDATE RFC822.SIZE"
	case "ALL":
		return "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE"
	case "FULL":
		return "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY"
	}
	return item
}

// storeMeaning: flags in any order, with or without a list around them.
func storeMeaning(words []token) string {
	if len(words) < 2 {
		return strings.Join(plainWords(words, false), " ")
	}
	flags := plainWords(words[2:], true)
	return strings.Join(append([]string{sequence(words[0].text), strings.ToUpper(words[1].text)}, flags...), " ")
}

// appendMeaning: the mailbox and the flags; when and what is the client's own business.
func appendMeaning(words []token) string {
	if len(words) == 0 {
		return ""
	}
	var flags []string
	depth := 0
	for _, w := range words[1:] {
		switch {
		case w.quoted && depth == 0: // a date or a message
		case w.text == "(":
			depth++
		case w.text == ")":
			depth--
		case depth > 0:
			flags = append(flags, strings.ToUpper(w.text))
		}
	}
	slices.Sort(flags)
	return strings.Join(append([]string{mailbox(words[0])}, flags...), " ")
}

// searchDate and searchID are what a client looks for by the calendar, and for the message it has just made.
var (
	searchDate = regexp.MustCompile(`^\d{1,2}-[A-Za-z]{3}-\d{4}$`)
	searchID   = regexp.MustCompile(`^<?[^<>@\s]+@[^<>@\s]+>?$`)
)

// timeless puts a word for dates and message ids in what is searched for.
func timeless(words []token) []token {
	out := slices.Clone(words)
	for i := range out {
		switch {
		case searchDate.MatchString(out[i].text):
			out[i] = token{text: "<date>"}
		case i > 0 && strings.EqualFold(out[i-1].text, "MESSAGE-ID") && searchID.MatchString(out[i].text):
			out[i] = token{text: "<id>"}
		}
	}
	return out
}

func withoutCharset(words []token) []token {
	for i := 0; i+1 < len(words); i++ {
		if !words[i].quoted && strings.EqualFold(words[i].text, "CHARSET") {
			return slices.Concat(words[:i], words[i+2:])
		}
	}
	return words
}

// maxSet is the longest set that is written out to be compared; larger ones are compared as written.
const maxSet = 100_000

// sequence puts a set of numbers in order: 3,1:2 is 1:3. What is no set stays.
func sequence(set string) string {
	if set == "" || strings.Trim(set, "0123456789,:") != "" {
		return set
	}
	var numbers []int
	for _, part := range strings.Split(set, ",") {
		a, b, ranged := strings.Cut(part, ":")
		from, err := strconv.Atoi(a)
		to := from
		if err == nil && ranged {
			to, err = strconv.Atoi(b)
		}
		if from > to {
			from, to = to, from
		}
		if err != nil || to-from > maxSet || len(numbers) > maxSet {
			return set
		}
		for n := from; n <= to; n++ {
			numbers = append(numbers, n)
		}
	}
	sort.Ints(numbers)
	numbers = slices.Compact(numbers)
	var out []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		if i == j {
			out = append(out, strconv.Itoa(numbers[i]))
		} else {
			out = append(out, fmt.Sprintf("%d:%d", numbers[i], numbers[j]))
		}
		i = j + 1
	}
	return strings.Join(out, ",")
}

// sieveMeaning: RFC 5804 §2. Scripts' octets are the client's own.
func sieveMeaning(octets []byte) string {
	words := tokens(octets)
	if len(words) == 0 {
		return ""
	}
	verb := strings.ToUpper(words[0].text)
	words = words[1:]
	switch verb {
	case "AUTHENTICATE":
		return logIn
	case "PUTSCRIPT", "HAVESPACE":
		words = words[:min(1, len(words))]
	case "CHECKSCRIPT", "NOOP":
		words = nil
	}
	return strings.TrimSpace(verb + " " + strings.Join(plainWords(words, false), " "))
}
