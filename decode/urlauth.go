package decode

import "bytes"

// urlauthKey begins the part of an IMAP URL that lets whoever holds it read a message without signing in (RFC 4467 §3):
// ;URLAUTH=access:mechanism:token. Without the token it only asks for one.
const urlauthKey = ";URLAUTH="

// maxTokens is how many tokens of one command, reply or response are named; all of them are masked.
const maxTokens = maxFields

// urlauth gives where the token of the next such URL stands in a line, from offset at on; ok is false if there is none.
func urlauth(line []byte, at int) (from, to int, ok bool) {
	for {
		i := bytes.IndexByte(line[at:], urlauthKey[0])
		if i < 0 || len(line)-at-i < len(urlauthKey) {
			return 0, 0, false
		}
		at += i
		if !bytes.EqualFold(line[at:at+len(urlauthKey)], []byte(urlauthKey)) {
			at++
			continue
		}
		at += len(urlauthKey)
		url := line[at:]
		for n, c := range url {
			if endsURL(c) {
				url = url[:n]
				break
			}
		}
		access := bytes.IndexByte(url, ':')
		mechanism := bytes.IndexByte(url[access+1:], ':')
		if from, to = at+access+1+mechanism+1, at+len(url); access >= 0 && mechanism >= 0 && from < to {
			return from, to, true
		}
	}
}

// endsURL tells the octets that no URL has (RFC 3986 §2).
func endsURL(c byte) bool {
	return c <= ' ' || c >= 0x7f || bytes.IndexByte([]byte("\"<>()[]{}\\^`|"), c) >= 0
}

// hideTokens gives a copy of a line, at an offset of its stream, with the tokens of its URLs masked, or the line itself;
// to tokens it adds a field for each.
func (l *leg) hideTokens(side Side, layer Layer, line []byte, at int64, tokens []Field) ([]byte, []Field) {
	for next := 0; ; {
		from, to, ok := urlauth(line, next)
		if !ok {
			return line, tokens
		}
		line = l.hide(side, layer, line, from, at, stars(to-from))
		if len(tokens) < maxTokens {
			span := Span{at + int64(from), at + int64(to)}
			tokens = append(tokens, Field{Name: "urlauth", Value: string(line[from:to]), Span: span, Secret: true})
		}
		next = to
	}
}
