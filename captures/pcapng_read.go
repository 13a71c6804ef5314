package captures

import (
	"encoding/binary"
	"io"
)

// Block types of pcapng (draft-ietf-opsawg-pcapng §4).
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockOldPacket = 2
	blockSimple    = 3
	blockStatistic = 5
	blockEnhanced  = 6
	blockSecrets   = 10
)

// Options (same draft, §3.5 and §4).
const (
	optEnd          = 0
	optComment      = 1
	optName         = 2
	optDescription  = 3
	optApplication  = 4 // of a section
	optResolution   = 9
	optFCSLength    = 13
	optOffset       = 14
	byteOrderMagic  = 0x1a2b3c4d
	secretsTLS      = 0x544c534b // "TLSK": an NSS key log
	blockFraming    = 12         // type, length, and the length again
	defaultDecimals = 6          // of if_tsresol, where an interface does not say
)

const (
	// maxPacketBlock leaves a packet block room for comments beside its packet.
	maxPacketBlock = maxPacket + 1<<20
	// maxSecretsBlock: a key log line has some 200 octets, so this is 80,000 TLS sessions in one block.
	maxSecretsBlock = 16 << 20
	// maxDescriptionBlock: sections and interfaces hold a few names; comments may be long.
	maxDescriptionBlock = 1 << 20
	// maxInterfaces per section, so that a file of nothing but interfaces stays small in memory.
	maxInterfaces = 1 << 16
)

// netInterface is what packets need of an Interface Description Block.
type netInterface struct {
	link       uint32
	snap       uint32
	resolution uint8
	fcs        uint8
	offset     int64 // seconds
}

// pcapngReader reads pcapng: any number of sections, each in its own byte order with its own interfaces.
type pcapngReader struct {
	in         *input
	order      binary.ByteOrder
	interfaces []netInterface
	secrets    func([]byte)       // handed TLS key logs as they come
	secretOnly bool               // pass over the packets, look at their comments only
	repaired   func(*ownRepaired) // handed what Repair wrote; may be nil
	unknown    uint32             // a link type that could not be read, and
	unknownAt  int64              // where it was announced
	comments   []string
}

// next reads on to the next packet; io.EOF at the orderly end.
func (p *pcapngReader) next(pk *packet) error {
	for {
		got, err := p.block(pk)
		if err != nil || got {
			return err
		}
	}
}

// block reads one block and says whether it was a packet.
func (p *pcapngReader) block(pk *packet) (bool, error) {
	at := p.in.off
	h, err := p.in.peek(12)
	if err == io.EOF {
		return false, io.EOF
	}
	if err != nil {
		return false, fault(at, err, "the file ends inside a block header", "le fichier s’arrête dans l’en-tête d’un bloc")
	}
	if binary.LittleEndian.Uint32(h) == blockSection {
		if err := p.byteOrder(h, at); err != nil {
			return false, err
		}
	}
	kind, length := p.order.Uint32(h), p.order.Uint32(h[4:])
	if length < blockFraming {
		return false, fault(at+4, nil, "a block announces %d octets, fewer than its frame", "un bloc annonce %d octets, moins que son cadre", length)
	}
	padded := (int64(length) + 3) &^ 3 // some writers leave the padding out of the length
	limit := blockLimit(kind)
	if limit == 0 {
		if err := p.in.discard(padded); err != nil {
			return false, fault(at, err, "the file ends inside a block of %d octets", "le fichier s’arrête dans un bloc de %d octets", length)
		}
		return false, nil
	}
	if padded > limit {
		return false, fault(at+4, nil, "a block of type %d announces %d octets (limit %d)", "un bloc de type %d annonce %d octets (limite %d)", kind, length, limit)
	}
	b, err := p.in.peek(int(padded))
	if err != nil {
		return false, fault(at, err, "the file ends inside a block of %d octets", "le fichier s’arrête dans un bloc de %d octets", length)
	}
	if again := p.order.Uint32(b[padded-4:]); again != length {
		return false, fault(at+padded-4, nil, "a block is %d octets by its head and %d by its tail", "un bloc fait %d octets selon sa tête et %d selon sa queue", length, again)
	}
	got, ferr := p.content(kind, b[8:padded-4], at, pk)
	if ferr != nil {
		return false, ferr
	}
	p.in.take(int(padded))
	return got, nil
}

