package web

import (
	"context"
	"errors"
	"net/http"

	"facteur/decode"
	"facteur/internal/bilingual"
	"facteur/replay"
)

// Archive is where recordings come from; internal/cli has one. Its methods may be called from several goroutines.
type Archive interface {
	// Find says what a source is, before it is read. The error of one that is not there wraps ErrNoRecording.
	Find(ctx context.Context, from Source) (Found, error)
	// Read reads a source onto a reel, until it ends or ctx is done. Its error is shown on the page, in both languages where
	// it has both: it names no folder.
	Read(ctx context.Context, from Source, to *Reel) error
	// Samples gives the recordings that come with facteur, as JSON (see README.md).
	Samples() any
}

// ErrNoRecording is wrapped by the error of a recording that is not there.
var ErrNoRecording = errors.New("no such recording")

// Source says which recording: the first of Sample, Library and Path that is set.
type Source struct {
	Sample  string // ID of a sample
	Library string // name of a file in the library
	Path    string // file of this machine: an upload, or what facteur replay plays
	Name    string // what Path is called
	Keylog  string // file with the secrets of its TLS, "" for none
	Session int    // only this session of it, 0 for all
}

// Found is what there is to know of a source beforehand.
type Found struct {
	Title Text
	Size  int64 // octets of the file
}

// Reel takes what is read of a recording: to the page, and to the player that moves over it.
type Reel struct {
	hub    *Hub
	player *replay.Player // nil for none
}

// Publish shows events. Those beyond what is kept of a recording only count.
func (r *Reel) Publish(session int, events []decode.Event) {
	given := r.hub.Publish(session, events)
	if r.player != nil {
		r.player.Add(session, events[:given])
	}
}

// Octets keeps octets for the page.
func (r *Reel) Octets(session int, leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
	r.hub.Octets(session, leg, from, layer, at, data)
}

// Progress says how many octets of the file were read so far.
func (r *Reel) Progress(read int64) {
	r.hub.changeTape(func(t *TapeState) { t.Read = read })
}

// Loaded says that all is read that will be, and what was wrong with the rest.
func (r *Reel) Loaded(fault error) {
	r.hub.changeTape(func(t *TapeState) {
		if t.Loading = false; fault != nil {
			t.Fault = &Text{FR: bilingual.In("fr", fault), EN: fault.Error()}
		} else {
			t.Read = t.Size
		}
	})
}

// getSamples lists the recordings that come with facteur.
func (s *Server) getSamples(w http.ResponseWriter, r *http.Request, role Role) {
	switch {
	case role != Presenter:
		refuse(w, r, refuseRole)
	case s.o.Archive == nil:
		refuse(w, r, refuseNoRecording)
	default:
		answer(w, s.o.Archive.Samples())
	}
}
