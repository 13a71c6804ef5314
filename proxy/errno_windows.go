package proxy

import "syscall"

// The system's words for what a network does (Winsock's; those of package syscall are never returned on Windows).
const (
	errReset       = syscall.Errno(10054)
	errAborted     = syscall.Errno(10053)
	errPipe        = syscall.Errno(10058)
	errUnanswered  = syscall.Errno(10060)
	errRefused     = syscall.Errno(10061)
	errInUse       = syscall.Errno(10048)
	errNoSuchLocal = syscall.Errno(10049)
)
