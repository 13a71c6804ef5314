//go:build unix

package watch

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"facteur/decode"
)

// unseen shows events to nobody, as a proxy does that has neither a page nor a terminal.
type unseen struct{}

func (unseen) Publish(int, []decode.Event)                                      {}
func (unseen) Octets(int, decode.Leg, decode.Side, decode.Layer, int64, []byte) {}

const (
	mailsEachBench = 64 // of a session
	literalMiB     = 32
)

// mailTurns are a session of SMTP that carries mails of 10 kB.
func mailTurns() []turn {
	text := "From: a@exemple.test\r\nTo: b@exemple.test\r\nSubject: load\r\nMessage-ID: <load@exemple.test>\r\n\r\n"
	text += strings.Repeat("Portez ce vieux whisky au juge blond qui fume. 0123456789 abcdefghijklm\r\n", (10<<10)/73) + ".\r\n"
	ts := talk("S: 220 mx ESMTP\nC: EHLO client\nS: 250-mx\nS: 250-PIPELINING\nS: 250 SIZE 50000000")
	for range mailsEachBench {
		ts = append(ts, talk("C: MAIL FROM:<a@exemple.test>\nS: 250 2.0.0 Ok\nC: RCPT TO:<b@exemple.test>\nS: 250 2.0.0 Ok\nC: DATA\nS: 354 go")...)
		ts = append(ts, turn{decode.Client, text}, turn{decode.Server, "250 2.0.0 Ok: queued\r\n"})
	}
	return ts
}

// literalTurns are a session of IMAP that carries one large literal.
func literalTurns() []turn {
	literal := strings.Repeat("VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZy4gMDEyMzQ1Njc4OTAx\r\n", literalMiB<<20/80)
	return append(talk("S: * OK ready\nC: a LOGIN bob secret\nS: a OK done\nC: b FETCH 1 (BODY[])"),
		turn{decode.Server, fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n%s)\r\nb OK done\r\n", len(literal), literal)})
}

// BenchmarkLiveMail is what following sessions costs a relay: mails of 10 kB by SMTP on 16 connections, and a large literal of
// IMAP, on both legs, in clear and in TLS. It reports microseconds of the processors for each mail or MiB.
func BenchmarkLiveMail(b *testing.B) {
	for _, c := range []struct {
		name, protocol string
		turns          func() []turn
		sessions, each int
	}{{"mails", decode.SMTP, mailTurns, 16, mailsEachBench}, {"literal", decode.IMAP, literalTurns, 1, literalMiB}} {
		b.Run(c.name+"-clear", func(b *testing.B) {
			cs := clearChunks(c.turns(), 64<<10)
			benchmarkLive(b, decode.Options{Protocol: c.protocol}, [2][]decode.Chunk{cs, cs}, [2][]byte{}, c.sessions, c.each)
		})
		b.Run(c.name+"-tls", func(b *testing.B) {
			var legs [2][]decode.Chunk
			var keys [2][]byte
			for i := range legs {
				wire, keylog := inTLS(c.turns(), tls.VersionTLS13)
				legs[i], keys[i] = clearChunks(joined(wire), 64<<10), keylog
			}
			benchmarkLive(b, decode.Options{Protocol: c.protocol, Implicit: [2]bool{true, true}}, legs, keys, c.sessions, c.each)
		})
	}
}

// joined puts together what a side says in several writes.
func joined(ts []turn) (out []turn) {
	for i := 0; i < len(ts); {
		n := i
		var b strings.Builder
		for ; n < len(ts) && ts[n].from == ts[i].from; n++ {
			b.WriteString(ts[n].text)
		}
		out, i = append(out, turn{ts[i].from, b.String()}), n
	}
	return out
}

func benchmarkLive(b *testing.B, o decode.Options, legs [2][]decode.Chunk, keys [2][]byte, sessions, each int) {
	d := &Desk{Show: unseen{}, Passing: true, Log: slog.New(slog.DiscardHandler)}
	room := make([]byte, 64<<10)
	began, id := processorTime(), 0
	for b.Loop() {
		ls := make([]*Live, sessions)
		for i := range ls {
			id++
			ls[i] = d.Open(Start{ID: id, Protocol: o.Protocol, Implicit: o.Implicit})
			for leg, k := range keys {
				if len(k) > 0 {
					ls[i].Secrets(decode.Leg(leg), k)
				}
			}
		}
		now := time.Now()
		for n := range max(len(legs[0]), len(legs[1])) {
			for _, l := range ls {
				var c decode.Chunk
				for leg := range legs {
					if n >= len(legs[leg]) {
						continue
					}
					if leg == 0 || len(keys[leg]) > 0 { // in clear, what was read is written
						c = legs[leg][n]
						c.Data = room[:copy(room, c.Data)]
					}
					c.Time, c.Leg = now, decode.Leg(leg)
					l.say(c)
				}
			}
		}
		for _, l := range ls {
			l.Close(now)
		}
		d.Wait()
	}
	used := processorTime() - began
	b.ReportMetric(float64(used.Nanoseconds())/1e3/float64(b.N*sessions*each), "cpu-µs/each")
}

// processorTime is what the program has used of the processors so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
