package cli

import (
	"io"

	"facteur/decode"
)

// pageSize is how much is collected before it is written.
const pageSize = 64 << 10

// page collects what is printed: until it is written, or where w is nil until it is swapped.
type page struct {
	w   io.Writer
	buf []byte
	err error // of w; nothing more is written then
}

// full writes what is collected, if it is much.
func (p *page) full() {
	if p.w != nil && len(p.buf) >= pageSize {
		p.Flush()
	}
}

// write prints octets that need not be copied if they are many.
func (p *page) write(b []byte) {
	if len(p.buf)+len(b) < pageSize {
		p.buf = append(p.buf, b...)
		return
	}
	p.Flush()
	if p.err == nil {
		_, p.err = p.w.Write(b)
	}
}

// Flush writes what is collected.
func (p *page) Flush() error {
	if p.err == nil && len(p.buf) > 0 {
		_, p.err = p.w.Write(p.buf)
	}
	p.buf = p.buf[:0]
	return p.err
}

// Printed and Swap are those of a watch.Lane.
func (p *page) Printed() int { return len(p.buf) }

// Swap gives what is collected and goes on in room.
func (p *page) Swap(room []byte) []byte {
	printed := p.buf
	p.buf = room
	return printed
}

// jsonl prints one event a line.
type jsonl struct{ page }

func (j *jsonl) Publish(session int, events []decode.Event) {
	for i := range events {
		j.buf = append(decode.AppendJSON(j.buf, session, &events[i]), '\n')
	}
	j.full()
}

func (j *jsonl) Octets(int, decode.Leg, decode.Side, decode.Layer, int64, []byte) {}

func (j *jsonl) lane() pages { return &jsonl{} }

func (j *jsonl) join(_ int, printed []byte) { j.write(printed) }
