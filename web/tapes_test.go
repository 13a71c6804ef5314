package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"facteur/decode"
)

// fakeArchive has a sample "ten" of ten events, "endless", which is read until it is closed, and whatever was uploaded:
// a file's lines are the events.
type fakeArchive struct {
	mu      sync.Mutex
	reading int
}

func (f *fakeArchive) Find(_ context.Context, from Source) (Found, error) {
	switch {
	case from.Sample == "ten", from.Sample == "endless", from.Library == "kept.pcapng":
		return Found{Title: Text{"Dix", "Ten"}, Size: 1000}, nil
	case from.Path != "":
		st, err := os.Stat(from.Path)
		if err != nil {
			return Found{}, ErrNoRecording
		}
		return Found{Title: Text{from.Name, from.Name}, Size: st.Size()}, nil
	case from.Sample == "broken":
		return Found{}, errors.New("broken")
	}
	return Found{}, fmt.Errorf("nothing: %w", ErrNoRecording)
}

func (f *fakeArchive) Read(ctx context.Context, from Source, to *Reel) error {
	f.mu.Lock()
	f.reading++
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.reading--
		f.mu.Unlock()
	}()
	if from.Path != "" {
		text, err := os.ReadFile(from.Path)
		to.Publish(1, some(1, bytes.Count(text, []byte("\n"))))
		return err
	}
	session := max(1, from.Session)
	to.Publish(session, some(1, 10))
	to.Octets(session, decode.ClientLeg, decode.Client, decode.Wire, 0, []byte("EHLO tape"))
	to.Progress(500)
	if from.Sample == "endless" {
		<-ctx.Done()
		return ctx.Err()
	}
	if from.Library != "" {
		return errors.New("kept.pcapng: cut short")
	}
	return nil
}

func (f *fakeArchive) Samples() any { return map[string]any{"samples": []string{"ten"}} }

func startArchive(t *testing.T) *started {
	return start(t, func(o *Options) { o.Archive, o.maxUpload = &fakeArchive{}, 1000 })
}

// opened opens a tape and waits until it is read.
func (u *started) opened(t *testing.T, what string) TapeState {
	t.Helper()
	r, body := u.do(t, u.presenter, request{method: "POST", path: "/api/v1/tapes", body: what})
	var state TapeState
	if r.StatusCode != 200 || json.Unmarshal([]byte(body), &state) != nil || state.ID == "" {
		t.Fatalf("opening %s: %s %s", what, r.Status, body)
	}
	return state
}

