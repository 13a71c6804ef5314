package captures

import "slices"

const (
	// maxDatagrams under reassembly at once; each holds at most 64 KiB, so 16 MiB in all.
	maxDatagrams = 256
	// maxPieces of one datagram: 65,535 octets in the 8-octet steps of the offset, as if each came alone, would be 8,192;
	// a link of 68 octets (the least of RFC 791) makes 1,366.
	maxPieces = 2048
	// fragmentTime is how long RFC 8200 §4.5 lets pieces wait for the rest: 60 s. Identifiers are used again after it.
	fragmentTime = 60e9
)

type fragmentKey struct {
	src, dst [16]byte
	id       uint32
	proto    byte
}

// datagram is an IP payload of which pieces have come.
type datagram struct {
	time  int64
	turn  uint64 // of its first piece
	data  []byte
	have  []extent // sorted, apart
	total int      // 0 until the last piece is known
}

type extent struct{ from, to int }

// fragments puts IP fragments together. Where pieces overlap the first one stands.
type fragments struct {
	open map[fragmentKey]*datagram
	turn uint64
}

// add takes a piece and gives the whole payload when it completes it, else nil.
func (f *fragments) add(k fragmentKey, now int64, at int, more bool, b []byte, cut int) []byte {
	if at+len(b) > maxIP || cut > 0 && more {
		// A piece with octets cut off leaves a hole for ever; the others would only wait for it.
		return nil
	}
	if f.open == nil {
		f.open = map[fragmentKey]*datagram{}
	}
	d := f.open[k]
	if d == nil || now-d.time > fragmentTime || d.time-now > fragmentTime {
		if d == nil && len(f.open) >= maxDatagrams {
			f.dropOldest()
		}
		f.turn++
		d = &datagram{time: now, turn: f.turn}
		f.open[k] = d
	}
	if !more && d.total == 0 {
		d.total = at + len(b)
	}
	if len(d.have) < maxPieces {
		d.put(at, b)
	}
	if d.total == 0 || len(d.have) == 0 || d.have[0].from != 0 || d.have[0].to < d.total {
		return nil
	}
	delete(f.open, k)
	return d.data[:d.total]
}

func (f *fragments) dropOldest() {
	var oldest fragmentKey
	turn := uint64(0)
	for k, d := range f.open {
		if turn == 0 || d.turn < turn {
			oldest, turn = k, d.turn
		}
	}
	delete(f.open, oldest)
}

// put copies into the datagram what of b is not there yet.
func (d *datagram) put(at int, b []byte) {
	end := at + len(b)
	if end > len(d.data) {
		d.data = append(d.data, make([]byte, end-len(d.data))...)
	}
	from := at
	for _, e := range d.have {
		if e.to <= from || from >= end {
			continue
		}
		if e.from > from {
			stop := min(e.from, end)
			copy(d.data[from:stop], b[from-at:])
		}
		from = max(from, e.to)
	}
	if from < end {
		copy(d.data[from:end], b[from-at:])
	}
	d.cover(extent{at, end})
}

// cover adds an extent and joins those that touch.
func (d *datagram) cover(n extent) {
	d.have = append(d.have, n)
	slices.SortFunc(d.have, func(a, b extent) int { return a.from - b.from })
	joined := d.have[:1]
	for _, e := range d.have[1:] {
		if last := &joined[len(joined)-1]; e.from <= last.to {
			last.to = max(last.to, e.to)
		} else {
			joined = append(joined, e)
		}
	}
	d.have = joined
}
