package replay

import (
	"crypto/hmac"
	"crypto/md5" // APOP and CRAM-MD5 are defined with MD5
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1" // SCRAM-SHA-1 is defined with SHA-1
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net"
	"strconv"
	"strings"

	"facteur/decode"
	"facteur/internal/bilingual"
)

// maxIterations bounds what a server can make a client compute (RFC 7677 §4 wants 4096 at least).
const maxIterations = 1_000_000

// wrongPassword is sent where the recorded log-in failed, so that this one does too.
const wrongPassword = "facteur-wrong-password"

// maxSASLTurns ends exchanges with a server that never has enough.
const maxSASLTurns = 12

// logIn speaks a log-in again, with the credentials given.
func (s *sender) logIn(step *Step) error {
	user, password, err := s.credentials(step)
	if err != nil {
		return err
	}
	if !s.secure && !loopback(s.raw.RemoteAddr()) && s.d.Security != Clear {
		return bilingual.Errorf("%w: it was recorded in TLS and would now cross the network in clear; use a URL with TLS",
			"%w\u202f: enregistré dans TLS, il traverserait maintenant le réseau en clair\u202f; donnez une URL avec TLS", ErrCannotSend)
	}
	live := s.begin(step)
	defer func() { s.now.Steps = append(s.now.Steps, *live) }()
	words := tokens(step.asked())
	if s.protocol == decode.IMAP && len(words) > 0 {
		words = words[1:]
		s.tags++
		live.tag = fmt.Sprintf("r%d", s.tags)
	}
	command := ""
	switch verb := strings.ToUpper(words[0].text); verb {
	case "PASS":
		command = "PASS " + password
	case "APOP":
		command = "APOP " + user + " " + apop(s.greeting, password)
	case "LOGIN":
		command = live.tag + " LOGIN " + quote(user) + " " + quote(password)
	default:
		if len(words) < 2 {
			return bilingual.Errorf("%w: it names no mechanism", "%w\u202f: aucun mécanisme n’y est nommé", ErrCannotSend)
		}
		return s.sasl(live, verb, strings.ToUpper(words[1].text), len(words) > 2, user, password)
	}
	live.Line = shownLine(s.protocol, []byte(command))
	live.Turns = []Turn{{Client: []byte(live.Line + "\r\n")}} // never the password
	if err := s.say([]byte(command + "\r\n")); err != nil {
		return err
	}
	return s.read(&live.Turns[0], live.tag, false)
}

// credentials are whom to log in as, and how: wrongly, where the recording shows a refusal.
func (s *sender) credentials(step *Step) (user, password string, err error) {
	if user = s.o.User; user == "" {
		user = recordedUser(s.protocol, step)
	}
	if user == "" {
		user = s.user
	}
	if !s.good(step) {
		return user, wrongPassword, nil
	}
	if s.o.Password != nil {
		if p, ok := s.o.Password(user); ok {
			return user, p, nil
		}
	}
	return "", "", bilingual.Errorf("%w: no password for the user %q; give --user and --password-file",
		"%w\u202f: pas de mot de passe pour %q\u202f; donnez --user et --password-file", ErrCannotSend, user)
}

func loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// quote makes a quoted string (RFC 9051 §9).
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// apop proves the password with the greeting's nonce (RFC 1939 §7).
func apop(greeting, password string) string {
	sum := md5.Sum([]byte(nonce.FindString(greeting) + password))
	return hex.EncodeToString(sum[:])
}

