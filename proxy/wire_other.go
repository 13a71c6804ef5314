//go:build !linux

package proxy

import "net"

// smallBuffer is what is waited with, and, as nobody can look whether more is there, all that is read at once in clear.
const smallBuffer = 16 << 10

// wire reads and writes a TCP connection.
type wire struct {
	*net.TCPConn
	now bool // whoever reads does not wait: it is given errDry
	dry bool
}

func newWire(conn *net.TCPConn) *wire { return &wire{TCPConn: conn, dry: true} }

func (w *wire) Read(p []byte) (int, error) {
	if w.now {
		return 0, errDry
	}
	return w.TCPConn.Read(p)
}

func (w *wire) looped() bool { return false }
