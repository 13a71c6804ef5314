package captures

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Reader reads captures. The zero value is not usable: it needs a Sink.
type Reader struct {
	Sink Sink
	// TCPEvents asks for things told about TCP itself: chunks with a Told of kind tcp.retransmission, tcp.out_of_order,
	// tcp.overlap_conflict, tcp.keepalive, tcp.after_end and tcp.midstream, with the field octets. A live session has
	// none of them, so they are off unless somebody looks at the capture rather than at the session.
	TCPEvents bool
	// Through, if set, wraps the file that ReadFile reads, once for each time it is read through: for who shows how far
	// that is, or ends it. The last time is the one that hands over what the file holds.
	Through func(file io.Reader) io.Reader
	// LateSecrets has ReadFile hand over secrets as they come, and the file is read once: whoever finds out that some are
	// needed that stand further on calls FileSecrets.
	LateSecrets bool

	skip bool // early secrets are handed over otherwise
}

// Read reads a capture (pcap or pcapng, gzip or not, known by its content) and hands what it holds to s while it comes:
// a pipe from a running capture is decoded as it grows. name is for errors, which are of type *FormatError if the
// octets are to blame and the reader's own otherwise. Every session is closed when Read returns, with or without error.
func Read(r io.Reader, name string, s Sink) error { return Reader{Sink: s}.Read(r, name) }

// maxSecretsAhead is how much key log text of a file is handed over ahead: that of 17,000 sessions of TLS 1.3, and of no more
// than a tlswire.KeyLog holds. Secrets stand before the packets they open, in all but odd files, and can come with them.
const maxSecretsAhead = 16 << 20

// ReadFile reads a file like Read. Secrets anywhere in it (a Decryption Secrets Block behind the packets it opens, for
// one) are handed over before the first session is opened; of more than 16 MiB of them, the rest as they come.
func ReadFile(path string, s Sink) error { return Reader{Sink: s}.ReadFile(path) }

// ReadFile is the package's ReadFile with the Reader's options.
func (rd Reader) ReadFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	through := rd.Through
	if through == nil {
		through = func(file io.Reader) io.Reader { return file }
	}
	st, err := f.Stat()
	if err == nil && st.IsDir() {
		return &fs.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
	}
	if err != nil || !st.Mode().IsRegular() {
		return rd.Read(through(f), path) // a pipe cannot be read twice
	}
	if rd.LateSecrets {
		return rd.Read(through(f), path)
	}
	rd.skip = true
	// The fault that ends this pass ends the next one too, which reports it.
	var so early
	secretsPass(through(f), func(lines []byte) bool {
		if so.has(lines) {
			rd.Sink.Secrets(lines)
		}
		return so <= maxSecretsAhead
	})
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return rd.Read(through(f), path)
}

// FileSecrets looks through a file for secrets and hands over the key log lines of all that it has, up to the first fault
// in it. Reading reports faults; looking for secrets does not.
func FileSecrets(path string, secrets func(keylog []byte)) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	secretsPass(f, func(lines []byte) bool {
		secrets(lines)
		return true
	})
}

// early counts key log text as it comes, and tells which of it is handed over ahead of the sessions.
type early int

func (e *early) has(lines []byte) bool {
	first := *e == 0
	*e += early(len(lines))
	return first || *e <= maxSecretsAhead
}

// secretsPass looks for secrets only, as long as more are wanted. Classic pcap has none.
func secretsPass(r io.Reader, secrets func(lines []byte) (more bool)) {
	in, format, err := open(r)
	if err != nil || format != formatPcapng {
		return
	}
	more := true
	p := &pcapngReader{in: in, secretOnly: true, secrets: func(lines []byte) { more = more && secrets(lines) }}
	var pk packet
	for err == nil && more {
		_, err = p.block(&pk)
	}
}

// Read is the package's Read with the Reader's options.
func (rd Reader) Read(r io.Reader, name string) error {
	err := rd.read(r)
	var f *FormatError
	if errors.As(err, &f) {
		f.Name = name
		if f.Err != nil && !atEnd(f.Err) && !isGzip(f.Err) { // the reader failed, not the format
			return fmt.Errorf("%s: at octet %d: %w", name, f.Offset, f.Err)
		}
		return f
	}
	return err
}

