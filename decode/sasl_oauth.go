package decode

import (
	"bytes"
	"encoding/json"
)

// oauthSeparator ends each pair of XOAUTH2 and OAUTHBEARER (RFC 7628 §3.1).
const oauthSeparator = 1

// oauthParts: "user=…^Aauth=Bearer …^A^A" (XOAUTH2), or with gs2 the same behind a gs2 header that names the user
// (OAUTHBEARER, RFC 7628 §3.1). A bare ^A acknowledges an error.
func oauthParts(raw []byte, gs2 bool) []saslPart {
	var parts []saslPart
	p := 0
	if gs2 && !(len(raw) == 1 && raw[0] == oauthSeparator) {
		header, next, ok := gs2Header(raw)
		if !ok || next < len(raw) && raw[next] != oauthSeparator {
			return []saslPart{saslRest(0, len(raw))}
		}
		for _, h := range header {
			if h.name == "authzid" {
				h.name = "user"
			}
			parts = append(parts, h)
		}
		p = next
	}
	for p < len(raw) {
		to := len(raw)
		if i := bytes.IndexByte(raw[p:], oauthSeparator); i >= 0 {
			to = p + i
		}
		if to > p {
			if len(parts) >= maxParts {
				return append(parts, saslRest(p, len(raw)))
			}
			parts = append(parts, oauthPair(raw, p, to)...)
		}
		p = to + 1
	}
	return parts
}

// oauthPair reads one key=value. Only what is known to be public is shown.
func oauthPair(raw []byte, from, to int) []saslPart {
	eq := bytes.IndexByte(raw[from:to], '=')
	if eq < 0 {
		return []saslPart{saslRest(from, to)}
	}
	value := from + eq + 1
	switch key := string(raw[from : from+eq]); key {
	case "user", "host", "port", "mthd", "path", "qs":
		return []saslPart{{name: key, from: value, to: to}}
	case "auth":
		if sp := bytes.IndexByte(raw[value:to], ' '); sp > 0 {
			return []saslPart{
				{name: "scheme", from: value, to: value + sp},
				{name: "token", from: value + sp + 1, to: to, secret: true},
			}
		}
		return []saslPart{{name: "token", from: value, to: to, secret: true}}
	}
	return []saslPart{saslRest(from, to)}
}

// oauthError: the JSON in which a server says why it refused (RFC 7628 §3.2.2).
func oauthError(raw []byte) []saslPart {
	var said map[string]any
	if json.Unmarshal(raw, &said) != nil {
		return []saslPart{{name: "challenge", to: len(raw), binary: !printable(raw)}}
	}
	parts := []saslPart{{name: "error", to: len(raw)}}
	for _, name := range [...]string{"status", "schemes", "scope", "openid-configuration"} {
		switch v := said[name].(type) {
		case string:
			parts = append(parts, saslPart{name: name, text: v, derived: true})
		case float64:
			parts = append(parts, saslPart{name: name, text: jsonNumber(v), derived: true})
		}
	}
	return parts
}

// jsonNumber prints a number as JSON does: 401, not 401.000000.
func jsonNumber(v float64) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
