package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/adrg/xdg"

	"facteur/captures"
	"facteur/decode"
	"facteur/internal/bilingual"
)

// defaultRecordings is where recordings go unless --record says otherwise.
func defaultRecordings() string { return filepath.Join(xdg.DataHome, "facteur", "recordings") }

// defaultAuthority is where the local authority lives unless --ca-dir says otherwise.
func defaultAuthority() string { return filepath.Join(xdg.ConfigHome, "facteur", "ca") }

const (
	// retryEvery is how often a recording that stopped tries to go on: a person who makes room waits no longer.
	retryEvery = 3 * time.Second
	// roomWanted must be there before it does, so that it does not stop again at once.
	roomWanted = 4 << 20
	// maxNames that are tried for a recording: so many begin within one second nowhere.
	maxNames = 1000
)

// errStopped is in the error of everything that is not recorded because the recording stopped.
var errStopped = bilingual.New("the recording has stopped", "l’enregistrement s’est arrêté")

// recording is the recordings of one run: one file, begun with its first session so that a run without any leaves no empty
// file, and another where rotation, a lesson or a full disk wants one. A session is in one file from its beginning to its
// end, so that each file plays by itself; what was said while the disk was full is missing there, and is said to be.
type recording struct {
	dir    string
	rotate rotation
	opened func(path string)
	ended  func(path string, r captures.Repaired, err error) // a file that could not be written further
	create func(path string, o captures.WriterOptions) (*captures.Writer, error)
	room   func(dir string) error
	now    func() time.Time

	mu      sync.Mutex
	name    string // of the files, behind their date
	title   string
	tape    *tape // where new sessions go; nil before the first, and while nothing can be written
	before  *tape // where those go that began before since, the last change of lesson; nil for nowhere
	since   time.Time
	held    map[int]*tape  // by session
	placed  map[int]string // the file of every session that was recorded
	stopped error          // why nothing is recorded now
	tried   time.Time      // when it was last tried to go on
}

// tape is one file.
type tape struct {
	w        *captures.Writer
	path     string
	began    time.Time
	sessions int // under way
	broken   bool
	repaired captures.Repaired // what was done about that
	tried    time.Time         // when it was last tried to go on
	secrets  map[int][][]byte  // of the sessions under way: the file may lack them
}

// newRecording checks that recordings can be written to dir. name is a word for the file names, title is for people.
func newRecording(dir, name, title string, opened func(string)) (*recording, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, bilingual.Errorf("recordings folder: %w; choose another folder with --record DIR, or --record off", "dossier des enregistrements\u202f: %w\u202f; choisissez un autre dossier avec --record DOSSIER, ou --record off", err)
	}
	probe, err := os.CreateTemp(dir, ".facteur-*")
	if err != nil {
		return nil, bilingual.Errorf("recordings folder %s cannot be written: %w; choose another folder with --record DIR, or --record off", "le dossier des enregistrements %s n’admet pas d’écriture\u202f: %w\u202f; choisissez un autre dossier avec --record DOSSIER, ou --record off", dir, err)
	}
	probe.Close()
	os.Remove(probe.Name())
	r := &recording{dir: dir, opened: opened, create: captures.Create, room: roomIn, now: time.Now, held: map[int]*tape{}, placed: map[int]string{}}
	r.rename(name, title)
	return r, nil
}

func (r *recording) rename(name, title string) {
	if title == "" {
		title = name
	} else {
		name = fileWord(title)
	}
	r.name, r.title = name, title
}

// maxFileWord octets of a title are enough to know the file by.
const maxFileWord = 60

// fileWord makes a title fit for a file name: letters and digits, and dashes for the rest.
func fileWord(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	name := ""
	for _, w := range words {
		if len(name)+len(w) >= maxFileWord {
			break
		}
		name = strings.TrimPrefix(name+"-"+w, "-")
	}
	if name == "" {
		return "recording"
	}
	return name
}

// lesson begins another recording, with the sessions that begin from now on: one per lesson. Sessions that began before, and
// that the recorder has yet to hear of, still go where they belong.
func (r *recording) lesson(name, title string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.retire()
	r.rename(name, title)
	r.before, r.since, r.tape = r.tape, r.now(), nil
}

// fileOf gives the name of the file that a session was recorded into, "" for none.
func (r *recording) fileOf(session int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.placed[session]
}

// retire closes the file of the lesson before. The caller holds mu.
func (r *recording) retire() {
	if t := r.before; t != nil {
		r.before = nil
		if t.sessions == 0 && !t.broken {
			r.failed(t, t.w.End())
		}
	}
}

// leave lets the next session begin another file. The caller holds mu.
func (r *recording) leave() {
	if t := r.tape; t != nil {
		r.tape = nil
		if t.sessions == 0 {
			r.failed(t, t.w.End())
		}
	}
}

// begin gives the file for a new session. The caller holds mu.
func (r *recording) begin() (*tape, error) {
	now := r.now()
	if r.stopped != nil {
		if now.Sub(r.tried) < retryEvery {
			return nil, r.stopped
		}
		r.tried = now
		if err := r.room(r.dir); err != nil {
			return nil, r.stopped
		}
	}
	if t := r.tape; t != nil {
		size := int64(0)
		if st, err := os.Stat(t.path); err == nil {
			size = st.Size()
		}
		if r.rotate.due(size, now.Sub(t.began)) {
			r.leave()
		}
	}
	if r.tape == nil {
		t, err := r.file(now)
		if err != nil {
			return nil, err
		}
		r.tape, r.stopped = t, nil
	}
	return r.tape, nil
}

