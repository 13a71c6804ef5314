package tlswire

import (
	"bytes"
	"crypto/rsa"
	"encoding/hex"
	"strings"
	"sync"
)

const (
	// maxSecrets limits the secrets of a KeyLog, the oldest being forgotten: about 100,000 TLS 1.3 sessions, 150 MiB.
	maxSecrets = 1 << 19
	// maxKeyLogLine limits a line: the longest real one, an RSA-encrypted pre-master of 2 KiB, has about 4 KiB.
	maxKeyLogLine = 1 << 14
	// maxSecretLen limits a secret, maxIDLen what it is filed under.
	maxSecretLen = 1024
	maxIDLen     = 256
)

// KeyLog is a Secrets filled from NSS key log text (RFC 9850, as SSLKEYLOGFILE has it), whole or as it grows, and with
// private keys. Its zero value is ready. All methods may be called from several goroutines.
type KeyLog struct {
	mu      sync.RWMutex
	secrets map[string][]byte // label, space, id
	order   []string          // from next on, oldest first, once it is full
	next    int
	keys    []*rsa.PrivateKey
	partial []byte // the beginning of a line, of Write
	skip    bool   // in a line too long to keep
}

var (
	_ Secrets = (*KeyLog)(nil)
	_ Learner = (*KeyLog)(nil)
)

// Add takes key log text: any number of lines, ended by LF, CRLF or the end. Comments, empty lines and what is no key
// log line are passed over. It returns how many secrets were in it.
func (k *KeyLog) Add(text []byte) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte{'\n'})
		n += k.line(line)
		text = rest
	}
	return n
}

// Write takes key log text as it comes, cut anywhere; a line counts once its end is written. It never fails, so it serves
// as a tls.Config's KeyLogWriter.
func (k *KeyLog) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte{'\n'})
		p = rest
		if !k.skip {
			k.partial = append(k.partial, line...)
			k.skip = len(k.partial) > maxKeyLogLine
		}
		if ended {
			k.line(k.partial)
			k.partial, k.skip = k.partial[:0], false
		}
	}
	return n, nil
}

// AddRSAKey adds a server's private key.
func (k *KeyLog) AddRSAKey(key *rsa.PrivateKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key != nil && len(k.keys) < maxRSAKeys {
		k.keys = append(k.keys, key)
	}
}

// Len is the number of secrets.
func (k *KeyLog) Len() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return len(k.secrets)
}

// Secret gives the secret of a label and client random (or other id, see Secrets), nil if there is none. It must not be
// changed.
func (k *KeyLog) Secret(label string, id []byte) []byte {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.secrets[label+" "+string(id)]
}

// RSAKeys gives the private keys.
func (k *KeyLog) RSAKeys() []*rsa.PrivateKey {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.keys[:len(k.keys):len(k.keys)]
}

// Learn keeps a secret that a Conn worked out.
func (k *KeyLog) Learn(label string, id, secret []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.put(label, id, secret)
}

// line takes one line and returns 1 if it holds a secret.
func (k *KeyLog) line(line []byte) int {
	if len(line) > maxKeyLogLine || len(line) > 0 && line[0] == '#' {
		return 0
	}
	words := strings.Fields(string(line))
	if len(words) != 3 {
		return 0
	}
	label, id, secret := words[0], words[1], words[2]
	if label == "RSA" && strings.HasPrefix(id, "Session-ID:") { // of old Wireshark and OpenSSL
		label, id = "SESSION_ID", strings.TrimPrefix(id, "Session-ID:")
		secret = strings.TrimPrefix(secret, "Master-Key:")
	}
	i, err := hex.DecodeString(id)
	s, err2 := hex.DecodeString(secret)
	if err != nil || err2 != nil || !isLabel(label) {
		return 0
	}
	return k.put(label, i, s)
}

// isLabel reports whether a word looks like a label, known or not.
func isLabel(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(s) <= 64
}

func (k *KeyLog) put(label string, id, secret []byte) int {
	if len(id) == 0 || len(id) > maxIDLen || len(secret) == 0 || len(secret) > maxSecretLen {
		return 0
	}
	if k.secrets == nil {
		k.secrets = map[string][]byte{}
	}
	name := label + " " + string(id)
	if _, ok := k.secrets[name]; !ok {
		if len(k.order) < maxSecrets {
			k.order = append(k.order, name)
		} else {
			delete(k.secrets, k.order[k.next])
			k.order[k.next] = name
			k.next = (k.next + 1) % maxSecrets
		}
	}
	k.secrets[name] = bytes.Clone(secret)
	return 1
}
