package cli

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"facteur/captures"
	"facteur/captures/export"
	"facteur/captures/library"
	"facteur/internal/filter"
	"facteur/internal/notes"
	"facteur/web"
)

// syncWait is how long a list waits for the index to catch up; a recording that takes longer to read comes in a later list.
const syncWait = 300 * time.Millisecond

// open gives the library, opened when it is first asked for.
func (r *archive) open(ctx context.Context) (*library.Library, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lib == nil {
		l, err := library.Open(context.WithoutCancel(ctx), r.dir)
		if err != nil {
			return nil, err
		}
		r.lib = l
	}
	return r.lib, nil
}

// sync brings the index up to the files, beside whoever asks; still says that it is not done yet.
func (r *archive) sync(l *library.Library) (still bool) {
	r.mu.Lock()
	if r.syncing == nil {
		done := make(chan struct{})
		ctx, stop := context.WithCancel(context.Background())
		r.syncing, r.stop = done, stop
		go func() {
			defer stop()
			if _, err := l.Sync(ctx); err != nil && ctx.Err() == nil {
				r.a.logs.Warn("the library", "err", err)
			}
			r.mu.Lock()
			r.syncing = nil
			r.mu.Unlock()
			close(done)
		}()
	}
	done := r.syncing
	r.mu.Unlock()
	select {
	case <-done:
		return false
	case <-time.After(syncWait):
		return true
	}
}

// List is web.Library's.
func (r *archive) List(ctx context.Context) (web.Listing, error) {
	l, err := r.open(ctx)
	if err != nil {
		return web.Listing{}, err
	}
	out := web.Listing{Dir: r.dir, Indexing: r.sync(l), Retention: int(library.Retention / (24 * time.Hour)), List: []web.LibraryRecording{}}
	all, err := l.Overviews(ctx)
	if err != nil {
		return out, err
	}
	now := time.Now()
	for i := range all {
		row := libraryRow(r.dir, &all[i])
		row.Old = library.Expires(all[i].Recording, library.Retention, now)
		if row.Old {
			out.Old++
		}
		out.List = append(out.List, row)
	}
	return out, nil
}

func libraryRow(dir string, o *library.Overview) web.LibraryRecording {
	began := o.Began
	if began.IsZero() {
		began = o.Modified
	}
	row := web.LibraryRecording{Name: o.Name, Title: o.Title, Began: instant(began), Sessions: o.Recording.Sessions, Events: o.Recording.Events, Size: o.Size, Secrets: o.Secrets,
		Fault: faultOf(dir, &o.Recording), Indexed: o.Indexed, Tags: some(o.Tags), Protocols: some(o.Protocols), TLS: some(o.TLS), Security: []string{},
		Client: o.Client, Server: o.Server, Lints: o.Lints, Errors: o.Errors, Marks: o.Marks}
	for i, is := range []bool{o.Clear, o.StartTLS, o.Implicit} {
		if is {
			row.Security = append(row.Security, []string{"clear", "starttls", "tls"}[i])
		}
	}
	return row
}

// faultOf is what is wrong with a file, without the folder where it lies; nil for nothing.
func faultOf(dir string, r *library.Recording) *web.Text {
	if r.Fault == "" {
		return nil
	}
	folder := dir + string(filepath.Separator)
	return &web.Text{FR: strings.ReplaceAll(r.FaultFR, folder, ""), EN: strings.ReplaceAll(r.Fault, folder, "")}
}

// instant is a time for the page, "" for none.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func some(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// found gives a recording that the page named.
func (r *archive) found(ctx context.Context, name string) (*library.Library, library.Recording, error) {
	l, err := r.open(ctx)
	if err != nil {
		return nil, library.Recording{}, err
	}
	if _, err := r.path(name); err != nil {
		return nil, library.Recording{}, err
	}
	rec, err := l.Find(ctx, name) // a number is no recording's name
	if errors.Is(err, library.ErrUnknown) {
		err = fmt.Errorf("%q: %w", name, web.ErrNoRecording)
	}
	return l, rec, err
}

// Contents is web.Library's.
func (r *archive) Contents(ctx context.Context, name string) (web.Contents, error) {
	out := web.Contents{Sessions: []web.LibrarySession{}, Marks: []web.LibraryMark{}}
	l, rec, err := r.found(ctx, name)
	if err != nil {
		return out, err
	}
	sessions, err := l.Sessions(ctx, rec.ID, maxListed)
	if err != nil {
		return out, err
	}
	for _, s := range sessions {
		out.Sessions = append(out.Sessions, web.LibrarySession{Number: s.Number, Protocol: s.Protocol, Client: s.Client, Server: s.Server, TLS: s.TLS, User: s.User,
			Began: s.Began.Format(time.RFC3339Nano), Ended: s.Ended.Format(time.RFC3339Nano), Events: s.Events, Lints: s.Lints, Errors: s.Faults})
	}
	out.Marks, err = marksOf(ctx, l, name)
	return out, err
}

