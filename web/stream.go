package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// maxViewers is how many streams are open at once: a lecture hall.
	maxViewers = 512

	// writeTime is how long one message may take to leave. Whoever reads slower than 500 events in that time is gone.
	writeTime = 10 * time.Second

	// pingTime and pongTime find viewers whose machine went to sleep.
	pingTime = 25 * time.Second
	pongTime = 60 * time.Second

	// maxFromViewer is the longest message read from a websocket. The page sends none but control frames (at most 125
	// octets, RFC 6455 §5.5); others this short are read and ignored.
	maxFromViewer = 512

	// closeTime is how long a viewer has to read why it is let go.
	closeTime = time.Second
)

// sink takes messages to one viewer.
type sink interface {
	send(f *frame) error
	ping() error
}

// errStopping ends streams when the server does.
var errStopping = errors.New("facteur is stopping")

// pump sends a viewer everything after c, until gone is closed or something fails.
func (s *Server) pump(c *cursor, to sink, gone <-chan struct{}) error {
	return s.deliver(to, gone, func() ([]*frame, <-chan struct{}, error) { return s.hub.next(c) })
}

// deliver sends a viewer what next gives, message after message, until gone is closed or something fails.
func (s *Server) deliver(to sink, gone <-chan struct{}, next func() ([]*frame, <-chan struct{}, error)) error {
	ping := time.NewTicker(pingTime)
	defer ping.Stop()
	for {
		frames, wake, err := next()
		if err != nil {
			return err
		}
		for _, f := range frames {
			if err := to.send(f); err != nil {
				return err
			}
		}
		// Between messages too, so that a long history can be interrupted.
		if frames != nil {
			wake = always
		}
		select {
		case <-s.stopping:
			return errStopping
		case <-gone:
			return io.EOF
		case <-ping.C:
			if err := to.ping(); err != nil {
				return err
			}
		case <-wake:
		}
	}
}

// always is ready at once.
var always = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

// join counts a viewer; it must leave again if let in.
func (s *Server) join() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.viewers >= maxViewers {
		return false
	}
	s.viewers++
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.viewers--
}

// Viewers gives how many streams are open.
func (s *Server) Viewers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.viewers
}

// asked reads where a stream begins.
func asked(r *http.Request) (*cursor, error) {
	q := r.URL.Query()
	after, err := number(q, "after", 0, 0)
	return &cursor{n: after, epoch: q.Get("epoch")}, err
}

// stream is the websocket (RFC 6455).
func (s *Server) stream(w http.ResponseWriter, r *http.Request, _ Role) {
	c, err := asked(r)
	if err != nil {
		refuse(w, r, refuseQuery, err.Error())
		return
	}
	s.serveSocket(w, r, func(to sink, gone <-chan struct{}) error { return s.pump(c, to, gone) })
}

// serveSocket makes r a websocket and runs what sends on it. Origin was checked by the guard; the upgrader checks it again.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request, run func(to sink, gone <-chan struct{}) error) {
	switch {
	case !websocket.IsWebSocketUpgrade(r):
		w.Header().Set("Upgrade", "websocket")
		refuse(w, r, refuseUpgrade)
		return
	case !s.join():
		refuse(w, r, refuseViewers)
		return
	}
	defer s.leave()
	s.streams.Add(1)
	defer s.streams.Done()
	upgrader := websocket.Upgrader{
		ReadBufferSize:    maxFromViewer,
		CheckOrigin:       s.originAllowed,
		EnableCompression: !localAddr(r).IsLoopback(), // on this machine it would only cost time
		Error: func(w http.ResponseWriter, r *http.Request, _ int, reason error) {
			refuse(w, r, refuseUpgrade, reason.Error())
		},
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // answered by Error
	}
	defer conn.Close()
	gone := listen(conn)
	s.goodbye(conn, gone, run(wsSink{conn}, gone))
}

