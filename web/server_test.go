package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"facteur/decode"
	"facteur/replay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testToken, testFollower = "presenter-0123456789", "ABCDE"

// built stands for the page's built files.
var built = fstest.MapFS{
	"index.html":            {Data: []byte("<!doctype html><title>facteur</title>")},
	"favicon.svg":           {Data: []byte("<svg/>")},
	"assets/page-1a2b3c.js": {Data: []byte("export {}")},
}

// started is a server of the test, with its base address and a browser for each role.
type started struct {
	*Server
	base                        string // http://127.0.0.1:port
	presenter, follower, nobody *http.Client
	stop                        func() // ends serving and waits for it
}

func start(t testing.TB, change func(*Options)) *started {
	t.Helper()
	o := Options{Token: testToken, FollowerToken: testFollower, Mode: "live", Lang: "fr", Version: "1.2.3",
		Recording: Recording{Dir: "/home/prof/recordings", On: true}, CA: CA{Path: "/home/prof/ca.pem", SHA256: "ab"},
		Connect: []Connect{{ID: "curl-imap", Title: Text{"Avec curl", "With curl"}, Command: "curl imap://127.0.0.1"}},
		Catalogue: func(lang string) []byte {
			if lang == "fr" {
				return []byte(`{"lang":"fr","notes":{},"glossary":{}}`)
			}
			return nil
		}}
	if change != nil {
		change(&o)
	}
	s := New(o)
	var err error
	if s.page, err = loadPage(built); err != nil {
		t.Fatal(err)
	}
	address, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- s.Serve(ctx) }()
	u, _ := url.Parse(address)
	up := &started{Server: s, base: "http://" + u.Host}
	up.presenter, up.follower, up.nobody = up.browser(t, address), up.browser(t, s.FollowerURL("")), up.browser(t, up.base)
	up.stop = sync.OnceFunc(func() {
		cancel()
		for _, c := range []*http.Client{up.presenter, up.follower, up.nobody} {
			c.CloseIdleConnections()
		}
		if err := <-served; err != nil {
			t.Errorf("serving ended with %v", err)
		}
	})
	t.Cleanup(up.stop)
	return up
}

// browser opens an address as a browser does, cookies and redirects included.
func (u *started) browser(t testing.TB, address string) *http.Client {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	c := &http.Client{Jar: jar, Timeout: 10 * time.Second, Transport: &http.Transport{}}
	r, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	if r.StatusCode != http.StatusOK || r.Request.URL.RawQuery != "" || !bytes.HasPrefix(body, []byte("<!doctype html>")) {
		t.Fatalf("opening the page ends at %s with %s: %s", r.Request.URL, r.Status, body)
	}
	return c
}

// request is what a test sends; "" and nil mean what a browser on the page would send.
type request struct {
	method, path, body string
	host               string
	header             map[string]string // "" removes
}

func (u *started) do(t *testing.T, c *http.Client, q request) (*http.Response, string) {
	t.Helper()
	if q.method == "" {
		q.method = http.MethodGet
	}
	r, err := http.NewRequest(q.method, u.base+q.path, strings.NewReader(q.body))
	if err != nil {
		t.Fatal(err)
	}
	if q.method != http.MethodGet && q.method != http.MethodHead {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Facteur", "1")
		r.Header.Set("Origin", u.base)
	}
	if q.host != "" {
		r.Host = q.host
	}
	for name, value := range q.header {
		if r.Header.Set(name, value); value == "" {
			r.Header.Del(name)
		}
	}
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func player() *replay.Player {
	p := replay.New(replay.Options{})
	p.Add(1, some(1, 10))
	p.Loaded()
	return p
}

// The page's files come with the right types and caching, and the rest of the addresses are the page's own.
func TestPage(t *testing.T) {
	u := start(t, nil)
	for path, want := range map[string][2]string{
		"/":                      {"text/html; charset=utf-8", "no-cache"},
		"/compare":               {"text/html; charset=utf-8", "no-cache"},
		"/favicon.svg":           {"image/svg+xml", "no-cache"},
		"/assets/page-1a2b3c.js": {"text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
	} {
		r, body := u.do(t, u.nobody, request{path: path})
		h := r.Header
		if r.StatusCode != 200 || h.Get("Content-Type") != want[0] || h.Get("Cache-Control") != want[1] || body == "" {
			t.Errorf("%s: %s %v", path, r.Status, h)
		}
		if h.Get("Content-Security-Policy") != contentPolicy || h.Get("Cross-Origin-Opener-Policy") != "same-origin" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: headers %v", path, h)
		}
		r, body = u.do(t, u.nobody, request{path: path, header: map[string]string{"If-None-Match": h.Get("ETag")}})
		if r.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s again: %s", path, r.Status)
		}
		if r, body := u.do(t, u.nobody, request{method: "HEAD", path: path}); r.StatusCode != 200 || body != "" {
			t.Errorf("%s, head: %s", path, r.Status)
		}
	}
}

