//go:build linux

package library

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"facteur/captures/samples"
	"facteur/internal/filter"
)

// million is the library that the figures are about: about so many events. FACTEUR_LIBRARY names a folder to keep it in
// from one run to the next.
const million = 1_000_000

func benchLibrary(b *testing.B, fill func(b *testing.B, path string)) *Library {
	dir := os.Getenv("FACTEUR_LIBRARY")
	if dir == "" {
		dir = b.TempDir()
	}
	for n := range 10 {
		path := filepath.Join(dir, strconv.Itoa(n)+".pcapng")
		if _, err := os.Stat(path); err != nil {
			fill(b, path)
		}
	}
	l := open(b, dir)
	began := time.Now()
	var peak uint64
	stop := make(chan struct{})
	go func() {
		var m runtime.MemStats
		for {
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse)
			}
		}
	}()
	r, err := l.Sync(context.Background())
	close(stop)
	check(b, err)
	all, err := l.Recordings(context.Background())
	check(b, err)
	n := int64(0)
	for _, x := range all {
		n += x.Events
	}
	if n < million*9/10 {
		b.Fatalf("%d events are too few to speak of a million", n)
	}
	if r.Added > 0 {
		b.Logf("%d events indexed in %.1f s, heap at most %d MiB", n, time.Since(began).Seconds(), peak>>20)
	}
	return l
}

// alike is a recording of one kind of session, 28 events each.
func alike(b *testing.B, path string) { record(b, path, 3600) }

// mixed is a recording of all samples, many times: every protocol, TLS and clear.
func mixed(b *testing.B, path string) {
	var all []byte
	for _, s := range samples.All() {
		octets, err := samples.Read(s.ID)
		check(b, err)
		all = append(all, octets...) // a pcapng file may have any number of sections
	}
	check(b, os.WriteFile(path, bytes.Repeat(all, 26), 0o600))
}

// BenchmarkMillion is what people wait for in a library of a million events: each shall take less than 100 ms.
func BenchmarkMillion(b *testing.B) {
	l := benchLibrary(b, alike)
	ctx := context.Background()
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			_, err := l.Recordings(ctx)
			check(b, err)
		}
	})
	b.Run("page", func(b *testing.B) {
		for b.Loop() {
			_, err := l.Overviews(ctx)
			check(b, err)
		}
	})
	b.Run("sessions", func(b *testing.B) {
		for b.Loop() {
			_, err := l.Sessions(ctx, 1, 100)
			check(b, err)
		}
	})
	for _, text := range []string{"smtp", "smtp code:5xx", "code:250", "code:2xx from:client", "cmd:MAIL", "cmd:RETR", "from:client", "secret", "lint", "error",
		"kind:message", "imap", "tls:1.2", "-code:2xx from:server", "alice1234", "bonjour", "queued", "unknown user", "alice77 code:5xx", "nowhere", "exemple -queued from:server",
		"session:3599 cmd:QUIT", "code:55*", "note:lint", "-exemple", "leg:server",
		"exemple imap", "exemple code:599", "250 cmd:MAIL", "ok tls:1.3", "kind:smtp -exemple code:599", "exemple lint tls:1.2", "session:1-2 exemple code:550",
		"secret exemple", "exemple -smtp", "tag:a1"} {
		f, err := filter.Parse(text)
		check(b, err)
		b.Run(text, func(b *testing.B) {
			n, before := 0, spent()
			for b.Loop() {
				hits, _, err := l.Search(ctx, f, 100, nil)
				check(b, err)
				n = len(hits)
			}
			b.ReportMetric(float64((spent()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(n), "hits")
		})
	}
}