// blockLimit is the most octets a block of this type may have; 0 for the types that are passed over.
func blockLimit(kind uint32) int64 {
	switch kind {
	case blockEnhanced, blockSimple, blockOldPacket:
		return maxPacketBlock
	case blockSecrets:
		return maxSecretsBlock
	case blockSection, blockInterface, blockStatistic:
		return maxDescriptionBlock
	}
	return 0
}

// byteOrder takes a section's byte order from its magic number.
func (p *pcapngReader) byteOrder(h []byte, at int64) error {
	switch {
	case binary.LittleEndian.Uint32(h[8:]) == byteOrderMagic:
		p.order = binary.LittleEndian
	case binary.BigEndian.Uint32(h[8:]) == byteOrderMagic:
		p.order = binary.BigEndian
	default:
		return fault(at+8, nil, "a section has no byte-order magic", "une section ne dit pas l’ordre de ses octets")
	}
	return nil
}

// content reads the body of a block.
func (p *pcapngReader) content(kind uint32, b []byte, at int64, pk *packet) (bool, error) {
	switch kind {
	case blockSection:
		return false, p.section(b, at)
	case blockInterface:
		return false, p.netInterface(b, at)
	case blockSecrets:
		return false, p.secretsBlock(b, at)
	case blockStatistic:
		p.statistics(b)
		return false, nil
	case blockEnhanced:
		return p.enhanced(b, at, pk)
	case blockOldPacket:
		return p.oldPacket(b, at, pk)
	default:
		return p.simple(b, at, pk)
	}
}

func (p *pcapngReader) section(b []byte, at int64) error {
	if len(b) < 16 {
		return fault(at, nil, "a section header is too short", "un en-tête de section est trop court")
	}
	if major := p.order.Uint16(b[4:]); major != 1 {
		return fault(at+12, nil, "pcapng version %d.%d is not known (1.x is)", "la version pcapng %d.%d est inconnue (1.x l’est)", major, p.order.Uint16(b[6:]))
	}
	p.interfaces = p.interfaces[:0]
	p.options(b[16:], func(code uint16, v []byte) {
		if code == optComment {
			p.commentSecrets(v)
		}
	})
	return nil
}

func (p *pcapngReader) netInterface(b []byte, at int64) error {
	if len(b) < 8 {
		return fault(at, nil, "an interface description is too short", "une description d’interface est trop courte")
	}
	if len(p.interfaces) >= maxInterfaces {
		return fault(at, nil, "a section has more than %d interfaces", "une section a plus de %d interfaces", maxInterfaces)
	}
	i := netInterface{link: uint32(p.order.Uint16(b)), snap: p.order.Uint32(b[4:]), resolution: defaultDecimals}
	p.options(b[8:], func(code uint16, v []byte) {
		switch {
		case code == optResolution && len(v) >= 1:
			i.resolution = v[0]
		case code == optFCSLength && len(v) >= 1:
			i.fcs = v[0]
		case code == optOffset && len(v) >= 8:
			i.offset = int64(p.order.Uint64(v))
		}
	})
	if !knownLink(i.link) && p.unknownAt == 0 {
		p.unknown, p.unknownAt = i.link, at
	}
	p.interfaces = append(p.interfaces, i)
	return nil
}

// statistics looks for what Repair wrote into an Interface Statistics Block; its counts are of no use to us.
func (p *pcapngReader) statistics(b []byte) {
	const fixed = 12 // interface, time
	if len(b) < fixed || p.repaired == nil {
		return
	}
	p.options(b[fixed:], func(code uint16, v []byte) {
		if code != optComment {
			return
		}
		if o := parseOwn([]string{string(v)}); o != nil && o.Repaired != nil {
			p.repaired(o.Repaired)
		}
	})
}

// secretsBlock hands over a key log; secrets of other protocols (SSH, WireGuard, ZigBee) are passed over.
func (p *pcapngReader) secretsBlock(b []byte, at int64) error {
	if len(b) < 8 {
		return fault(at, nil, "a decryption secrets block is too short", "un bloc de secrets de déchiffrement est trop court")
	}
	n := p.order.Uint32(b[4:])
	if int64(n) > int64(len(b)-8) {
		return fault(at+12, nil, "a decryption secrets block announces %d octets and has %d", "un bloc de secrets de déchiffrement annonce %d octets et en a %d", n, len(b)-8)
	}
	if p.order.Uint32(b) == secretsTLS && p.secrets != nil {
		p.secrets(b[8 : 8+n])
	}
	return nil
}