// file makes the next file.
func (r *recording) file(now time.Time) (*tape, error) {
	base := now.Format("2006-01-02_15-04-05") + "_" + r.name
	for try := 1; ; try++ {
		path := filepath.Join(r.dir, base+".pcapng")
		if try > 1 {
			path = filepath.Join(r.dir, fmt.Sprintf("%s_%d.pcapng", base, try))
		}
		w, err := r.create(path, captures.WriterOptions{Application: "facteur " + version(), Title: r.title})
		if os.IsExist(err) && try < maxNames {
			continue
		}
		if err != nil {
			return nil, r.stop(err)
		}
		if r.opened != nil {
			r.opened(path)
		}
		return &tape{w: w, path: path, began: now, secrets: map[int][][]byte{}}, nil
	}
}

// stop notes that nothing can be recorded for now. The caller holds mu.
func (r *recording) stop(err error) error {
	r.stopped, r.tried = fmt.Errorf("%w: %w", errStopped, err), r.now()
	return r.stopped
}

// failed ends a file that cannot be written further: what is in it is made to open. The caller holds mu.
func (r *recording) failed(t *tape, err error) error {
	if err == nil || t.broken {
		return err
	}
	t.broken = true
	if r.tape == t {
		r.tape = nil
	}
	_ = t.w.End() // closes the file; why it fails is known
	repaired, e := captures.Repair(t.path)
	t.repaired, t.tried = repaired, r.now()
	if r.ended != nil {
		r.ended(t.path, repaired, e)
	}
	return r.stop(err)
}

// Open begins a leg; a new session goes where recordings go now.
func (r *recording) Open(i captures.Info, m captures.Meta) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.held[i.Session]
	if t == nil {
		if i.Leg != decode.ClientLeg { // its beginning was not kept
			return r.stopped
		}
		if t = r.before; t == nil || t.broken || !i.Time.Before(r.since) {
			var err error
			if t, err = r.begin(); err != nil {
				return err
			}
		}
		r.held[i.Session] = t
		r.placed[i.Session] = filepath.Base(t.path)
		t.sessions++
	}
	m.Title = r.title
	return r.to(i.Session, func(w *captures.Writer) error { return w.Open(i, m) })
}

// to writes to a session's file. While the recording is stopped that is the error, whatever still works. Of a session that
// has none, because nothing was recorded when it began, nothing is kept.
func (r *recording) to(session int, write func(*captures.Writer) error) error {
	t := r.held[session]
	if t == nil {
		return r.stopped
	}
	if t.broken && !r.resume(t) {
		_ = write(t.w) // counts what is lost
		return r.stopped
	}
	return cmp.Or(r.failed(t, write(t.w)), r.stopped)
}

// resume goes on with a file once there is room again, for the sessions that are under way in it. The caller holds mu.
func (r *recording) resume(t *tape) bool {
	if now := r.now(); now.Sub(t.tried) < retryEvery {
		return false
	} else {
		t.tried = now
	}
	if r.room(r.dir) != nil || t.w.Resume(t.path, t.repaired, func(session int) [][]byte { return t.secrets[session] }) != nil {
		return false
	}
	t.broken, r.stopped = false, nil
	if r.opened != nil {
		r.opened(t.path)
	}
	return true
}

// Secrets keeps key log lines.
func (r *recording) Secrets(session int, leg decode.Leg, keylog []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.held[session]; t != nil {
		t.secrets[session] = append(t.secrets[session], slices.Clone(keylog))
	}
	return r.to(session, func(w *captures.Writer) error { return w.Secrets(session, leg, keylog) })
}

// Chunk keeps a chunk.
func (r *recording) Chunk(session int, c decode.Chunk, comment string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.to(session, func(w *captures.Writer) error { return w.Chunk(session, c, comment) })
}

// Close ends a session, and the file that was only kept open for it.
func (r *recording) Close(session int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.held[session]
	if t == nil {
		return r.stopped
	}
	delete(r.held, session)
	delete(t.secrets, session)
	t.sessions--
	if t.broken {
		_ = t.w.Close(session) // nothing of it is to come
		return r.stopped
	}
	err := r.failed(t, t.w.Close(session))
	if err == nil && t != r.tape && t != r.before && t.sessions == 0 {
		err = r.failed(t, t.w.End())
	}
	return cmp.Or(err, r.stopped)
}

// Flush writes what is collected.
func (r *recording) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.held {
		if t.broken {
			r.resume(t)
		}
	}
	for _, t := range r.files() {
		if err := r.failed(t, t.w.Flush()); err != nil {
			return err
		}
	}
	return r.stopped
}

// files are those that are open now.
func (r *recording) files() []*tape {
	var all []*tape
	seen := map[*tape]bool{nil: true}
	add := func(t *tape) {
		if !seen[t] && !t.broken {
			all = append(all, t)
		}
		seen[t] = true
	}
	add(r.tape)
	add(r.before)
	for _, t := range r.held {
		add(t)
	}
	return all
}

// end closes the files.
func (r *recording) end() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, t := range r.files() {
		errs = append(errs, t.w.End())
	}
	return errors.Join(errs...)
}

// roomIn reports whether a folder's disk has room again, by taking some.
func roomIn(dir string) error {
	probe, err := os.CreateTemp(dir, ".facteur-*")
	if err != nil {
		return err
	}
	_, err = probe.Write(make([]byte, roomWanted))
	return errors.Join(err, probe.Close(), os.Remove(probe.Name()))
}
