package decode

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var updateIMAP = flag.Bool("update-imap", false, "write the IMAP goldens anew")

// turn is what one side says at once.
type turn struct {
	from Side
	data []byte
}

// script reads a dialogue: "C: " and "S: " begin a turn that ends in CRLF; "C| " and "S| " one without line end, in which
// Go's escapes stand for octets; "#" is a comment.
func script(text string) (turns []turn) {
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		line = strings.TrimLeft(line, "\t")
		if line == "" || line[0] == '#' {
			continue
		}
		t := turn{from: Client}
		if line[0] == 'S' {
			t.from = Server
		}
		body := strings.TrimPrefix(line[2:], " ")
		if line[1] == '|' {
			said, err := strconv.Unquote(`"` + strings.ReplaceAll(body, `"`, `\"`) + `"`)
			if err != nil {
				panic(line)
			}
			t.data = []byte(said)
		} else {
			t.data = []byte(body + "\r\n")
		}
		turns = append(turns, t)
	}
	return turns
}

// play decodes turns, each cut by cut, and gives every event as JSON.
func play(o Options, turns []turn, cut func([]byte) [][]byte) (out []string) {
	s := New(o)
	keep := func(evs []Event) {
		for i := range evs {
			out = append(out, string(AppendJSON(nil, 1, &evs[i])))
		}
	}
	for i, t := range turns {
		for _, part := range cut(t.data) {
			keep(s.Feed(Chunk{Time: time.Unix(int64(i), 0), From: t.from, Data: part}))
		}
	}
	keep(s.Close(time.Unix(int64(len(turns)), 0)))
	return out
}

func uncut(b []byte) [][]byte { return [][]byte{b} }

func every(n int) func([]byte) [][]byte {
	return func(b []byte) (parts [][]byte) {
		for len(b) > n {
			parts, b = append(parts, b[:n]), b[n:]
		}
		return append(parts, b)
	}
}

func at(n int) func([]byte) [][]byte {
	return func(b []byte) [][]byte {
		if n <= 0 || n >= len(b) {
			return [][]byte{b}
		}
		return [][]byte{b[:n], b[n:]}
	}
}

// summary is an event on one line, short enough for a golden to be read.
func summary(e *Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%2d %s %s [%d,%d)", e.Seq, e.From.String()[:1], e.Kind, e.Span.From, e.Span.To)
	if e.Layer == Plain {
		b.WriteString(" plain")
	}
	if e.Re != 0 {
		fmt.Fprintf(&b, " re=%d", e.Re)
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, " %s=%q", f.Name, f.Value)
		if f.Secret {
			b.WriteString("!")
		}
		if f.Span.To > f.Span.From {
			fmt.Fprintf(&b, "@%d-%d", f.Span.From, f.Span.To)
		}
	}
	b.WriteString(" |")
	for _, n := range e.Notes {
		b.WriteString(" " + n.ID)
	}
	return b.String()
}

func summaries(o Options, turns []turn) (out []string) {
	s := New(o)
	for i, t := range turns {
		evs := s.Feed(Chunk{Time: time.Unix(int64(i), 0), From: t.from, Data: t.data})
		for j := range evs {
			out = append(out, summary(&evs[j]))
		}
	}
	evs := s.Close(time.Unix(int64(len(turns)), 0))
	for j := range evs {
		out = append(out, summary(&evs[j]))
	}
	return out
}

// imapScripts are dialogues of every tricky shape. Their events are in testdata/imap.
func imapScripts(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/imap/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues in testdata/imap: %v", err)
	}
	scripts := map[string]string{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		scripts[strings.TrimSuffix(filepath.Base(f), ".txt")] = string(text)
	}
	return scripts
}

// TestIMAPGolden protects the events of every dialogue, to the octet.
func TestIMAPGolden(t *testing.T) {
	for name, text := range imapScripts(t) {
		got := strings.Join(summaries(Options{Protocol: IMAP}, script(text)), "\n") + "\n"
		file := "testdata/imap/" + name + ".golden"
		if *updateIMAP {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: events differ from %s\n%s", name, file, firstDifference(string(want), got))
		}
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := 0; i < len(w) || i < len(g); i++ {
		a, b := "", ""
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return "want " + a + "\n got " + b
		}
	}
	return ""
}