// A binary without the page says how to get one instead of showing nothing.
func TestPageNotBuilt(t *testing.T) {
	u := start(t, nil)
	for _, files := range []fstest.MapFS{{}, {"index.html": {}}} {
		u.page, _ = loadPage(files)
		r, body := u.do(t, u.nobody, request{path: "/"})
		if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "npm --prefix web/ui run build") {
			t.Errorf("%s: %s", r.Status, body)
		}
	}
}

// The embedded folder can be read, whatever state it is in.
func TestEmbeddedPage(t *testing.T) {
	if _, err := loadPage(dist); err != nil {
		t.Error(err)
	}
}

// The state of things; followers are not told where the presenter's files are.
func TestState(t *testing.T) {
	u := start(t, nil)
	u.Hub().Routes([]RouteStatus{{Listen: "imap://127.0.0.1:1143", Upstream: "imap://mail:143", Protocol: "imap", TLS: "intercept", State: "listening"}})
	u.Hub().Publish(1, some(1, 3))
	r, body := u.do(t, u.presenter, request{path: "/api/v1/state"})
	var v state
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	if v.Version != "1.2.3" || v.Mode != "live" || v.Lang != "fr" || v.Epoch == "" || v.Last != 3 || len(v.Routes) != 1 || len(v.Connect) != 1 ||
		!v.Recording.On || v.Recording.Dir == "" || v.CA.Path == "" || v.Role != Presenter || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("state %s", body)
	}
	if _, body := u.do(t, u.follower, request{path: "/api/v1/state"}); strings.Contains(body, "/home/prof") || !strings.Contains(body, `"role":"follower"`) {
		t.Errorf("a follower's state %s", body)
	}
	u.SetRecording(Recording{})
	u.SetConnect(nil)
	if _, body := u.do(t, u.presenter, request{path: "/api/v1/state"}); !strings.Contains(body, `"recording":{"dir":"","on":false}`) || !strings.Contains(body, `"connect":[]`) {
		t.Errorf("state after the recording stopped %s", body)
	}
}

// Catalogues are large: the second time only their tag travels.
func TestCatalogue(t *testing.T) {
	u := start(t, nil)
	r, body := u.do(t, u.follower, request{path: "/api/v1/catalogue/fr"})
	if r.StatusCode != 200 || !strings.HasPrefix(body, `{"lang":"fr"`) || r.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s %v %s", r.Status, r.Header, body)
	}
	r, body = u.do(t, u.follower, request{path: "/api/v1/catalogue/fr", header: map[string]string{"If-None-Match": r.Header.Get("ETag")}})
	if r.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("again: %s", r.Status)
	}
}

// Events by page, by session and by number.
func TestEvents(t *testing.T) {
	u := start(t, nil)
	u.Hub().Publish(1, some(1, 30))
	u.Hub().Publish(2, some(1, 30))
	for path, want := range map[string]int{"": 60, "?after=50": 10, "?after=60": 0, "?session=2": 30, "?session=2&after=58": 2, "?limit=7": 7, "?session=9": 0, "?limit=99999": 60} {
		_, body := u.do(t, u.follower, request{path: "/api/v1/events" + path})
		var m message
		if err := json.Unmarshal([]byte(body), &m); err != nil || m.Events == nil {
			t.Fatalf("%s: %v %s", path, err, body)
		}
		if len(m.Events) != want || m.Last != 60 {
			t.Errorf("%s: %d events, last %d", path, len(m.Events), m.Last)
		}
	}
	if _, body := u.do(t, u.follower, request{path: "/api/v1/sessions"}); !strings.Contains(body, `{"sessions":[{"id":1,"opened":"2026-11-22T09:15:02.001Z","closed":""`) {
		t.Errorf("sessions %s", body)
	}
}

