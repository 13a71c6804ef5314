package cli

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestStandBack protects the mail client and server from being interrupted by every thread of facteur, those made later
// included.
func TestStandBack(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	batch(0) // this thread, as far as the system, or who started this, allows it
	policy, _, _ := syscall.RawSyscall(syscall.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
	want := strconv.Itoa(int(policy))
	standBack()
	done, begun := make(chan struct{}), make(chan struct{})
	for range 4 { // threads of their own, which end with their goroutines
		go func() {
			runtime.LockOSThread()
			begun <- struct{}{}
			<-done
		}()
	}
	for range 4 {
		<-begun
	}
	defer close(done)
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		stat, err := os.ReadFile("/proc/self/task/" + thread.Name() + "/stat")
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if policy := strings.Fields(rest)[38]; policy != want { // the 41st field of all (proc_pid_stat(5))
			t.Errorf("thread %s has policy %s, this one %s", thread.Name(), policy, want)
		}
	}
}
