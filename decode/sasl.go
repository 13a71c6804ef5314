package decode

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// maxSASLSteps bounds the rounds an exchange tells apart. No mechanism needs more than four; what follows keeps the last.
const maxSASLSteps = 1000

// exchange follows one SASL authentication (RFC 4422): it takes the base64 messages of both sides apart and says what a
// masked copy of them reads.
//
// Masking is idempotent: an exchange over the masked copy gives that copy and the same fields again, because values are
// read from the masked octets and no mask changes where the parts of a message lie.
type exchange struct {
	mechanism string              // upper case
	show      bool                // leave secrets as they are
	answers   int                 // client messages with content so far
	asked     string              // LOGIN: what the last challenge asked for: "user", "password" or ""
	qop       string              // DIGEST-MD5: the protection that the client chose
	hear      func(secret []byte) // told of each secret that is text, before it is masked; may be nil
}

// exchange starts an authentication with the mechanism of that name, in either case, whose secrets are remembered.
func (l *leg) exchange(mechanism string) *exchange {
	x := newExchange(mechanism, l.s.o.ShowSecrets)
	x.hear = l.heardSecret
	return x
}

// newExchange starts an authentication with the mechanism of that name, in either case. With show, nothing is masked.
func newExchange(mechanism string, show bool) *exchange {
	return &exchange{mechanism: strings.ToUpper(mechanism), show: show}
}

// saslPart is a named piece of a decoded SASL message.
type saslPart struct {
	name     string
	from, to int  // in the decoded message
	secret   bool // to be overwritten
	text     string
	derived  bool // text is the value; otherwise the octets are
	binary   bool // the octets are shown in base64, or as stars
}

// client takes the client's base64 response (initial or later; "=" is the empty initial response, "*" cancels) and gives
// the parts it holds, their spans counted from the start of b64, and what a masked copy of b64 reads: as long, with the
// same padding, secrets being '*' once decoded. masked is nil if nothing is secret.
//
// What is not base64, not of the mechanism's form, or of an unknown mechanism is a secret as a whole.
func (x *exchange) client(b64 []byte) (fields []Field, masked []byte) {
	switch {
	case len(b64) == 0 || len(b64) == 1 && b64[0] == '=':
		return nil, nil
	case len(b64) == 1 && b64[0] == '*':
		return []Field{{Name: "cancel", Value: "*", Span: Span{0, 1}}}, nil
	}
	raw, enc := decodeBase64(b64)
	if enc == nil {
		return x.notBase64(b64)
	}
	parts := x.clientParts(raw)
	if x.answers < maxSASLSteps {
		x.answers++
	}
	return x.finish(raw, enc, parts)
}

// server takes the server's base64 challenge, as [exchange.client] does the response.
func (x *exchange) server(b64 []byte) (fields []Field, masked []byte) {
	if len(b64) == 0 || len(b64) == 1 && b64[0] == '=' {
		return nil, nil
	}
	raw, enc := decodeBase64(b64)
	if enc == nil { // servers put plain text behind "334" and "+" now and then; it is theirs to say
		x.asked = ""
		return []Field{{Name: "challenge", Value: string(b64), Span: Span{0, int64(len(b64))}}}, nil
	}
	return x.finish(raw, enc, x.serverParts(raw))
}

// notBase64 hides the whole response. One octet alone stays: it tells nothing, and its mask would read as a cancel.
func (x *exchange) notBase64(b64 []byte) ([]Field, []byte) {
	all := Span{0, int64(len(b64))}
	if x.show || len(b64) == 1 {
		return []Field{{Name: "response", Value: string(b64), Span: all, Secret: len(b64) > 1}}, nil
	}
	masked := bytes.Repeat([]byte{'*'}, len(b64))
	return []Field{{Name: "response", Value: string(masked), Span: all, Secret: true}}, masked
}

// finish turns the parts of a decoded message into fields, and its secret octets into stars.
func (x *exchange) finish(raw []byte, enc *base64.Encoding, parts []saslPart) ([]Field, []byte) {
	var masked []byte
	if !x.show {
		hidden := false
		for _, p := range parts {
			if p.secret && p.to > p.from {
				if x.hear != nil && printable(raw[p.from:p.to]) {
					x.hear(raw[p.from:p.to])
				}
				starOut(raw[p.from:p.to])
				hidden = true
			}
		}
		if hidden {
			masked = make([]byte, enc.EncodedLen(len(raw)))
			enc.Encode(masked, raw)
		}
	}
	fields := make([]Field, 0, len(parts))
	for _, p := range parts {
		f := Field{Name: p.name, Value: p.text, Secret: p.secret}
		if p.to > p.from {
			f.Span = base64Span(p.from, p.to)
		}
		switch {
		case p.derived:
		case p.binary && (x.show || !p.secret):
			f.Value = base64.StdEncoding.EncodeToString(raw[p.from:p.to])
		default:
			f.Value = string(raw[p.from:p.to])
		}
		fields = append(fields, f)
	}
	return fields, masked
}

// starOut overwrites b.
func starOut(b []byte) {
	for i := range b {
		b[i] = '*'
	}
}

// base64Span gives the characters of base64 that carry the octets [from, to).
func base64Span(from, to int) Span {
	return Span{int64(from) * 4 / 3, (int64(to)*4 + 2) / 3}
}