// Search is web.Library's.
func (r *archive) Search(ctx context.Context, text, after string, limit int) (web.Hits, error) {
	out := web.Hits{List: []web.Hit{}}
	f, err := filter.Parse(text)
	var wrong *filter.Error
	if errors.As(err, &wrong) {
		return out, &web.Told{Code: "filter", FR: wrong.Say("fr"), EN: wrong.Say("en")}
	}
	if err != nil {
		return out, err
	}
	l, err := r.open(ctx)
	if err != nil {
		return out, err
	}
	hits, more, err := l.SearchFrom(ctx, f, limit, after)
	if err != nil {
		return out, err
	}
	for i := range hits {
		h := &hits[i]
		out.List = append(out.List, web.Hit{Recording: h.Name, Session: h.Session, Seq: h.Seq, Time: h.Time.UTC().Format(time.RFC3339Nano), From: h.From.String(), Kind: h.Kind, Line: h.Line, Mark: h.Mark})
	}
	if more {
		out.After = hits[len(hits)-1].Place()
	}
	return out, nil
}

// Tag is web.Library's.
func (r *archive) Tag(ctx context.Context, name, tag string, on bool) error {
	l, _, err := r.found(ctx, name)
	switch {
	case err != nil:
		return err
	case strings.ContainsFunc(tag, func(c rune) bool { return c <= ' ' || c == 0x7f }):
		return &web.Told{Code: "tag", FR: "Une étiquette est un seul mot.", EN: "A tag is one word."}
	case on:
		return l.Tag(ctx, name, tag)
	}
	return l.Untag(ctx, name, tag)
}

// Mark is web.Library's.
func (r *archive) Mark(ctx context.Context, name string, m web.LibraryMark) error {
	l, _, err := r.found(ctx, name)
	if err == nil {
		_, err = l.AddMark(ctx, library.Mark{Recording: name, Session: m.Session, Seq: m.Seq, Text: m.Text})
	}
	return err
}

// Marks is web.Library's.
func (r *archive) Marks(ctx context.Context, name string) ([]web.LibraryMark, error) {
	if _, err := r.path(name); err != nil {
		return nil, err
	}
	l, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	return marksOf(ctx, l, name)
}

func marksOf(ctx context.Context, l *library.Library, name string) ([]web.LibraryMark, error) {
	marks, err := l.Marks(ctx, name)
	list := []web.LibraryMark{}
	for _, m := range marks {
		list = append(list, web.LibraryMark{ID: m.ID, Session: m.Session, Seq: m.Seq, Text: m.Text, Made: instant(m.Made)})
	}
	return list, err
}

// SetMark is web.Library's.
func (r *archive) SetMark(ctx context.Context, name string, m web.LibraryMark, on bool) error {
	if _, err := r.path(name); err != nil {
		return err
	}
	l, err := r.open(ctx)
	switch {
	case err != nil:
		return err
	case !on:
		return l.ClearMarks(ctx, name, m.Session, m.Seq)
	}
	return l.SetMark(ctx, library.Mark{Recording: name, Session: m.Session, Seq: m.Seq, Text: m.Text})
}

// Unmark is web.Library's.
func (r *archive) Unmark(ctx context.Context, name string, id int64) error {
	l, _, err := r.found(ctx, name)
	if err != nil {
		return err
	}
	marks, err := l.Marks(ctx, name)
	for _, m := range marks {
		if m.ID == id {
			return l.RemoveMark(ctx, id)
		}
	}
	return errors.Join(err, fmt.Errorf("mark %d: %w", id, web.ErrNoRecording))
}

// Remove is web.Library's.
func (r *archive) Remove(ctx context.Context, name string) error {
	l, rec, err := r.found(ctx, name)
	if err == nil {
		err = l.Remove(ctx, rec)
	}
	return err
}

// Import is web.Library's.
func (r *archive) Import(ctx context.Context, from web.Source, force bool) ([]string, error) {
	l, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	o := captures.RewriteOptions{Force: force, Application: "facteur " + version()}
	if from.Keylog != "" {
		keys, err := loadKeys([]string{from.Keylog}, nil)
		if err != nil {
			return nil, &web.Told{Code: "keys", FR: "Le fichier de clés n’a aucune ligne de clés TLS (NSS key log).", EN: "The file of keys has no line of TLS secrets (NSS key log)."}
		}
		text, err := os.ReadFile(from.Keylog)
		if err != nil {
			return nil, err
		}
		o.Keys, o.KeyLog = keys, text
	}
	var names []string
	put := func(path, name string) (string, error) {
		name = l.FreeName(name)
		report, err := captures.Redact(path, l.Path(name), o)
		if err != nil {
			return "", r.refused(err, report, path, from.Name)
		}
		names = append(names, name)
		return name, nil
	}
	if strings.HasSuffix(strings.ToLower(from.Name), bundleExt) {
		if err = unbundle(ctx, l, from.Path, put); errors.Is(err, export.ErrBundle) {
			err = &web.Told{Code: "bundle", FR: "Ce fichier n’est pas un lot facteur entier.", EN: "This file is not a whole facteur bundle."}
		}
	} else {
		_, err = put(from.Path, from.Name)
	}
	r.sync(l)
	return names, err
}

