package samples_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"facteur/captures"
	"facteur/captures/samples"
	"facteur/decode"
	"facteur/decode/tlswire"
	"facteur/internal/filter"
	"facteur/internal/lab"
)

// mostOctets is what all samples may weigh in the program.
const mostOctets = 1_500_000

// Every recording of the lab has a story and every story a recording; everything that the page shows is there in both
// languages.
func TestEverySampleIsWhole(t *testing.T) {
	var total int64
	var ids []string
	themes := map[string]bool{}
	for _, th := range samples.Themes() {
		themes[th.ID] = true
		spoken(t, th.ID, th.Title)
	}
	for _, s := range samples.All() {
		if s.Size == 0 || !themes[s.Theme] || len(s.Tags) == 0 || len(s.Protocols) == 0 || slices.Contains(ids, s.ID) {
			t.Errorf("%s: size %d, theme %q, tags %v, protocols %v; or its ID is taken", s.ID, s.Size, s.Theme, s.Tags, s.Protocols)
		}
		ids, total = append(ids, s.ID), total+s.Size
		spoken(t, s.ID, s.Title)
		spoken(t, s.ID, s.Story)
		for _, text := range []string{s.Story.FR, s.Story.EN} {
			if n := len(sentence.FindAllString(text+" ", -1)); n < 3 || n > 7 {
				t.Errorf("%s: the story has %d sentences, want 3 to 6 or so: %q", s.ID, n, text)
			}
		}
		if len(s.Points) < 2 {
			t.Errorf("%s: %d things to look at", s.ID, len(s.Points))
		}
		for _, p := range s.Points {
			spoken(t, s.ID, p.Text)
		}
	}
	if total > mostOctets || len(ids) < 20 {
		t.Errorf("%d samples of %d octets, want 20 and at most %d", len(ids), total, mostOctets)
	}
	var made []string
	for _, p := range lab.Samples() {
		made = append(made, p.Script.ID)
	}
	slices.Sort(made)
	slices.Sort(ids)
	if !slices.Equal(made, ids) {
		t.Errorf("the lab makes %v\nstories are of %v", made, ids)
	}
	for _, p := range samples.Pairs() {
		spoken(t, p.ID, p.Title)
		for _, id := range p.IDs {
			if !slices.Contains(ids, id) {
				t.Errorf("pair %s names %q, which is no sample", p.ID, id)
			}
		}
	}
	t.Logf("%d samples, %d octets", len(ids), total)
}

var (
	sentence  = regexp.MustCompile(`[.!?)»”] `)
	badFrench = regexp.MustCompile(`[^\x{202f}\d?!][;:!?»] |[^\x{202f}\d?!/.;:][;!?]$|«[^\x{202f}]|'`)
	strange   = regexp.MustCompile(` [;:!?]|  `)
)

// spoken checks that a text is there in both languages, in their typography.
func spoken(t *testing.T, id string, text samples.Text) {
	t.Helper()
	if text.FR == "" || text.EN == "" {
		t.Errorf("%s: not in both languages: %q", id, text)
	}
	code := regexp.MustCompile(`=\?\S*\?=|d=\S+|\d+:\d+`).ReplaceAllString(text.FR, "x")
	if m := badFrench.FindString(code); m != "" {
		t.Errorf("%s: French typography at %q: %q", id, m, text.FR)
	}
	if m := strange.FindString(text.EN); m != "" {
		t.Errorf("%s: English typography at %q: %q", id, m, text.EN)
	}
}

