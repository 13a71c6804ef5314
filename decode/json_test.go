package decode

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// reply is an ordinary event as a session in TLS gives it.
func reply() *Event {
	return &Event{
		Seq: 12, Time: time.Date(2026, 11, 22, 10, 15, 2, 123456789, time.FixedZone("CET", 3600)),
		Leg: ServerLeg, From: Server, Layer: Plain, Span: Span{120, 164}, Carried: []Span{{300, 366}, {366, 400}},
		Kind: "smtp.reply",
		Fields: []Field{
			{Name: "line", Value: "250-mail.example.org\n250 2.1.0 Ok"},
			{Name: "code", Value: "250", Span: Span{120, 123}},
			{Name: "enhanced", Value: "2.1.0", Span: Span{124, 129}},
			{Name: "text", Value: "Ok", Span: Span{130, 132}},
		},
		Re:    11,
		Notes: []Note{{ID: "smtp.reply.250.MAIL", Args: []Field{{Name: "size", Value: "12"}}}, {ID: "smtp.enhanced.2.1.0", Span: Span{124, 129}}},
	}
}

// The exact text is a contract: scripts read jsonl, the page reads the web form.
func TestAppendJSONText(t *testing.T) {
	const head = `"session":3,"seq":12,"time":"2026-11-22T09:15:02.123456789Z","leg":"server","from":"server","layer":"plain","span":[120,164],` +
		`"carried":[[300,366],[366,400]],"kind":"smtp.reply",` +
		`"fields":{"line":"250-mail.example.org\n250 2.1.0 Ok","code":"250","enhanced":"2.1.0","text":"Ok"},`
	want := "{" + head + `"re":11,"notes":[{"id":"smtp.reply.250.MAIL","args":{"size":"12"}},{"id":"smtp.enhanced.2.1.0"}]}`
	if got := string(AppendJSON(nil, 3, reply())); got != want {
		t.Errorf("jsonl\n got %s\nwant %s", got, want)
	}
	want = `{"n":412,` + head + `"spans":{"code":[120,123],"enhanced":[124,129],"text":[130,132]},"re":11,` +
		`"notes":[{"id":"smtp.reply.250.MAIL","args":{"size":"12"}},{"id":"smtp.enhanced.2.1.0","span":[124,129]}]}`
	if got := string(AppendWebJSON(nil, 412, 3, reply())); got != want {
		t.Errorf("web\n got %s\nwant %s", got, want)
	}
}

// An event with nothing in it has no empty members, and is appended behind what is there.
func TestAppendJSONLeavesOut(t *testing.T) {
	e := &Event{Seq: 1, Time: time.Unix(0, 0), Kind: "session.gap"}
	const want = `x{"session":1,"seq":1,"time":"1970-01-01T00:00:00Z","leg":"client","from":"client","layer":"wire","span":[0,0],"kind":"session.gap","fields":{}}`
	if got := string(AppendJSON([]byte("x"), 1, e)); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got := string(AppendWebJSON([]byte("x"), 0, 1, e)); got != want {
		t.Errorf("web, without a number\n got %s\nwant %s", got, want)
	}
}

// Fields of one name become one member, with every span and with the secrecy of any.
func TestAppendJSONRepeatedNames(t *testing.T) {
	e := &Event{Kind: "imap.response", Fields: []Field{
		{Name: "argument", Value: "a", Span: Span{1, 2}},
		{Name: "verb", Value: "AUTH"},
		{Name: "argument", Value: "", Span: Span{4, 4}},
		{Name: "argument", Value: "****", Span: Span{5, 9}, Secret: true},
		{Name: "argument", Value: "**", Span: Span{9, 11}, Secret: true},
		{Name: "step", Value: "*", Secret: true},
	}}
	got := string(AppendWebJSON(nil, 1, 1, e))
	const want = `"fields":{"argument":"a\n\n****\n**","verb":"AUTH","step":"*"},"spans":{"argument":[1,2,5,9,9,11]},"secret":["argument","step"]}`
	if !strings.HasSuffix(got, want) {
		t.Errorf("\n got %s\nwant …%s", got, want)
	}
}

