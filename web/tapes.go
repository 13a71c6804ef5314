package web

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"facteur/replay"
)

const (
	// maxTapes is how many recordings are open at once: two to compare and two more, with what they may keep each
	// (maxTapeEvents, maxTapeOctets). When another is opened, the one that nobody has looked at for longest is closed.
	maxTapes = 4

	// tapeIdle is how long a recording stays open without anybody looking: a coffee break.
	tapeIdle = 20 * time.Minute

	// tapeID is how long a tape's name is: as hard to guess as a token need be behind one.
	tapeIDLength = 10
)

// Opening is how a page asks for a recording: one of Sample, Library, Upload and Of.
type Opening struct {
	Sample  string `json:"sample,omitempty"`
	Library string `json:"library,omitempty"` // a file's name
	Upload  string `json:"upload,omitempty"`
	Keylog  string `json:"keylog,omitempty"` // an upload too: the secrets of the TLS in Upload
	Of      string `json:"of,omitempty"`     // an open tape, or "main" for what facteur replay plays
	Session int    `json:"session,omitempty"`
}

// tapes are the recordings that are open.
type tapes struct {
	mu   sync.Mutex
	open []*tape // in the order of opening
	shut bool
}

func newTapes() *tapes { return &tapes{} }

// get finds a tape and notes that it is in use.
func (t *tapes) get(id string) *tape {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range t.open {
		if one.id == id {
			one.used = time.Now()
			return one
		}
	}
	return nil
}

// add takes a tape in and gives those that have to go for it: idle ones, and the one unused for longest where there are
// too many. ok is false when facteur is about to end.
func (t *tapes) add(one *tape) (gone []*tape, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shut {
		return nil, false
	}
	gone = t.idle(time.Now())
	for len(t.open) >= maxTapes {
		oldest := 0
		for i := range t.open {
			if t.rank(i) < t.rank(oldest) {
				oldest = i
			}
		}
		gone = append(gone, t.open[oldest])
		t.open = slices.Delete(t.open, oldest, oldest+1)
	}
	t.open = append(t.open, one)
	return gone, true
}

// rank orders tapes by how much they would be missed: those looked at last.
func (t *tapes) rank(i int) int64 {
	rank := t.open[i].used.UnixNano()
	if t.open[i].server.Viewers() > 0 {
		rank += int64(tapeIdle) // looked at right now
	}
	return rank
}

// idle takes out what nobody has looked at for long.
func (t *tapes) idle(now time.Time) (gone []*tape) {
	t.open = slices.DeleteFunc(t.open, func(one *tape) bool {
		if one.server.Viewers() > 0 {
			one.used = now
		}
		old := now.Sub(one.used) > tapeIdle
		if old {
			gone = append(gone, one)
		}
		return old
	})
	return gone
}

// remove takes a tape out; nil when there is none of that name.
func (t *tapes) remove(id string) *tape {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.open, func(one *tape) bool { return one.id == id })
	if i < 0 {
		return nil
	}
	one := t.open[i]
	t.open = slices.Delete(t.open, i, i+1)
	return one
}

// sweep closes idle tapes until stop is closed, and then all.
func (t *tapes) sweep(stop <-chan struct{}) {
	tick := time.NewTicker(tapeIdle / 10)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			t.mu.Lock()
			gone := t.open
			t.open, t.shut = nil, true
			t.mu.Unlock()
			closeTapes(gone)
			return
		case now := <-tick.C:
			t.mu.Lock()
			gone := t.idle(now)
			t.mu.Unlock()
			closeTapes(gone)
		}
	}
}

func closeTapes(gone []*tape) {
	for _, one := range gone {
		one.close()
	}
}

// states lists the open tapes.
func (t *tapes) states() []TapeState {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := []TapeState{}
	for _, one := range t.open {
		if state := one.server.hub.tapeState(); state != nil {
			list = append(list, *state)
		}
	}
	return list
}

// errOpening is in the error of an Opening that names nothing, or more than one thing.
var errOpening = errors.New("one of sample, library, upload and of")

// source finds what an Opening names.
func (s *Server) source(o Opening) (Source, error) {
	named := 0
	for _, name := range []string{o.Sample, o.Library, o.Upload, o.Of} {
		if name != "" {
			named++
		}
	}
	if named != 1 || o.Session < 0 || o.Keylog != "" && o.Upload == "" {
		return Source{}, errOpening
	}
	from := Source{Sample: o.Sample, Library: o.Library, Session: o.Session}
	switch {
	case o.Upload != "":
		return s.uploaded(o, from)
	case o.Of == "main" && s.o.Played.Path != "":
		from = s.o.Played
	case o.Of != "":
		of := s.tapes.get(o.Of)
		if of == nil {
			return Source{}, ErrNoRecording
		}
		again := of.opened
		if o.Session == 0 {
			o.Session = again.Session
		}
		again.Session = o.Session
		return s.source(again)
	}
	from.Session = o.Session
	return from, nil
}

