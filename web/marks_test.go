package web

import (
	"strings"
	"testing"
)

// A mark set on the page goes to the recording that holds its session, live and opened again; what no recording holds has
// none, and followers set and see none.
func TestMarks(t *testing.T) {
	library := &fakeLibrary{}
	u := start(t, func(o *Options) {
		o.Archive, o.Library = &fakeArchive{}, library
		o.RecordingOf = func(session int) string { return map[int]string{1: "live.pcapng", 7: "other.pcapng"}[session] }
	})
	u.Hub().Publish(1, some(1, 10))
	u.Hub().Publish(2, some(1, 10)) // not recorded
	kept, sample := u.opened(t, `{"library":"kept.pcapng"}`), u.opened(t, `{"sample":"ten"}`)
	await(t, "reading", func() bool { return u.tapeState(t, kept.ID).Last == 10 && u.tapeState(t, sample.ID).Last == 10 })
	for _, test := range []struct {
		tape, body string
		status     int
		holds      string
	}{
		{"", "", 200, `{"kept":true,"marks":[{"id":1,"session":1,"seq":4,"text":"of live.pcapng"`},
		{"tapes/" + kept.ID + "/", "", 200, `"text":"of kept.pcapng"`},
		{"tapes/" + sample.ID + "/", "", 200, `{"kept":false,"marks":[]}`},
		{"", `{"session":1,"seq":4,"text":"ici","on":true}`, 200, `"kept":true`},
		{"", `{"session":2,"seq":4,"text":"nulle part","on":true}`, 200, `"kept":false`},
		{"tapes/" + kept.ID + "/", `{"session":1,"seq":5,"on":false}`, 200, `"kept":true`},
		{"tapes/" + sample.ID + "/", `{"session":1,"seq":5,"text":"x","on":true}`, 200, `"kept":false`},
		{"", `{"session":0,"seq":4,"on":true}`, 400, `"body"`},
		{"", `{"session":1,"seq":4,"on":true,"text":"` + strings.Repeat("x", maxNote+1) + `"}`, 400, `"body"`},
	} {
		q := request{path: "/api/v1/" + test.tape + "marks"}
		if test.body != "" {
			q.method, q.body = "POST", test.body
		}
		if r, body := u.do(t, u.presenter, q); r.StatusCode != test.status || !strings.Contains(body, test.holds) {
			t.Errorf("%s %.60s: %s %s", q.path, test.body, r.Status, body)
		}
		if r, body := u.do(t, u.follower, q); r.StatusCode != 403 {
			t.Errorf("a follower: %s %s", r.Status, body)
		}
	}
	if got, want := strings.Join(library.told, ";"), "live.pcapng 1 4icitrue;kept.pcapng 1 5false"; got != want {
		t.Errorf("the library was told %s, want %s", got, want)
	}
	if _, body := u.do(t, u.presenter, request{path: "/api/v1/marks"}); strings.Contains(body, "elsewhere") {
		t.Errorf("a mark of a session that is in another recording: %s", body)
	}
}