// enhanced reads an Enhanced Packet Block.
func (p *pcapngReader) enhanced(b []byte, at int64, pk *packet) (bool, error) {
	if len(b) < 20 {
		return false, fault(at, nil, "a packet block is too short", "un bloc de paquet est trop court")
	}
	t := uint64(p.order.Uint32(b[4:]))<<32 | uint64(p.order.Uint32(b[8:]))
	return p.packet(b[20:], p.order.Uint32(b), t, p.order.Uint32(b[12:]), p.order.Uint32(b[16:]), at, pk)
}

// oldPacket reads the obsolete Packet Block: the same with a 16-bit interface and a count of drops.
func (p *pcapngReader) oldPacket(b []byte, at int64, pk *packet) (bool, error) {
	if len(b) < 20 {
		return false, fault(at, nil, "a packet block is too short", "un bloc de paquet est trop court")
	}
	t := uint64(p.order.Uint32(b[4:]))<<32 | uint64(p.order.Uint32(b[8:]))
	return p.packet(b[20:], uint32(p.order.Uint16(b)), t, p.order.Uint32(b[12:]), p.order.Uint32(b[16:]), at, pk)
}

// simple reads a Simple Packet Block: of interface 0, without a time, cut at that interface's snapshot length.
func (p *pcapngReader) simple(b []byte, at int64, pk *packet) (bool, error) {
	if len(b) < 4 {
		return false, fault(at, nil, "a packet block is too short", "un bloc de paquet est trop court")
	}
	wire := p.order.Uint32(b)
	have := min(wire, uint32(len(b)-4))
	if len(p.interfaces) > 0 && p.interfaces[0].snap > 0 {
		have = min(have, p.interfaces[0].snap)
	}
	last := pk.time // no time of its own: the last one known keeps the order
	got, err := p.packet(b[4:], 0, 0, have, wire, at, pk)
	pk.time = last
	return got, err
}

// packet fills in pk from the octets behind a packet block's fixed part.
func (p *pcapngReader) packet(b []byte, iface uint32, t uint64, caplen, wire uint32, at int64, pk *packet) (bool, error) {
	if int64(iface) >= int64(len(p.interfaces)) {
		return false, fault(at, nil, "a packet names interface %d of %d", "un paquet nomme l’interface %d sur %d", iface, len(p.interfaces))
	}
	if int64(caplen) > int64(len(b)) {
		return false, fault(at, nil, "a packet announces %d octets in a block with room for %d", "un paquet annonce %d octets dans un bloc qui en contient %d", caplen, len(b))
	}
	p.comments = p.comments[:0]
	if rest := (int(caplen) + 3) &^ 3; rest < len(b) {
		p.options(b[rest:], func(code uint16, v []byte) {
			if code == optComment {
				p.comments = append(p.comments, string(v))
				p.commentSecrets(v)
			}
		})
	}
	if p.secretOnly {
		return false, nil
	}
	i := &p.interfaces[iface]
	if !knownLink(i.link) {
		return false, nil
	}
	pk.time, pk.link, pk.iface = ticks(t, i.resolution, i.offset), i.link, int(iface)
	pk.data, pk.comments = b[:caplen], p.comments
	pk.cut = missing(int(caplen), int64(wire))
	if i.fcs > 0 && pk.cut == 0 && len(pk.data) > int(i.fcs) {
		pk.data = pk.data[:len(pk.data)-int(i.fcs)]
	}
	return true, nil
}

// options calls f for each option. A broken list ends quietly: options are advice, the block was whole.
func (p *pcapngReader) options(b []byte, f func(code uint16, v []byte)) {
	for len(b) >= 4 {
		code, n := p.order.Uint16(b), int(p.order.Uint16(b[2:]))
		if code == optEnd || n > len(b)-4 {
			return
		}
		f(code, b[4:4+n])
		b = b[min(len(b), 4+(n+3)&^3):]
	}
}

// commentSecrets looks for key log lines in a comment.
func (p *pcapngReader) commentSecrets(v []byte) {
	if p.secrets == nil {
		return
	}
	if k := keyLogLines(v); len(k) > 0 {
		p.secrets(k)
	}
}
