package captures

import (
	"net/netip"
	"strings"
)

// tokenKind is what scan recognises in text.
type tokenKind uint8

const (
	tokenAddress tokenKind = iota // local@host
	tokenIP
	tokenHost // a word with dots in it that ends like a host name
	tokenWord
)

// maxDomain is the longest domain of an address (RFC 5321 §4.5.3.1.2); maxIPText the longest IP address as text.
const (
	maxDomain = 255
	maxIPText = 45
)

// scan gives the tokens of a text from left to right. at is where the @ of an address stands. Every octet is looked at a
// fixed number of times, whatever the text is.
func scan(s string, visit func(kind tokenKind, from, to, at int)) {
	tried := 0 // no IPv6 address begins before
	for i := 0; i < len(s); {
		if i >= tried && (hexDigit(s[i]) || s[i] == ':') && (i == 0 || !wordOctet(s[i-1])) {
			k := i
			for k < len(s) && (hexDigit(s[k]) || s[k] == ':' || s[k] == '.') {
				k++
			}
			tried = k
			if isIPv6(s[i:k]) {
				visit(tokenIP, i, k, 0)
				i = k
				continue
			}
		}
		if !localOctet(s[i]) {
			i++
			continue
		}
		k := i
		for k < len(s) && localOctet(s[k]) {
			k++
		}
		end := domainEnd(s, k)
		if end < 0 {
			scanRun(s, i, k, visit)
			i = k
			continue
		}
		local := i + strings.LastIndexByte(s[i:k], '=') + 1 // AUTH=alice@exemple.test
		scanRun(s, i, local, visit)
		if local < k {
			visit(tokenAddress, local, end, k)
		}
		i = end
	}
}

// isIPv6 reports whether text is an IPv6 address and not a time of day.
func isIPv6(s string) bool {
	if len(s) < 3 || len(s) > maxIPText || strings.Count(s, ":") < 2 {
		return false
	}
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6()
}

// localOctet tells the octets of a dot-string (RFC 5322 §3.2.3, RFC 6532 for those beyond ASCII).
func localOctet(c byte) bool {
	return wordOctet(c) || strings.IndexByte("!#$%&'*+/=?^_{|}~.-`", c) >= 0
}

func hostOctet(c byte) bool {
	return wordOctet(c) || c == '-' || c == '.' || c == '_'
}

// domainEnd gives the end of the domain of an address whose @ would stand at i; -1 if none does.
func domainEnd(s string, i int) int {
	if i+1 >= len(s) || s[i] != '@' {
		return -1
	}
	limit := min(len(s), i+1+maxDomain)
	if s[i+1] == '[' {
		if n := strings.IndexByte(s[i:limit], ']'); n > 2 {
			return i + n + 1
		}
		return -1
	}
	k := i + 1
	for k < limit && hostOctet(s[k]) {
		k++
	}
	for k > i+1 && !wordOctet(s[k-1]) {
		k--
	}
	if k == i+1 {
		return -1
	}
	return k
}

// scanRun gives the tokens of a stretch without an address in it.
func scanRun(s string, from, to int, visit func(kind tokenKind, from, to, at int)) {
	for i := from; i < to; {
		if !hostOctet(s[i]) {
			i++
			continue
		}
		k := i
		for k < to && hostOctet(s[k]) {
			k++
		}
		a, b := i, k
		for a < b && !wordOctet(s[a]) {
			a++
		}
		for b > a && !wordOctet(s[b-1]) {
			b--
		}
		i = k
		switch t := s[a:b]; {
		case t == "":
		case strings.IndexByte(t, '.') < 0:
			scanWords(s, a, b, visit)
		case strings.Trim(t, "0123456789.") == "":
			if ip, err := netip.ParseAddr(t); err == nil && ip.Is4() {
				visit(tokenIP, a, b, 0)
			}
		case hostLike(t):
			visit(tokenHost, a, b, 0)
		default:
			scanWords(s, a, b, visit)
		}
	}
}

// hostLike reports whether what is behind the last dot is letters, as in every domain.
func hostLike(t string) bool {
	top := t[strings.LastIndexByte(t, '.')+1:]
	if len(top) < 2 || len(t) > maxDomain || strings.Contains(t, "..") {
		return false
	}
	for i := 0; i < len(top); i++ {
		if c := top[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

func scanWords(s string, from, to int, visit func(kind tokenKind, from, to, at int)) {
	for i := from; i < to; {
		k := i
		for k < to && wordOctet(s[k]) {
			k++
		}
		if k > i {
			visit(tokenWord, i, k, 0)
		}
		i = max(k, i+1)
	}
}
