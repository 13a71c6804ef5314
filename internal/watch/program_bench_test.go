//go:build unix

package watch

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// BenchmarkProgram runs facteur decode, and tshark where there is one, on the same captures of mail, SMTP with attachments,
// POP3 and IMAP: in clear and with the secrets of its TLS; with messages of all sizes as a mailbox has them (mix, the figure
// to go by), with small ones only and with large ones only. It reports, for each: seconds of the clock (s) and of the
// processors (cpu-s), memory (MB), and how many times the other took. "make bench-decode" runs it; environment:
//
//	FACTEUR_BENCH_SIZE=MIB    size of the captures (default 32)
//	FACTEUR_BENCH_FORMAT=NAME what facteur prints (default text)
//	FACTEUR_BENCH_TSHARK=off  facteur alone
func BenchmarkProgram(b *testing.B) {
	dir := b.TempDir()
	program := filepath.Join(dir, "facteur")
	build := exec.Command("go", "build", "-o", program, "facteur")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	size, err := strconv.Atoi(os.Getenv("FACTEUR_BENCH_SIZE"))
	if err != nil {
		size = 32
	}
	format := os.Getenv("FACTEUR_BENCH_FORMAT")
	if format == "" {
		format = "text"
	}
	tshark, err := exec.LookPath("tshark")
	if err != nil || os.Getenv("FACTEUR_BENCH_TSHARK") == "off" {
		tshark = ""
	}
	for _, secure := range []bool{false, true} {
		for _, mail := range []struct {
			name     string
			messages [][]int
		}{{"mix", mixed()}, {"20k", alike(20 << 10)}, {"1024k", alike(1 << 20)}} {
			name := map[bool]string{false: "clear-", true: "tls-"}[secure] + mail.name
			b.Run(name, func(b *testing.B) {
				capture := filepath.Join(dir, name+".pcapng")
				writeCapture(b, capture, int64(size)<<20, mail.messages, secure)
				defer os.Remove(capture)
				for b.Loop() {
					ours := measure(b, program, "decode", "--format", format, capture)
					b.ReportMetric(ours.wall, "s")
					b.ReportMetric(float64(int64(size)<<20)/1e6/ours.wall, "MB/s")
					b.ReportMetric(ours.processor, "cpu-s")
					b.ReportMetric(ours.memory, "MB")
					if tshark == "" {
						continue
					}
					theirs := measure(b, tshark, "-r", capture, "-Y", "smtp or imap or pop", "-T", "fields", "-e", "frame.number")
					b.ReportMetric(theirs.wall, "tshark-s")
					b.ReportMetric(theirs.processor, "tshark-cpu-s")
					b.ReportMetric(theirs.memory, "tshark-MB")
					b.ReportMetric(theirs.wall/ours.wall, "times")
				}
			})
		}
	}
}

func writeCapture(b *testing.B, path string, size int64, messages [][]int, secure bool) {
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for _, err := range []error{makeCapture(w, size, messages, 1448, secure), w.Flush(), f.Close()} {
		if err != nil {
			b.Fatal(err)
		}
	}
}

// cost is what a program took: seconds, and megabytes at most.
type cost struct{ wall, processor, memory float64 }

// measure runs a program whose output nobody reads.
func measure(b *testing.B, program string, args ...string) cost {
	c := exec.Command(program, args...)
	c.Stderr = os.Stderr
	began := time.Now()
	if err := c.Run(); err != nil {
		b.Fatalf("%s: %v", program, err)
	}
	wall := time.Since(began).Seconds()
	used := c.ProcessState.SysUsage().(*syscall.Rusage)
	unit := 1024.0 // of ru_maxrss, but for Darwin
	if runtime.GOOS == "darwin" {
		unit = 1
	}
	return cost{wall, (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), float64(used.Maxrss) * unit / 1e6}
}
