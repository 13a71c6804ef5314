package captures

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"
)

// names rewrites text by what stands in it: addresses, hosts, IP addresses, and the words that are somebody's.
type names struct {
	p     *pseudonyms
	words map[string]bool // somebody's: in lower case, of at least minName octets
}

// minName is the shortest word looked for wherever it stands; shorter ones are replaced only where a protocol names
// somebody.
const minName = 3

// somebody notes the words of a name, so that they are replaced wherever they stand.
func (n *names) somebody(s string) {
	for _, w := range strings.FieldsFunc(lower(s), func(r rune) bool { return r < 0x80 && !wordOctet(byte(r)) }) {
		if len(w) >= minName && len(n.words) < maxWords && !roles[w] && !common[strings.ToUpper(w)] && strings.Trim(w, "0123456789") != "" {
			n.words[w] = true
		}
	}
}

// text gives s with everything in it that names somebody replaced, as long as before.
func (n *names) text(s string) string {
	var out []byte
	scan(s, func(kind tokenKind, from, to, at int) {
		t, with := s[from:to], ""
		switch kind {
		case tokenAddress:
			with = n.p.address(s[from:at], s[at+1:to])
		case tokenIP:
			with = n.p.ipText(t)
		case tokenHost:
			with = n.maybeHost(t)
		default:
			if len(t) < minName || !n.words[lower(t)] {
				return
			}
			with = n.p.word(t)
		}
		if with == t || len(with) != len(t) {
			return
		}
		if out == nil {
			out = []byte(s)
		}
		copy(out[from:to], with)
	})
	if out == nil {
		return s
	}
	return string(out)
}

// tops are the generic domains that mail comes from; those of two letters are countries'.
var tops = setOf(`com net org edu gov mil int info biz name pro aero museum coop email mail cloud app dev online site shop tech
	store blog page web hosting host services systems network agency digital company group team studio media paris london berlin
	bzh corsica alsace eus cat gal lan home internal corp intra private`)

// notCountries are ends of words with a dot that are no host: what files, versions and IMAP items end with.
var notCountries = setOf("gz js py sh md ps so xz db")

// maybeHost replaces a word with dots in it if it ends like a host name.
func (n *names) maybeHost(t string) string {
	top := lower(t[strings.LastIndexByte(t, '.')+1:])
	if len(top) == 2 && !notCountries[top] || tops[top] || nobodysHost(t) {
		return n.p.host(t)
	}
	var b strings.Builder // its words may be somebody's all the same
	for _, w := range strings.SplitAfter(t, ".") {
		if bare := strings.TrimSuffix(w, "."); n.words[lower(bare)] {
			w = n.p.word(bare) + w[len(bare):]
		}
		b.WriteString(w)
	}
	return b.String()
}

// value replaces everything in a value that is somebody's as a whole: a user's name, a mailbox, a host of one word.
func (n *names) value(s string) string {
	if t := n.text(s); t != s || strings.ContainsAny(s, "@") {
		return n.rest(s, t)
	}
	return n.p.words(s)
}

// rest replaces the words that text left as they were.
func (n *names) rest(s, t string) string {
	if strings.ContainsAny(s, "@:") || strings.Count(s, ".") > 0 {
		return t
	}
	return n.p.words(s)
}

// hostValue is value for what should be a host.
func (n *names) hostValue(s string) string {
	if strings.HasPrefix(s, "[") {
		return n.text(s)
	}
	if strings.Contains(s, ".") {
		if t := n.text(s); t != s {
			return t
		}
	}
	return n.p.host(s)
}

// inBase64 rewrites the text that base64 in a line carries, with f. What does not decode, or decodes to nothing that f
// changes, stays.
func inBase64Tokens(line []byte, f func(raw string) string) []byte {
	out := bytes.Clone(line)
	for i := 0; i < len(out); {
		k := i
		for k < len(out) && (sixBits(out[k]) != 0xff || out[k] == '=' && k > i) {
			k++
		}
		if k-i < 4 {
			i = k + 1
			continue
		}
		enc := base64.StdEncoding
		raw, err := enc.DecodeString(string(out[i:k]))
		if err != nil {
			enc = base64.RawStdEncoding
			raw, err = enc.DecodeString(string(out[i:k]))
		}
		if err == nil {
			if with := f(string(raw)); with != string(raw) && len(with) == len(raw) {
				enc.Encode(out[i:k], []byte(with))
			}
		}
		i = k + 1
	}
	return out
}

// encodedWords are those of RFC 2047.
var encodedWords = regexp.MustCompile(`=\?([^?\s]+)\?([BbQq])\?([^?\s]*)\?=`)

