package captures

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Repair cuts the unfinished block off the end of a recording, as a crash of the machine or a full disk may leave it, and
// gives how many octets that were: 0 for a whole file. Only an end that is missing is repaired; anything else that is
// wrong with the file is the error, and the file stays as it is.
func Repair(path string) (removed int64, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	in, format, err := open(f)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s: %w", path, err)
	case format != formatPcapng:
		return 0, fmt.Errorf("%s: a pcap, not a recording that could be repaired", path)
	}
	p := &pcapngReader{in: in, secretOnly: true}
	var pk packet
	for err == nil {
		_, err = p.block(&pk)
	}
	if err == io.EOF {
		return 0, nil
	}
	var fe *FormatError
	if !errors.As(err, &fe) || !errors.Is(fe.Err, io.ErrUnexpectedEOF) {
		return 0, fmt.Errorf("%s: more is wrong than a missing end: %w", path, err)
	}
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size() - fe.Offset, f.Truncate(fe.Offset)
}
