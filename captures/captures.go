package captures

import (
	"net/netip"
	"time"

	"facteur/decode"
)

// Info says whose octets a flow's chunks are.
type Info struct {
	Session int        // from 1; in a foreign capture the TCP connections in order of their first packet
	Leg     decode.Leg // client leg, except in facteur's own recordings with both legs
	Time    time.Time  // of the connection's first packet
	Client  netip.AddrPort
	Server  netip.AddrPort // both as in the packets; Own has the real ones where facteur wrote the packets
	// Protocol is one of decode's constants: from facteur's own comment, or by the server's registered port, or Detect.
	Protocol string
	Implicit bool // TLS from the first octet (RFC 8314): ports 465, 993, 995, or as facteur's comment says
	// Midstream says that the capture began after the connection: no SYN was seen, and what came before is unknown.
	Midstream bool
	Own       *Meta // non-nil in facteur's recordings: what Writer.Open was given
}

// Meta is what a recording says of a leg beside its packets. It is written as JSON into the comment of the leg's SYN.
type Meta struct {
	Session  int    `json:"session"`
	Leg      string `json:"leg"` // decode.Leg.String
	Protocol string `json:"protocol,omitempty"`
	Implicit bool   `json:"implicit,omitempty"`
	Client   string `json:"client,omitempty"` // real addresses, with the ports that were really used
	Server   string `json:"server,omitempty"`
	Route    string `json:"route,omitempty"` // LISTEN_URL=UPSTREAM_URL
	Title    string `json:"title,omitempty"`
	// Midstream says that the capture this was copied from began after the connection: Info.Midstream.
	Midstream bool   `json:"midstream,omitempty"`
	Secrets   string `json:"secrets,omitempty"` // "masked", "anonymized" or "kept"
	By        string `json:"by,omitempty"`      // what masked or anonymised a copy: "facteur VERSION"
}

// Sink is handed what a capture holds, in the order of the file, by one goroutine. Sessions interleave.
type Sink interface {
	// Open announces a connection before its first chunk. A session with two legs is opened twice, once per leg.
	Open(i Info)
	// Chunk hands over what came next. c.Data is valid during the call only.
	Chunk(session int, c decode.Chunk)
	// Close says that no more comes of this session; at is the time of its last packet.
	Close(session int, at time.Time)
	// Secrets hands over lines of an NSS key log, found in a Decryption Secrets Block or a comment.
	Secrets(keylog []byte)
}

// service is what a registered port promises.
type service struct {
	protocol string
	implicit bool
}

// services are the registered mail ports (IANA; RFC 8314 for the implicit ones; RFC 5804 for ManageSieve; 24 is what
// RFC 2033 servers use by custom).
var services = map[uint16]service{
	24:   {decode.LMTP, false},
	25:   {decode.SMTP, false},
	110:  {decode.POP3, false},
	143:  {decode.IMAP, false},
	465:  {decode.SMTP, true},
	587:  {decode.SMTP, false},
	993:  {decode.IMAP, true},
	995:  {decode.POP3, true},
	4190: {decode.Sieve, false},
}

// serviceOf names the protocol of a server's port: Detect where the port is not a mail port.
func serviceOf(port uint16) service {
	if s, ok := services[port]; ok {
		return s
	}
	return service{decode.Detect, false}
}
