package captures

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
)

// pseudonyms gives everything its other name: as long, the same one each time, and no way back. The key is forgotten with
// the run, so two runs give different names.
type pseudonyms struct {
	key   []byte
	given map[string]string // by kind and what was given
	taken map[string]bool
	// real are words that are somebody's, in lower case: nobody gets one of them for a pseudonym. It may be nil.
	real map[string]bool
}

func newPseudonyms() *pseudonyms {
	p := &pseudonyms{key: make([]byte, sha256.Size), given: map[string]string{}, taken: map[string]bool{}}
	rand.Read(p.key) // never fails (crypto/rand)
	return p
}

// tries bounds the search for a name nobody has yet; short words have few others of their length.
const tries = 64

// give finds a name for what: made with octets that depend on key, kind, what and the try.
func (p *pseudonyms) give(kind, what string, build func(noise func() int) string) string {
	k := kind + "\x00" + what
	if name, ok := p.given[k]; ok {
		return name
	}
	name := ""
	for n := range tries {
		name = build(p.noise(k, n))
		if name != what && !p.taken[kind+"\x00"+name] && !p.real[name] {
			break
		}
	}
	p.given[k] = name
	p.taken[kind+"\x00"+name] = true
	return name
}

// noise gives numbers below 2^16, the same for the same arguments.
func (p *pseudonyms) noise(k string, try int) func() int {
	var block []byte
	n := 0
	return func() int {
		if len(block) < 2 {
			m := hmac.New(sha256.New, p.key)
			fmt.Fprintf(m, "%d %d %s", try, n, k)
			block = m.Sum(nil)
			n++
		}
		v := int(block[0])<<8 | int(block[1])
		block = block[2:]
		return v
	}
}

const consonants, vowels = "bdfglmnprstv", "aeiou"

// word gives another word for a run of letters and digits: pronounceable, digits for digits, case for case. Octets that
// are neither (UTF-8) become letters.
func (p *pseudonyms) word(w string) string {
	name := p.give("word", lower(w), func(noise func() int) string {
		b := make([]byte, len(w))
		vowel := false
		for i := range b {
			if c := w[i]; c >= '0' && c <= '9' {
				b[i] = byte('0' + noise()%10)
				continue
			}
			from := consonants
			if vowel {
				from = vowels
			}
			b[i], vowel = from[noise()%len(from)], !vowel
		}
		return string(b)
	})
	b := []byte(name)
	for i := range b {
		if i < len(w) && w[i] >= 'A' && w[i] <= 'Z' && b[i] >= 'a' {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

// roles are local parts that name no person (RFC 2142 and custom), and words that everybody's mailboxes have.
var roles = setOf(`postmaster abuse hostmaster webmaster noc security info support sales root daemon mailer-daemon noreply no-reply
	inbox sent drafts trash junk spam archive archives outbox templates notes all flagged important starred deleted items messages
	envoyés brouillons corbeille indésirables`)

func setOf(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// lower is strings.ToLower for ASCII only: it leaves every octet an octet, whatever the text is.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for k := i; k < len(b); k++ {
				if b[k] >= 'A' && b[k] <= 'Z' {
					b[k] |= 0x20
				}
			}
			return string(b)
		}
	}
	return s
}

// words gives another text for one made of words: each run of letters and digits its own name, what is between them kept.
func (p *pseudonyms) words(s string) string {
	if roles[lower(s)] {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		k := i
		for k < len(s) && wordOctet(s[k]) {
			k++
		}
		if k == i {
			b.WriteByte(s[i])
			i++
			continue
		}
		if run := s[i:k]; roles[lower(run)] {
			b.WriteString(run)
		} else {
			b.WriteString(p.word(run))
		}
		i = k
	}
	return b.String()
}

func wordOctet(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}

// host gives another host name: one under .test (RFC 6761), or .zz (a country code that is nobody's) where that does not
// fit. Names of one domain stay in one domain, and labels that say what a host is for (mail, smtp …) stay.
func (p *pseudonyms) host(h string) string {
	if nobodysHost(h) {
		return h
	}
	if bare, dot := strings.CutSuffix(h, "."); dot {
		return p.host(bare) + "."
	}
	labels := strings.Split(h, ".")
	if len(labels) < 2 || len(labels[len(labels)-2])+len(labels[len(labels)-1]) < len("a.zz")-1 {
		return p.words(h)
	}
	n := len(labels) - 2
	base := strings.Join(labels[n:], ".")
	out := p.give("host", lower(base), func(noise func() int) string {
		top := ".test"
		if len(base) < len(top)+1 {
			top = ".zz"
		}
		b := make([]byte, max(0, len(base)-len(top)))
		for i := range b {
			from := consonants
			if i%2 == 1 {
				from = vowels
			}
			b[i] = from[noise()%len(from)]
		}
		return string(b) + top
	})
	for i := n - 1; i >= 0; i-- {
		l := labels[i]
		if !serviceLabels[lower(l)] {
			l = p.words(l)
		}
		out = l + "." + out
	}
	return out
}