// isGzip says that compressed octets are damaged.
func isGzip(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt)
}

func (rd Reader) read(r io.Reader) error {
	in, format, err := open(r)
	if err != nil {
		return err
	}
	t := newTCP(rd.Sink, rd.TCPEvents)
	defer t.end()
	d := &dissector{deliver: t.segment}
	var pk packet
	if format == formatPcap {
		p, err := newPcapReader(in)
		if err != nil {
			return err
		}
		return packets(p.next, d, &pk)
	}
	var so early
	p := &pcapngReader{in: in, repaired: func(r *ownRepaired) { t.repair = r }, secrets: func(lines []byte) {
		if !rd.skip || !so.has(lines) {
			rd.Sink.Secrets(lines)
		}
	}}
	n := 0
	err = packets(func(pk *packet) error { n++; return p.next(pk) }, d, &pk)
	if err == nil && n == 1 && p.unknownAt > 0 { // the one call that found the end
		return fault(p.unknownAt, nil, "link type %d cannot be read; convert the capture to Ethernet or raw IP", "le type de liaison %d ne peut pas être lu\u202f; convertissez la capture en Ethernet ou en IP brut", p.unknown)
	}
	return err
}

// packets moves every packet to the dissector.
func packets(next func(*packet) error, d *dissector, pk *packet) error {
	for {
		switch err := next(pk); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		d.packet(pk)
	}
}

type format uint8

const (
	formatPcap format = iota
	formatPcapng
)

// open recognises the format by its first octets, taking gzip off.
func open(r io.Reader) (*input, format, error) {
	in := newInput(r)
	h, err := in.peek(4)
	if len(h) >= 2 && h[0] == 0x1f && h[1] == 0x8b {
		z, err := gzip.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(in.rest()), r)))
		if err != nil {
			return nil, 0, fault(0, err, "the gzip header is damaged", "l’en-tête gzip est endommagé")
		}
		in = newInput(z)
		h, err = in.peek(4)
		if err != nil {
			return nil, 0, tooShort(h, err)
		}
	} else if err != nil {
		return nil, 0, tooShort(h, err)
	}
	le, be := binary.LittleEndian.Uint32(h), binary.BigEndian.Uint32(h)
	for _, m := range []uint32{le, be} {
		switch m {
		case pcapMicro, pcapNano, pcapModified:
			return in, formatPcap, nil
		case blockSection:
			return in, formatPcapng, nil
		}
	}
	begins := fmt.Sprintf("% x", h)
	if name := otherFormat(in); name != "" {
		return nil, 0, fault(0, nil, "this is neither pcap nor pcapng (it begins %s); it looks like %s, which editcap turns into pcapng",
			"ce n’est ni du pcap ni du pcapng (il commence par %s)\u202f; on dirait du %s, que editcap convertit en pcapng", begins, name)
	}
	return nil, 0, fault(0, nil, "this is neither pcap nor pcapng (it begins %s)", "ce n’est ni du pcap ni du pcapng (il commence par %s)", begins)
}

func tooShort(h []byte, err error) error {
	if len(h) == 0 {
		return fault(0, err, "the file is empty", "le fichier est vide")
	}
	return fault(int64(len(h)), err, "the file ends in its first four octets", "le fichier s’arrête dans ses quatre premiers octets")
}

// otherFormat names the formats that people have beside pcap; "" is none of them.
func otherFormat(in *input) string {
	h, _ := in.peek(len("TRSNIFF data"))
	for magic, name := range map[string]string{
		"snoop\x00\x00\x00": "snoop", "btsnoop\x00": "btsnoop", "GMBU": "Network Monitor", "RTSS": "Network Monitor",
		"XCP\x00": "NetXray", "TRSNIFF data": "Sniffer", "\x28\xb5\x2f\xfd": "zstd", "\x04\x22\x4d\x18": "lz4",
	} {
		if bytes.HasPrefix(h, []byte(magic)) {
			return name
		}
	}
	return ""
}

// rest gives what has been read and not been taken.
func (in *input) rest() []byte { return in.buf[in.i:in.n] }
