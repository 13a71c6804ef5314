package web

import (
	"crypto/rand"
	"log/slog"
	"sort"
	"strconv"
	"sync"
	"time"

	"facteur/decode"
	"facteur/replay"
)

// PlayerState and Command are the player's words; a [replay.Player] is a [Player].
type (
	PlayerState = replay.State
	Command     = replay.Command
)

// RouteStatus is one route of the proxy, as the page shows it.
type RouteStatus struct {
	Listen   string `json:"listen"`   // URL, such as imap://127.0.0.1:1143
	Upstream string `json:"upstream"` // URL
	Protocol string `json:"protocol"`
	TLS      string `json:"tls"`   // intercept, passthrough or strip
	State    string `json:"state"` // listening or failed
	Error    string `json:"error"` // why it failed
}

// limits of a hub. They are fields for tests only; newHub sets them to the constants below.
type limits struct {
	eventOctets  int
	sessions     int
	batch        time.Duration
	counts       time.Duration
	behind       int
	behindTime   time.Duration
	streamOctets int
	allOctets    int
	first        bool // keep what came first, not the latest
}

const (
	// maxEventOctets is the memory for encoded events, some 400,000 of them: more than a page can hold. Beyond it the
	// oldest closed sessions' events go first, then the oldest events of the oldest open session.
	maxEventOctets = 256 << 20

	// maxTapeEvents and maxTapeOctets are the memory for one tape: some 110,000 events, as many as a page can show at ease.
	maxTapeEvents = 48 << 20
	maxTapeOctets = 24 << 20

	// manyOthers is how many sessions of a file are shown whatever they are. Beyond, those that were no mail are forgotten
	// when they close: in a capture of a whole network they would leave no room for the mail.
	manyOthers = 1_000

	// maxSessions is how many summaries are kept: a list that a person can still search.
	maxSessions = 10_000

	// batchTime is how long events wait for others before viewers are told: one frame of a 60 Hz screen.
	batchTime = 16 * time.Millisecond

	// countsTime is how often a session's mere counts are told again.
	countsTime = 250 * time.Millisecond

	// A viewer that has been maxBehind events behind and never up to date for behindTime is dropped (1013, try again
	// later): what it shows is no longer what happens. While it reads history for the first time it is not behind.
	maxBehind  = 5_000
	behindTime = 20 * time.Second

	// sharedFrames is how many of the newest messages viewers share; who is further behind gets its own.
	sharedFrames = 32
)

func defaultLimits() limits {
	return limits{maxEventOctets, maxSessions, batchTime, countsTime, maxBehind, behindTime, maxStreamOctets, maxAllOctets, false}
}

// tapeLimits are those of what is read from a file. A capture of gigabytes must not fill the memory: its beginning is
// kept, and any session of it can be opened by itself, since the file is there to be read again.
func tapeLimits() limits {
	l := defaultLimits()
	l.eventOctets, l.allOctets, l.first = maxTapeEvents, maxTapeOctets, true
	return l
}

// Hub holds what there is to see and tells viewers of it. Publishing never waits for a viewer: viewers take from the
// hub at their own pace, and one that cannot keep up is dropped. Its methods may be called from any goroutine.
type Hub struct {
	limits
	log   *slog.Logger
	mode  string
	epoch string // random: tells viewers whether their numbers are of this process

	octets octetStore

	mu       sync.Mutex
	events   eventLog
	shown    int // viewers are told events up to this n
	sessions map[int]*session
	order    []*session // by their first event
	closed   []*session // in the order of closing, those with events kept
	dirty    []*session // changed since they were last shown
	routes   *frame     // the latest of each; no player, no frame
	player   *frame
	tape     *frame
	left     int // events of a file that are not kept
	unlisted int // sessions of a file beyond those listed
	others   int // and those passed over, which were no mail

	// rev counts the changes of sessions, routes and player that viewers are told; each of them has the rev of its last.
	rev                           uint64
	routesRev, playerRev, tapeRev uint64
	routesNew, playerNew, tapeNew bool
	counted                       time.Time // when counts were last told
	due                           time.Time // when the timer fires; zero while it rests
	timer                         *time.Timer
	wake                          chan struct{} // closed and replaced when there is something new
	recent                        []*frame      // the newest messages with events, oldest first
	recentState                   *frame        // the newest message with sessions, for viewers that have all before it
	warned                        bool          // that room ran out
}

func newHub(mode string, log *slog.Logger, l limits) *Hub {
	h := &Hub{limits: l, log: log, mode: mode, epoch: rand.Text(), sessions: make(map[int]*session), wake: make(chan struct{})}
	h.routes = routesFrameOf(nil)
	h.octets = octetStore{streamMax: l.streamOctets, allMax: l.allOctets, first: l.first, sessions: make(map[int]*keptSession)}
	h.timer = time.AfterFunc(time.Hour, h.flush)
	h.timer.Stop()
	return h
}

// numbered is the room that `"n":N,` may take.
const numbered = len(`"n":,`) + 20

var encoders = sync.Pool{New: func() any { return new(encoder) }}