func (u *started) tapeState(t *testing.T, id string) (state struct {
	Mode string
	Last int
	Tape TapeState
}) {
	t.Helper()
	r, body := u.do(t, u.presenter, request{path: "/api/v1/tapes/" + id + "/state"})
	if r.StatusCode != 200 || json.Unmarshal([]byte(body), &state) != nil {
		t.Fatalf("state of %s: %s %s", id, r.Status, body)
	}
	return state
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

// A tape shows a recording at addresses of its own, beside the live one, until it is closed.
func TestTape(t *testing.T) {
	u := startArchive(t)
	u.Hub().Publish(1, some(1, 3))
	one := u.opened(t, `{"sample":"ten"}`)
	if one.Title.FR != "Dix" || one.Size != 1000 || one.From.Sample != "ten" {
		t.Errorf("opened: %+v", one)
	}
	await(t, "reading", func() bool { return !u.tapeState(t, one.ID).Tape.Loading })
	if s := u.tapeState(t, one.ID); s.Mode != "replay" || s.Last != 10 || s.Tape.Read != 1000 || s.Tape.Fault != nil {
		t.Errorf("state of the tape: %+v", s)
	}
	root := "/api/v1/tapes/" + one.ID
	if _, body := u.do(t, u.presenter, request{path: root + "/events"}); strings.Count(body, `"n":`) != 10 {
		t.Errorf("events of the tape: %s", body)
	}
	if _, body := u.do(t, u.presenter, request{path: "/api/v1/events"}); strings.Count(body, `"n":`) != 3 {
		t.Errorf("events of the live: %s", body)
	}
	if _, body := u.do(t, u.presenter, request{path: root + "/sessions/1/octets?leg=client&from=client&layer=wire&span=0-4"}); body != "EHLO" {
		t.Errorf("octets of the tape: %q", body)
	}
	if _, body := u.do(t, u.presenter, request{path: root + "/sessions"}); strings.Count(body, `"opened"`) != 1 {
		t.Errorf("sessions of the tape: %s", body)
	}
	var p PlayerState
	_, body := u.do(t, u.presenter, request{method: "POST", path: root + "/player", body: `{"do":"seek","n":4}`})
	if json.Unmarshal([]byte(body), &p) != nil || p.Cursor != 4 || p.Loaded != 10 {
		t.Errorf("the tape's player: %s", body)
	}
	if r, _ := u.do(t, u.presenter, request{method: "POST", path: "/api/v1/player", body: `{"do":"play"}`}); r.StatusCode != 404 {
		t.Errorf("the live has a player now: %s", r.Status)
	}
	of := u.opened(t, `{"of":"`+one.ID+`","session":7}`)
	if of.From.Sample != "ten" || of.From.Session != 7 || of.From.Of != "" {
		t.Errorf("one session of a tape: %+v", of)
	}
	await(t, "reading one session", func() bool { return u.tapeState(t, of.ID).Last == 10 })
	if _, body := u.do(t, u.presenter, request{path: "/api/v1/tapes/" + of.ID + "/events?session=7"}); strings.Count(body, `"n":`) != 10 {
		t.Errorf("session 7: %s", body)
	}
	if r, _ := u.do(t, u.presenter, request{method: "DELETE", path: root}); r.StatusCode != 204 {
		t.Errorf("closing: %s", r.Status)
	}
	if r, body := u.do(t, u.presenter, request{path: root + "/state"}); r.StatusCode != 404 || !strings.Contains(body, "no_tape") {
		t.Errorf("closed: %s %s", r.Status, body)
	}
}

// What a stream of a tape says first, and that closing the tape lets its viewers go.
func TestTapeStream(t *testing.T) {
	u := startArchive(t)
	one := u.opened(t, `{"sample":"endless"}`)
	r, err := http.NewRequest("GET", u.base+"/api/v1/tapes/"+one.ID+"/stream.sse", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := u.presenter.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	told := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(answer.Body) // ends when the tape is closed
		told <- string(all)
	}()
	await(t, "watching", func() bool { return u.tapes.get(one.ID).server.Viewers() == 1 })
	await(t, "reading", func() bool { return u.tapeState(t, one.ID).Last == 10 })
	time.Sleep(100 * time.Millisecond)
	u.do(t, u.presenter, request{method: "DELETE", path: "/api/v1/tapes/" + one.ID})
	all := <-told
	for _, part := range []string{`"type":"hello"`, `"mode":"replay"`, `"type":"tape"`, `"type":"player"`, `"cursor":10`, `"type":"events"`} {
		if !strings.Contains(all, part) {
			t.Errorf("%s is missing from the tape's stream: %s", part, all)
		}
	}
}

// There are never more than maxTapes; the one unused for longest goes, and its reading ends. Idle ones close by themselves.
func TestTapesAreBounded(t *testing.T) {
	archive := &fakeArchive{}
	u := start(t, func(o *Options) { o.Archive = archive })
	first := u.opened(t, `{"sample":"endless"}`)
	second := u.opened(t, `{"sample":"endless"}`)
	for range maxTapes - 2 {
		u.opened(t, `{"sample":"ten"}`)
	}
	u.tapeState(t, first.ID) // looked at: the second is the oldest now
	u.opened(t, `{"sample":"ten"}`)
	if len(u.tapes.states()) != maxTapes || u.tapes.get(second.ID) != nil || u.tapes.get(first.ID) == nil {
		t.Errorf("open after one too many: %+v", u.tapes.states())
	}
	await(t, "the end of reading what was closed", func() bool {
		archive.mu.Lock()
		defer archive.mu.Unlock()
		return archive.reading == 1
	})
	u.tapes.mu.Lock()
	gone := u.tapes.idle(time.Now().Add(2 * tapeIdle))
	u.tapes.mu.Unlock()
	if len(gone) != maxTapes || len(u.tapes.states()) != 0 {
		t.Errorf("%d idle tapes closed", len(gone))
	}
	closeTapes(gone)
}

// A file handed to the page is kept where nobody else reads, opened, and gone when facteur ends.
func TestUpload(t *testing.T) {
	u := startArchive(t)
	put := func(name, body string) (id string) {
		r, text := u.do(t, u.presenter, request{method: "PUT", path: "/api/v1/uploads?name=" + name, body: body, header: map[string]string{"Content-Type": "application/octet-stream"}})
		var v upload
		if r.StatusCode != 200 || json.Unmarshal([]byte(text), &v) != nil || v.Size != int64(len(body)) {
			t.Fatalf("upload: %s %s", r.Status, text)
		}
		return v.ID
	}
	id, keys := put("caf%C3%A9.pcapng", "a\nb\nc\n"), put("keys.txt", "x")
	one := u.opened(t, `{"upload":"`+id+`","keylog":"`+keys+`"}`)
	if one.Title.FR != "café.pcapng" {
		t.Errorf("%+v", one)
	}
	await(t, "reading", func() bool { return u.tapeState(t, one.ID).Last == 3 })
	dir := u.uploads.dir
	st, err := os.Stat(dir)
	if err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("folder of uploads: %v %v", st.Mode(), err)
	}
	for range maxUploads {
		put("x.pcap", "\n")
	}
	if files, _ := filepath.Glob(dir + "/*"); len(files) != maxUploads {
		t.Errorf("%d files wait", len(files))
	}
	u.stop()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the uploads stay: %v", err)
	}
}

