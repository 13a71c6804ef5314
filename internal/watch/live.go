package watch

import (
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
)

// flushEvery is how long what was recorded may stay in memory: so much is lost when the program is killed.
const flushEvery = 100 * time.Millisecond

// Desk is where the live sessions of one run are followed.
type Desk struct {
	Show     Show
	Octets   bool     // Show wants octets, not only events
	Passing  bool     // Show lets go of events and all that is in them when Publish returns
	Recorder Recorder // nil: nothing is kept
	Lang     string   // of the notes in recordings
	Keep     bool     // keep secrets in recordings and show them
	Keys     Keys     // passthrough: the clients' own key log; nil if there is none
	Log      *slog.Logger
	Comment  func(e *decode.Event) string // the note that a recording keeps with an event, "" for none

	mu       sync.Mutex  // held while writing to Recorder
	failed   bool        // the recorder failed, and it was said
	ended    bool        // no session runs any more: the recorder may be closed
	flushing atomic.Bool // a flush will come
	running  sync.WaitGroup
	clock    clock

	waitMu  sync.Mutex // guards waiting
	waiting map[*Live]struct{}
}

// Start says what is known of a session before its first octet.
type Start struct {
	ID       int
	Protocol string
	Route    string
	Implicit [2]bool // per leg
	Client   netip.AddrPort
	Time     time.Time
}

// Live follows one live session. Its methods are those of a proxy's observer.
type Live struct {
	d     *Desk
	start Start
	dec   *decode.Session
	keys  *tlswire.KeyLog

	queue queue

	// used while the queue is worked off only
	expect int
	seen   int // events of the decoder's call under way that were looked at
	marks  [2][2][]comment
	at     [2][2]int64 // octets recorded
	late   []lateChunk // released during a handshake
	over   bool        // closed: the recording may be, too

	lacking  time.Time   // when a record first lacked its secret
	patience *time.Timer // ends the wait for it
	stalled  bool        // the decoder waits for it
	ending   *job        // the session has ended, and is closed when it does not wait any more
}

// lateChunk is a released chunk that is recorded once the handshake under way is over: Wireshark wants all of its secrets
// before the first packet that needs one, and the last of them come with the handshake's last octets.
type lateChunk struct {
	c       decode.Chunk
	comment string
}

// comment waits for the packet that holds the last octet of what it is about.
type comment struct {
	end  int64
	text string
}

// Open begins to follow a session.
func (d *Desk) Open(st Start) *Live {
	l := &Live{d: d, start: st}
	var secrets tlswire.Secrets
	if d.Keys != nil {
		l.keys = d.Keys.Log()
		secrets = &borrowed{KeyLog: l.keys, l: l}
	} else {
		l.keys = new(tlswire.KeyLog)
		secrets = l.keys
	}
	l.queue.init(&d.clock, l.do, l.flush)
	o := decode.Options{
		Protocol: st.Protocol, Implicit: st.Implicit, Secrets: secrets, ShowSecrets: d.Keep, Passing: d.Passing,
		Await: l.await,
	}
	if d.Octets {
		o.Octets = func(leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
			d.Show.Octets(st.ID, leg, from, layer, at, data)
		}
	}
	if d.Recorder != nil {
		o.Release = l.record
	}
	l.dec = decode.New(o)
	d.running.Add(1)
	return l
}

// Wait returns when every session that was closed is decoded and recorded to its end.
func (d *Desk) Wait() {
	d.running.Wait()
	d.mu.Lock()
	d.ended = true
	d.mu.Unlock()
}

// Chunk notes what crossed. It waits only if the session is too far behind (see backlog).
func (l *Live) Chunk(c decode.Chunk) {
	if c.Told != nil {
		c.Told = &decode.Told{Kind: c.Told.Kind, Fields: slices.Clone(c.Told.Fields)}
	}
	l.queue.put(job{c: c})
}

// Secrets notes key log lines of one of facteur's own handshakes.
func (l *Live) Secrets(leg decode.Leg, keylog []byte) {
	l.keys.Add(keylog)
	l.queue.put(job{leg: leg, keylog: append([]byte(nil), keylog...)})
}

// Expect notes that a handshake began (secrets will come) or ended.
func (l *Live) Expect(_ decode.Leg, more bool) {
	n := -1
	if more {
		n = 1
	}
	l.queue.put(job{expect: n})
}

// Close ends the session.
func (l *Live) Close(t time.Time) { l.queue.put(job{c: decode.Chunk{Time: t}, last: true}) }

func (l *Live) do(j *job) {
	l.seen = 0
	switch {
	case l.over: // a retry that came too late
	case j.last:
		if l.stalled {
			l.d.Keys.Refresh()
			last := *j
			l.ending = &last
			l.retry()
			return
		}
		l.close(j.c.Time)
	case j.retry:
		l.retry()
	case j.keylog != nil:
		l.keep(func(r Recorder) error { return r.Secrets(l.start.ID, j.leg, j.keylog) })
		l.publish(l.dec.Retry())
	case j.expect != 0:
		if l.expect += j.expect; l.expect == 0 {
			l.recordLate()
		}
		l.publish(l.dec.Retry())
	default:
		if t := j.c.Told; t != nil && t.Kind == "session.open" {
			l.open(j.c.Leg, j.c.Time, t)
		}
		l.publish(l.dec.Feed(j.c))
	}
}

