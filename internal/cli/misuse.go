package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"facteur/internal/bilingual"
	"facteur/internal/notes"
)

// What cobra and pflag say in English is said here in the user's language, with the closest names there are.

// maxEcho is how many characters of what a user typed are repeated to them.
const maxEcho = 60

// shortened is what a user typed, fit to stand in a line.
func shortened(s string) string {
	s = visible(s)
	if utf8.RuneCountInString(s) <= maxEcho {
		return s
	}
	return string([]rune(s)[:maxEcho-1]) + "…"
}

// perhaps is the end of a sentence that suggests names.
func (a *app) perhaps(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return a.say("\u202f; peut-être\u202f: ", "; perhaps: ") + strings.Join(names, ", ")
}

// seeHelp is the last line of every wrong use of a command.
func (a *app) seeHelp(c *cobra.Command) string {
	return a.say("\nvoir\u202f: ", "\nsee: ") + c.CommandPath() + " --help"
}

// nearest gives the names that a few typing slips turn into word, or that begin with it.
func nearest(word string, names []string) []string {
	if len(word) > maxEcho {
		return nil
	}
	var out []string
	for _, n := range names {
		if len(word) > 1 && strings.HasPrefix(n, word) || notes.Distance(strings.ToLower(word), n) <= 1+len(word)/5 {
			out = append(out, n)
		}
	}
	return out
}

func (a *app) unknownCommand(c *cobra.Command, name string) error {
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			names = append(names, sub.Name())
		}
	}
	hint := a.perhaps(nearest(name, names))
	if hint == "" {
		hint = a.say("\u202f; il y a\u202f: ", "; there are: ") + strings.Join(names, ", ")
	}
	return misuse("%s%s%s", fmt.Sprintf(a.say("commande inconnue «\u202f%s\u202f» derrière %s", "unknown command “%s” after %s"), shortened(name), c.CommandPath()), hint, a.seeHelp(c))
}

// wrongArguments says what is wrong with the arguments that a command's own check refused.
func (a *app) wrongArguments(c *cobra.Command, args []string, err error) error {
	if c.HasSubCommands() && len(args) > 0 && c.Name() != "replay" {
		return a.unknownCommand(c, args[0])
	}
	var want, most, got int
	text := err.Error()
	switch {
	case scan(text, "accepts %d arg(s), received %d", &want, &got), scan(text, "requires at least %d arg(s), only received %d", &want, &got),
		scan(text, "accepts between %d and %d arg(s), received %d", &want, &most, &got), scan(text, "accepts at most %d arg(s), received %d", &most, &got):
	default: // cobra.NoArgs
		got = len(args)
	}
	form := a.say("\nemploi\u202f: ", "\nusage: ") + a.useLine(c)
	if got < want {
		missing := want - got
		if missing == 1 {
			return misuse("%s", a.say("il manque un argument", "an argument is missing")+form+a.seeHelp(c))
		}
		return misuse("%s", fmt.Sprintf(a.say("il manque %d arguments", "%d arguments are missing"), missing)+form+a.seeHelp(c))
	}
	last := ""
	if len(args) > 0 {
		last = args[min(max(want, most), len(args)-1)]
	}
	return misuse("%s", fmt.Sprintf(a.say("un argument de trop\u202f: %s", "one argument too many: %s"), shortened(last))+form+a.seeHelp(c))
}

// scan reads the numbers of one of cobra's sentences.
func scan(text, form string, to ...any) bool {
	n, err := fmt.Sscanf(text, form, to...)
	return err == nil && n == len(to)
}

// wrongFlag says what is wrong with a flag.
func (a *app) wrongFlag(c *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	var unknown *pflag.NotExistError
	var bare *pflag.ValueRequiredError
	var value *pflag.InvalidValueError
	var syntax *pflag.InvalidSyntaxError
	text := err.Error()
	switch {
	case errors.As(err, &unknown):
		text = a.unknownFlag(c, unknown)
	case errors.As(err, &bare):
		name := bare.GetSpecifiedName()
		if f := bare.GetFlag(); f != nil {
			name = strings.TrimSpace(f.Name + " " + a.valueWord(c.CommandPath(), f))
		}
		text = fmt.Sprintf(a.say("il manque la valeur\u202f: --%s", "its value is missing: --%s"), name)
	case errors.As(err, &value):
		text = fmt.Sprintf("--%s %s%s %s", value.GetFlag().Name, shortened(value.GetValue()), a.say("\u202f:", ":"), bilingual.In(a.lang, wanted(value.GetFlag().Value.Type())))
	case errors.As(err, &syntax):
		text = fmt.Sprintf(a.say("ce n’est pas une option\u202f: %s", "this is no flag: %s"), shortened(syntax.GetSpecifiedFlag()))
	}
	return misuse("%s%s", text, a.seeHelp(c))
}

func (a *app) unknownFlag(c *cobra.Command, err *pflag.NotExistError) string {
	name := err.GetSpecifiedName()
	if shorts := err.GetSpecifiedShortnames(); shorts != "" && utf8.RuneCountInString(name) == 1 {
		return fmt.Sprintf(a.say("option inconnue -%s", "unknown flag -%s"), name)
	}
	var names []string
	add := func(f *pflag.Flag) { names = append(names, f.Name) }
	c.LocalFlags().VisitAll(add)
	c.InheritedFlags().VisitAll(add)
	near := nearest(name, names)
	for i := range near {
		near[i] = "--" + near[i]
	}
	slices.Sort(near)
	return fmt.Sprintf(a.say("option inconnue --%s", "unknown flag --%s"), shortened(name)) + a.perhaps(near)
}

// wanted says what a flag's value looks like.
func wanted(kind string) error {
	switch kind {
	case "int", "int64", "intSlice", "uint", "count":
		return bilingual.New("a whole number is wanted", "un nombre entier est attendu")
	case "duration":
		return bilingual.New("a time is wanted, such as 500ms, 2s or 1m30s", "une durée est attendue, comme 500ms, 2s ou 1m30s")
	case "size":
		return bilingual.New("a size of 1MB or more is wanted, such as 16MB", "une taille d’au moins 1MB est attendue, comme 16MB")
	case "bool":
		return bilingual.New("true or false is wanted", "true ou false est attendu")
	}
	return bilingual.New("this value does not fit", "cette valeur ne convient pas")
}

// languageOf finds the language before the command line is read, for help and for what is wrong with the line itself.
func languageOf(args []string) string {
	lang := systemLang()
	for i, arg := range args {
		if arg == "--" {
			break
		}
		value, ok := strings.CutPrefix(arg, "--lang=")
		if arg == "--lang" && i+1 < len(args) {
			value, ok = args[i+1], true
		}
		if ok && (value == "fr" || value == "en") {
			lang = value
		}
	}
	return lang
}
