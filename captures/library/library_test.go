package library

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/internal/bilingual"
	"facteur/internal/filter"
)

// line is what one side of a made session says.
type line struct {
	from decode.Side
	text string
}

// smtpSession is a session with a password, a message and a refusal.
func smtpSession(n int) []line {
	code := "250 2.0.0 queued"
	if n%50 == 7 {
		code = "550 5.1.1 unknown user"
	}
	return []line{
		{decode.Server, "220 mail.exemple.test ESMTP\r\n"}, {decode.Client, "EHLO poste.exemple.test\r\n"},
		{decode.Server, "250-mail.exemple.test\r\n250-AUTH PLAIN\r\n250 SIZE 1000000\r\n"},
		{decode.Client, "AUTH PLAIN AGFsaWNlAHRpbWJyZS1yb3Nl\r\n"}, {decode.Server, "235 2.7.0 ok\r\n"},
		{decode.Client, fmt.Sprintf("MAIL FROM:<alice%d@exemple.test>\r\n", n)}, {decode.Server, "250 2.1.0 ok\r\n"},
		{decode.Client, "RCPT TO:<bob@exemple.test>\r\n"}, {decode.Server, "250 2.1.5 ok\r\n"},
		{decode.Client, "DATA\r\n"}, {decode.Server, "354 go on\r\n"},
		{decode.Client, fmt.Sprintf("From: alice%d@exemple.test\r\nTo: bob@exemple.test\r\nSubject: Lettre num\xc3\xa9ro %d\r\nDate: Sun, 22 Nov 2026 09:15:02 +0100\r\nMessage-ID: <%d@exemple.test>\r\n\r\nBonjour.\r\n.\r\n", n, n, n)},
		{decode.Server, code + "\r\n"}, {decode.Client, "QUIT\r\n"}, {decode.Server, "221 2.0.0 bye\r\n"},
	}
}

