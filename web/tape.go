package web

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"facteur/decode"
	"facteur/replay"
)

// TapeState is the recording that a hub shows, as the page is told of it.
type TapeState struct {
	ID       string  `json:"id"` // "" for the one that facteur was started with
	Title    Text    `json:"title"`
	From     Opening `json:"from"` // opens it again
	Size     int64   `json:"size"` // octets of the file
	Read     int64   `json:"read"` // of them, so far
	Loading  bool    `json:"loading"`
	Fault    *Text   `json:"fault"`    // why reading ended early, or null; what came before is shown
	Left     int     `json:"left"`     // events that are not kept, for want of room
	Unlisted int     `json:"unlisted"` // sessions that are not even listed
	Others   int     `json:"others"`   // of no mail, passed over
}

// Tape says which recording the hub shows, and gives where to say how far it is read. It is for hubs of recordings.
func (h *Hub) Tape(state TapeState) *Reel {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tape = &frame{kind: tapeFrame, value: state, shared: true}
	h.tapeNew = true
	h.tell(h.batch)
	return &Reel{hub: h}
}

// changeTape changes what is told of the recording. Where none is shown there is nothing to change.
func (h *Hub) changeTape(change func(*TapeState)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if state, ok := h.tapeNow(); ok {
		change(&state)
		h.tape = &frame{kind: tapeFrame, value: state, shared: true}
		h.tapeNew = true
		h.tell(h.counts)
	}
}

// tapeNow needs the lock.
func (h *Hub) tapeNow() (TapeState, bool) {
	if h.tape == nil {
		return TapeState{}, false
	}
	state, ok := h.tape.value.(TapeState)
	state.Left, state.Unlisted, state.Others = h.left, h.unlisted, h.others
	return state, ok
}

// tapeState gives the recording shown, nil where it is none.
func (h *Hub) tapeState() *TapeState {
	h.mu.Lock()
	defer h.mu.Unlock()
	if state, ok := h.tapeNow(); ok {
		return &state
	}
	return nil
}

// limitsOf gives the limits of a mode.
func limitsOf(mode string) limits {
	if mode == "replay" {
		return tapeLimits()
	}
	return defaultLimits()
}

// count takes events of a file into the summary alone when there is no room for them, and says so.
func (h *Hub) count(id int, events []decode.Event) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	full, s := h.events.octets >= h.eventOctets, h.sessions[id]
	switch {
	case s == nil && len(h.order) >= h.limits.sessions:
		if events[0].Seq == 1 {
			h.unlisted++
		}
	case !full:
		return false
	default:
		s = h.session(id)
		for i := range events {
			s.note(&events[i])
		}
		s.Dropped += len(events)
		h.touch(s)
		h.tell(h.batch)
	}
	h.left += len(events)
	return true
}

// passOver forgets a closed session of a file if it was no mail.
func (h *Hub) passOver(s *session) {
	if s.mail || s.Protocol != "" && s.Protocol != decode.Opaque && s.Protocol != decode.Detect {
		return
	}
	h.left += s.Events - s.Dropped
	h.others++
	h.remove(slices.Index(h.order, s))
}

// tape is one open recording: a server of its own, behind the same door.
type tape struct {
	id     string
	opened Opening
	server *Server
	routes *http.ServeMux // of its server
	player *replay.Player
	cancel context.CancelFunc
	done   sync.WaitGroup // reading, playing

	used time.Time // last asked for; guarded by the tapes
}

// close ends it: reading, playing, viewers.
func (t *tape) close() {
	t.cancel()
	close(t.server.stopping)
	t.done.Wait()
	t.server.streams.Wait()
	t.server.hub.stop()
	t.server.stage.timer.Stop()
}

// load reads the recording and lets the player run.
func (t *tape) load(ctx context.Context, archive Archive, from Source) {
	reel := &Reel{t.server.hub, t.player}
	t.done.Go(func() {
		err := archive.Read(ctx, from, reel)
		if ctx.Err() != nil {
			err = nil
		}
		t.player.Loaded()
		reel.Loaded(err)
	})
	t.done.Go(func() { _ = t.player.Run(ctx) })
}