// A HelloRetryRequest is a ServerHello to scripts, as on the wire, and the message it is to the page's drawings.
func TestAppendJSONRetry(t *testing.T) {
	e := &Event{Kind: "tls.server_hello", Fields: []Field{{Name: "version", Value: "TLS1.3"}, {Name: "message", Value: "HelloRetryRequest"}}}
	if got := string(AppendJSON(nil, 1, e)); !strings.Contains(got, `"kind":"tls.server_hello"`) {
		t.Errorf("for scripts: %s", got)
	}
	if got := string(AppendWebJSON(nil, 1, 1, e)); !strings.Contains(got, `"kind":"tls.hello_retry_request"`) {
		t.Errorf("for the page: %s", got)
	}
}

// Hostile octets stay readable as JSON, and never reach a terminal as orders.
func TestAppendJSONHostile(t *testing.T) {
	for value, want := range map[string]string{
		"plain é ☃ 😀":           `plain é ☃ 😀`,
		"quote\" back\\":        `quote\" back\\`,
		"a\x00\x1b[31m\x7f":     `a\u0000\u001b[31m\u007f`,
		"\r\n\t":                `\r\n\t`,
		"caf\xe9 \xff\x80":      `caf\u00e9 \u00ff\u0080`,
		"\xc3(\xe2\x82":         `\u00c3(\u00e2\u0082`,
		"\xed\xa0\x80":          `\u00ed\u00a0\u0080`, // a surrogate in UTF-8 is not UTF-8
		"\u009b31m\u2028\u202e": `\u009b31m\u2028\u202e`,
		"�":                     `�`, // sent as such, so it stays
	} {
		if got := string(appendString(nil, value)); got != `"`+want+`"` {
			t.Errorf("%q: got %s, want %q", value, got, want)
		}
	}
}

func FuzzAppendJSON(f *testing.F) {
	f.Add("line", "250 Ok", "text", "\xff\x00\u2028", int64(3), true)
	f.Add("", "", "", "\xed\xa0\x80", int64(-1), false)
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string, at int64, secret bool) {
		e := &Event{Kind: name1, Time: time.Unix(at, at), Span: Span{at, at + 1}, Carried: []Span{{at, at}},
			Fields: []Field{{Name: name1, Value: value1, Span: Span{at, at + 2}}, {Name: name2, Value: value2, Secret: secret}},
			Notes:  []Note{{ID: value2, Args: []Field{{Name: name2, Value: value1}}, Span: Span{0, 1}}}}
		for _, line := range [][]byte{AppendJSON(nil, 1, e), AppendWebJSON(nil, 1, 1, e)} {
			var v struct {
				Fields map[string]string
			}
			if err := json.Unmarshal(line, &v); err != nil {
				t.Fatalf("not JSON: %v\n%s", err, line)
			}
			if !utf8.Valid(line) || bytes.ContainsAny(line, "\x00\n\r\x1b\x7f") {
				t.Fatalf("unsafe to print: %q", line)
			}
			want := latin1(value1)
			if name1 == name2 {
				want += "\n" + latin1(value2)
			}
			if got := v.Fields[latin1(name1)]; got != want && latin1(name1) != latin1(name2) {
				t.Fatalf("field %q: got %q, want %q", name1, got, want)
			}
		}
	})
}

// latin1 is the documented reading of values that are not UTF-8, written the slow way.
func latin1(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

func TestAppendJSONAllocatesNothing(t *testing.T) {
	e, dst := reply(), make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { dst = AppendWebJSON(dst[:0], 412, 3, e) }); n != 0 {
		t.Errorf("%v allocations for an event, want 0", n)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	e, dst := reply(), make([]byte, 0, 4096)
	b.SetBytes(int64(len(AppendJSON(nil, 3, e))))
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendJSON(dst[:0], 3, e)
	}
}

func BenchmarkAppendWebJSON(b *testing.B) {
	e, dst := reply(), make([]byte, 0, 4096)
	b.SetBytes(int64(len(AppendWebJSON(nil, 412, 3, e))))
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendWebJSON(dst[:0], 412, 3, e)
	}
}