var serviceLabels = setOf("mail smtp imap pop pop3 imaps smtps mx mx1 mx2 www lists autoconfig autodiscover submission")

// nobodysHost reports whether a name belongs to nobody: RFC 6761, RFC 2606.
func nobodysHost(h string) bool {
	h = lower(strings.TrimSuffix(h, "."))
	for _, top := range [...]string{"test", "invalid", "example", "localhost", "local", "localdomain", "zz"} {
		if h == top || strings.HasSuffix(h, "."+top) {
			return true
		}
	}
	for _, base := range [...]string{"example.com", "example.net", "example.org"} {
		if h == base || strings.HasSuffix(h, "."+base) {
			return true
		}
	}
	return false
}

// address gives another mail address.
func (p *pseudonyms) address(local, host string) string {
	if host != "" && host[0] == '[' {
		return p.words(local) + "@" + "[" + p.ipText(strings.Trim(host, "[]")) + "]"
	}
	return p.words(local) + "@" + p.host(host)
}

// ip gives an address of a documentation range (RFC 5737, RFC 3849), as long in text where there is one. Loopback and
// unspecified addresses are nobody's and stay.
func (p *pseudonyms) ip(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || nobodysIP(a) {
		return a
	}
	out := p.give("ip", a.String(), func(noise func() int) string {
		if !a.Is4() {
			return fmt.Sprintf("2001:db8::%x:%x", noise(), noise())
		}
		switch n := len(a.String()); {
		case n <= 9:
			return fmt.Sprintf("192.0.2.%d", 1+noise()%9)
		case n == 10:
			return fmt.Sprintf("192.0.2.%d", 10+noise()%90)
		case n == 11:
			return fmt.Sprintf("192.0.2.%d", 100+noise()%155)
		case n == 12:
			return fmt.Sprintf("198.51.100.%d", 1+noise()%9)
		case n == 13:
			return fmt.Sprintf("198.51.100.%d", 10+noise()%90)
		}
		return fmt.Sprintf("198.51.100.%d", 100+noise()%155)
	})
	return netip.MustParseAddr(out)
}

func nobodysIP(a netip.Addr) bool {
	for _, r := range documentation {
		if r.Contains(a) {
			return true
		}
	}
	return a.IsLoopback() || a.IsUnspecified() || a.IsMulticast()
}

var documentation = []netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100::/64"),
}

// ipText gives another address that is as long in text: of the documentation ranges, or, where none of them is as short
// or as long, of 0.0.0.0/8, 240.0.0.0/4 or 100::/64, which are nobody's either (RFC 6890, RFC 6666).
func (p *pseudonyms) ipText(s string) string {
	a, err := netip.ParseAddr(strings.TrimPrefix(s, "IPv6:"))
	if err != nil || nobodysIP(a.Unmap()) {
		return s
	}
	prefix := s[:len(s)-len(strings.TrimPrefix(s, "IPv6:"))]
	s = s[len(prefix):]
	if out := p.ip(a).String(); len(out) == len(s) {
		return prefix + out
	}
	return prefix + p.give("ip text", s, func(noise func() int) string {
		digits := func(n int) string { // a number of n digits that is an octet's
			return fmt.Sprint([]int{0, 1, 10, 100}[n] + noise()%[]int{1, 9, 90, 100}[n])
		}
		switch {
		case !a.Is4() && len(s) >= len("2001:db8::1"):
			return colons("2001:db8::", len(s), noise)
		case !a.Is4() && len(s) > len("100::"):
			return colons("100::", len(s), noise)
		case !a.Is4():
			return strings.Repeat(":", len(s)) // "a::" and the like: too short for any other
		case len(s) <= 8:
			return "0.0.0." + digits(len(s)-len("0.0.0."))
		}
		return "240." + digits(3) + "." + digits(3) + "." + digits(3)
	})
}

// colons fills an IPv6 address up to n characters with groups of hex digits.
func colons(prefix string, n int, noise func() int) string {
	const hexDigits = "123456789abcdef"
	b := []byte(prefix)
	run := 0
	for len(b) < n {
		if run == 4 && n-len(b) > 1 {
			b, run = append(b, ':'), 0
			continue
		}
		if run == 4 { // one character is left over: an IPv6 address of this length with other groups
			b = append(b[:len(b)-2], ':')
			run = 0
			b = append(b, hexDigits[noise()%len(hexDigits)])
			continue
		}
		b = append(b, hexDigits[noise()%len(hexDigits)])
		run++
	}
	return string(b)
}
