package captures

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/netip"
	"os"
	"sync"
	"time"

	"facteur/decode"
)

// WriterOptions say what a recording tells of itself.
type WriterOptions struct {
	Application string // "facteur VERSION"
	Title       string
	Comment     string
	// ID tells recordings apart whose sessions were merged into one file. Random if empty.
	ID string
}

// writeSize is how many octets of blocks are collected before they are written: a kill loses twice as much at most (one
// part is filled while another is written), and nothing that Flush was called after. The system takes large parts faster.
const writeSize = 256 << 10

// ErrEnded is in the error of a chunk with octets from a side that has ended: no TCP packet could hold them.
var ErrEnded = errors.New("the side has ended")

// Writer writes a recording. It may be used by several goroutines.
//
// The file only grows, and only whole blocks are handed to it: whatever stops the program, what was written is a readable
// recording. Blocks go to the file when 256 KiB are collected, when a session is closed, and on Flush and End; who shows a
// recording that grows calls Flush from time to time. After an error of the file every call returns that error, until Resume.
type Writer struct {
	mu       sync.Mutex
	w        io.Writer
	file     *os.File // to be closed, if Create opened it
	behind   *behind  // writes to file; nil without one
	err      error
	blocks   blocks
	id       string
	sessions map[int]*written
	busy     map[[2]netip.AddrPort]struct{} // connections now open
	opened   uint32
}

// written is a session being written.
type written struct {
	legs [2]*wire
	last time.Time
}

// Create makes a new recording, readable by its owner only. The file must not exist.
func Create(path string, o WriterOptions) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	out := ease(f)
	w, err := NewWriter(out, o)
	if err != nil { // a full disk: nothing of a recording is left there
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	w.file, w.behind = f, newBehind(out)
	lock(f) // so that Repair leaves it alone while it grows
	return w, nil
}

// NewWriter begins a recording on w.
func NewWriter(w io.Writer, o WriterOptions) (*Writer, error) {
	if o.ID == "" {
		o.ID = rand.Text()
	}
	x := &Writer{w: w, id: o.ID, sessions: map[int]*written{}, busy: map[[2]netip.AddrPort]struct{}{}}
	x.blocks.section(o.Application, o.Title, o.Comment)
	x.blocks.netInterface("client leg", "mail client to facteur")
	x.blocks.netInterface("server leg", "facteur to mail server")
	return x, x.Flush()
}

// Open begins a leg of session i.Session: the three packets of a TCP handshake, with m as a comment on the first. What m
// leaves empty is filled in from i. The port of the server is the registered one for what is spoken; that of the client
// is kept unless another open session has it.
func (w *Writer) Open(i Info, m Meta) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sessions[i.Session]
	if s != nil && s.legs[i.Leg&1] != nil {
		return fmt.Errorf("recording: the %s leg of session %d is open already", i.Leg, i.Session)
	}
	m.Session, m.Leg, m.Protocol, m.Implicit = i.Session, i.Leg.String(), i.Protocol, i.Implicit
	if m.Client == "" && i.Client.IsValid() {
		m.Client = i.Client.String()
	}
	if m.Server == "" && i.Server.IsValid() {
		m.Server = i.Server.String()
	}
	comments, err := (&own{Recording: w.id, Open: &m}).comments()
	if err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	if s == nil {
		s = &written{}
		w.sessions[i.Session] = s
	}
	c := w.connect(i, m.Route)
	c.opening = comments
	s.legs[i.Leg&1], s.last = c, i.Time
	c.next[decode.Client]++
	c.next[decode.Server]++
	return w.handshake(s, c)
}

// handshake writes the packets that open a connection, before what was said in it.
func (w *Writer) handshake(s *written, c *wire) error {
	now := c.next
	defer func() { c.next = now }()
	client, server := c.next[decode.Client]-uint32(c.said[decode.Client])-1, c.next[decode.Server]-uint32(c.said[decode.Server])-1
	c.next = [2]uint32{client, server}
	if err := w.packet(s, c, decode.Client, flagSYN, nil, c.opening); err != nil {
		return err
	}
	c.next[decode.Client]++
	if err := w.packet(s, c, decode.Server, flagSYN|flagACK, nil, nil); err != nil {
		return err
	}
	c.next[decode.Server]++
	return w.packet(s, c, decode.Client, flagACK, nil, nil)
}

