package replay

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// status answers a STATUS from what the server said as that mailbox was opened (RFC 9051 §6.3.11).
func (c *serveConn) status(key string) ([]byte, source) {
	mailbox := selectedBy(key)
	asked := strings.Fields(key[strings.Index(key, mailbox)+len(mailbox):])
	for _, st := range c.stays() {
		if st.mailbox != mailbox {
			continue
		}
		var items []string
		for _, item := range asked {
			value, ok := c.statusItem(&st, item)
			if !ok {
				return nil, source{}
			}
			items = append(items, item+" "+value)
		}
		name := tokens([]byte(mailbox))[0].text
		return fmt.Appendf(nil, "* STATUS %s (%s)\r\n", strconv.Quote(name), strings.Join(items, " ")), source{st.d.Session, &st.d.Steps[st.from]}
	}
	return nil, source{}
}

// statusItem is one number of a mailbox as it was opened.
func (c *serveConn) statusItem(st *stay, item string) (value string, ok bool) {
	switch item {
	case "MESSAGES":
		return st.exists, st.exists != ""
	case "UIDVALIDITY":
		return st.validity, st.validity != ""
	case "UIDNEXT":
		return st.next, st.next != ""
	case "RECENT":
		for _, a := range st.d.Steps[st.from].last() {
			if words := strings.Fields(strings.ToUpper(firstLine(a.Octets))); len(words) > 2 && words[2] == "RECENT" {
				return words[1], true
			}
		}
		return "0", true // a server of IMAP4rev2 does not tell (RFC 9051 §2.3.2)
	case "UNSEEN":
		known, _, exists := c.recalled(behind(st.d, st.from))
		unseen := 0
		for _, msg := range known {
			seen, told := msg.has(`\SEEN`)
			if !told {
				return "", false
			}
			if !seen {
				unseen++
			}
		}
		return strconv.Itoa(unseen), len(known) == exists
	}
	return "", false
}

// listed is a mailbox as a LIST or LSUB response has it.
type listed struct {
	attributes, delimiter, name []byte // as sent
}

// list answers a LIST or LSUB for other names than the recorded client asked for, or in another of its forms.
func (c *serveConn) list(verb, key string) ([]byte, source) {
	reference, pattern, ok := listAsked(key)
	if !ok {
		return nil, source{}
	}
	for _, m := range c.every {
		for i := range m.d.Steps {
			s := &m.d.Steps[i]
			_, all, ok := listAsked(s.key)
			if !ok || s.Cut || s.Verb != "LIST" && s.Verb != "LSUB" || all != "*" && all != reference+pattern {
				continue
			}
			var out []byte
			for _, a := range s.last() {
				box, ok := listedIn(a.Octets)
				if !ok {
					continue
				}
				delimiter := tokens(box.delimiter)
				switch name := tokens(box.name); {
				case len(name) == 0 || len(delimiter) == 0:
				case reference+pattern == "": // asks for the delimiter (RFC 9051 §6.3.9)
					return fmt.Appendf(nil, "* %s (\\Noselect) %s \"\"\r\n", verb, box.delimiter), source{m.d.Session, s}
				case matches(reference+pattern, name[0].text, delimiter[0].text):
					out = fmt.Appendf(out, "* %s %s %s %s\r\n", verb, box.attributes, box.delimiter, box.name)
				}
			}
			return out, source{m.d.Session, s}
		}
	}
	return nil, source{}
}

// listAsked reads reference and pattern out of a LIST's or LSUB's key. Lists of patterns and what the options of RFC 5258
// other than SUBSCRIBED select are not read.
func listAsked(key string) (reference, pattern string, ok bool) {
	words := tokens([]byte(key))
	if len(words) == 0 || words[0].text != "LIST" && words[0].text != "LSUB" {
		return "", "", false
	}
	words = words[1:]
	if len(words) > 2 && words[0].text == "(" && words[1].text == "SUBSCRIBED" && words[2].text == ")" {
		words = words[3:]
	}
	if len(words) < 2 || !words[0].quoted || !words[1].quoted {
		return "", "", false
	}
	for _, w := range words[2:] {
		switch w.text {
		case "RETURN", "(", ")", "SPECIAL-USE", "SUBSCRIBED", "CHILDREN":
		default:
			return "", "", false
		}
	}
	return words[0].text, words[1].text, true
}

// listedIn takes a response apart.
func listedIn(octets []byte) (box listed, ok bool) {
	line := bytes.TrimRight(octets, "\r\n")
	upper := bytes.ToUpper(line[:min(len(line), 7)])
	if !bytes.HasPrefix(upper, []byte("* LIST ")) && !bytes.HasPrefix(upper, []byte("* LSUB ")) {
		return box, false
	}
	box.attributes, line, ok = fetchValue(append(line[7:len(line):len(line)], ' '))
	if ok {
		box.delimiter, line, ok = fetchValue(bytes.TrimLeft(line, " "))
	}
	if ok {
		box.name, _, ok = fetchValue(bytes.TrimLeft(line, " "))
	}
	return box, ok
}

// matches says whether a name fits a pattern: * is anything, % anything but the delimiter; INBOX is so in any case.
func matches(pattern, name, delimiter string) bool {
	if strings.EqualFold(name, "INBOX") && strings.EqualFold(pattern, "INBOX") {
		return true
	}
	// after each octet of the pattern: the places in the name that it may have come to
	at := make([]bool, len(name)+1)
	at[0] = true
	for i := 0; i < len(pattern); i++ {
		next := make([]bool, len(name)+1)
		for j, here := range at {
			switch c := pattern[i]; {
			case !here:
			case c == '*' || c == '%':
				for k := j; k <= len(name); k++ {
					if next[k] = true; k < len(name) && c == '%' && delimiter != "" && name[k] == delimiter[0] {
						break
					}
				}
			case j < len(name) && name[j] == c:
				next[j+1] = true
			}
		}
		at = next
	}
	return at[len(name)]
}
