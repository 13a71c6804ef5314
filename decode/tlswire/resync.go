package tlswire

const (
	// maxTrialOctets limits, per side, the octets decrypted in vain while looking for a sequence number after gaps: about
	// a tenth of a second with AES-GCM. Beyond it only the likeliest number is tried.
	maxTrialOctets = 256 << 20
	// maxTrials limits the sequence numbers tried on one record: a gap of 64 MiB in full records.
	maxTrials = 4096
	// minSealed is the smallest sealed record: header, one octet, a tag or MAC.
	minSealed = headerLen + 1 + 8
	// maxSeek is how many octets are searched for a header before they are given up in one piece: no two headers are
	// farther apart.
	maxSeek = headerLen + maxFragment
)

// Skip takes the octets that are left of a side when a gap follows: the beginning of a record, for which Next said
// NeedMore. It gives them as a damaged record of that size, for callers that tell every octet. After it comes Lost, then
// Next, which first gives the rest of the hit record, if there is one, as another damaged record. Flush, if the messages
// cut by the gap are wanted before it, comes first of all.
func (c *Conn) Skip(from Side, buf []byte) Record {
	h := &c.halves[from&1]
	h.shown = 0
	if len(buf) == 0 {
		return Record{From: from, Reason: Damaged}
	}
	return h.skipped(buf[:min(len(buf), headerLen)], len(buf))
}

// skipped takes n octets, which begin with head, of a record that will not be complete.
func (h *half) skipped(head []byte, n int) Record {
	rec := Record{From: h.side, Size: n, Reason: Damaged}
	h.records++
	h.lossy = true
	if h.tail > 0 { // a second gap in the same record
		rec.Type, rec.Version, rec.Length, rec.Encrypted = h.hit.Type, h.hit.Version, h.hit.Length, h.hit.Encrypted
		h.tail -= min(n, h.tail)
		return rec
	}
	hd, st := parseHeader(head)
	if h.seek || st != Got || n >= headerLen+hd.length {
		h.seek = true
		h.pos.missed += int64(n)
		return rec
	}
	rec.Type, rec.Version, rec.Length = hd.typ, hd.version, hd.length
	rec.Encrypted = hd.typ == ApplicationData || h.keyed != nil
	hit := rec
	h.hit, h.tail = &hit, headerLen+hd.length-n
	return rec
}

// Lost says that n octets of the side are missing at the current position: behind what Next consumed and was shown. What
// Next was shown last and did not suffice is given up, whether Skip was called or not: it must not be shown again.
//
// If the gap ends inside (or with) the record that it hits, the next header's place is still known; otherwise Next looks
// for a plausible one that is confirmed by the one behind it or by opening with the keys. The record's number is found by
// trying at most maxTrials.
func (c *Conn) Lost(from Side, n int) {
	if n <= 0 {
		return
	}
	h := &c.halves[from&1]
	if h.shown > 0 {
		h.skipped(h.head[:min(h.shown, headerLen)], h.shown)
		h.shown = 0
	}
	h.spill()
	h.lossy, h.unsure = true, true
	c.current(h).torn = true
	if h.tail > 0 || h.hit != nil {
		inside := min(n, h.tail)
		h.tail -= inside
		n -= inside
		if h.tail == 0 {
			h.passHit(nil)
		}
		if n == 0 {
			return
		}
	}
	h.seek = true
	h.sought, h.refused = 0, false
	h.pos.missed += int64(n)
	h.widen(uint64(n/minSealed + 1))
}

// widen makes n more sequence numbers possible.
func (h *half) widen(n uint64) {
	h.pos.high = min(h.pos.high+n, h.pos.low+maxTrials)
	h.slack = min(h.slack+n, maxTrials)
	h.pos.chain = nil
}

// passHit counts the record that was hit. end are its last octets, as far as they were seen.
func (h *half) passHit(end []byte) {
	if h.hit != nil && h.hit.Encrypted {
		h.pos.miss(h.hit.Length, end)
		h.slack++
	}
	h.hit = nil
}

// nextTail gives the rest of a record that was hit by a gap.
func (c *Conn) nextTail(h *half, buf []byte) (Record, Status) {
	if len(buf) < h.tail {
		return Record{}, NeedMore
	}
	rec := *h.hit
	rec.Size = h.tail
	h.passHit(buf[:h.tail])
	h.tail = 0
	return rec, Got
}

// nextHeader looks for the next record's header. It gives the octets before it as a damaged record without a type, or
// Got with nothing if the header is the next octet. What was searched is not searched again when more octets come.
func (c *Conn) nextHeader(h *half, buf []byte) (Record, Status) {
	for ; h.sought < maxSeek; h.sought, h.refused = h.sought+1, false {
		at := h.sought
		hd, st := parseHeader(buf[min(at, len(buf)):])
		if st == NeedMore {
			return Record{}, NeedMore
		}
		if st != Got || hd.length == 0 || hd.version > 0x0304 {
			continue
		}
		switch c.confirm(h, hd, buf, at) {
		case NeedMore:
			return Record{}, NeedMore
		case Got:
			h.seek = false
			h.pass(buf[:at])
			return Record{From: h.side, Size: at, Reason: Damaged}, Got
		}
	}
	h.pass(buf[:maxSeek])
	return Record{From: h.side, Size: maxSeek, Reason: Damaged}, Got
}

// pass takes octets that belong to records whose headers were lost.
func (h *half) pass(octets []byte) {
	h.sought, h.refused = 0, false
	if len(octets) == 0 {
		return
	}
	h.records++
	h.pos.missed += int64(len(octets))
	h.widen(uint64(len(octets)/minSealed + 1))
	h.pos.keepChain(octets)
}

// confirm decides whether a plausible header is one: by the header behind the record, or because it opens.
func (c *Conn) confirm(h *half, hd header, buf []byte, at int) Status {
	end := at + headerLen + hd.length
	if len(buf) < end {
		return NeedMore
	}
	next, st := parseHeader(buf[end:])
	if st == Got && next.version <= 0x0304 {
		return Got
	}
	if !h.refused && c.opens(h, hd, buf[:end], at) {
		return Got
	}
	h.refused = true // tried once is enough, however many octets are added
	if st == Got {
		return NotTLS
	}
	return st
}

// opens reports whether the record at the end of buf opens with the keys known. It changes nothing but its budget.
func (c *Conn) opens(h *half, hd header, buf []byte, at int) bool {
	saved := *h
	if saved.pos.rc4 != nil {
		stream := *saved.pos.rc4
		saved.pos.rc4 = &stream
	}
	h.budget = h.seekBudget
	h.pass(buf[:at])
	wire := buf[at:]
	rec := Record{From: h.side, Size: len(wire), Type: hd.typ, Version: hd.version, Length: hd.length}
	c.unseal(h, &rec, wire, false)
	budget := h.budget
	*h = saved
	h.seekBudget = budget
	return rec.Encrypted && rec.Opened
}