// TestIMAPSplit protects law 1 where it is hardest: every dialogue cut at every offset of every turn, and octet by octet.
func TestIMAPSplit(t *testing.T) {
	for name, text := range imapScripts(t) {
		turns := script(text)
		o := Options{Protocol: IMAP}
		want := play(o, turns, uncut)
		longest := 0
		for _, tn := range turns {
			longest = max(longest, len(tn.data))
		}
		for n := 1; n <= min(longest, 300); n++ {
			compareEvents(t, fmt.Sprintf("%s cut at %d", name, n), want, play(o, turns, at(n)))
		}
		for _, n := range []int{1, 2, 3, 5} {
			compareEvents(t, fmt.Sprintf("%s cut every %d", name, n), want, play(o, turns, every(n)))
		}
	}
}

func compareEvents(t *testing.T, how string, want, got []string) {
	t.Helper()
	if a, b := strings.Join(want, "\n"), strings.Join(got, "\n"); a != b {
		t.Fatalf("%s:\n%s", how, firstDifference(a, b))
	}
}

// tiles fails the test unless the events' spans touch end to end, per side and layer.
func tiles(t testing.TB, what string, s *Session, turns []turn, cut func([]byte) [][]byte) {
	t.Helper()
	var at [2][3]int64
	var sent [2]int64
	check := func(evs []Event) {
		for i := range evs {
			e := &evs[i]
			if e.Span.From == e.Span.To {
				continue
			}
			if e.Span.From != at[e.From][e.Layer] {
				t.Fatalf("%s: %s begins at %d of %s %s, not at %d", what, e.Kind, e.Span.From, e.From, e.Layer, at[e.From][e.Layer])
			}
			at[e.From][e.Layer] = e.Span.To
			for _, f := range e.Fields {
				if f.Span.From > f.Span.To || f.Span.From < 0 {
					t.Fatalf("%s: %s field %s spans %v", what, e.Kind, f.Name, f.Span)
				}
			}
		}
	}
	for _, tn := range turns {
		sent[tn.from] += int64(len(tn.data))
		for _, part := range cut(tn.data) {
			check(s.Feed(Chunk{From: tn.from, Data: part}))
		}
	}
	check(s.Close(time.Time{}))
	for side := range sent {
		if at[side][Wire] != sent[side] {
			t.Fatalf("%s: %s sent %d octets, %d are told", what, Side(side), sent[side], at[side][Wire])
		}
	}
}

// TestIMAPTiles protects law 2 over the dialogues.
func TestIMAPTiles(t *testing.T) {
	for name, text := range imapScripts(t) {
		tiles(t, name, New(Options{Protocol: IMAP}), script(text), uncut)
		tiles(t, name, New(Options{Protocol: IMAP}), script(text), every(1))
	}
}