// on writes a sample to a file, as a reader would save it.
func on(t *testing.T, id string) string {
	t.Helper()
	octets, err := samples.Read(id)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), id+".pcapng")
	if err := os.WriteFile(path, octets, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every sample decodes without a rest, and what its story points at is there.
func TestStoriesHold(t *testing.T) {
	for _, s := range samples.All() {
		t.Run(s.ID, func(t *testing.T) {
			points := make([]*filter.Filter, len(s.Points))
			found := make([]int, len(s.Points))
			for i, p := range s.Points {
				f, err := filter.Parse(p.Filter)
				if err != nil {
					t.Fatalf("%q: %v", p.Filter, err)
				}
				points[i] = f
			}
			about := map[int]*filter.About{}
			var protocols []string
			versions := map[string]bool{}
			err := captures.Walk(on(t, s.ID), captures.WalkOptions{Open: func(i captures.Info) {
				if about[i.Session] == nil {
					about[i.Session] = &filter.About{Number: i.Session}
					if !slices.Contains(protocols, i.Protocol) {
						protocols = append(protocols, i.Protocol)
					}
				}
				if i.Own == nil || i.Own.Secrets != "masked" {
					t.Errorf("session %d does not say that it is masked", i.Session)
				}
			}, Event: func(session int, e *decode.Event, _ []byte) {
				a := about[session]
				a.Note(e)
				for i, f := range points {
					if f.Match(e, a) {
						found[i]++
					}
				}
				if undecoded(e) {
					t.Errorf("%d#%d %s: octets that were not understood: %v", session, e.Seq, e.Kind, e.Fields)
				}
				if e.Kind == "tls.server_hello" {
					versions[strings.TrimPrefix(e.Field("version"), "TLS")] = true
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			for i, n := range found {
				if n == 0 {
					t.Errorf("nothing in the recording is what the story points at: %s (%s)", s.Points[i].Filter, s.Points[i].Text.EN)
				}
			}
			if !slices.Equal(protocols, s.Protocols) {
				t.Errorf("the protocols are %v, the list says %v", protocols, s.Protocols)
			}
			if (s.TLS != "") != (len(versions) > 0) || s.TLS != "" && !versions[s.TLS] {
				t.Errorf("the TLS versions are %v, the list says %q", versions, s.TLS)
			}
		})
	}
}

// undecoded reports an event that says that decode could not make sense of octets.
func undecoded(e *decode.Event) bool {
	switch e.Kind {
	case "session.opaque", "session.incomplete", "session.gap", "session.violation", "session.fault":
		return true
	}
	return e.Kind == "tls.record" && slices.ContainsFunc(e.Notes, func(n decode.Note) bool { return strings.Contains(n.ID, "sealed") })
}

// No practice password or token is in a sample, in any form that it could take, sealed or opened.
func TestNoSecretInSamples(t *testing.T) {
	secrets := []string{lab.StaleToken, lab.FreshToken}
	for _, a := range lab.Accounts {
		secrets = append(secrets, a.Password)
	}
	for _, s := range samples.All() {
		octets, err := samples.Read(s.ID)
		if err != nil {
			t.Fatal(err)
		}
		var opened bytes.Buffer
		p := on(t, s.ID)
		if err := captures.Walk(p, captures.WalkOptions{ShowSecrets: true, Keys: new(tlswire.KeyLog), Event: func(_ int, _ *decode.Event, data []byte) {
			opened.Write(data)
			opened.WriteByte(0)
		}}); err != nil {
			t.Fatal(err)
		}
		for _, secret := range secrets {
			for where, data := range map[string][]byte{"the file": octets, "its TLS, opened": opened.Bytes()} {
				if form := hidden(data, secret); form != "" {
					t.Errorf("%s: a secret is in %s (%s)", s.ID, where, form)
				}
			}
		}
		if bytes.Contains(octets, []byte("/tmp/")) || bytes.Contains(octets, []byte("/home/")) {
			t.Errorf("%s names a path of the machine it was made on", s.ID)
		}
	}
}

// hidden names the form in which data holds a secret, "" if it holds none: raw, hex, UTF-16, or base64 at each alignment.
func hidden(data []byte, secret string) string {
	forms := map[string]string{"raw": secret, "hex": hex.EncodeToString([]byte(secret)), "UTF-16": strings.Join(strings.Split(secret, ""), "\x00")}
	for shift := range 3 {
		enc := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret))
		forms[fmt.Sprintf("base64 at %d", shift)] = enc[[]int{0, 2, 3}[shift] : (len(secret)+shift)/3*4]
	}
	for how, form := range forms {
		if bytes.Contains(data, []byte(form)) {
			return how
		}
	}
	return ""
}

// The forms are found where they are, so that not finding them means something.
func TestHiddenIsFound(t *testing.T) {
	for shift := range 3 {
		hay := base64.StdEncoding.EncodeToString([]byte("xyz"[:shift] + lab.FreshToken + "end"))
		if hidden([]byte(hay), lab.FreshToken) == "" {
			t.Errorf("not found at %d", shift)
		}
	}
}

// Wireshark reads every sample: no packet malformed, no checksum wrong, nothing undecrypted.
func TestTsharkReadsSamples(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("tshark is missing in CI")
		}
		t.Skip("tshark is not installed: what Wireshark makes of the samples is not checked")
	}
	for _, s := range samples.All() {
		path := on(t, s.ID)
		out, err := exec.Command(tshark, "-r", path, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields",
			"-e", "_ws.malformed", "-e", "tcp.checksum.status", "-e", "_ws.expert.message", "-e", "imap.request", "-e", "pop.request.command", "-e", "smtp.req.command", "-E", "separator=|").Output()
		if err != nil {
			t.Fatalf("%s: tshark: %v", s.ID, err)
		}
		commands := 0
		for line := range strings.Lines(string(out)) {
			f := strings.Split(strings.TrimRight(line, "\n"), "|")
			if f[0] != "" || strings.Contains(f[1], "0") || strings.Contains(f[2], "Malformed") {
				t.Errorf("%s: tshark complains: %s", s.ID, line)
			}
			if strings.Join(f[3:], "") != "" {
				commands++
			}
		}
		if commands == 0 && s.Theme != "attacks" && s.ID != "managesieve" && s.ID != "imap-compress" && s.ID != "lmtp-delivery" {
			t.Errorf("%s: tshark shows no command", s.ID)
		}
	}
}

// A sample can be read from several places, and an unknown one is said to be.
func TestOpen(t *testing.T) {
	f, err := samples.Open("smtp-clear")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := f.(io.ReaderAt); !ok {
		t.Error("no io.ReaderAt")
	}
	if _, err := samples.Open("../stories.go"); !os.IsNotExist(err) && err == nil {
		t.Error("a file that is no sample was opened")
	}
	var last time.Time
	at := func(i captures.Info) {
		if i.Time.Before(last) || i.Time.Year() != 2026 {
			t.Errorf("session %d begins at %v, after %v", i.Session, i.Time, last)
		}
		last = i.Time
	}
	if err := captures.Walk(on(t, "two-devices"), captures.WalkOptions{Open: at}); err != nil {
		t.Fatal(err)
	}
}
