package captures

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"facteur/decode"
	"facteur/decode/tlswire"
)

// shapesOf gives what must stay of each event: what it is, where it is, and what the protocol itself says.
func shapesOf(t *testing.T, path string, keylog []byte) (shapes map[int][]string, octets []byte, bodies [][]byte) {
	t.Helper()
	shapes = map[int][]string{}
	begun := map[place][][]byte{} // octets that end with their chunk: of a header field, perhaps
	keys := new(tlswire.KeyLog)
	keys.Add(keylog)
	p := &pass{keys: keys, event: func(session int, e *decode.Event, o []byte) {
		if strings.HasPrefix(e.Kind, "tls.") {
			return
		}
		shape := fmt.Sprint(e.Kind, e.Layer, e.From, e.Span, e.Re)
		if !strings.HasPrefix(e.Kind, "session.") && e.Kind != "message.part" {
			for _, name := range []string{"verb", "code", "enhanced", "status", "tag", "number", "octets"} {
				shape += " " + e.Field(name)
			}
		}
		shapes[session] = append(shapes[session], shape)
		if readable(e) {
			octets = append(append(octets, o...), '\n')
			at := place{session, e.Leg, e.From, e.Layer}
			switch {
			case strings.HasSuffix(e.Kind, ".data.data"):
				begun[at] = append(begun[at], bytes.Clone(o))
			case e.Kind == "message.header" && !whole(e, "name"):
				delete(begun, at)
			case strings.HasPrefix(e.Kind, "message."):
				bodies = append(bodies, begun[at]...)
				delete(begun, at)
			}
		}
	}}
	if err := p.run(path); err != nil {
		t.Fatal(err)
	}
	for _, b := range begun {
		bodies = append(bodies, b...)
	}
	return shapes, octets, bodies
}

var testAddress = regexp.MustCompile(`([A-Za-z0-9._+-]{3,})@([A-Za-z0-9.-]+\.[A-Za-z]{2,})`)

// TestAnonymizeCorpus holds over every capture: nobody who was in it is in the copy, no line of a body is, and the copy
// is the same session: the same events at the same offsets with the same verbs and codes.
func TestAnonymizeCorpus(t *testing.T) {
	people, replaced := 0, 0
	for path, keylog := range ownCaptures(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.pcapng")
			r, err := Anonymize(path, out, RewriteOptions{KeyLog: keylog, Force: true, Application: "facteur test"})
			if err != nil {
				t.Fatal(err)
			}
			people, replaced = people+r.People, replaced+r.Replaced
			want, before, bodies := shapesOf(t, path, keylog)
			got, after, _ := shapesOf(t, out, nil)
			compressed := slices.ContainsFunc(r.Untreated, func(u Untreated) bool { return u.What == "compressed" })
			for id, a := range want {
				if b := got[id]; b != nil && !compressed && !slices.Equal(a, b) {
					for i := range a {
						if i >= len(b) || a[i] != b[i] {
							t.Errorf("session %d, event %d of %d and %d\n before %s\n after  %s", id, i+1, len(a), len(b), a[i], append(b, "nothing")[min(i, len(b))])
							break
						}
					}
				}
			}
			lower := string(bytes.ToLower(after))
			lines := map[string]bool{}
			for line := range strings.SplitSeq(string(after), "\n") {
				lines[strings.TrimSpace(line)] = true
			}
			for _, m := range testAddress.FindAllSubmatch(before, -1) {
				local, host := strings.ToLower(string(m[1])), strings.ToLower(string(m[2]))
				if !roles[local] && wordBefore(lower, local, '@') {
					t.Errorf("%s is still there", m[0])
				}
				if !nobodysHost(host) && strings.Contains(lower, host) {
					t.Errorf("the host %s is still there", host)
				}
			}
			for _, body := range bodies {
				for line := range bytes.SplitSeq(body, []byte("\n")) {
					if line = bytes.TrimSpace(line); len(line) > 16 && lines[string(line)] {
						t.Errorf("a line of a body is still there: %q", line)
						break
					}
				}
			}
		})
	}
	t.Logf("%d names replaced in %d places", people, replaced)
}

// wordBefore reports whether word stands in text before c, not as the end of another: a pseudonym may end so by chance.
func wordBefore(text, word string, c byte) bool {
	for i := 0; ; {
		k := strings.Index(text[i:], word+string(c))
		if k < 0 {
			return false
		}
		if i += k; i == 0 || !wordOctet(text[i-1]) && strings.IndexByte("._+-", text[i-1]) < 0 {
			return true
		}
		i++
	}
}

