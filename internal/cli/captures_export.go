package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"facteur/captures"
	"facteur/captures/export"
	"facteur/captures/library"
	"facteur/internal/notes"
)

// exportFlags are those of captures export.
type exportFlags struct {
	rewriteFlags
	format, title string
	lesson        string // a file
	noNotes       bool
	keep          bool
	treatment     string // what the export said of secrets and people
	any           bool   // something was exported
}

// exportFormats are the formats of export; written says which are one stream of text.
var exportFormats = []string{"pcapng", "text", "markdown", "jsonl", "html", "eml", "bundle"}

func (a *app) exportCommand(s *shelf) *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use:   "export ID[.SESSION]|FILE -o OUT",
		Short: "Turn a recording into text, Markdown, JSON lines, HTML, messages or a bundle",
		Long: `Writes a recording of the library, one session of it, or any capture file in another form:

  pcapng    masked copy; --no-tls-secrets leaves out what opens its TLS     text      as swaks prints a session
  markdown  a document        jsonl  one event a line                       html      one file, no network, no script, prints well
  eml       every message into the folder OUT, octet for octet              bundle    OUT.facteur: recordings, notes, tags, a lesson

Without -o, text goes to standard output. Every export says what was masked or anonymised, and by which version.`,
		Example: `  facteur captures export 12 --format html -o session.html
  facteur captures export capture.pcap --keylog keys.txt --format eml -o messages`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.export(c, s, &f, args[0]) },
	}
	f.add(c)
	c.Flags().Lookup("output").Usage = "the file to write, a folder for eml (never overwritten; default for text: standard output)"
	c.Flags().StringVar(&f.format, "format", "text", strings.Join(exportFormats, ", "))
	c.Flags().StringVar(&f.title, "title", "", "title of the export")
	c.Flags().StringVar(&f.lesson, "lesson", "", "bundle: file with what to do with the recording, text or Markdown")
	c.Flags().BoolVar(&f.noNotes, "no-notes", false, "leave the explanations out")
	c.Flags().BoolVar(&f.keep, "keep-secrets", false, "pcapng: copy the file as it is, passwords included")
	return c
}

func (a *app) export(c *cobra.Command, s *shelf, f *exportFlags, which string) error {
	if !slices.Contains(exportFormats, f.format) {
		return misuse(a.say("--format %s\u202f: les formats sont %s", "--format %s: the formats are %s"), shortened(f.format), strings.Join(exportFormats, ", "))
	}
	streams := f.format == "text" || f.format == "markdown" || f.format == "jsonl" || f.format == "html"
	if f.out == "" && !streams {
		return misuse(a.say("--format %s\u202f: où l’écrire\u202f? donnez -o OUT", "--format %s: where to? say -o OUT"), f.format)
	}
	src, err := a.exportSource(c, s, which)
	if err != nil {
		return err
	}
	keys, err := loadKeys(f.keylog, f.rsaKeys)
	if err != nil {
		return err
	}
	o := export.Options{Lang: notes.Lang(a.lang), Title: src.title, Version: "facteur " + version(), Keys: keys, Sessions: src.sessions, Marks: src.marks, NoNotes: f.noNotes, TCPEvents: true,
		Treated: func(words string) { f.treatment = words }, Look: func(captures.Info) { f.any = true }}
	if f.title != "" {
		o.Title = f.title
	}
	switch f.format {
	case "pcapng":
		return a.exportCapture(f, src)
	case "eml":
		return a.exportMessages(f, src, o)
	case "bundle":
		return a.exportBundle(f, src, o)
	}
	write := map[string]func(io.Writer, string, export.Options) error{"text": export.Text, "markdown": export.Markdown, "jsonl": export.JSONL, "html": export.HTML}[f.format]
	if f.out == "" {
		return a.asFar(f, write(a.out, src.path, o))
	}
	return a.newFile(f, func(w io.Writer) error { return write(w, src.path, o) })
}

