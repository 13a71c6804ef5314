package cli

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"facteur/captures/library"
	"facteur/internal/filter"
)

// shelf is what the library's commands share.
type shelf struct {
	a   *app
	dir string
}

// take opens the library as it is. done closes it; the context ends with a signal.
func (s *shelf) take(c *cobra.Command) (ctx context.Context, l *library.Library, done func(), err error) {
	if ctx = c.Context(); ctx == nil {
		ctx = context.Background()
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	if l, err = library.Open(ctx, s.dir); err != nil {
		stop()
		return nil, nil, nil, err
	}
	return ctx, l, func() { l.Close(); stop() }, nil
}

// open opens the library and brings its index up to the files.
func (s *shelf) open(c *cobra.Command) (context.Context, *library.Library, func(), error) {
	ctx, l, done, err := s.take(c)
	if err != nil {
		return nil, nil, nil, err
	}
	r, err := l.Sync(ctx)
	if err != nil {
		done()
		return nil, nil, nil, err
	}
	s.faults(r)
	return ctx, l, done, nil
}

func (s *shelf) faults(r library.Report) {
	for _, f := range r.Faults {
		s.a.logs.Warn(s.a.inWords(f) + s.a.say("\u202f; ce qui précède est dans la bibliothèque", "; what comes before that is in the library"))
	}
}

// libraryCommands are those that look at or change the library.
func (a *app) libraryCommands(s *shelf) []*cobra.Command {
	return []*cobra.Command{a.listCommand(s), a.showCommand(s), a.searchCommand(s), a.importCommand(s), a.exportCommand(s), a.removeCommand(s),
		a.purgeCommand(s), a.tagCommand(s), a.markCommand(s), a.verifyCommand(s), a.reindexCommand(s)}
}

func (a *app) listCommand(s *shelf) *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the recordings", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		ctx, l, done, err := s.open(c)
		if err != nil {
			return err
		}
		defer done()
		all, err := l.Recordings(ctx)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			fmt.Fprintf(a.err, a.say("aucun enregistrement dans %s\u202f; facteur demo et facteur proxy en font, facteur captures import en apporte\n",
				"no recordings in %s; facteur demo and facteur proxy make some, facteur captures import brings some\n"), visible(l.Dir()))
			return nil
		}
		w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, a.say("N°\tDÉBUT\tSÉANCES\tÉVÉNEMENTS\tOCTETS\tSECRETS\tFICHIER", "ID\tBEGAN\tSESSIONS\tEVENTS\tOCTETS\tSECRETS\tFILE"))
		for _, r := range all {
			fmt.Fprintf(w, "%d\t%s\t%d\t%d\t%d\t%s\t%s\n", r.ID, when(r.Began), r.Sessions, r.Events, r.Size, a.secretsWord(r.Secrets), visible(strings.TrimSpace(r.Name+" "+hashed(r.Tags))))
		}
		if err := w.Flush(); err != nil {
			return err
		}
		old, err := l.Expired(ctx, library.Retention, time.Now())
		if len(old) > 0 {
			a.logs.Warn(a.several(len(old), "enregistrement a plus de 30 jours", "enregistrements ont plus de 30 jours", "recording is older than 30 days", "recordings are older than 30 days") +
				a.say("\u202f: facteur captures purge les montre et les supprime\u202f; l’étiquette keep les garde", ": facteur captures purge shows and removes them; the tag keep keeps them"))
		}
		return err
	}}
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func hashed(tags []string) string {
	var b strings.Builder
	for _, t := range tags {
		b.WriteString(" #" + t)
	}
	return strings.TrimSpace(b.String())
}

// several is a number with what it counts: in French nothing is one, too.
func (a *app) several(n int, un, des, one, many string) string {
	switch {
	case a.lang == "fr" && n < 2, n == 1:
		des, many = un, one
	}
	return strconv.Itoa(n) + " " + a.say(des, many)
}

func (a *app) secretsWord(s string) string {
	switch s {
	case "masked":
		return a.say("masqués", "masked")
	case "anonymized":
		return a.say("anonymisé", "anonymised")
	case "kept":
		return a.say("PRÉSENTS", "KEPT")
	}
	return a.say("inconnu", "unknown")
}

