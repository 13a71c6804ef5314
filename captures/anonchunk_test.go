package captures

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"facteur/decode"
)

// chunkedMessage has everything whose copy hangs on being seen whole: names, addresses, folded fields, parameters,
// boundaries, encodings.
const chunkedMessage = "Date: Sun, 22 Nov 2026 05:00:00 +0000\r\nFrom: Ferdinand Olympe <ferdinand@poste.corp.fr>\r\nSubject: Augmentation\r\n" +
	"Received: from poste.corp.fr\r\n\tby relais.corp.fr\r\nContent-Type: multipart/mixed; boundary=bb; name=salaire.pdf\r\n\r\nPreambule\r\n" +
	"--bb\r\nContent-Transfer-Encoding: base64\r\n\r\nU2FsYWlyZQ==\r\n--bb\r\nContent-Type: message/rfc822\r\n\r\nTo: Ferdinand\r\n\r\n" +
	"- Virement\r\n--bb--\r\n"

// chunkedCapture writes sessions, each of which sends a message in chunks that end where one of cuts says.
func chunkedCapture(t *testing.T, message, before string, cuts [][]int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.pcapng")
	w, err := Create(path, WriterOptions{Application: "facteur test"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_800_000_000, 0)
	for n, ends := range cuts {
		client := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(20000+n))
		i := Info{Session: n + 1, Time: at, Protocol: decode.SMTP, Client: client, Server: netip.MustParseAddrPort("192.0.2.2:25")}
		err := w.Open(i, Meta{Session: n + 1, Leg: "client", Protocol: decode.SMTP})
		from, said := 0, before
		for _, to := range append(slices.Clone(ends), len(message)) {
			last := ""
			if to == len(message) {
				last = " LAST"
			}
			said += fmt.Sprintf("BDAT %d%s\r\n%s", to-from, last, message[from:to])
			from = to
		}
		for _, c := range []decode.Chunk{{From: decode.Server, Data: []byte("220 mx.test\r\n")}, {Data: []byte(said + "QUIT\r\n")}} {
			c.Time = at
			err = errors.Join(err, w.Chunk(n+1, c, ""))
		}
		if err = errors.Join(err, w.Close(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	return path
}

// everyCut gives the ways to cut n octets that are tried: nowhere, at each place, an octet alone, and after every octet.
func everyCut(n int) [][]int {
	cuts := [][]int{nil}
	var all []int
	for cut := 1; cut < n; cut++ {
		cuts = append(cuts, []int{cut})
		if cut > 1 {
			cuts = append(cuts, []int{cut - 1, cut})
		}
		all = append(all, cut)
	}
	return append(cuts, all)
}

// messagesIn gives the message of each session of a capture, its chunks joined, and what is told of it.
func messagesIn(t *testing.T, path string) (octets map[int][]byte, told map[int]string) {
	t.Helper()
	octets, told = map[int][]byte{}, map[int]string{}
	err := Walk(path, WalkOptions{Event: func(n int, e *decode.Event, o []byte) {
		if strings.HasPrefix(e.Kind, "message.") || strings.HasSuffix(e.Kind, ".data.data") {
			octets[n] = append(octets[n], o...)
		}
		if strings.HasPrefix(e.Kind, "message.") {
			told[n] += fmt.Sprintln(e.Kind, e.Field("name"), e.Field("boundary"), e.Field("encoding"), e.Field("type"), e.Field("closing"))
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return octets, told
}

// TestAnonymizeChunks protects messages in chunks (RFC 3030): wherever the chunks end, the copy has the same fields, parts
// and boundaries, and nothing of what the message said. Only a folded field that is cut behind a line is understood in two.
func TestAnonymizeChunks(t *testing.T) {
	cuts := everyCut(len(chunkedMessage))
	path := chunkedCapture(t, chunkedMessage, "EHLO a.test\r\nMAIL FROM:<ferdinand@poste.corp.fr>\r\nRCPT TO:<b@b.test>\r\n", cuts)
	out := filepath.Join(t.TempDir(), "out.pcapng")
	if _, err := Anonymize(path, out, RewriteOptions{Application: "facteur test"}); err != nil {
		t.Fatal(err)
	}
	before, told := messagesIn(t, path)
	after, copied := messagesIn(t, out)
	shapes, _, _ := shapesOf(t, path, nil)
	others, _, _ := shapesOf(t, out, nil)
	for i, cut := range cuts {
		n := i + 1
		if string(before[n]) != chunkedMessage || told[n] != told[1] || copied[n] != told[1] {
			t.Fatalf("cut at %v: the message is\n%s and its copy\n%s", cut, told[n], copied[n])
		}
		if !slices.Equal(shapes[n], others[n]) {
			t.Fatalf("cut at %v: the copy's events are others\n%v\n%v", cut, shapes[n], others[n])
		}
		if len(after[n]) != len(chunkedMessage) || !bytes.HasPrefix(after[n], []byte("Date: Sun, 22 Nov 2026 05:00:00 +0000\r\n")) {
			t.Fatalf("cut at %v: the date is lost, or octets are: %q", cut, after[n])
		}
		for _, word := range []string{"erdinand", "lympe", "poste", "corp", "ugment", "relais", "salaire", "ambule", "U2Fs", "irement"} {
			if bytes.Contains(after[n], []byte(word)) {
				t.Fatalf("cut at %v: %q is still there:\n%s", cut, word, after[n])
			}
		}
	}
}

// TestRedactChunks protects secrets that a message repeats: wherever a chunk ends in one, it is masked in every form.
func TestRedactChunks(t *testing.T) {
	const secret = "Tr0ubador&3"
	stars := strings.Repeat("*", len(secret))
	message := "Subject: " + secret + "\r\n\r\nmot de passe " + secret + ", VHIwdWJhZG9yJjM=\r\n"
	want := "Subject: " + stars + "\r\n\r\nmot de passe " + stars + ", KioqKioqKioqKio=\r\n"
	cuts := everyCut(len(message))
	path := chunkedCapture(t, message, "EHLO a.test\r\nAUTH PLAIN AGJvYgBUcjB1YmFkb3ImMw==\r\nMAIL FROM:<b@b.test>\r\nRCPT TO:<b@b.test>\r\n", cuts)
	out := filepath.Join(t.TempDir(), "out.pcapng")
	if _, err := Redact(path, out, RewriteOptions{Application: "facteur test"}); err != nil {
		t.Fatal(err)
	}
	got, _ := messagesIn(t, out)
	for i, cut := range cuts {
		if string(got[i+1]) != want {
			t.Fatalf("cut at %v: %q", cut, got[i+1])
		}
	}
}

// TestAnonymizeParameters protects the names of files in every form that RFC 2045 and RFC 2231 give a parameter, and what
// the structure of a message hangs on.
func TestAnonymizeParameters(t *testing.T) {
	a := &anonymity{n: &names{p: newPseudonyms(), words: map[string]bool{}}}
	for in, want := range map[string][]string{ // with what stays
		`text/plain`:                                                       {`text/plain`},
		`text/plain; name=salaire.pdf`:                                     {`text/plain; name=`, `.pdf`},
		`x/y;name="salaire; brut.pdf"`:                                     {`x/y;name="`, `; `, `.pdf"`},
		`attachment; filename="sal\"aire.ods"; size=12`:                    {`attachment; filename="`, `.ods"; size=12`},
		`multipart/mixed; boundary=salaire`:                                {`multipart/mixed; boundary=salaire`},
		"a/b; charset=utf-8;\r\n\tname*0*=utf-8'fr'salaire%C3%A9.pdf; x=y": {"a/b; charset=utf-8;\r\n\tname*0*=utf-8'fr'", "%6F%6F", ".pdf; x="},
	} {
		got := string(a.parameters([]byte(in)))
		if len(got) != len(in) {
			t.Errorf("%q becomes %q", in, got)
		}
		rest := got
		for _, w := range want {
			_, after, found := strings.Cut(rest, w)
			if !found {
				t.Errorf("%q becomes %q, without %q", in, got, w)
			}
			rest = after
		}
		if strings.Contains(got, "salaire") && !strings.Contains(in, "boundary") || strings.Contains(got, "aire") && strings.Contains(in, "ods") {
			t.Errorf("%q becomes %q", in, got)
		}
	}
}