// A full hub of a file keeps what came first, numbers only what it keeps, and goes on counting.
func TestFullTape(t *testing.T) {
	l := tapeLimits()
	l.eventOctets, l.sessions = 20_000, 3
	h := newHub("replay", New(Options{}).log, l)
	defer h.stop()
	h.Tape(TapeState{Size: 1})
	numbered := 0
	for id := 1; id <= 5; id++ {
		numbered += h.Publish(id, []decode.Event{{Seq: 1, Kind: "session.open"}})
		for range 20 {
			numbered += h.Publish(id, some(2, 10))
		}
	}
	state := h.tapeState()
	events, last := h.history(0, 0, maxPage)
	if last != numbered || len(events) != numbered || numbered == 0 || numbered+state.Left != 1005 || state.Unlisted != 2 {
		t.Errorf("%d events numbered, %d kept, last %d, %d left out", numbered, len(events), last, state.Left)
	}
	if !strings.HasPrefix(string(events[0]), `{"n":1,`) {
		t.Errorf("the first event kept is %s", events[0])
	}
	list := h.Sessions()
	if len(list) != 3 || list[0].Events != 201 || list[2].Events != 201 || list[2].Dropped == 0 || list[0].Dropped+list[1].Dropped+list[2].Dropped+402 != state.Left {
		t.Errorf("sessions: %+v, %d left out", list, state.Left)
	}
}

// In a capture of a whole network, what is no mail gives way to what is.
func TestOthersGiveWay(t *testing.T) {
	h := newHub("replay", New(Options{}).log, tapeLimits())
	defer h.stop()
	h.Tape(TapeState{Size: 1})
	for id := 1; id <= manyOthers+100; id++ {
		protocol := decode.Opaque
		if id%50 == 0 {
			protocol = decode.SMTP
		}
		h.Publish(id, []decode.Event{{Kind: "session.open"}, {Kind: "session.detect", Fields: []decode.Field{{Name: "protocol", Value: protocol}}}})
		if id%50 == 25 { // no protocol was told, but one was spoken
			h.Publish(id, []decode.Event{{Kind: "smtp.reply"}})
		}
		h.Publish(id, []decode.Event{{Kind: "session.close"}})
	}
	state, list := h.tapeState(), h.Sessions()
	if len(list) != manyOthers+4 || state.Others != 96 || state.Left != 3*96 || list[len(list)-1].Protocol != decode.SMTP {
		t.Errorf("%d sessions listed, %+v", len(list), state)
	}
	if events, last := h.history(0, 0, maxPage); len(events) != 3*(manyOthers+4)+22 || last != 3*(manyOthers+100)+22 {
		t.Errorf("%d events kept, last %d", len(events), last)
	}
}

