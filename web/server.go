// Package web shows sessions in a browser: an HTTP server with a JSON API and one websocket that sends history, then
// live. README.md beside this file has the routes, messages, roles and limits.
//
// One event's way: decode → [Hub.Publish] → eventLog → frame → the viewers' goroutines (stream.go). Nothing here can
// hold up whoever publishes.
package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"facteur/internal/bilingual"
)

// DefaultAddr is where the page is served unless another address is asked for: this machine only, on a port that is free.
const DefaultAddr = "127.0.0.1:0"

const (
	// headerTime and maxHeader bound what a connection costs before it is known to be a viewer.
	headerTime = 5 * time.Second
	maxHeader  = 16 << 10
	idleTime   = 2 * time.Minute

	// goodbyeTime is how long Serve waits for answers under way when it is told to stop.
	goodbyeTime = 3 * time.Second
)

// Options of a server.
type Options struct {
	Addr          string // host:port; "" means DefaultAddr
	Token         string // the presenter's, at least 16 characters; "" means a random one
	FollowerToken string // for read-only viewers, at least 5 characters; "" means there are none
	Share         string // host:port of a second door, for followers only; "" means there is none
	Mode          string // live, replay or demo
	Lang          string // fr or en, the page's first language
	Version       string // of facteur
	Log           *slog.Logger
	Hosts         []string // more names under which the page may be asked for: name, or name:port where a port is forwarded
	Connect       []Connect
	Recording     Recording
	// RecordingOf, if set, gives the library's file that holds a session, "" while there is none: its marks belong there.
	RecordingOf func(session int) string
	Lab         []string // lab attacks under way, as the command line names them: everyone who looks is told
	CA          CA
	// Archive has the recordings that the page may open; nil where there are none.
	Archive Archive
	// Library is their folder, which the page shows and changes; nil without.
	Library Library
	Played  Source // what facteur replay plays, read into the server's own hub
	// Catalogue gives the explanations of a language as JSON (see README.md), nil for an unknown one.
	Catalogue func(lang string) []byte

	maxUpload int64 // of tests; 0: maxUpload
}

// Connect is a way to connect a mail client, shown with a copy button.
type Connect struct {
	ID      string `json:"id"`
	Title   Text   `json:"title"`
	Command string `json:"command"`
}

// Text is a sentence in both languages.
type Text struct {
	FR string `json:"fr"`
	EN string `json:"en"`
}

// Recording says where sessions are recorded.
type Recording struct {
	Dir string `json:"dir"`
	On  bool   `json:"on"`
}

// CA is the authority's certificate.
type CA struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // of the certificate in DER, hexadecimal
	// Steps say how each client learns to trust it, and to forget it again.
	Steps []TrustSteps `json:"steps,omitempty"`
}

// TrustSteps are what a person does in one client.
type TrustSteps struct {
	ID     string `json:"id"`
	Client string `json:"client"`
	Trust  Lines  `json:"trust"`
	Forget Lines  `json:"forget"` // none where nothing is installed
}

// Lines are steps in both languages.
type Lines struct {
	FR []string `json:"fr"`
	EN []string `json:"en"`
}

// Player is what the page steers in replay; a [replay.Player] is one. Do's errors are the sender's fault.
type Player interface {
	State() PlayerState
	Do(Command) (PlayerState, error)
}

// Server serves the page, its API and the stream.
type Server struct {
	o     Options
	log   *slog.Logger
	hub   *Hub
	page  page
	stage *stage

	tapes   *tapes
	diffs   chan struct{} // holds one for each comparison under way
	uploads *uploads

	listener  net.Listener
	port      string          // ours, as a Host header names it
	hosts     map[string]bool // names allowed with our port
	forwarded map[string]bool // name:port allowed as they are
	access    *access

	shared      net.Listener // the followers' door; nil without
	sharedPort  string
	sharedHosts map[string]bool

	catalogue catalogues

	mu        sync.Mutex
	player    Player
	connect   []Connect
	recording Recording
	viewers   int

	stopping chan struct{}  // closed when Serve ends: viewers leave
	streams  sync.WaitGroup // viewers on websockets, which http.Server no longer knows
}

