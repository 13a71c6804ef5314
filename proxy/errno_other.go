//go:build !windows

package proxy

import "syscall"

// The system's words for what a network does.
const (
	errReset       = syscall.ECONNRESET
	errAborted     = syscall.ECONNABORTED
	errPipe        = syscall.EPIPE
	errUnanswered  = syscall.ETIMEDOUT
	errRefused     = syscall.ECONNREFUSED
	errInUse       = syscall.EADDRINUSE
	errNoSuchLocal = syscall.EADDRNOTAVAIL
)
