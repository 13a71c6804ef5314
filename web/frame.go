package web

import (
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// A frame is one message to viewers. Its text is made when the first viewer needs it, beside the hub's lock, and shared.
type frame struct {
	kind    frameKind
	events  [][]byte // eventsFrame: those with from < n ≤ through that are kept
	from    int
	through int

	sessions []Session // sessionsFrame
	fromRev  uint64    // for viewers that have seen everything up to this rev
	value    any       // the others

	once     sync.Once
	text     []byte
	prepare  sync.Once
	prepared *websocket.PreparedMessage
	shared   bool // by several viewers: worth preparing
}

type frameKind string

const (
	helloFrame    frameKind = "hello"
	eventsFrame   frameKind = "events"
	sessionsFrame frameKind = "sessions"
	routesFrame   frameKind = "routes"
	playerFrame   frameKind = "player"
	tapeFrame     frameKind = "tape"
)

// hello is what a viewer is told first.
type hello struct {
	Type  frameKind `json:"type"`
	Epoch string    `json:"epoch"`
	Last  int       `json:"last"`
	Mode  string    `json:"mode"`
}

// bytes gives the message as JSON.
func (f *frame) bytes() []byte {
	f.once.Do(func() {
		switch f.kind {
		case eventsFrame:
			f.text = append(join([]byte(`{"type":"events","events":[`), f.events), `]}`...)
		case helloFrame:
			f.text = marshal(f.value)
		case sessionsFrame:
			f.text = tagged(f.kind, f.sessions)
		default:
			f.text = tagged(f.kind, f.value)
		}
	})
	return f.text
}

// tagged gives {"type":kind,kind:v}.
func tagged(kind frameKind, v any) []byte {
	text := append([]byte(`{"type":"`+kind+`","`+kind+`":`), marshal(v)...)
	return append(text, '}')
}

// message gives the frame as gorilla sends it to several viewers: masked and compressed once. nil when that fails, which
// it cannot for text.
func (f *frame) message() *websocket.PreparedMessage {
	f.prepare.Do(func() {
		f.prepared, _ = websocket.NewPreparedMessage(websocket.TextMessage, f.bytes())
	})
	return f.prepared
}

// join appends encoded events with commas between them, in one allocation.
func join(dst []byte, events [][]byte) []byte {
	size := len(dst) + len(events) + 8
	for _, e := range events {
		size += len(e)
	}
	dst = append(make([]byte, 0, size), dst...)
	for i, e := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, e...)
	}
	return dst
}

// marshal encodes our own types, which cannot fail: they hold no function, channel or NaN.
func marshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("web: a message cannot be encoded: " + err.Error())
	}
	return text
}

// cursor is how far a viewer is.
type cursor struct {
	epoch    string // that n is of; "" when not told
	n        int    // the last event it has
	rev      uint64 // up to which it knows sessions, routes and player
	greeted  bool
	live     bool // it has once been up to date
	upToDate time.Time
}

// errBehind drops a viewer that cannot keep up.
var errBehind = errors.New("too far behind")

// next gives what a viewer does not have yet: greeting, then history, then what happens; or, when there is nothing, a
// channel that is closed when there is. Every event comes exactly once and in order, because the only thing that says
// which is next is the viewer's own n.
func (h *Hub) next(c *cursor) ([]*frame, <-chan struct{}, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !c.greeted {
		return h.greet(c), nil, nil
	}
	for c.n < h.shown {
		if c.live && h.shown-c.n > h.behind && time.Since(c.upToDate) > h.behindTime {
			return nil, nil, errBehind
		}
		f := h.after(c.n)
		c.n = f.through
		if len(f.events) > 0 {
			return []*frame{f}, nil, nil
		}
	}
	c.live, c.upToDate = true, time.Now()
	if c.rev < h.rev {
		if frames := h.news(c); len(frames) > 0 {
			return frames, nil, nil
		}
	}
	return nil, h.wake, nil
}

// greet tells a new viewer everything but the events. A number of another process, or beyond the last, means none.
func (h *Hub) greet(c *cursor) []*frame {
	c.greeted = true
	if c.n > h.events.last || c.epoch != "" && c.epoch != h.epoch {
		c.n = 0
	}
	c.rev = h.rev
	frames := []*frame{
		{kind: helloFrame, value: hello{helloFrame, h.epoch, h.events.last, h.mode}},
		{kind: sessionsFrame, sessions: h.since(0)},
		h.routes,
	}
	if h.player != nil {
		frames = append(frames, h.player)
	}
	if h.tape != nil {
		frames = append(frames, h.tape)
	}
	return frames
}

// after gives the next message with events for a viewer that has n of them: the shared one if it begins there, else one
// that ends where a shared one does.
func (h *Hub) after(n int) *frame {
	upto := h.shown
	for i := len(h.recent) - 1; i >= 0; i-- {
		f := h.recent[i]
		if f.from == n {
			return f
		}
		if f.from < n {
			upto = f.through
			break
		}
		upto = f.from
	}
	events, through := h.events.collect(n, upto)
	return &frame{kind: eventsFrame, events: events, from: n, through: through}
}

// news gives what changed beside the events.
func (h *Hub) news(c *cursor) []*frame {
	var frames []*frame
	if f := h.recentState; f != nil && f.fromRev == c.rev {
		if len(f.sessions) > 0 {
			frames = append(frames, f)
		}
	} else if changed := h.since(c.rev); len(changed) > 0 {
		frames = append(frames, &frame{kind: sessionsFrame, sessions: changed})
	}
	if h.routesRev > c.rev {
		frames = append(frames, h.routes)
	}
	if h.playerRev > c.rev {
		frames = append(frames, h.player)
	}
	if h.tapeRev > c.rev {
		frames = append(frames, h.tape)
	}
	c.rev = h.rev
	return frames
}
