package bilingual

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

// An error says its sentence in both languages, with what it wraps said in the same one, however deep either lies.
func TestSay(t *testing.T) {
	cause := errors.New("cause")
	missing := &fs.PathError{Op: "open", Path: "/x", Err: fs.ErrNotExist}
	told := Errorf("%s: no bundle: %w", "%s n’est pas un lot\u202f: %w", "a.facteur", missing)
	for _, c := range []struct {
		err    error
		en, fr string
	}{
		{New("full", "plein"), "full", "plein"},
		{New("100%", "100\u202f%"), "100%", "100\u202f%"},
		{told, "a.facteur: no bundle: open /x: file does not exist", "a.facteur n’est pas un lot\u202f: /x\u202f: ce fichier n’existe pas"},
		{fmt.Errorf("import: %w", told), "import: a.facteur: no bundle: open /x: file does not exist", "import: a.facteur n’est pas un lot\u202f: /x\u202f: ce fichier n’existe pas"},
		{errors.Join(New("one", "une"), cause), "one\ncause", "une\ncause"},
		{cause, "cause", "cause"},
	} {
		if got := In("en", c.err); got != c.en {
			t.Errorf("en: %q, want %q", got, c.en)
		}
		if got := In("fr", c.err); got != c.fr {
			t.Errorf("fr: %q, want %q", got, c.fr)
		}
	}
	if !errors.Is(told, fs.ErrNotExist) || !errors.Is(fmt.Errorf("x: %w", told), fs.ErrNotExist) {
		t.Error("what is wrapped is not found")
	}
}
