package decode

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// lintFixture is a dialogue and the lints it deserves. Its head has "# key: value" lines: protocol, implicit, time, lint
// ("id on kind, id on kind"); "C! fin" ends a side, "C! reset" tears the connection down.
type lintFixture struct {
	o      Options
	chunks []Chunk
	want   []string
	shape  string
}

func readLintFixture(t *testing.T, file string) (f lintFixture) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(0, 0)
	for _, line := range strings.Split(string(text), "\n") {
		switch key, value, _ := strings.Cut(strings.TrimPrefix(line, "# "), ": "); {
		case line == "" || line[0] != '#':
		case key == "protocol":
			f.o.Protocol = value
		case key == "implicit":
			f.o.Implicit[0] = value == "yes"
		case key == "time":
			if at, err = time.Parse(time.RFC3339, value); err != nil {
				t.Fatal(err)
			}
		case key == "lint":
			f.want = strings.Split(value, ", ")
		case key == "shape":
			f.shape = value
		}
		if line == "" || line[0] == '#' {
			continue
		}
		c := Chunk{Time: at, From: map[byte]Side{'C': Client, 'S': Server}[line[0]]}
		if line[1] == '!' {
			c.End = map[string]End{"fin": Finished, "reset": Reset}[line[3:]]
		} else {
			c.Data = script(line)[0].data
		}
		f.chunks = append(f.chunks, c)
	}
	return f
}

// decoded gives all events of the fixture, its chunks cut by cut.
func (f *lintFixture) decoded(o Options, cut func([]byte) [][]byte) (evs []Event) {
	s := New(o)
	for _, c := range f.chunks {
		if c.End != Open {
			evs = append(evs, s.Feed(c)...)
			continue
		}
		for _, part := range cut(c.Data) {
			evs = append(evs, s.Feed(Chunk{Time: c.Time, From: c.From, Data: part})...)
		}
	}
	return append(evs, s.Close(time.Unix(0, 0))...)
}

// lintsOf gives each lint with the kind it stands on, in order of events.
func lintsOf(evs []Event) (out []string) {
	for i := range evs {
		for _, n := range evs[i].Notes {
			if id, ok := strings.CutPrefix(n.ID, "lint."); ok {
				out = append(out, id+" on "+evs[i].Kind)
			}
		}
	}
	return out
}

// TestLintFixtures protects every lint: its fixture shows it where it should stand, and nothing else; at any cut, and in
// the masked copy too.
func TestLintFixtures(t *testing.T) {
	files, _ := filepath.Glob("testdata/lint/*.txt")
	shown := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			f := readLintFixture(t, file)
			var masked []Chunk
			o := f.o
			o.Release = func(c Chunk) {
				c.Data = slices.Clone(c.Data)
				masked = append(masked, c)
			}
			whole := f.decoded(o, uncut)
			got := lintsOf(whole)
			slices.Sort(got)
			slices.Sort(f.want)
			if !slices.Equal(got, f.want) {
				for i := range whole {
					t.Log(summary(&whole[i]))
				}
				t.Fatalf("lints %q, want %q", got, f.want)
			}
			for _, w := range f.want {
				id, _, _ := strings.Cut(w, " ")
				shown[id] = true
			}
			sameText(t, "octet by octet", whole, f.decoded(f.o, every(1)))
			sameText(t, "three octets at a time", whole, f.decoded(f.o, every(3)))
			copied := f
			copied.chunks = masked
			sameText(t, "the masked copy", whole, copied.decoded(f.o, uncut))
			checkLintSpans(t, whole, f.shape)
		})
	}
	for _, id := range strings.Fields(`password_in_clear data_after_starttls capabilities_not_refreshed starttls_unused preauth
		logindisabled_ignored bare_lf bare_cr smuggling long_line nul eight_bit bad_count obsolete_tls cert_expired
		cert_self_signed cert_wrong_name cert_sha1 sasl_downgrade uidl_reuse uidvalidity_change unanswered unexpected_reply
		starttls_plaintext`) {
		if !shown[id] && id != "capabilities_not_refreshed" { // this one is behind TLS: TestCapabilitiesNotRefreshed
			t.Errorf("no fixture shows %s", id)
		}
	}
}

