package captures

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"facteur/decode"
)

// TestCanonicalPort holds the ports by which other programs recognise what a leg speaks.
func TestCanonicalPort(t *testing.T) {
	for _, k := range []struct {
		protocol string
		implicit bool
		port     uint16
		route    string
		leg      decode.Leg
		want     uint16
	}{
		{decode.SMTP, false, 2525, "", 0, 25},
		{decode.SMTP, false, 587, "", 0, 587},
		{decode.SMTP, false, 1587, "submission://127.0.0.1:1587=smtp://mail.example.org", decode.ClientLeg, 587},
		{decode.SMTP, false, 1025, "submission://127.0.0.1:1587=smtp://mail.example.org", decode.ServerLeg, 25},
		{decode.SMTP, true, 1465, "", 0, 465},
		{decode.POP3, false, 1110, "", 0, 110},
		{decode.POP3, true, 110, "", 0, 995},
		{decode.IMAP, false, 993, "", 0, 143},
		{decode.IMAP, true, 1993, "", 0, 993},
		{decode.LMTP, false, 1024, "", 0, 24},
		{decode.Sieve, false, 2000, "", 0, 4190},
		{decode.Detect, false, 1234, "", 0, 1234},
	} {
		i := Info{Protocol: k.protocol, Implicit: k.implicit, Leg: k.leg, Server: netip.AddrPortFrom(netip.IPv6Loopback(), k.port)}
		if got := canonicalPort(i, k.route); got != k.want {
			t.Errorf("%+v: port %d", k, got)
		}
	}
}

// TestWriterTogether holds that sessions may be written at the same time by several goroutines, each keeping its order.
func TestWriterTogether(t *testing.T) {
	var file bytes.Buffer
	w, err := NewWriter(&file, WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const sessions, chunks = 8, 50
	var all sync.WaitGroup
	for n := 1; n <= sessions; n++ {
		all.Go(func() {
			// All have the same addresses: the ports must be told apart.
			i := Info{Session: n, Protocol: decode.IMAP, Client: testEnds[0], Server: testEnds[1], Time: time.Unix(1, 0)}
			err := w.Open(i, Meta{})
			for k := range chunks {
				err = errors.Join(err, w.Chunk(n, decode.Chunk{From: decode.Side(k & 1), Data: fmt.Appendf(nil, "%d:%d ", n, k)}, ""))
			}
			if err = errors.Join(err, w.Flush(), w.Close(n)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	if w.Flush() == nil {
		t.Error("a recording that has ended can be written")
	}
	got := texts{}
	if err := Read(&file, "mem", got); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= sessions; n++ {
		want := ""
		for k := range chunks {
			want += fmt.Sprintf("%d:%d ", n, k)
		}
		if got[n] != want {
			t.Errorf("session %d: %q", n, got[n])
		}
	}
}

type texts map[int]string

func (x texts) Open(Info)                    {}
func (x texts) Chunk(n int, ch decode.Chunk) { x[n] += string(ch.Data) }
func (x texts) Close(int, time.Time)         {}
func (x texts) Secrets([]byte)               {}

// TestWriterFailure holds that an error of the file stays, and names itself.
func TestWriterFailure(t *testing.T) {
	full := errors.New("no space left")
	w, err := NewWriter(&brokenFile{err: full, room: 4096}, WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Open(Info{Session: 1}, Meta{}); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		err = w.Chunk(1, decode.Chunk{Data: make([]byte, 60_000)}, "")
	}
	if !errors.Is(err, full) || !errors.Is(w.Flush(), full) || !errors.Is(w.Close(1), full) || !errors.Is(w.End(), full) {
		t.Errorf("a full disk is not told: %v", err)
	}
}

type brokenFile struct {
	err  error
	room int
}

func (b *brokenFile) Write(p []byte) (int, error) {
	if b.room -= len(p); b.room < 0 {
		return 0, b.err
	}
	return len(p), nil
}

// repairs is a Sink that counts what is told of a repair.
type repairs struct {
	nowhere
	open, told int
	octets     string
}

func (r *repairs) Open(Info) { r.open++ }

func (r *repairs) Chunk(_ int, c decode.Chunk) {
	if c.Told != nil && c.Told.Kind == "session.recording" {
		r.told++
		e := decode.Event{Fields: c.Told.Fields}
		r.octets = e.Field("octets")
	}
}

// TestRepairLeavesWriters holds that a recording is not repaired under the hands of its writer, and is found afterwards.
func TestRepairLeavesWriters(t *testing.T) {
	if !canLock {
		if os.Getenv("CI") != "" {
			t.Fatal("CI must run where a file tells that it is being written (flock)")
		}
		t.Skip("this system does not tell who writes a file (no flock)")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "recording.pcapng")
	w, err := Create(path, WriterOptions{Application: "facteur", ID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Open(Info{Session: 1}, Meta{}), w.Flush()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if _, err := Repair(path); !errors.Is(err, ErrRecording) {
		t.Fatalf("repaired while it grows: %v", err)
	}
	if all, err := RepairFolder(dir); err != nil || len(all) != 0 {
		t.Fatalf("repaired while it grows: %v, %v", all, err)
	}
	w.file.Close() // as the end of the program does
	all, err := RepairFolder(dir)
	if err != nil || len(all) != 1 || all[0].Octets != 10 {
		t.Fatalf("found %v, %v", all, err)
	}
	if all, err := RepairFolder(dir); err != nil || len(all) != 0 {
		t.Fatalf("repaired twice: %v, %v", all, err)
	}
}

// TestRepair holds that a recording cut anywhere is whole again after Repair, and that nothing else is touched.
func TestRepair(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recording.pcapng")
	w, err := Create(path, WriterOptions{Application: "facteur", ID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Open(Info{Session: 1}, Meta{}), w.Chunk(1, decode.Chunk{Data: []byte("QUIT")}, ""), w.End()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := 60; n <= len(whole); n++ {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Repair(path)
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		now, _ := os.ReadFile(path)
		if kept := r.Offset; r.Octets > 0 && (kept+r.Octets != int64(n) || !bytes.Equal(now[:kept], whole[:kept])) || r.Octets == 0 && !bytes.Equal(now, whole[:n]) {
			t.Fatalf("cut at %d: %+v, %d octets left", n, r, len(now))
		}
		told := &repairs{}
		if err := ReadFile(path, told); err != nil {
			t.Fatalf("cut at %d and repaired: %v", n, err)
		}
		if said := told.open > 0 && r.Octets > 0; said != (told.told == 1) || said && told.octets != fmt.Sprint(r.Octets) {
			t.Fatalf("cut at %d, %+v: told %d times of %s octets, %d sessions", n, r, told.told, told.octets, told.open)
		}
		if again, err := Repair(path); err != nil || again.Octets != 0 {
			t.Fatalf("cut at %d: repaired again: %+v, %v", n, again, err)
		}
	}
	bad := bytes.Clone(whole)
	le.PutUint32(bad[len(bad)-4:], 7)
	for _, b := range [][]byte{bad, []byte("no recording"), captureOf(plainTalk)} {
		os.WriteFile(path, b, 0o600)
		if _, err := Repair(path); err == nil {
			t.Error("something else was repaired")
		}
		if now, _ := os.ReadFile(path); !bytes.Equal(now, b) {
			t.Error("something else was changed")
		}
	}
}
