package notes

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

type renderVector struct {
	Name, Template, Expected string
	Lang                     Lang
	Fields                   map[string]string
}

// The page has a renderer of its own; these vectors keep the two alike.
func TestRenderVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/render.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []renderVector
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 50 {
		t.Fatalf("only %d vectors", len(vectors))
	}
	for _, v := range vectors {
		if got := parse(v.Template).render(v.Lang, mapValues(v.Fields)); got != v.Expected {
			t.Errorf("%s: %q gives\n  %q, not\n  %q", v.Name, v.Template, got, v.Expected)
		}
	}
}

func mapValues(m map[string]string) Values {
	return func(name string) (string, bool) { v, ok := m[name]; return v, ok }
}

// An octet that is not UTF-8 must not break the page's JSON or the terminal.
func TestRenderInvalidUTF8(t *testing.T) {
	got := parse("a {t} b").render(English, mapValues(map[string]string{"t": "x\xff\xfey"}))
	if got != "a x\uFFFD\uFFFDy b" {
		t.Errorf("got %q", got)
	}
}

func FuzzRender(f *testing.F) {
	f.Add("Le client {a} et {b|un|deux}{c? : {c}}.", "1", "")
	f.Add("{{{a}}} ({b}) « {c} »", "\xff\ue000", "12345")
	f.Add(strings.Repeat("{a?", 40)+strings.Repeat("}", 40), "x", "y")
	f.Add("{a|b|c", "", "")
	f.Fuzz(func(t *testing.T, text, a, b string) {
		if !utf8.ValidString(text) {
			t.Skip("templates are ours and valid")
		}
		values := mapValues(map[string]string{"a": a, "b": b})
		for _, lang := range Langs() {
			got := parse(text).render(lang, values)
			if !utf8.ValidString(got) {
				t.Fatalf("%q: not UTF-8: %q", text, got)
			}
			if strings.ContainsRune(got, hole) {
				t.Fatalf("%q: a hole is left: %q", text, got)
			}
			words := strings.Count(text, "{")
			if len(got) > len(text)+words*(maxValue*utf8.UTFMax+len(text)+maxValue) {
				t.Fatalf("%q with %q, %q: %d octets", text, a, b, len(got))
			}
		}
	})
}

func BenchmarkExplain(b *testing.B) {
	values := mapValues(map[string]string{"from": "alice@exemple.test", "size": "2310"})
	Explain(French, "smtp.command.MAIL", values)
	b.ReportAllocs()
	for b.Loop() {
		Explain(French, "smtp.command.MAIL", values)
	}
}