// What the presenter shows of a recording, followers read; they steer nothing of it, and once something else is shown they
// read it no more.
func TestFollowersSeeTheShownTape(t *testing.T) {
	u := startArchive(t)
	one, other := u.opened(t, `{"sample":"ten"}`), u.opened(t, `{"sample":"ten","session":1}`)
	root := "/api/v1/tapes/" + one.ID
	follower := func(method, path string, want int) {
		t.Helper()
		q := request{method: method, path: path}
		if method == http.MethodPost {
			q.body = `{"do":"play"}`
		}
		if r, body := u.do(t, u.follower, q); r.StatusCode != want {
			t.Errorf("%s %s for a follower: %s %s", method, path, r.Status, body)
		}
	}
	follower("", root+"/events", 403)
	if r, body := u.show(t, `{"place":{"screen":"live","tape":"`+one.ID+`"}}`); r.StatusCode != 200 {
		t.Fatalf("%s %s", r.Status, body)
	}
	for _, path := range []string{"/state", "/sessions", "/events"} {
		follower("", root+path, 200)
	}
	follower(http.MethodPost, root+"/player", 403)
	follower("", "/api/v1/tapes", 403)
	follower("", "/api/v1/tapes/"+other.ID+"/events", 403)
	u.show(t, `{"place":{"screen":"live"}}`)
	follower("", root+"/events", 403)
}