// refused says in both languages why a file was not taken, without saying where it lay.
func (r *archive) refused(err error, report *captures.Report, path, name string) error {
	if errors.Is(err, captures.ErrUntreated) && report != nil {
		var fr, en []string
		for i := range report.Untreated {
			fr = append(fr, r.in("fr").untreated(&report.Untreated[i]))
			en = append(en, r.in("en").untreated(&report.Untreated[i]))
		}
		return &web.Told{Code: "untreated",
			FR: "Rien n’a été importé, car tout n’a pas pu être masqué\u202f: " + strings.Join(fr, "\u202f; "),
			EN: "Nothing was imported, because not everything could be masked: " + strings.Join(en, "; ")}
	}
	var format *captures.FormatError
	if errors.As(err, &format) {
		format.Name = name
		return &web.Told{Code: "unreadable", FR: "Ce fichier n’est pas une capture que facteur sait lire\u202f: " + format.Say("fr"), EN: "This file is not a capture that facteur can read: " + format.Say("en")}
	}
	return renamed(err, path, name)
}

// in is the program speaking another language.
func (r *archive) in(lang string) *app {
	a := *r.a
	a.lang = lang
	return &a
}

// Export is web.Library's.
func (r *archive) Export(ctx context.Context, o web.Export, begin func(file string) io.Writer) error {
	l, rec, err := r.found(ctx, o.Name)
	if err != nil {
		return err
	}
	src, err := sourceOf(ctx, l, rec)
	if err != nil {
		return err
	}
	base := src.base()
	if o.Session > 0 {
		src.sessions = map[int]bool{o.Session: true}
		base += "-" + strconv.Itoa(o.Session)
	}
	keys, err := loadKeys(nil, nil)
	if err != nil {
		return err
	}
	e := export.Options{Lang: notes.Lang(o.Lang), Title: src.title, Version: "facteur " + version(), Keys: keys, Sessions: src.sessions, Marks: src.marks, TCPEvents: true}
	for _, f := range []struct {
		format, ext string
		write       func(io.Writer, string, export.Options) error
	}{{"text", ".txt", export.Text}, {"markdown", ".md", export.Markdown}, {"jsonl", ".jsonl", export.JSONL}, {"html", ".html", export.HTML}} {
		if f.format == o.Format {
			return r.asFar(&rec, f.write(begin(base+f.ext), src.path, e))
		}
	}
	tmp, err := os.MkdirTemp("", "facteur-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if o.Format == "eml" {
		return exportMail(filepath.Join(tmp, "mail"), src.path, e, func() io.Writer { return begin(base + "-eml.zip") })
	}
	masked := filepath.Join(tmp, "recording.pcapng")
	report, err := captures.Redact(src.path, masked, captures.RewriteOptions{Application: e.Version, NoSecrets: o.NoKeys, Force: o.Format == "pcapng" && rec.Secrets == "masked"})
	if err != nil {
		return r.refused(err, report, src.path, o.Name)
	}
	if o.Format == "bundle" {
		return src.bundle(begin(base+bundleExt), e, masked, "")
	}
	return copyFile(begin(base+".pcapng"), masked)
}

// asFar takes a recording that could not be read further for what it is: its export says so, as the library does.
func (r *archive) asFar(rec *library.Recording, err error) error {
	var format *captures.FormatError
	if errors.As(err, &format) && rec.Sessions > 0 {
		return nil
	}
	return err
}

// exportMail packs the messages of a recording.
func exportMail(dir, path string, o export.Options, begin func() io.Writer) error {
	list, err := export.Messages(dir, path, o)
	var format *captures.FormatError
	if err != nil && (!errors.As(err, &format) || len(list) == 0) {
		return err
	}
	if len(list) == 0 {
		return &web.Told{Code: "no_message", FR: "Aucun message entier dans cet enregistrement.", EN: "No whole message in this recording."}
	}
	z := zip.NewWriter(begin())
	names := []string{export.AboutName}
	for _, m := range list {
		names = append(names, m.File)
	}
	for _, name := range names {
		f, err := z.Create(name)
		if err != nil {
			return err
		}
		if err := copyFile(f, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return z.Close()
}

func copyFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

var _ web.Library = (*archive)(nil)
