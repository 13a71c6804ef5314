package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"facteur/captures"
	"facteur/captures/library"
)

func (a *app) importCommand(s *shelf) *cobra.Command {
	var f rewriteFlags
	var keep bool
	c := &cobra.Command{
		Use:   "import FILE...",
		Short: "Copy captures and bundles into the library, secrets masked",
		Long: `Captures (pcap, pcapng, also gzip) come in as facteur captures redact makes them; with --keep-secrets they are copied as they are.
A .facteur bundle comes in with its marks and tags; its recordings were masked where it was made, and are masked again.`,
		Example: `  facteur captures import capture.pcap --keylog keys.txt`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f.out = "library"
			o, err := f.options(a)
			if err != nil {
				return err
			}
			ctx, l, done, err := s.open(c)
			if err != nil {
				return err
			}
			defer done()
			var errs []error // a file that cannot come in keeps no other out
			for _, file := range args {
				if strings.HasSuffix(file, bundleExt) {
					err = unbundle(ctx, l, file, func(path, name string) (string, error) { return a.importOne(l, path, name, o, keep) })
				} else {
					_, err = a.importOne(l, file, filepath.Base(file), o, keep)
				}
				errs = append(errs, err)
			}
			r, err := l.Sync(ctx)
			s.faults(r)
			return errors.Join(append(errs, err)...)
		},
	}
	f.add(c)
	c.Flags().Lookup("output").Hidden = true
	c.Flags().BoolVar(&keep, "keep-secrets", false, "copy the file as it is, passwords included")
	return c
}

// importOne puts a capture into the library and gives its name there.
func (a *app) importOne(l *library.Library, file, base string, o captures.RewriteOptions, keep bool) (string, error) {
	if keep {
		name, err := l.Copy(file)
		if err == nil {
			fmt.Fprintln(a.out, l.Path(name))
		}
		return name, err
	}
	name := l.FreeName(base)
	r, err := captures.Redact(file, l.Path(name), o)
	return name, a.rewritten(file, l.Path(name), r, err)
}

func (a *app) tagCommand(s *shelf) *cobra.Command {
	var off bool
	c := &cobra.Command{
		Use:   "tag ID|FILE TAG...",
		Short: "Tag a recording; keep keeps it from being purged",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, l, done, err := s.open(c)
			if err != nil {
				return err
			}
			defer done()
			r, err := a.find(ctx, l, args[0])
			for _, t := range args[1:] {
				switch {
				case err != nil:
				case off:
					err = l.Untag(ctx, r.Name, t)
				default:
					err = l.Tag(ctx, r.Name, t)
				}
			}
			return err
		},
	}
	c.Flags().BoolVar(&off, "remove", false, "take the tags away")
	return c
}

func (a *app) markCommand(s *shelf) *cobra.Command {
	var off bool
	c := &cobra.Command{
		Use:     "mark ID.SESSION[#EVENT] TEXT",
		Short:   "Note something at an event, or a session",
		Example: `  facteur captures mark 12.3#40 'here the password crosses the wire'`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			place, seq, _ := strings.Cut(args[0], "#")
			id, number, ok := strings.Cut(place, ".")
			session, err := strconv.Atoi(number)
			at := 0
			if err == nil && seq != "" {
				at, err = strconv.Atoi(seq)
			}
			if !ok || err != nil || session < 1 || at < 0 {
				return misuse(a.say("%s\u202f: dites où, sous la forme ID.SÉANCE#ÉVÉNEMENT, 12.3#40 par exemple", "%s: say where as ID.SESSION#EVENT, 12.3#40 for one"), shortened(args[0]))
			}
			if text := strings.TrimSpace(strings.Join(args[1:], " ")); (text == "") != off {
				return misuse("%s", a.say("donnez le texte de la note, ou --remove pour ôter celles qui sont là", "give the text of the note, or --remove to take away those that are there"))
			}
			ctx, l, done, err := s.open(c)
			if err != nil {
				return err
			}
			defer done()
			r, err := a.find(ctx, l, id)
			if err == nil {
				err = a.hasEvent(ctx, l, r, session, at)
			}
			switch {
			case err != nil:
			case off:
				err = l.ClearMarks(ctx, r.Name, session, at)
			default:
				_, err = l.AddMark(ctx, library.Mark{Recording: r.Name, Session: session, Seq: at, Text: strings.Join(args[1:], " ")})
			}
			return err
		},
	}
	c.Flags().BoolVar(&off, "remove", false, "take the notes there away")
	return c
}
