package replay

import (
	"math"
	"sort"
	"strings"
	"time"

	"facteur/decode"
)

// timeline says when each event plays and where one may stop. Events have numbers n from 1; at n = 0 nothing has
// happened yet. Time runs on by the recorded pause before each event, none longer than the idle cap; an event recorded
// earlier than the one before it (two sessions written one after the other) follows at once.
type timeline struct {
	pauses   []time.Duration // pauses[n-1]: recorded between events n-1 and n, never negative
	at       []time.Duration // at[n-1]: when event n plays, pauses capped
	idleCap  time.Duration   // 0: none
	starts   []int           // n of the first event of each exchange, rising
	chapters chapters
	last     time.Time
	talks    map[int]talk // of the sessions that are open
	records  recordRun
}

// talk is what tells where exchanges of one session begin.
type talk struct {
	asked, answered int // Seq of the last command, and of the last command that got an answer
}

// recordRun is the TLS records seen last, which belong to the command read out of them.
type recordRun struct {
	first   int // n of the first; 0 for none
	session int
	from    decode.Side
}

func (t *timeline) count() int { return len(t.at) }

// when gives the time at which event n plays; for 0, the beginning.
func (t *timeline) when(n int) time.Duration {
	if n == 0 {
		return 0
	}
	return t.at[n-1]
}

// reached gives the last event that plays at or before position.
func (t *timeline) reached(position time.Duration) int {
	return sort.Search(len(t.at), func(i int) bool { return t.at[i] > position })
}

func (t *timeline) add(session int, e *decode.Event) {
	pause := time.Duration(0)
	if t.count() > 0 {
		pause = max(0, e.Time.Sub(t.last))
	}
	t.last = e.Time
	t.pauses = append(t.pauses, pause)
	t.at = append(t.at, later(t.when(t.count()), t.capped(pause)))
	t.mark(session, t.count(), e)
}

func (t *timeline) capped(pause time.Duration) time.Duration {
	if t.idleCap > 0 && pause > t.idleCap {
		return t.idleCap
	}
	return pause
}

// later adds without overflow: a hostile capture holds times centuries apart.
func later(at, pause time.Duration) time.Duration {
	if pause > math.MaxInt64-at {
		return math.MaxInt64
	}
	return at + pause
}

// setCap shortens the pauses anew.
func (t *timeline) setCap(d time.Duration) {
	t.idleCap = d
	at := time.Duration(0)
	for i, pause := range t.pauses {
		at = later(at, t.capped(pause))
		t.at[i] = at
	}
}

// mark notes what begins with event n. An exchange is a command with its answers: it begins with the command on the
// client's leg (with the TLS records that carried it, when they come just before), unless commands before it still wait
// for an answer: what was pipelined is one exchange. A session's opening, with the greeting, and a TLS handshake are
// exchanges too.
func (t *timeline) mark(session, n int, e *decode.Event) {
	carried := t.records
	t.records = recordRun{}
	switch {
	case e.Leg != decode.ClientLeg:
		// facteur's own half of a session follows the client's; it begins nothing.
	case e.Kind == "tls.record":
		if carried.session != session || carried.from != e.From {
			carried.first = 0
		}
		t.records = recordRun{firstOf(carried, session, e, n), session, e.From}
	case e.Kind == "session.open":
		t.chapters.add(n, session, e)
		t.begin(n)
	case e.Kind == "session.detect":
		t.chapters.detected(session, e)
	case e.Kind == "session.close":
		delete(t.talks, session)
	case e.Kind == "tls.client_hello":
		t.begin(firstOf(carried, session, e, n))
	case strings.HasSuffix(e.Kind, ".command"):
		k := t.talks[session]
		if oneSided := k.answered == 0; oneSided || k.answered >= k.asked {
			t.begin(firstOf(carried, session, e, n))
		}
		k.asked = e.Seq
		t.talks[session] = k
	case e.From == decode.Server && e.Re > t.talks[session].answered:
		k := t.talks[session]
		k.answered = e.Re
		t.talks[session] = k
	}
}

func firstOf(r recordRun, session int, e *decode.Event, n int) int {
	if r.first != 0 && r.session == session && r.from == e.From {
		return r.first
	}
	return n
}

func (t *timeline) begin(n int) {
	if k := len(t.starts); k == 0 || t.starts[k-1] < n {
		t.starts = append(t.starts, n)
	}
}

// exchange gives where the cursor stands after moving delta exchanges from n: just before an exchange begins, or at the
// end of what is loaded.
func (t *timeline) exchange(n, delta int) int {
	if delta > 0 {
		i := sort.SearchInts(t.starts, n+2) + delta - 1 // starts that leave the cursor beyond n
		if i >= len(t.starts) {
			return t.count()
		}
		return t.starts[i] - 1
	}
	i := sort.SearchInts(t.starts, n+1) + delta // starts at or before n
	if i < 0 {
		return 0
	}
	return t.starts[i] - 1
}
