package captures

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// masked runs a finder over octets cut into pieces, and gives them with what it found replaced.
func masked(f *finder, data []byte, piece int) []byte {
	out := bytes.Clone(data)
	var e edits
	p := place{session: 1}
	s := &search{f: f}
	for at := 0; at < len(data); at += piece {
		s.feed(int64(at), data[at:min(at+piece, len(data))], func(m *found) { e.replace(p, m) })
	}
	s.end(func(m *found) { e.replace(p, m) })
	e.sort()
	e.apply(p, 0, out)
	return out
}

// A secret is found in every form, at every alignment, across line ends and pieces; what is left decodes to stars, and
// nothing around it changes.
func TestFinderSeesThroughDisguises(t *testing.T) {
	for _, secret := range []string{"timbre-rose", "p\"w\\d é§", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "correct horse battery", "héhé"} {
		f := newFinder([]string{secret}, []string{strings.Repeat("*", len(secret))})
		for before := range 4 {
			for after := range 4 {
				plain := strings.Repeat("x", before) + secret + strings.Repeat("y", after)
				coded := base64.StdEncoding.EncodeToString([]byte(plain))
				for name, text := range map[string]string{
					"raw": "<" + plain + ">", "base64": "535 " + coded + "\r\n", "hex": fmt.Sprintf("%x", plain), "HEX": fmt.Sprintf("%X", plain),
					"wrapped": wrap(coded, 7), "quoted-printable": wrap(softly(plain), 0), "percent": "?p=" + percent(plain) + "&",
					"UTF-16": wide(plain, 0), "escaped": `"` + quoteIMAP(plain) + `"`,
				} {
					if len(secret) < 6 && (name == "base64" || name == "wrapped") {
						continue // too little of it is in whole characters
					}
					var first []byte
					for _, piece := range []int{len(text) + 1, 1, 3, 10} {
						out := masked(f, []byte(text), piece)
						if first == nil {
							first = out
						}
						if !bytes.Equal(out, first) {
							t.Errorf("%s of %q in pieces of %d: %q, whole %q", name, plain, piece, out, first)
						}
						if bytes.Equal(out, []byte(text)) || len(out) != len(text) {
							t.Fatalf("%s of %q in pieces of %d: not found", name, plain, piece)
						}
						for how, form := range hidingPlaces(secret) {
							if len(form) >= 6 && bytes.Contains(bytes.ReplaceAll(out, []byte("\r\n"), nil), form) {
								t.Errorf("%s of %q: still there (%s): %q", name, plain, how, out)
							}
						}
						if name == "base64" && piece > len(text) {
							raw, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(string(out[4:]), "\r\n"))
							want := strings.Repeat("x", before) + strings.Repeat("*", len(secret)) + strings.Repeat("y", after)
							if err != nil || string(raw) != want {
								t.Errorf("%q became %q (%v), want %q", plain, raw, err, want)
							}
						}
					}
				}
			}
		}
	}
}

func wrap(s string, n int) string {
	if n == 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i += n {
		b.WriteString(s[i:min(i+n, len(s))] + "\r\n")
	}
	return b.String()
}

// softly writes quoted-printable with a soft line break in the middle.
func softly(s string) string {
	text, _ := escaped(s, s, "=")
	i := len(text) / 2
	for i > 0 && strings.Contains(text[max(0, i-2):i], "=") {
		i--
	}
	return text[:i] + "=\r\n" + text[i:]
}

func percent(s string) string {
	text, _ := escaped(s, s, "%")
	return text
}

// What is not the secret stays: words that begin or end alike, other base64, protocols.
func TestFinderLeavesTheRest(t *testing.T) {
	f := newFinder([]string{"timbre-rose", "abcd"}, []string{"***********", "****"})
	for _, text := range []string{"timbre-ros\r\n", "imbre-rose", "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n", "dGltYnJlLXJvdWdl", "abc d", "QUJDRA=="} {
		if out := masked(f, []byte(text), len(text)); string(out) != text {
			t.Errorf("%q became %q", text, out)
		}
	}
}

// Lengths stay, whatever the octets, and names come out the same wherever they are cut from.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"ferdinand@poste.corp.fr", "* 1 FETCH (ENVELOPE (NIL \"x\" ((\"A\" NIL \"b\" \"c.fr\"))))", "=?utf-8?B?w6k=?= <a@b>", "{3}\r\nabc \"", "10.0.0.1 ::ffff:1.2.3.4 IPv6:1::2", "&AOk-/x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n := &names{p: newPseudonyms(), words: map[string]bool{}}
		n.somebody("Ferdinand Olympe")
		a := &anonymity{n: n, r: &redaction{}}
		for name, out := range map[string][]byte{
			"text": []byte(n.text(string(data))), "people": n.people(data), "free": free(data), "opaque": n.opaqueID(data),
			"value": []byte(n.value(string(data))), "host": []byte(n.hostValue(string(data))), "mailbox": []byte(a.mailbox(string(data))),
			"envelope": a.envelope(data), "structure": a.structure(data), "file": a.fileName(data),
			"base64": inBase64Tokens(data, n.text), "quoted": quoted(data, func(_ int, s []byte) []byte { return n.people(s) }),
		} {
			if len(out) != len(data) {
				t.Errorf("%s: %q became %q", name, data, out)
			}
		}
		closing(data, 0)
	})
}

// A header field of the longest kind (64 KiB) is looked through whatever is in it: what grows beyond all measure would
// run into the time limit of the tests. Nobody can make an anonymisation hang.
func TestNamesEnd(t *testing.T) {
	n := &names{p: newPseudonyms(), words: map[string]bool{}}
	for _, unit := range []string{"a-", "a@", "1.", "1:", "a.", "=?a?b?", "\"", "{1}\r\n", "((", "<", "é", "aaaaaaaaaaaaa1-"} {
		data := bytes.Repeat([]byte(unit), 64<<10/len(unit))
		n.people(data)
		n.opaqueID(data)
		free(data)
		a := &anonymity{n: n, r: &redaction{}}
		a.envelope(data)
		inBase64Tokens(data, n.text)
	}
}
