package cli

import (
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Help is English where the commands are defined, and French in help_fr.txt; a test holds that nothing is missing there.

//go:embed help_fr.txt
var helpFrench string

// helpText is what help says of a command in French.
type helpText struct {
	short, long string
	flags       map[string]helpFlag
}

// helpFlag is a flag in French: the word for its value, and its usage.
type helpFlag struct{ value, usage string }

// sharedFlags is the section of help_fr.txt with flags that several commands have.
const sharedFlags = "*"

var frenchHelp = sync.OnceValue(func() map[string]helpText { return parseHelp(helpFrench) })

// parseHelp reads sections: "== facteur ca show", the short line, then paragraphs, then "--flag VALUE: usage" lines.
func parseHelp(text string) map[string]helpText {
	all := map[string]helpText{}
	for section := range strings.SplitSeq(text, "\n== ") {
		path, body, _ := strings.Cut(strings.TrimPrefix(section, "== "), "\n")
		t := helpText{flags: map[string]helpFlag{}}
		var long []string
		for line := range strings.SplitSeq(body, "\n") {
			if name, ok := strings.CutPrefix(line, "--"); ok {
				head, usage, _ := strings.Cut(name, ": ")
				name, value, _ := strings.Cut(head, " ")
				t.flags[name] = helpFlag{value, usage}
			} else {
				long = append(long, line)
			}
		}
		t.short, t.long, _ = strings.Cut(strings.TrimSpace(strings.Join(long, "\n")), "\n")
		t.long = strings.TrimSpace(t.long)
		all[path] = t
	}
	return all
}

// frenchFlag finds a flag in a command's section, in those above it, and in the shared one.
func frenchFlag(path, name string) (helpFlag, bool) {
	for {
		if f, ok := frenchHelp()[path].flags[name]; ok {
			return f, true
		}
		at := strings.LastIndexByte(path, ' ')
		if at < 0 {
			f, ok := frenchHelp()[sharedFlags].flags[name]
			return f, ok
		}
		path = path[:at]
	}
}

// inFrench puts the words of the whole tree into French, so that completion scripts have them as well.
func inFrench(c *cobra.Command) {
	if t, ok := frenchHelp()[c.CommandPath()]; ok {
		c.Short, c.Long = t.short, t.long
	}
	put := func(f *pflag.Flag) {
		if t, ok := frenchFlag(c.CommandPath(), f.Name); ok {
			f.Usage = t.usage
		}
	}
	c.Flags().VisitAll(put)
	c.PersistentFlags().VisitAll(put)
	for _, sub := range c.Commands() {
		inFrench(sub)
	}
}

// English words for the values of flags, by the French ones in help_fr.txt, but for N and URL, which are the same in both.
var valueWords = map[string]string{"DOSSIER": "DIR", "FICHIER": "FILE", "ADRESSE": "ADDR", "DURÉE": "TIME", "ATTAQUE": "ATTACK", "NOMS": "NAMES",
	"PROTOCOLE": "PROTOCOL", "FILTRE": "EXPR", "LANGUE": "LANG", "TITRE": "TITLE", "NOM": "NAME", "JOURS": "DAYS", "MAGASIN": "STORE", "SÉANCE": "SESSION", "QUAND": "WHEN", "TAILLE": "SIZE"}

// valueWord names a flag's value in help.
func (a *app) valueWord(path string, f *pflag.Flag) string {
	if f.Value.Type() == "bool" {
		return ""
	}
	t, _ := frenchFlag(path, f.Name)
	if en, ok := valueWords[t.value]; ok && a.lang != "fr" {
		return en
	}
	return t.value
}

const (
	helpWidth = 100 // of help where COLUMNS does not say, and at most: longer lines are hard to follow
	helpLeast = 40  // a terminal narrower than this is written to as if it were this wide
)

// screenWidth is the width that the shell says the terminal has.
func screenWidth() int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return max(helpLeast, min(n, helpWidth))
	}
	return helpWidth
}

// help prints what a command is for, and then how it is used.
func (a *app) help(c *cobra.Command, w io.Writer) {
	about := c.Long
	if about == "" || c.Parent() == nil {
		about = c.Short
	} else if c.Short != "" {
		about = c.Short + "\n\n" + about
	}
	fmt.Fprintf(w, "%s\n\n", about)
	a.usage(c, w)
}

// usage prints the forms, examples, subcommands and flags of a command.
func (a *app) usage(c *cobra.Command, w io.Writer) {
	width := screenWidth()
	fmt.Fprintln(w, a.say("Emploi\u202f:", "Usage:"))
	if c.Runnable() && (!c.HasAvailableSubCommands() || c.Name() == "replay") {
		fmt.Fprintln(w, "  "+a.useLine(c))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "  %s %s\n", c.CommandPath(), a.say("COMMANDE", "COMMAND"))
	}
	if c.HasExample() {
		fmt.Fprintf(w, "\n%s\n%s\n", a.say("Exemples\u202f:", "Examples:"), c.Example)
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n%s\n", a.say("Commandes\u202f:", "Commands:"))
		var rows [][2]string
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				rows = append(rows, [2]string{sub.Name(), sub.Short})
			}
		}
		columns(w, rows, width)
	}
	a.flagTable(w, a.say("Options\u202f:", "Flags:"), c, c.LocalFlags(), width)
	a.flagTable(w, a.say("Options de toutes les commandes\u202f:", "Flags of all commands:"), c, c.InheritedFlags(), width)
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n"+a.say("Sur une commande\u202f: %s COMMANDE --help", "About a command: %s COMMAND --help")+"\n", c.CommandPath())
	}
}