func (a *app) showCommand(s *shelf) *cobra.Command {
	return &cobra.Command{Use: "show ID|FILE", Short: "Show a recording's sessions, marks and tags", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		ctx, l, done, err := s.open(c)
		if err != nil {
			return err
		}
		defer done()
		r, err := a.find(ctx, l, args[0])
		if err != nil {
			return err
		}
		fmt.Fprintln(a.out, strings.TrimSpace(fmt.Sprintf("%d  %s  %s", r.ID, visible(r.Name), visible(r.Title))))
		fmt.Fprintf(a.out, a.say("   %s, %d octets, secrets\u202f: %s\n   SHA-256 %s\n", "   %s, %d octets, secrets: %s\n   SHA-256 %s\n"), when(r.Began), r.Size, a.secretsWord(r.Secrets), r.SHA256)
		if len(r.Tags) > 0 {
			fmt.Fprintln(a.out, "  ", visible(hashed(r.Tags)))
		}
		if r.Fault != "" {
			fmt.Fprintln(a.out, "   !", visible(a.say(r.FaultFR, r.Fault)))
		}
		list, err := l.Sessions(ctx, r.ID, maxListed)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, a.say("SÉANCE\tPROTOCOLE\tTLS\tCLIENT\tSERVEUR\tCOMPTE\tDURÉE\tÉVÉNEMENTS\tREMARQUES\tERREURS", "SESSION\tPROTOCOL\tTLS\tCLIENT\tSERVER\tUSER\tLASTED\tEVENTS\tLINTS\tERRORS"))
		for _, x := range list {
			fmt.Fprintf(w, "%d.%d\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\n", r.ID, x.Number, orDash(x.Protocol), orDash(versions(x.TLS)), visible(x.Client), visible(x.Server),
				orDash(visible(x.User)), x.Ended.Sub(x.Began).Round(time.Millisecond), x.Events, x.Lints, x.Faults)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		marks, err := l.Marks(ctx, r.Name)
		for _, m := range marks {
			place := fmt.Sprintf("%d.%d", r.ID, m.Session)
			if m.Seq > 0 {
				place += fmt.Sprintf("#%d", m.Seq)
			}
			for line := range strings.Lines(strings.TrimRight(m.Text, "\n") + "\n") {
				fmt.Fprintf(a.out, "★ %-8s  %s\n", place, visible(strings.TrimRight(line, "\n")))
				place = ""
			}
		}
		return err
	}}
}

// versions names each version of TLS once: the two legs mostly have the same.
func versions(tls string) string {
	list := strings.Split(tls, ", ")
	slices.Sort(list)
	return strings.Join(slices.Compact(list), ", ")
}

// maxListed is how many sessions are listed at once.
const maxListed = 10_000

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// find finds a recording, and says how to see what there is.
func (a *app) find(ctx context.Context, l *library.Library, which string) (library.Recording, error) {
	r, err := l.Find(ctx, which)
	if errors.Is(err, library.ErrUnknown) {
		return r, fmt.Errorf(a.say("%s n’est pas dans la bibliothèque %s\u202f; facteur captures list montre ce qui y est", "%s is not in the library %s; facteur captures list shows what is"), which, l.Dir())
	}
	return r, err
}

func (a *app) searchCommand(s *shelf) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "search FILTER...",
		Short: "Find events in all recordings",
		Long: `The filter is that of the page: words that must all hold, with a minus before those that must not.

  smtp pop3 imap tls ...    by protocol          code:5xx code:NO     replies and responses
  cmd:FETCH cmd:AUTH*       commands             from:client          who spoke
  tls:1.2                   sessions in TLS 1.2  session:3-5          sessions by number
  secret lint error         what has one         kind: tag: note:     by kind, IMAP tag, note
  word "two words"          text: words by their beginning`,
		Example: `  facteur captures search 'smtp code:5xx'
  facteur captures search imap cmd:FETCH -from:server`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := filter.Parse(strings.Join(args, " "))
			if err != nil {
				return a.filterError(err)
			}
			ctx, l, done, err := s.open(c)
			if err != nil {
				return err
			}
			defer done()
			hits, more, err := l.Search(ctx, f, limit, nil)
			if err != nil {
				return err
			}
			for i := range hits {
				h := &hits[i]
				arrow := "->"
				if h.From != 0 {
					arrow = "<-"
				}
				line, _, cut := strings.Cut(h.Line, "\n")
				if runes := []rune(line); len(runes) > maxHitLine {
					line, cut = string(runes[:maxHitLine]), true
				}
				if cut {
					line += " …"
				}
				fmt.Fprintf(a.out, "%-12s  %s  %s %s  %s\n", fmt.Sprintf("%d.%d#%d", h.Recording, h.Session, h.Seq), when(h.Time), arrow, visible(line), h.Kind)
				if h.Mark != "" {
					fmt.Fprintf(a.out, "%-12s  ★ %s\n", "", visible(strings.ReplaceAll(h.Mark, "\n", " · ")))
				}
			}
			if more {
				fmt.Fprintf(a.err, a.say("il y en a d’autres\u202f: --limit %d\n", "there are more: --limit %d\n"), limit*10)
			}
			if len(hits) == 0 {
				fmt.Fprintln(a.err, a.say("rien trouvé", "nothing found"))
				return errTold
			}
			return nil
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", 100, "how many events to show at most")
	return c
}

