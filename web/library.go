package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"time"
)

const (
	// maxHits is how many events one search gives: a page of them.
	maxHits = 200

	// maxLabel and maxNote bound a tag and a note.
	maxLabel, maxNote = 40, 2_000

	// workTime is how long importing or exporting a recording may take; while it does, nothing is written.
	workTime = 15 * time.Minute
)

// Library is the folder of recordings, as the page shows and changes it. Recordings go by their file's name.
// Errors of names that are not there wrap ErrNoRecording; those of type *Told are shown as they are.
type Library interface {
	List(ctx context.Context) (Listing, error)
	Contents(ctx context.Context, name string) (Contents, error)
	// Search gives at most limit events behind the one that after names, "" for the first ones.
	Search(ctx context.Context, filter, after string, limit int) (Hits, error)
	Tag(ctx context.Context, name, tag string, on bool) error
	Mark(ctx context.Context, name string, m LibraryMark) error
	// Marks lists the notes of a recording, which the index need not know yet. SetMark makes one that is alone at its event,
	// or with on false takes all away there.
	Marks(ctx context.Context, name string) ([]LibraryMark, error)
	SetMark(ctx context.Context, name string, m LibraryMark, on bool) error
	Unmark(ctx context.Context, name string, id int64) error
	// Import copies a file into the library, masked. What cannot be masked is refused (*Told) unless force.
	Import(ctx context.Context, from Source, force bool) (names []string, err error)
	// Export writes a recording, or one session of it, in a form of ExportFormats, and gives its file's name before the
	// first octet, to begin.
	Export(ctx context.Context, o Export, begin func(file string) io.Writer) error
	Remove(ctx context.Context, name string) error
}

// Told is an error in words for the page.
type Told struct {
	Code   string // of the refusal
	FR, EN string
}

func (t *Told) Error() string { return t.EN }

// Listing is what the library holds.
type Listing struct {
	Dir       string             `json:"dir"`
	Indexing  bool               `json:"indexing"`  // recordings are being read: more will be known soon
	Retention int                `json:"retention"` // days after which a recording may be purged
	Old       int                `json:"old"`       // recordings older than that
	List      []LibraryRecording `json:"recordings"`
}

// LibraryRecording is one file.
type LibraryRecording struct {
	Name      string   `json:"name"`
	Title     string   `json:"title"`
	Began     string   `json:"began"` // RFC 3339
	Sessions  int64    `json:"sessions"`
	Events    int64    `json:"events"`
	Size      int64    `json:"size"`
	Secrets   string   `json:"secrets"` // masked, anonymized, kept, or "" where the file does not say
	Fault     *Text    `json:"fault"`   // what is wrong with the file, or null; what could be read of it is there
	Indexed   bool     `json:"indexed"`
	Old       bool     `json:"old"`
	Tags      []string `json:"tags"`
	Protocols []string `json:"protocols"`
	TLS       []string `json:"tls"`      // versions
	Security  []string `json:"security"` // clear, starttls, tls
	Client    string   `json:"client"`   // of the first session
	Server    string   `json:"server"`
	Lints     int64    `json:"lints"`
	Errors    int64    `json:"errors"`
	Marks     int64    `json:"marks"`
}

// Contents is one recording opened up.
type Contents struct {
	Sessions []LibrarySession `json:"sessions"`
	Marks    []LibraryMark    `json:"marks"`
}

// LibrarySession is one session of a recording.
type LibrarySession struct {
	Number   int    `json:"number"`
	Protocol string `json:"protocol"`
	Client   string `json:"client"`
	Server   string `json:"server"`
	TLS      string `json:"tls"`
	User     string `json:"user"`
	Began    string `json:"began"`
	Ended    string `json:"ended"`
	Events   int64  `json:"events"`
	Lints    int64  `json:"lints"`
	Errors   int64  `json:"errors"`
}

// LibraryMark is a note at an event; Seq 0 is the session as a whole.
type LibraryMark struct {
	ID      int64  `json:"id"`
	Session int    `json:"session"`
	Seq     int    `json:"seq"`
	Text    string `json:"text"`
	Made    string `json:"made"`
}

// Hits are events that were found.
type Hits struct {
	List  []Hit  `json:"hits"`
	After string `json:"after"` // asks for those that follow; "" when there are none
}

// Hit is one of them.
type Hit struct {
	Recording string `json:"recording"`
	Session   int    `json:"session"`
	Seq       int    `json:"seq"`
	Time      string `json:"time"`
	From      string `json:"from"`
	Kind      string `json:"kind"`
	Line      string `json:"line"` // masked
	Mark      string `json:"mark"` // note or tag, where that is what was found
}

// Export says what is exported and how.
type Export struct {
	Name    string
	Session int // 0 for all
	Format  string
	Lang    string
	NoKeys  bool // pcapng: without the secrets of its TLS
}

// ExportFormats are the forms a recording can be exported in, with their media types.
var ExportFormats = map[string]string{
	"pcapng": "application/vnd.tcpdump.pcap", "html": "text/html; charset=utf-8", "markdown": "text/markdown; charset=utf-8",
	"jsonl": "application/jsonl", "text": "text/plain; charset=utf-8", "eml": "application/zip", "bundle": "application/zip",
}

// libraryRoutes are those of the library.
func (s *Server) libraryRoutes(handle func(path string, do answerer, methods ...string)) {
	reads := []string{http.MethodGet, http.MethodHead}
	handle("library", s.own(s.getLibrary), reads...)
	handle("library/search", s.own(s.searchLibrary), reads...)
	handle("library/import", s.postImport, http.MethodPost)
	handle("library/recordings/{name}", s.libraryEntry, http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete)
	handle("library/recordings/{name}/export", s.own(s.export), http.MethodGet)
}

