package cli

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"facteur/captures"
	"facteur/decode"
)

// onTape is a recording in a folder of its own, with a clock that the test moves.
func onTape(t *testing.T, rotate string) (*recording, *time.Time) {
	t.Helper()
	r, err := newRecording(t.TempDir(), "imap", "Leçon 5\u202f: l’enveloppe", nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.rotate, err = parseRotation(rotate); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	r.now = func() time.Time { return now }
	return r, &now
}

func openLeg(t *testing.T, r *recording, session int) error {
	t.Helper()
	return r.Open(captures.Info{Session: session, Time: r.now(), Protocol: decode.IMAP, Client: netip.MustParseAddrPort("127.0.0.1:50000"),
		Server: netip.MustParseAddrPort("127.0.0.1:143")}, captures.Meta{Secrets: "masked"})
}

func say(r *recording, session int, text string) error {
	return r.Chunk(session, decode.Chunk{Time: r.now(), From: decode.Server, Data: []byte(text)}, "")
}

// sessionsIn gives the octets of each session of each file of a folder, and that it reads without a fault.
func sessionsIn(t *testing.T, dir string) (files []string, octets []map[int]int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		of := map[int]int{}
		sink := &counting{open: func(i captures.Info) { of[i.Session] += 0 }, chunk: func(s int, c decode.Chunk) { of[s] += len(c.Data) }}
		if err := captures.ReadFile(f, sink); err != nil {
			t.Errorf("%s: %v", f, err)
		}
		octets = append(octets, of)
	}
	return files, octets
}

// A recording that is full or old is followed by another; sessions stay whole in the file they began in.
func TestRotation(t *testing.T) {
	for _, rotate := range []string{"64KB", "1h", "1GB,1h", "lesson"} {
		t.Run(rotate, func(t *testing.T) {
			by := rotate
			if by == "lesson" {
				by = ""
			}
			r, now := onTape(t, by)
			check := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			check(openLeg(t, r, 1))
			check(openLeg(t, r, 2))
			check(say(r, 1, strings.Repeat("x", 100_000)))
			check(r.Flush())
			*now = now.Add(2 * time.Hour)
			if rotate == "lesson" {
				r.lesson("two", "La deuxième")
			}
			check(openLeg(t, r, 3))
			check(say(r, 1, "the end of session 1"))
			check(say(r, 3, "session 3"))
			check(r.Close(1))
			check(r.Close(2))
			check(r.Close(3))
			check(r.end())
			files, octets := sessionsIn(t, r.dir)
			if len(files) != 2 || octets[0][1] != 100_020 || len(octets[0]) != 2 || octets[1][3] != 9 || len(octets[1]) != 1 {
				t.Fatalf("%v: %v", files, octets)
			}
			if name := filepath.Base(files[0]); name != "2026-11-23_09-00-00_leçon-5-l-enveloppe.pcapng" {
				t.Errorf("the file is called %s", name)
			}
		})
	}
}

// A session that began before a lesson changed is in the recording of its own lesson, however late it is heard of.
func TestLessonKeepsItsSessions(t *testing.T) {
	r, now := onTape(t, "")
	began := *now
	if err := errors.Join(openLeg(t, r, 1), r.Close(1)); err != nil {
		t.Fatal(err)
	}
	*now = now.Add(time.Second)
	r.lesson("two", "")
	late := captures.Info{Session: 2, Time: began, Protocol: decode.IMAP}
	if err := errors.Join(r.Open(late, captures.Meta{}), openLeg(t, r, 3), r.Close(2), r.Close(3)); err != nil {
		t.Fatal(err)
	}
	r.lesson("three", "")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	files, octets := sessionsIn(t, r.dir)
	if len(files) != 2 || len(octets[0]) != 2 || len(octets[1]) != 1 {
		t.Fatalf("%v: %v", files, octets)
	}
}

// What is no rotation is refused before anything is recorded.
func TestParseRotation(t *testing.T) {
	if r, err := parseRotation(" 1.5 GB , 30m"); err != nil || r.size != 3<<29 || r.age != 30*time.Minute {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := parseRotation("100Mo"); err != nil || r.size != 100<<20 {
		t.Errorf("%+v, %v", r, err)
	}
	for _, s := range []string{"100", "MB", "-1MB", "1KB", "1ms", "1h,", "99999999999GB", "daily"} {
		if _, err := parseRotation(s); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}

// fullDisk takes so many octets and then, like a disk, a part of a write.
type fullDisk struct {
	w    io.Writer
	room *int
}

func (f fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), *f.room)
	*f.room -= n
	if _, err := f.w.Write(p[:n]); err != nil {
		return 0, err
	}
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

// On a full disk the recording stops, what is written opens, sessions go on unrecorded; with room again, new sessions are
// recorded into another file, and those under way go on in theirs, where what was said meanwhile is told as lost.
func TestDiskFull(t *testing.T) {
	r, now := onTape(t, "")
	room := 9_000
	r.create = func(path string, o captures.WriterOptions) (*captures.Writer, error) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		return captures.NewWriter(fullDisk{f, &room}, o)
	}
	r.room = func(string) error {
		if room <= 0 {
			return syscall.ENOSPC
		}
		return nil
	}
	var told captures.Repaired
	r.ended = func(_ string, x captures.Repaired, err error) {
		if err != nil {
			t.Error(err)
		}
		told = x
	}
	if err := errors.Join(openLeg(t, r, 1), say(r, 1, "* OK\r\n"), r.Flush()); err != nil {
		t.Fatal(err)
	}
	err := errors.Join(say(r, 1, strings.Repeat("y", 20_000)), r.Flush())
	if !errors.Is(err, errStopped) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the full disk is told as %v", err)
	}
	if told.Octets == 0 {
		t.Error("no unfinished end was repaired")
	}
	for range 3 { // all that goes on is told the same, and nothing is written
		for what, err := range map[string]error{"octets": say(r, 1, "z"), "a session": openLeg(t, r, 2), "an end": r.Close(2), "a flush": r.Flush()} {
			if !errors.Is(err, errStopped) {
				t.Fatalf("%s, after the disk is full: %v", what, err)
			}
		}
		*now = now.Add(retryEvery)
	}
	room = 1 << 20
	*now = now.Add(retryEvery)
	if err := errors.Join(openLeg(t, r, 3), say(r, 3, "* OK\r\n"), say(r, 1, "back"), r.Close(1), r.Close(3), r.Flush(), r.end()); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	files, octets := sessionsIn(t, r.dir)
	if len(files) != 2 || octets[0][1] != 6+4 || octets[1][3] != 6 || len(octets[1]) != 1 {
		t.Fatalf("%v: %v", files, octets)
	}
	lost := 0
	if err := captures.ReadFile(files[0], &counting{open: func(captures.Info) {}, chunk: func(_ int, c decode.Chunk) { lost += c.Lost }}); err != nil || lost != 20_000+3 {
		t.Errorf("%d octets are told to be lost, %v", lost, err)
	}
}