// TestIMAPSecrets protects what no viewer may see: the password of every syntax, in fields, lines and released octets.
func TestIMAPSecrets(t *testing.T) {
	const canary = "Kanarienvogel"
	plain := base64.StdEncoding.EncodeToString([]byte("\x00alice\x00" + canary))
	for name, text := range map[string]string{
		"atom":     "C: a LOGIN alice Kanarienvogel",
		"quoted":   `C: a LOGIN "alice" "Kanarienvogel"`,
		"escaped":  `C: a LOGIN alice "\"Kanarienvogel\\"`,
		"literal":  "C: a LOGIN {5}\nS: + OK\nC: alice {13}\nS: + OK\nC: Kanarienvogel",
		"literal+": "C: a LOGIN {5+}\nC: alice {13+}\nC: Kanarienvogel",
		"long":     "C: a LOGIN alice {5013+}\nC: Kanarienvogel" + strings.Repeat("x", 5000),
		"huge":     "C: a LOGIN alice {90013+}\nC: Kanarienvogel" + strings.Repeat("x", 90000),
		"initial":  "C: a AUTHENTICATE PLAIN " + plain + "\nS: a OK",
		"later":    "C: a AUTHENTICATE PLAIN\nS: + \nC: " + plain + "\nS: a OK",
		"login":    "C: a AUTHENTICATE LOGIN\nS: + VXNlcm5hbWU6\nC: YWxpY2U=\nS: + UGFzc3dvcmQ6\nC: " + base64.StdEncoding.EncodeToString([]byte(canary)) + "\nS: a OK",
		"blanks":   "C: a LOGIN alice open Kanarienvogel x",
		"no tag":   "C: LOGIN alice Kanarienvogel",
		"pop":      "C: PASS Kanarienvogel",
		"strange":  "C: a AUTHENTICATE X-NEW Kanarienvogel",
	} {
		for _, cut := range []func([]byte) [][]byte{uncut, every(1)} {
			var released, octets bytes.Buffer
			o := Options{Protocol: IMAP}
			o.Release = func(c Chunk) { released.Write(c.Data) }
			o.Octets = func(_ Leg, _ Side, _ Layer, _ int64, data []byte) { octets.Write(data) }
			events := strings.Join(play(o, script("S: * OK hello\n"+text), cut), "\n")
			for what, text := range map[string]string{"events": events, "released": released.String(), "octets": octets.String()} {
				if strings.Contains(text, canary) || strings.Contains(text, plain[8:]) {
					t.Errorf("%s: the password is in what is %s", name, what)
				}
			}
			if octets.Len() != released.Len() {
				t.Errorf("%s: %d octets shown, %d released", name, octets.Len(), released.Len())
			}
			shown := strings.Join(play(Options{Protocol: IMAP, ShowSecrets: true}, script("S: * OK hello\n"+text), cut), "\n")
			if !strings.Contains(shown, canary) && !strings.Contains(shown, plain[8:]) && name != "huge" && name != "login" {
				t.Errorf("%s: ShowSecrets does not show the password:\n%s", name, shown)
			}
		}
	}
}

// TestIMAPCompress protects COMPRESS=DEFLATE: the same commands and responses as in clear, at every cut, with the wire
// tiled by its blocks.
func TestIMAPCompress(t *testing.T) {
	head := script("S: * OK hello\nC: a COMPRESS DEFLATE\nS: a OK begin")
	dialogue := script("C: b SELECT INBOX\nS: * 3 EXISTS\nS: b OK done\nC: c APPEND INBOX {5+}\nC: hello\nS: c OK done\nC: d LOGOUT\nS: * BYE\nS: d OK")
	turns := append([]turn(nil), head...)
	for side := range 2 {
		var messages [][]byte
		for _, tn := range dialogue {
			if tn.from == Side(side) {
				messages = append(messages, tn.data)
			}
		}
		whole := deflated(t, 6, messages...)
		_, units, _ := inflateUnits(whole, len(whole))
		at := 0
		for i, n := 0, 0; i < len(dialogue); i++ {
			if dialogue[i].from != Side(side) {
				continue
			}
			dialogue[i].data = whole[at : at+units[n][0]]
			at += units[n][0]
			n++
		}
	}
	turns = append(turns, dialogue...)
	o := Options{Protocol: IMAP}
	want := play(o, turns, uncut)
	text := strings.Join(want, "\n")
	for _, line := range []string{`"line":"b SELECT INBOX"`, `"line":"b OK done"`, `"line":"c APPEND INBOX {5+}\n"`, `"line":"d OK"`} {
		if !strings.Contains(text, line) {
			t.Errorf("no event has %s:\n%s", line, text)
		}
	}
	compareEvents(t, "octet by octet", want, play(o, turns, every(1)))
	compareEvents(t, "cut every 3", want, play(o, turns, every(3)))
	tiles(t, "compressed", New(o), turns, every(2))
}