// recordedUser is whom a recorded log-in names; the password beside it is masked.
func recordedUser(protocol string, step *Step) string {
	words := tokens(step.asked())
	if protocol == decode.IMAP && len(words) > 0 {
		words = words[1:]
	}
	if len(words) == 0 {
		return ""
	}
	switch strings.ToUpper(words[0].text) {
	case "LOGIN", "APOP":
		if len(words) > 1 {
			return words[1].text
		}
		return ""
	case "PASS":
		return ""
	}
	if len(words) < 2 {
		return ""
	}
	first := ""
	if len(words) > 2 {
		first = words[2].text
	} else if len(step.Turns) > 1 {
		first = strings.Trim(firstLine(step.Turns[1].Client), `"`)
	}
	raw, err := base64.StdEncoding.DecodeString(first)
	if err != nil {
		return ""
	}
	mechanism := strings.ToUpper(words[1].text)
	if strings.HasPrefix(mechanism, "SCRAM-") {
		for _, part := range strings.Split(string(raw), ",") {
			if user, ok := strings.CutPrefix(part, "n="); ok && user != "" {
				return user
			}
		}
		return ""
	}
	return saslUser(mechanism, raw)
}

// sasl runs the client's half of an exchange (RFC 4422).
func (s *sender) sasl(live *Step, verb, mechanism string, initial bool, user, password string) error {
	next, err := mechanismFor(mechanism, user, password)
	if err != nil {
		return err
	}
	command := strings.TrimSpace(live.tag + " " + verb + " " + mechanism)
	if s.protocol == decode.Sieve {
		command = verb + " " + strconv.Quote(mechanism)
	}
	if live.Line = command; initial {
		first, err := next(nil)
		if err != nil {
			return err
		}
		live.Line += " …"
		command += " " + s.initialResponse(first)
	}
	for range maxSASLTurns {
		live.Turns = append(live.Turns, Turn{Client: []byte(live.Line + "\r\n")})
		turn := &live.Turns[len(live.Turns)-1]
		if err := s.say([]byte(command + "\r\n")); err != nil {
			return err
		}
		tag := live.tag
		if s.protocol == decode.Sieve {
			tag = "sasl"
		}
		if err := s.read(turn, tag, false); err != nil {
			return err
		}
		challenge, more := s.challenge(turn)
		if !more {
			return nil
		}
		if command, err = next(challenge); err != nil {
			return err
		}
		if s.protocol == decode.Sieve {
			command = strconv.Quote(command)
		}
	}
	return bilingual.Errorf("%w: %s does not end", "%w\u202f: %s ne finit pas", ErrCannotSend, mechanism)
}

// initialResponse writes a first response into the command; "=" is the empty one (RFC 4954 §4).
func (s *sender) initialResponse(first string) string {
	switch {
	case s.protocol == decode.Sieve:
		return strconv.Quote(first)
	case first == "":
		return "="
	}
	return first
}

// challenge is what the server asks, if it does.
func (s *sender) challenge(turn *Turn) ([]byte, bool) {
	line := firstLine(turn.Server[len(turn.Server)-1].Octets)
	rest, more := strings.CutPrefix(line, map[string]string{decode.SMTP: "334", decode.LMTP: "334", decode.Sieve: `"`}[s.protocol])
	if s.protocol == decode.POP3 || s.protocol == decode.IMAP {
		if rest, more = strings.CutPrefix(line, "+"); strings.HasPrefix(rest, "OK") {
			more = false
		}
	}
	raw, _ := base64.StdEncoding.DecodeString(strings.Trim(strings.TrimSpace(rest), `"`))
	if raw == nil {
		raw = []byte{}
	}
	return raw, more
}

// inTurn answers challenges with these messages, one after the other.
func inTurn(messages ...string) func([]byte) (string, error) {
	return func([]byte) (string, error) {
		if len(messages) == 0 {
			return "", nil
		}
		m := messages[0]
		messages = messages[1:]
		return base64.StdEncoding.EncodeToString([]byte(m)), nil
	}
}