// close ends the session once nothing of it is awaited any more.
func (l *Live) close(t time.Time) {
	l.unwait()
	l.expect = 0
	l.recordLate()
	l.publish(l.dec.Close(t))
	l.keep(func(r Recorder) error { return r.Close(l.start.ID) })
	l.over = true
	l.d.running.Done()
}

func (l *Live) publish(evs []decode.Event) {
	l.look(evs)
	if len(evs) > 0 {
		l.d.Show.Publish(l.start.ID, evs)
	}
}

// open begins a leg in the recording.
func (l *Live) open(leg decode.Leg, t time.Time, told *decode.Told) {
	e := decode.Event{Fields: told.Fields}
	client, _ := netip.ParseAddrPort(e.Field("client"))
	server, _ := netip.ParseAddrPort(e.Field("server"))
	i := captures.Info{Session: l.start.ID, Leg: leg, Time: t, Client: client, Server: server,
		Protocol: l.start.Protocol, Implicit: l.start.Implicit[leg]}
	m := captures.Meta{Session: l.start.ID, Leg: leg.String(), Protocol: l.start.Protocol, Implicit: l.start.Implicit[leg],
		Client: e.Field("client"), Server: e.Field("server"), Route: l.start.Route, Secrets: "masked"}
	if l.d.Keep {
		m.Secrets = "kept"
	}
	l.keep(func(r Recorder) error { return r.Open(i, m) })
}

// record keeps a chunk that decode has released, with the notes of the events that end in it.
func (l *Live) record(c decode.Chunk) {
	l.look(l.dec.Current())
	at := &l.at[c.Leg][c.From]
	*at += int64(c.Lost + len(c.Data))
	text := ""
	marks := &l.marks[c.Leg][c.From]
	for len(*marks) > 0 && (*marks)[0].end <= *at {
		if text != "" {
			text += "\n"
		}
		text += (*marks)[0].text
		*marks = (*marks)[1:]
	}
	if l.expect > 0 {
		c.Data = append([]byte(nil), c.Data...)
		l.late = append(l.late, lateChunk{c, text})
		return
	}
	l.keep(func(r Recorder) error { return r.Chunk(l.start.ID, c, text) })
}

// recordLate records what was held back during a handshake.
func (l *Live) recordLate() {
	for _, h := range l.late {
		l.keep(func(r Recorder) error { return r.Chunk(l.start.ID, h.c, h.comment) })
	}
	l.late = nil
}

// look takes the notes of events not yet looked at, to be kept with their packets.
func (l *Live) look(evs []decode.Event) {
	if l.d.Recorder == nil || l.d.Comment == nil {
		return
	}
	for ; l.seen < len(evs); l.seen++ {
		e := &evs[l.seen]
		end := e.Span.To
		if e.Layer != decode.Wire {
			if len(e.Carried) == 0 {
				continue
			}
			end = e.Carried[len(e.Carried)-1].To
		}
		if text := l.d.Comment(e); text != "" {
			l.marks[e.Leg][e.From] = append(l.marks[e.Leg][e.From], comment{end, text})
		}
	}
}

// keep writes to the recorder. That it fails is told once, on the page and in the log, and so is that it works again;
// sessions go on whatever it does.
func (l *Live) keep(write func(Recorder) error) {
	d := l.d
	if d.Recorder == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return
	}
	err := write(d.Recorder)
	switch {
	case err == nil && d.failed:
		d.failed = false
		d.Log.Info("recording again")
		d.Show.Publish(l.start.ID, []decode.Event{{Time: time.Now(), Kind: "session.recording",
			Fields: []decode.Field{{Name: "what", Value: "resumed"}}, Notes: []decode.Note{{ID: "session.recording.resumed"}}}})
	case err != nil && !d.failed:
		d.failed = true
		d.Log.Error("recording stopped; sessions go on without it: free space or choose another folder with --record DIR", "err", err)
		d.Show.Publish(l.start.ID, []decode.Event{{Time: time.Now(), Kind: "session.error",
			Fields: []decode.Field{{Name: "what", Value: "recording_failed"}, {Name: "detail", Value: err.Error()}},
			Notes:  []decode.Note{{ID: "session.error.recording_failed"}}}})
	}
}

// flush has what was recorded written soon.
func (l *Live) flush() {
	d := l.d
	if l.over || d.Recorder == nil || !d.flushing.CompareAndSwap(false, true) {
		return
	}
	time.AfterFunc(flushEvery, func() {
		d.flushing.Store(false)
		l.keep(func(r Recorder) error { return r.Flush() })
	})
}
