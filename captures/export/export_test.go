package export

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"facteur/captures"
	"facteur/decode"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type turn struct {
	from decode.Side
	text string
}

const c, s = decode.Client, decode.Server

// made writes a recording of sessions, each a protocol and its turns.
func made(t testing.TB, sessions map[string][]turn) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "made.pcapng")
	w, err := captures.Create(path, captures.WriterOptions{Application: "facteur test"})
	check(t, err)
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	n := 0
	for _, protocol := range []string{decode.SMTP, decode.POP3, decode.IMAP} {
		turns := sessions[protocol]
		if turns == nil {
			continue
		}
		n++
		port := map[string]uint16{decode.SMTP: 25, decode.POP3: 110, decode.IMAP: 143}[protocol]
		i := captures.Info{Session: n, Time: at, Protocol: protocol, Client: netip.MustParseAddrPort("127.0.0.1:40000"), Server: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)}
		check(t, w.Open(i, captures.Meta{Secrets: "masked"}))
		for _, x := range turns {
			at = at.Add(time.Millisecond)
			check(t, w.Chunk(n, decode.Chunk{Time: at, From: x.from, Data: []byte(x.text)}, ""))
		}
		check(t, w.Chunk(n, decode.Chunk{Time: at, From: c, End: decode.Finished}, ""))
		check(t, w.Chunk(n, decode.Chunk{Time: at, From: s, End: decode.Finished}, ""))
		check(t, w.Close(n))
	}
	check(t, w.End())
	return path
}

// hostile is a message that tries everything: markup, scripts, controls, directions, dots, octets that are no UTF-8.
const hostile = "From: \"<script>alert(1)</script>\" <a@exemple.test>\r\nSubject: ../../x `rm` <img src=x onerror=1> \xe2\x80\xaegnp.exe | --\r\n" +
	"Date: Sun, 22 Nov 2026 09:00:00 +0100\r\nMessage-ID: <1@exemple.test>\r\n\r\n.\r\n..\r\n.dot\r\n</pre></details></style><script>x</script>\r\n\x1b[2J\xff\xfe```\r\nfin"

func stuffed(m string) string {
	return strings.ReplaceAll(strings.ReplaceAll("\n"+m, "\n.", "\n.."), "\n\n", "\n\n")[1:]
}

func sessions() map[string][]turn {
	m := hostile + "\r\n"
	return map[string][]turn{
		decode.SMTP: {{s, "220 mail ESMTP\r\n"}, {c, "EHLO x\r\n"}, {s, "250-mail\r\n250-CHUNKING\r\n250 AUTH PLAIN\r\n"},
			{c, "AUTH PLAIN AGFsaWNlAHRpbWJyZS1yb3Nl\r\n"}, {s, "235 ok\r\n"},
			{c, "MAIL FROM:<a@exemple.test>\r\n"}, {s, "250 ok\r\n"}, {c, "RCPT TO:<b@exemple.test>\r\n"}, {s, "250 ok\r\n"}, {c, "DATA\r\n"}, {s, "354 go\r\n"},
			{c, stuffed(m) + ".\r\n"}, {s, "250 ok\r\n"},
			{c, "MAIL FROM:<a@exemple.test>\r\n"}, {s, "250 ok\r\n"}, {c, "RCPT TO:<b@exemple.test>\r\n"}, {s, "250 ok\r\n"},
			{c, fmt.Sprintf("BDAT %d\r\n%s", 50, m[:50])}, {s, "250 ok\r\n"}, {c, fmt.Sprintf("BDAT %d LAST\r\n%s", len(m)-50, m[50:])}, {s, "250 ok\r\n"},
			{c, "QUIT\r\n"}, {s, "221 bye\r\n"}},
		decode.POP3: {{s, "+OK ready\r\n"}, {c, "USER alice\r\n"}, {s, "+OK\r\n"}, {c, "PASS timbre-rose\r\n"}, {s, "+OK\r\n"}, {c, "RETR 1\r\n"},
			{s, "+OK follows\r\n" + stuffed(m) + ".\r\n"}, {c, "TOP 1 0\r\n"}, {s, "+OK\r\nSubject: nur ein Teil\r\n\r\n.\r\n"}, {c, "QUIT\r\n"}, {s, "+OK\r\n"}},
		decode.IMAP: {{s, "* OK ready\r\n"}, {c, "a LOGIN alice timbre-rose\r\n"}, {s, "a OK in\r\n"}, {c, "b SELECT INBOX\r\n"}, {s, "* 1 EXISTS\r\nb OK\r\n"},
			{c, "c FETCH 1 (UID BODY.PEEK[])\r\n"}, {s, fmt.Sprintf("* 1 FETCH (UID 7 BODY[] {%d}\r\n%s)\r\nc OK\r\n", len(m), m)},
			{c, fmt.Sprintf("d APPEND INBOX (\\Seen) {%d+}\r\n%s\r\n", len(m), m)}, {s, "d OK\r\n"},
			{c, "e FETCH 1 BODY[1]\r\n"}, {s, "* 1 FETCH (BODY[1] {4}\r\nPart)\r\ne OK\r\n"}, {c, "f LOGOUT\r\n"}, {s, "* BYE\r\nf OK\r\n"}},
	}
}

