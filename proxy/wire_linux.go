package proxy

import (
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
	outs sync.Mutex
	out  transfer // guarded by outs
}

// transfer is one call under way. step is what the connection calls again and again until it says that it is done; it is
// made once, so that no call allocates.
type transfer struct {
	b     []byte
	n     int
	errno syscall.Errno
	step  func(fd uintptr) bool
}

// maxTransfer octets go in one system call: it holds a processor meanwhile, and a collection of memory waits for it.
const maxTransfer = 128 << 10

func newWire(conn *net.TCPConn) *wire {
	w := &wire{conn: conn}
	w.raw, _ = conn.SyscallConn() // fails for no connection that was opened
	w.in.step, w.out.step = w.in.read, w.out.write
	return w
}

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
func (w *wire) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	w.in.begin(p)
	n, err := w.done(&w.in, "read", w.raw.Read(w.in.step))
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return n, err
}

// Write is net.Conn's.
func (w *wire) Write(p []byte) (int, error) {
	w.outs.Lock()
	defer w.outs.Unlock()
	w.out.begin(p)
	return w.done(&w.out, "write", w.raw.Write(w.out.step))
}
