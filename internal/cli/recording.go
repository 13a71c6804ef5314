package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/adrg/xdg"

	"facteur/captures"
	"facteur/decode"
)

// defaultRecordings is where recordings go unless --record says otherwise.
func defaultRecordings() string { return filepath.Join(xdg.DataHome, "facteur", "recordings") }

// defaultAuthority is where the local authority lives unless --ca-dir says otherwise.
func defaultAuthority() string { return filepath.Join(xdg.ConfigHome, "facteur", "ca") }

// recording is one file for one run, begun with its first session so that a run without any leaves no empty file.
type recording struct {
	dir, title string
	opened     func(path string)

	mu   sync.Mutex
	w    *captures.Writer
	path string
}

// newRecording checks that recordings can be written to dir.
func newRecording(dir, title string, opened func(string)) (*recording, error) {
	advice := "choose another folder with --record DIR, or --record off"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("recordings folder: %w; %s", err, advice)
	}
	probe, err := os.CreateTemp(dir, ".facteur-*")
	if err != nil {
		return nil, fmt.Errorf("recordings folder %s cannot be written: %w; %s", dir, err, advice)
	}
	probe.Close()
	os.Remove(probe.Name())
	return &recording{dir: dir, title: title, opened: opened}, nil
}

// writer gives the file, made now if this is the first session.
func (r *recording) writer() (*captures.Writer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.w != nil {
		return r.w, nil
	}
	base := time.Now().Format("2006-01-02_15-04-05") + "_" + r.title
	for try := 1; ; try++ {
		path := filepath.Join(r.dir, base+".pcapng")
		if try > 1 {
			path = filepath.Join(r.dir, fmt.Sprintf("%s_%d.pcapng", base, try))
		}
		w, err := captures.Create(path, captures.WriterOptions{Application: "facteur " + version(), Title: r.title})
		if os.IsExist(err) && try < 1000 {
			continue
		}
		if err != nil {
			return nil, err
		}
		r.w, r.path = w, path
		if r.opened != nil {
			r.opened(path)
		}
		return w, nil
	}
}

func (r *recording) Open(i captures.Info, m captures.Meta) error {
	w, err := r.writer()
	if err != nil {
		return err
	}
	return w.Open(i, m)
}

func (r *recording) Secrets(session int, leg decode.Leg, keylog []byte) error {
	w, err := r.writer()
	if err != nil {
		return err
	}
	return w.Secrets(session, leg, keylog)
}

func (r *recording) Chunk(session int, c decode.Chunk, comment string) error {
	w, err := r.writer()
	if err != nil {
		return err
	}
	return w.Chunk(session, c, comment)
}

func (r *recording) Close(session int) error {
	if r.w == nil {
		return nil
	}
	return r.w.Close(session)
}

func (r *recording) Flush() error {
	if r.w == nil {
		return nil
	}
	return r.w.Flush()
}

// end closes the file.
func (r *recording) end() error {
	if r == nil || r.w == nil {
		return nil
	}
	return r.w.End()
}