// connect chooses a leg's addresses and initial sequence numbers.
func (w *Writer) connect(i Info, route string) *wire {
	client, server := ends(i, canonicalPort(i, route))
	for n := 0; n < 1<<16; n++ {
		if _, taken := w.busy[[2]netip.AddrPort{client, server}]; !taken && client != server {
			break
		}
		port := client.Port() + 1
		if port < firstFreePort {
			port = firstFreePort
		}
		client = netip.AddrPortFrom(client.Addr(), port)
	}
	c := &wire{iface: uint32(i.Leg & 1), ends: [2]netip.AddrPort{client, server}}
	w.busy[c.ends] = struct{}{}
	// The numbers differ from connection to connection, so that ports used again are seen to be: by count within a
	// recording, by its ID between recordings put behind each other.
	w.opened++
	for side := range c.next {
		h := fnv.New32a()
		fmt.Fprintf(h, "%s %d %d", w.id, w.opened, side)
		c.next[side] = h.Sum32()
	}
	return c
}

// Secrets writes a Decryption Secrets Block with the lines of an NSS key log, before all packets still to come. The
// block does not say whose lines they are; the client random does.
func (w *Writer) Secrets(session int, leg decode.Leg, keylog []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(keylog) > maxSecretsBlock/2 {
		return fmt.Errorf("recording: a key log of %d octets for the %s leg of session %d: write it in parts", len(keylog), leg, session)
	}
	if w.err != nil || len(keylog) == 0 {
		return w.err
	}
	w.blocks.secrets(keylog)
	return w.wrote()
}

// Chunk writes what c holds: the thing told, the loss, the octets and the end, in this order. comment, for people, goes
// to the last packet of them. Octets, losses and ends need the leg to be open; a thing told needs one leg of the session.
func (w *Writer) Chunk(session int, c decode.Chunk, comment string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sessions[session]
	if s == nil {
		return fmt.Errorf("recording: session %d is not open", session)
	}
	k := s.legs[c.Leg&1]
	if k == nil && (len(c.Data) > 0 || c.Lost > 0 || c.End != decode.Open) {
		return fmt.Errorf("recording: the %s leg of session %d is not open", c.Leg, session)
	}
	if k == nil {
		k = s.legs[c.Leg&1^1]
	}
	from := c.From & 1
	if k.refuses(from, &c) {
		return fmt.Errorf("recording: session %d, %s leg, from the %s: %w", session, c.Leg, from, ErrEnded)
	}
	if w.err != nil {
		s.last = c.Time
		k.skip(from, max(c.Lost, 0)+len(c.Data))
		return w.err
	}
	if c.Told == nil && c.Lost <= 0 && len(c.Data) == 0 && c.End == decode.Open && comment == "" {
		return nil
	}
	s.last = c.Time
	return w.chunk(s, k, from, &c, comment)
}

// refuses says that a side which has ended cannot send this.
func (k *wire) refuses(from decode.Side, c *decode.Chunk) bool {
	switch k.ended[from] {
	case decode.Open:
		return false
	case decode.Finished:
		return len(c.Data) > 0 || c.Lost > 0 || c.End == decode.Finished
	}
	return len(c.Data) > 0 || c.Lost > 0 || c.End != decode.Open
}

// chunk writes the packets of a chunk.
func (w *Writer) chunk(s *written, k *wire, from decode.Side, c *decode.Chunk, comment string) error {
	// people gives the comment to the last packet: when this is it.
	people := func(last bool) []string {
		if comment == "" || !last {
			return nil
		}
		return []string{comment}
	}
	ends, data := c.End != decode.Open, len(c.Data) > 0
	if c.Told != nil {
		texts, err := (&own{Told: encodeTold(c.Leg&1, from, c.Told)}).comments()
		if err != nil {
			return fmt.Errorf("recording: %s: %w", c.Told.Kind, err)
		}
		if err := w.packet(s, k, from, flagACK, nil, append(people(c.Lost <= 0 && !data && !ends), texts...)); err != nil {
			k.skip(from, max(c.Lost, 0)+len(c.Data))
			return err
		}
	}
	if c.Lost > 0 {
		if err := w.lose(s, k, from, c.Lost, people(!data && !ends)); err != nil {
			k.skip(from, len(c.Data))
			return err
		}
	}
	if err := w.data(s, k, from, c.Data, people(!ends)); err != nil {
		return err
	}
	if ends {
		return w.ending(s, k, from, c.End, people(true))
	}
	if c.Told == nil && c.Lost <= 0 && !data {
		return w.packet(s, k, from, flagACK, nil, people(true))
	}
	return nil
}

