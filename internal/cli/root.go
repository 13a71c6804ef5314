// Package cli is the command line: cobra commands, and everything that prints to a terminal.
//
// The rules of this room: results go to standard output, logs to standard error, and nothing else in facteur prints.
// Exit status 0 is done, 1 failed, 2 wrong use. NO_COLOR, pipes and narrow terminals are respected.
package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/charmbracelet/log"
	"github.com/spf13/cobra"
)

// Version is set by the linker in a release; otherwise the module's build information tells.
var Version = ""

func version() string {
	if Version != "" {
		return Version
	}
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		return b.Main.Version
	}
	return "0.1.0-dev"
}

// app is what every command shares.
type app struct {
	in       io.Reader
	out, err io.Writer
	lang     string
	quiet    bool
	verbose  bool
	logs     *slog.Logger
	share    string // address of the followers' door, "" for none
}

// usageError is a wrong use of the command line: exit status 2.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func misuse(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errTold is a failure that has been reported already: only the exit status is left to give.
var errTold = errors.New("told")

// Main runs facteur and gives its exit status.
func Main(args []string, in io.Reader, out, errOut io.Writer) int {
	a := &app{in: in, out: out, err: errOut, lang: languageOf(args)}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.Execute()
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errTold):
		return 1
	}
	fmt.Fprintln(errOut, a.say("facteur\u202f:", "facteur:"), a.inWords(err))
	var wrong usageError
	if errors.As(err, &wrong) {
		return 2
	}
	return 1
}

func (a *app) root() *cobra.Command {
	var lang string
	c := &cobra.Command{
		Use:   "facteur",
		Short: "See how mail works: a proxy that explains SMTP, POP3 and IMAP line by line",
		Example: `  facteur demo
  facteur proxy imap://127.0.0.1:1143=imap://mail.example.org
  facteur decode session.pcapng
  facteur replay session.pcapng`,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if lang != "" && lang != "fr" && lang != "en" {
				return misuse(a.say("--lang %s\u202f: les langues sont fr et en", "--lang %s: the languages are fr and en"), shortened(lang))
			}
			a.logs = a.logger()
			return nil
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true}, // ours speaks both languages
	}
	c.PersistentFlags().StringVar(&lang, "lang", "", "language of explanations: fr or en (default: the system's)")
	c.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "log warnings and errors only")
	c.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "log details")
	c.SetFlagErrorFunc(a.wrongFlag)
	c.AddCommand(a.demoCommand(), a.proxyCommand(), a.decodeCommand(), a.replayCommand(), a.capturesCommand(), a.caCommand(), a.explainCommand(),
		a.completionCommand(), a.versionCommand())
	c.SetHelpCommand(a.helpCommand())
	c.InitDefaultHelpCmd()
	a.openSamples(c)
	a.everywhere(c)
	if a.lang == "fr" {
		inFrench(c)
	}
	c.SetHelpFunc(func(c *cobra.Command, _ []string) { a.help(c, c.OutOrStdout()) })
	c.SetUsageFunc(func(c *cobra.Command) error { a.usage(c, c.OutOrStderr()); return nil })
	return c
}

// everywhere gives every command a --help of ours, and makes a wrong number of arguments a wrong use, and so an unknown
// name behind a command that only groups others.
func (a *app) everywhere(c *cobra.Command) {
	c.InitDefaultHelpFlag()
	c.Flags().Lookup("help").Usage = "this help"
	if !c.Runnable() {
		c.Args, c.RunE = cobra.NoArgs, func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return a.wrongArguments(c, args, err)
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		a.everywhere(sub)
	}
}

func (a *app) logger() *slog.Logger {
	level := log.InfoLevel
	switch {
	case a.verbose:
		level = log.DebugLevel
	case a.quiet:
		level = log.WarnLevel
	}
	var h slog.Handler = log.NewWithOptions(a.err, log.Options{Level: level, ReportTimestamp: true, TimeFormat: "15:04:05"})
	if a.lang == "fr" {
		h = frenchLogs{h}
	}
	return slog.New(h)
}

// systemLang is the language of the environment, FACTEUR_LANG before the system's own: French if it says so, else English.
func systemLang() string {
	for _, name := range []string{"FACTEUR_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if strings.HasPrefix(strings.ToLower(v), "fr") {
				return "fr"
			}
			return "en"
		}
	}
	return "en"
}

// say picks a sentence by language.
func (a *app) say(fr, en string) string {
	if a.lang == "fr" {
		return fr
	}
	return en
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, Run: func(*cobra.Command, []string) {
		fmt.Fprintln(a.out, "facteur", version())
	}}
}
