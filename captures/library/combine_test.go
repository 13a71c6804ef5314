//go:build linux

package library

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"facteur/internal/filter"
)

// vocabulary are terms of each kind, common and rare ones, with and without a minus: any two or three of them may be asked
// for together.
var vocabulary = strings.Split("smtp|-smtp|imap|-imap|pop3|tls|-tls|message|sasl|code:250|code:2xx|-code:2xx|code:5xx|code:55*|code:*0|code:OK|code:NO|cmd:MAIL|-cmd:MAIL|"+
	"cmd:FETCH|cmd:*E|from:client|from:server|-from:server|leg:client|leg:server|-leg:client|kind:smtp|kind:tls.record|-kind:tls|kind:session|tag:a1|-tag:a1|note:lint|-note:lint|note:smtp|"+
	"session:1|session:2-5|session:100-|-session:1-300|tls:1.2|tls:1.3|-tls:1.3|-tls:1.2|secret|-secret|lint|-lint|error|-error|exemple|-exemple|ok|-ok|\"queued as\"|alice|nowhere|-nowhere|a|\"message-id\"", "|")

// spent is the processor time of this process: on a machine that others use too, it says more than a clock.
func spent() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCombinations asks for every two terms of the vocabulary, and for three of which the third is a common word or a
// TLS version, and tells which took longest.
func BenchmarkCombinations(b *testing.B) {
	l := benchLibrary(b, mixed)
	ctx := context.Background()
	thirds := []string{"exemple", "tls:1.3", "ok", "-tls:1.3", "from:server"}
	if os.Getenv("FACTEUR_PAIRS") != "" {
		thirds = nil
	}
	var asked, slow int
	var worst, longest time.Duration
	for b.Loop() {
		for i, one := range vocabulary {
			for _, two := range vocabulary[i+1:] {
				for _, third := range append([]string{""}, thirds...) {
					text := strings.TrimSpace(one + " " + two + " " + third)
					f, err := filter.Parse(text)
					check(b, err)
					began, before := time.Now(), spent()
					_, _, err = l.Search(ctx, f, 100, nil)
					check(b, err)
					took, wall := spent()-before, time.Since(began)
					asked++
					longest = max(longest, wall)
					if worst = max(worst, took); took > 100*time.Millisecond {
						slow++
						b.Logf("%v\t%v\t%s", took.Round(time.Millisecond), wall.Round(time.Millisecond), text)
					}
				}
			}
		}
	}
	b.ReportMetric(float64(worst.Milliseconds()), "worst-cpu-ms")
	b.ReportMetric(float64(longest.Milliseconds()), "worst-ms")
	b.ReportMetric(float64(asked), "asked")
	b.ReportMetric(float64(slow), "over-100ms")
}