// newFile writes the file of an export, which must not exist, and takes it away again if that fails.
func (a *app) newFile(f *exportFlags, write func(io.Writer) error) error {
	w, err := os.OpenFile(f.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = a.asFar(f, write(w))
	if err = errors.Join(err, w.Close()); err != nil {
		return errors.Join(err, os.Remove(f.out))
	}
	fmt.Fprintf(a.out, "%s\n  %s\n", f.out, f.treatment)
	return nil
}

// asFar takes a recording that could not be read further for what it is: what comes before is exported, and says so.
func (a *app) asFar(f *exportFlags, err error) error {
	var format *captures.FormatError
	if !errors.As(err, &format) || !f.any {
		return err
	}
	a.logs.Warn(format.Say(a.lang) + a.say("\u202f; ce qui précède est exporté", "; what comes before that is exported"))
	return nil
}

// exportSource finds what is meant: a file, or a recording of the library, or a session of one.
func (a *app) exportSource(c *cobra.Command, s *shelf, which string) (*source, error) {
	id, number, _ := strings.Cut(which, ".")
	if _, err := strconv.Atoi(id); err != nil {
		if st, err := os.Stat(which); err == nil && st.Mode().IsRegular() {
			return &source{path: which, title: filepath.Base(which)}, nil
		}
		id, number = which, ""
		if strings.ContainsRune(which, filepath.Separator) || filepath.Ext(which) != "" && !library.IsRecording(which) {
			_, err := os.ReadFile(which) // why it cannot be read
			return nil, err
		}
	}
	ctx, l, done, err := s.open(c)
	if err != nil {
		return nil, err
	}
	defer done()
	r, err := a.find(ctx, l, id)
	if err != nil {
		return nil, err
	}
	src, err := sourceOf(ctx, l, r)
	if err != nil {
		return nil, err
	}
	if number != "" {
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, misuse(a.say("%s\u202f: donnez ID ou ID.SÉANCE, 12.3 par exemple", "%s: say ID or ID.SESSION, 12.3 for one"), shortened(which))
		}
		src.sessions = map[int]bool{n: true}
		if err := a.hasSession(ctx, l, r, n); err != nil {
			return nil, err
		}
	}
	return src, nil
}

// hasSession is nil if a recording has that session.
func (a *app) hasSession(ctx context.Context, l *library.Library, r library.Recording, n int) error {
	return a.hasEvent(ctx, l, r, n, 0)
}

// hasEvent is nil if a recording has that session and, unless it is 0, the session that event.
func (a *app) hasEvent(ctx context.Context, l *library.Library, r library.Recording, n, seq int) error {
	list, err := l.Sessions(ctx, r.ID, maxListed)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(x library.Session) bool { return x.Number == n })
	switch {
	case i < 0:
		return fmt.Errorf(a.say("l’enregistrement %d n’a pas de séance %d\u202f; facteur captures show %d montre les siennes", "recording %d has no session %d; facteur captures show %d shows those it has"), r.ID, n, r.ID)
	case int64(seq) > list[i].Events:
		return fmt.Errorf(a.say("la séance %d.%d n’a que %d événements", "session %d.%d has only %d events"), r.ID, n, list[i].Events)
	}
	return nil
}

func (a *app) exportCapture(f *exportFlags, src *source) error {
	if src.sessions != nil {
		return misuse("%s", a.say("--format pcapng prend des enregistrements entiers", "--format pcapng takes whole recordings"))
	}
	if f.keep {
		in, err := os.Open(src.path)
		if err != nil {
			return err
		}
		defer in.Close()
		f.treatment = a.say("copie telle quelle\u202f: RIEN n’y a été masqué, les mots de passe y sont s’ils y étaient", "copied as it is: NOTHING was masked, passwords are in it if they were")
		return a.newFile(f, func(w io.Writer) error { _, err := io.Copy(w, in); return err })
	}
	o, err := f.options(a)
	if err != nil {
		return err
	}
	r, err := captures.Redact(src.path, f.out, o)
	return a.rewritten(src.path, f.out, r, err)
}

func (a *app) exportMessages(f *exportFlags, src *source, o export.Options) error {
	list, err := export.Messages(f.out, src.path, o)
	f.any = len(list) > 0
	for _, m := range list {
		fmt.Fprintf(a.out, "%s  %d octets  %s\n", filepath.Join(f.out, m.File), m.Octets, m.How)
	}
	if err == nil && len(list) == 0 {
		fmt.Fprintln(a.err, a.say("aucun message entier dans cet enregistrement", "no whole message in this recording"))
	}
	if f.treatment != "" {
		fmt.Fprintf(a.out, "%s  %s\n", filepath.Join(f.out, export.AboutName), f.treatment)
	}
	return a.asFar(f, err)
}

func (a *app) exportBundle(f *exportFlags, src *source, o export.Options) error {
	if src.sessions != nil {
		return misuse("%s", a.say("--format bundle prend des enregistrements entiers", "--format bundle takes whole recordings"))
	}
	lesson := ""
	if f.lesson != "" {
		text, err := os.ReadFile(f.lesson)
		if err != nil {
			return err
		}
		lesson = string(text)
	}
	if !strings.HasSuffix(f.out, bundleExt) {
		f.out += bundleExt
	}
	tmp, err := os.MkdirTemp("", "facteur-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	ro, err := f.options(a)
	if err != nil {
		return err
	}
	masked := filepath.Join(tmp, "recording.pcapng")
	if r, err := captures.Redact(src.path, masked, ro); err != nil {
		return a.rewritten(src.path, masked, r, err)
	}
	return a.newFile(f, func(w io.Writer) error { return src.bundle(w, o, masked, lesson) })
}
