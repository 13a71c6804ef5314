package cli

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

// TestStandBack protects the mail client and server from being interrupted by every thread of facteur, those made later
// included.
func TestStandBack(t *testing.T) {
	standBack()
	done := make(chan struct{})
	for range 4 { // threads of their own, which end with their goroutines
		go func() {
			runtime.LockOSThread()
			<-done
		}()
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
