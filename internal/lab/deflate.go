package lab

import (
	"bufio"
	"compress/flate"
	"fmt"
	"io"
	"net"
	"sync"
)

// deflatedConn is a connection after COMPRESS DEFLATE (RFC 4978): raw deflate both ways, flushed at every write so that
// nothing waits for more.
type deflatedConn struct {
	net.Conn
	r io.Reader

	mu sync.Mutex // a farewell may come from another goroutine
	w  *flate.Writer
}

// newDeflatedConn takes over where early, the reader so far, stopped.
func newDeflatedConn(nc net.Conn, early *bufio.Reader) (*deflatedConn, error) {
	w, err := flate.NewWriter(nc, flate.DefaultCompression)
	if err != nil {
		return nil, fmt.Errorf("starting compression: %w", err)
	}
	return &deflatedConn{Conn: nc, r: flate.NewReader(bufio.NewReader(&resumedConn{Conn: nc, early: early})), w: w}, nil
}

func (d *deflatedConn) Read(p []byte) (int, error) { return d.r.Read(p) }

func (d *deflatedConn) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, d.w.Flush()
}