// useLine is the form of a command: FILE becomes FICHIER.
func (a *app) useLine(c *cobra.Command) string {
	line := c.UseLine()
	if a.lang != "fr" {
		return line
	}
	return upperWord.ReplaceAllStringFunc(line, func(w string) string { return cmp.Or(formWords[w], w) })
}

// formWords are the French words in the form of a command.
var formWords = map[string]string{"flags": "options", "FILTER": "FILTRE", "FILE": "FICHIER", "WORD": "MOT", "TEXT": "TEXTE", "EVENT": "ÉVÉNEMENT", "SESSION": "SÉANCE",
	"TAG": "ÉTIQUETTE", "OUT": "SORTIE", "COMMAND": "COMMANDE"}

var upperWord = regexp.MustCompile(`[A-Z]+|flags`)

func (a *app) flagTable(w io.Writer, title string, c *cobra.Command, set *pflag.FlagSet, width int) {
	var rows [][2]string
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		head := "    --" + f.Name
		if f.Shorthand != "" {
			head = "-" + f.Shorthand + ", --" + f.Name
		}
		if v := a.valueWord(c.CommandPath(), f); v != "" {
			head += " " + v
		}
		rows = append(rows, [2]string{head, f.Usage + a.defaultOf(f)})
	})
	if len(rows) > 0 {
		fmt.Fprintf(w, "\n%s\n", title)
		columns(w, rows, width)
	}
}

// defaultOf says a flag's default, where there is one that means something.
func (a *app) defaultOf(f *pflag.Flag) string {
	if slices.Contains([]string{"", "false", "0", "0s", "[]"}, f.DefValue) {
		return ""
	}
	return fmt.Sprintf(a.say(" (par défaut\u202f: %s)", " (default: %s)"), f.DefValue)
}

// columns prints names and what they mean, the latter wrapped to stand beside the former, or below where that is narrow.
func columns(w io.Writer, rows [][2]string, width int) {
	const indent, gap, most = 2, 3, 26
	left := 0
	for _, r := range rows {
		if n := utf8.RuneCountInString(r[0]); n <= most {
			left = max(left, n)
		}
	}
	if width < 2*left {
		left = indent
	}
	pad := strings.Repeat(" ", indent+left+gap)
	for _, r := range rows {
		lines := wrapText(r[1], width-len(pad))
		n := utf8.RuneCountInString(r[0])
		if n > left {
			fmt.Fprintf(w, "  %s\n", r[0])
		} else {
			fmt.Fprintf(w, "  %s%s%s\n", r[0], strings.Repeat(" ", left-n+gap), lines[0])
			lines = lines[1:]
		}
		for _, l := range lines {
			fmt.Fprintf(w, "%s%s\n", pad, l)
		}
	}
}

// wrapText breaks text at spaces into lines of at most width characters; a longer word stands alone. No-break spaces are
// no spaces.
func wrapText(text string, width int) []string {
	lines := []string{""}
	for word := range strings.SplitSeq(text, " ") {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// helpCommand is cobra's with an exit status of its own: a topic that does not exist is wrong use.
func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Help about a command",
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			found, _, err := c.Root().Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []cobra.Completion
			for _, sub := range found.Commands() {
				if sub.IsAvailableCommand() {
					names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			at := c.Root()
			for _, name := range args {
				i := slices.IndexFunc(at.Commands(), func(sub *cobra.Command) bool { return sub.Name() == name })
				if i < 0 {
					return a.unknownCommand(at, name)
				}
				at = at.Commands()[i]
			}
			at.InitDefaultHelpFlag()
			return at.Help()
		},
	}
}

// shells are those that cobra writes completion scripts for.
var shells = map[string]func(root *cobra.Command, w io.Writer) error{
	"bash":       func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
	"fish":       func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
	"powershell": func(root *cobra.Command, w io.Writer) error { return root.GenPowerShellCompletionWithDesc(w) },
	"zsh":        func(root *cobra.Command, w io.Writer) error { return root.GenZshCompletion(w) },
}

func (a *app) completionCommand() *cobra.Command {
	names := slices.Sorted(maps.Keys(shells))
	return &cobra.Command{
		Use:   "completion " + strings.Join(names, "|"),
		Short: "Print a script that completes facteur's commands in a shell",
		Long:  `Load it once, or at the start of every shell:`,
		Example: `  source <(facteur completion bash)                     # in ~/.bashrc, needs bash-completion
  facteur completion zsh > "${fpath[1]}/_facteur"
  facteur completion fish > ~/.config/fish/completions/facteur.fish
  facteur completion powershell | Out-String | Invoke-Expression`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: names,
		RunE: func(c *cobra.Command, args []string) error {
			write, ok := shells[args[0]]
			if !ok {
				return misuse(a.say("completion %s\u202f: les interpréteurs sont %s%s", "completion %s: the shells are %s%s"), shortened(args[0]), strings.Join(names, ", "), a.perhaps(nearest(args[0], names)))
			}
			return write(c.Root(), a.out)
		},
	}
}
