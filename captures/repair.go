package captures

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Repaired says what Repair did to a recording.
type Repaired struct {
	Path   string
	Offset int64 // where the unfinished block began
	Octets int64 // of it, taken off; 0 for a recording that was whole
}

// ErrRecording is in the error of a repair of a recording that is being written.
var ErrRecording error = &spoken{"the recording is being written", "l’enregistrement est en cours d’écriture"}

var (
	errNotPcapng error = &spoken{"a pcap, not a recording that could be repaired", "c’est un pcap, et non un enregistrement qui pourrait être réparé"}
	errBeyondEnd error = &spoken{"more is wrong than a missing end", "autre chose que la fin est endommagé"}
)

// Recording reports whether somebody records into a file now, as far as the system can tell.
func Recording(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return !lock(f)
}

// Repair cuts the unfinished block off the end of a recording, as a crash of the machine, a kill or a full disk may leave
// it, and writes in its place what it did: sessions that were open then tell of it, as a session.recording event, wherever
// the recording is read. Only an end that is missing is repaired; anything else that is wrong with the file is the error,
// and the file stays as it is. So it does while somebody records into it ([ErrRecording], where the system can tell).
func Repair(path string) (r Repaired, err error) {
	r.Path = path
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if !lock(f) {
		return r, fmt.Errorf("%s: %w", path, ErrRecording)
	}
	in, format, err := open(f)
	switch {
	case err != nil:
		return r, named(err, path)
	case format != formatPcapng:
		return r, fmt.Errorf("%s: %w", path, errNotPcapng)
	}
	p := &pcapngReader{in: in, secretOnly: true}
	var pk packet
	for err == nil {
		_, err = p.block(&pk)
	}
	if err == io.EOF {
		return r, nil
	}
	var fe *FormatError
	if !errors.As(err, &fe) || !errors.Is(fe.Err, io.ErrUnexpectedEOF) {
		return r, fmt.Errorf("%w: %w", errBeyondEnd, named(err, path))
	}
	st, err := f.Stat()
	if err != nil {
		return r, err
	}
	r.Offset, r.Octets = fe.Offset, st.Size()-fe.Offset
	return r, r.write(f, p)
}

// write takes the end off and puts the account of it there.
func (r *Repaired) write(f *os.File, p *pcapngReader) error {
	texts, err := (&own{Repaired: &ownRepaired{File: filepath.Base(r.Path), Offset: r.Offset, Octets: r.Octets}}).comments()
	if err != nil {
		return err
	}
	if err := f.Truncate(r.Offset); err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	if p.order != le || len(p.interfaces) == 0 { // of another program, or nothing in it to tell of: whole now, and that is all
		return nil
	}
	var b blocks
	b.statistics(time.Now(), texts)
	if _, err := f.WriteAt(b.buf, r.Offset); err != nil {
		return fmt.Errorf("repair: %w", errors.Join(err, f.Truncate(r.Offset)))
	}
	return nil
}

// RepairFolder repairs the recordings of a folder that nobody writes, and gives those that needed it. Files that are no
// recordings are passed over, and where the system cannot tell what is being written, all are.
func RepairFolder(dir string) (all []Repaired, err error) {
	if !canLock {
		return nil, nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.pcapng"))
	for _, path := range files {
		if !unfinished(path) {
			continue
		}
		if r, e := Repair(path); e == nil && r.Octets > 0 {
			all = append(all, r)
		}
	}
	return all, err
}

// ours reports whether facteur wrote a file: what another program may still be writing is none of our business.
func ours(f *os.File) bool {
	head := make([]byte, maxOwnHead)
	n, err := f.ReadAt(head, 0)
	const fixed = 24 // octets of a section header before its options
	if head = head[:n]; err != nil && err != io.EOF || len(head) < fixed || le.Uint32(head) != blockSection || le.Uint32(head[8:]) != byteOrderMagic {
		return false
	}
	own := false
	p := &pcapngReader{order: le}
	p.options(head[fixed:], func(code uint16, v []byte) {
		own = own || code == optApplication && bytes.HasPrefix(v, []byte("facteur"))
	})
	return own
}

// maxOwnHead octets hold the section header of any recording of facteur's.
const maxOwnHead = 8 << 10

// unfinished reports whether a recording of facteur's may lack its end. A whole one ends on a block whose length stands at its end, too,
// and leads back to its beginning: that is found without reading the file.
func unfinished(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.Size() < blockFraming || !ours(f) {
		return false
	}
	var tail, head [4]byte
	if _, err := f.ReadAt(tail[:], st.Size()-4); err != nil {
		return false
	}
	n := int64(le.Uint32(tail[:]))
	if n < blockFraming || n > st.Size() || n%4 != 0 {
		return true
	}
	if _, err := f.ReadAt(head[:], st.Size()-n+4); err != nil {
		return false
	}
	return head != tail
}
