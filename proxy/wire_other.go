//go:build !linux

package proxy

import "net"

// wire reads and writes a TCP connection.
type wire struct{ *net.TCPConn }

func newWire(conn *net.TCPConn) *wire { return &wire{conn} }

func (w *wire) looped() bool { return false }
