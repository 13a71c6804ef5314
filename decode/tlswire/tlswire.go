package tlswire

import "crypto/rsa"

// Secrets opens TLS sessions. Its methods may be called from several goroutines.
type Secrets interface {
	// Secret gives what an NSS key log has under label ("CLIENT_RANDOM", "CLIENT_TRAFFIC_SECRET_0" …) for the session
	// with that client random (32 octets), or nil.
	Secret(label string, clientRandom []byte) []byte
	// RSAKeys are servers' private keys, for sessions whose key exchange is RSA.
	RSAKeys() []*rsa.PrivateKey
}
