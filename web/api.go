package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"facteur/decode"
)

const (
	// maxPage and defaultPage bound GET /events.
	maxPage, defaultPage = 5_000, 1_000

	// maxSpan is the most octets one answer holds: more than a hex pane can show.
	maxSpan = 1 << 20

	// maxBody is the longest body read: an order to the player has less than 200 octets.
	maxBody = 4 << 10
)

// handler puts the guard before everything, and who someone is before everything under /api.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(path string, do answerer, methods ...string) {
		mux.Handle("/api/v1/"+path, s.authorised(do, methods...))
	}
	s.hubRoutes(handle)
	get := getting(handle)
	get("catalogue/{lang}", s.getCatalogue)
	get("diff", s.getDiff)
	mux.Handle("/api/v1/stage", s.authorised(s.postStage, http.MethodPost))
	mux.Handle("/api/v1/stage/stream", s.authorised(s.streamStage, http.MethodGet))
	mux.Handle("/api/v1/stage/stream.sse", s.authorised(s.streamStageSSE, http.MethodGet))
	get("share", s.getShare)
	get("share/qr.svg", s.getQR)
	s.archiveRoutes(handle)
	mux.Handle("/api/", s.authorised(func(w http.ResponseWriter, r *http.Request, _ Role) { refuse(w, r, refuseNotFound) },
		http.MethodGet, http.MethodHead, http.MethodPost))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if query := r.URL.Query(); r.URL.Path == "/" && r.Method == http.MethodGet && query.Has("token") {
			s.login(w, r, query)
			return
		}
		s.page.ServeHTTP(w, r)
	})
	return s.guard(mux)
}

// answerer answers a request of someone known.
type answerer = func(http.ResponseWriter, *http.Request, Role)

// getting gives a handle for what is read only.
func getting(handle func(string, answerer, ...string)) func(string, answerer) {
	return func(path string, do answerer) { handle(path, do, http.MethodGet, http.MethodHead) }
}

// hubRoutes are the addresses of all that a hub shows: the run's own under /api/v1/, a recording's under its tape's.
func (s *Server) hubRoutes(handle func(path string, do answerer, methods ...string)) {
	get := getting(handle)
	get("state", s.getState)
	get("sessions", s.getSessions)
	get("sessions/{id}/octets", s.getOctets)
	get("events", s.getEvents)
	get("states", s.getStates)
	s.mailRoutes(get)
	handle("stream", s.stream, http.MethodGet)
	handle("stream.sse", s.streamSSE, http.MethodGet)
	handle("player", s.postPlayer, http.MethodPost)
	handle("marks", s.serveMarks, http.MethodGet, http.MethodHead, http.MethodPost)
}

// authorised lets those in who may be here, with one of the methods.
func (s *Server) authorised(do func(http.ResponseWriter, *http.Request, Role), methods ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		role, late := s.who(r)
		switch {
		case late:
			refuse(w, r, refuseAttempts)
			return
		case role == nobody && s.throughShare(r):
			refuse(w, r, refuseCode)
			return
		case role == nobody:
			refuse(w, r, refuseAccess)
			return
		}
		allowed(w, r, role, do, methods)
	})
}

// allowed answers a request of one of the methods.
func allowed(w http.ResponseWriter, r *http.Request, role Role, do answerer, methods []string) {
	if !slices.Contains(methods, r.Method) {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		refuse(w, r, refuseMethod)
		return
	}
	do(w, r, role)
}

func answer(w http.ResponseWriter, v any) { answerJSON(w, append(marshal(v), '\n')) }

func answerJSON(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text)
}

// state is GET /api/v1/state.
type state struct {
	Version   string        `json:"version"`
	Mode      string        `json:"mode"`
	Lang      string        `json:"lang"`
	Epoch     string        `json:"epoch"`
	Last      int           `json:"last"`
	Routes    []RouteStatus `json:"routes"`
	Recording Recording     `json:"recording"`
	CA        CA            `json:"ca"`
	Connect   []Connect     `json:"connect"`
	Role      Role          `json:"role"`
	Share     bool          `json:"share"` // followers may come in
	Lab       []string      `json:"lab"`   // attacks under way
	Tape      *TapeState    `json:"tape,omitempty"`
}

// getState tells followers no path of the presenter's machine.
func (s *Server) getState(w http.ResponseWriter, _ *http.Request, role Role) {
	v := state{Version: s.o.Version, Mode: s.o.Mode, Lang: s.o.Lang, Epoch: s.hub.epoch, CA: s.o.CA, Role: role, Share: s.shared != nil, Lab: append([]string{}, s.o.Lab...)}
	s.mu.Lock()
	v.Recording = s.recording
	v.Connect = append([]Connect{}, s.connect...)
	s.mu.Unlock()
	s.hub.mu.Lock()
	v.Last = s.hub.events.last
	v.Routes, _ = s.hub.routes.value.([]RouteStatus)
	s.hub.mu.Unlock()
	v.Tape = s.hub.tapeState()
	if role != Presenter {
		v.Recording.Dir, v.CA, v.Connect = "", CA{SHA256: v.CA.SHA256}, []Connect{}
	}
	answer(w, v)
}

