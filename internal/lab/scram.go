package lab

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"strings"
)

// SCRAM-SHA-256 and its channel-binding variant (RFC 5802, RFC 7677, RFC 9266): the password crosses in no form, and with
// -PLUS the log-in is tied to the very TLS session, so that nobody in between can pass it on.
const (
	scramSHA256     = "SCRAM-SHA-256"
	scramSHA256Plus = "SCRAM-SHA-256-PLUS"

	scramIterations = 4096 // RFC 7677, section 4
	scramNonce      = 18   // octets, 24 characters of base64
	bindingType     = "tls-exporter"
	bindingOctets   = 32
)

// channelBinding is what ties a log-in to a TLS session (RFC 9266, section 2).
func channelBinding(secure *tls.Conn) ([]byte, error) {
	state := secure.ConnectionState()
	b, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, bindingOctets)
	if err != nil {
		return nil, fmt.Errorf("channel binding: %w", err)
	}
	return b, nil
}

// scramProof computes what both sides prove: the client's proof and the server's signature.
func scramProof(password string, salt []byte, authMessage string) (proof, signature []byte, err error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, scramIterations, sha256.Size)
	if err != nil {
		return nil, nil, fmt.Errorf("salting the password: %w", err)
	}
	clientKey := mac(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	proof = mac(stored[:], authMessage)
	for i := range proof {
		proof[i] ^= clientKey[i]
	}
	return proof, mac(mac(salted, "Server Key"), authMessage), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// scramAttribute gives the value of a message's attribute, "r=…".
func scramAttribute(message, name string) string {
	for _, a := range strings.Split(message, ",") {
		if value, ok := strings.CutPrefix(a, name+"="); ok {
			return value
		}
	}
	return ""
}

// scramHeader splits a client-first-message into its GS2 header and the bare message.
func scramHeader(message string) (header, bare string, ok bool) {
	binding, rest, ok := strings.Cut(message, ",")
	as, bare, ok2 := strings.Cut(rest, ",")
	return binding + "," + as + ",", bare, ok && ok2
}

// saslScram is the server's half. secure is nil without channel binding.
func saslScram(next func(string) ([]byte, error), secure *tls.Conn) (*Account, error) {
	first, err := next("")
	if err != nil {
		return nil, err
	}
	header, bare, ok := scramHeader(string(first))
	binding := []byte(header)
	if secure != nil {
		data, err := channelBinding(secure)
		if err != nil || !strings.HasPrefix(header, "p="+bindingType+",") {
			return nil, errCredentials
		}
		binding = append(binding, data...)
	} else if strings.HasPrefix(header, "p=") {
		return nil, errCredentials
	}
	account, nonce := findAccount(scramAttribute(bare, "n")), scramAttribute(bare, "r")
	if !ok || account == nil || nonce == "" {
		return nil, errCredentials
	}
	random, salt := make([]byte, scramNonce), make([]byte, scramNonce)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	_, _ = rand.Read(salt)
	nonce += base64.StdEncoding.EncodeToString(random)
	challenge := fmt.Sprintf("r=%s,s=%s,i=%d", nonce, base64.StdEncoding.EncodeToString(salt), scramIterations)
	final, err := next(challenge)
	if err != nil {
		return nil, err
	}
	withoutProof, sent, _ := strings.Cut(string(final), ",p=")
	proof, signature, err := scramProof(account.Password, salt, bare+","+challenge+","+withoutProof)
	if err != nil {
		return nil, err
	}
	got, err := base64.StdEncoding.DecodeString(sent)
	bound := scramAttribute(withoutProof, "c") == base64.StdEncoding.EncodeToString(binding)
	if err != nil || !hmac.Equal(got, proof) || !bound || scramAttribute(withoutProof, "r") != nonce {
		return nil, errCredentials
	}
	if end, err := next("v=" + base64.StdEncoding.EncodeToString(signature)); err != nil || len(bytes.TrimSpace(end)) > 0 {
		return nil, errCredentials
	}
	return account, nil
}
