package tlswire

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// The ciphertexts are RFC 3713's own test vectors, appendix A.
func TestCamellia(t *testing.T) {
	plain, _ := hex.DecodeString("0123456789abcdeffedcba9876543210")
	for key, want := range map[string]string{
		"0123456789abcdeffedcba9876543210":                                 "67673138549669730857065648eabe43",
		"0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff": "9acc237dff16d76c20ef7c919e3a7509",
	} {
		k, _ := hex.DecodeString(key)
		b := newCamellia(k)
		got := make([]byte, 16)
		b.Encrypt(got, plain)
		if hex.EncodeToString(got) != want {
			t.Errorf("%d bits: %x, want %s", 8*len(k), got, want)
		}
		if b.Decrypt(got, got); !bytes.Equal(got, plain) {
			t.Errorf("%d bits: back is %x", 8*len(k), got)
		}
	}
	if newCamellia(make([]byte, 20)) != nil {
		t.Error("a key of 160 bits is taken")
	}
}
