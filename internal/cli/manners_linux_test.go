package cli

import (
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestStandBack protects the mail client and server from being interrupted by every thread of facteur, those made later
// included.
func TestStandBack(t *testing.T) {
	standBack()
	if policy, _, _ := syscall.RawSyscall(syscall.SYS_SCHED_GETSCHEDULER, 0, 0, 0); policy != schedBatch {
		t.Skipf("the system, or who started this, wants policy %d", policy)
	}
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
		if policy := strings.Fields(rest)[38]; policy != "3" { // the 41st field of all, SCHED_BATCH (proc_pid_stat(5))
			t.Errorf("thread %s has policy %s", thread.Name(), policy)
		}
	}
}
