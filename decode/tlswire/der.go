package tlswire

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// der is one element of DER, X.690. Certificates of old and odd servers break its rules in many ways; the reader here
// takes what it can and leaves the rest empty.
type der struct {
	tag  byte
	body []byte
	all  []byte // with tag and length
	rest []byte // behind it
}

// readDER reads the element at the front. Lengths beyond the octets are cut, high tag numbers and indefinite lengths end it.
func readDER(b []byte) (der, bool) {
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return der{}, false
	}
	n, at := int(b[1]), 2
	if n >= 0x80 {
		k := n & 0x7f
		if k == 0 || k > 3 || len(b) < 2+k {
			return der{}, false
		}
		n = 0
		for _, c := range b[2 : 2+k] {
			n = n<<8 | int(c)
		}
		at += k
	}
	end := min(at+n, len(b))
	return der{tag: b[0], body: b[at:end], all: b[:end], rest: b[end:]}, true
}

// maxDER limits the elements of one constructed element that are looked at.
const maxDER = 4096

// children reads the elements inside one.
func (d der) children() []der {
	var out []der
	for b := d.body; len(out) < maxDER; {
		c, ok := readDER(b)
		if !ok {
			break
		}
		out = append(out, c)
		b = c.rest
	}
	return out
}

// child follows a path of indexes down, and gives an empty element where it ends.
func (d der) child(path ...int) der {
	for _, n := range path {
		cs := d.children()
		if n >= len(cs) {
			return der{}
		}
		d = cs[n]
	}
	return d
}

// oid writes an object identifier in dots.
func (d der) oid() string {
	if d.tag != 6 || len(d.body) == 0 || len(d.body) > 64 {
		return ""
	}
	var parts []string
	v := int64(0)
	for i, c := range d.body {
		v = v<<7 | int64(c&0x7f)
		if v > 1<<40 {
			return ""
		}
		if c&0x80 != 0 {
			continue
		}
		if len(parts) == 0 && i >= 0 {
			first := min(v/40, 2)
			parts = append(parts, strconv.FormatInt(first, 10))
			v -= 40 * first
		}
		parts = append(parts, strconv.FormatInt(v, 10))
		v = 0
	}
	return strings.Join(parts, ".")
}

// str reads a string of any of X.509's kinds as UTF-8.
func (d der) str() string {
	b := d.body
	if d.tag == 30 { // BMPString
		u := make([]uint16, len(b)/2)
		for i := range u {
			u[i] = be16(b[2*i:])
		}
		return string(utf16.Decode(u))
	}
	if utf8.Valid(b) {
		return string(b)
	}
	out := make([]rune, len(b)) // T61String and what pretends: ISO 8859-1
	for i, c := range b {
		out[i] = rune(c)
	}
	return string(out)
}

// attributeNames are the short names of RFC 4514 section 3 and those in common use.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
	"2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.13": "description",
	"2.5.4.15": "businessCategory", "2.5.4.17": "postalCode", "2.5.4.42": "GN", "2.5.4.97": "organizationIdentifier",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "emailAddress",
	"1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
	"1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}

// distinguishedName writes a Name as RFC 4514 does: the most specific part first.
func distinguishedName(b []byte) string {
	name, ok := readDER(b)
	if !ok {
		return ""
	}
	rdns := name.children()
	parts := make([]string, 0, len(rdns))
	for i := len(rdns) - 1; i >= 0 && len(parts) < maxList; i-- {
		var atts []string
		for _, a := range rdns[i].children() {
			id := a.child(0).oid()
			if short, ok := attributeNames[id]; ok {
				id = short
			}
			atts = append(atts, id+"="+escapeName(a.child(1).str()))
		}
		parts = append(parts, strings.Join(atts, "+"))
	}
	return strings.Join(parts, ",")
}

// escapeName escapes an attribute value by RFC 4514 section 2.4, and whatever could break a line.
func escapeName(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case strings.ContainsRune(`,+"\<>;`, r), i == 0 && (r == '#' || r == ' '), i == len(s)-1 && r == ' ':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e:
			for _, c := range []byte(string(r)) {
				fmt.Fprintf(&b, "\\%02x", c)
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// time reads UTCTime and GeneralizedTime and writes RFC 3339; what is neither is written as it is.
func (d der) time() string {
	s := string(d.body)
	for _, layout := range []string{"060102150405Z", "0601021504Z", "20060102150405Z", "060102150405-0700", "20060102150405-0700"} {
		if (d.tag == 23) != strings.HasPrefix(layout, "06") {
			continue
		}
		if t, err := time.Parse(layout, s); err == nil {
			if d.tag == 23 && t.Year() >= 2050 { // RFC 5280 section 4.1.2.5.1
				t = t.AddDate(-100, 0, 0)
			}
			return t.UTC().Format(time.RFC3339)
		}
	}
	return text(d.body)
}