// listen reads what a viewer sends, for the pongs in it. The channel is closed when the viewer is gone.
func listen(conn *websocket.Conn) <-chan struct{} {
	gone := make(chan struct{})
	conn.SetReadLimit(maxFromViewer)
	alive := func(string) error { return conn.SetReadDeadline(time.Now().Add(pongTime)) }
	_ = alive("")
	conn.SetPongHandler(alive)
	go func() {
		defer close(gone)
		for {
			if _, _, err := conn.NextReader(); err != nil {
				return
			}
		}
	}()
	return gone
}

// goodbye tells a viewer why its stream ends and waits until it has gone. 1013 (try again later) has the page come back
// at once and ask after its last event. To a viewer that reads nothing, nothing can be told: its connection just ends.
func (s *Server) goodbye(conn *websocket.Conn, gone <-chan struct{}, why error) {
	code := websocket.CloseTryAgainLater
	switch {
	case errors.Is(why, io.EOF):
		code = 0
	case errors.Is(why, errStopping):
		code = websocket.CloseGoingAway
	}
	if code != 0 {
		deadline := time.Now().Add(closeTime)
		if conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why.Error()), deadline) == nil {
			select {
			case <-gone:
			case <-time.After(time.Until(deadline)):
			}
		}
		s.log.Debug("a viewer was let go", "address", conn.RemoteAddr(), "reason", why)
	}
	_ = conn.Close()
	<-gone
}

// wsSink sends text messages; those that several viewers get are encoded for the wire once.
type wsSink struct{ conn *websocket.Conn }

func (k wsSink) send(f *frame) error {
	if err := k.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	if f.shared {
		if m := f.message(); m != nil {
			return k.conn.WritePreparedMessage(m)
		}
	}
	return k.conn.WriteMessage(websocket.TextMessage, f.bytes())
}

func (k wsSink) ping() error {
	return k.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTime))
}

// streamSSE is the same stream as server-sent events, for networks that break websockets. Each message's id is
// epoch:n, which the browser gives back in Last-Event-ID when it reconnects by itself.
func (s *Server) streamSSE(w http.ResponseWriter, r *http.Request, _ Role) {
	c, err := asked(r)
	if epoch, n, ok := strings.Cut(r.Header.Get("Last-Event-ID"), ":"); ok && err == nil {
		c.epoch = epoch
		if c.n, err = strconv.Atoi(n); c.n < 0 {
			err = errors.New("Last-Event-ID: epoch:n")
		}
	}
	if err != nil {
		refuse(w, r, refuseQuery, err.Error())
		return
	}
	id := func(f *frame) string {
		if f.kind != eventsFrame {
			return ""
		}
		return s.hub.epoch + ":" + strconv.Itoa(f.through)
	}
	s.serveEvents(w, r, id, func(to sink, gone <-chan struct{}) error { return s.pump(c, to, gone) })
}

// serveEvents makes the answer to r a stream of server-sent events and runs what sends on it. id names a message for
// Last-Event-ID, "" those that need none.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request, id func(*frame) string, run func(to sink, gone <-chan struct{}) error) {
	if !s.join() {
		refuse(w, r, refuseViewers)
		return
	}
	defer s.leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold the messages back
	w.WriteHeader(http.StatusOK)
	err := run(&sseSink{w, http.NewResponseController(w), id}, r.Context().Done())
	if errors.Is(err, errBehind) {
		s.log.Debug("a viewer was let go", "address", r.RemoteAddr, "reason", err)
	}
}

type sseSink struct {
	w  http.ResponseWriter
	c  *http.ResponseController
	id func(*frame) string
}

func (k *sseSink) send(f *frame) error {
	_ = k.c.SetWriteDeadline(time.Now().Add(writeTime))
	if id := k.id(f); id != "" {
		if _, err := fmt.Fprintf(k.w, "id: %s\n", id); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(k.w, "data: %s\n\n", f.bytes()); err != nil {
		return err
	}
	return k.c.Flush()
}

// ping is a comment: it keeps the connection from being thought dead.
func (k *sseSink) ping() error {
	_ = k.c.SetWriteDeadline(time.Now().Add(writeTime))
	if _, err := io.WriteString(k.w, ":\n\n"); err != nil {
		return err
	}
	return k.c.Flush()
}