// Octets by span, and what was given said.
func TestOctetsAPI(t *testing.T) {
	u := start(t, nil)
	u.Hub().Octets(7, decode.ServerLeg, decode.Client, decode.Plain, 0, []byte("PASS ******\r\nSTAT\r\n"))
	ask := func(span string) (*http.Response, string) {
		return u.do(t, u.follower, request{path: "/api/v1/sessions/7/octets?leg=server&from=client&layer=plain&span=" + span})
	}
	if r, body := ask("5-11"); body != "******" || r.Header.Get("Facteur-Span") != "5-11" || r.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%q %v", body, r.Header)
	}
	if r, body := ask("13-999"); body != "STAT\r\n" || r.Header.Get("Facteur-Span") != "13-19" {
		t.Errorf("beyond what came: %q %v", body, r.Header)
	}
	if r, _ := ask("19-20"); r.StatusCode != 404 {
		t.Errorf("not come yet: %s", r.Status)
	}
}

// The presenter steers the player; the answer says where it then stands, and so does the stream.
func TestPlayerAPI(t *testing.T) {
	u := start(t, nil)
	if r, body := u.do(t, u.presenter, request{method: "POST", path: "/api/v1/player", body: `{"do":"play"}`}); r.StatusCode != 404 || !strings.Contains(body, "no_player") {
		t.Errorf("without a player: %s %s", r.Status, body)
	}
	p := replay.New(replay.Options{OnChange: u.Hub().Player})
	p.Add(1, some(1, 10))
	p.Loaded()
	u.SetPlayer(p)
	r, body := u.do(t, u.presenter, request{method: "POST", path: "/api/v1/player", body: `{"do":"seek","n":4}`})
	var v PlayerState
	if err := json.Unmarshal([]byte(body), &v); err != nil || r.StatusCode != 200 || v.Cursor != 4 || v.Loaded != 10 {
		t.Fatalf("%s %s", r.Status, body)
	}
	for key := range map[string]bool{"state": true, "cursor": true, "position": true, "duration": true, "speed": true, "idle_cap": true, "loading": true, "loaded": true, "chapters": true} {
		if !strings.Contains(body, `"`+key+`":`) {
			t.Errorf("the player's state lacks %s: %s", key, body)
		}
	}
	frames, _, _ := u.Hub().next(&cursor{})
	if m := frames[len(frames)-1].decoded(t); m.Player == nil || m.Player.Cursor != 4 {
		t.Errorf("a new viewer is told %+v", m)
	}
}

// A page can only be served where that is safe and possible.
func TestListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, o := range []Options{{Token: "short"}, {FollowerToken: "abc"}, {Token: testToken, FollowerToken: testToken}, {Addr: taken.Addr().String()}, {Addr: "nowhere"}} {
		if u, err := New(o).Listen(); err == nil {
			t.Errorf("%+v listens at %s", o, u)
		}
	}
	s := New(Options{Addr: ":0"})
	address, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer s.listener.Close()
	u, _ := url.Parse(address)
	if u.Hostname() != "127.0.0.1" || len(u.Query().Get("token")) < minToken || s.FollowerURL("") != "" {
		t.Errorf("listening everywhere, the address is %s", address)
	}
	s.o.FollowerToken = testFollower
	if got, want := s.FollowerURL("2001:db8::7"), "http://[2001:db8::7]:"+s.port+"/?token="+testFollower; got != want {
		t.Errorf("followers' address %s, want %s", got, want)
	}
	// Serving on a dead listener ends with an error instead of hanging.
	s.listener.Close()
	if err := s.Serve(t.Context()); err == nil || errors.Is(err, http.ErrServerClosed) {
		t.Errorf("serving on a closed port ended with %v", err)
	}
}
