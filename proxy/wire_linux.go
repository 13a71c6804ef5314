package proxy

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// wire reads and writes a TCP connection by system calls that Go's scheduler is not told of. The sockets do not block, so
// that such a call is over in microseconds; told of it, the scheduler would keep its monitor thread awake every 20 µs and
// take the processor away and back around each call, which costs a relay of small commands a fifth of its time.
type wire struct {
	conn *net.TCPConn
	raw  syscall.RawConn
	in   transfer // belongs to who reads
	now  bool     // whoever reads does not wait: it is given errDry
	dry  bool     // all that was there has been read
	outs sync.Mutex
	out  transfer // guarded by outs

	// A loop waits for nothing, and leaves what may take its time to goroutines: they find here what came of it.
	fd     int      // of the connection while a loop has it, else -1
	file   *os.File // of fd, on its way back
	failed error    // what reading came to: io.EOF, or worse
	rest   []byte   // what could not be written yet; nothing else is written before it
	reset  bool     // writing was told of a reset, and the system tells it once
}

// transfer is one call under way. step is what the connection calls again and again until it says that it is done; it is
// made once, so that no call allocates.
type transfer struct {
	b     []byte
	n     int
	errno syscall.Errno
	now   bool // it does not wait: errno is EAGAIN if it would
	step  func(fd uintptr) bool
}

// smallBuffer is what is waited with.
const smallBuffer = 4 << 10

// maxTransfer octets go in one system call: it holds a processor meanwhile, and a collection of memory waits for it.
const maxTransfer = largeBuffer

func newWire(conn *net.TCPConn) *wire {
	w := &wire{fd: -1}
	w.in.step, w.out.step = w.in.read, w.out.write
	w.use(conn)
	return w
}

func (w *wire) use(conn *net.TCPConn) {
	w.conn = conn
	w.raw, _ = conn.SyscallConn() // fails for no connection that was opened
}

// looped reports whether a loop has the connection.
func (w *wire) looped() bool { return w.fd >= 0 }

func (t *transfer) call(trap, fd uintptr) (n int, again bool) {
	for {
		b := t.b[:min(len(t.b), maxTransfer)]
		r, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch errno {
		case 0:
			return int(r), false
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, true
		default:
			t.errno = errno
			return 0, false
		}
	}
}

func (t *transfer) read(fd uintptr) bool {
	n, again := t.call(syscall.SYS_READ, fd)
	t.n = n
	if again && t.now {
		t.errno = syscall.EAGAIN
		return true
	}
	return !again
}

func (t *transfer) write(fd uintptr) bool {
	for len(t.b) > 0 && t.errno == 0 {
		n, again := t.call(syscall.SYS_WRITE, fd)
		if again {
			return false
		}
		t.n += n
		t.b = t.b[n:]
	}
	return true
}

// begin makes ready for a call; done gives its outcome.
func (t *transfer) begin(b []byte) { t.b, t.n, t.errno = b, 0, 0 }

func (w *wire) done(t *transfer, op string, err error) (int, error) {
	if err == nil && t.errno != 0 {
		err = &net.OpError{Op: op, Net: "tcp", Source: w.conn.LocalAddr(), Addr: w.conn.RemoteAddr(), Err: os.NewSyscallError(op, t.errno)}
	}
	t.b = nil
	return t.n, err
}

// Read is net.Conn's, for one goroutine at a time.
func (w *wire) Read(p []byte) (n int, err error) {
	switch {
	case len(p) == 0:
		return 0, nil
	case w.failed != nil && !w.looped():
		err, w.failed = w.failed, nil
		return 0, err
	case w.now:
		return w.readNow(p)
	}
	w.in.begin(p)
	n, err = w.wasRead(w.raw.Read(w.in.step))
	w.dry = n < len(p)
	return n, err
}

// readNow reads what is there. In a loop it gives errDry instead of an error, which is given once the loop has been left.
func (w *wire) readNow(p []byte) (n int, err error) {
	if w.dry {
		return 0, errDry
	}
	w.in.begin(p)
	w.in.now = true
	if w.looped() {
		w.in.read(uintptr(w.fd))
	} else {
		err = w.raw.Read(w.in.step)
	}
	w.in.now = false
	if w.in.errno == syscall.EAGAIN {
		w.dry = true
		return 0, errDry
	}
	n, err = w.wasRead(err)
	if w.dry = n < len(p); err != nil && w.looped() {
		w.failed, err = err, errDry
	}
	return n, err
}

func (w *wire) wasRead(err error) (int, error) {
	n, err := w.done(&w.in, "read", err)
	switch {
	case n > 0 || err != nil:
	case w.reset:
		err = &net.OpError{Op: "read", Net: "tcp", Source: w.conn.LocalAddr(), Addr: w.conn.RemoteAddr(), Err: errReset}
	default:
		err = io.EOF
	}
	return n, err
}

// Write is net.Conn's. In a loop it waits for nothing, and does not fail: what could not be written is kept.
func (w *wire) Write(p []byte) (int, error) {
	w.outs.Lock()
	defer w.outs.Unlock()
	if w.looped() {
		w.writeNow(p)
		return len(p), nil
	}
	if len(w.rest) > 0 {
		w.out.begin(w.rest)
		w.rest = nil
		if _, err := w.done(&w.out, "write", w.raw.Write(w.out.step)); err != nil {
			return 0, err
		}
	}
	w.out.begin(p)
	return w.done(&w.out, "write", w.raw.Write(w.out.step))
}

func (w *wire) writeNow(p []byte) {
	if len(w.rest) > 0 {
		w.rest = append(w.rest, p...)
		return
	}
	w.out.begin(p)
	if !w.out.write(uintptr(w.fd)) || w.out.errno != 0 {
		w.rest = bytes.Clone(w.out.b)
		w.reset = w.reset || w.out.errno != 0
	}
	w.out.b = nil
}

// full reports whether something could not be written.
func (w *wire) full() bool {
	w.outs.Lock()
	defer w.outs.Unlock()
	return len(w.rest) > 0
}

// detach takes connections out of the hands of Go's poller, for a loop: their descriptors are fd from now on, and conn is
// closed. It takes all or none: where descriptors are scarce, one that was closed might not come back.
func detach(wires ...*wire) error {
	fds := make([]int, len(wires))
	for i, w := range wires {
		var err error
		control := w.raw.Control(func(fd uintptr) { fds[i], err = dup(fd) })
		if err = cmp.Or(err, control); err != nil {
			for _, fd := range fds[:i] {
				syscall.Close(fd)
			}
			return err
		}
	}
	for i, w := range wires {
		w.fd = fds[i]
		w.conn.Close()
	}
	return nil
}

func dup(fd uintptr) (int, error) {
	r, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return -1, os.NewSyscallError("fcntl", errno)
	}
	return int(r), nil
}

// attach gives the connection back to Go's poller. If that fails, it may be tried again, or the connection be dropped.
func (w *wire) attach() error {
	if w.file == nil {
		w.file = os.NewFile(uintptr(w.fd), "connection")
	}
	conn, err := net.FileConn(w.file)
	if err != nil {
		return err
	}
	w.drop()
	w.use(conn.(*net.TCPConn))
	return nil
}

// drop closes the connection's own descriptor.
func (w *wire) drop() {
	w.file.Close()
	w.file, w.fd = nil, -1
}

// isScarce reports whether the system has no descriptor left.
func isScarce(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
