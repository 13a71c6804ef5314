package web

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// shared starts a server with a followers' door on loopback.
func shared(t testing.TB) (*started, Share) {
	u := start(t, func(o *Options) { o.FollowerToken, o.Share = "", "127.0.0.1:0" })
	v := u.Sharing()
	if !v.On || len(v.Code) != codeLength || len(v.Links) != 1 {
		t.Fatalf("sharing: %+v", v)
	}
	return u, v
}

// onStage opens a stream of the stage with a browser's cookies.
func onStage(t testing.TB, c *http.Client, base string) *websocket.Conn {
	t.Helper()
	at, _ := url.Parse(base)
	header := http.Header{"Origin": {strings.TrimSuffix(base, "/")}}
	for _, cookie := range c.Jar.Cookies(at) {
		header.Add("Cookie", cookie.String())
	}
	conn, r, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(strings.TrimSuffix(base, "/"), "http")+"/api/v1/stage/stream", header)
	if err != nil {
		t.Fatalf("the stage: %v (%v)", err, r)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

type staged struct {
	Type     string   `json:"type"`
	Stage    Stage    `json:"stage"`
	Audience audience `json:"audience"`
}

// until reads messages until one is as wanted.
func until(t testing.TB, conn *websocket.Conn, wanted func(staged) bool) staged {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		var m staged
		if err := conn.ReadJSON(&m); err != nil {
			t.Fatalf("the stage ended: %v", err)
		}
		if wanted(m) {
			return m
		}
	}
}

func (u *started) show(t testing.TB, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.base+"/api/v1/stage", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "Facteur": {"1"}, "Origin": {u.base}}
	a, err := u.presenter.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, _ := io.ReadAll(a.Body)
	return a, string(text)
}

// What the presenter shows comes to who follows; frozen, it stays.
func TestStage(t *testing.T) {
	u, share := shared(t)
	follower := u.browser(t, share.Links[0])
	at := strings.TrimSuffix(share.Addresses[0], "/")
	watching := onStage(t, follower, at)
	presenter := onStage(t, u.presenter, u.base)
	until(t, presenter, func(m staged) bool { return m.Type == "audience" && m.Audience.Followers == 1 })

	u.show(t, `{"place":{"screen":"compare","session":3,"n":412,"args":{"pair":"a"}},"spotlight":true}`)
	got := until(t, watching, func(m staged) bool { return m.Stage.Place != nil })
	if p := got.Stage.Place; p.Screen != "compare" || p.N != 412 || p.Args["pair"] != "a" || !got.Stage.Spotlight {
		t.Errorf("shown: %+v", got.Stage)
	}
	u.show(t, `{"frozen":true}`)
	u.show(t, `{"place":{"screen":"live","n":999},"laser":{"n":999,"layer":"wire","from":1,"to":2}}`)
	if _, now := u.show(t, `{"blank":true}`); !strings.Contains(now, `"n":412`) || strings.Contains(now, `"laser"`) {
		t.Errorf("frozen, the place moved: %s", now)
	}
	if _, now := u.show(t, `{"frozen":false,"place":{"screen":"live","n":999}}`); !strings.Contains(now, `"n":999`) {
		t.Errorf("thawed, the place stays: %s", now)
	}
	until(t, watching, func(m staged) bool { return m.Stage.Blank && m.Stage.Place.N == 999 })
	for _, body := range []string{`{"place":{"n":-1}}`, `{"place":{"screen":"` + strings.Repeat("x", 300) + `"}}`, `{"unknown":1}`, `[]`, `{"laser":{"n":1,"from":5,"to":1}}`,
		`{"place":{"args":{"a":"","b":"","c":"","d":"","e":"","f":"","g":"","h":"","i":""}}}`} {
		if r, text := u.show(t, body); r.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s %s", body, r.Status, text)
		}
	}
	watching.Close()
	until(t, presenter, func(m staged) bool { return m.Type == "audience" && m.Audience.Followers == 0 })
}

