package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"facteur/internal/notes"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "explain WORD|PORT|CODE",
		Short:   "Explain a command, a reply code, a port or a word of mail",
		Example: "  facteur explain STARTTLS\n  facteur explain 550\n  facteur explain 993",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.explain(strings.Join(args, " ")) },
	}
}

// explain prints what the catalogue knows of a word: of several that it does not know together, what it knows of each.
func (a *app) explain(text string) error {
	found, near := notes.Word(notes.Lang(a.lang), text)
	if words := strings.Fields(text); len(found) == 0 && len(words) > 1 {
		for _, word := range words {
			each, alike := notes.Word(notes.Lang(a.lang), word)
			if len(each) == 0 {
				text, near, found = word, alike, nil
				break
			}
			found = append(found, each...)
		}
	}
	if len(found) == 0 {
		return fmt.Errorf(a.say("« %s » n’est pas dans le catalogue%s", "“%s” is not in the catalogue%s"), shortened(text), a.perhaps(near))
	}
	for i, f := range found {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		fmt.Fprintln(a.out, f.Title)
		for _, s := range []string{f.Text.Line, f.Text.More} {
			if s != "" {
				fmt.Fprintln(a.out, "  "+s)
			}
		}
		for _, r := range f.Text.Refs {
			fmt.Fprintln(a.out, "  "+r.Label+"  "+r.URL)
		}
	}
	return nil
}
