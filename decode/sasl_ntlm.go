package decode

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"unicode/utf16"
)

// Offsets in the messages of [MS-NLMP] §2.2.1. A field of variable length is a descriptor of 8 octets: length (2),
// room (2), offset from the message's start (4).
const (
	ntlmDescriptor     = 8
	ntlmNegotiateFlags = 12 // type 1: flags, then domain and workstation
	ntlmNegotiateEnd   = 32
	ntlmChallengeName  = 12 // type 2: target name, flags, server challenge
	ntlmChallengeFlags = 20
	ntlmChallengeNonce = 24
	ntlmChallengeEnd   = 32
	ntlmLMResponse     = 12 // type 3: two responses, three names, the session key
	ntlmNTResponse     = 20
	ntlmDomain         = 28
	ntlmUser           = 36
	ntlmHost           = 44
	ntlmSessionKey     = 52
	ntlmAuthMinimum    = 52 // old clients leave session key and flags out
	ntlmAuthFlagsAt    = 60
	ntlmUnicode        = 1 // flag: names are UTF-16LE
)

var ntlmSignature = []byte("NTLMSSP\x00")

// ntlmParts: NEGOTIATE, CHALLENGE and AUTHENTICATE messages of NTLM. The responses and the session key are secret: a
// password can be guessed from them at leisure.
func ntlmParts(raw []byte, client bool) []saslPart {
	if len(raw) < 12 || !bytes.Equal(raw[:8], ntlmSignature) {
		if !client || len(raw) == 0 {
			return []saslPart{{name: "challenge", to: len(raw), binary: !printable(raw)}}
		}
		return []saslPart{saslRest(0, len(raw))}
	}
	kind := binary.LittleEndian.Uint32(raw[8:])
	parts := []saslPart{{name: "type", from: 8, to: 12, text: strconv.FormatUint(uint64(kind), 10), derived: true}}
	switch {
	case kind == 1 && client:
		return append(parts, ntlmNegotiate(raw)...)
	case kind == 2 && !client:
		return append(parts, ntlmChallenge(raw)...)
	case kind == 3 && client && len(raw) >= ntlmAuthMinimum:
		return append(parts, ntlmAuthenticate(raw)...)
	}
	return append(parts, unread(12, len(raw), client))
}

func ntlmNegotiate(raw []byte) []saslPart {
	if len(raw) < ntlmNegotiateEnd {
		return nil
	}
	return []saslPart{
		ntlmName(raw, "domain", ntlmNegotiateFlags+4, ntlmNegotiateEnd, false),
		ntlmName(raw, "host", ntlmNegotiateFlags+12, ntlmNegotiateEnd, false),
	}
}

func ntlmChallenge(raw []byte) []saslPart {
	if len(raw) < ntlmChallengeEnd {
		return []saslPart{unread(12, len(raw), false)}
	}
	wide := binary.LittleEndian.Uint32(raw[ntlmChallengeFlags:])&ntlmUnicode != 0
	return []saslPart{
		ntlmName(raw, "target", ntlmChallengeName, ntlmChallengeEnd, wide),
		{name: "nonce", from: ntlmChallengeNonce, to: ntlmChallengeEnd, derived: true,
			text: hex.EncodeToString(raw[ntlmChallengeNonce:ntlmChallengeEnd])},
	}
}

func ntlmAuthenticate(raw []byte) []saslPart {
	// Without flags (messages of 52 octets up to the first payload) names are taken for UTF-16, as all such clients send.
	start := ntlmPayloadStart(raw)
	wide := start < ntlmAuthFlagsAt+4 || binary.LittleEndian.Uint32(raw[ntlmAuthFlagsAt:])&ntlmUnicode != 0
	lm := ntlmSecret(raw, "lm_response", ntlmLMResponse, start)
	nt := ntlmSecret(raw, "nt_response", ntlmNTResponse, start)
	secrets := []saslPart{lm, nt}
	if start >= ntlmSessionKey+ntlmDescriptor {
		secrets = append(secrets, ntlmSecret(raw, "session_key", ntlmSessionKey, start))
	}
	parts := []saslPart{
		ntlmName(raw, "domain", ntlmDomain, start, wide),
		ntlmName(raw, "user", ntlmUser, start, wide),
		ntlmName(raw, "host", ntlmHost, start, wide),
	}
	for i := range parts { // a name laid over a response would give the response away
		for _, s := range secrets {
			if parts[i].from < s.to && s.from < parts[i].to {
				parts[i] = saslPart{name: parts[i].name, derived: true}
			}
		}
	}
	return append(parts, secrets...)
}

// ntlmPayloadStart gives the end of the fixed part: the least offset a descriptor names, but not before the fields every
// client sends. Nothing before it is ever masked, so that a masked message has the same descriptors.
func ntlmPayloadStart(raw []byte) int {
	start := len(raw)
	for at := ntlmLMResponse; at <= ntlmHost; at += ntlmDescriptor {
		if n, off := binary.LittleEndian.Uint16(raw[at:]), binary.LittleEndian.Uint32(raw[at+4:]); n > 0 && int64(off) < int64(start) {
			start = int(off)
		}
	}
	return max(start, ntlmAuthMinimum)
}

// ntlmRange reads the descriptor at, giving an empty range where it points outside the payload.
func ntlmRange(raw []byte, at, start int) (from, to int) {
	if at+ntlmDescriptor > len(raw) {
		return 0, 0
	}
	n, off := int64(binary.LittleEndian.Uint16(raw[at:])), int64(binary.LittleEndian.Uint32(raw[at+4:]))
	if n == 0 || off < int64(start) || off+n > int64(len(raw)) {
		return 0, 0
	}
	return int(off), int(off + n)
}

func ntlmSecret(raw []byte, name string, at, start int) saslPart {
	from, to := ntlmRange(raw, at, start)
	return saslPart{name: name, from: from, to: to, secret: true, binary: true}
}

func ntlmName(raw []byte, name string, at, start int, wide bool) saslPart {
	from, to := ntlmRange(raw, at, start)
	p := saslPart{name: name, from: from, to: to, derived: true, text: string(raw[from:to])}
	if wide {
		units := make([]uint16, 0, (to-from)/2)
		for i := from; i+1 < to; i += 2 {
			units = append(units, binary.LittleEndian.Uint16(raw[i:]))
		}
		p.text = string(utf16.Decode(units))
	}
	return p
}