// lose leaves octets out of the sequence and has the other side acknowledge them, as in a capture that missed packets.
func (w *Writer) lose(s *written, k *wire, from decode.Side, n int, comments []string) error {
	texts, err := (&own{Lost: int64(n)}).comments()
	if err != nil {
		return err
	}
	k.skip(from, n)
	k.unacked[from] = 0
	return w.packet(s, k, from.Other(), flagACK, nil, append(comments, texts...))
}

// data writes octets as segments.
func (w *Writer) data(s *written, k *wire, from decode.Side, data []byte, comments []string) error {
	for len(data) > 0 {
		n := min(len(data), segmentSize)
		flags, texts := uint8(flagACK), []string(nil)
		if n == len(data) {
			flags, texts = flagACK|flagPSH, comments
		}
		if err := w.packet(s, k, from, flags, data[:n], texts); err != nil {
			k.skip(from, len(data))
			return err
		}
		k.skip(from, n)
		k.unacked[from] += int64(n)
		data = data[n:]
		if k.unacked[from] >= ackEvery {
			k.unacked[from] = 0
			if err := w.packet(s, k, from.Other(), flagACK, nil, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// ending writes a FIN or an RST.
func (w *Writer) ending(s *written, k *wire, from decode.Side, end decode.End, comments []string) error {
	flags := uint8(flagFIN | flagACK)
	if end == decode.Reset {
		flags = flagRST | flagACK
	}
	if err := w.packet(s, k, from, flags, nil, comments); err != nil {
		return err
	}
	k.ended[from] = end
	if end == decode.Finished {
		k.next[from]++
	}
	return nil
}

// packet writes one packet at the session's present time.
func (w *Writer) packet(s *written, k *wire, from decode.Side, flags uint8, payload []byte, comments []string) error {
	if w.err != nil {
		return w.err
	}
	if flags&flagACK != 0 {
		k.unacked[from.Other()] = 0
	}
	at := w.blocks.beginPacket(k.iface, s.last)
	w.blocks.buf = appendFrame(w.blocks.buf, k, from, flags, payload)
	w.blocks.endPacket(at, comments)
	return w.wrote()
}

// Close ends a session: a last packet says so, and what is collected is written. A session need not be closed; a reader
// then ends it with the file.
func (w *Writer) Close(session int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sessions[session]
	if s == nil {
		return fmt.Errorf("recording: session %d is not open", session)
	}
	texts, err := (&own{Close: true}).comments()
	if err != nil {
		return err
	}
	delete(w.sessions, session)
	k := s.legs[decode.ClientLeg]
	if k == nil {
		k = s.legs[decode.ServerLeg]
	}
	err = w.packet(s, k, decode.Client, flagACK, nil, texts)
	for _, k := range s.legs {
		if k != nil {
			delete(w.busy, k.ends)
		}
	}
	if err != nil {
		return err
	}
	return w.flush()
}

// wrote hands the blocks on if enough are collected.
func (w *Writer) wrote() error {
	if len(w.blocks.buf) < writeSize {
		return w.err
	}
	if w.behind == nil || w.err != nil {
		return w.flush()
	}
	var err error
	if w.blocks.buf, err = w.behind.hand(w.blocks.buf); err != nil {
		w.err = fmt.Errorf("recording: %w", err)
	}
	return w.err
}

func (w *Writer) flush() error {
	if w.behind != nil && w.err == nil {
		if err := w.behind.drain(); err != nil {
			w.err = fmt.Errorf("recording: %w", err)
		}
	}
	if w.err == nil && len(w.blocks.buf) > 0 {
		if _, err := w.w.Write(w.blocks.buf); err != nil {
			w.err = fmt.Errorf("recording: %w", err)
		}
		w.blocks.buf = w.blocks.buf[:0]
	}
	return w.err
}

// Flush writes everything collected. What Flush has returned from survives the program, not the machine.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flush()
}

// End writes everything, and if Create opened the file makes it durable and closes it. Only then is it certain that the
// recording is whole.
func (w *Writer) End() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.flush()
	if w.file != nil {
		err = errors.Join(err, w.file.Sync(), w.file.Close())
		w.file = nil
	}
	if w.err == nil {
		w.err = errors.New("recording: it has ended")
	}
	return err
}