// record writes a recording with that many sessions.
func record(t testing.TB, path string, sessions int) {
	t.Helper()
	w, err := captures.Create(path, captures.WriterOptions{Application: "facteur test", Title: "essai"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for n := 1; n <= sessions; n++ {
		i := captures.Info{Session: n, Time: at, Protocol: decode.SMTP,
			Client: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(40000+n%20000)), Server: netip.MustParseAddrPort("127.0.0.1:25")}
		check(t, w.Open(i, captures.Meta{Title: "essai", Secrets: "kept"}))
		check(t, w.Chunk(n, decode.Chunk{Time: at, Told: &decode.Told{Kind: "session.open", Fields: []decode.Field{{Name: "client", Value: i.Client.String()}, {Name: "server", Value: i.Server.String()}}}}, ""))
		for _, l := range smtpSession(n) {
			at = at.Add(time.Millisecond)
			check(t, w.Chunk(n, decode.Chunk{Time: at, From: l.from, Data: []byte(l.text)}, ""))
		}
		for _, side := range []decode.Side{decode.Client, decode.Server} {
			check(t, w.Chunk(n, decode.Chunk{Time: at, From: side, End: decode.Finished}, ""))
		}
		check(t, w.Close(n))
	}
	check(t, w.End())
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, dir string) *Library {
	t.Helper()
	l, err := Open(context.Background(), dir)
	check(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// allEvents decodes a recording, to hold the index against.
type allEvents struct {
	counter
	visit func(session int, e *decode.Event)
}

func (a *allEvents) Chunk(session int, c decode.Chunk) {
	for _, e := range a.sessions[session].Feed(c) {
		a.visit(session, &e)
	}
}

func (a *allEvents) Close(session int, at time.Time) {
	for _, e := range a.sessions[session].Close(at) {
		a.visit(session, &e)
	}
}

// Secrets are in no file of the index, in no encoding.
func TestIndexHoldsNoSecret(t *testing.T) {
	dir := t.TempDir()
	record(t, filepath.Join(dir, "a.pcapng"), 3)
	l := open(t, dir)
	_, err := l.Sync(t.Context())
	check(t, err)
	for _, name := range []string{IndexName, IndexName + "-wal"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		check(t, err)
		for _, form := range []string{"timbre", "AHRpbWJyZS1yb3Nl", "bWJyZS1yb3N", "aW1icmUtcm9z", "74696d627265"} {
			if strings.Contains(strings.ToLower(string(data)), strings.ToLower(form)) {
				t.Errorf("%s holds the password (%s)", name, form)
			}
		}
		if name == IndexName && !strings.Contains(string(data), "exemple") {
			wal, _ := os.ReadFile(filepath.Join(dir, IndexName+"-wal"))
			if !strings.Contains(string(wal), "exemple") {
				t.Error("the index holds nothing: this test proves nothing")
			}
		}
	}
}

// Files that come, change and go are followed; what people added stays through a reindex.
func TestSyncFollowsFiles(t *testing.T) {
	dir := t.TempDir()
	ctx := t.Context()
	l := open(t, dir)
	record(t, filepath.Join(dir, "a.pcapng"), 2)
	record(t, filepath.Join(dir, "b.pcapng"), 3)
	check(t, os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("no recording"), 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "bad.pcap"), []byte("not a capture either"), 0o600))
	r, err := l.Sync(ctx)
	check(t, err)
	if r.Added != 3 || len(r.Faults) != 1 || !strings.Contains(r.Faults[0].Error(), "bad.pcap") || bilingual.In("fr", r.Faults[0]) == r.Faults[0].Error() {
		t.Fatalf("%+v", r)
	}
	a, err := l.Find(ctx, "a.pcapng")
	check(t, err)
	if a.ID != 1 { // the oldest
		t.Errorf("the first file has number %d", a.ID)
	}
	_, err = l.AddMark(ctx, Mark{Recording: "a.pcapng", Session: 1, Seq: 4, Text: "ici"})
	check(t, err)
	check(t, l.Tag(ctx, "a.pcapng", Keep))
	r, err = l.Reindex(ctx)
	check(t, err)
	if r.Changed != 3 {
		t.Errorf("%+v", r)
	}
	again, err := l.Find(ctx, fmt.Sprint(a.ID))
	check(t, err)
	marks, err := l.Marks(ctx, "a.pcapng")
	check(t, err)
	if again.Name != "a.pcapng" || len(again.Tags) != 1 || len(marks) != 1 || marks[0].Text != "ici" || again.Events != a.Events {
		t.Errorf("after a reindex: %+v, %+v", again, marks)
	}
	check(t, os.Remove(filepath.Join(dir, "b.pcapng")))
	check(t, os.Remove(filepath.Join(dir, "a.pcapng")))
	record(t, filepath.Join(dir, "a.pcapng"), 5)
	r, err = l.Sync(ctx)
	check(t, err)
	if r.Changed != 1 || r.Gone != 1 {
		t.Errorf("%+v", r)
	}
	if a, _ := l.Find(ctx, "a.pcapng"); a.Sessions != 5 {
		t.Errorf("%+v", a)
	}
	faults, err := l.Verify(ctx)
	check(t, err)
	if len(faults) > 0 {
		t.Errorf("%+v", faults)
	}
	old, err := l.Expired(ctx, Retention, time.Now().Add(40*24*time.Hour))
	check(t, err)
	if len(old) != 1 || old[0].Name != "bad.pcap" { // a is tagged to be kept
		t.Errorf("%+v", old)
	}
}

// Verify sees each kind of difference.
func TestVerify(t *testing.T) {
	dir := t.TempDir()
	ctx := t.Context()
	l := open(t, dir)
	for _, n := range []string{"flip", "grow", "gone", "rows", "good"} {
		record(t, filepath.Join(dir, n+".pcapng"), 2)
	}
	_, err := l.Sync(ctx)
	check(t, err)
	record(t, filepath.Join(dir, "new.pcapng"), 1)
	data, _ := os.ReadFile(filepath.Join(dir, "flip.pcapng"))
	data[len(data)/2] ^= 1
	check(t, os.WriteFile(filepath.Join(dir, "flip.pcapng"), data, 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "grow.pcapng"), append(data, 0), 0o600))
	check(t, os.Remove(filepath.Join(dir, "gone.pcapng")))
	_, err = l.db.ExecContext(ctx, "DELETE FROM events WHERE session = (SELECT max(s.id) FROM sessions s JOIN recordings r ON r.id = s.recording WHERE r.name = 'rows.pcapng') AND seq = 3")
	check(t, err)
	faults, err := l.Verify(ctx)
	check(t, err)
	got := map[string]string{}
	for _, f := range faults {
		got[f.Recording] = f.What
	}
	for name, what := range map[string]string{"flip.pcapng": "digest", "grow.pcapng": "size", "gone.pcapng": "missing", "rows.pcapng": "events", "new.pcapng": "unknown", "good.pcapng": ""} {
		if got[name] != what {
			t.Errorf("%s: %q, want %q", name, got[name], what)
		}
	}
}

