package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Every command, argument and flag has its help in French, and nothing is there for what no longer exists.
func TestFrenchHelpIsWhole(t *testing.T) {
	a := &app{lang: "en"}
	paths, flags := map[string]bool{sharedFlags: true}, map[string]bool{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		path := c.CommandPath()
		paths[path] = true
		fr, ok := frenchHelp()[path]
		if !ok || fr.short == "" {
			t.Errorf("help_fr.txt has no section for %q", path)
		}
		if (c.Long != "") != (fr.long != "") {
			t.Errorf("%s: a long text in one language only", path)
		}
		if n := len(c.Short); n > 110 {
			t.Errorf("%s: its short line has %d characters", path, n)
		}
		check := func(f *pflag.Flag) {
			if _, own := fr.flags[f.Name]; own {
				flags[path+" --"+f.Name] = true
			} else {
				flags[sharedFlags+" --"+f.Name] = true
			}
			got, ok := frenchFlag(path, f.Name)
			if !ok || got.usage == "" {
				t.Errorf("help_fr.txt, section %q, lacks --%s (%s)", path, f.Name, f.Usage)
			}
			if bool := f.Value.Type() == "bool"; bool != (got.value == "") {
				t.Errorf("%s --%s: its value in French help is %q", path, f.Name, got.value)
			}
			if v := got.value; v != "" && v != "N" && v != "URL" && valueWords[v] == "" {
				t.Errorf("%s --%s: %s has no English word in valueWords", path, f.Name, v)
			}
		}
		c.LocalNonPersistentFlags().VisitAll(check)
		c.PersistentFlags().VisitAll(check)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(a.root())
	for path, section := range frenchHelp() {
		if !paths[path] {
			t.Errorf("help_fr.txt has a section for %q, which is no command", path)
		}
		for name := range section.flags {
			if !flags[path+" --"+name] && name != "version" {
				t.Errorf("help_fr.txt, section %q, has --%s, which is no flag there", path, name)
			}
		}
	}
}

// French marks stand behind a narrow no-break space.
func TestFrenchHelpTypography(t *testing.T) {
	for i, line := range strings.Split(helpFrench, "\n") {
		if _, usage, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(line, "--") {
			line = usage
		}
		if m := regexp.MustCompile(`[ \x{00a0}][;:!?]|\w[;!?](\s|$)|[a-zé]'[a-zéèê]`).FindString(line); m != "" && !strings.HasPrefix(line, "  ") {
			t.Errorf("line %d: %q in %q", i+1, m, line)
		}
	}
}

// Help in the two languages differs, and both name every flag.
func TestHelpOfEveryCommand(t *testing.T) {
	for _, lang := range []string{"fr", "en"} {
		a := &app{lang: lang}
		var walk func(c *cobra.Command)
		walk = func(c *cobra.Command) {
			var b strings.Builder
			a.help(c, &b)
			c.LocalFlags().VisitAll(func(f *pflag.Flag) {
				if !f.Hidden && !strings.Contains(b.String(), "--"+f.Name) {
					t.Errorf("%s: help of %s does not name --%s", lang, c.CommandPath(), f.Name)
				}
			})
			if fr := strings.Contains(b.String(), "Emploi\u202f:"); fr != (lang == "fr") || strings.Contains(b.String(), "Usage:") == fr {
				t.Errorf("%s: help of %s is in the other language", lang, c.CommandPath())
			}
			for _, sub := range c.Commands() {
				walk(sub)
			}
		}
		walk(a.root())
	}
}

// Every line that is logged with a fixed text exists in French: either it is in logsFrench, or it comes from say or the
// catalogue.
func TestFrenchLogsAreWhole(t *testing.T) {
	used := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && slices.Contains([]string{"node_modules", "testdata", ".git"}, d.Name()) {
			return skipOr(err)
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			fun, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, fun.Sel.Name) || !isLogger(fun.X) {
				return true
			}
			if lit, ok := call.Args[0].(*ast.BasicLit); ok {
				text, _ := strconv.Unquote(lit.Value)
				used[text] = true
				if logsFrench[text] == "" {
					t.Errorf("%s logs %q, which is not in logsFrench", path, text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for text := range logsFrench {
		if !used[text] {
			t.Errorf("logsFrench has %q, which nobody logs", text)
		}
	}
}

func skipOr(err error) error {
	if err != nil {
		return err
	}
	return filepath.SkipDir
}

// isLogger reports whether an expression is a logger by its name: log, Log, logs.
func isLogger(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return strings.EqualFold(x.Name, "log") || x.Name == "logs"
	case *ast.SelectorExpr:
		return strings.EqualFold(x.Sel.Name, "log") || x.Sel.Name == "logs"
	case *ast.CallExpr: // a method that gives the logger
		return isLogger(x.Fun)
	}
	return false
}
