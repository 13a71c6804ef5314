package tlswire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
)

// TestKeyLogIsBounded protects the memory of a capture of very many TLS sessions: half a kilobyte for each of the latest,
// nothing for those before, whose secrets are forgotten; those of the latest are all there.
func TestKeyLogIsBounded(t *testing.T) {
	labels := []string{"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET"}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	k := new(KeyLog)
	id := func(n int) []byte { return binary.BigEndian.AppendUint32(make([]byte, 28), uint32(n)) }
	secret := make([]byte, 32)
	const sessions = maxSessions + 20_000
	for n := range sessions {
		for i, l := range labels {
			binary.BigEndian.PutUint32(secret, uint32(n*8+i))
			k.Learn(l, id(n), secret)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapAlloc - before.HeapAlloc) / maxSessions
	t.Logf("%d octets for a session", each)
	if each > 512 || k.Len() != maxSessions*len(labels) {
		t.Errorf("%d octets for a session, %d secrets", each, k.Len())
	}
	for _, n := range []int{sessions - maxSessions, sessions - 1} {
		for i, l := range labels {
			binary.BigEndian.PutUint32(secret, uint32(n*8+i))
			if got := k.Secret(l, id(n)); !bytes.Equal(got, secret) {
				t.Errorf("session %d: %s is %x", n, l, got)
			}
		}
	}
	if k.Secret(labels[0], id(sessions-maxSessions-1)) != nil {
		t.Error("a session over the limit is kept")
	}
}

// TestKeyLogLabels protects the secrets that are asked for from labels that nobody asks for, and that the last of two
// secrets of one name counts.
func TestKeyLogLabels(t *testing.T) {
	k := new(KeyLog)
	for n := range 2 * maxLabels {
		k.Add(fmt.Appendf(nil, "LABEL_%d %02x 00\n", n, n%200+1))
	}
	if n := k.Add([]byte("CLIENT_RANDOM ff 01\nCLIENT_RANDOM ff 0203\nRSA ff 04\n")); n != 3 {
		t.Errorf("%d secrets are taken", n)
	}
	if got := k.Secret("CLIENT_RANDOM", []byte{0xff}); !bytes.Equal(got, []byte{2, 3}) {
		t.Errorf("the secret is %x", got)
	}
	if k.Secret("RSA", []byte{0xff}) == nil || k.Secret("TICKET", []byte{0xff}) != nil || len(k.labels) > maxLabels {
		t.Errorf("%d labels are kept", len(k.labels))
	}
	for n := range 2 * maxSessionSecrets {
		k.Add(fmt.Appendf(nil, "LABEL_%d fe 00\n", n))
	}
	if _, _, n := find(k.secrets["\xfe"], 0); n > maxSessionSecrets {
		t.Errorf("%d secrets of one session are kept", n)
	}
}