// Nothing of a tape, an upload or the library is for followers, for other pages, or for those without a token; nothing
// odd is taken.
func TestTapeRefusals(t *testing.T) {
	u := startArchive(t)
	one := u.opened(t, `{"sample":"ten"}`)
	root := "/api/v1/tapes/" + one.ID
	routes := []request{{path: "/api/v1/tapes"}, {method: "POST", path: "/api/v1/tapes", body: `{"sample":"ten"}`}, {method: "DELETE", path: root},
		{path: root + "/state"}, {path: root + "/sessions"}, {path: root + "/events"}, {path: root + "/sessions/1/octets?leg=client&from=client&layer=wire&span=0-1"},
		{path: root + "/stream"}, {path: root + "/stream.sse"}, {method: "POST", path: root + "/player", body: `{"do":"play"}`},
		{method: "PUT", path: "/api/v1/uploads?name=a.pcap", body: "x"}, {path: "/api/v1/samples"}}
	for _, q := range routes {
		for _, who := range []struct {
			name   string
			client *http.Client
			header map[string]string
			status int
			code   string
		}{
			{"a follower", u.follower, nil, 403, "read_only"},
			{"nobody", u.nobody, nil, 401, "not_authorised"},
			{"a wrong token", u.nobody, map[string]string{"Authorization": "Bearer presenter-0123456780"}, 401, "not_authorised"},
			{"another page", u.presenter, map[string]string{"Origin": "http://evil.example"}, 403, "origin"},
			{"a cross-site request", u.presenter, map[string]string{"Sec-Fetch-Site": "cross-site"}, 403, "origin"},
		} {
			q.header = who.header
			if r, body := u.do(t, who.client, q); r.StatusCode != who.status || !strings.Contains(body, `"`+who.code+`"`) {
				t.Errorf("%s: %s %s: %s %s", who.name, q.method, q.path, r.Status, body)
			}
		}
		if q.method == "" {
			continue
		}
		for header, code := range map[string]string{"Origin": "origin", "Facteur": "header"} {
			q.header = map[string]string{header: ""}
			if r, body := u.do(t, u.presenter, q); r.StatusCode != 403 || !strings.Contains(body, `"`+code+`"`) {
				t.Errorf("without %s: %s %s: %s %s", header, q.method, q.path, r.Status, body)
			}
		}
	}
	long := strings.Repeat("x", 1001)
	for _, test := range []struct {
		request
		status int
		code   string
	}{
		{request{method: "POST", path: "/api/v1/tapes", body: `{}`}, 400, "body"},
		{request{method: "POST", path: "/api/v1/tapes", body: `{"sample":"ten","library":"kept.pcapng"}`}, 400, "body"},
		{request{method: "POST", path: "/api/v1/tapes", body: `{"sample":"ten","session":-1}`}, 400, "body"},
		{request{method: "POST", path: "/api/v1/tapes", body: `{"sample":"ten","keylog":"a"}`}, 400, "body"},
		{request{method: "POST", path: "/api/v1/tapes", body: `{"path":"/etc/passwd"}`}, 400, "body"},
		{request{method: "POST", path: "/api/v1/tapes", body: `{"sample":"` + strings.Repeat("x", maxBody) + `"}`}, 413, "body_size"},
		{request{method: "POST", path: "/api/v1/tapes", body: `{"sample":"ten"}`, header: map[string]string{"Content-Type": "text/plain"}}, 415, "body_type"},
		{request{method: "POST", path: "/api/v1/tapes", body: `{"sample":"eleven"}`}, 404, "no_recording"},
		{request{method: "POST", path: "/api/v1/tapes", body: `{"sample":"broken"}`}, 422, "unreadable"},
		{request{method: "POST", path: "/api/v1/tapes", body: `{"upload":"../../etc/passwd"}`}, 404, "no_recording"},
		{request{method: "POST", path: "/api/v1/tapes", body: `{"of":"main"}`}, 404, "no_recording"},
		{request{method: "POST", path: "/api/v1/tapes", body: `{"of":"` + one.ID + `x"}`}, 404, "no_recording"},
		{request{method: "DELETE", path: "/api/v1/tapes"}, 405, "method"},
		{request{method: "DELETE", path: "/api/v1/tapes/unknown"}, 404, "no_tape"},
		{request{path: "/api/v1/tapes/unknown/state"}, 404, "no_tape"},
		{request{path: "/api/v1/tapes/" + one.ID + "%2f..%2f" + one.ID + "/state"}, 404, "no_tape"},
		{request{path: root + "/catalogue/fr"}, 404, "not_found"},
		{request{path: root + "/tapes"}, 404, "not_found"},
		{request{method: "PUT", path: "/api/v1/uploads", body: "x"}, 400, "query"},
		{request{method: "PUT", path: "/api/v1/uploads?name=..%2f..%2fpasswd", body: "x"}, 400, "query"},
		{request{method: "PUT", path: "/api/v1/uploads?name=a%0Ab", body: "x"}, 400, "query"},
		{request{method: "PUT", path: "/api/v1/uploads?name=" + strings.Repeat("n", maxName+1), body: "x"}, 400, "query"},
		{request{method: "PUT", path: "/api/v1/uploads?name=a.pcap", body: long}, 413, "file_size"},
		{request{method: "POST", path: "/api/v1/uploads?name=a.pcap", body: "x"}, 405, "method"},
		{request{method: "PUT", path: "/api/v1/events", body: "x"}, 405, "method"},
		{request{method: "PATCH", path: "/api/v1/tapes", body: "x"}, 405, "method"},
	} {
		if r, body := u.do(t, u.presenter, test.request); r.StatusCode != test.status || !strings.Contains(body, `"`+test.code+`"`) {
			t.Errorf("%s %s %.60s: %s %s, want %d %s", test.method, test.path, test.body, r.Status, body, test.status, test.code)
		}
	}
	if files, _ := filepath.Glob(u.uploads.dir + "/*"); len(files) != 0 && u.uploads.dir != "" {
		t.Errorf("refused uploads left %v", files)
	}
	if s := u.tapeState(t, one.ID); s.Tape.ID != one.ID {
		t.Errorf("a refused request closed the tape: %+v", s)
	}
	// A body without a length is bounded as it comes.
	r, _ := http.NewRequest("PUT", u.base+"/api/v1/uploads?name=a.pcap", io.MultiReader(strings.NewReader(long), strings.NewReader(long)))
	r.Header.Set("Origin", u.base)
	r.Header.Set("Facteur", "1")
	answer, err := u.presenter.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 413 {
		t.Errorf("a long body without a length: %s", answer.Status)
	}
}
