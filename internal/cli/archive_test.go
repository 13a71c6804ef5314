package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"facteur/captures/samples"
	"facteur/web"
)

func testArchive(t *testing.T) *archive {
	t.Helper()
	r := (&app{lang: "fr", logs: slog.New(slog.DiscardHandler)}).newArchive(t.TempDir())
	t.Cleanup(func() { _ = r.close() })
	return r
}

func sampleFile(t *testing.T, id, path string) {
	t.Helper()
	octets, err := samples.Read(id)
	if err == nil {
		err = os.WriteFile(path, octets, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// listed waits until the index knows all files.
func listed(t *testing.T, r *archive) web.Listing {
	t.Helper()
	for range 100 {
		l, err := r.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !l.Indexing {
			return l
		}
	}
	t.Fatal("the library is never indexed")
	return web.Listing{}
}

// The page's library is the folder: listed with what its sessions are, searched, noted, exported and imported again.
func TestArchiveLibrary(t *testing.T) {
	r, ctx := testArchive(t), t.Context()
	sampleFile(t, "smtp-clear", filepath.Join(r.dir, "a.pcapng"))
	sampleFile(t, "smtp-starttls", filepath.Join(r.dir, "b.pcapng"))
	sampleFile(t, "smtp-implicit", filepath.Join(r.dir, "c.pcapng"))
	if err := os.WriteFile(filepath.Join(r.dir, "bad.pcap"), []byte("no capture at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a.pcapng": "clear", "b.pcapng": "starttls", "c.pcapng": "tls", "bad.pcap": ""}
	for _, row := range listed(t, r).List {
		if got := strings.Join(row.Security, " "); got != want[row.Name] {
			t.Errorf("%s is %q, want %q: %+v", row.Name, got, want[row.Name], row)
		}
		if row.Name == "bad.pcap" {
			if row.Fault == nil || strings.Contains(row.Fault.FR+row.Fault.EN, r.dir) || row.Fault.FR == row.Fault.EN {
				t.Errorf("a corrupt file: %+v", row)
			}
		} else if row.Secrets != "masked" || row.Client == "" || row.Events == 0 || row.Protocols[0] != "smtp" {
			t.Errorf("%+v", row)
		}
		delete(want, row.Name)
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
	hits, err := r.Search(ctx, "cmd:RCPT leg:client", "", 2)
	if err != nil || len(hits.List) != 2 || hits.After == "" || !strings.Contains(hits.List[0].Line, "RCPT") {
		t.Errorf("%+v, %v", hits, err)
	}
	if more, err := r.Search(ctx, "cmd:RCPT leg:client", hits.After, 2); err != nil || len(more.List) != 1 {
		t.Errorf("the rest: %+v, %v", more, err)
	}
	var told *web.Told
	if _, err := r.Search(ctx, "from:nobody", "", 2); !errors.As(err, &told) || told.FR == told.EN {
		t.Errorf("a wrong filter: %v", err)
	}
	if err := r.Tag(ctx, "a.pcapng", "two words", true); !errors.As(err, &told) {
		t.Errorf("a tag of two words: %v", err)
	}
	for _, err := range []error{r.Tag(ctx, "a.pcapng", "keep", true), r.Mark(ctx, "a.pcapng", web.LibraryMark{Session: 1, Seq: 3, Text: "ici"})} {
		if err != nil {
			t.Error(err)
		}
	}
	for format := range web.ExportFormats {
		var out bytes.Buffer
		name := ""
		err := r.Export(ctx, web.Export{Name: "a.pcapng", Format: format, Lang: "fr"}, func(file string) io.Writer { name = file; return &out })
		if err != nil || out.Len() < 100 || !strings.HasPrefix(name, "a") || strings.Contains(out.String(), r.dir) {
			t.Errorf("%s: %q, %d octets, %v", format, name, out.Len(), err)
		}
		if format == "bundle" {
			file := filepath.Join(t.TempDir(), "x")
			if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			names, err := r.Import(ctx, web.Source{Path: file, Name: "cours.facteur"}, false)
			if err != nil || len(names) != 1 || names[0] == "a.pcapng" {
				t.Fatalf("imported %v, %v", names, err)
			}
			c, err := r.Contents(ctx, names[0])
			for end := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(end); c, err = r.Contents(ctx, names[0]) {
				listed(t, r)
			}
			if err != nil || len(c.Marks) != 1 || c.Marks[0].Text != "ici" || len(c.Sessions) == 0 {
				t.Errorf("imported: %+v, %v", c, err)
			}
		}
	}
	if err := r.Remove(ctx, "a.pcapng"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "a.pcapng")); !os.IsNotExist(err) {
		t.Error("the file is still there")
	}
}

// A name is a name in the folder, whatever it looks like; errors name no folder.
func TestArchiveStaysInItsFolder(t *testing.T) {
	r, ctx := testArchive(t), t.Context()
	outside := filepath.Join(t.TempDir(), "secret.pcapng")
	sampleFile(t, "smtp-clear", outside)
	if err := os.Symlink(outside, filepath.Join(r.dir, "link.pcapng")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../x.pcapng", outside, "link.pcapng", "", ".", "index.db", "none.pcapng"} {
		_, err := r.Find(ctx, web.Source{Library: name})
		if name == "" {
			_, err = r.Contents(ctx, name)
		}
		if !errors.Is(err, web.ErrNoRecording) {
			t.Errorf("%q: %v", name, err)
		}
		if err := r.Remove(ctx, name); err == nil {
			t.Errorf("%q could be removed", name)
		}
	}
	file := filepath.Join(t.TempDir(), "upload")
	if err := os.WriteFile(file, []byte("no capture"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Import(ctx, web.Source{Path: file, Name: "x.pcap"}, false); err == nil || strings.Contains(err.Error(), filepath.Dir(file)) {
		t.Errorf("importing what is no capture: %v", err)
	}
	page := web.New(web.Options{Mode: "replay"})
	reel := page.Hub().Tape(web.TapeState{})
	if err := r.Read(ctx, web.Source{Path: file, Name: "x.pcap"}, reel); err == nil || strings.Contains(err.Error(), filepath.Dir(file)) {
		t.Errorf("reading what is no capture: %v", err)
	}
}

// What is read of a sample as a tape is what the page gets: all events, or one session's; and it can be ended.
func TestArchiveRead(t *testing.T) {
	r := testArchive(t)
	s, err := r.Find(t.Context(), web.Source{Sample: "smtp-clear"})
	if err != nil || s.Size == 0 || s.Title.FR == s.Title.EN {
		t.Errorf("%+v, %v", s, err)
	}
	for session, some := range map[int]bool{0: true, 1: true, 9: false} {
		page := web.New(web.Options{Mode: "replay"})
		if err := r.Read(t.Context(), web.Source{Sample: "smtp-clear", Session: session}, page.Hub().Tape(web.TapeState{})); err != nil {
			t.Error(err)
		}
		if got := page.Hub().Last() > 10; got != some {
			t.Errorf("session %d: %d events", session, page.Hub().Last())
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Read(ended, web.Source{Sample: "smtp-clear"}, web.New(web.Options{Mode: "replay"}).Hub().Tape(web.TapeState{})); err == nil {
		t.Error("a reading that was ended went on")
	}
}
