package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"facteur/captures"
	"facteur/captures/export"
	"facteur/captures/library"
	"facteur/decode"
)

// bundleExt is what bundles' names end with.
const bundleExt = ".facteur"

// lessonAuthor signs the note of a recording that is a bundle's lesson: what to do with it, for people.
const lessonAuthor = "lesson"

// source is what is exported.
type source struct {
	path     string
	title    string
	sessions map[int]bool
	marks    []export.Mark
	tags     []string
	secrets  string // what the recording says of them
}

// sourceOf is a recording of the library with what people added to it.
func sourceOf(ctx context.Context, l *library.Library, r library.Recording) (*source, error) {
	src := &source{path: l.Path(r.Name), title: r.Name, tags: r.Tags, secrets: r.Secrets}
	if r.Title != "" {
		src.title = r.Title
	}
	marks, err := l.Marks(ctx, r.Name)
	for _, m := range marks {
		src.marks = append(src.marks, export.Mark{Session: m.Session, Seq: m.Seq, Text: m.Text, Author: m.Author, Made: m.Made})
	}
	return src, err
}

// base is the file's name without what pcapng files and others end with.
func (s *source) base() string {
	name := strings.TrimSuffix(filepath.Base(s.path), ".gz")
	return strings.TrimSuffix(name, filepath.Ext(name))
}

// bundle writes a bundle of one recording. masked is its masked copy: no bundle ever carries a password. The lesson is the
// one given, or the note that came as one.
func (s *source) bundle(w io.Writer, o export.Options, masked, lesson string) error {
	marks, err := s.marksOfCopy()
	if err != nil {
		return err
	}
	r := export.BundledRecording{Name: s.base() + ".pcapng", Tags: s.tags}
	for _, m := range marks {
		switch {
		case m.Author != lessonAuthor:
			r.Marks = append(r.Marks, m)
		case lesson == "":
			lesson = m.Text
		}
	}
	treatment := "masked"
	err = captures.Walk(masked, captures.WalkOptions{Open: func(i captures.Info) {
		if i.Own != nil && i.Own.Secrets == "anonymized" {
			treatment = i.Own.Secrets
		}
	}})
	if err != nil {
		return err
	}
	if o.Treated != nil {
		o.Treated(o.Treatment(treatment))
	}
	return export.Bundle(w, export.Manifest{Version: o.Version, Treatment: treatment, Title: o.Title, Lesson: lesson, Recordings: []export.BundledRecording{r}}, []string{masked})
}

// marksOfCopy gives the marks as they stand in a copy that facteur writes. In one of a foreign capture TCP has no oddities,
// and so the events behind those have lower numbers.
func (s *source) marksOfCopy() ([]export.Mark, error) {
	type place struct{ session, seq int }
	before := map[place]int{}
	for _, m := range s.marks {
		before[place{m.Session, m.Seq}] = 0
	}
	if len(before) == 0 || s.secrets != "" {
		return s.marks, nil
	}
	oddities := map[int]int{}
	err := captures.Walk(s.path, captures.WalkOptions{TCPEvents: true, Event: func(session int, e *decode.Event, _ []byte) {
		if strings.HasPrefix(e.Kind, "tcp.") {
			oddities[session]++
		}
		if _, is := before[place{session, e.Seq}]; is {
			before[place{session, e.Seq}] = oddities[session]
		}
	}})
	var marks []export.Mark
	for _, m := range s.marks {
		m.Seq -= before[place{m.Session, m.Seq}]
		marks = append(marks, m)
	}
	return marks, err
}

// unbundle takes a bundle's recordings into the library, with their marks, tags and lesson. put copies a file there under
// a name like the one given, and gives the name that it has.
func unbundle(ctx context.Context, l *library.Library, file string, put func(path, name string) (string, error)) error {
	tmp, err := os.MkdirTemp("", "facteur-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	var names []string
	m, err := export.Unbundle(file, func(r export.BundledRecording, content io.Reader) error {
		path := filepath.Join(tmp, "recording.pcapng")
		if err := writeFile(path, content); err != nil {
			return err
		}
		name, err := put(path, r.Name)
		if err != nil {
			return err
		}
		names = append(names, name)
		for _, m := range r.Marks {
			if _, err := l.AddMark(ctx, library.Mark{Recording: name, Session: m.Session, Seq: m.Seq, Text: m.Text, Author: m.Author, Made: m.Made}); err != nil {
				return err
			}
		}
		for _, t := range r.Tags {
			if err := l.Tag(ctx, name, t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || m.Lesson == "" {
		return err
	}
	for _, name := range names {
		if _, err := l.AddMark(ctx, library.Mark{Recording: name, Session: 1, Text: m.Lesson, Author: lessonAuthor, Made: m.Made}); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, content io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