// TestIMAPOneSided protects captures that hold one side only: the literals of a client that nobody answers are still
// literals, and the responses of a server whose client is not there are all told.
func TestIMAPOneSided(t *testing.T) {
	text := strings.Join(summaries(Options{Protocol: IMAP}, script("C: a LOGIN {5}\nC: alice {2}\nC: pw\nC: b NOOP\nC: c APPEND x {3}\nC| abc\\r\\n\nC: d LOGOUT")), "\n")
	for _, want := range []string{`user="alice"`, `password="**"!`, `name="NOOP"`, `name="APPEND"`, `name="LOGOUT"`} {
		if !strings.Contains(text, want) {
			t.Errorf("client only: no %s in\n%s", want, text)
		}
	}
	text = strings.Join(summaries(Options{Protocol: IMAP}, script("S: * OK hi\nS: + go\nS: a OK done\nS: * 3 EXISTS\nS: b NO [ALERT] x")), "\n")
	for _, want := range []string{`tag="+"`, `number="3"`, `code="ALERT"`} {
		if !strings.Contains(text, want) {
			t.Errorf("server only: no %s in\n%s", want, text)
		}
	}
}

// TestIMAPGap protects decoding behind a hole: inside a literal it is counted, elsewhere the next line is read again.
func TestIMAPGap(t *testing.T) {
	s := New(Options{Protocol: IMAP})
	var out []string
	feed := func(c Chunk) {
		evs := s.Feed(c)
		for i := range evs {
			out = append(out, summary(&evs[i]))
		}
	}
	feed(Chunk{From: Server, Data: []byte("* OK hi\r\n* 1 FETCH (BODY[TEXT] {20}\r\n12345")})
	feed(Chunk{From: Server, Lost: 10})
	feed(Chunk{From: Server, Data: []byte("12345)\r\na OK done\r\n* 2 FET")})
	feed(Chunk{From: Server, Lost: 100})
	feed(Chunk{From: Server, Data: []byte("xyz)\r\nb OK done\r\n")})
	text := strings.Join(out, "\n")
	for _, want := range []string{`imap.data.end [57,57)`, `line="* 1 FETCH (BODY[TEXT] {20}\n)"`, `line="a OK done"`, `line="b OK done"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

// TestIMAPEndless protects memory against commands and responses that never end: literals without number, lines without
// end, messages without end, lists without depth.
func TestIMAPEndless(t *testing.T) {
	for name, c := range map[string]struct {
		from       Side
		head, more string
	}{
		"literals":      {Client, "a SEARCH", " {0+}\r\n"},
		"small ones":    {Client, "a SEARCH", " {1+}\r\nx"},
		"messages":      {Client, "a APPEND x", " {1+}\r\nx"},
		"line":          {Client, "a ", "xxxxxxxxxxxxxxxx"},
		"lists":         {Server, "* 1 FETCH ", "(((((((((((((((("},
		"structure":     {Server, "* 1 FETCH (BODY ", "((((((((((((((((\r\n* 1 FETCH (BODY "},
		"commands":      {Client, "a NOOP\r\n", "a NOOP\r\na IDLE\r\n"},
		"header field":  {Server, "* 1 FETCH (BODY[] {99999999999999999999}\r\nX: ", "yyyyyyyyyyyyyyyy"},
		"header fields": {Server, "* 1 FETCH (BODY[] {4000000000}\r\n", "X: y\r\n z\r\n"},
		"continuations": {Server, "* OK\r\n", "+ go on\r\n"},
		"mailboxes":     {Client, "a SELECT 1\r\n", "b SELECT x\r\n"},
	} {
		s := New(Options{Protocol: IMAP})
		s.Feed(Chunk{From: c.from, Data: []byte(c.head)})
		block := []byte(strings.Repeat(c.more, 16<<10/len(c.more)))
		for range 200 { // 3 MB
			s.Feed(Chunk{From: c.from, Data: block})
		}
		sd := &s.legs[0].sides[c.from]
		p := s.legs[0].proto.(*imap)
		u := &p.units[c.from]
		if n := cap(sd.wire.store) + cap(u.raw) + 16*cap(u.segments) + 64*cap(u.literals) + 64*cap(p.running); n > 8*maxLine {
			t.Errorf("%s: %d octets are kept", name, n)
		}
	}
}
