package tlswire

import (
	"bytes"
	"crypto/rsa"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
)

const (
	// maxSessions limits what secrets of a KeyLog are filed under, the oldest being forgotten: as many TLS sessions, which
	// take about 400 octets each, and so 50 MiB. Whoever reads more hands their secrets over as the sessions come.
	maxSessions = 1 << 17
	// maxSessionSecrets limits the secrets of one of them (TLS 1.3 has seven), maxLabels the different labels of a KeyLog.
	maxSessionSecrets = 16
	maxLabels         = 255
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
	secrets map[string][]byte // by id: for each secret the index of its label, its length in two octets, and itself
	labels  []string
	count   int      // of secrets
	order   []string // of ids; from next on, oldest first, once it is full
	next    int
	keys    []*rsa.PrivateKey
	partial []byte // the beginning of a line, of Write
	skip    bool   // in a line too long to keep
}

var (
	_ Secrets = (*KeyLog)(nil)
	_ Learner = (*KeyLog)(nil)
)

// askedFor are the labels of the secrets that open TLS, so that no others keep them out.
var askedFor = []string{"CLIENT_RANDOM", "CLIENT_EARLY_TRAFFIC_SECRET", "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
	"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "RSA", "PMS_CLIENT_RANDOM", labelSession, labelTicket}

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
	return k.count
}

// Secret gives the secret of a label and client random (or other id, see Secrets), nil if there is none. It must not be
// changed.
func (k *KeyLog) Secret(label string, id []byte) []byte {
	k.mu.RLock()
	defer k.mu.RUnlock()
	n := slices.Index(k.labels, label)
	packed := k.secrets[string(id)]
	if n < 0 {
		return nil
	}
	from, to, _ := find(packed, byte(n))
	if from == to {
		return nil
	}
	return packed[from:to:to]
}

// packedHead is what stands before each secret of an id.
const packedHead = 3

// find gives where the secret of a label lies among those of an id, with from = to if there is none, and how many there
// are.
func find(packed []byte, label byte) (from, to, n int) {
	for at := 0; at < len(packed); n++ {
		size := int(binary.BigEndian.Uint16(packed[at+1:]))
		if packed[at] == label {
			from, to = at+packedHead, at+packedHead+size
		}
		at += packedHead + size
	}
	return from, to, n
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
		k.secrets, k.labels = map[string][]byte{}, slices.Clone(askedFor)
	}
	index := slices.Index(k.labels, label)
	if index < 0 {
		if len(k.labels) >= maxLabels {
			return 0
		}
		index = len(k.labels)
		k.labels = append(k.labels, strings.Clone(label))
	}
	old, known := k.secrets[string(id)]
	from, to, n := find(old, byte(index))
	if from == to && n >= maxSessionSecrets {
		return 0
	}
	// always a copy: somebody may be reading the old ones
	packed := make([]byte, 0, len(old)+packedHead+len(secret))
	if from < to {
		packed = append(append(packed, old[:from-packedHead]...), old[to:]...)
	} else {
		packed = append(packed, old...)
		k.count++
	}
	packed = append(binary.BigEndian.AppendUint16(append(packed, byte(index)), uint16(len(secret))), secret...)
	if !known {
		k.remember(string(id))
	}
	k.secrets[string(id)] = packed
	return 1
}

// remember makes room for the secrets of one more id.
func (k *KeyLog) remember(id string) {
	if len(k.order) < maxSessions {
		k.order = append(k.order, id)
		return
	}
	_, _, n := find(k.secrets[k.order[k.next]], 0)
	k.count -= n
	delete(k.secrets, k.order[k.next])
	k.order[k.next] = id
	k.next = (k.next + 1) % maxSessions
}
