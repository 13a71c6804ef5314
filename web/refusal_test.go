package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"facteur/replay"
)

// Every refusal there is: nothing is refused by accident, and everything that must be refused is.
func TestRefusals(t *testing.T) {
	u := start(t, func(o *Options) { o.Hosts = []string{"classroom.example", "forwarded.example:9000"} })
	u.SetPlayer(player())
	const play = `{"do":"play"}`
	port := ":" + u.port
	upgrade := func(origin string) map[string]string {
		return map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
			"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": origin}
	}
	for _, test := range []struct {
		name   string
		client *http.Client
		request
		status int
		code   string
	}{
		{"another name, same port (DNS rebinding)", u.presenter, request{path: "/api/v1/state", host: "evil.example" + port}, 403, "host"},
		{"another name, for the page itself", u.presenter, request{path: "/", host: "evil.example" + port}, 403, ""},
		{"a name that begins like ours", u.presenter, request{path: "/api/v1/state", host: "localhost.evil.example" + port}, 403, "host"},
		{"through another port of ours, such as a route of the proxy", u.presenter, request{path: "/api/v1/state", host: "127.0.0.1:1143"}, 403, "host"},
		{"without a port", u.presenter, request{path: "/api/v1/state", host: "127.0.0.1"}, 403, "host"},
		{"an address that is not this socket's", u.presenter, request{path: "/api/v1/state", host: "192.0.2.1" + port}, 403, "host"},
		{"an allowed name at a port not allowed", u.presenter, request{path: "/api/v1/state", host: "classroom.example:9000"}, 403, "host"},
		{"a forwarded name at another port", u.presenter, request{path: "/api/v1/state", host: "forwarded.example:9001"}, 403, "host"},
		{"a host that is no host", u.presenter, request{path: "/api/v1/state", host: "[::1"}, 403, "host"},

		{"no cookie", u.nobody, request{path: "/api/v1/state"}, 401, "not_authorised"},
		{"no cookie, events", u.nobody, request{path: "/api/v1/events"}, 401, "not_authorised"},
		{"no cookie, no such address", u.nobody, request{path: "/api/v1/secret"}, 401, "not_authorised"},
		{"no cookie, stream", u.nobody, request{path: "/api/v1/stream", header: upgrade(u.base)}, 401, "not_authorised"},
		{"no cookie, server-sent events", u.nobody, request{path: "/api/v1/stream.sse"}, 401, "not_authorised"},
		{"a cookie that is the token itself", u.nobody, request{path: "/api/v1/state", header: map[string]string{"Cookie": "facteur_" + u.port + "=" + testToken}}, 401, "not_authorised"},
		{"a wrong bearer token", u.nobody, request{path: "/api/v1/state", header: map[string]string{"Authorization": "Bearer presenter-0123456780"}}, 401, "not_authorised"},
		{"a wrong token in the address", u.nobody, request{path: "/?token=guess"}, 403, ""},
		{"an empty token in the address", u.nobody, request{path: "/?token="}, 403, ""},

		{"websocket from another page (CVE-2026-22689)", u.presenter, request{path: "/api/v1/stream", header: upgrade("http://evil.example")}, 403, "origin"},
		{"websocket from another port of this host", u.presenter, request{path: "/api/v1/stream", header: upgrade("http://127.0.0.1:1")}, 403, "origin"},
		{"websocket from a sandboxed frame", u.presenter, request{path: "/api/v1/stream", header: upgrade("null")}, 403, "origin"},
		{"websocket with a cookie and no origin", u.presenter, request{path: "/api/v1/stream", header: upgrade("")}, 403, "origin"},
		{"any address with an upgrade from another page", u.presenter, request{path: "/", header: upgrade("http://evil.example")}, 403, ""},
		{"a read that the browser calls cross-site", u.presenter, request{path: "/api/v1/events", header: map[string]string{"Sec-Fetch-Site": "cross-site"}}, 403, "origin"},
		{"a read from another port", u.presenter, request{path: "/api/v1/events", header: map[string]string{"Sec-Fetch-Site": "same-site"}}, 403, "origin"},
		{"a read with a foreign origin", u.presenter, request{path: "/api/v1/events", header: map[string]string{"Origin": "http://evil.example"}}, 403, "origin"},
		{"an order from another page", u.presenter, request{method: "POST", path: "/api/v1/player", body: play, header: map[string]string{"Origin": "http://evil.example"}}, 403, "origin"},
		{"an order without an origin", u.presenter, request{method: "POST", path: "/api/v1/player", body: play, header: map[string]string{"Origin": ""}}, 403, "origin"},
		{"an order without the header", u.presenter, request{method: "POST", path: "/api/v1/player", body: play, header: map[string]string{"Facteur": ""}}, 403, "header"},
		{"an order as a form sends it", u.presenter, request{method: "POST", path: "/api/v1/player", body: play, header: map[string]string{"Content-Type": "text/plain"}}, 415, "body_type"},
		{"an order from a follower", u.follower, request{method: "POST", path: "/api/v1/player", body: play}, 403, "read_only"},
		{"an order from nobody", u.nobody, request{method: "POST", path: "/api/v1/player", body: play}, 401, "not_authorised"},
		{"an order too long", u.presenter, request{method: "POST", path: "/api/v1/player", body: `{"do":"` + strings.Repeat("x", maxBody) + `"}`}, 413, "body_size"},
		{"an order that is not JSON", u.presenter, request{method: "POST", path: "/api/v1/player", body: `do=play`}, 400, "body"},
		{"an order with an unknown member", u.presenter, request{method: "POST", path: "/api/v1/player", body: `{"do":"play","path":"/"}`}, 400, "body"},
		{"two orders", u.presenter, request{method: "POST", path: "/api/v1/player", body: play + play}, 400, "body"},
		{"an unknown order", u.presenter, request{method: "POST", path: "/api/v1/player", body: `{"do":"eject"}`}, 400, "command"},

		{"deleting", u.presenter, request{method: "DELETE", path: "/api/v1/events"}, 405, "method"},
		{"asking for options", u.presenter, request{method: "OPTIONS", path: "/api/v1/player", header: map[string]string{"Origin": "http://evil.example"}}, 405, "method"},
		{"posting where one reads", u.presenter, request{method: "POST", path: "/api/v1/events"}, 405, "method"},
		{"reading where one posts", u.presenter, request{path: "/api/v1/player"}, 405, "method"},
		{"posting to the page", u.presenter, request{method: "POST", path: "/"}, 405, ""},
		{"no such address", u.presenter, request{path: "/api/v1/secret"}, 404, "not_found"},
		{"no such version", u.presenter, request{path: "/api/"}, 404, "not_found"},
		{"no such file", u.presenter, request{path: "/assets/other.js"}, 404, ""},
		{"a file outside the page", u.presenter, request{path: "/..%2f..%2fgo.mod"}, 404, ""},
		{"no such language", u.presenter, request{path: "/api/v1/catalogue/de"}, 404, "not_found"},
		{"a language not made", u.presenter, request{path: "/api/v1/catalogue/en"}, 404, "not_found"},
		{"a stream without an upgrade", u.presenter, request{path: "/api/v1/stream"}, 426, "websocket"},
		{"a stream from no number", u.presenter, request{path: "/api/v1/stream?after=x", header: upgrade(u.base)}, 400, "query"},
		{"server-sent events from before the beginning", u.presenter, request{path: "/api/v1/stream.sse?after=-1"}, 400, "query"},
		{"server-sent events after nonsense", u.presenter, request{path: "/api/v1/stream.sse", header: map[string]string{"Last-Event-ID": "e:x"}}, 400, "query"},
		{"events of no number", u.presenter, request{path: "/api/v1/events?after=many"}, 400, "query"},
		{"events, none", u.presenter, request{path: "/api/v1/events?limit=0"}, 400, "query"},
		{"octets of no leg", u.presenter, request{path: "/api/v1/sessions/1/octets?from=client&layer=wire&span=0-1"}, 400, "query"},
		{"octets of no side", u.presenter, request{path: "/api/v1/sessions/1/octets?leg=client&layer=wire&span=0-1"}, 400, "query"},
		{"octets of no layer", u.presenter, request{path: "/api/v1/sessions/1/octets?leg=client&from=client&span=0-1"}, 400, "query"},
		{"octets backwards", u.presenter, request{path: "/api/v1/sessions/1/octets?leg=client&from=client&layer=wire&span=5-1"}, 400, "query"},
		{"octets of no session's name", u.presenter, request{path: "/api/v1/sessions/x/octets?leg=client&from=client&layer=wire&span=0-1"}, 400, "query"},
		{"octets never told", u.presenter, request{path: "/api/v1/sessions/1/octets?leg=client&from=client&layer=wire&span=0-1"}, 404, "not_kept"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, body := u.do(t, test.client, test.request)
			if r.StatusCode != test.status {
				t.Fatalf("%s, want %d: %s", r.Status, test.status, body)
			}
			if r.Header.Get("Content-Security-Policy") != contentPolicy || r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("headers of a refusal: %v", r.Header)
			}
			if !strings.HasPrefix(test.path, "/api/") {
				if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
					t.Errorf("a refusal outside the API is %s", r.Header.Get("Content-Type"))
				}
				return
			}
			var v refusalBody
			if err := json.Unmarshal([]byte(body), &v); err != nil || v.Error != test.code || v.Message.FR == "" || v.Message.EN == "" || v.Message.FR == v.Message.EN {
				t.Errorf("refusal %s (%v), want %q in both languages", body, err, test.code)
			}
		})
	}
	if state := u.player.State(); state.State != replay.Paused {
		t.Errorf("a refused order moved the player: %+v", state)
	}
}

