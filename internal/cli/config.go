package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"facteur/internal/bilingual"
)

// maxConfig is the largest configuration file that is read: a hundred times a classroom's.
const maxConfig = 1 << 20

// routesKey stands in a configuration file for the command's arguments.
const routesKey = "routes"

// notInConfig are flags that make no sense in a file.
var notInConfig = []string{"config", "print-config", "help"}

// loadConfig reads a YAML file whose keys are a command's flags, without hyphens before them, and routes. A flag that
// was given on the command line wins, and so do routes. Errors name the file and the line.
func loadConfig(c *cobra.Command, file string, args []string) ([]string, error) {
	text, err := readLimited(file)
	if err != nil {
		return nil, bilingual.Errorf("--config: %w", "--config\u202f: %w", err)
	}
	wrong := func(n *yaml.Node, err error) error {
		return usageError{bilingual.Errorf("--config %s, line %d: %w", "--config %s, ligne %d\u202f: %w", file, n.Line, err)}
	}
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return args, nil
	case err != nil:
		return nil, usageError{bilingual.Errorf("--config %s: %w", "--config %s\u202f: %w", file, err)}
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, usageError{bilingual.Errorf("--config %s: one document is wanted, without a second one behind ---", "--config %s\u202f: un seul document est attendu, sans un second derrière ---", file)}
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, wrong(top, bilingual.New("settings are wanted, as in tls: intercept; see facteur proxy --print-config", "des réglages sont attendus, comme tls: intercept\u202f; voir facteur proxy --print-config"))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		if seen[key.Value] {
			return nil, wrong(key, bilingual.Errorf("%s is there twice", "%s y est deux fois", key.Value))
		}
		seen[key.Value] = true
		values, err := scalars(value)
		if err != nil {
			return nil, wrong(value, bilingual.Errorf("%s: %w", "%s\u202f: %w", key.Value, err))
		}
		if key.Value == routesKey {
			if len(args) == 0 {
				args = values
			}
			continue
		}
		f := c.Flags().Lookup(key.Value)
		if f == nil || slices.Contains(notInConfig, key.Value) {
			return nil, wrong(key, bilingual.Errorf("%q is no setting; see facteur proxy --print-config", "%q n’est pas un réglage\u202f; voir facteur proxy --print-config", key.Value))
		}
		if f.Changed {
			continue
		}
		if err := setFlag(f, value, values); err != nil {
			return nil, wrong(value, bilingual.Errorf("%s: %w", "%s\u202f: %w", key.Value, err))
		}
	}
	return args, nil
}

func readLimited(file string) ([]byte, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxConfig+1))
	if err == nil && len(text) > maxConfig {
		err = bilingual.Errorf("%s has more than %d octets", "%s a plus de %d octets", file, maxConfig)
	}
	return text, err
}

// scalars gives a value or a list of values as they are written.
func scalars(n *yaml.Node) ([]string, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return nil, nil
		}
		return []string{n.Value}, nil
	case yaml.SequenceNode:
		var out []string
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return nil, bilingual.New("a list of plain values is wanted", "une liste de simples valeurs est attendue")
			}
			out = append(out, item.Value)
		}
		return out, nil
	}
	return nil, bilingual.New("a value or a list of values is wanted", "une valeur ou une liste de valeurs est attendue")
}

// setFlag gives a flag its values from a file; a flag that is not repeatable takes one.
func setFlag(f *pflag.Flag, n *yaml.Node, values []string) error {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return list.Replace(values)
	}
	if n.Kind == yaml.SequenceNode || len(values) > 1 {
		return bilingual.New("one value is wanted, no list", "une seule valeur est attendue, pas une liste")
	}
	for _, v := range values {
		if err := f.Value.Set(v); err != nil {
			return bilingual.Errorf("%s: %w", "%s\u202f: %w", shortened(v), wanted(f.Value.Type()))
		}
	}
	return nil
}

// printConfig writes what a run with these flags and routes would be, as a file that --config takes.
func printConfig(w io.Writer, c *cobra.Command, args []string) error {
	top := &yaml.Node{Kind: yaml.MappingNode}
	add := func(name, usage string, value *yaml.Node) {
		top.Content = append(top.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name, HeadComment: "# " + usage}, value)
	}
	list := func(values []string) *yaml.Node {
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, v := range values {
			n.Content = append(n.Content, text(v))
		}
		return n
	}
	add(routesKey, "LISTEN_URL=UPSTREAM_URL, one a line", list(args))
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if slices.Contains(notInConfig, f.Name) {
			return
		}
		if values, ok := f.Value.(pflag.SliceValue); ok {
			add(f.Name, f.Usage, list(values.GetSlice()))
			return
		}
		value := text(f.Value.String())
		if t := f.Value.Type(); t == "bool" || t == "int" {
			value.Tag, value.Style = "!!"+t, 0
		}
		add(f.Name, f.Usage, value)
	})
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(&yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{top}}); err != nil {
		return bilingual.Errorf("write the configuration: %w", "écriture de la configuration\u202f: %w", err)
	}
	return e.Close()
}

// text is a string as YAML has it; "off" and "" keep their quotation marks, so that nobody takes them for something else.
func text(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if s == "" || strings.EqualFold(s, "off") {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}
