package web

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	// maxUpload is the largest file taken: a day of a small server's mail traffic. It goes to disk as it comes.
	maxUpload = 4 << 30

	// maxUploads is how many files wait to be opened or imported; the oldest goes for another.
	maxUploads = 8

	// uploadTime is how long an upload may pause.
	uploadTime = 30 * time.Second

	// maxName bounds a file's name, as file systems do.
	maxName = 255
)

// uploads are files that the page handed over, in a folder of this process that nobody else can read.
type uploads struct {
	mu    sync.Mutex
	dir   string
	files []upload // in the order of coming
}

// upload is one of them.
type upload struct {
	ID   string `json:"upload"`
	Name string `json:"name"` // as the page said; never part of a path
	Size int64  `json:"size"`
	path string
}

func newUploads() *uploads { return &uploads{} }

// folder makes the folder when the first file comes.
func (u *uploads) folder() (string, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.dir == "" {
		dir, err := os.MkdirTemp("", "facteur-uploads-*") // 0700
		if err != nil {
			return "", err
		}
		u.dir = dir
	}
	return u.dir, nil
}

// take writes a file as it comes.
func (u *uploads) take(name string, from io.Reader) (upload, error) {
	dir, err := u.folder()
	if err != nil {
		return upload{}, err
	}
	one := upload{ID: strings.ToLower(rand.Text()), Name: name}
	one.path = filepath.Join(dir, one.ID)
	f, err := os.OpenFile(one.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return upload{}, err
	}
	one.Size, err = io.Copy(f, from)
	if err = errors.Join(err, f.Close()); err != nil {
		return upload{}, errors.Join(err, os.Remove(one.path))
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.files = append(u.files, one)
	if len(u.files) > maxUploads {
		_ = os.Remove(u.files[0].path) // who reads it goes on reading
		u.files = slices.Delete(u.files, 0, 1)
	}
	return one, nil
}

// find gives a file by its ID.
func (u *uploads) find(id string) (upload, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	i := slices.IndexFunc(u.files, func(one upload) bool { return one.ID == id })
	if i < 0 {
		return upload{}, false
	}
	return u.files[i], true
}

// remove deletes them all.
func (u *uploads) remove() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.dir == "" {
		return nil
	}
	u.files = nil
	return os.RemoveAll(u.dir)
}

// uploaded fills in the files that an Opening names.
func (s *Server) uploaded(o Opening, from Source) (Source, error) {
	file, ok := s.uploads.find(o.Upload)
	if !ok {
		return from, ErrNoRecording
	}
	from.Path, from.Name = file.path, file.Name
	if o.Keylog != "" {
		keys, ok := s.uploads.find(o.Keylog)
		if !ok {
			return from, ErrNoRecording
		}
		from.Keylog = keys.path
	}
	return from, nil
}

// mayChange refuses whoever is no presenter, and what a form or a simple request of another page could send.
func (s *Server) mayChange(w http.ResponseWriter, r *http.Request, role Role) bool {
	switch {
	case role != Presenter:
		refuse(w, r, refuseRole)
		return false
	case r.Header.Get("Facteur") != "1":
		refuse(w, r, refuseHeader)
		return false
	}
	return true
}

// fileName checks the name that a page gives a file. It is shown, never opened; but it is somebody's text.
func fileName(r *http.Request) (string, error) {
	name := r.URL.Query().Get("name")
	if name == "" || len(name) > maxName || strings.ContainsAny(name, `/\`) || strings.ContainsFunc(name, unicode.IsControl) {
		return "", fmt.Errorf("name: the file's name, without a folder, at most %d octets", maxName)
	}
	return name, nil
}

// putUpload takes a file.
func (s *Server) putUpload(w http.ResponseWriter, r *http.Request, role Role) {
	if !s.mayChange(w, r, role) {
		return
	}
	name, err := fileName(r)
	if err != nil {
		refuse(w, r, refuseQuery, err.Error())
		return
	}
	if r.ContentLength > s.uploadMax() {
		refuse(w, r, refuseFileSize)
		return
	}
	body := &patient{http.MaxBytesReader(w, r.Body, s.uploadMax()), http.NewResponseController(w)}
	one, err := s.uploads.take(name, body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refuse(w, r, refuseFileSize)
	case err != nil:
		s.log.Warn("a file handed to the page could not be kept", "err", err)
		refuse(w, r, refuseUpload)
	default:
		answer(w, one)
	}
}

// uploadMax is maxUpload, except in tests.
func (s *Server) uploadMax() int64 {
	if s.o.maxUpload > 0 {
		return s.o.maxUpload
	}
	return maxUpload
}

// patient reads a body of any length, as long as it keeps coming.
type patient struct {
	r io.Reader
	c *http.ResponseController
}

func (p *patient) Read(b []byte) (int, error) {
	_ = p.c.SetReadDeadline(time.Now().Add(uploadTime)) // not possible in some tests
	_ = p.c.SetWriteDeadline(time.Now().Add(answerTime))
	return p.r.Read(b)
}
