//go:build linux && (amd64 || arm64)

package captures

import (
	"os"
	"syscall"
)

const (
	// easeStep is how much of a recording is sent to the disk at a time, before the system would by itself.
	easeStep = 8 << 20
	// easeKept is how much the disk is given time for; what lies before that is forgotten in memory.
	easeKept = 2 * easeStep
	// easeAgain is how far back what the disk had not taken in time is tried again.
	easeAgain = 8 * easeStep
)

// Numbers of Linux: sync_file_range(2), posix_fadvise(2).
const (
	syncFileRangeWrite = 2
	fadviseDontNeed    = 4
)

// eased is a recording's file, which is written once and read later. What was written is sent to the disk early and then
// forgotten in memory, so that the same memory takes what comes next: to find new memory for each octet costs the system
// several times what the copy does (ten times in a virtual machine), and it would take what other programs want to keep.
type eased struct {
	*os.File
	written, sent int64
}

// ease gives the writer to f, a new file.
func ease(f *os.File) *eased { return &eased{File: f} }

func (e *eased) Write(p []byte) (int, error) {
	n, err := e.File.Write(p)
	e.written += int64(n)
	if e.written-e.sent >= easeStep {
		e.send()
	}
	return n, err
}

// send is advice: what the system makes of it changes nothing in the file, and failures come with the writes.
func (e *eased) send() {
	fd := e.Fd()
	syscall.Syscall6(syscall.SYS_SYNC_FILE_RANGE, fd, uintptr(e.sent), uintptr(e.written-e.sent), syncFileRangeWrite, 0, 0)
	e.sent = e.written
	if to := e.written - easeKept; to > 0 {
		from := max(0, to-easeAgain)
		syscall.Syscall6(syscall.SYS_FADVISE64, fd, uintptr(from), uintptr(to-from), fadviseDontNeed, 0, 0)
	}
}
