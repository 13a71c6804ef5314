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
