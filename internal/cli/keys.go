package cli

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"facteur/decode/tlswire"
)

// nothingLogged reports whether a key log holds empty lines and comments alone: one that a program opened, and had no
// secret for yet, or never.
func nothingLogged(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// loadKeys reads key logs and RSA keys.
func loadKeys(keylogs, rsaKeys []string) (*tlswire.KeyLog, error) {
	keys := new(tlswire.KeyLog)
	for _, name := range keylogs {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("key log: %w", err)
		}
		if keys.Add(text) == 0 && !nothingLogged(text) {
			return nil, fmt.Errorf("key log %s: no line of an NSS key log in it (\"CLIENT_RANDOM 64-hex-digits secret\")", name)
		}
	}
	for _, name := range rsaKeys {
		k, err := readRSAKey(name)
		if err != nil {
			return nil, fmt.Errorf("RSA key %s: %w", name, err)
		}
		keys.AddRSAKey(k)
	}
	return keys, nil
}

func readRSAKey(name string) (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
			return k, nil
		}
		if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if r, ok := k.(*rsa.PrivateKey); ok {
				return r, nil
			}
		}
	}
	return nil, errors.New("no RSA private key in PEM form (BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY)")
}
