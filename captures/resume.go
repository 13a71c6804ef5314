package captures

import (
	"errors"
	"fmt"
	"os"
	"time"

	"facteur/decode"
)

// Resume goes on with a recording that could not be written further, because the disk was full, say, and that Repair has
// made whole; r is what it did. Sessions that are open go on in it: what is not in the file of what was handed over
// meanwhile is written as lost. secrets gives the key log lines of a session, which may be among that.
func (w *Writer) Resume(path string, r Repaired, secrets func(session int) [][]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	if !lock(f) {
		return errors.Join(fmt.Errorf("%s: %w", path, ErrRecording), f.Close())
	}
	if r.Octets > 0 { // Repair's account stands there: that the recording ends
		if err := f.Truncate(r.Offset); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	kept := &keptOctets{octets: map[keptLeg][2]int64{}}
	if err := ReadFile(path, kept); err != nil {
		return errors.Join(err, f.Close())
	}
	out := ease(f)
	w.file, w.w, w.behind, w.err = f, out, newBehind(out), nil
	w.blocks.buf = w.blocks.buf[:0]
	for number, s := range w.sessions {
		for _, lines := range secrets(number) {
			w.blocks.secrets(lines)
		}
		if err := w.takeUp(number, s, kept.octets); err != nil {
			return err
		}
	}
	return w.flush()
}

// takeUp writes what the file lacks of a session: that legs were opened, and how much of each side is lost.
func (w *Writer) takeUp(number int, s *written, kept map[keptLeg][2]int64) error {
	for leg, k := range s.legs {
		if k == nil {
			continue
		}
		octets, opened := kept[keptLeg{number, decode.Leg(leg)}]
		if !opened {
			if err := w.handshake(s, k); err != nil {
				return err
			}
		}
		for side := range k.said {
			n := k.said[side] - octets[side]
			if n <= 0 || k.ended[side] != decode.Open {
				continue
			}
			texts, err := (&own{Lost: n}).comments()
			if err != nil {
				return err
			}
			k.unacked[side] = 0
			if err := w.packet(s, k, decode.Side(side).Other(), flagACK, nil, texts); err != nil {
				return err
			}
		}
	}
	return nil
}

// skip counts octets that are handed over and not written.
func (k *wire) skip(from decode.Side, n int) {
	k.next[from] += uint32(n)
	k.said[from] += int64(n)
}

type keptLeg struct {
	session int
	leg     decode.Leg
}

// keptOctets counts what a recording holds of each leg.
type keptOctets struct {
	octets map[keptLeg][2]int64
}

func (c *keptOctets) Open(i Info) {
	at := keptLeg{i.Session, i.Leg}
	if _, known := c.octets[at]; !known { // a leg of which nothing was said yet is there too
		c.octets[at] = [2]int64{}
	}
}

func (c *keptOctets) Chunk(session int, ch decode.Chunk) {
	at := keptLeg{session, ch.Leg}
	n := c.octets[at]
	n[ch.From&1] += int64(ch.Lost) + int64(len(ch.Data))
	c.octets[at] = n
}

func (c *keptOctets) Close(int, time.Time) {}
func (c *keptOctets) Secrets([]byte)       {}