// maxHitLine is how much of a line is shown of what was found: a ClientHello has hundreds of characters.
const maxHitLine = 120

// filterError says in the user's language what is wrong with a filter.
func (a *app) filterError(err error) error {
	var wrong *filter.Error
	if errors.As(err, &wrong) {
		return misuse("%s", wrong.Say(a.lang))
	}
	return err
}

func (a *app) removeCommand(s *shelf) *cobra.Command {
	return &cobra.Command{Use: "remove ID|FILE...", Short: "Delete recordings, with their marks", Args: cobra.MinimumNArgs(1), RunE: func(c *cobra.Command, args []string) error {
		ctx, l, done, err := s.open(c)
		if err != nil {
			return err
		}
		defer done()
		for _, which := range args {
			r, err := a.find(ctx, l, which)
			if err == nil {
				err = l.Remove(ctx, r)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, a.say("supprimé\u202f: %s\n", "removed: %s\n"), visible(r.Name))
		}
		return nil
	}}
}

func (a *app) purgeCommand(s *shelf) *cobra.Command {
	var days int
	var yes bool
	c := &cobra.Command{
		Use:   "purge",
		Short: "Show the recordings older than 30 days, and with --yes remove them",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if days < 0 {
				return misuse(a.say("--days %d\u202f: 0 ou plus", "--days %d: it takes 0 or more"), days)
			}
			ctx, l, done, err := s.open(c)
			if err != nil {
				return err
			}
			defer done()
			old, err := l.Expired(ctx, time.Duration(days)*24*time.Hour, time.Now())
			if err != nil {
				return err
			}
			for _, r := range old {
				marks, err := l.Marks(ctx, r.Name)
				if err != nil {
					return err
				}
				noted := ""
				if len(marks) > 0 {
					noted = "  ★ " + a.several(len(marks), "note", "notes", "note", "notes")
				}
				fmt.Fprintf(a.out, "%-4d %s  %s%s\n", r.ID, when(r.Modified), visible(strings.TrimSpace(r.Name+" "+hashed(r.Tags))), noted)
				if !yes {
					continue
				}
				if err := l.Remove(ctx, r); err != nil {
					return err
				}
			}
			switch {
			case len(old) == 0:
				fmt.Fprintf(a.out, a.say("aucun enregistrement n’a plus de %s\n", "no recording is older than %s\n"), a.several(days, "jour", "jours", "day", "days"))
			case yes:
				fmt.Fprintln(a.out, a.several(len(old), "enregistrement supprimé", "enregistrements supprimés", "recording removed", "recordings removed"))
			default:
				fmt.Fprintln(a.out, a.say("rien n’est supprimé encore\u202f: --yes supprime ", "nothing is removed yet: --yes removes ")+
					a.several(len(old), "enregistrement, avec ses notes", "enregistrements, avec leurs notes", "recording, with its notes", "recordings, with their notes"))
			}
			return nil
		},
	}
	c.Flags().IntVar(&days, "days", int(library.Retention/(24*time.Hour)), "how old is old")
	c.Flags().BoolVar(&yes, "yes", false, "remove them")
	return c
}

func (a *app) verifyCommand(s *shelf) *cobra.Command {
	return &cobra.Command{Use: "verify", Short: "Hold the index against the recordings", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		ctx, l, done, err := s.take(c)
		if err != nil {
			return err
		}
		defer done()
		faults, err := l.Verify(ctx)
		if err != nil {
			return err
		}
		for _, f := range faults {
			name := f.Recording
			if name == "" {
				name = library.IndexName
			}
			fmt.Fprintf(a.out, a.say("%s\u202f: %s\n", "%s: %s\n"), visible(name), visible(a.inWords(f.Detail)))
		}
		if len(faults) > 0 {
			fmt.Fprintln(a.err, a.say("facteur captures reindex refait l’index d’après les fichiers", "facteur captures reindex makes the index anew from the files"))
			return errTold
		}
		fmt.Fprintln(a.out, a.say("l’index et les enregistrements concordent", "index and recordings agree"))
		return nil
	}}
}

func (a *app) reindexCommand(s *shelf) *cobra.Command {
	return &cobra.Command{Use: "reindex", Short: "Make the index anew from the recordings", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		ctx, l, done, err := s.take(c)
		if err != nil {
			return err
		}
		defer done()
		r, err := l.Reindex(ctx)
		s.faults(r)
		if err == nil {
			fmt.Fprintln(a.out, a.several(r.Added+r.Changed, "enregistrement indexé", "enregistrements indexés", "recording indexed", "recordings indexed"))
		}
		return err
	}}
}