// mechanismFor gives a mechanism's client: what to answer to each challenge, in base64. The first call without a
// challenge (nil) makes an initial response.
func mechanismFor(mechanism, user, password string) (func(challenge []byte) (string, error), error) {
	switch mechanism {
	case "PLAIN":
		return inTurn("\x00" + user + "\x00" + password), nil
	case "XOAUTH2":
		return inTurn("user=" + user + "\x01auth=Bearer " + password + "\x01\x01"), nil
	case "OAUTHBEARER":
		return inTurn("n,a=" + user + ",\x01auth=Bearer " + password + "\x01\x01"), nil
	case "EXTERNAL", "ANONYMOUS":
		return inTurn(user), nil
	case "LOGIN":
		return inTurn(user, password), nil
	case "CRAM-MD5":
		return func(challenge []byte) (string, error) {
			mac := hmac.New(md5.New, []byte(password))
			mac.Write(challenge)
			return base64.StdEncoding.EncodeToString([]byte(user + " " + hex.EncodeToString(mac.Sum(nil)))), nil
		}, nil
	case "SCRAM-SHA-1":
		return (&scram{hash: sha1.New, user: user, password: password}).next, nil
	case "SCRAM-SHA-256":
		return (&scram{hash: sha256.New, user: user, password: password}).next, nil
	}
	return nil, bilingual.Errorf("%w: the messages of %s cannot be made again", "%w\u202f: les messages de %s ne peuvent pas être refaits", ErrCannotSend, mechanism)
}

// scram is the client of SCRAM (RFC 5802, RFC 7677), without channel binding.
type scram struct {
	hash           func() hash.Hash
	user, password string
	bare           string
	step           int
	signature      []byte
}

func (s *scram) next(challenge []byte) (string, error) {
	b64 := base64.StdEncoding.EncodeToString
	if s.step == 0 {
		random := make([]byte, 18)
		if _, err := rand.Read(random); err != nil {
			return "", err
		}
		s.step = 1
		s.bare = "n=" + strings.NewReplacer("=", "=3D", ",", "=2C").Replace(s.user) + ",r=" + b64(random)
		return b64([]byte("n,," + s.bare)), nil
	}
	if s.step == 2 {
		s.step = 3
		if v, err := base64.StdEncoding.DecodeString(attribute(string(challenge), "v")); err != nil || !hmac.Equal(v, s.signature) {
			return "", bilingual.Errorf("SCRAM: the server does not prove that it knows the password: %q",
				"SCRAM\u202f: le serveur ne prouve pas qu’il connaît le mot de passe\u202f: %q", challenge)
		}
		return "", nil
	}
	s.step = 2
	salt, err := base64.StdEncoding.DecodeString(attribute(string(challenge), "s"))
	n, nerr := strconv.Atoi(attribute(string(challenge), "i"))
	mine := attribute(s.bare, "r")
	if r := attribute(string(challenge), "r"); err != nil || nerr != nil || n < 1 || n > maxIterations || !strings.HasPrefix(r, mine) || len(r) == len(mine) {
		return "", bilingual.Errorf("SCRAM: the server's challenge %q is out of rule", "SCRAM\u202f: le défi du serveur, %q, est hors des règles", challenge)
	}
	return s.prove(string(challenge), salt, n)
}

// prove makes the client's final message (RFC 5802 §3).
func (s *scram) prove(challenge string, salt []byte, n int) (string, error) {
	salted, err := pbkdf2.Key(s.hash, s.password, salt, n, s.hash().Size())
	if err != nil {
		return "", err
	}
	mac := func(key []byte, text string) []byte {
		m := hmac.New(s.hash, key)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	final := "c=" + base64.StdEncoding.EncodeToString([]byte("n,,")) + ",r=" + attribute(challenge, "r")
	all := s.bare + "," + challenge + "," + final
	key := mac(salted, "Client Key")
	h := s.hash()
	h.Write(key)
	proof := mac(h.Sum(nil), all)
	for i := range proof {
		proof[i] ^= key[i]
	}
	s.signature = mac(mac(salted, "Server Key"), all)
	return base64.StdEncoding.EncodeToString([]byte(final + ",p=" + base64.StdEncoding.EncodeToString(proof))), nil
}

// attribute is one of a SCRAM message's.
func attribute(message, name string) string {
	for _, part := range strings.Split(message, ",") {
		if v, ok := strings.CutPrefix(part, name+"="); ok {
			return v
		}
	}
	return ""
}