// Two handles, as of two processes, index and search at once; nothing is indexed twice, and nobody is told "busy".
func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	for n := range 4 {
		record(t, filepath.Join(dir, fmt.Sprintf("%d.pcapng", n)), 20)
	}
	a, b := open(t, dir), open(t, dir)
	var wg sync.WaitGroup
	for _, l := range []*Library{a, b} {
		wg.Go(func() {
			if _, err := l.Sync(context.Background()); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			f, _ := filter.Parse("code:5xx")
			for range 10 {
				if _, _, err := l.Search(context.Background(), f, 20, nil); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 20 {
				if _, err := l.AddMark(context.Background(), Mark{Recording: "0.pcapng", Session: 1, Text: "x"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	_, err := a.Sync(t.Context())
	check(t, err)
	faults, err := b.Verify(t.Context())
	check(t, err)
	marks, err := b.Marks(t.Context(), "0.pcapng")
	check(t, err)
	if len(faults) > 0 || len(marks) != 40 {
		t.Errorf("%+v, %d marks", faults, len(marks))
	}
}

// Several processes may make the index anew at once: each recording is indexed by one of them at a time.
func TestReindexAtOnce(t *testing.T) {
	dir := t.TempDir()
	for n := range 3 {
		record(t, filepath.Join(dir, fmt.Sprintf("%d.pcapng", n)), 30)
	}
	var wg sync.WaitGroup
	for range 4 {
		l := open(t, dir)
		wg.Go(func() {
			for range 3 {
				if _, err := l.Reindex(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	l := open(t, dir)
	_, err := l.Sync(t.Context())
	check(t, err)
	faults, err := l.Verify(t.Context())
	check(t, err)
	if len(faults) > 0 {
		t.Errorf("%+v", faults)
	}
}

// What was interrupted is indexed by whoever comes next, at once.
func TestIndexInterrupted(t *testing.T) {
	dir := t.TempDir()
	record(t, filepath.Join(dir, "a.pcapng"), 1000)
	l := open(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := l.Sync(ctx)
		ended <- err
	}()
	for n := 0; n == 0; {
		check(t, l.db.QueryRowContext(t.Context(), "SELECT count(*) FROM sessions").Scan(&n)) // the first batch is written
	}
	cancel()
	if err := <-ended; err == nil {
		t.Fatal("it ended before it could be interrupted: this test proves nothing")
	}
	r, err := l.Sync(t.Context())
	check(t, err)
	if r.Changed != 1 {
		t.Errorf("%+v", r)
	}
	faults, err := l.Verify(t.Context())
	check(t, err)
	if len(faults) > 0 {
		t.Errorf("%+v", faults)
	}
}

// A name from anywhere is a name in the folder.
func TestFreeName(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	for in, want := range map[string]string{"../../etc/passwd": "passwd.pcapng", "..": "capture.pcapng", ".hidden.pcap": "hidden.pcapng", "a\nb.pcap.gz": "a_b.pcapng", "/x/y:z.cap": "y_z.pcapng", "": "capture.pcapng"} {
		if got := l.FreeName(in); got != want {
			t.Errorf("%q → %q, want %q", in, got, want)
		}
	}
}

// After 30 days a recording may go: what is younger, tagged to be kept or being recorded into stays, whatever its marks;
// and what is recorded into is not removed either.
func TestRetention(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	now := time.Now()
	for name, days := range map[string]int{"old": 31, "marked": 45, "kept": 400, "new": 29} {
		path := filepath.Join(dir, name+".pcapng")
		record(t, path, 1)
		at := now.Add(-time.Duration(days) * 24 * time.Hour)
		check(t, os.Chtimes(path, at, at))
	}
	live := filepath.Join(dir, "live.pcapng")
	w, err := captures.Create(live, captures.WriterOptions{Application: "facteur test"})
	check(t, err)
	old := now.Add(-90 * 24 * time.Hour)
	check(t, os.Chtimes(live, old, old))
	l := open(t, dir)
	_, err = l.Sync(ctx)
	check(t, err)
	check(t, l.Tag(ctx, "kept.pcapng", Keep))
	_, err = l.AddMark(ctx, Mark{Recording: "marked.pcapng", Session: 1, Seq: 1, Text: "ici"})
	check(t, err)
	names := func() string {
		list, err := l.Expired(ctx, Retention, now)
		check(t, err)
		var all []string
		for _, r := range list {
			all = append(all, strings.TrimSuffix(r.Name, ".pcapng"))
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	if got := names(); got != "marked old" {
		t.Errorf("to be purged: %s", got)
	}
	r, err := l.Find(ctx, "live.pcapng")
	check(t, err)
	if err := l.Remove(ctx, r); !errors.Is(err, captures.ErrRecording) || bilingual.In("fr", err) == err.Error() {
		t.Errorf("removing what is recorded into: %v", err)
	}
	check(t, w.End())
	check(t, os.Chtimes(live, old, old))
	if got := names(); got != "live marked old" {
		t.Errorf("once it is ended: %s", got)
	}
	check(t, l.Remove(ctx, r))
}
