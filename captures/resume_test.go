package captures

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"facteur/decode"
)

// scarce is a file on a disk that has so much room.
type scarce struct {
	*os.File
	room int
}

func (s *scarce) Write(p []byte) (int, error) {
	n := min(len(p), s.room)
	s.room -= n
	if _, err := s.File.Write(p[:n]); err != nil {
		return 0, err
	}
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

// told collects what a recording tells of each leg, losses as "-n".
type toldLegs struct {
	legs    map[string]string
	opened  []Info
	secrets string
}

func (r *toldLegs) Open(i Info) { r.opened = append(r.opened, i) }
func (r *toldLegs) Chunk(session int, c decode.Chunk) {
	key := c.Leg.String() + " " + c.From.String()
	if c.Lost > 0 {
		r.legs[key] += "-" + itoa(c.Lost) + " "
	}
	r.legs[key] += string(c.Data)
}
func (r *toldLegs) Close(int, time.Time) {}
func (r *toldLegs) Secrets(l []byte)     { r.secrets += string(l) }

// A recording that could not be written further goes on once it can: what was handed over meanwhile is told as lost, side by
// side; a leg that was opened and secrets that were given meanwhile are there; a session that ended meanwhile has its gap.
func TestResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.pcapng")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWriter(&scarce{f, 2_000}, WriterOptions{Application: "facteur test"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	open := func(leg decode.Leg) error {
		return w.Open(Info{Session: 1, Leg: leg, Time: at, Protocol: decode.IMAP, Client: netip.MustParseAddrPort("127.0.0.1:50000"), Server: netip.MustParseAddrPort("127.0.0.1:143")}, Meta{Secrets: "masked"})
	}
	say := func(leg decode.Leg, from decode.Side, text string) error {
		return w.Chunk(1, decode.Chunk{Time: at, Leg: leg, From: from, Data: []byte(text)}, "")
	}
	if err := errors.Join(open(decode.ClientLeg), say(decode.ClientLeg, decode.Server, "before"), w.Flush()); err != nil {
		t.Fatal(err)
	}
	err = errors.Join(say(decode.ClientLeg, decode.Client, strings.Repeat("x", 5000)), w.Flush())
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the full disk is told as %v", err)
	}
	_, _, _ = open(decode.ServerLeg), say(decode.ServerLeg, decode.Server, "12345"), say(decode.ClientLeg, decode.Server, "123")
	_ = w.End()
	r, err := Repair(path)
	if err != nil || r.Octets == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	for range 2 { // a second time, after what was resumed
		if err := w.Resume(path, r, func(int) [][]byte { return [][]byte{[]byte("CLIENT_RANDOM 00 11\n")} }); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(say(decode.ClientLeg, decode.Client, "after"), say(decode.ServerLeg, decode.Server, "too"), w.Close(1), w.End()); err != nil {
		t.Fatal(err)
	}
	got := &toldLegs{legs: map[string]string{}}
	if err := ReadFile(path, got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"client server": "before-3 ", "client client": "-5000 after", "server server": "-5 too"}
	for key, text := range want {
		if got.legs[key] != text {
			t.Errorf("%s: %q, want %q", key, got.legs[key], text)
		}
	}
	if len(got.opened) != 2 || got.opened[1].Own == nil || got.opened[1].Midstream || !strings.Contains(got.secrets, "CLIENT_RANDOM") {
		t.Errorf("opened %+v, secrets %q", got.opened, got.secrets)
	}
}