// free replaces free text by prose, as long: line ends, the blanks behind them and the frames of encoded words stay.
func free(value []byte) []byte {
	out := bytes.Clone(value)
	kept := encodedWords.FindAllSubmatchIndex(out, -1)
	at := 0
	fill := func(from, to int, encoding string) {
		f := newProse(encoding)
		f.bol = false
		for i := from; i < to; i++ {
			if out[i] == ' ' || out[i] == '\t' {
				if i == from || i == 0 || out[i-1] == '\n' {
					continue
				}
				if encoding == "" && i > from && (out[i-1] == ' ') {
					continue
				}
			}
			f.over(out[i : i+1])
			if encoding == "quoted-printable" && out[i] == ' ' {
				out[i] = '_' // RFC 2047 §4.2
			}
		}
	}
	for _, m := range kept {
		fill(at, m[0], "")
		fill(m[6], m[7], map[byte]string{'B': "base64", 'Q': "quoted-printable"}[out[m[4]]&^0x20])
		at = m[1]
	}
	fill(at, len(out), "")
	return out
}

// people replaces the names and addresses of an address header, every word of them.
func (n *names) people(value []byte) []byte {
	s := string(value)
	var b strings.Builder
	last := 0
	word := func(plain string) {
		t := n.text(plain)
		parts := addressParts{s: plain}
		for i := 0; i < len(plain); { // words that text left stand for people here
			k := i
			for k < len(plain) && wordOctet(plain[k]) {
				k++
			}
			switch {
			case k == i:
				b.WriteByte(t[i])
				k++
			case t[i:k] == plain[i:k] && !parts.at(i):
				b.WriteString(n.p.word(plain[i:k]))
			default:
				b.WriteString(t[i:k])
			}
			i = k
		}
	}
	for _, m := range encodedWords.FindAllStringSubmatchIndex(s, -1) {
		word(s[last:m[0]])
		b.Write(free([]byte(s[m[0]:m[1]])))
		last = m[1]
	}
	word(s[last:])
	return []byte(b.String())
}

// addressParts tells, for places in a text from left to right, whether they are part of a mail address.
type addressParts struct {
	s       string
	to      int // end of the stretch without separators that was looked at last
	address bool
}

const addressEnds = " \t\r\n<>(),;:\""

// at reports whether the octet at i, no separator and not before that of the call before, is in a mail address.
func (a *addressParts) at(i int) bool {
	if i < a.to {
		return a.address
	}
	from := i
	for from > a.to && strings.IndexByte(addressEnds, a.s[from-1]) < 0 {
		from--
	}
	a.to = len(a.s)
	if n := strings.IndexAny(a.s[i:], addressEnds); n >= 0 {
		a.to = i + n
	}
	a.address = strings.IndexByte(a.s[from:a.to], '@') >= 0
	return a.address
}

// opaqueID replaces the letters and digits of identifiers and signatures, addresses and hosts in them first.
func (n *names) opaqueID(value []byte) []byte {
	s := string(value)
	t := []byte(n.text(s))
	parts := addressParts{s: s}
	for i := 0; i < len(s); {
		k := i
		for k < len(s) && (wordOctet(s[k]) || s[k] == '+' || s[k] == '/') {
			k++
		}
		if k == i {
			i++
			continue
		}
		if run := s[i:k]; string(t[i:k]) == run && (len(run) >= 12 || strings.ContainsAny(run, "0123456789") && len(run) >= 5) && !parts.at(i) {
			noise := n.p.noise("id\x00"+run, 0)
			for j := i; j < k; j++ {
				t[j] = scrambled(t[j], noise())
			}
		}
		i = k
	}
	return t
}

// scrambled gives another octet of the same kind.
func scrambled(c byte, noise int) byte {
	switch {
	case c >= '0' && c <= '9':
		return byte('0' + noise%10)
	case c >= 'a' && c <= 'z':
		return byte('a' + noise%26)
	case c >= 'A' && c <= 'Z':
		return byte('A' + noise%26)
	}
	return c
}

// quoted rewrites every quoted string and every small literal of an IMAP line by f, which is told its number.
func quoted(line []byte, f func(n int, s []byte) []byte) []byte {
	out := bytes.Clone(line)
	n := 0
	for i := 0; i < len(out); i++ {
		switch out[i] {
		case '"':
			k := i + 1
			for k < len(out) && out[k] != '"' && out[k] != '\n' {
				if out[k] == '\\' {
					k++
				}
				k++
			}
			k = min(k, len(out))
			copy(out[i+1:k], f(n, out[i+1:k]))
			n, i = n+1, k
		case '{':
			m := literalHead.FindSubmatch(out[i:])
			if m == nil {
				continue
			}
			size := 0
			for _, c := range m[1] {
				size = size*10 + int(c-'0')
			}
			from := i + len(m[0])
			to := min(from+size, len(out))
			copy(out[from:to], f(n, out[from:to]))
			n, i = n+1, to-1
		}
	}
	return out
}

var literalHead = regexp.MustCompile(`^\{([0-9]{1,6})\+?\}\r?\n`)