// catalogues keeps what Options.Catalogue gave, with its ETag.
type catalogues struct {
	get  func(lang string) []byte
	mu   sync.Mutex
	made map[string]*asset
}

func (c *catalogues) of(lang string) (*asset, bool) {
	if c.get == nil || lang != "fr" && lang != "en" {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.made[lang]
	if !ok {
		data := c.get(lang)
		if data == nil {
			return nil, false
		}
		a = newAsset(data, "application/json")
		c.made[lang] = a
	}
	return a, true
}

func (s *Server) getCatalogue(w http.ResponseWriter, r *http.Request, _ Role) {
	a, ok := s.catalogue.of(r.PathValue("lang"))
	if !ok {
		refuse(w, r, refuseNotFound)
		return
	}
	w.Header().Set("Cache-Control", "private, no-cache") // no secret in it, and large: kept, but asked about
	a.serve(w, r)
}

func (s *Server) getSessions(w http.ResponseWriter, _ *http.Request, _ Role) {
	answer(w, map[string]any{"sessions": s.hub.Sessions()})
}

func (s *Server) getEvents(w http.ResponseWriter, r *http.Request, _ Role) {
	q := r.URL.Query()
	after, err1 := number(q, "after", 0, 0)
	id, err2 := number(q, "session", 0, 0)
	limit, err3 := number(q, "limit", defaultPage, 1)
	if err := errors.Join(err1, err2, err3); err != nil {
		refuse(w, r, refuseQuery, err.Error())
		return
	}
	events, last := s.hub.history(id, after, min(limit, maxPage))
	text := append(join([]byte(`{"events":[`), events), `],"last":`...)
	text = strconv.AppendInt(text, int64(last), 10)
	answerJSON(w, append(text, "}\n"...))
}

// number reads a whole number of the query, at least least; fallback where it is missing.
func number(q url.Values, name string, fallback, least int) (int, error) {
	if !q.Has(name) || q.Get(name) == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(q.Get(name))
	if err != nil || n < least {
		return 0, fmt.Errorf("%s: a whole number from %d", name, least)
	}
	return n, nil
}

func (s *Server) getOctets(w http.ResponseWriter, r *http.Request, _ Role) {
	id, which, span, err := octetsAsked(r)
	if err != nil {
		refuse(w, r, refuseQuery, err.Error())
		return
	}
	parts, given, ok := s.hub.octets.get(id, which, span, maxSpan)
	if !ok {
		refuse(w, r, refuseNotKept)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", "attachment")
	h.Set("Content-Length", strconv.FormatInt(given.Len(), 10))
	h.Set("Facteur-Span", fmt.Sprintf("%d-%d", given.From, given.To))
	if r.Method == http.MethodHead {
		return
	}
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return // the viewer left
		}
	}
}

func octetsAsked(r *http.Request) (id int, which stream, span decode.Span, err error) {
	q := r.URL.Query()
	if id, err = strconv.Atoi(r.PathValue("id")); err != nil {
		return 0, which, span, errors.New("the session is a number")
	}
	switch q.Get("leg") {
	case "client":
	case "server":
		which.leg = decode.ServerLeg
	default:
		return 0, which, span, errors.New("leg: client or server")
	}
	switch q.Get("from") {
	case "client":
	case "server":
		which.from = decode.Server
	default:
		return 0, which, span, errors.New("from: client or server")
	}
	switch q.Get("layer") {
	case "wire":
	case "tls":
		which.layer = decode.TLS
	case "plain":
		which.layer = decode.Plain
	default:
		return 0, which, span, errors.New("layer: wire, tls or plain")
	}
	from, to, _ := strings.Cut(q.Get("span"), "-")
	a, err1 := strconv.ParseInt(from, 10, 64)
	b, err2 := strconv.ParseInt(to, 10, 64)
	if err1 != nil || err2 != nil || a < 0 || b <= a {
		return 0, which, span, errors.New("span: FROM-TO, two offsets, the first the smaller")
	}
	return id, which, decode.Span{From: a, To: b}, nil
}

// postPlayer is an order to the player.
func (s *Server) postPlayer(w http.ResponseWriter, r *http.Request, role Role) {
	var c Command
	if !s.order(w, r, role, &c) {
		return
	}
	s.mu.Lock()
	player := s.player
	s.mu.Unlock()
	if player == nil {
		refuse(w, r, refuseNoPlayer)
		return
	}
	state, err := player.Do(c)
	if err != nil {
		refuse(w, r, refuseCommand, err.Error())
		return
	}
	answer(w, state)
}