// Through the followers' door there is no presenter: what travels there can be overheard, so it must give no orders.
func TestFollowersDoor(t *testing.T) {
	u, share := shared(t)
	at := strings.TrimSuffix(share.Addresses[0], "/")
	jar, _ := cookiejar.New(nil)
	anyone := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	status := func(method, path string, header http.Header) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, at+path, strings.NewReader(`{"do":"play"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Content-Type": {"application/json"}, "Facteur": {"1"}, "Origin": {at}}
		for name, values := range header {
			r.Header[name] = values
		}
		a, err := anyone.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, a.Body)
		a.Body.Close()
		return a.StatusCode
	}
	if got := status("GET", "/?token="+testToken, nil); got != http.StatusForbidden {
		t.Errorf("the presenter's token at the followers' door: %d", got)
	}
	if got := status("GET", "/api/v1/share", http.Header{"Authorization": {"Bearer " + testToken}}); got != http.StatusUnauthorized {
		t.Errorf("the presenter's token as a bearer: %d", got)
	}
	stolen := fmt.Sprintf("facteur_%s=%s", u.sharedPort, u.access.values[0])
	if got := status("GET", "/api/v1/state", http.Header{"Cookie": {stolen}}); got != http.StatusUnauthorized {
		t.Errorf("the presenter's cookie: %d", got)
	}
	if got := status("GET", "/?token="+strings.ToLower(share.Code[:2])+"%20-"+share.Code[2:], nil); got != http.StatusOK {
		t.Errorf("the code as a hand types it: %d", got)
	}
	for _, path := range []string{"/api/v1/state", "/api/v1/sessions", "/api/v1/events"} {
		if got := status("GET", path, nil); got != http.StatusOK {
			t.Errorf("%s for a follower: %d", path, got)
		}
	}
	for _, q := range [][2]string{{"POST", "/api/v1/stage"}, {"POST", "/api/v1/player"}, {"GET", "/api/v1/share"}, {"GET", "/api/v1/share/qr.svg"}} {
		if got := status(q[0], q[1], nil); got != http.StatusForbidden {
			t.Errorf("%s %s for a follower: %d", q[0], q[1], got)
		}
	}
	if got := status("GET", "/api/v1/state", http.Header{"Cookie": {}, "Origin": {"http://evil.example"}}); got != http.StatusForbidden {
		t.Errorf("a foreign page: %d", got)
	}
}

// The QR code is a drawing of the link, readable as SVG, for presenters.
func TestQR(t *testing.T) {
	u, _ := shared(t)
	r, body := u.do(t, u.presenter, request{path: "/api/v1/share/qr.svg"})
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "image/svg+xml" {
		t.Fatalf("%s %v", r.Status, r.Header)
	}
	if err := xml.Unmarshal([]byte(body), new(struct{})); err != nil || !strings.Contains(body, "<path d=\"M4 4h7v1h-7z") {
		t.Errorf("no finder pattern in the corner, or no XML (%v): %.200s", err, body)
	}
	if r, _ := u.do(t, u.presenter, request{path: "/api/v1/share/qr.svg?to=9"}); r.StatusCode != http.StatusNotFound {
		t.Errorf("a link that is not: %s", r.Status)
	}
	var told Share
	_, body = u.do(t, u.presenter, request{path: "/api/v1/share"})
	if err := json.Unmarshal([]byte(body), &told); err != nil || told.Code != u.o.FollowerToken {
		t.Errorf("share: %v %s", err, body)
	}
}

// Two hundred follow: everyone gets every place shown last, and the time it takes is told with -v.
func TestTwoHundredFollow(t *testing.T) {
	u, share := shared(t)
	first := u.browser(t, share.Links[0])
	at := strings.TrimSuffix(share.Addresses[0], "/")
	const followers, changes = 200, 40
	var mu sync.Mutex
	var late []time.Duration
	ready, done := sync.WaitGroup{}, sync.WaitGroup{}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range followers {
		conn := onStage(t, first, at)
		ready.Add(1)
		done.Go(func() {
			told := sync.OnceFunc(ready.Done)
			for ctx.Err() == nil {
				var m staged
				if err := conn.ReadJSON(&m); err != nil {
					t.Errorf("a follower lost the stage: %v", err)
					told()
					return
				}
				told()
				if m.Stage.Place == nil {
					continue
				}
				mu.Lock()
				late = append(late, time.Since(time.UnixMilli(m.Stage.At)))
				mu.Unlock()
				if m.Stage.Place.N == changes {
					return
				}
			}
		})
	}
	ready.Wait()
	for n := 1; n <= changes; n++ {
		u.show(t, fmt.Sprintf(`{"place":{"screen":"live","n":%d}}`, n))
		time.Sleep(50 * time.Millisecond) // a presenter's pace
	}
	done.Wait()
	if len(late) < followers {
		t.Fatalf("%d messages for %d followers", len(late), followers)
	}
	slices.Sort(late)
	t.Logf("%d messages to %d followers: median %v, p99 %v, worst %v", len(late), followers, late[len(late)/2], late[len(late)*99/100], late[len(late)-1])
}
