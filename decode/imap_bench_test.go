package decode

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// denseIMAP is a session of short commands and responses, as a client's synchronising looks.
func denseIMAP(n int) []turn {
	turns := script("S: * OK [CAPABILITY IMAP4rev1] hi\nC: a LOGIN alice secret\nS: a OK in\nC: b SELECT INBOX\nS: b OK [READ-WRITE] done")
	for i := 0; i < n; i++ {
		var s strings.Builder
		for m := 1; m <= 50; m++ {
			fmt.Fprintf(&s, "* %d FETCH (UID %d RFC822.SIZE %d FLAGS (\\Seen \\Answered) MODSEQ (%d))\r\n", m, 1000+m, 3000+m, i*100+m)
		}
		fmt.Fprintf(&s, "t%d OK Fetch completed (0.001 + 0.000 secs).\r\n", i)
		turns = append(turns,
			turn{Client, []byte(fmt.Sprintf("t%d UID FETCH 1:50 (UID FLAGS RFC822.SIZE MODSEQ)\r\n", i))},
			turn{Server, []byte(s.String())})
	}
	return turns
}

func feedAll(s *Session, turns []turn) (events int) {
	for _, t := range turns {
		events += len(s.Feed(Chunk{From: t.from, Data: t.data}))
	}
	return events + len(s.Close(time.Time{}))
}

// benchmarkTurns decodes a session over and over, whose events are kept and are let go of.
func benchmarkTurns(b *testing.B, turns []turn) {
	b.Run("kept", func(b *testing.B) { benchmarkTurnsWith(b, Options{Protocol: IMAP}, turns) })
	b.Run("passing", func(b *testing.B) {
		benchmarkTurnsWith(b, Options{Protocol: IMAP, Passing: true, Room: new(Room)}, turns)
	})
}

func benchmarkTurnsWith(b *testing.B, o Options, turns []turn) {
	total, events := 0, feedAll(New(o), turns)
	for _, t := range turns {
		total += len(t.data)
	}
	b.SetBytes(int64(total))
	b.ReportAllocs()
	for b.Loop() {
		feedAll(New(o), turns)
	}
	b.ReportMetric(float64(events), "events/op")
	b.ReportMetric(float64(testing.AllocsPerRun(1, func() { feedAll(New(o), turns) }))/float64(events), "allocs/event")
}

func BenchmarkIMAPFetchFlags(b *testing.B) { benchmarkTurns(b, denseIMAP(200)) }

func BenchmarkIMAPFetchBody(b *testing.B) {
	line := []byte(strings.Repeat("QUJD", 19) + "\r\n")
	body := append([]byte("Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n"), bytes.Repeat(line, 400000)...)
	turns := script("S: * OK hi\nC: a FETCH 1 BODY[]")
	turns = append(turns, turn{Server, []byte(fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n", len(body)))})
	for rest := body; len(rest) > 0; {
		n := min(len(rest), 64<<10)
		turns, rest = append(turns, turn{Server, rest[:n]}), rest[n:]
	}
	benchmarkTurns(b, append(turns, script("S: )\nS: a OK")...))
}

func BenchmarkIMAPOctetByOctet(b *testing.B) {
	var turns []turn
	for _, t := range denseIMAP(20) {
		for i := range t.data {
			turns = append(turns, turn{t.from, t.data[i : i+1]})
		}
	}
	benchmarkTurns(b, turns)
}
