package watch

import (
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
)

// flushEvery is how long what was recorded may stay in memory: so much is lost when the program is killed.
const flushEvery = 100 * time.Millisecond

// DefaultBacklog octets may wait to be decoded and recorded: a twentieth of a second of a fast network, and bearable beside
// the memory of a browser.
const DefaultBacklog = 8 << 20

// stallPause is how long the log is silent about a disk that holds sessions back, once it was said.
const stallPause = 10 * time.Second

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
	// Sentence says a note in a language, with what to do about it; nil: its id.
	Sentence func(lang, id string, fields []decode.Field) (line, advice string)
	// Backlog is how many octets of all sessions together may wait to be decoded and recorded; the relay of a session that
	// gets further ahead waits. 0 means 8 MiB.
	Backlog int64

	mu       sync.Mutex  // held while writing to Recorder
	failed   bool        // the recorder failed, and it was said
	ended    bool        // no session runs any more: the recorder may be closed
	flushing atomic.Bool // a flush will come
	running  sync.WaitGroup
	clock    clock
	begun    sync.Once
	memory   memory
	slow     atomic.Int64 // when a stall was last said in the log, in nanoseconds

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
	room   *decode.Room // swapped into dec
	expect int
	seen   int // events of the decoder's call under way that were looked at
	marks  [2][2][]comment
	at     [2][2]int64 // octets recorded
	late   []lateChunk // released during a handshake
	over   bool        // closed: the recording may be, too
	gone   bool        // and all that it held is given back

	lacking  time.Time   // when a record first lacked its secret
	patience *time.Timer // ends the wait for it
	stalled  bool        // the decoder waits for it
	ending   *time.Time  // the session has ended, and is closed when it does not wait any more
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
	d.begun.Do(func() {
		if d.memory.limit = d.Backlog; d.memory.limit <= 0 {
			d.memory.limit = DefaultBacklog
		}
	})
	l := &Live{d: d, start: st}
	var secrets tlswire.Secrets
	if d.Keys != nil {
		l.keys = d.Keys.Log()
		secrets = &borrowed{KeyLog: l.keys, l: l}
	} else {
		l.keys = new(tlswire.KeyLog)
		secrets = l.keys
	}
	l.queue.do, l.queue.done, l.queue.stalled = l.do, l.rest, l.stall
	l.queue.init(&d.clock, &d.memory)
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

// Wait returns when every session that was closed is decoded and recorded to its end, and its memory given back.
func (d *Desk) Wait() {
	d.running.Wait()
	d.mu.Lock()
	d.ended = true
	d.mu.Unlock()
}

// Chunk notes what crossed, and reports whether the session is too far behind (see backlog).
func (l *Live) Chunk(c decode.Chunk) (behind bool) {
	if c.Told != nil {
		c.Told = &decode.Told{Kind: c.Told.Kind, Fields: slices.Clone(c.Told.Fields)}
	}
	return l.queue.put(chunkJob(c), c.Data)
}

// Await returns when the session is not too far behind any more.
func (l *Live) Await() { l.queue.await() }

// Secrets notes key log lines of one of facteur's own handshakes.
func (l *Live) Secrets(leg decode.Leg, keylog []byte) {
	l.keys.Add(keylog)
	l.queue.put(job{what: jobSecrets, leg: leg}, keylog)
}

// Expect notes that a handshake began (secrets will come) or ended.
func (l *Live) Expect(_ decode.Leg, more bool) {
	j := job{what: jobSettled}
	if more {
		j.what = jobExpect
	}
	l.queue.put(j, nil)
}

// Close ends the session.
func (l *Live) Close(t time.Time) { l.queue.put(job{what: jobLast, time: t}, nil) }

// rooms are swapped into the sessions whose queues are worked off: those that wait hold none.
var rooms = sync.Pool{New: func() any { return new(decode.Room) }}

func (l *Live) do(j *job, data []byte) {
	if l.room == nil {
		l.room = rooms.Get().(*decode.Room)
		l.dec.Swap(l.room)
	}
	l.seen = 0
	if l.over { // a retry that came too late
		return
	}
	switch j.what {
	case jobLast:
		if l.stalled {
			l.d.Keys.Refresh()
			l.ending = &j.time
			l.retry()
			return
		}
		l.close(j.time)
	case jobRetry:
		l.retry()
	case jobSecrets:
		l.keep(func(r Recorder) error { return r.Secrets(l.start.ID, j.leg, data) })
		l.publish(l.dec.Retry())
	case jobExpect:
		l.expect++
		l.publish(l.dec.Retry())
	case jobSettled:
		if l.expect--; l.expect == 0 {
			l.recordLate()
		}
		l.publish(l.dec.Retry())
	default:
		if t := j.told; t != nil && t.Kind == "session.open" {
			l.open(j.leg, j.time, t)
		}
		l.publish(l.dec.Feed(j.chunk(data)))
	}
}

// stall says that the relay of this session waits, or has waited, for what was relayed to be decoded and recorded: in the
// log while it does, once in a while whatever the number of sessions, and as an event of the session when it is over.
func (l *Live) stall(waited time.Duration, still bool) {
	const id = "session.error.limit.backlog"
	d := l.d
	number := strconv.FormatFloat(waited.Seconds(), 'f', 1, 64)
	if !still {
		l.queue.put(job{time: time.Now(), told: &decode.Told{Kind: "session.error", Fields: []decode.Field{
			{Name: "what", Value: "limit"}, {Name: "cause", Value: "backlog"}, {Name: "number", Value: number}}}}, nil)
		return
	}
	if last, now := d.slow.Load(), time.Now().UnixNano(); last != 0 && now-last < int64(stallPause) || !d.slow.CompareAndSwap(last, now) {
		return
	}
	line, advice := id, ""
	if d.Sentence != nil {
		line, advice = d.Sentence(d.Lang, id, []decode.Field{{Name: "number", Value: number}})
	}
	d.Log.Warn(line, "session", l.start.ID, "waiting", d.memory.used.Load(), "limit", d.memory.limit, "hint", advice)
}

// close ends the session once nothing of it is awaited any more.
func (l *Live) close(t time.Time) {
	l.unwait()
	l.expect = 0
	l.recordLate()
	l.publish(l.dec.Close(t))
	l.keep(func(r Recorder) error { return r.Close(l.start.ID) })
	l.over = true
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

// rest ends a batch: nobody looks at its events any more, or they are kept by whoever does.
func (l *Live) rest() {
	if l.room != nil {
		l.dec.Swap(l.room)
		rooms.Put(l.room)
		l.room = nil
	}
	if l.over && !l.gone {
		l.gone = true
		l.d.running.Done()
	}
	l.flush()
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
