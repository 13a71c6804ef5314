package decode

// inflateStatus says why inflate.run stopped.
type inflateStatus uint8

const (
	inflateMore inflateStatus = iota // all octets are used, the unit is not complete
	inflateUnit                      // the sender flushed here, or a limit is reached
	inflateBad                       // not DEFLATE
)

const (
	deflateWindow = 32 << 10 // RFC 1951 §2: matches reach this far back
	maxCodeBits   = 15       // RFC 1951 §3.2.7
	fastBits      = 9        // codes up to this length are found with one look
	literalCodes  = 288
	distanceCodes = 30
	endOfBlock    = 256
)

type inflateState uint8

const (
	readBlock    inflateState = iota // the three bits that begin a block
	readStored                       // LEN and NLEN
	copyStored                       // octets as they are
	readCounts                       // HLIT, HDIST, HCLEN
	readCodeLens                     // the code lengths of the code length code
	readLengths                      // the code lengths of the two codes
	readCodes                        // literals and matches
)

// inflate decodes a DEFLATE stream (RFC 1951) that comes in pieces of any size and never ends. The standard library's
// decoder cannot go on once its input has paused, nor say at which octet a flush was; this one holds every step of
// decoding in its fields. It works a symbol at a time: a symbol whose bits are not all there stays in the bit buffer.
type inflate struct {
	state    inflateState
	bits     uint64
	nbits    uint
	read     int // octets of the unit under way
	out      []byte
	from     int // out[from:] is the unit's; before it, the window
	stored   int // octets of the stored block still to come
	symbols  int // symbols of the block so far
	final    bool
	nlit     int
	ndist    int
	nclen    int
	have     int // code lengths read so far
	lens     [literalCodes + 32]uint8
	clens    [19]uint8
	lit, dis huffman
	codelen  huffman
}

// run decodes in until a unit ends, at a flush of the sender's or behind limit octets, and gives the octets it used;
// read counts them over the calls for one unit.
func (z *inflate) run(in []byte, limit int) (used int, status inflateStatus) {
	z.slide()
	for {
		for z.nbits <= 56 && used < len(in) {
			z.bits |= uint64(in[used]) << z.nbits
			z.nbits += 8
			used++
			z.read++
		}
		done, flushed, ok := z.symbol()
		if !ok { // the unit ends behind what could be read, however far ahead this is seen
			z.read -= min(z.read, int(z.nbits/8))
			z.bits, z.nbits = 0, 0
			return used, inflateBad
		}
		if !done {
			if used == len(in) {
				return used, inflateMore
			}
			continue
		}
		if z.state == copyStored {
			z.pass(in, &used, limit)
		}
		at := z.read - int(z.nbits/8)
		if at > 0 && (flushed || len(z.out)-z.from >= maxDecompressed || at >= limit) {
			return used - z.unread(used), inflateUnit
		}
	}
}

// unread gives whole octets back that were read ahead, as many as there are in this call.
func (z *inflate) unread(used int) int {
	n := min(int(z.nbits/8), used)
	z.nbits -= uint(8 * n)
	z.bits &= 1<<z.nbits - 1
	z.read -= n
	return n
}

// take gives the unit's octets, valid until the next call of run, and begins the next unit.
func (z *inflate) take() []byte {
	out := z.out[z.from:]
	z.from = len(z.out)
	return out
}

// slide keeps the window and drops what is older, once enough has been added for it to be worth it.
func (z *inflate) slide() {
	if z.from > 8*deflateWindow && z.from == len(z.out) {
		n := copy(z.out, z.out[len(z.out)-deflateWindow:])
		z.out, z.from = z.out[:n], n
	}
}

// bitsOf takes n bits; ok is false if they are not all there.
func (z *inflate) bitsOf(n uint) (v int, ok bool) {
	if z.nbits < n {
		return 0, false
	}
	v = int(z.bits & (1<<n - 1))
	z.drop(n)
	return v, true
}

func (z *inflate) drop(n uint) {
	z.bits >>= n
	z.nbits -= n
}

// symbol decodes the next symbol. done is false if its bits are not all there; flushed says that the sender has put an
// empty block, which is how a flush looks (RFC 4978 §3).
func (z *inflate) symbol() (done, flushed, ok bool) {
	switch z.state {
	case readBlock:
		return z.block()
	case readStored:
		return z.storedLength()
	case copyStored:
		return z.storedOctet()
	case readCounts:
		return z.counts()
	case readCodeLens:
		return z.codeLength()
	case readLengths:
		return z.lengths()
	}
	return z.code()
}

func (z *inflate) block() (done, flushed, ok bool) {
	v, have := z.bitsOf(3)
	if !have {
		return false, false, true
	}
	z.symbols = 0
	z.final = v&1 != 0
	switch v >> 1 {
	case 0:
		z.drop(z.nbits & 7)
		z.state = readStored
	case 1:
		z.lit, z.dis = fixedLiterals, fixedDistances
		z.state = readCodes
	case 2:
		z.state = readCounts
	default:
		return true, false, false
	}
	return true, false, true
}

