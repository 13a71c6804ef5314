package decode

import "strings"

// What a password looks like where no grammar says that one comes. All of it is asked only about lines that are out of
// rule: nothing is lost where too much of them is hidden.

// maxMechanism is the longest name of a SASL mechanism (RFC 4422 §3.1).
const maxMechanism = 20

// mechanisms are the SASL mechanisms of IANA's registry and those that were never registered but are met.
var mechanisms = wordSet(`9798-M-DSA-SHA1 9798-M-ECDSA-SHA1 9798-M-RSA-SHA1-ENC 9798-U-DSA-SHA1 9798-U-ECDSA-SHA1
	9798-U-RSA-SHA1-ENC ANONYMOUS APOP CRAM-MD5 CRAM-SHA1 CRAM-SHA256 DIGEST-MD5 EAP-AES128 EAP-AES128-PLUS ECDH-X25519-CHALLENGE
	ECDSA-NIST256P-CHALLENGE EXTERNAL GS2-KRB5 GS2-KRB5-PLUS GSS-SPNEGO GSSAPI KERBEROS KERBEROS_V4 KERBEROS_V5 LOGIN
	MSN NMAS-SAMBA-AUTH NMAS_AUTHEN NMAS_LOGIN NTLM OAUTH10A OAUTHBEARER OPENID20 OTP PASSDSS-3DES-1 PLAIN RPA
	SAML20 SCRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS SCRAM-SHA-512 SCRAM-SHA-512-PLUS
	SCRAM-SHA3-512 SCRAM-SHA3-512-PLUS SECURID SKEY SPNEGO SPNEGO-PLUS SXOVER-PLUS XOAUTH XOAUTH2 XYMCOOKIE XYMPKI
	X-OAUTH X-OAUTH2 X-GSSAPI MSNP`)

