package captures

import (
	"bytes"
	"encoding/hex"
)

const (
	randomHex = 64  // a client random in a key log line
	minSecret = 64  // hex digits of the shortest secret: SHA-256's 32 octets
	maxSecret = 128 // SHA-512; TLS knows none longer
)

// keyLogLines gives the lines of a comment that are lines of an NSS key log (draft-ietf-tls-keylogfile: label, client
// random and secret in hexadecimal), each ended by LF, and nil if there are none. The label is not looked at more
// closely than its alphabet, so that labels to come are found too.
func keyLogLines(comment []byte) []byte {
	var out []byte
	for line := range bytes.Lines(comment) {
		line = bytes.TrimSpace(line)
		f := bytes.Fields(line)
		if len(f) != 3 || !isLabel(f[0]) || len(f[1]) != randomHex || !isHex(f[1]) {
			continue
		}
		if len(f[2]) < minSecret || len(f[2]) > maxSecret || !isHex(f[2]) {
			continue
		}
		out = append(append(out, line...), '\n')
	}
	return out
}

func isLabel(b []byte) bool {
	for _, c := range b {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(b) > 0
}

func isHex(b []byte) bool {
	_, err := hex.Decode(make([]byte, len(b)/2), b)
	return err == nil
}