// checkLintSpans fails the test if what a lint points to lies outside its event, or smuggling does not name its shape.
func checkLintSpans(t *testing.T, evs []Event, shape string) {
	t.Helper()
	for i := range evs {
		for _, n := range evs[i].Notes {
			if n.Span != (Span{}) && (n.Span.From < evs[i].Span.From || n.Span.To > evs[i].Span.To) {
				t.Errorf("%s points to %v outside %v", n.ID, n.Span, evs[i].Span)
			}
			if n.ID == "lint.smuggling" && (len(n.Args) != 1 || n.Args[0].Value != shape) {
				t.Errorf("smuggling is said to be %v, want %s", n.Args, shape)
			}
		}
	}
}

func sameText(t *testing.T, how string, want, got []Event) {
	t.Helper()
	text := func(evs []Event) string {
		var b strings.Builder
		for i := range evs {
			b.Write(AppendJSON(nil, 1, &evs[i]))
			b.WriteByte('\n')
		}
		return b.String()
	}
	if a, b := text(want), text(got); a != b {
		t.Errorf("%s: %s", how, firstDifference(a, b))
	}
}

// TestSmugglingShapes protects every pair of line ends around a lone dot, at every cut and also across data events: only
// CRLF.CRLF ends a message, and only it is not warned of.
func TestSmugglingShapes(t *testing.T) {
	ends := []string{"\r\n", "\n", "\r"}
	for _, before := range []int{0, dataBlock - 14, dataBlock - 13, dataBlock - 12, dataBlock - 11} { // the header is 12 octets
		for _, first := range ends {
			for _, second := range ends {
				if first == second && first == "\r\n" {
					continue
				}
				filler := strings.Repeat("yyyyyyyy\r\n", before/10) + strings.Repeat("z", before%10)
				body := "Subject: \r\n\r\n" + filler + "a" + first + "." + second + "b\r\n.\r\n"
				want := fmt.Sprintf("%s.%s", strconv.Quote(first), strconv.Quote(second))
				want = strings.ReplaceAll(want, `"`, "")
				var whole []string
				for _, step := range []int{len(body), 1, 2, 3, 5} {
					turns := script("S: 220 x\nC: DATA\nS: 354 go")
					turns = append(turns, turn{Client, []byte(body)})
					got := play(Options{Protocol: SMTP}, turns, every(step))
					if whole == nil {
						whole = got
						all := strings.Join(got, "\n")
						if !strings.Contains(all, `"lint.smuggling"`) || !strings.Contains(all, strings.ReplaceAll(want, `\`, `\\`)) {
							t.Fatalf("%s behind %d octets: not seen", want, before)
						}
					}
					if a, b := strings.Join(whole, "\n"), strings.Join(got, "\n"); a != b {
						t.Fatalf("%s behind %d octets cut every %d: %s", want, before, step, firstDifference(a, b))
					}
				}
			}
		}
	}
}

// TestTextLintQuickly protects the fast path over whole lines: it finds what the octet-by-octet path finds.
func TestTextLintQuickly(t *testing.T) {
	pieces := []string{"\r\n", "\n", "\r", ".", "..", "a", "\x00", "\xe9", strings.Repeat("x", 998), strings.Repeat("y", 500), "line\r\n", "l\n"}
	r := rand.New(rand.NewPCG(11, 11))
	for range 3000 {
		var text []byte
		for range 1 + r.IntN(40) {
			text = append(text, pieces[r.IntN(len(pieces))]...)
		}
		find := func(step int) string {
			var l textLint
			l.begin(0, checkSMTPText|checkEight|checkFalse)
			for _, part := range every(step)(text) {
				l.scan(part)
			}
			return fmt.Sprintf("%+v before=%v line=%v cr=%v", l.found, l.before, l.line, l.cr)
		}
		want := find(1)
		for _, step := range []int{len(text), 1 + r.IntN(len(text)), 7} {
			if got := find(step); got != want {
				t.Fatalf("%q\ncut every %d: %s\noctet by octet: %s", text, step, got, want)
			}
		}
	}
}
