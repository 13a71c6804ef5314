package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"facteur/captures"
	"facteur/captures/export"
	"facteur/decode"
	"facteur/decode/tlswire"
	"facteur/internal/filter"
	"facteur/internal/notes"
	"facteur/internal/watch"
)

type decodeFlags struct {
	keylog, rsaKeys []string
	format, as      string
	filter          string
	showSecrets     bool
	digest, records bool
	noNotes         bool
}

func (a *app) decodeCommand() *cobra.Command {
	var f decodeFlags
	c := &cobra.Command{
		Use:   "decode FILE|- ...",
		Short: "Print the annotated transcript of capture files",
		Long: `Reads pcap and pcapng files (also gzip), or a live pipe, and prints every mail session in them, explained line by line.
Several files, and patterns in quotes, are read one behind the other, their sessions counted on. TLS is opened with the secrets that the file itself holds, with a key log file, or with the server's RSA key.`,
		Example: `  facteur decode session.pcapng
  facteur decode capture.pcap --keylog keys.txt --format jsonl
  facteur decode 'captures/*.pcap*' --format html > lesson.html
  tcpdump -U -i lo -w - port 143 | facteur decode -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.decode(f, args) },
	}
	c.Flags().StringArrayVar(&f.keylog, "keylog", nil, "NSS key log file that opens TLS sessions (SSLKEYLOGFILE)")
	c.Flags().StringArrayVar(&f.rsaKeys, "rsa-key", nil, "server's RSA private key (PEM), for sessions with RSA key exchange")
	c.Flags().StringVar(&f.format, "format", "text", "text, jsonl, markdown or html")
	c.Flags().StringVar(&f.as, "as", "", "decode every session as smtp, smtps, lmtp, pop3, pop3s, imap, imaps or sieve")
	c.Flags().StringVar(&f.filter, "filter", "", "print only what matches, as in facteur captures search: 'smtp code:5xx'")
	c.Flags().BoolVar(&f.showSecrets, "show-secrets", false, "show passwords and tokens instead of masking them")
	c.Flags().BoolVar(&f.digest, "digest", false, "add SHA-256 digests of each side's octets to session.close")
	c.Flags().BoolVar(&f.records, "records", false, "text: show TLS records too")
	c.Flags().BoolVar(&f.noNotes, "no-notes", false, "text: leave the explanations out")
	return c
}

// protocols that --as takes.
var protocols = map[string]bool{"": true, "smtp": true, "smtps": true, "submission": true, "lmtp": true, "pop3": true, "pop3s": true, "imap": true, "imaps": true, "sieve": true}

func (a *app) decode(f decodeFlags, args []string) error {
	if !protocols[f.as] {
		return misuse("--as %s: the protocols are smtp, smtps, submission, lmtp, pop3, pop3s, imap, imaps and sieve", f.as)
	}
	if f.format != "text" && f.format != "jsonl" && f.format != "markdown" && f.format != "html" {
		return misuse(a.say("--format %s : les formats sont text, jsonl, markdown et html", "--format %s: the formats are text, jsonl, markdown and html"), shortened(f.format))
	}
	files, missing := a.inputs(args)
	failed := a.failed(missing)
	keys, err := loadKeys(f.keylog, f.rsaKeys)
	if err != nil {
		return err
	}
	if f.format == "markdown" || f.format == "html" {
		err = a.decodeDocument(f, files, keys)
	} else {
		err = a.decodeLines(f, files, keys)
	}
	if err == nil && failed {
		return errTold
	}
	return err
}

// failed tells an error's lines, and whether there was one.
func (a *app) failed(err error) bool {
	if err == nil {
		return false
	}
	for _, line := range strings.Split(a.inWords(err), "\n") {
		a.logs.Error(line)
	}
	return true
}

// decodeLines prints what comes as it comes: a line, or a few, for each event.
func (a *app) decodeLines(f decodeFlags, files []string, keys *tlswire.KeyLog) error {
	p, err := a.printerFor(f.format)
	if err != nil {
		return err
	}
	if t, ok := p.(*transcript); ok {
		t.wire, t.explain = f.records, !f.noNotes
	}
	if p, err = a.filteredBy(f.filter, p); err != nil {
		return err
	}
	failed := false
	offset := 0
	var late fileSecrets
	for _, name := range files {
		r := &reading{p: p, late: &late, by: offset, file: watch.File{Keys: keys, As: f.as, ShowSecrets: f.showSecrets, Digest: f.digest, Passing: true}}
		err = a.read(name, r)
		offset += r.top()
		if perr := p.Flush(); perr != nil {
			return fmt.Errorf("write standard output: %w", perr)
		}
		failed = a.failed(err) || failed
		if c := r.census(); err == nil && !c.mail && f.as == "" {
			fmt.Fprintln(a.err, a.none(a.called(name), c))
		}
	}
	if failed {
		return errTold
	}
	return nil
}

// called is what a file is called when something is said of it.
func (a *app) called(name string) string {
	if name == stdin {
		return a.say("entrée standard", "standard input")
	}
	return name
}

// decodeDocument writes all the files into one document.
func (a *app) decodeDocument(f decodeFlags, files []string, keys *tlswire.KeyLog) error {
	only, err := filter.Parse(f.filter)
	if err != nil {
		return a.filterError(err)
	}
	var c census
	var names []string
	o := export.Options{Lang: notes.Lang(a.lang), Version: "facteur " + version(), Keys: keys, NoNotes: f.noNotes, ShowSecrets: f.showSecrets, Sources: []export.Source{}}
	about := map[int]*filter.About{}
	if len(only.Terms) > 0 {
		o.Match = func(session int, e *decode.Event) bool { return matches(only, about, session, e) }
	}
	if f.as != "" {
		o.Protocol = func(i *captures.Info) { i.Protocol, i.Implicit = watch.Protocol(f.as) }
	}
	o.Look, o.Seen = c.open, c.event
	for _, name := range files {
		src := export.Source{Path: name}
		if name == stdin {
			src = export.Source{Path: a.called(name), From: a.in}
		}
		o.Sources = append(o.Sources, src)
		names = append(names, a.called(filepath.Base(name)))
	}
	o.Title = strings.Join(names, ", ")
	bar := a.watchReading()
	o.Through = bar.through
	write := map[string]func(io.Writer, string, export.Options) error{"markdown": export.Markdown, "html": export.HTML}[f.format]
	err = write(a.out, "", o)
	bar.end()
	if err == nil && !c.mail && f.as == "" && len(files) > 0 {
		fmt.Fprintln(a.err, a.none(o.Title, &c))
	}
	if a.failed(err) {
		return errTold
	}
	return nil
}

// fileSecrets are the secrets that files hold, read when some are asked for that do not stand where they are needed: files
// of mail in clear hold none, and reading one through takes as long as decoding a part of it.
type fileSecrets struct {
	keys  tlswire.KeyLog
	files []string
	read  int // of files
}

// of adds a file, and gives what reads it and those before it.
func (s *fileSecrets) of(name string) func() *tlswire.KeyLog {
	s.files = append(s.files, name)
	return sync.OnceValue(func() *tlswire.KeyLog {
		for ; s.read < len(s.files); s.read++ {
			captures.FileSecrets(s.files[s.read], func(keylog []byte) { s.keys.Add(keylog) })
		}
		return &s.keys
	})
}

// reading is the reading of one capture.
type reading struct {
	p     pages
	late  *fileSecrets
	by    int        // added to the numbers of its sessions
	file  watch.File // as every lane begins
	lanes []*lane
}

// lane decodes and prints some of a capture's sessions.
type lane struct {
	watch.File
	pages
	by, top int
	met     census
}

func (r *reading) lane(p pages) *lane {
	l := &lane{File: r.file, pages: p, by: r.by}
	l.File.Show = l
	r.lanes = append(r.lanes, l)
	return l
}

// Publish counts sessions on over several files.
func (l *lane) Publish(session int, events []decode.Event) {
	l.top = max(l.top, session)
	for i := range events {
		l.met.event(&events[i])
	}
	l.pages.Publish(session+l.by, events)
}

// Open is captures.Sink's.
func (l *lane) Open(i captures.Info) {
	l.met.open(i)
	l.File.Open(i)
}

// Octets shows nothing: nobody asks for them.
func (l *lane) Octets(int, decode.Leg, decode.Side, decode.Layer, int64, []byte) {}

// top is the highest number of a session in the file.
func (r *reading) top() (top int) {
	for _, l := range r.lanes {
		top = max(top, l.top)
	}
	return top
}

// census is what the file holds.
func (r *reading) census() *census {
	var c census
	for _, l := range r.lanes {
		c.add(&l.met)
	}
	return &c
}

// read reads a capture. A file is read ahead of what is decoded and printed, its sessions side by side; what a pipe
// brings is printed as it comes.
func (a *app) read(name string, r *reading) error {
	if name == stdin {
		return captures.Read(a.in, a.called(name), &flushing{r.lane(r.p)})
	}
	st, err := os.Stat(name)
	if err != nil || !st.Mode().IsRegular() {
		return captures.ReadFile(name, &flushing{r.lane(r.p)})
	}
	defer debug.SetGCPercent(debug.SetGCPercent(readGC))
	r.file.Late = r.late.of(name)
	ahead := watch.NewAhead(runtime.GOMAXPROCS(0), func(p *watch.Place) watch.Lane {
		l := r.lane(r.p.lane())
		l.Place, l.Room = p, new(decode.Room)
		return l
	}, func(session int, printed []byte) { r.p.join(session+r.by, printed) })
	bar := a.watchReading()
	defer bar.end()
	defer ahead.Finish()
	return captures.Reader{Sink: ahead, Through: bar.throughOnce, LateSecrets: true}.ReadFile(name)
}

// readGC is how much garbage may lie about while a file is read, in percent of what is in use: that is a few megabytes
// whatever the size of the file, and collecting more seldom costs less time and stays far below 100 MB.
const readGC = 100

// flushing prints at once what a live pipe brought.
type flushing struct{ *lane }

func (f *flushing) Chunk(session int, c decode.Chunk) {
	f.lane.Chunk(session, c)
	f.pages.Flush()
}

func (a *app) printerFor(format string) (pages, error) {
	switch format {
	case "text":
		return a.transcript(a.out), nil
	case "jsonl":
		return &jsonl{page{w: a.out}}, nil
	}
	return nil, misuse(a.say("--format %s\u202f: les formats sont text et jsonl", "--format %s: the formats are text and jsonl"), shortened(format))
}
