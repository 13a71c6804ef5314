package captures

import (
	"errors"
	"io"
)

const (
	inputBuffer = 256 << 10 // one read of a file; large enough that system calls do not show
	maxEmpty    = 100       // reads in a row that give nothing, before the reader is called broken (as bufio has it)
)

// input is a reader with look-ahead and a count. It never allocates more than twice what has really come.
type input struct {
	r    io.Reader
	buf  []byte
	i, n int   // buf[i:n] is not yet taken
	off  int64 // of buf[i] in the stream
	err  error // what ended the stream
}

func newInput(r io.Reader) *input { return &input{r: r, buf: make([]byte, inputBuffer)} }

// peek gives the next n octets without taking them; they are valid until the next call. At the end of the stream it
// gives what there is, with io.EOF if that is nothing, else with io.ErrUnexpectedEOF or the reader's own error.
func (in *input) peek(n int) ([]byte, error) {
	for in.n-in.i < n {
		if in.err != nil {
			return in.short()
		}
		in.fill()
	}
	return in.buf[in.i : in.i+n], nil
}

func (in *input) short() ([]byte, error) {
	have := in.buf[in.i:in.n]
	if in.err == io.EOF && len(have) > 0 {
		return have, io.ErrUnexpectedEOF
	}
	return have, in.err
}

// fill reads once, making room first.
func (in *input) fill() {
	if in.i == in.n {
		in.i, in.n = 0, 0
	}
	if in.n == len(in.buf) {
		if in.i >= len(in.buf)/2 {
			in.n = copy(in.buf, in.buf[in.i:in.n])
		} else {
			bigger := make([]byte, 2*len(in.buf))
			in.n = copy(bigger, in.buf[in.i:in.n])
			in.buf = bigger
		}
		in.i = 0
	}
	for range maxEmpty {
		k, err := in.r.Read(in.buf[in.n:])
		in.n += k
		if err != nil {
			in.err = err
			return
		}
		if k > 0 {
			return
		}
	}
	in.err = io.ErrNoProgress
}

// take passes over n octets that peek has shown.
func (in *input) take(n int) {
	in.i += n
	in.off += int64(n)
}

// discard passes over n octets that need not be kept.
func (in *input) discard(n int64) error {
	for n > 0 {
		have := int64(in.n - in.i)
		if have == 0 {
			if in.err != nil {
				if in.err == io.EOF {
					return io.ErrUnexpectedEOF
				}
				return in.err
			}
			in.fill()
			continue
		}
		k := min(have, n)
		in.take(int(k))
		n -= k
	}
	return nil
}

// atEnd says that err is the stream's own end, not a failing reader.
func atEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
