package tlswire

import "encoding/binary"

const (
	headerLen = 5
	// maxPlain is the largest content of a record, RFC 9846 section 5.1.
	maxPlain = 1 << 14
	// maxFragment is the largest fragment that any version allows: TLS 1.2 grants compression and cipher 1024 octets each
	// (RFC 5246 section 6.2.3), TLS 1.3 only 256.
	maxFragment = maxPlain + 2048
	// maxSSL2 limits an SSL 2.0 ClientHello. Real ones have about a hundred octets.
	maxSSL2 = 4096
	// ssl2Fixed are the octets of an SSL 2.0 ClientHello before its variable parts, RFC 5246 appendix E.2.
	ssl2Fixed = 9
)

// header is a record's first 5 octets.
type header struct {
	typ     ContentType
	version uint16
	length  int
}

// parseHeader reads a record header from the front of buf and tells NotTLS as soon as an octet contradicts it.
func parseHeader(buf []byte) (header, Status) {
	if len(buf) > 0 && (buf[0] < byte(ChangeCipherSpec) || buf[0] > byte(Heartbeat)) {
		return header{}, NotTLS
	}
	if len(buf) > 1 && buf[1] != 3 {
		return header{}, NotTLS
	}
	if len(buf) < headerLen {
		return header{}, NeedMore
	}
	h := header{ContentType(buf[0]), binary.BigEndian.Uint16(buf[1:]), int(binary.BigEndian.Uint16(buf[3:]))}
	if h.length > maxFragment {
		return header{}, NotTLS
	}
	return h, Got
}

// Missing gives how many octets are missing of the record that buf begins with; 0 for none, or if it is too short to tell.
func Missing(buf []byte) int {
	if len(buf) < headerLen {
		return 0
	}
	return max(0, headerLen+int(binary.BigEndian.Uint16(buf[3:]))-len(buf))
}

// parseSSL2 reads the SSL 2.0 ClientHello with which old clients begin a TLS session, and gives its size on the wire.
func parseSSL2(buf []byte) (int, Status) {
	if buf[0] < 0x80 {
		return 0, NotTLS
	}
	if len(buf) > 2 && buf[2] != 1 { // CLIENT-HELLO
		return 0, NotTLS
	}
	if len(buf) > 3 && buf[3] != 3 && buf[3] != 0 {
		return 0, NotTLS
	}
	if len(buf) < 2+ssl2Fixed {
		return 0, NeedMore
	}
	n := int(binary.BigEndian.Uint16(buf) & 0x7fff)
	suites := int(binary.BigEndian.Uint16(buf[5:]))
	session := int(binary.BigEndian.Uint16(buf[7:]))
	challenge := int(binary.BigEndian.Uint16(buf[9:]))
	version := binary.BigEndian.Uint16(buf[3:])
	ok := n <= maxSSL2 && n == ssl2Fixed+suites+session+challenge && suites > 0 && suites%3 == 0 &&
		challenge >= 16 && challenge <= 32 && session <= 32 && (version == 2 || version>>8 == 3)
	if !ok {
		return 0, NotTLS
	}
	if len(buf) < 2+n {
		return 0, NeedMore
	}
	return 2 + n, Got
}