// own answers presenters only, and only where there is a library.
func (s *Server) own(do func(http.ResponseWriter, *http.Request)) answerer {
	return func(w http.ResponseWriter, r *http.Request, role Role) {
		switch {
		case role != Presenter:
			refuse(w, r, refuseRole)
		case s.o.Library == nil:
			refuse(w, r, refuseNoLibrary)
		default:
			do(w, r)
		}
	}
}

// failed answers what the library could not do.
func (s *Server) failed(w http.ResponseWriter, r *http.Request, err error) {
	var told *Told
	switch {
	case errors.As(err, &told):
		refuse(w, r, refusal{http.StatusUnprocessableEntity, told.Code, told.FR, told.EN})
	case errors.Is(err, ErrNoRecording):
		refuse(w, r, refuseNoRecording)
	default:
		s.log.Warn("the library", "err", err)
		refuse(w, r, refuseLibrary)
	}
}

func (s *Server) getLibrary(w http.ResponseWriter, r *http.Request) {
	list, err := s.o.Library.List(r.Context())
	if err != nil {
		s.failed(w, r, err)
		return
	}
	answer(w, list)
}

func (s *Server) searchLibrary(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := number(q, "limit", maxHits, 1)
	if err != nil {
		refuse(w, r, refuseQuery, err.Error())
		return
	}
	hits, err := s.o.Library.Search(r.Context(), q.Get("q"), q.Get("after"), min(limit, maxHits))
	if err != nil {
		s.failed(w, r, err)
		return
	}
	answer(w, hits)
}

// libraryChange is an order about a recording: one member of them.
type libraryChange struct {
	Tag    string       `json:"tag"`
	Untag  string       `json:"untag"`
	Mark   *LibraryMark `json:"mark"`
	Unmark int64        `json:"unmark"`
}

// libraryEntry opens one recording up, changes its tags and notes, or deletes it.
func (s *Server) libraryEntry(w http.ResponseWriter, r *http.Request, role Role) {
	name := r.PathValue("name")
	switch r.Method {
	case http.MethodPost:
		var c libraryChange
		if s.order(w, r, role, &c) {
			s.own(func(w http.ResponseWriter, r *http.Request) { s.changeRecording(w, r, name, &c) })(w, r, role)
		}
		return
	case http.MethodDelete:
		if s.mayChange(w, r, role) {
			s.own(func(w http.ResponseWriter, r *http.Request) { s.done(w, r, s.o.Library.Remove(r.Context(), name)) })(w, r, role)
		}
		return
	}
	s.own(func(w http.ResponseWriter, r *http.Request) {
		contents, err := s.o.Library.Contents(r.Context(), name)
		if err != nil {
			s.failed(w, r, err)
			return
		}
		answer(w, contents)
	})(w, r, role)
}

func (s *Server) changeRecording(w http.ResponseWriter, r *http.Request, name string, c *libraryChange) {
	ctx, l := r.Context(), s.o.Library
	switch {
	case len(c.Tag) > maxLabel || len(c.Untag) > maxLabel || c.Mark != nil && (len(c.Mark.Text) > maxNote || c.Mark.Text == "" || c.Mark.Session < 1 || c.Mark.Seq < 0):
		refuse(w, r, refuseBody, fmt.Sprintf("tag: at most %d octets; mark: session, seq and a text of at most %d", maxLabel, maxNote))
	case c.Tag != "":
		s.done(w, r, l.Tag(ctx, name, c.Tag, true))
	case c.Untag != "":
		s.done(w, r, l.Tag(ctx, name, c.Untag, false))
	case c.Mark != nil:
		s.done(w, r, l.Mark(ctx, name, *c.Mark))
	case c.Unmark > 0:
		s.done(w, r, l.Unmark(ctx, name, c.Unmark))
	default:
		refuse(w, r, refuseBody, "one of tag, untag, mark and unmark")
	}
}

// done answers a change.
func (s *Server) done(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		s.failed(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// postImport puts an upload into the library.
func (s *Server) postImport(w http.ResponseWriter, r *http.Request, role Role) {
	var o struct {
		Upload string `json:"upload"`
		Keylog string `json:"keylog"`
		Force  bool   `json:"force"`
	}
	if !s.order(w, r, role, &o) {
		return
	}
	s.own(func(w http.ResponseWriter, r *http.Request) {
		from, err := s.uploaded(Opening{Upload: o.Upload, Keylog: o.Keylog}, Source{})
		if err != nil {
			s.failed(w, r, err)
			return
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(workTime))
		names, err := s.o.Library.Import(r.Context(), from, o.Force)
		if err != nil {
			s.failed(w, r, err)
			return
		}
		answer(w, map[string]any{"names": slices.Clone(names)})
	})(w, r, role)
}

// export hands out a recording as a download.
func (s *Server) export(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	session, err := number(q, "session", 0, 0)
	o := Export{Name: r.PathValue("name"), Session: session, Format: q.Get("format"), Lang: q.Get("lang"), NoKeys: q.Get("keys") == "no"}
	kind := ExportFormats[o.Format]
	if err != nil || kind == "" || o.Lang != "fr" && o.Lang != "en" {
		refuse(w, r, refuseQuery, "format, lang, session")
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(workTime))
	begun := false
	err = s.o.Library.Export(r.Context(), o, func(file string) io.Writer {
		begun = true
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file}))
		return w
	})
	switch {
	case err != nil && !begun:
		s.failed(w, r, err)
	case err != nil:
		s.log.Warn("an export was cut short", "err", err)
		panic(http.ErrAbortHandler) // so that the browser does not take the half for the whole
	}
}
