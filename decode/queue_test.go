package decode

import (
	"fmt"
	"strings"
	"testing"
)

// What waits comes out in order, however often the room at the front is used again, and is never more than the limit.
func TestQueue(t *testing.T) {
	var q queue[int]
	next, want := 0, 0
	for round := range 500 {
		for range round % 7 {
			q.push(next)
			next++
		}
		for range round % 6 {
			if q.len() > 0 {
				if got := q.pop(); got != want {
					t.Fatalf("%d comes, not %d", got, want)
				}
				want++
			}
		}
	}
	q.empty()
	for i := range maxWaiting + 3 {
		q.push(i)
	}
	if q.len() != maxWaiting || *q.first() != 3 {
		t.Errorf("%d wait, the first is %d", q.len(), *q.first())
	}
	q.spread([]int{-1, -2})
	if got := q.all()[:3]; fmt.Sprint(got) != "[-1 -2 4]" {
		t.Errorf("the first became %v", got)
	}
}

// A line that does not begin with a verb is no command but may be understood as one: its answer is its own.
func TestLinesWithoutVerb(t *testing.T) {
	for protocol, greeting := range map[string]string{SMTP: "220 mx ESMTP", POP3: "+OK hi", Sieve: "OK"} {
		s := New(Options{Protocol: protocol})
		var got []string
		take := func(events []Event) {
			for _, e := range events {
				if e.From == Client && e.Span.Len() > 0 {
					got = append(got, fmt.Sprintf("%d %s %s", e.Seq, e.Kind, e.Field("rule")))
				} else if e.From == Server && e.Re > 0 {
					got = append(got, fmt.Sprintf("re %d", e.Re))
				}
			}
		}
		ok := map[string]string{SMTP: "250 ok", POP3: "+OK", Sieve: "OK"}[protocol]
		take(s.Feed(Chunk{From: Server, Data: []byte(greeting + "\r\n")}))
		for _, line := range []string{"  NOOP", "", "NOOP"} {
			take(s.Feed(Chunk{From: Client, Data: []byte(line + "\r\n")}))
			take(s.Feed(Chunk{From: Server, Data: []byte(ok + "\r\n")}))
		}
		want := fmt.Sprintf("2 session.violation leading_space;re 2;4 session.violation empty_line;re 4;6 %s.command ;re 6", protocol)
		if strings.Join(got, ";") != want {
			t.Errorf("%s: %s", protocol, strings.Join(got, ";"))
		}
	}
}

// The last chunk of LMTP has a reply for each recipient that was accepted, though their RCPT were sent with it; without
// any it has one.
func TestChunksOfLMTP(t *testing.T) {
	for said, want := range map[string]string{
		"250 ok|250 ok|550 no|250 ok|250 2.0.0 first|450 4.0.0 second": "250 first@x;450 third@x",
		"250 ok|550 no|550 no|550 no|503 5.5.1 nobody":                 "503 ",
	} {
		chunks := []Chunk{
			{From: Server, Data: []byte("220 mx LMTP\r\n")},
			{From: Client, Data: []byte("MAIL FROM:<a@x>\r\nRCPT TO:<first@x>\r\nRCPT TO:<second@x>\r\nRCPT TO:<third@x>\r\nBDAT 2 LAST\r\n\r\n")},
			{From: Server, Data: []byte(strings.ReplaceAll(said, "|", "\r\n") + "\r\n")},
		}
		checkLaws(t, Options{Protocol: LMTP}, chunks, 7)
		s := New(Options{Protocol: LMTP})
		verbs := map[int]string{}
		var got []string
		for _, c := range chunks {
			for _, e := range s.Feed(c) {
				verbs[e.Seq] = e.Field("verb")
				if e.Kind == "lmtp.reply" && verbs[e.Re] == "BDAT" {
					got = append(got, e.Field("code")+" "+e.Field("recipient"))
				}
			}
		}
		if strings.Join(got, ";") != want {
			t.Errorf("%s: %v, want %s", said, got, want)
		}
	}
}
