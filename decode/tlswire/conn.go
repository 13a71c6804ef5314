package tlswire

const (
	// maxHandshakes limits the handshakes of a connection that are kept because one side is ahead of the other. A
	// renegotiation needs two.
	maxHandshakes = 8
	// maxTranscript limits the handshake octets kept for the extended master secret; certificate chains have 10 KiB or so.
	maxTranscript = 1 << 18
)

// Conn follows one connection. The zero value is not usable: see NewConn.
type Conn struct {
	secrets    Secrets
	halves     [2]half
	handshakes []*handshake // from number first on
	first      int
	room       *Room
	learned    map[string][]byte
}

// handshake is what both sides agreed, or are about to.
type handshake struct {
	haveClient, haveServer bool
	clientRandom           [32]byte
	serverRandom           [32]byte
	version                uint16 // 0 until it is known; drafts of TLS 1.3 count as 0x0304
	draft                  int    // of TLS 1.3
	suite                  uint16
	compressed             bool
	ems, etm               bool
	early                  bool // the client offered 0-RTT data
	resumed                bool
	retried                bool // a HelloRetryRequest was seen
	sni                    string
	clientSession          []byte
	serverSession          []byte

	// For the extended master secret (RFC 7627): the client's hello, the server's flight, the client's flight with the
	// octets up to its ClientKeyExchange. torn says that they are not complete.
	hello, serverFlight, clientFlight []byte
	sessionEnd                        int
	flightEnded                       bool // by ServerHelloDone: what the server says later is not part of it
	torn                              bool
	encrypted                         []byte // the RSA-encrypted pre-master secret

	offered, given []byte // ids of the session ticket that the client offered, and of the one that the server gave
	master         []byte
	epochs         [2]*epoch // of TLS 1.2 and before
}

// half is one side's stream.
type half struct {
	side    Side
	records int  // seen so far
	hello   bool // its hello was seen
	number  int  // of its current handshake

	// TLS 1.2 and before: the handshake whose keys are in use since ChangeCipherSpec; ccs remembers one that came
	// before the version was known.
	keyed *handshake
	ccs   bool
	// TLS 1.3: where the keys stand, the application secret of the generation, and how many records may have been
	// missed that could have changed the keys.
	sealed13 bool
	stage    stage
	secret   []byte
	slack    uint64
	tried    map[epochKey]*epoch

	keys   *epoch // nil: in clear, or not known (yet)
	pos    position
	budget int64 // octets that may still be spent on trying sequence numbers

	// Messages being put together.
	pending     []byte
	pendingType ContentType
	skip        int  // octets that still belong to a message too long to keep or torn
	unsure      bool // after a gap: the next handshake octets may begin inside a message
	spilled     []Message

	// The octets that were shown to Next last and did not suffice, and the first of them.
	shown int
	head  [headerLen]byte

	// After a gap.
	lossy bool
	tail  int     // octets still to come of the record that was hit
	hit   *Record // that record's header
	seek  bool    // the next record's header must be looked for
	// How far it was looked for, and whether opening the record at that place was tried in vain.
	sought     int
	refused    bool
	seekBudget int64
}

// NewConn follows a new connection. s may be nil: then nothing that is sealed is opened.
func NewConn(s Secrets) *Conn { return new(Room).NewConn(s) }

// NewConn is the package's NewConn for one of the connections that share the Room.
func (r *Room) NewConn(s Secrets) *Conn {
	c := &Conn{secrets: s, room: r}
	for side := range c.halves {
		c.halves[side] = half{side: Side(side), budget: maxTrialOctets, seekBudget: maxTrialOctets}
	}
	return c
}

// at gives handshake number n, making it if needed.
func (c *Conn) at(n int) *handshake {
	for c.first+len(c.handshakes) <= n {
		c.handshakes = append(c.handshakes, new(handshake))
		if len(c.handshakes) > maxHandshakes {
			c.handshakes = c.handshakes[1:]
			c.first++
		}
	}
	if n < c.first { // the side fell behind by more than maxHandshakes: nothing is known of its handshake
		return new(handshake)
	}
	return c.handshakes[n-c.first]
}

// current is the handshake that a side is in.
func (c *Conn) current(h *half) *handshake { return c.at(h.number) }

// Next reads the next record of a side from buf, which holds that side's octets that were not consumed yet. Of what it
// returns only Record.Size octets are consumed, and only with Got. The result does not depend on how the octets were cut:
// NeedMore may turn into any other status, no other status changes as octets are added.
//
// Waiting is returned only if wait is true, for a complete record whose secret is not known yet; asked again with wait
// false, Next gives the record with Opened false. NotTLS is final until the caller skips something.
func (c *Conn) Next(from Side, buf []byte, wait bool) (Record, Status) {
	h := &c.halves[from&1]
	rec, st := c.next(h, buf, wait)
	h.shown = 0
	if st == NeedMore {
		h.shown = len(buf)
		copy(h.head[:], buf)
	}
	return rec, st
}

func (c *Conn) next(h *half, buf []byte, wait bool) (Record, Status) {
	from := h.side
	if h.tail > 0 {
		return c.nextTail(h, buf)
	}
	if h.seek {
		if rec, st := c.nextHeader(h, buf); st != Got || rec.Size > 0 {
			return rec, st
		}
	}
	if len(buf) == 0 {
		return Record{}, NeedMore
	}
	if from == Client && h.records == 0 && buf[0] >= 0x80 {
		return c.nextSSL2(h, buf)
	}
	hd, st := parseHeader(buf)
	if st != Got {
		return Record{}, st
	}
	size := headerLen + hd.length
	if len(buf) < size {
		return Record{}, NeedMore
	}
	rec := Record{From: from, Size: size, Type: hd.typ, Version: hd.version, Length: hd.length}
	if !c.unseal(h, &rec, buf[:size], wait) {
		return Record{}, Waiting
	}
	h.records++
	c.messages(h, &rec)
	return rec, Got
}

func (c *Conn) nextSSL2(h *half, buf []byte) (Record, Status) {
	size, st := parseSSL2(buf)
	if st != Got {
		return Record{}, st
	}
	h.records++
	rec := Record{From: Client, Size: size, Type: Handshake, Inner: Handshake, Version: 2, Length: size - 2, Content: buf[2:size]}
	rec.seal = sealing{size: size - 2, wire: size}
	rec.Messages = []Message{c.ssl2Hello(h, append([]byte(nil), buf[2:size]...))}
	return rec, Got
}

// Flush gives the octets of messages that will not be completed: at the end of a side, or before a gap.
func (c *Conn) Flush(from Side) []Message {
	h := &c.halves[from&1]
	h.spill()
	out := h.spilled
	h.spilled = nil
	return out
}