func (z *inflate) storedLength() (done, flushed, ok bool) {
	v, have := z.bitsOf(32)
	if !have {
		return false, false, true
	}
	n := v & 0xffff
	if n != ^(v>>16)&0xffff {
		return true, false, false
	}
	if n == 0 {
		z.state = readBlock
		return true, true, true
	}
	z.stored, z.state = n, copyStored
	return true, false, true
}

// storedOctet takes one octet from the bit buffer; pass takes the rest at once.
func (z *inflate) storedOctet() (done, flushed, ok bool) {
	v, have := z.bitsOf(8)
	if !have {
		return false, false, true
	}
	z.out = append(z.out, byte(v))
	if z.stored--; z.stored == 0 {
		z.state = readBlock
	}
	return true, false, true
}

// pass copies octets of a stored block straight from in, when none wait in the bit buffer.
func (z *inflate) pass(in []byte, used *int, limit int) {
	if z.nbits > 0 {
		return
	}
	n := min(z.stored, len(in)-*used, max(0, limit-z.read), max(0, maxDecompressed-(len(z.out)-z.from)))
	z.out = append(z.out, in[*used:*used+n]...)
	*used += n
	z.read += n
	if z.stored -= n; z.stored == 0 {
		z.state = readBlock
	}
}

func (z *inflate) counts() (done, flushed, ok bool) {
	v, have := z.bitsOf(14)
	if !have {
		return false, false, true
	}
	z.nlit, z.ndist, z.nclen = v&31+257, v>>5&31+1, v>>10+4
	if z.nlit > 286 || z.ndist > distanceCodes {
		return true, false, false
	}
	z.have, z.clens = 0, [19]uint8{}
	z.state = readCodeLens
	return true, false, true
}

var codeLengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15} // RFC 1951 §3.2.7

func (z *inflate) codeLength() (done, flushed, ok bool) {
	v, have := z.bitsOf(3)
	if !have {
		return false, false, true
	}
	z.clens[codeLengthOrder[z.have]] = uint8(v)
	if z.have++; z.have < z.nclen {
		return true, false, true
	}
	z.have, z.state = 0, readLengths
	return true, false, z.codelen.build(z.clens[:])
}

// lengths reads one code length, or a repetition of them (RFC 1951 §3.2.7).
func (z *inflate) lengths() (done, flushed, ok bool) {
	sym, n, found := z.codelen.decode(z.bits, z.nbits)
	if !found {
		return false, false, n > z.nbits
	}
	extra, base, value := uint(0), 1, uint8(sym)
	switch sym {
	case 16:
		if z.have == 0 {
			return true, false, false
		}
		extra, base, value = 2, 3, z.lens[z.have-1]
	case 17:
		extra, base, value = 3, 3, 0
	case 18:
		extra, base, value = 7, 11, 0
	}
	if z.nbits < n+extra {
		return false, false, true
	}
	z.drop(n)
	more, _ := z.bitsOf(extra)
	total := z.nlit + z.ndist
	if z.have+base+more > total {
		return true, false, false
	}
	for i := 0; i < base+more; i++ {
		z.lens[z.have] = value
		z.have++
	}
	if z.have < total {
		return true, false, true
	}
	z.state = readCodes
	return true, false, z.lens[endOfBlock] != 0 && z.lit.build(z.lens[:z.nlit]) && z.dis.build(z.lens[z.nlit:total])
}

// Base and extra bits of lengths from code 257 on, and of distances (RFC 1951 §3.2.5).
var (
	lengthBase  = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distBase    = [30]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distExtra   = [30]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// code decodes a literal, a match, or the end of a block.
func (z *inflate) code() (done, flushed, ok bool) {
	sym, n, found := z.lit.decode(z.bits, z.nbits)
	if !found {
		return false, false, n > z.nbits
	}
	z.symbols++
	switch {
	case sym < endOfBlock:
		z.drop(n)
		z.out = append(z.out, byte(sym))
		return true, false, true
	case sym == endOfBlock:
		z.drop(n)
		z.state = readBlock
		return true, z.symbols == 1 || z.final, true
	case sym-257 >= len(lengthBase):
		return true, false, false
	}
	z.symbols--
	bits, have := z.bits>>n, z.nbits-n
	ext := uint(lengthExtra[sym-257])
	if have < ext {
		return false, false, true
	}
	length := int(lengthBase[sym-257]) + int(bits&(1<<ext-1))
	bits, have = bits>>ext, have-ext
	dsym, dn, found := z.dis.decode(bits, have)
	if !found {
		return false, false, dn > have
	}
	if dsym >= distanceCodes {
		return true, false, false
	}
	bits, have = bits>>dn, have-dn
	dext := uint(distExtra[dsym])
	if have < dext {
		return false, false, true
	}
	distance := int(distBase[dsym]) + int(bits&(1<<dext-1))
	if distance > len(z.out) {
		return true, false, false
	}
	z.drop(n + ext + dn + dext)
	z.symbols++
	for i := len(z.out) - distance; length > 0; length-- {
		z.out = append(z.out, z.out[i])
		i++
	}
	return true, false, true
}
