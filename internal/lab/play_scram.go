package lab

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// scramClient is the client's half of a SCRAM-SHA-256 exchange, between two steps of a script.
type scramClient struct {
	account *Account
	header  string // GS2
	bare    string // client-first-message-bare
	binding []byte
}

// scramFirst is the word $scram-first: the client's first message for an account, with channel binding if plus is set.
func (c *playedConn) scramFirst(a *Account, nonce string, plus bool) (string, error) {
	s := &scramClient{account: a, header: "n,,", bare: "n=" + a.User + ",r=" + nonce}
	if plus {
		secure, ok := c.Conn.(*tls.Conn)
		if !ok {
			return "", errors.New("channel binding needs TLS")
		}
		data, err := channelBinding(secure)
		if err != nil {
			return "", err
		}
		s.header, s.binding = "p="+bindingType+",,", data
	}
	c.scram = s
	return b64(s.header + s.bare), nil
}

// scramFinal is the word $scram-final: the proof, made from the server's challenge.
func (c *playedConn) scramFinal() (string, error) {
	words := strings.Fields(c.answered) // "334 …" or "+ …"
	if c.scram == nil || len(words) < 2 {
		return "", errors.New("$scram-final without a challenge before it")
	}
	challenge, err := base64.StdEncoding.DecodeString(words[1])
	if err != nil {
		return "", fmt.Errorf("the server's SCRAM challenge: %w", err)
	}
	salt, err := base64.StdEncoding.DecodeString(scramAttribute(string(challenge), "s"))
	if err != nil || scramAttribute(string(challenge), "i") != fmt.Sprint(scramIterations) {
		return "", fmt.Errorf("the server's SCRAM challenge %q is not a practice server's", challenge)
	}
	final := "c=" + base64.StdEncoding.EncodeToString(append([]byte(c.scram.header), c.scram.binding...)) + ",r=" + scramAttribute(string(challenge), "r")
	proof, _, err := scramProof(c.scram.account.Password, salt, c.scram.bare+","+string(challenge)+","+final)
	if err != nil {
		return "", err
	}
	return b64(final + ",p=" + base64.StdEncoding.EncodeToString(proof)), nil
}
