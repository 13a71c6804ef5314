package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"facteur/captures"
	"facteur/captures/library"
	"facteur/captures/samples"
	"facteur/decode"
	"facteur/decode/tlswire"
	"facteur/internal/bilingual"
	"facteur/internal/watch"
	"facteur/web"
)

// archive is the recordings that the page may open: the library, the samples, and files handed to the page.
type archive struct {
	a   *app
	dir string // the library's folder, "" for none

	mu  sync.Mutex
	lib *library.Library // opened when it is first asked for
	// syncing is closed when the index has caught up, nil while it rests; stop ends that.
	syncing chan struct{}
	stop    context.CancelFunc
}

func (a *app) newArchive(dir string) *archive {
	if dir == "off" {
		dir = ""
	}
	return &archive{a: a, dir: dir}
}

// library is what the page shows of the recordings' folder, nil without one.
func (r *archive) library() web.Library {
	if r.dir == "" {
		return nil
	}
	return r
}

// close closes the library's index.
func (r *archive) close() error {
	r.mu.Lock()
	lib, syncing, stop := r.lib, r.syncing, r.stop
	r.lib = nil
	r.mu.Unlock()
	if syncing != nil {
		stop()
		<-syncing
	}
	if lib == nil {
		return nil
	}
	return lib.Close()
}

// Find is web.Archive's.
func (r *archive) Find(ctx context.Context, from web.Source) (web.Found, error) {
	switch {
	case from.Sample != "":
		s, ok := samples.Find(from.Sample)
		if !ok {
			return web.Found{}, fmt.Errorf("sample %q: %w", from.Sample, web.ErrNoRecording)
		}
		return web.Found{Title: web.Text{FR: s.Title.FR, EN: s.Title.EN}, Size: s.Size}, nil
	case from.Library != "":
		path, err := r.path(from.Library)
		if err != nil {
			return web.Found{}, err
		}
		return find(path, from.Library)
	}
	return find(from.Path, from.Name)
}

func find(path, name string) (web.Found, error) {
	st, err := os.Stat(path)
	if err != nil {
		return web.Found{}, fmt.Errorf("%s: %w", name, web.ErrNoRecording)
	}
	return web.Found{Title: web.Text{FR: name, EN: name}, Size: st.Size()}, nil
}

// path gives a recording of the library; its name is the page's word.
func (r *archive) path(name string) (string, error) {
	if r.dir == "" || name != filepath.Base(name) || !library.IsRecording(name) {
		return "", fmt.Errorf("%q: %w", name, web.ErrNoRecording)
	}
	path := filepath.Join(r.dir, name)
	if st, err := os.Lstat(path); err != nil || !st.Mode().IsRegular() {
		return "", fmt.Errorf("%q: %w", name, web.ErrNoRecording)
	}
	return path, nil
}

// Read is web.Archive's.
func (r *archive) Read(ctx context.Context, from web.Source, to *web.Reel) error {
	keys := new(tlswire.KeyLog)
	if from.Keylog != "" {
		text, err := os.ReadFile(from.Keylog)
		if err != nil {
			return bilingual.New("the keys could not be read", "les clés n’ont pas pu être lues")
		}
		if keys.Add(text) == 0 {
			return bilingual.New("no line of TLS secrets (NSS key log) in the file of keys", "pas une ligne de clés TLS (NSS key log) dans le fichier de clés")
		}
	}
	sink := &picked{Sink: &watch.File{Keys: keys, Octets: true, Show: to}, only: from.Session}
	far := &gauge{ctx: ctx, told: to.Progress}
	if from.Sample != "" {
		octets, err := samples.Read(from.Sample)
		if err != nil {
			return err
		}
		return captures.Read(far.through(bytes.NewReader(octets)), from.Sample, sink)
	}
	path, name := from.Path, from.Name
	if from.Library != "" {
		var err error
		if path, err = r.path(from.Library); err != nil {
			return err
		}
		name = from.Library
	}
	err := captures.Reader{Sink: sink, TCPEvents: true, Through: far.through}.ReadFile(path)
	return nameless(err, path, name, sink.any)
}

// nameless says of a file what was wrong with it without saying where it lies.
func nameless(err error, path, name string, any bool) error {
	var format *captures.FormatError
	switch {
	case err == nil && !any:
		return bilingual.Errorf("%s: no TCP connection in this capture", "%s\u202f: aucune connexion TCP dans cette capture", name)
	case errors.As(err, &format):
		format.Name = name
		return format
	case err != nil:
		return renamed(err, path, name)
	}
	return nil
}

// renamed is an error about a file by another name than its path.
func renamed(err error, path, name string) error {
	return bilingual.New(strings.ReplaceAll(err.Error(), path, name), strings.ReplaceAll(bilingual.In("fr", err), path, name))
}

// picked lets one session of a recording through, or all.
type picked struct {
	captures.Sink
	only int
	any  bool
}

// Open is captures.Sink's; a session that was not opened is not followed either.
func (p *picked) Open(i captures.Info) {
	p.any = true
	if p.only == 0 || i.Session == p.only {
		p.Sink.Open(i)
	}
}

func (p *picked) Chunk(session int, c decode.Chunk) {
	if p.only == 0 || session == p.only {
		p.Sink.Chunk(session, c)
	}
}

func (p *picked) Close(session int, at time.Time) {
	if p.only == 0 || session == p.only {
		p.Sink.Close(session, at)
	}
}

// gauge tells how far a file is read, and ends the reading with its context.
type gauge struct {
	ctx  context.Context
	told func(read int64)

	from io.Reader
	read int64
	last time.Time
}

// toldEvery is how often progress is told: as often as a bar can be seen to move.
const toldEvery = 200 * time.Millisecond

// through begins anew with each time that the file is read.
func (p *gauge) through(file io.Reader) io.Reader {
	p.from, p.read = file, 0
	return p
}

func (p *gauge) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := p.from.Read(b)
	p.read += int64(n)
	if now := time.Now(); now.Sub(p.last) > toldEvery || err != nil {
		p.last = now
		p.told(p.read)
	}
	return n, err
}

// Samples is web.Archive's.
func (r *archive) Samples() any {
	return map[string]any{"samples": samples.All(), "themes": samples.Themes(), "pairs": samples.Pairs()}
}

var (
	_ web.Archive   = (*archive)(nil)
	_ captures.Sink = (*picked)(nil)
)
