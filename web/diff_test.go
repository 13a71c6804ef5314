package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"facteur/decode"
	"facteur/replay"
)

// play decodes what two sides say and shows it as session id, as the proxy does.
func playTalk(h *Hub, id int, lines ...string) {
	s := decode.New(decode.Options{Protocol: decode.SMTP, Octets: func(leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
		h.Octets(id, leg, from, layer, at, data)
	}})
	h.Publish(id, s.Feed(decode.Chunk{Time: moment(0), Told: &decode.Told{Kind: "session.open"}}))
	for i, line := range lines {
		from := decode.Server
		if text, is := strings.CutPrefix(line, "C: "); is {
			from, line = decode.Client, text
		}
		h.Publish(id, s.Feed(decode.Chunk{Time: moment(i), From: from, Data: []byte(line + "\r\n")}))
	}
	h.Publish(id, s.Close(moment(len(lines))))
}

func (u *started) diff(t *testing.T, query string) (d DiffAnswer, code int) {
	t.Helper()
	r, body := u.do(t, u.follower, request{path: "/api/v1/diff?" + query})
	if r.StatusCode == http.StatusOK {
		if err := json.Unmarshal([]byte(body), &d); err != nil {
			t.Fatal(err)
		}
	}
	return d, r.StatusCode
}

var exchange = []string{"220 mx ready", "C: EHLO a", "250-mx", "250 SIZE 1000", "C: MAIL FROM:<alice@exemple.test>", "250 2.1.0 ok",
	"C: RCPT TO:<bob@exemple.test>", "250 2.1.5 ok", "C: DATA", "354 go", "C: Subject: x\r\n\r\nhello\r\n.", "250 2.0.0 queued as 6B03", "C: QUIT", "221 bye"}

// Two sessions of the run are laid side by side: what is the same, what changed, what only one has, each row with the
// event it begins with; what only the moment knows is named and does not count.
func TestDiff(t *testing.T) {
	u := start(t, nil)
	other := append([]string{}, exchange...)
	other[7] = "550 5.1.1 no"
	other[11] = "250 2.0.0 queued as 77AA"
	playTalk(u.Hub(), 1, exchange...)
	playTalk(u.Hub(), 2, other[:12]...)
	d, code := u.diff(t, "a=1&b=2")
	if code != http.StatusOK || d.Equal || d.A.Protocol != "smtp" || d.A.Ref != "1" || d.B.Session != 2 || d.A.Security != "clear" {
		t.Fatalf("%d: %+v %+v", code, d.A, d.B)
	}
	ops := map[string]string{}
	for _, r := range d.Rows {
		verb := "greeting"
		for _, c := range []*DiffCell{r.A, r.B} {
			if c == nil {
				continue
			}
			if c.N == 0 {
				t.Errorf("%+v names no event", c)
			}
			if c.Verb != "" {
				verb = c.Verb
			}
		}
		ops[verb] = r.Op
		if verb == "DATA" {
			if last := r.A.Answer[len(r.A.Answer)-1]; last.As != "queue_id" || last.Text != "queued as 6B03" {
				t.Errorf("the queue id is not told apart: %+v", r.A.Answer)
			}
		}
		if verb == "RCPT" && (r.Asked || !r.Replied) {
			t.Errorf("RCPT: %+v", r)
		}
	}
	want := map[string]string{"greeting": "same", "EHLO": "same", "MAIL": "same", "RCPT": "changed", "DATA": "same", "QUIT": "only_a"}
	if fmt.Sprint(ops) != fmt.Sprint(want) {
		t.Errorf("rows %v, want %v", ops, want)
	}
	if d, _ := u.diff(t, "a=1&b=1"); !d.Equal {
		t.Error("a session differs from itself")
	}
}

// A session of an open recording is named by its tape.
func TestDiffOfTape(t *testing.T) {
	u := startArchive(t)
	playTalk(u.Hub(), 1, exchange...)
	tape := u.opened(t, `{"sample":"endless"}`)
	playTalk(u.tapes.get(tape.ID).server.hub, 9, exchange...)
	d, code := u.diff(t, "a=1&b="+tape.ID+":9")
	if code != http.StatusOK || !d.Equal || d.B.Ref != tape.ID+":9" || d.B.Session != 9 {
		t.Errorf("%d: %+v", code, d.B)
	}
}

func TestDiffRefuses(t *testing.T) {
	u := start(t, nil)
	playTalk(u.Hub(), 1, exchange...)
	u.Hub().Publish(2, []decode.Event{event(1, "session.open", decode.Client)})
	for query, want := range map[string]int{
		"": 400, "a=1": 400, "a=1&b=x": 400, "a=1&b=0": 400, "a=1&b=-2": 400, "a=1&b=99999999999999999999": 400, // no number
		"a=1&b=7": 404, "a=1&b=2": 404, "a=nowhere:1&b=1": 404, "a=..%2F:1&b=1": 404,
	} {
		if _, code := u.diff(t, query); code != want {
			t.Errorf("%s: %d, want %d", query, code, want)
		}
	}
	if r, _ := u.do(t, u.nobody, request{path: "/api/v1/diff?a=1&b=1"}); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %s", r.Status)
	}
}

// A session too long to be compared is compared as far as it may be, and says so.
func TestDiffCutsLongSessions(t *testing.T) {
	h := testHub(nil)
	playTalk(h, 1, exchange...)
	whole := h.dialogue(t.Context(), 1)
	if whole == nil || whole.cut || len(whole.Steps) != 6 {
		t.Fatalf("%+v", whole)
	}
	events := make([]decode.Event, 0, maxDiffEvents)
	for i := range maxDiffEvents {
		events = append(events, event(i+100, "message.header", decode.Client, "name", "x"))
	}
	h.Publish(1, events)
	if d := h.dialogue(t.Context(), 1); d == nil || !d.cut {
		t.Error("not cut")
	}
}

func BenchmarkDiff(b *testing.B) {
	h := testHub(nil)
	var lines []string
	for i := range 500 {
		lines = append(lines, fmt.Sprintf("C: NOOP %d", i), "250 ok")
	}
	playTalk(h, 1, append([]string{"220 mx"}, lines...)...)
	b.ReportAllocs()
	for b.Loop() {
		d := h.dialogue(b.Context(), 1)
		replay.Diff(d.Dialogue, d.Dialogue)
	}
}

func moment(i int) time.Time { return time.Date(2026, 11, 23, 9, 0, i, 0, time.UTC) }
