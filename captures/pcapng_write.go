package captures

import (
	"encoding/binary"
	"math"
	"strings"
	"time"
)

// blocks builds pcapng blocks, little-endian, in memory. What is in buf is whole blocks only.
type blocks struct {
	buf []byte
}

var le = binary.LittleEndian

// begin starts a block and gives where it begins; end finishes it.
func (b *blocks) begin(kind uint32) int {
	at := len(b.buf)
	b.buf = le.AppendUint32(b.buf, kind)
	b.buf = le.AppendUint32(b.buf, 0)
	return at
}

func (b *blocks) end(at int) {
	n := uint32(len(b.buf) - at + 4)
	le.PutUint32(b.buf[at+4:], n)
	b.buf = le.AppendUint32(b.buf, n)
}

func (b *blocks) pad() {
	for len(b.buf)%4 != 0 { // every block is a multiple of 4 octets, so this counts from the block's start too
		b.buf = append(b.buf, 0)
	}
}

func (b *blocks) option(code uint16, v []byte) {
	b.buf = le.AppendUint16(b.buf, code)
	b.buf = le.AppendUint16(b.buf, uint16(len(v)))
	b.buf = append(b.buf, v...)
	b.pad()
}

// text writes an option of UTF-8, shortened to what an option holds; nothing if it is empty.
func (b *blocks) text(code uint16, s string) {
	if s == "" {
		return
	}
	s = strings.ToValidUTF8(s, "\ufffd")
	b.option(code, []byte(cutText(s, maxComment+len(ownPrefix))))
}

func (b *blocks) endOptions() { b.buf = le.AppendUint32(b.buf, optEnd) }

// section writes a Section Header Block.
func (b *blocks) section(application string, comments ...string) {
	at := b.begin(blockSection)
	b.buf = le.AppendUint32(b.buf, byteOrderMagic)
	b.buf = append(b.buf, 1, 0, 0, 0)              // version 1.0
	b.buf = le.AppendUint64(b.buf, math.MaxUint64) // length not known: the file grows
	for _, c := range comments {
		b.text(optComment, c)
	}
	b.text(optApplication, application)
	b.endOptions()
	b.end(at)
}

// netInterface writes an Interface Description Block: Ethernet, nanoseconds.
func (b *blocks) netInterface(name, description string) {
	const nanoseconds = 9
	at := b.begin(blockInterface)
	b.buf = le.AppendUint16(b.buf, linkEthernet)
	b.buf = append(b.buf, 0, 0)
	b.buf = le.AppendUint32(b.buf, 0) // no snapshot length
	b.text(optName, name)
	b.text(optDescription, description)
	b.option(optResolution, []byte{nanoseconds})
	b.endOptions()
	b.end(at)
}

// beginPacket begins an Enhanced Packet Block; what is appended to buf then is the packet.
func (b *blocks) beginPacket(iface uint32, t time.Time) int {
	at := b.begin(blockEnhanced)
	ns := stamp(t)
	for _, v := range [...]uint32{iface, uint32(ns >> 32), uint32(ns), 0, 0} { // the lengths come with endPacket
		b.buf = le.AppendUint32(b.buf, v)
	}
	return at
}

func (b *blocks) endPacket(at int, comments []string) {
	const fixed = 28 // octets before the packet
	n := uint32(len(b.buf) - at - fixed)
	le.PutUint32(b.buf[at+fixed-8:], n)
	le.PutUint32(b.buf[at+fixed-4:], n)
	b.pad()
	for _, c := range comments {
		b.text(optComment, c)
	}
	if len(comments) > 0 {
		b.endOptions()
	}
	b.end(at)
}

// secrets writes a Decryption Secrets Block with an NSS key log.
func (b *blocks) secrets(keylog []byte) {
	at := b.begin(blockSecrets)
	b.buf = le.AppendUint32(b.buf, secretsTLS)
	b.buf = le.AppendUint32(b.buf, uint32(len(keylog)))
	b.buf = append(b.buf, keylog...)
	b.pad()
	b.end(at)
}

// statistics writes an Interface Statistics Block for the first interface, with comments and nothing counted.
func (b *blocks) statistics(t time.Time, comments []string) {
	at := b.begin(blockStatistic)
	ns := stamp(t)
	for _, v := range [...]uint32{0, uint32(ns >> 32), uint32(ns)} {
		b.buf = le.AppendUint32(b.buf, v)
	}
	for _, c := range comments {
		b.text(optComment, c)
	}
	b.endOptions()
	b.end(at)
}

// stamp gives nanoseconds since 1970, held within what a reader can say of them: 1970 to 2262.
func stamp(t time.Time) uint64 {
	switch sec := t.Unix(); {
	case sec < 0:
		return 0
	case sec >= math.MaxInt64/1_000_000_000:
		return math.MaxInt64
	}
	return uint64(t.UnixNano())
}