// Publish gives each event its number n, in order, and shows it to everyone. Values of secret fields are shown as they
// come: events must have been decoded without ShowSecrets, except those of declared demonstration accounts. The events
// are not kept; the caller may use them again. It gives how many of them got a number: all, except in a hub of a file that
// is full, where the others only count.
func (h *Hub) Publish(session int, events []decode.Event) (given int) {
	if len(events) == 0 {
		return 0
	}
	if h.first && h.count(session, events) {
		return 0
	}
	c := encoders.Get().(*encoder)
	defer encoders.Put(c)
	c.encode(session, events)
	text := make([]byte, 0, len(c.text)+len(events)*numbered) // one for all: they go together

	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.session(session)
	wasOpen := s.Closed == ""
	first, from := h.events.last+1, 0
	for i, to := range c.ends {
		begin := len(text)
		text = append(text, `{"n":`...)
		text = strconv.AppendInt(text, int64(h.events.last+1), 10)
		text = append(text, ',')
		text = append(text, c.text[from+1:to]...) // without its own brace
		h.events.append(text[begin:len(text):len(text)])
		s.note(&events[i])
		from = to
	}
	s.add(first, h.events.last+1)
	h.touch(s)
	if wasOpen && s.Closed != "" {
		h.closed = append(h.closed, s)
		h.octets.close(session)
		if h.first && len(h.order) > manyOthers {
			h.passOver(s)
		}
	}
	if h.events.octets > h.eventOctets && !h.first {
		h.makeRoom()
	}
	h.tell(h.batch)
	return len(events)
}

// session finds a session or opens one.
func (h *Hub) session(id int) *session {
	s := h.sessions[id]
	if s == nil {
		s = &session{Session: Session{ID: id}}
		h.sessions[id] = s
		h.order = append(h.order, s)
		if len(h.order) > h.limits.sessions {
			h.forget()
		}
	}
	return s
}

// touch has a session told anew.
func (h *Hub) touch(s *session) {
	if !s.dirty {
		s.dirty = true
		h.dirty = append(h.dirty, s)
	}
}

// Octets keeps octets of one stream for the page, as [decode.Options].Octets hands them over. data is copied.
func (h *Hub) Octets(session int, leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
	h.octets.add(session, stream{leg, from, layer}, at, data)
}

// Routes replaces the routes shown.
func (h *Hub) Routes(routes []RouteStatus) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.routes = routesFrameOf(routes)
	h.routesNew = true
	h.tell(h.batch)
}

func routesFrameOf(routes []RouteStatus) *frame {
	return &frame{kind: routesFrame, value: append([]RouteStatus{}, routes...), shared: true}
}

// Player shows where the player stands. It may be [replay.Options].OnChange.
func (h *Hub) Player(state PlayerState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.player = &frame{kind: playerFrame, value: state, shared: true}
	h.playerNew = true
	h.tell(h.batch)
}

// Last gives the number of the last event published.
func (h *Hub) Last() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.events.last
}

// Sessions gives the summaries in the order in which the sessions opened.
func (h *Hub) Sessions() []Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.since(0)
}

// since gives the summaries shown after rev; for 0, all.
func (h *Hub) since(rev uint64) []Session {
	list := []Session{}
	for _, s := range h.order {
		if rev == 0 || s.rev > rev {
			list = append(list, s.Session)
		}
	}
	return list
}

// history gives the encoded events with n > after, of one session or (0) of all, at most limit.
func (h *Hub) history(session, after, limit int) (events [][]byte, last int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last = h.events.last
	runs := []run{{1, last + 1}}
	if session != 0 {
		runs = nil
		if s := h.sessions[session]; s != nil {
			runs = s.runs[sort.Search(len(s.runs), func(i int) bool { return s.runs[i].to-1 > after }):]
		}
	}
	for _, r := range runs {
		for n := max(r.from-1, after); n < r.to-1 && len(events) < limit; {
			var some [][]byte
			some, n = h.events.collect(n, r.to-1)
			events = append(events, some...)
		}
	}
	return events[:min(limit, len(events))], last
}

// tell lets viewers know within d.
func (h *Hub) tell(d time.Duration) {
	due := time.Now().Add(d)
	if h.due.IsZero() || due.Before(h.due) {
		h.due = due
		h.timer.Reset(d)
	}
}

// flush shows what is new since the last time. It is the timer's.
func (h *Hub) flush() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.due = time.Time{}
	for h.shown < h.events.last {
		events, through := h.events.collect(h.shown, h.events.last)
		h.share(&frame{kind: eventsFrame, events: events, from: h.shown, through: through})
		h.shown = through
	}
	h.flushState()
	close(h.wake)
	h.wake = make(chan struct{})
}

func (h *Hub) share(f *frame) {
	if len(h.recent) == sharedFrames {
		copy(h.recent, h.recent[1:])
		h.recent = h.recent[:sharedFrames-1]
	}
	f.shared = true
	h.recent = append(h.recent, f)
}

// flushState gives a new rev to what changed. Counts alone wait until their time.
func (h *Hub) flushState() {
	now := time.Now()
	all := now.Sub(h.counted) >= h.counts
	rev := h.rev + 1
	var changed []Session
	waiting := h.dirty[:0]
	for _, s := range h.dirty {
		if !all && !s.urgent {
			waiting = append(waiting, s)
			continue
		}
		s.dirty, s.urgent, s.rev = false, false, rev
		changed = append(changed, s.Session)
	}
	clear(h.dirty[len(waiting):])
	if h.dirty = waiting; len(changed) > 0 && all {
		h.counted = now
	}
	if len(waiting) > 0 {
		h.tell(h.counted.Add(h.counts).Sub(now))
	}
	if h.routesNew {
		h.routesRev = rev
	}
	if h.playerNew {
		h.playerRev = rev
	}
	if h.tapeNew {
		h.tapeRev = rev
	}
	if len(changed) == 0 && !h.routesNew && !h.playerNew && !h.tapeNew {
		return
	}
	h.recentState = &frame{kind: sessionsFrame, sessions: changed, fromRev: h.rev, shared: true}
	h.routesNew, h.playerNew, h.tapeNew, h.rev = false, false, false, rev
}

// stop rests the timer. Publishing stays possible; nobody is told any more.
func (h *Hub) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timer.Stop()
	h.due = time.Now() // as if it were about to fire: tell leaves it alone
}
