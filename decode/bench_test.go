package decode

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// chunksOf gives a dialogue as chunks: lines beginning with "C: " or "S: ".
func chunksOf(dialogue string) (cs []Chunk) {
	for _, l := range strings.Split(strings.TrimSpace(dialogue), "\n") {
		from := Client
		if l[0] == 'S' {
			from = Server
		}
		cs = append(cs, Chunk{Time: time.Unix(0, 0), From: from, Data: []byte(l[3:] + "\r\n")})
	}
	return cs
}

// benchmarkSession decodes chunks over and over in one session, and reports octets a second and allocations an event.
func benchmarkSession(b *testing.B, protocol string, before, loop []Chunk) {
	b.Run("kept", func(b *testing.B) { benchmarkWith(b, Options{Protocol: protocol}, before, loop) })
	b.Run("passing", func(b *testing.B) { benchmarkWith(b, Options{Protocol: protocol, Passing: true}, before, loop) })
}

func benchmarkWith(b *testing.B, o Options, before, loop []Chunk) {
	s := New(o)
	for _, c := range before {
		s.Feed(c)
	}
	size := 0
	for _, c := range loop {
		size += len(c.Data)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	events := 0
	b.ResetTimer()
	for b.Loop() {
		for _, c := range loop {
			events += len(s.Feed(c))
		}
	}
	b.ReportMetric(float64(events)/float64(b.N), "events/op")
}

func BenchmarkSMTPCommands(b *testing.B) {
	benchmarkSession(b, SMTP, chunksOf("S: 220 mx ESMTP"), chunksOf(`C: MAIL FROM:<alice@exemple.test> SIZE=1000
S: 250 2.1.0 Ok
C: RCPT TO:<bob@exemple.test>
S: 250 2.1.5 Ok
C: RSET
S: 250 2.0.0 Ok`))
}

// A message of 1 MiB: text lines, as attachments have them.
func BenchmarkSMTPBody(b *testing.B) {
	line := strings.Repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0", 2) + "\r\n"
	body := "Subject: x\r\n\r\n" + strings.Repeat(line, (1<<20)/len(line)) + ".\r\n"
	loop := append(chunksOf("C: DATA\nS: 354 go"), Chunk{From: Client, Data: []byte(body)})
	benchmarkSession(b, SMTP, chunksOf("S: 220 mx ESMTP"), append(loop, chunksOf("S: 250 ok")...))
}

func BenchmarkPOP3Listing(b *testing.B) {
	var list bytes.Buffer
	list.WriteString("+OK 1000 messages\r\n")
	for i := range 1000 {
		fmt.Fprintf(&list, "%d 1234\r\n", i+1)
	}
	list.WriteString(".\r\n")
	benchmarkSession(b, POP3, chunksOf("S: +OK ready"), append(chunksOf("C: LIST"), Chunk{From: Server, Data: list.Bytes()}))
}

func BenchmarkIMAPCommands(b *testing.B) {
	var flags bytes.Buffer
	for i := range 200 {
		fmt.Fprintf(&flags, "* %d FETCH (UID %d FLAGS (\\Seen \\Answered) RFC822.SIZE 12345)\r\n", i+1, i+100)
	}
	flags.WriteString("a2 OK Fetch completed.\r\n")
	benchmarkSession(b, IMAP, chunksOf("S: * OK IMAP4rev1 ready\nC: a1 SELECT INBOX\nS: a1 OK [READ-WRITE] done"),
		append(chunksOf("C: a2 UID FETCH 1:200 (FLAGS RFC822.SIZE)"), Chunk{From: Server, Data: flags.Bytes()}))
}

// A literal of 1 MiB that is a message's body.
func BenchmarkIMAPLiteral(b *testing.B) {
	line := strings.Repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0", 2) + "\r\n"
	body := "Subject: x\r\n\r\n" + strings.Repeat(line, (1<<20)/len(line))
	answer := fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n%s)\r\na2 OK done\r\n", len(body), body)
	benchmarkSession(b, IMAP, chunksOf("S: * OK IMAP4rev1 ready\nC: a1 SELECT INBOX\nS: a1 OK [READ-WRITE] done"),
		append(chunksOf("C: a2 FETCH 1 BODY.PEEK[]"), Chunk{From: Server, Data: []byte(answer)}))
}

// One octet a chunk must stay linear: the time per octet is that of four times as many.
func BenchmarkOctetByOctet(b *testing.B) {
	for _, n := range []int{1000, 4000, 16000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			line := []byte("NOOP " + strings.Repeat("x", n) + "\r\n")
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			s := New(Options{Protocol: SMTP})
			for b.Loop() {
				for i := range line {
					s.Feed(Chunk{From: Client, Data: line[i : i+1]})
				}
			}
		})
	}
}

// The terminator of a text is found wherever bytes.Index finds it.
func TestIndexTextEnd(t *testing.T) {
	for n := range 6 * 6 * 6 * 6 * 6 * 6 * 6 {
		b := make([]byte, 7)
		for i, k := 0, n; i < len(b); i, k = i+1, k/6 {
			b[i] = "\r\n..\rx"[k%6]
		}
		for from := range 3 {
			if got, want := IndexTextEnd(b[from:]), bytes.Index(b[from:], terminator); got != want {
				t.Fatalf("%q: %d, want %d", b[from:], got, want)
			}
		}
	}
}