// TestMessagesRoundTrip holds that a message leaves every protocol as it went in, octet for octet, and that parts of
// messages are none.
func TestMessagesRoundTrip(t *testing.T) {
	dir := t.TempDir()
	treated := ""
	got, err := Messages(dir, made(t, sessions()), Options{Version: "facteur 9.9", Lang: "en", Treated: func(words string) { treated = words }})
	check(t, err)
	how := map[string]int{}
	for _, m := range got {
		how[m.How]++
		data, err := os.ReadFile(filepath.Join(dir, m.File))
		check(t, err)
		if m.Incomplete || string(data) != hostile+"\r\n" || int64(len(data)) != m.Octets {
			t.Errorf("%+v: %q", m, data)
		}
		if !regexp.MustCompile(`^[0-9]{3}_[0-9]+(_[a-z0-9-]+)?\.eml$`).MatchString(m.File) {
			t.Errorf("a file is named %q", m.File)
		}
	}
	if len(got) != 5 || how["DATA"] != 1 || how["BDAT"] != 1 || how["RETR"] != 1 || how["BODY[]"] != 1 || how["message"] != 1 {
		t.Errorf("%v", how)
	}
	left, _ := os.ReadDir(dir)
	if len(left) != len(got)+1 {
		t.Errorf("%d files for %d messages and what is said about them", len(left), len(got))
	}
	about, err := os.ReadFile(filepath.Join(dir, AboutName))
	check(t, err)
	for _, want := range []string{"secrets masqués par facteur 9.9", "secrets masked by facteur 9.9", "the very octets", got[0].File, fmt.Sprintf("%x", sha256.Sum256([]byte(hostile+"\r\n")))} {
		if !strings.Contains(string(about), want) {
			t.Errorf("%s does not say %q:\n%s", AboutName, want, about)
		}
	}
	if treated != "secrets masked by facteur 9.9" {
		t.Errorf("told %q", treated)
	}
	if _, err := Messages(dir, made(t, sessions()), Options{}); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("into a folder with files: %v", err)
	}
}

// A session cut in its message leaves what there is, and its name says so.
func TestMessagesIncomplete(t *testing.T) {
	turns := sessions()[decode.POP3][:7]
	turns[6].text = turns[6].text[:150]
	dir := t.TempDir()
	got, err := Messages(dir, made(t, map[string][]turn{decode.POP3: turns}), Options{})
	check(t, err)
	if len(got) != 1 || !got[0].Incomplete || !strings.HasSuffix(got[0].File, "_incomplete.eml") {
		t.Errorf("%+v", got)
	}
}

// TestExports holds for every format: the password is in none, in no encoding; what was masked and by which version is
// said; nothing that a terminal or browser obeys is in it; and both languages differ.
func TestExports(t *testing.T) {
	path := made(t, sessions())
	marks := []Mark{{Session: 1, Seq: 3, Text: "ici <b>"}, {Session: 2, Text: "toute la séance"}}
	for name, f := range map[string]func(io.Writer, string, Options) error{"text": Text, "markdown": Markdown, "jsonl": JSONL, "html": HTML} {
		var fr, en bytes.Buffer
		check(t, f(&fr, path, Options{Lang: "fr", Version: "facteur 9.9", Marks: marks}))
		check(t, f(&en, path, Options{Lang: "en", Version: "facteur 9.9", Marks: marks}))
		if name != "jsonl" && !strings.Contains(fr.String(), "secrets masqués par facteur 9.9") || !strings.Contains(en.String(), "secrets masked by facteur 9.9") {
			t.Errorf("%s does not say what was masked, and by what:\n%.300s", name, en.String())
		}
		if name != "jsonl" && (!strings.Contains(fr.String(), "toute la séance") || fr.String() == en.String()) {
			t.Errorf("%s: the marks are missing, or the languages are one", name)
		}
		for _, out := range []string{fr.String(), en.String()} {
			for _, form := range []string{"timbre-rose", "AHRpbWJyZS1yb3Nl", "bWJyZS1yb3N", "aW1icmUtcm9z", "74696d6272652d", "74 69 6d 62 72 65"} {
				if strings.Contains(out, form) {
					t.Errorf("%s: the password is in it (%s)", name, form)
				}
			}
			if i := strings.IndexFunc(out, func(r rune) bool { return r != '\n' && visible(string(r)) != string(r) }); i >= 0 {
				t.Errorf("%s: a control character at %d: %q", name, i, out[max(0, i-40):min(len(out), i+20)])
			}
			if !strings.Contains(out, "MAIL FROM:") {
				t.Errorf("%s: no command in it", name)
			}
		}
	}
}

