//go:build unix && !solaris && !aix

package captures

import (
	"os"
	"syscall"
)

// canLock says that the system can tell who writes a file.
const canLock = true

// lock takes the file for its writer, until it is closed or the program ends, however it ends. False: somebody has it.
func lock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != syscall.EWOULDBLOCK
}
