package cli

import (
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

// Scheduling policies of sched(7): the usual one, and the one whose threads, woken, do not take the processor from others.
const (
	schedOther = 0
	schedBatch = 3
)

// maxPasses bounds how often all threads are looked at, where the system says yes and does nothing.
const maxPasses = 8

// standBack has the system wake facteur without taking the processor from who runs there, usually the mail client or server in
// the midst of the very write that wakes it: interrupted, it takes longer for that than facteur takes for the turn, and each
// turn costs two more switches. When others use up all processors, facteur may wait for its turn some milliseconds instead.
// A policy that somebody chose stays; where the system refuses, all is as usual.
func standBack() {
	changed := true
	for pass := 0; changed && pass < maxPasses; pass++ { // a thread begins with the policy of the one that made it: until none is left to make others
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return
		}
		changed = false
		for _, thread := range threads {
			id, _ := strconv.Atoi(thread.Name())
			changed = batch(id) || changed
		}
	}
}

// batch changes a thread's policy, and reports whether it has.
func batch(thread int) bool {
	policy, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_GETSCHEDULER, uintptr(thread), 0, 0)
	if errno != 0 || policy != schedOther {
		return false
	}
	var priority int32 // none, as the policy wants
	_, _, errno = syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, uintptr(thread), schedBatch, uintptr(unsafe.Pointer(&priority)))
	return errno == 0
}
