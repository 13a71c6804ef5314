package web

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"facteur/decode"
)

// maxPartText is the longest content of a part that is decoded to be read: a longer one is cut there and says so.
const maxPartText = 1 << 20

// decodeTransfer takes the transfer encoding off a part's content (RFC 2045 §6). It is forgiving as mail readers are:
// what is out of form in base64 is passed over, in quoted-printable left as it is. faults counts such octets.
func decodeTransfer(b []byte, encoding string) (out []byte, faults int) {
	switch encoding {
	case "base64":
		return decodeBase64(b)
	case "quoted-printable":
		return decodeQuotedPrintable(b)
	}
	return b, 0
}

func decodeBase64(b []byte) (out []byte, faults int) {
	clean := make([]byte, 0, len(b))
	for i, c := range b {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
			clean = append(clean, c)
		case c == '=': // the end; what stands behind it carries nothing (RFC 2045 §6.8)
			faults += len(strings.Trim(string(b[i:]), "= \t\r\n"))
			return base64Octets(clean), faults
		case c != '\r' && c != '\n' && c != ' ' && c != '\t':
			faults++
		}
	}
	return base64Octets(clean), faults
}

// base64Octets decodes characters of the alphabet; of a last group that is cut off, what it holds in whole octets.
func base64Octets(clean []byte) []byte {
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, _ := base64.RawStdEncoding.Decode(out, clean) // every character is in the alphabet
	return out[:n]
}

func decodeQuotedPrintable(b []byte) (out []byte, faults int) {
	out = make([]byte, 0, len(b))
	for len(b) > 0 {
		line, rest := b, []byte(nil)
		end := []byte(nil)
		for i, c := range b {
			if c == '\n' {
				line, end, rest = b[:i], b[i:i+1], b[i+1:]
				if i > 0 && b[i-1] == '\r' {
					line, end = b[:i-1], b[i-1:i+1]
				}
				break
			}
		}
		for n := len(line); n > 0 && (line[n-1] == ' ' || line[n-1] == '\t'); n-- {
			line = line[:n-1] // padding that some relay added (RFC 2045 §6.7, rule 3)
		}
		soft := false
		for i := 0; i < len(line); i++ {
			c := line[i]
			switch {
			case c != '=':
				out = append(out, c)
			case i == len(line)-1:
				soft = true
			case i+2 < len(line) && unhex(line[i+1]) >= 0 && unhex(line[i+2]) >= 0:
				out = append(out, byte(unhex(line[i+1])<<4|unhex(line[i+2])))
				i += 2
			default:
				out, faults = append(out, c), faults+1
			}
		}
		if !soft {
			out = append(out, end...)
		}
		b = rest
	}
	return out, faults
}

// unhex gives the value of a hexadecimal digit, -1 for none. RFC 2045 wants capitals; readers take both.
func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// toText reads a part's octets in its character set. How says how far that can be trusted: "ok"; "assumed", where the
// part names no set or its octets are not in it; "unknown", where facteur does not know the set. Both show UTF-8 where it
// is valid, else each octet as the character of its number (ISO-8859-1), so that nothing is hidden.
func toText(b []byte, charset string) (text, how string) {
	name := strings.ToLower(strings.TrimSpace(charset))
	switch name {
	case "":
		name = "us-ascii" // RFC 2045 §5.2
	case "utf-16", "utf-16le", "utf-16be":
		return fromUTF16(b, name), "ok"
	}
	if text, ok := decode.FromCharset(b, name); ok {
		return text, "ok"
	}
	how = "unknown"
	switch name {
	case "us-ascii", "ascii", "utf-8", "utf8":
		how = "assumed"
	}
	if utf8.Valid(b) {
		return string(b), how
	}
	text, _ = decode.FromCharset(b, "iso-8859-1")
	return text, how
}

// fromUTF16 reads UTF-16 (RFC 2781): big endian unless its name or its first octets say otherwise.
func fromUTF16(b []byte, name string) string {
	little := name == "utf-16le"
	if name == "utf-16" && len(b) >= 2 {
		if little = b[0] == 0xff && b[1] == 0xfe; little || b[0] == 0xfe && b[1] == 0xff {
			b = b[2:]
		}
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
		if little {
			units[i] = uint16(b[2*i+1])<<8 | uint16(b[2*i])
		}
	}
	return string(utf16.Decode(units))
}