// decodeBase64 decodes in full, and says how: with padding, or, as some clients send it, without. The encoding is nil if
// the octets are not base64. Line ends, which Go's decoder skips, are not base64 here.
func decodeBase64(b64 []byte) ([]byte, *base64.Encoding) {
	if bytes.IndexByte(b64, '\n') >= 0 || bytes.IndexByte(b64, '\r') >= 0 {
		return nil, nil
	}
	for _, enc := range [...]*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
		raw := make([]byte, enc.DecodedLen(len(b64)))
		if n, err := enc.Decode(raw, b64); err == nil {
			return raw[:n], enc
		}
	}
	return nil, nil
}

// clientParts takes a response apart by the mechanism.
func (x *exchange) clientParts(raw []byte) []saslPart {
	switch mechanismFamily(x.mechanism) {
	case "PLAIN":
		return plainParts(raw)
	case "LOGIN":
		return x.loginParts(raw)
	case "CRAM-MD5":
		return cramParts(raw)
	case "DIGEST-MD5":
		parts := digestParts(raw, true)
		for _, p := range parts {
			if p.name == "qop" {
				x.qop = string(raw[p.from:p.to])
			}
		}
		return parts
	case "NTLM":
		return ntlmParts(raw, true)
	case "SCRAM":
		return scramClientParts(raw)
	case "GSSAPI":
		return []saslPart{{name: "token", to: len(raw), secret: true, binary: true}}
	case "EXTERNAL":
		return nameOnly("authzid", raw)
	case "ANONYMOUS":
		return nameOnly("trace", raw)
	case "XOAUTH2":
		return oauthParts(raw, false)
	case "OAUTHBEARER":
		return oauthParts(raw, true)
	}
	return []saslPart{{name: "response", to: len(raw), secret: true, binary: true}}
}

// serverParts takes a challenge apart by the mechanism.
func (x *exchange) serverParts(raw []byte) []saslPart {
	switch mechanismFamily(x.mechanism) {
	case "LOGIN":
		x.asked = loginAsks(raw)
	case "DIGEST-MD5":
		return digestParts(raw, false)
	case "NTLM":
		return ntlmParts(raw, false)
	case "SCRAM":
		return scramServerParts(raw)
	case "GSSAPI":
		return []saslPart{{name: "token", to: len(raw), secret: true, binary: true}}
	case "XOAUTH2", "OAUTHBEARER":
		return oauthError(raw)
	}
	return []saslPart{{name: "challenge", to: len(raw), binary: !printable(raw)}}
}

// mechanismFamily names the form of the messages, "" for a mechanism whose form is not known.
func mechanismFamily(mechanism string) string {
	switch mechanism {
	case "PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM", "EXTERNAL", "ANONYMOUS", "XOAUTH2", "OAUTHBEARER":
		return mechanism
	case "GSSAPI", "GSS-SPNEGO", "KERBEROS_V4", "KERBEROS_V5", "KERBEROS", "GS2-KRB5", "GS2-KRB5-PLUS":
		return "GSSAPI"
	}
	if strings.HasPrefix(mechanism, "SCRAM-") {
		return "SCRAM"
	}
	return ""
}

// printable reports whether b is text that can be shown as it is.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			return false
		}
	}
	return true
}

// nameOnly is a message that is a name. With control characters in it, it is the message of another mechanism.
func nameOnly(name string, raw []byte) []saslPart {
	if !printable(raw) || len(bytes.Trim(raw, "*")) == 0 { // or the masked copy of that
		return []saslPart{saslRest(0, len(raw))}
	}
	return []saslPart{{name: name, to: len(raw)}}
}

// saslRest is the part that cannot be understood: hidden, as it may hold a secret.
func saslRest(from, to int) saslPart {
	return saslPart{name: "response", from: from, to: to, secret: true, binary: true}
}

// plainParts: authzid NUL authcid NUL passwd (RFC 4616 §2).
func plainParts(raw []byte) []saslPart {
	a := bytes.IndexByte(raw, 0)
	if a < 0 {
		return []saslPart{saslRest(0, len(raw))}
	}
	b := bytes.IndexByte(raw[a+1:], 0)
	if b < 0 {
		return []saslPart{saslRest(0, len(raw))}
	}
	b += a + 1
	return []saslPart{
		{name: "authzid", to: a},
		{name: "user", from: a + 1, to: b},
		{name: "password", from: b + 1, to: len(raw), secret: true},
	}
}

// loginAsks tells which of the two the challenge wants. Servers word it as "Username:", "User Name\0", "Password:" ….
func loginAsks(raw []byte) string {
	t := bytes.ToLower(raw)
	switch {
	case bytes.Contains(t, []byte("pass")):
		return "password"
	case bytes.Contains(t, []byte("user")), bytes.Contains(t, []byte("login")), bytes.Contains(t, []byte("name")):
		return "user"
	}
	return ""
}

// loginParts: the user's name, then the password, in the order asked for or, unasked, in that order
// (draft-murchison-sasl-login).
func (x *exchange) loginParts(raw []byte) []saslPart {
	user := x.asked == "user" && x.answers < 2 || x.asked == "" && x.answers == 0
	x.asked = ""
	if user {
		return nameOnly("user", raw)
	}
	return []saslPart{{name: "password", to: len(raw), secret: true}}
}

// cramParts: user SP digest (RFC 2195 §2). The name may hold spaces, the digest does not.
func cramParts(raw []byte) []saslPart {
	i := bytes.LastIndexByte(raw, ' ')
	if i < 0 || !printable(raw) {
		return []saslPart{saslRest(0, len(raw))}
	}
	return []saslPart{{name: "user", to: i}, {name: "digest", from: i + 1, to: len(raw), secret: true}}
}
