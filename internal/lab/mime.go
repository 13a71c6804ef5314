package lab

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
)

// Limits on a MIME tree: deeper or wider ones are attacks or accidents, and are shown as one opaque part.
const (
	maxPartDepth = 16
	maxParts     = 256
)

// part is one body part of a message (RFC 2045): octet ranges of the stored message, no copies.
type part struct {
	from, body, to int // header is [from, body) with its empty line, content is [body, to)
	fields         []field
	kind, subtype  string // of Content-Type, as spelled there
	parameters     []parameter
	children       []*part // of a multipart, or the one message of a message/rfc822
}

// field is one header field, value unfolded.
type field struct {
	name, value string
	from, to    int // with its folded lines and last CRLF
}

type parameter struct{ name, value string }

// parsePart reads the part that is raw[from:to].
func parsePart(raw []byte, from, to, depth int) *part {
	budget := maxParts
	return parseWithin(raw, from, to, depth, &budget, false)
}

// parseWithin parses one part. digest says that it stands in a multipart/digest, where the default type is a message.
func parseWithin(raw []byte, from, to, depth int, budget *int, digest bool) *part {
	p := &part{from: from, to: to}
	p.body = p.parseFields(raw)
	contentType := p.get("Content-Type")
	if contentType == "" {
		contentType = "text/plain; charset=us-ascii" // RFC 2045, section 5.2
		if digest {
			contentType = "message/rfc822" // RFC 2046, section 5.1.5
		}
	}
	var value string
	value, p.parameters = parseParameters(contentType)
	p.kind, p.subtype, _ = strings.Cut(value, "/")
	if p.subtype == "" {
		p.kind, p.subtype = "text", "plain"
	}
	*budget--
	if depth >= maxPartDepth || *budget <= 0 {
		if p.isMultipart() || p.isMessage() {
			p.kind, p.subtype = "application", "octet-stream"
		}
		return p
	}
	switch {
	case strings.EqualFold(p.kind, "multipart"):
		inDigest := strings.EqualFold(p.subtype, "digest")
		for _, r := range splitMultipart(raw, p.body, p.to, p.parameter("boundary")) {
			p.children = append(p.children, parseWithin(raw, r[0], r[1], depth+1, budget, inDigest))
		}
		if p.children == nil { // no part found: RFC 9051 has no structure for that, so it is shown as text
			p.kind, p.subtype = "text", "plain"
		}
	case p.isMessage():
		p.children = []*part{parseWithin(raw, p.body, p.to, depth+1, budget, false)}
	}
	return p
}

func (p *part) isMultipart() bool { return strings.EqualFold(p.kind, "multipart") }

func (p *part) isMessage() bool {
	return strings.EqualFold(p.kind, "message") && strings.EqualFold(p.subtype, "rfc822")
}

var unfolder = strings.NewReplacer("\r", "", "\n", "")

// parseFields reads the header fields and gives where the content starts.
func (p *part) parseFields(raw []byte) int {
	at := p.from
	for at < p.to {
		end := lineEnd(raw, at, p.to)
		if len(bytes.TrimRight(raw[at:end], "\r\n")) == 0 {
			return end
		}
		for end < p.to && (raw[end] == ' ' || raw[end] == '\t') {
			end = lineEnd(raw, end, p.to)
		}
		name, value, ok := bytes.Cut(raw[at:end], []byte{':'})
		if ok {
			unfolded := unfolder.Replace(string(value))
			p.fields = append(p.fields, field{strings.TrimRight(string(name), " \t"), strings.TrimSpace(unfolded), at, end})
		}
		at = end
	}
	return p.to
}

// lineEnd gives the offset after the line that starts at from.
func lineEnd(raw []byte, from, to int) int {
	if i := bytes.IndexByte(raw[from:to], '\n'); i >= 0 {
		return from + i + 1
	}
	return to
}

// get gives the value of the first field of that name, "" if there is none.
func (p *part) get(name string) string {
	for _, f := range p.fields {
		if strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

func (p *part) parameter(name string) string {
	for _, q := range p.parameters {
		if strings.EqualFold(q.name, name) {
			return q.value
		}
	}
	return ""
}

// splitMultipart gives the ranges of the parts between delimiter lines (RFC 2046, section 5.1.1). The CRLF before a
// delimiter belongs to it.
func splitMultipart(raw []byte, from, to int, boundary string) [][2]int {
	if boundary == "" {
		return nil
	}
	delimiter := []byte("--" + boundary)
	var out [][2]int
	start := -1
	for at := from; at < to; at = lineEnd(raw, at, to) {
		line := raw[at:lineEnd(raw, at, to)]
		if !bytes.HasPrefix(line, delimiter) {
			continue
		}
		rest := bytes.TrimRight(line[len(delimiter):], " \t\r\n")
		if len(rest) > 0 && string(rest) != "--" {
			continue // a longer boundary that only starts like this one
		}
		if start >= 0 {
			out = append(out, [2]int{start, max(start, beforeCRLF(raw, at))})
		}
		start = at + len(line)
		if len(rest) > 0 {
			return out
		}
	}
	if start >= 0 && start < to { // the closing delimiter is missing: the message was cut
		out = append(out, [2]int{start, to})
	}
	return out
}

func beforeCRLF(raw []byte, at int) int {
	if at > 0 && raw[at-1] == '\n' {
		at--
	}
	if at > 0 && raw[at-1] == '\r' {
		at--
	}
	return at
}

// parseParameters splits "text/plain; charset=utf-8; name="a;b"" (RFC 2045, section 5.1). Values stay as sent apart
// from their quotes: decoding RFC 2047 and RFC 2231 is the client's work.
func parseParameters(s string) (value string, list []parameter) {
	value, s, _ = strings.Cut(s, ";")
	for s != "" {
		var name, v string
		name, s, _ = strings.Cut(s, "=")
		s = strings.TrimLeft(s, " \t")
		if strings.HasPrefix(s, `"`) {
			var b strings.Builder
			i := 1
			for ; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' && i+1 < len(s) {
					i++
				}
				b.WriteByte(s[i])
			}
			v = b.String()
			_, s, _ = strings.Cut(s[min(i+1, len(s)):], ";")
		} else {
			v, s, _ = strings.Cut(s, ";")
		}
		if name = strings.TrimSpace(name); name != "" {
			list = append(list, parameter{name, strings.TrimSpace(v)})
		}
	}
	return strings.TrimSpace(value), list
}

// find gives the part that a list of part numbers leads to, nil if there is none (RFC 9051, section 6.4.5.1). Every
// message has at least part 1: of one that is no multipart, that is its own content.
func (p *part) find(numbers []int) *part {
	for _, n := range numbers {
		at := p
		if at.isMessage() {
			at = at.children[0]
		}
		switch {
		case at.isMultipart() && n <= len(at.children):
			p = at.children[n-1]
		case !at.isMultipart() && n == 1:
			p = at
		default:
			return nil
		}
	}
	return p
}

// text gives the content with its transfer encoding undone, for SEARCH.
func (p *part) text(raw []byte) []byte {
	content := raw[p.body:p.to]
	var r io.Reader
	switch strings.ToLower(p.get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		r = quotedprintable.NewReader(bytes.NewReader(content))
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, bytes.NewReader(content))
	default:
		return content
	}
	decoded, _ := io.ReadAll(r) // what could be decoded is searched
	return decoded
}

// decodeWords undoes RFC 2047 in a header value, as far as it can.
func decodeWords(s string) string {
	d, err := new(mime.WordDecoder).DecodeHeader(s)
	if err != nil {
		return s
	}
	return d
}
