package decode

import (
	"bytes"
	"strings"
)

// maxParts bounds the parts of one SASL message; DIGEST-MD5 has 13 directives, OAUTHBEARER and SCRAM fewer.
const maxParts = 32

// digestParts: the directives of DIGEST-MD5 (RFC 2831 §2.1), name=value or name="value", separated by commas.
func digestParts(raw []byte, client bool) []saslPart {
	var parts []saslPart
	for p := 0; p < len(raw); {
		for p < len(raw) && (raw[p] == ' ' || raw[p] == '\t' || raw[p] == ',' || raw[p] == '\r' || raw[p] == '\n') {
			p++
		}
		if p == len(raw) {
			break
		}
		name, from, to, next, ok := directive(raw, p)
		if !ok || len(parts) == maxParts {
			return append(parts, unread(p, len(raw), client))
		}
		if client && !digestNames[name] { // the name may be half a password
			return append(parts, saslRest(p, len(raw)))
		}
		parts = append(parts, saslPart{name: name, from: from, to: to, secret: client && name == "response"})
		p = next
	}
	return parts
}

// digestNames are the directives of a client (RFC 2831 §2.1.2).
var digestNames = wordSet("username realm nonce cnonce nc qop digest-uri response maxbuf charset cipher authzid auth-param")

// unread is the end of a message that could not be taken apart; the client's may be secret, the server's is shown.
func unread(from, to int, client bool) saslPart {
	if client {
		return saslRest(from, to)
	}
	return saslPart{name: "challenge", from: from, to: to, binary: true}
}

// directive reads name=value at p: the value's octets without its quotes, and where the next one starts.
func directive(raw []byte, p int) (name string, from, to, next int, ok bool) {
	eq := bytes.IndexByte(raw[p:], '=')
	if eq <= 0 || !isToken(raw[p:p+eq]) {
		return
	}
	name, from = strings.ToLower(string(raw[p:p+eq])), p+eq+1
	if from < len(raw) && raw[from] == '"' {
		from++
		for to = from; to < len(raw) && raw[to] != '"'; to++ {
			if raw[to] == '\\' {
				to++
			}
		}
		if to >= len(raw) {
			return
		}
		return name, from, to, to + 1, to+1 == len(raw) || raw[to+1] == ',' || raw[to+1] == ' '
	}
	to = len(raw)
	if c := bytes.IndexByte(raw[from:], ','); c >= 0 {
		to = from + c
	}
	return name, from, to, to, true
}

// isToken reports whether b may name a directive: letters, digits and the hyphen.
func isToken(b []byte) bool {
	for _, c := range b {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return len(b) > 0
}

// The names of SCRAM's attributes (RFC 5802 §5.1). Channel binding data is the hash or the certificate's, no secret of
// the user's; the proof is, since a dictionary can be tried on it.
var scramNames = map[byte]string{
	'a': "authzid", 'n': "user", 'm': "extension", 'r': "nonce", 'c': "channel_binding", 's': "salt",
	'i': "iterations", 'p': "proof", 'v': "signature", 'e': "error", 't': "trace",
}

// scramClientParts: client-first-message "n,,n=user,r=nonce" or client-final-message "c=biws,r=nonce,p=proof"
// (RFC 5802 §7). The -PLUS variants say p=tls-… in the gs2 header, before the first comma.
func scramClientParts(raw []byte) []saslPart {
	if len(raw) > 1 && raw[0] == 'c' && raw[1] == '=' {
		return scramAttributes(raw, 0, true, nil)
	}
	parts, next, ok := gs2Header(raw)
	if !ok {
		return []saslPart{saslRest(0, len(raw))}
	}
	return scramAttributes(raw, next, true, parts)
}

// scramServerParts: server-first-message "r=…,s=…,i=…" or server-final-message "v=…" or "e=…".
func scramServerParts(raw []byte) []saslPart { return scramAttributes(raw, 0, false, nil) }

// gs2Header reads "n,a=authzid," (RFC 5801 §4): the channel binding flag and the identity to act as.
func gs2Header(raw []byte) (parts []saslPart, next int, ok bool) {
	comma := bytes.IndexByte(raw, ',')
	if comma < 1 {
		return nil, 0, false
	}
	flag := raw[:comma]
	if !(comma == 1 && (flag[0] == 'n' || flag[0] == 'y')) && !(comma > 2 && flag[0] == 'p' && flag[1] == '=') {
		return nil, 0, false
	}
	parts = []saslPart{{name: "gs2_flag", to: comma}}
	end := bytes.IndexByte(raw[comma+1:], ',')
	if end < 0 {
		return nil, 0, false
	}
	end += comma + 1
	switch id := raw[comma+1 : end]; {
	case len(id) == 0:
	case len(id) >= 2 && id[0] == 'a' && id[1] == '=':
		parts = append(parts, saslPart{name: "authzid", from: comma + 3, to: end})
	default:
		return nil, 0, false
	}
	return parts, end + 1, true
}

// scramAttributes reads a=value,b=value from p on.
func scramAttributes(raw []byte, p int, client bool, parts []saslPart) []saslPart {
	for p < len(raw) {
		if len(raw)-p < 2 || raw[p+1] != '=' || scramNames[raw[p]] == "" || len(parts) == maxParts {
			return append(parts, unread(p, len(raw), client))
		}
		to := len(raw)
		if c := bytes.IndexByte(raw[p:], ','); c >= 0 {
			to = p + c
		}
		parts = append(parts, saslPart{name: scramNames[raw[p]], from: p + 2, to: to, secret: client && raw[p] == 'p'})
		p = to + 1
	}
	return parts
}