// What may be asked is answered, under every name we may be reached by.
func TestAllowedHosts(t *testing.T) {
	u := start(t, func(o *Options) {
		o.Hosts = []string{"Classroom.example", "forwarded.example:9000", "[2001:db8::1]"}
	})
	port := ":" + u.port
	bearer := map[string]string{"Authorization": "Bearer " + testToken} // cookies belong to one name
	for _, host := range []string{"127.0.0.1" + port, "localhost" + port, "LocalHost" + port, "[::1]" + port, "127.0.0.2" + port,
		"classroom.example" + port, "CLASSROOM.example" + port, "forwarded.example:9000", "[2001:db8::1]" + port} {
		if r, body := u.do(t, u.nobody, request{path: "/api/v1/state", host: host, header: bearer}); r.StatusCode != 200 {
			t.Errorf("%s: %s %s", host, r.Status, body)
		}
	}
	u.SetPlayer(player())
	bearer["Origin"] = ""
	if r, body := u.do(t, u.nobody, request{method: "POST", path: "/api/v1/player", body: `{"do":"pause"}`, header: bearer}); r.StatusCode != 200 {
		t.Errorf("an order of a program with the token, which has no origin: %s %s", r.Status, body)
	}
	for _, site := range []string{"same-origin", "none"} {
		if r, _ := u.do(t, u.presenter, request{path: "/api/v1/state", header: map[string]string{"Sec-Fetch-Site": site}}); r.StatusCode != 200 {
			t.Errorf("Sec-Fetch-Site %s: %s", site, r.Status)
		}
	}
}

