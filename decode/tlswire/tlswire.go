// Package tlswire reads TLS as a spectator: it sees the octets of both sides go by, takes part in nothing, and opens what
// the secrets it is given allow.
//
// One [Conn] follows one connection. [Conn.Next] reads the next record of a side: it parses the record header (record.go),
// finds out under which keys the record was sealed (unseal.go), opens it (cipher.go), puts handshake messages together
// (handshake.go) and explains them octet by octet (hello.go, extensions.go, messages.go, certificate.go). The messages in
// turn move the state: ServerHello chooses version and suite, ChangeCipherSpec (to TLS 1.2) or Finished and KeyUpdate
// (TLS 1.3) change the keys (schedule12.go, schedule13.go).
//
// A spectator differs from a peer in five ways, and the package is built around them. It cannot refuse: whatever comes, it
// goes on and says what it saw. It may lack the secrets, or get them late: [Waiting]. It may have missed octets: [Conn.Lost]
// finds the next record and its sequence number again by trying the likely ones, and never believes what no key confirms.
// It may see one side only. And it may change its copy of the past: [Record.Reseal] writes a record anew around other
// content of the same length, so that a recording can be shown without the password it carried.
//
// It reads SSL 3.0, TLS 1.0, 1.1, 1.2 (RFC 5246) and 1.3 (RFC 9846, and its drafts from 18), the SSL 2.0 ClientHello, and
// opens AES-GCM, ChaCha20-Poly1305, AES-CCM, AES-CBC, 3DES-CBC, DES-CBC, RC4 and NULL. Everything else is named.
//
// There are no sockets, files, clocks or goroutines here. A Conn is for one goroutine; [Secrets] may be shared.
package tlswire

import "crypto/rsa"

// Secrets opens TLS sessions. Its methods may be called from several goroutines.
type Secrets interface {
	// Secret gives what an NSS key log has under label ("CLIENT_RANDOM", "CLIENT_TRAFFIC_SECRET_0" …) for the session
	// with that client random (32 octets), or nil. Some labels are asked for with another key: "RSA", as the format has
	// it, with the first 8 octets of the encrypted pre-master secret; "SESSION_ID" and "TICKET" as [Learner] says.
	Secret(label string, clientRandom []byte) []byte
	// RSAKeys are servers' private keys, for sessions whose key exchange is RSA.
	RSAKeys() []*rsa.PrivateKey
}

// Learner is a Secrets that wants to be told master secrets that were worked out (labels "SESSION_ID", with the session
// id, and "TICKET", with the SHA-256 of the ticket), so that a later connection resuming the session can be opened
// although its own secret was never logged.
type Learner interface {
	Learn(label string, id, secret []byte)
}

// Learned reports whether a label is one of those that a [Learner] is told: what it stands for may come of a connection
// that began before.
func Learned(label string) bool { return label == labelSession || label == labelTicket }

// Side is the end that sent something.
type Side uint8

// The two ends of a connection.
const (
	Client Side = 0
	Server Side = 1
)

// String gives client or server.
func (s Side) String() string { return [...]string{"client", "server"}[s&1] }

// ContentType is the type of a record, RFC 9846 section 5.1. 0 is no type: octets between a gap and the next record.
type ContentType uint8

// The content types. Others may be met inside an opened TLS 1.3 record.
const (
	ChangeCipherSpec ContentType = 20
	Alert            ContentType = 21
	Handshake        ContentType = 22
	ApplicationData  ContentType = 23
	Heartbeat        ContentType = 24
)

// String gives the registry's name (handshake, application_data …), "unknown" for others.
func (t ContentType) String() string {
	switch t {
	case ChangeCipherSpec:
		return "change_cipher_spec"
	case Alert:
		return "alert"
	case Handshake:
		return "handshake"
	case ApplicationData:
		return "application_data"
	case Heartbeat:
		return "heartbeat"
	}
	return "unknown"
}

// Field is a named part of a message. [From, To) are its octets within Message.Raw, 0, 0 where it was derived.
// Secret marks what would let its reader act as a peer (session tickets, identities of pre-shared keys are not: they
// travel in clear).
type Field struct {
	Name, Value string
	From, To    int
	Secret      bool
}

// Note names an explanation of the part [From, To) of Message.Raw, or of the whole message where both are 0.
type Note struct {
	ID       string
	Args     []Field
	From, To int
}

// Message is one message of TLS itself: a handshake message with its header, an alert, a change cipher spec, a heartbeat,
// or octets of one of them that cannot be completed (Kind "tls.fragment"). Raw is the message's own copy.
type Message struct {
	Kind   string
	Raw    []byte
	Fields []Field
	Notes  []Note // the first is the message's own
}

// Field gives the value of the first field of that name, "" if there is none.
func (m *Message) Field(name string) string {
	for i := range m.Fields {
		if m.Fields[i].Name == name {
			return m.Fields[i].Value
		}
	}
	return ""
}

// Status is what Next found.
type Status uint8

// What Next found.
const (
	NeedMore Status = iota // the record is not complete; the octets given so far are plausible
	Got                    // a record
	Waiting                // a complete record, sealed, whose secret is not known (yet); nothing was consumed
	NotTLS                 // the octets are no TLS record
)

// String gives the status in words, for tests and logs.
func (s Status) String() string {
	return [...]string{"need more", "got", "waiting", "not TLS"}[s&3]
}

// Why a record was not opened: Record.Reason, and the last part of the note ids "tls.sealed.*".
const (
	NoSecrets         = "no_secrets"         // nobody told the keys, or the handshake was not seen
	UnsupportedCipher = "unsupported_cipher" // the suite (or compression) is known by name only
	Damaged           = "damaged"            // octets are missing, or the record does not open with its keys
)

// Record is one record of the wire.
type Record struct {
	From    Side
	Size    int         // octets on the wire, header included
	Type    ContentType // as the header has it; 0 for octets between a gap and the next record, 22 for an SSL 2.0 hello
	Inner   ContentType // what Content is; 0 if it is not opened
	Version uint16      // as the header has it, 0x0002 for an SSL 2.0 hello
	Length  int         // of the fragment, as the header has it

	Encrypted bool
	Opened    bool
	Reason    string // why an encrypted or hit record was not opened: NoSecrets, UnsupportedCipher, Damaged

	// Content is the fragment, or what sealing it protected, without padding. It aliases the buffer given to Next or the
	// Conn's own and is valid until the next call.
	Content []byte
	// Messages are those whose last octet is in this record, in order, after the fragments that it interrupted. The
	// lengths of Raw tile the Contents of all records but application data.
	Messages []Message

	seal sealing
}
