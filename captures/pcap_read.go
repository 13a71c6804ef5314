package captures

import (
	"encoding/binary"
	"io"
	"math"
)

// The magic numbers of pcap (draft-ietf-opsawg-pcap), as the file's own byte order gives them.
const (
	pcapMicro    = 0xa1b2c3d4
	pcapNano     = 0xa1b23c4d
	pcapModified = 0xa1b2cd34 // Kuznetzov's: 8 octets more per packet
)

const (
	pcapHeader       = 24
	pcapRecord       = 16
	pcapRecordLonger = 24

	// maxPacket is the most octets one packet may have. An IP packet has 65,535, one handed down whole by a card that
	// segments (BIG TCP) about 512 KiB; libpcap itself stops at 256 KiB.
	maxPacket = 1 << 20

	// swappedMinor: versions before 2.3 have the two lengths of a record exchanged, 2.3 itself has them either way.
	swappedMinor = 3
)

// packet is one packet of a file.
type packet struct {
	time     int64 // nanoseconds since 1970
	link     uint32
	data     []byte // valid until the next packet is read
	cut      int    // octets that were on the wire behind data, and that the capture left out
	iface    int
	comments []string // pcapng only, in order
}

// pcapReader reads classic pcap.
type pcapReader struct {
	in     *input
	order  binary.ByteOrder
	nano   bool
	record int
	minor  int // of the version, for the exchanged lengths
	link   uint32
	fcs    int
}

// newPcapReader reads the file's header, whose magic number is known to be good.
func newPcapReader(in *input) (*pcapReader, *FormatError) {
	h, err := in.peek(pcapHeader)
	if err != nil {
		return nil, fault(in.off+int64(len(h)), err, "the file ends in the pcap header (24 octets)", "le fichier s’arrête dans l’en-tête pcap (24 octets)")
	}
	p := &pcapReader{in: in, order: binary.LittleEndian, record: pcapRecord}
	if m := binary.BigEndian.Uint32(h); m == pcapMicro || m == pcapNano || m == pcapModified {
		p.order = binary.BigEndian
	}
	switch p.order.Uint32(h) {
	case pcapNano:
		p.nano = true
	case pcapModified:
		p.record = pcapRecordLonger
	}
	if major := p.order.Uint16(h[4:]); major != 2 {
		return nil, fault(in.off+4, nil, "pcap version %d.%d is not known (2.x is)", "la version pcap %d.%d est inconnue (2.x l’est)", major, p.order.Uint16(h[6:]))
	}
	p.minor = int(p.order.Uint16(h[6:]))
	link := p.order.Uint32(h[20:])
	p.link = link & 0xffff
	if link&(1<<26) != 0 { // the "f" bit: frames end in a check sequence of so many 16-bit words
		p.fcs = int(link>>28) * 2
	}
	if !knownLink(p.link) {
		return nil, fault(in.off+20, nil, "link type %d cannot be read; convert the capture to Ethernet or raw IP", "le type de liaison %d ne peut pas être lu\u202f; convertissez la capture en Ethernet ou en IP brut", p.link)
	}
	in.take(pcapHeader)
	return p, nil
}

// next reads one packet; io.EOF at the orderly end.
func (p *pcapReader) next(pk *packet) error {
	at := p.in.off
	h, err := p.in.peek(p.record)
	if err == io.EOF {
		return io.EOF
	}
	if err != nil {
		return fault(at, err, "the file ends inside a packet header", "le fichier s’arrête dans l’en-tête d’un paquet")
	}
	sec, frac := p.order.Uint32(h), p.order.Uint32(h[4:])
	caplen, origlen := p.order.Uint32(h[8:]), p.order.Uint32(h[12:])
	if p.minor < swappedMinor || p.minor == swappedMinor && caplen > origlen {
		caplen, origlen = origlen, caplen
	}
	if caplen > maxPacket {
		return fault(at+8, nil, "a packet header announces %d octets (limit %d): this is not a packet", "l’en-tête d’un paquet annonce %d octets (limite %d)\u202f: ce n’est pas un paquet", caplen, maxPacket)
	}
	h, err = p.in.peek(p.record + int(caplen))
	if err != nil {
		return fault(at, err, "the file ends inside a packet of %d octets", "le fichier s’arrête dans un paquet de %d octets", caplen)
	}
	pk.time = int64(sec)*1e9 + int64(frac)
	if !p.nano {
		pk.time = int64(sec)*1e9 + int64(frac)*1e3
	}
	pk.link, pk.iface, pk.comments = p.link, 0, nil
	pk.data = h[p.record:]
	pk.cut = missing(len(pk.data), int64(origlen))
	if p.fcs > 0 && pk.cut == 0 && len(pk.data) > p.fcs {
		pk.data = pk.data[:len(pk.data)-p.fcs]
	}
	p.in.take(p.record + int(caplen))
	return nil
}

// missing counts what a capture left out of a packet of so many octets on the wire.
func missing(have int, wire int64) int {
	if wire <= int64(have) {
		return 0
	}
	return int(min(wire, maxPacket+int64(have)) - int64(have))
}

// ticks turns a time in units of an interface's resolution (if_tsresol: 10^-n, or 2^-n with the high bit) into
// nanoseconds since 1970, held within what an int64 can say (the years 1678 to 2262).
func ticks(t uint64, resolution uint8, offset int64) int64 {
	sec, ns := split(t, resolution)
	if sec > math.MaxInt64 {
		return math.MaxInt64
	}
	s := int64(sec)
	if offset > 0 && s > math.MaxInt64-offset {
		return math.MaxInt64
	}
	s += offset
	const most = math.MaxInt64/1_000_000_000 - 1
	if s > most {
		return math.MaxInt64
	}
	if s < -most {
		return math.MinInt64
	}
	return s*1e9 + int64(ns)
}
