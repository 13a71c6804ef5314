package cli

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"facteur/captures"
	"facteur/captures/library"
	"facteur/decode"
)

// titled writes a recording with a title, of two sessions, the second with a higher number than one more.
func titled(t *testing.T, path string) {
	t.Helper()
	w, err := captures.Create(path, captures.WriterOptions{Application: "facteur test", Title: "Déjeuner de jeudi"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for _, n := range []int{1, 4} {
		i := captures.Info{Session: n, Time: at, Protocol: decode.SMTP, Client: netip.MustParseAddrPort("127.0.0.1:40000"), Server: netip.MustParseAddrPort("127.0.0.1:25")}
		errs := []error{w.Open(i, captures.Meta{Title: "Déjeuner de jeudi", Secrets: "masked"})}
		for _, x := range []struct {
			from decode.Side
			text string
		}{{1, "220 mail ESMTP\r\n"}, {0, "EHLO poste\r\n"}, {1, "250 mail\r\n"}, {0, "QUIT\r\n"}, {1, "221 bye\r\n"}} {
			at = at.Add(time.Millisecond)
			errs = append(errs, w.Chunk(n, decode.Chunk{Time: at, From: x.from, Data: []byte(x.text)}, ""))
		}
		for _, err := range append(errs, w.Close(n)) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
}

// state is all that a library knows of its one recording, but for its number, file and digest.
func state(t *testing.T, dir string) (all []string) {
	t.Helper()
	l, err := library.Open(t.Context(), dir)
	if err == nil {
		defer l.Close()
		_, err = l.Sync(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	list, err := l.Recordings(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	r := list[0]
	slices.Sort(r.Tags)
	all = append(all, "title "+r.Title, "secrets "+r.Secrets, "tags "+strings.Join(r.Tags, " "), r.Began.String(), r.Ended.String())
	sessions, err := l.Sessions(t.Context(), r.ID, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sessions {
		s.ID, s.Recording = 0, 0
		all = append(all, fmt.Sprint(s))
	}
	marks, err := l.Marks(t.Context(), r.Name)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, m := range marks {
		m.ID, m.Recording = 0, ""
		if m.Author == lessonAuthor {
			m.Made = time.Time{} // that of the bundle
		}
		lines = append(lines, fmt.Sprint(m))
	}
	slices.Sort(lines)
	return append(all, lines...)
}

// A bundle brings a recording with all that people added to it to another library: title, tags, marks, notes, the lesson;
// and what was brought goes on in the same way.
func TestBundleRoundTrip(t *testing.T) {
	base := t.TempDir()
	dir := func(n int) string { return filepath.Join(base, string(rune('a'+n))) }
	if err := os.Mkdir(dir(0), 0o700); err != nil {
		t.Fatal(err)
	}
	titled(t, filepath.Join(dir(0), "déjeuner.pcapng"))
	lesson := filepath.Join(base, "leçon.md")
	if err := os.WriteFile(lesson, []byte("# Avant de regarder\n\nQui parle le premier ?\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	must := func(args ...string) string {
		t.Helper()
		code, out, errs := run(t, append([]string{"captures"}, args...)...)
		if code != 0 {
			t.Fatalf("%v: %d\n%s%s", args, code, out, errs)
		}
		return out
	}
	in := func(n int, args ...string) string { return must(append(args, "--library", dir(n))...) }
	in(0, "tag", "1", "keep", "cours-1")
	in(0, "mark", "1.1#3", "le client se nomme")
	in(0, "mark", "1.1#3", "encore: « poste »")
	in(0, "mark", "1.4#5", "il s’en va")
	in(0, "mark", "1.4", "toute la séance")
	for n := range 2 {
		bundle := filepath.Join(base, string(rune('0'+n)))
		args := []string{"export", "1", "--format", "bundle", "-o", bundle}
		if n == 0 {
			args = append(args, "--lesson", lesson)
		}
		if out := in(n, args...); !strings.Contains(out, "facteur "+version()) {
			t.Errorf("exporting does not say what masked it: %s", out)
		}
		in(n+1, "import", bundle+bundleExt)
	}
	first, second, third := state(t, dir(0)), state(t, dir(1)), state(t, dir(2))
	if strings.Join(second, "\n") != strings.Join(third, "\n") {
		t.Errorf("the second copy differs:\n%s\n\n%s", strings.Join(second, "\n"), strings.Join(third, "\n"))
	}
	withoutLesson := slices.DeleteFunc(slices.Clone(second), func(s string) bool { return strings.Contains(s, lessonAuthor) })
	if strings.Join(first, "\n") != strings.Join(withoutLesson, "\n") || len(second) != len(first)+1 {
		t.Errorf("the copy differs:\n%s\n\n%s", strings.Join(first, "\n"), strings.Join(second, "\n"))
	}
	if out := in(2, "show", "1"); !strings.Contains(out, "Qui parle le premier") || !strings.Contains(out, "1.4#5") || !strings.Contains(out, "#keep") {
		t.Errorf("show does not show it:\n%s", out)
	}
}

// Every form of export says what was masked or anonymised, and by which version: in itself, beside it, or both, and where
// the command tells what it wrote.
func TestEveryExportSaysItsTreatment(t *testing.T) {
	base := t.TempDir()
	rec, anon := filepath.Join(base, "masked.pcapng"), filepath.Join(base, "anonymised.pcapng")
	sampleFile(t, "smtp-clear", rec)
	if code, _, errs := run(t, "captures", "anonymize", rec, "-o", anon, "--force"); code != 0 {
		t.Fatal(errs)
	}
	for n, file := range []string{rec, anon} {
		for _, lang := range []string{"fr", "en"} {
			word := [][]string{{"masqué", "anonymisé"}, {"masked", "anonymised"}}[map[string]int{"fr": 0, "en": 1}[lang]][n]
			for _, format := range exportFormats {
				out := filepath.Join(base, filepath.Base(file)+lang+format)
				code, told, errs := run(t, "captures", "export", file, "--format", format, "-o", out, "--lang", lang)
				if code != 0 {
					t.Fatalf("%s: %s", format, errs)
				}
				want, by := word, "facteur "+version()
				switch format {
				case "eml":
					out = filepath.Join(out, "facteur.txt")
				case "bundle":
					out += bundleExt
				}
				octets, err := os.ReadFile(out)
				if err != nil {
					t.Fatal(err)
				}
				if format != "pcapng" && (!strings.Contains(told, want) || !strings.Contains(told, by)) {
					t.Errorf("%s of %s: the command says %q", format, filepath.Base(file), told)
				}
				switch format {
				case "pcapng":
					want = []string{"masked", "anonymized"}[n]
				case "bundle": // zipped
					continue
				}
				if !strings.Contains(string(octets), want) || !strings.Contains(string(octets), by) {
					t.Errorf("%s of %s (%s) does not say %q and %q", format, filepath.Base(file), lang, want, by)
				}
			}
		}
	}
}
