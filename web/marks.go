package web

import (
	"net/http"
	"path/filepath"
	"slices"
)

// Marks are what the presenter notes at events while looking at them. They belong to the recording that holds the event,
// so that they are in its library, its exports, and on the page when it is opened again. What is in no recording (a sample,
// an upload, a session that is not recorded) has its marks in the browser alone.

// markOrder sets the mark at an event, or takes it away.
type markOrder struct {
	Session int    `json:"session"`
	Seq     int    `json:"seq"`
	Text    string `json:"text"`
	On      bool   `json:"on"`
}

// markList is what is marked. Kept is false where nothing can be.
type markList struct {
	Kept  bool          `json:"kept"`
	Marks []LibraryMark `json:"marks"`
}

// recordingOf gives Options.RecordingOf for what is read from a source, nil if it is not from the library.
func (s *Server) recordingOf(from Source) func(session int) string {
	switch {
	case from.Library != "":
		return func(int) string { return from.Library }
	case from.Path != "" && from.Path == s.o.Played.Path:
		return s.o.RecordingOf
	}
	return nil
}

// recordingsShown are the files that hold the sessions on the page.
func (s *Server) recordingsShown() (names []string) {
	if s.o.Library == nil || s.o.RecordingOf == nil {
		return nil
	}
	for _, one := range s.hub.Sessions() {
		if name := s.o.RecordingOf(one.ID); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (s *Server) serveMarks(w http.ResponseWriter, r *http.Request, role Role) {
	if role != Presenter {
		refuse(w, r, refuseRole)
		return
	}
	if r.Method == http.MethodPost {
		var o markOrder
		if s.order(w, r, role, &o) {
			s.postMark(w, r, &o)
		}
		return
	}
	out := markList{Marks: []LibraryMark{}}
	for _, name := range s.recordingsShown() {
		list, err := s.o.Library.Marks(r.Context(), name)
		if err != nil {
			s.failed(w, r, err)
			return
		}
		out.Kept = true
		out.Marks = append(out.Marks, slices.DeleteFunc(list, func(m LibraryMark) bool { return s.o.RecordingOf(m.Session) != name })...)
	}
	answer(w, out)
}

func (s *Server) postMark(w http.ResponseWriter, r *http.Request, o *markOrder) {
	if o.Session < 1 || o.Seq < 1 || len(o.Text) > maxNote {
		refuse(w, r, refuseBody)
		return
	}
	name := ""
	if s.o.Library != nil && s.o.RecordingOf != nil {
		name = s.o.RecordingOf(o.Session)
	}
	if name == "" {
		answer(w, markList{Marks: []LibraryMark{}})
		return
	}
	err := s.o.Library.SetMark(r.Context(), filepath.Base(name), LibraryMark{Session: o.Session, Seq: o.Seq, Text: o.Text}, o.On)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	answer(w, markList{Kept: true, Marks: []LibraryMark{}})
}
