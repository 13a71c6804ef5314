package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"facteur/captures/samples"
)

// samplePrefix before an ID stands for a sample wherever a capture file is read.
const samplePrefix = "sample:"

func (a *app) samplesCommand() *cobra.Command {
	var rebuild, format string
	c := &cobra.Command{
		Use:   "samples [ID]",
		Short: "List the sample recordings, or tell the story of one",
		Long: `Sample recordings are part of the program: real sessions of the practice server, secrets masked, each with its story.
Wherever a capture file is read, sample:ID stands for one.`,
		Example: `  facteur captures samples
  facteur captures samples starttls-stripped
  facteur replay sample:starttls-stripped
  facteur replay diff sample:smtp-clear sample:smtp-starttls`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if rebuild != "" {
				ctx := c.Context()
				if ctx == nil {
					ctx = context.Background()
				}
				return a.rebuildSamples(ctx, rebuild, args)
			}
			switch {
			case format != "text" && format != "json":
				return misuse("--format %s: the formats are text and json", format)
			case len(args) > 1:
				return misuse("one sample at a time: facteur captures samples %s", args[0])
			case len(args) == 1:
				return a.tellSample(args[0], format)
			}
			return a.listSamples(format)
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text or json")
	c.Flags().StringVar(&rebuild, "rebuild", "", "make the samples anew in this folder (all, or the IDs given): for developers")
	return c
}

func (a *app) listSamples(format string) error {
	all := samples.All()
	if format == "json" {
		return a.json(all)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, t := range samples.Themes() {
		fmt.Fprintf(w, "\n%s\n", t.Title.In(a.lang))
		for _, s := range all {
			if s.Theme == t.ID {
				fmt.Fprintf(w, "  %s\t%s\n", s.ID, s.Title.In(a.lang))
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(a.out, "\n"+a.say("facteur captures samples NOM raconte l’histoire d’un exemple\u202f; facteur replay sample:NOM le joue.",
		"facteur captures samples ID tells a sample’s story; facteur replay sample:ID plays it."))
	return nil
}

func (a *app) tellSample(id, format string) error {
	s, ok := samples.Find(strings.TrimPrefix(id, samplePrefix))
	if !ok {
		return fmt.Errorf(a.say("aucun exemple ne s’appelle %s\u202f; facteur captures samples les montre", "no sample is called %s; facteur captures samples shows them"), id)
	}
	if format == "json" {
		return a.json(s)
	}
	fmt.Fprintf(a.out, "%s\n\n%s\n", s.Title.In(a.lang), wrapped(s.Story.In(a.lang), textWidth, ""))
	fmt.Fprintln(a.out, "\n"+a.say("À regarder\u202f:", "Look at:"))
	for _, p := range s.Points {
		fmt.Fprintf(a.out, "%s\n    facteur decode %s%s --filter '%s'\n", wrapped("- "+p.Text.In(a.lang), textWidth, "  "), samplePrefix, s.ID, p.Filter)
	}
	for _, p := range samples.Pairs() {
		var others []string
		mine := false
		for _, id := range p.IDs {
			if id == s.ID {
				mine = true
			} else {
				others = append(others, samplePrefix+id)
			}
		}
		if mine {
			fmt.Fprintf(a.out, a.say("\nÀ comparer (%s)\n", "\nCompare (%s)\n"), p.Title.In(a.lang))
			for _, o := range others {
				fmt.Fprintf(a.out, "    facteur replay diff %s%s %s\n", samplePrefix, s.ID, o)
			}
		}
	}
	return nil
}

// textWidth is how wide running text is set on a terminal: the measure that reads well.
const textWidth = 78

// wrapped breaks a text at spaces into lines of at most width characters; indent begins all but the first.
func wrapped(text string, width int, indent string) string {
	var b strings.Builder
	n := 0
	for _, word := range strings.Split(text, " ") { // not at narrow or no-break spaces
		k := len([]rune(word))
		if n > 0 && n+1+k > width {
			b.WriteString("\n" + indent)
			n = len(indent)
		} else if n > 0 {
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += k
	}
	return b.String()
}

func (a *app) json(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// openSamples lets every command take sample:ID where it takes a capture file.
func (a *app) openSamples(c *cobra.Command) {
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			for i, arg := range args {
				if !strings.HasPrefix(arg, samplePrefix) || c.Name() == "samples" {
					continue
				}
				path, done, err := a.captureFile(arg)
				if err != nil {
					return err
				}
				defer done()
				args[i] = path
			}
			return run(c, args)
		}
	}
	for _, sub := range c.Commands() {
		a.openSamples(sub)
	}
}

// captureFile gives the path of a capture to read: the one named, or a copy of the sample named by sample:ID. done
// removes what was made.
func (a *app) captureFile(name string) (path string, done func(), err error) {
	id, is := strings.CutPrefix(name, samplePrefix)
	if !is {
		return name, func() {}, nil
	}
	s, ok := samples.Find(id)
	if !ok {
		return "", nil, fmt.Errorf(a.say("aucun exemple ne s’appelle %s\u202f; facteur captures samples les montre", "no sample is called %s; facteur captures samples shows them"), id)
	}
	octets, err := samples.Read(id)
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "facteur-sample-*")
	if err != nil {
		return "", nil, fmt.Errorf("sample %s: %w", id, err)
	}
	done = func() { os.RemoveAll(dir) }
	path = filepath.Join(dir, s.File())
	if err := os.WriteFile(path, octets, 0o600); err != nil {
		done()
		return "", nil, fmt.Errorf("sample %s: %w", id, err)
	}
	return path, done, nil
}
