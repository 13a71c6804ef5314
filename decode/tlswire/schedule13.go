package tlswire

import (
	"crypto/hkdf"
	"encoding/binary"
)

// stage is where a side's keys of TLS 1.3 stand, RFC 9846 section 7.1.
type stage uint8

const (
	stageEarly stage = iota
	stageHandshake
	stageApplication
)

// label13 is the key log's label of a stage's secret.
func label13(side Side, st stage) string {
	switch {
	case st == stageEarly && side == Client:
		return "CLIENT_EARLY_TRAFFIC_SECRET"
	case st == stageHandshake && side == Client:
		return "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
	case st == stageHandshake:
		return "SERVER_HANDSHAKE_TRAFFIC_SECRET"
	case st == stageApplication && side == Client:
		return "CLIENT_TRAFFIC_SECRET_0"
	case st == stageApplication:
		return "SERVER_TRAFFIC_SECRET_0"
	}
	return ""
}

// expandLabel is HKDF-Expand-Label of RFC 9846 section 7.1 with an empty context. Drafts before 20 had another prefix.
func expandLabel(su suite, draft int, secret []byte, label string, n int) []byte {
	prefix := "tls13 "
	if draft > 0 && draft < 20 {
		prefix = "TLS 1.3, "
	}
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len(prefix)+len(label)))
	info = append(info, prefix+label...)
	info = append(info, 0)
	out, err := hkdf.Expand(su.prf.New, secret, string(info), n)
	if err != nil { // only for lengths beyond 255 hashes
		return make([]byte, n)
	}
	return out
}

// keys13 makes the keys of a traffic secret, RFC 9846 section 7.3.
func keys13(su suite, draft int, secret []byte) *epoch {
	key := expandLabel(su, draft, secret, "key", su.keyLen)
	iv := expandLabel(su, draft, secret, "iv", 12)
	return newEpoch13(su, draft, key, iv)
}

// nextSecret is the traffic secret after a KeyUpdate, RFC 9846 section 7.2.
func nextSecret(su suite, draft int, secret []byte) []byte {
	return expandLabel(su, draft, secret, "traffic upd", su.prf.Size())
}

// suites13 are the suites to try where the ServerHello is not known (0-RTT data before it, one-sided captures): those
// whose hash has the length of the secret.
func suites13(secretLen int) []uint16 {
	switch secretLen {
	case 32:
		return []uint16{0x1301, 0x1303, 0x1304, 0x1305}
	case 48:
		return []uint16{0x1302}
	}
	return nil
}