// The HTML file is inert: only our own elements, no attribute that runs or fetches anything, and a policy against both.
func TestHTMLIsInert(t *testing.T) {
	var b bytes.Buffer
	check(t, HTML(&b, made(t, sessions()), Options{Lang: "fr", Version: "facteur 9.9", Title: "</title><script>alert(1)</script>"}))
	out := b.String()
	ours := regexp.MustCompile(`^</?(!DOCTYPE|html|head|meta|title|style|body|header|main|section|h1|h2|p|ol|li|span|div|code|details|summary|pre)\b[^<]*$`)
	for _, tag := range regexp.MustCompile(`<[^>]*>`).FindAllString(out, -1) {
		if !ours.MatchString(strings.TrimSuffix(tag, ">")) || regexp.MustCompile(`(?i)\s(on\w+|src|href|action)\s*=`).MatchString(tag) {
			t.Errorf("%s", tag)
		}
	}
	if !strings.Contains(out, "default-src 'none'") || strings.Contains(strings.Split(out, "</style>")[0], "url(") || strings.Contains(out, "@import") {
		t.Error("no policy, or the style fetches something")
	}
	if !strings.Contains(out, "<details>") || !strings.Contains(out, "00000000  ") || !strings.Contains(out, "@media print") {
		t.Error("no octets or no paper")
	}
}

// Every line of JSONL is an object; the first says what the export is.
func TestJSONL(t *testing.T) {
	var b bytes.Buffer
	check(t, JSONL(&b, made(t, sessions()), Options{Lang: "en", Version: "v"}))
	n := 0
	for line := range strings.Lines(b.String()) {
		var x struct {
			Kind string
			Seq  int
		}
		check(t, json.Unmarshal([]byte(line), &x))
		if n == 0 && x.Kind != "export.about" || n == 1 && x.Seq != 1 {
			t.Errorf("line %d: %s", n, line)
		}
		n++
	}
	if n < 80 {
		t.Errorf("%d lines", n)
	}
}

// A bundle gives back what was put in, and one that was changed or swells gives an error.
func TestBundle(t *testing.T) {
	path := made(t, sessions())
	var b bytes.Buffer
	check(t, Bundle(&b, Manifest{Version: "v", Treatment: "masked", Title: "t", Lesson: "l", Recordings: []BundledRecording{{Name: "a.pcapng", Marks: []Mark{{Session: 1, Seq: 2, Text: "x"}}}}}, []string{path}))
	file := filepath.Join(t.TempDir(), "x.facteur")
	check(t, os.WriteFile(file, b.Bytes(), 0o600))
	want, _ := os.ReadFile(path)
	var got []byte
	m, err := Unbundle(file, func(r BundledRecording, in io.Reader) (err error) {
		got, err = io.ReadAll(in)
		return err
	})
	check(t, err)
	if !bytes.Equal(got, want) || len(m.Recordings) != 1 || m.Recordings[0].Marks[0].Text != "x" || m.Title != "t" || m.Lesson != "l" || m.Treatment != "masked" || m.Version != "v" {
		t.Errorf("%d octets for %d, %+v", len(got), len(want), m)
	}
	for n := range 40 {
		bad := bytes.Clone(b.Bytes())
		bad[len(bad)*n/40] ^= 0x55
		check(t, os.WriteFile(file, bad, 0o600))
		_, err := Unbundle(file, func(r BundledRecording, in io.Reader) (err error) {
			got, err = io.ReadAll(in)
			return err
		})
		if err == nil && !bytes.Equal(got, want) {
			t.Errorf("octet %d of the bundle changed, and nobody noticed", len(bad)*n/40)
		}
	}
	var evil bytes.Buffer
	check(t, Bundle(&evil, Manifest{Recordings: []BundledRecording{{Name: "../../evil.pcapng"}}}, []string{path}))
	check(t, os.WriteFile(file, evil.Bytes(), 0o600))
	if _, err := Unbundle(file, func(BundledRecording, io.Reader) error { t.Error("it was unpacked"); return nil }); !errors.Is(err, ErrBundle) {
		t.Errorf("a bundle that leads out of the folder: %v", err)
	}
}

// Of a recording that is cut off, all that can be read is exported, and the export says that there is no more.
func TestExportSaysItsEnd(t *testing.T) {
	path := made(t, sessions())
	octets, err := os.ReadFile(path)
	check(t, err)
	check(t, os.WriteFile(path, octets[:len(octets)*2/3], 0o600))
	for name, f := range map[string]func(io.Writer, string, Options) error{"text": Text, "markdown": Markdown, "jsonl": JSONL, "html": HTML} {
		var b bytes.Buffer
		err := f(&b, path, Options{Lang: "fr", Version: "v"})
		var format *captures.FormatError
		if !errors.As(err, &format) || !strings.Contains(b.String(), "fin inattendue") || !strings.Contains(b.String(), "EHLO") {
			t.Errorf("%s: %v; %s", name, err, b.String()[max(0, b.Len()-200):])
		}
		if name == "html" && !strings.HasSuffix(b.String(), "</html>\n") {
			t.Error("the page does not end")
		}
	}
}
