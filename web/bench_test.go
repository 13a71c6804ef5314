package web

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// What publishing costs a relay at 5,000 events a second, with fifty viewers that read and one that does not: the
// slowest of a hundred calls.
func BenchmarkPublishPaced(b *testing.B) {
	u := start(b, nil)
	for v := range 51 {
		conn := u.dial(b, u.follower, "")
		if v > 0 {
			go func() {
				for {
					if _, _, err := conn.NextReader(); err != nil {
						return
					}
				}
			}()
		}
	}
	events := some(1, 10)
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		u.Hub().Publish(1, events)
		took = append(took, time.Since(began))
		time.Sleep(2 * time.Millisecond)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

func BenchmarkPublish(b *testing.B) {
	h := testHub(func(l *limits) { l.batch = batchTime })
	events := some(1, 10)
	b.ReportAllocs()
	for b.Loop() {
		h.Publish(1, events)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}

func BenchmarkPublishWithViewers(b *testing.B) {
	h := testHub(func(l *limits) { l.batch = batchTime })
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			c := &cursor{}
			for {
				frames, wake, err := h.next(c)
				if err != nil {
					return
				}
				for _, f := range frames {
					f.bytes()
				}
				if frames == nil {
					select {
					case <-wake:
					case <-stop:
						return
					}
				}
			}
		})
	}
	events := some(1, 10)
	b.ReportAllocs()
	for b.Loop() {
		h.Publish(1, events)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
	close(stop)
	h.flush()
	wg.Wait()
}