// New gives a server that does not listen yet. Its hub takes events from the start.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Addr == "" {
		o.Addr = DefaultAddr
	}
	s := &Server{o: o, log: o.Log, hub: newHub(o.Mode, o.Log, limitsOf(o.Mode)), tapes: newTapes(), diffs: make(chan struct{}, maxDiffs), uploads: newUploads(), stage: newStage(), connect: o.Connect, recording: o.Recording,
		hosts: make(map[string]bool), forwarded: make(map[string]bool), stopping: make(chan struct{})}
	s.catalogue = catalogues{get: o.Catalogue, made: make(map[string]*asset)}
	for _, h := range o.Hosts {
		h = strings.ToLower(h)
		if _, _, err := net.SplitHostPort(h); err == nil {
			s.forwarded[h] = true
		} else {
			s.hosts[strings.Trim(h, "[]")] = true
		}
	}
	return s
}

// Hub gives what the server shows.
func (s *Server) Hub() *Hub { return s.hub }

// SetPlayer hands over the player that the page steers.
func (s *Server) SetPlayer(p Player) {
	s.mu.Lock()
	s.player = p
	s.mu.Unlock()
	s.hub.Player(p.State())
}

// SetConnect replaces the ways to connect, for those known only once ports are open.
func (s *Server) SetConnect(c []Connect) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connect = c
}

// SetRecording says anew where sessions are recorded, or that they no longer are.
func (s *Server) SetRecording(r Recording) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recording = r
}

// Listen opens the port and gives the presenter's address, with the token.
func (s *Server) Listen() (string, error) {
	if s.o.Token == "" {
		s.o.Token = rand.Text()
	}
	if len(s.o.Token) < minToken {
		return "", fmt.Errorf("the page's token has %d characters; at least %d are needed, or none for a random one", len(s.o.Token), minToken)
	}
	if f := s.o.FollowerToken; f != "" && (len(f) < minFollower || f == s.o.Token) {
		return "", fmt.Errorf("the followers' token must have at least %d characters and differ from the presenter's", minFollower)
	}
	files, err := fs.Sub(dist, "dist")
	if err == nil && s.page == nil {
		s.page, err = loadPage(files)
	}
	if err != nil {
		return "", fmt.Errorf("reading the built page: %w", err)
	}
	s.listener, err = net.Listen("tcp", s.o.Addr)
	if err != nil {
		return "", bilingual.Errorf("the page cannot be served on %s: %w", "la page ne peut pas être servie sur %s\u202f: %w", s.o.Addr, err)
	}
	s.port = portOf(s.listener.Addr())
	if host, _, err := net.SplitHostPort(s.o.Addr); err == nil && !isIP(host) {
		s.hosts[strings.ToLower(host)] = true
	}
	if err := s.listenShare(); err != nil {
		_ = s.listener.Close()
		s.listener = nil
		return "", err
	}
	s.access = newAccess(s.o.Token, s.o.FollowerToken)
	return s.address(s.host(), s.o.Token), nil
}

// FollowerURL gives the followers' address under a host name or address at which they reach this machine; with "", the
// address listened on. It is "" when there is no follower token.
func (s *Server) FollowerURL(host string) string {
	if s.o.FollowerToken == "" || s.listener == nil {
		return ""
	}
	if host == "" {
		host = s.host()
	}
	return s.address(host, s.o.FollowerToken)
}

func (s *Server) address(host, token string) string {
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, s.port), Path: "/", RawQuery: url.Values{"token": {token}}.Encode()}
	return u.String()
}

// host names this server for a browser on this machine: what was asked for, where that can be opened.
func (s *Server) host() string {
	host, _, err := net.SplitHostPort(s.o.Addr)
	if err != nil {
		host = s.o.Addr
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || host == ""
}

func portOf(a net.Addr) string {
	_, port, _ := net.SplitHostPort(a.String())
	return port
}

// Serve answers until ctx is done, then lets viewers go. It listens first if that was not done yet.
func (s *Server) Serve(ctx context.Context) error {
	if s.listener == nil {
		if _, err := s.Listen(); err != nil {
			return err
		}
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	failed := make(chan error, 2)
	for _, door := range []net.Listener{s.listener, s.shared} {
		if door != nil {
			go func() { failed <- server.Serve(door) }()
		}
	}
	var swept sync.WaitGroup
	swept.Go(func() { s.tapes.sweep(s.stopping) })
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	close(s.stopping)
	swept.Wait() // the viewers of tapes have gone
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeTime)
	defer cancel()
	if server.Shutdown(last) != nil {
		_ = server.Close()
	}
	s.streams.Wait()
	if err := s.uploads.remove(); err != nil {
		s.log.Warn("files handed to the page stay behind", "err", err)
	}
	s.hub.stop()
	s.stage.timer.Stop()
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the page on %s: %w", s.listener.Addr(), err)
	}
	return nil
}
