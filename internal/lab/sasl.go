package lab

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
)

// Outcomes of a failed authentication; each protocol has its own words for them.
var (
	errCredentials = errors.New("authentication failed")
	errCancelled   = errors.New("authentication cancelled by the client")
	errBase64      = errors.New("invalid base64 data in the SASL response")
	errMechanism   = errors.New("unsupported authentication mechanism")
)

// defaultMechanisms are the two that show a password, because showing it is the lesson.
var defaultMechanisms = []string{"PLAIN", "LOGIN"}

// knownMechanisms are all that Options.Mechanisms may name.
var knownMechanisms = []string{"PLAIN", "LOGIN", scramSHA256, scramSHA256Plus}

// mechanisms are those offered now, in the order they are announced: channel binding needs a TLS session to bind to.
func (c *conn) mechanisms() []string {
	return slices.DeleteFunc(slices.Clone(c.server.options.Mechanisms), func(m string) bool { return m == scramSHA256Plus && c.secure == nil })
}

// checkPassword gives the account whose credentials these are.
func checkPassword(user, password string) (*Account, error) {
	a := findAccount(user)
	if a == nil || subtle.ConstantTimeCompare([]byte(a.Password), []byte(password)) != 1 {
		return nil, errCredentials
	}
	return a, nil
}

// sasl runs the server's half of a SASL exchange (RFC 4422). initial is the client's initial response as sent, "" for
// none; ask sends a challenge in base64 and returns the client's next line.
func (c *conn) sasl(mechanism, initial string, ask func(challenge string) (string, error)) (*Account, error) {
	mechanism = strings.ToUpper(mechanism)
	if !slices.Contains(c.mechanisms(), mechanism) {
		return nil, errMechanism
	}
	next := func(challenge string) ([]byte, error) {
		line := initial
		initial = ""
		if line == "" {
			var err error
			if line, err = ask(base64.StdEncoding.EncodeToString([]byte(challenge))); err != nil {
				return nil, err
			}
			if line == "*" {
				return nil, errCancelled
			}
		} else if line == "=" { // an initial response that is empty (RFC 4954, section 4)
			return nil, nil
		}
		b, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			return nil, errBase64
		}
		return b, nil
	}
	switch mechanism {
	case "LOGIN":
		return saslLogin(next)
	case scramSHA256:
		return saslScram(next, nil)
	case scramSHA256Plus:
		return saslScram(next, c.secure)
	}
	return saslPlain(next)
}

// saslPlain is PLAIN, RFC 4616: authorization identity, user and password between NULs. Acting for someone else is refused.
func saslPlain(next func(string) ([]byte, error)) (*Account, error) {
	b, err := next("")
	if err != nil {
		return nil, err
	}
	parts := bytes.Split(b, []byte{0})
	if len(parts) != 3 {
		return nil, errCredentials
	}
	a, err := checkPassword(string(parts[1]), string(parts[2]))
	if err != nil {
		return nil, err
	}
	if as := string(parts[0]); as != "" && findAccount(as) != a {
		return nil, errCredentials
	}
	return a, nil
}

// saslLogin is LOGIN, never standardised but spoken everywhere: two questions, two answers.
func saslLogin(next func(string) ([]byte, error)) (*Account, error) {
	user, err := next("Username:")
	if err != nil {
		return nil, err
	}
	password, err := next("Password:")
	if err != nil {
		return nil, err
	}
	return checkPassword(string(user), string(password))
}