// The token buys a cookie that scripts cannot read, that other sites cannot use, and that is not the token.
func TestLogin(t *testing.T) {
	u := start(t, nil)
	noRedirect := *u.nobody
	noRedirect.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	values := map[string]bool{}
	for _, token := range []string{testToken, testFollower} {
		r, _ := u.do(t, &noRedirect, request{path: "/?lang=en&token=" + token})
		if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/?lang=en" || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("login: %s %v", r.Status, r.Header)
		}
		c := r.Cookies()
		if len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteStrictMode || c[0].Path != "/" || c[0].Domain != "" ||
			c[0].Name != "facteur_"+u.port || strings.Contains(c[0].Value, token) {
			t.Fatalf("cookie %v", r.Header["Set-Cookie"])
		}
		values[c[0].Value] = true
	}
	if len(values) != 2 {
		t.Error("both roles have one cookie")
	}
	again := newAccess(testToken, testFollower)
	if !values[again.values[0]] || !values[again.values[1]] {
		t.Error("with the same tokens, facteur started again does not know its pages")
	}
	if other := newAccess("another-presenter-token", testFollower); values[other.values[1]] {
		t.Error("a follower's cookie can be made without the presenter's token")
	}
}

// Guessing tokens stops after a few, for the address that guesses, whichever way.
func TestGuessingIsHeldUp(t *testing.T) {
	u := start(t, nil)
	for i := range maxAttempts + 5 {
		want := http.StatusForbidden
		if i >= maxAttempts {
			want = http.StatusTooManyRequests
		}
		if r, _ := u.do(t, u.nobody, request{path: "/?token=AAAAA"}); r.StatusCode != want {
			t.Fatalf("attempt %d: %s", i+1, r.Status)
		}
	}
	r, _ := u.do(t, u.nobody, request{path: "/api/v1/state", header: map[string]string{"Authorization": "Bearer " + testFollower}})
	if r.StatusCode != http.StatusTooManyRequests {
		t.Errorf("after that, in a header: %s", r.Status)
	}
	if r, _ := u.do(t, u.presenter, request{path: "/api/v1/state"}); r.StatusCode != 200 {
		t.Errorf("who is in already is shut out: %s", r.Status)
	}
	u.access.started = u.access.started.Add(-2 * attemptTime)
	if r, _ := u.do(t, u.nobody, request{path: "/?token=" + testFollower}); r.StatusCode != 200 {
		t.Errorf("a minute later: %s", r.Status)
	}
}

// Without a follower token, nothing is one, least of all nothing.
func TestNoFollowers(t *testing.T) {
	s := New(Options{})
	s.access = newAccess(testToken, "")
	for _, token := range []string{"", " ", s.access.values[1]} {
		if role, _ := s.enter(&http.Request{RemoteAddr: "192.0.2.1:1"}, token); role != nobody {
			t.Errorf("token %q makes a %s", token, role)
		}
	}
	r := &http.Request{}
	r.Header = http.Header{"Cookie": {cookieName(r) + "=" + s.access.values[1]}}
	if role, _ := s.who(r); role != nobody {
		t.Errorf("the cookie for an empty token makes a %s", role)
	}
}

// Whoever guesses on the presenter's machine must not lock the presenter out.
func TestPresenterIsNeverLate(t *testing.T) {
	u := start(t, nil)
	for range maxAttempts + 1 {
		u.do(t, u.nobody, request{path: "/?token=wrong"})
	}
	if r, _ := u.do(t, u.nobody, request{path: "/?token=wrong"}); r.StatusCode != http.StatusTooManyRequests {
		t.Fatalf("guessing is not held up: %s", r.Status)
	}
	if r, body := u.do(t, u.nobody, request{path: "/?token=" + testToken}); r.StatusCode != http.StatusOK {
		t.Errorf("the presenter's own link: %s %s", r.Status, body)
	}
}