// open opens a recording.
func (s *Server) open(ctx context.Context, o Opening) (*tape, error) {
	from, err := s.source(o)
	if err != nil {
		return nil, err
	}
	if s.o.Archive == nil {
		return nil, ErrNoRecording
	}
	found, err := s.o.Archive.Find(ctx, from)
	if err != nil {
		return nil, err
	}
	if of := s.tapes.get(o.Of); of != nil { // so that it can be opened again when that one is closed
		session := o.Session
		o = of.opened
		if session != 0 {
			o.Session = session
		}
	}
	server := New(Options{Mode: "replay", Lang: s.o.Lang, Version: s.o.Version, Log: s.log, Library: s.o.Library, RecordingOf: s.recordingOf(from)})
	one := &tape{id: strings.ToLower(rand.Text()[:tapeIDLength]), opened: o, server: server, used: time.Now()}
	one.routes = tapeMux(one.id, server)
	one.player = replay.New(replay.Options{OnChange: server.hub.Player, Whole: true})
	server.SetPlayer(one.player)
	server.hub.Tape(TapeState{ID: one.id, Title: found.Title, From: o, Size: found.Size, Loading: true})
	reading, cancel := context.WithCancel(context.Background())
	one.cancel = cancel
	gone, ok := s.tapes.add(one)
	if !ok {
		cancel()
		return nil, errStopping
	}
	closeTapes(gone)
	one.load(reading, s.o.Archive, from)
	return one, nil
}

// archiveRoutes are those that open, list and close recordings, and everything that an open one shows.
func (s *Server) archiveRoutes(handle func(path string, do answerer, methods ...string)) {
	handle("tapes", s.serveTapes, http.MethodGet, http.MethodHead, http.MethodPost)
	handle("tapes/{tape}", s.deleteTape, http.MethodDelete)
	handle("tapes/{tape}/", s.inTape, methods...)
	handle("uploads", s.putUpload, http.MethodPut)
	handle("samples", s.getSamples, http.MethodGet, http.MethodHead)
	s.libraryRoutes(handle)
}

// tapeMux answers for a tape as its server would at the same addresses, without the tape's name before them.
func tapeMux(id string, server *Server) *http.ServeMux {
	mux := http.NewServeMux()
	root := "/api/v1/tapes/" + id + "/"
	server.hubRoutes(func(path string, do answerer, methods ...string) {
		mux.HandleFunc(root+path, func(w http.ResponseWriter, r *http.Request) { allowed(w, r, roleOf(r), do, methods) })
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { refuse(w, r, refuseNotFound) })
	return mux
}

// inTape hands a request on to the tape that it is about. A follower may see the one that the presenter shows, and no
// other: what is open beside it is the presenter's affair.
func (s *Server) inTape(w http.ResponseWriter, r *http.Request, role Role) {
	id := r.PathValue("tape")
	if role != Presenter && s.stage.tape() != id {
		refuse(w, r, refuseRole)
		return
	}
	one := s.tapes.get(id)
	if one == nil {
		refuse(w, r, refuseNoTape)
		return
	}
	one.routes.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), roleKey{}, role)))
}

// roleKey is where a request's context says who sent it, on its way into a tape.
type roleKey struct{}

func roleOf(r *http.Request) Role {
	role, _ := r.Context().Value(roleKey{}).(Role)
	return role
}

// serveTapes lists the open recordings, or opens one.
func (s *Server) serveTapes(w http.ResponseWriter, r *http.Request, role Role) {
	if role != Presenter {
		refuse(w, r, refuseRole)
		return
	}
	if r.Method != http.MethodPost {
		answer(w, map[string]any{"tapes": s.tapes.states(), "limit": maxTapes})
		return
	}
	var o Opening
	if !s.order(w, r, role, &o) {
		return
	}
	one, err := s.open(r.Context(), o)
	switch {
	case errors.Is(err, errOpening):
		refuse(w, r, refuseBody, err.Error())
	case errors.Is(err, ErrNoRecording):
		refuse(w, r, refuseNoRecording)
	case err != nil:
		s.log.Warn("a recording could not be opened", "err", err)
		refuse(w, r, refuseUnreadable)
	default:
		answer(w, one.server.hub.tapeState())
	}
}

// deleteTape closes a recording. What it was opened from stays.
func (s *Server) deleteTape(w http.ResponseWriter, r *http.Request, role Role) {
	if !s.mayChange(w, r, role) {
		return
	}
	one := s.tapes.remove(r.PathValue("tape"))
	if one == nil {
		refuse(w, r, refuseNoTape)
		return
	}
	one.close()
	w.WriteHeader(http.StatusNoContent)
}