func wordSet(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// mechanismName reports whether a word behind AUTH is the name of a mechanism: a known one in either case, or one of the
// form that RFC 4422 §3.1 asks for, in upper case. Anything else may be the message itself, the name forgotten.
func mechanismName(word []byte) bool {
	if len(word) == 0 || len(word) > maxMechanism {
		return false
	}
	if mechanisms[strings.ToUpper(string(word))] {
		return true
	}
	letters := 0
	for _, c := range word {
		switch {
		case 'A' <= c && c <= 'Z':
			letters++
		case digit(c), c == '-', c == '_':
		default:
			return false
		}
	}
	return 2*letters > len(word)
}

// passwordWords announce a password in one of the mail protocols, or in what people type; longer ones first.
var passwordWords = []string{"AUTHENTICATE", "AUTHORIZATION", "PASSPHRASE", "PASSWORD", "PASSWD", "BEARER", "SECRET", "TOKEN", "LOGIN", "LOGON", "PASS", "AUTH", "PWD"}

// messageWords are mechanisms whose message may follow their name.
var messageWords = wordSet("PLAIN XOAUTH2 OAUTHBEARER NTLM CRAM DIGEST SCRAM GSSAPI EXTERNAL BASIC")

// inWord reports whether an octet belongs to a word. Stars do: they stand for octets that did.
func inWord(c byte) bool {
	return digit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '*' || c >= 0x80
}

// suspect gives the offset from which on a line out of rule may hold a password: behind a word that announces one, also
// misspelt or grown together with it, or where something like base64 begins. -1 is nowhere.
//
// Asked again about the line with stars from there on, it gives that offset again, also where blanks and the announcements
// of literals were left between the stars: stars before it belong to it.
func suspect(line []byte) int {
	from := secretAt(line)
	if from < 0 {
		from = len(line)
	}
	if from = starsBefore(line, from); from == len(line) {
		return -1
	}
	return from
}

// starsBefore gives where the stars begin that end at offset from, blanks and announcements of literals between them: once
// what follows is masked, nobody can tell it from them.
func starsBefore(line []byte, from int) int {
	first := from
	for from > 0 {
		switch line[from-1] {
		case '*':
			from--
			first = from
		case ' ', '\n', '\r', 0:
			from--
		default:
			at, _, _, ok := literalMarker(line[:from])
			if !ok {
				return first
			}
			from = at
		}
	}
	return first
}

// secretAt is suspect for a line in which nothing is masked.
func secretAt(line []byte) int {
	for i := 0; i < len(line); {
		if !inWord(line[i]) {
			i++
			continue
		}
		n := i + 1
		for n < len(line) && inWord(line[n]) {
			n++
		}
		if from := behindWord(line, i, n); from >= 0 {
			return from
		}
		if looksEncoded(line, i) {
			return i
		}
		i = n
	}
	return -1
}

// behindWord gives where a password begins behind the word [from, to), -1 if it announces none or nothing follows.
func behindWord(line []byte, from, to int) int {
	for to > from && line[to-1] == '*' { // what is masked already is no part of the word
		to--
	}
	var room [20]byte
	n := to - from
	if n > len(room) {
		n = len(room)
	}
	word := room[:n]
	for i := range word {
		word[i] = upperOctet(line[from+i])
	}
	announces := to-from <= len(room) && messageWords[string(word)]
	for _, p := range passwordWords {
		announces = announces || to-from <= len(room) && similar(string(word), p)
	}
	if announces {
		next := to
		for next < len(line) && separates(line[next]) {
			next++
		}
		if next < len(line) {
			return next
		}
	}
	for _, p := range passwordWords { // PASShunter2
		if len(p) > 3 && len(word) > len(p) && string(word[:len(p)]) == p {
			return from + len(p)
		}
	}
	return -1
}

func separates(c byte) bool {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0 || c == ':' || c == '=' || c == '"'
}

func upperOctet(c byte) byte {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c
}

// similar reports whether a word is another with one slip of the finger: an octet too many, missing, wrong, or changed
// for its neighbour; of long words, two.
func similar(word, as string) bool {
	if word == as {
		return true
	}
	if len(as) < 4 {
		return false
	}
	slips := 1
	if len(as) >= 8 {
		slips = 2
	}
	return distance(word, as, slips)
}

// distance reports whether a becomes b by at most n slips.
func distance(a, b string, n int) bool {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	if len(a) == 0 || len(b) == 0 {
		return len(a)+len(b) <= n
	}
	if n == 0 {
		return false
	}
	if len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0] && distance(a[2:], b[2:], n-1) {
		return true
	}
	return distance(a[1:], b, n-1) || distance(a, b[1:], n-1) || distance(a[1:], b[1:], n-1)
}

// minEncoded is the shortest run of base64 without padding that is taken for a message: shorter ones are words.
const minEncoded = 8

// looksEncoded reports whether base64 begins at offset at: a run with padding at its end, or one that mixes cases or
// digits as words do not.
func looksEncoded(line []byte, at int) bool {
	n, lower, upper, digits, turns := at, 0, 0, 0, 0
	for ; n < len(line); n++ {
		c := line[n]
		switch {
		case 'a' <= c && c <= 'z':
			lower++
		case 'A' <= c && c <= 'Z':
			if n > at && 'a' <= line[n-1] && line[n-1] <= 'z' {
				turns++
			}
			upper++
		case digit(c):
			digits++
		case c == '+' || c == '/':
		default:
			goto end
		}
	}
end:
	size := n - at
	if n < len(line) && line[n] == '=' && (n+1 == len(line) || line[n+1] == '=' || line[n+1] <= ' ' || line[n+1] == '"') {
		return size >= 2
	}
	return size >= minEncoded && (turns > 0 && (digits > 0 || turns > 1 || size%4 == 0) || digits > 0 && lower > 0 && upper > 0)
}

// secretKey reports whether a name says that its value is a secret.
func secretKey(name string) bool {
	name = strings.ToLower(name)
	for _, k := range [...]string{"pass", "pwd", "secret", "token", "credential", "bearer", "apikey", "api-key", "api_key", "private-key"} {
		if strings.Contains(name, k) {
			return true
		}
	}
	return false
}