// Nobody gets the name of somebody else in the capture for a pseudonym, however few names of that length there are.
func TestPseudonymIsNobodysName(t *testing.T) {
	n := &names{p: newPseudonyms(), words: map[string]bool{}}
	n.p.real = n.words
	var all []string
	for _, a := range consonants {
		for _, b := range vowels {
			all = append(all, string(a)+string(b)+"t")
		}
	}
	n.somebody(strings.Join(all, " "))
	for _, w := range all {
		if got := n.text(w + "@corp.example.fr"); n.words[got[:len(w)]] || len(got) != len(w)+len("@corp.example.fr") {
			t.Errorf("%s becomes %s, who is somebody else", w, got)
		}
	}
}

// Pseudonyms are as long as what they stand for, the same each time, and in nobody's names and ranges.
func TestPseudonyms(t *testing.T) {
	p := newPseudonyms()
	n := &names{p: p, words: map[string]bool{}}
	n.somebody("Ferdinand Olympe")
	for _, s := range []string{
		"ferdinand@poste.example-corp.fr", "olympe.g@x.io", "a@b.fr", "mail.interne-sa.com", "10.0.0.1", "8.8.8.8", "172.16.254.103", "192.168.1.250",
		"2a01:e0a:1:2::35", "IPv6:2a00::1", "fe80::1ff:fe23:4567:890a", "Received: from Ferdinand-PC ([82.65.1.9])", "250 Hello ferdinand, OLYMPE",
		"postmaster@free.fr", "<20261122.4F2A@serveur.free.fr>",
	} {
		a, b := n.text(s), n.text(s)
		if len(a) != len(s) || a != b {
			t.Errorf("%q → %q, then %q", s, a, b)
		}
		if a == s {
			t.Errorf("%q stays", s)
		}
		for _, who := range []string{"ferdinand", "olympe", "poste.", "interne", "free", "82.65", "8.8.8.8", "2a01"} {
			if strings.Contains(strings.ToLower(a), who) {
				t.Errorf("%q → %q: %s is still there", s, a, who)
			}
		}
	}
	for _, s := range []string{"alice@exemple.test", "mail.exemple.test", "127.0.0.1", "::1", "BODY.PEEK[HEADER.FIELDS (FROM)]", "+OK 2 120", "IMAP4rev1 SASL-IR", "photo.jpg", "12:34:56"} {
		if got := n.text(s); got != s && !strings.Contains(s, "@") {
			t.Errorf("%q becomes %q", s, got)
		}
	}
	if a, b := n.text("x@y.corp.com"), n.text("mail.corp.com"); a[strings.LastIndexByte(a, '.')-3:] != b[strings.LastIndexByte(b, '.')-3:] {
		t.Errorf("one domain became two: %s, %s", a, b)
	}
}

// What is written over a body is a body of the same encoding and lines.
func TestProseKeepsForm(t *testing.T) {
	for encoding, body := range map[string]string{
		"":                 "Bonjour,\r\n\r\n..un point\r\nAu revoir\r\n",
		"base64":           "Qm9uam91ciBsZXMgYW1pcywgdm9pY2kgdW4gbWVzc2FnZSBxdWkgZXN0IGFz\r\nc2V6IGxvbmc=\r\n",
		"quoted-printable": "C'est l'=C3=A9t=C3=A9 =\r\nenfin=2E\r\n",
	} {
		for cut := range len(body) {
			out := []byte(body)
			f := newProse(encoding)
			f.over(out[:cut])
			f.over(out[cut:])
			for i := range out {
				if (out[i] == '\r' || out[i] == '\n') != (body[i] == '\r' || body[i] == '\n') {
					t.Fatalf("%s: line ends moved: %q", encoding, out)
				}
			}
			if encoding == "" && !strings.Contains(string(out), "\r\n.") {
				t.Errorf("the dot of a stuffed line is gone: %q", out)
			}
			if encoding == "base64" && !json.Valid([]byte(`"`+strings.NewReplacer("\r", "", "\n", "").Replace(string(out))+`"`)) {
				t.Errorf("base64 became %q", out)
			}
			if strings.Contains(string(out), "amis") || strings.Contains(string(out), "Bonjour") || strings.Contains(string(out), "=C3") {
				t.Errorf("%s: %q is still there", encoding, out)
			}
		}
	}
}
