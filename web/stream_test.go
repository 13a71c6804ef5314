package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"facteur/decode"
)

// dial opens a stream as the page does.
func (u *started) dial(t testing.TB, c *http.Client, query string) *websocket.Conn {
	t.Helper()
	conn, err := u.open(c, query)
	if err != nil {
		t.Fatalf("opening a stream: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func (u *started) open(c *http.Client, query string) (*websocket.Conn, error) {
	d := websocket.Dialer{Jar: c.Jar}
	conn, _, err := d.Dial(strings.Replace(u.base, "http", "ws", 1)+"/api/v1/stream"+query, http.Header{"Origin": {u.base}})
	return conn, err
}

// watch reads n more messages, or until stop says it is enough.
func watch(conn *websocket.Conn, stop func(message) bool) error {
	for {
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			return err
		}
		var m message
		if err := conn.ReadJSON(&m); err != nil {
			return err
		}
		if stop(m) {
			return nil
		}
	}
}

// numbers gives the n of each event in a message without decoding all of it: inside a JSON string, quotes are escaped.
func numbers(text []byte) (list []int) {
	for _, part := range bytes.Split(text, []byte(`{"n":`))[1:] {
		digits, _, _ := bytes.Cut(part, []byte(","))
		n, _ := strconv.Atoi(string(digits))
		list = append(list, n)
	}
	return list
}

// The promise of the stream: fifty viewers that come, go and come back at random, while several goroutines publish 20,000
// events, each end with exactly 1 to N. A viewer that reads nothing is there all the time and changes nothing.
func TestStreamNoGapNoDuplicate(t *testing.T) {
	const viewers, publishers, batches, perBatch = 50, 4, 500, 10
	const total = publishers * batches * perBatch
	u := start(t, nil)
	u.dial(t, u.presenter, "") // reads nothing, ever
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for b := range batches {
				u.Hub().Publish(p+1, some(1+b*perBatch, perBatch))
				if b%2 == 0 { // slow enough that viewers come and go meanwhile
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	var returns atomic.Int64
	for v := range viewers {
		c := u.follower
		if v%2 == 0 {
			c = u.presenter
		}
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(v)))
			time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
			seen := 0
			for seen < total {
				conn, err := u.open(c, fmt.Sprintf("?after=%d", seen))
				if err != nil {
					t.Errorf("viewer %d comes back: %v", v, err)
					return
				}
				leave := random.IntN(20) // messages until this viewer's network fails
				for leave >= 0 && seen < total && !t.Failed() && err == nil {
					var text []byte
					_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
					_, text, err = conn.ReadMessage()
					for _, n := range numbers(text) {
						if n != seen+1 {
							t.Errorf("viewer %d: event %d after %d", v, n, seen)
						}
						seen = n
					}
					leave--
				}
				conn.Close()
				if seen < total { // what came last may be lost with a page
					seen -= min(seen, random.IntN(30))
				}
				if returns.Add(1); err != nil || t.Failed() {
					t.Errorf("viewer %d after event %d: %v", v, seen, err)
					return
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d viewers opened %d streams", viewers, returns.Load())
}

// Publishing never waits: with a viewer that reads nothing and a full network between, ten times what fits is published
// to the end, and another viewer gets all of it.
func TestStreamStalledViewerBlocksNobody(t *testing.T) {
	u := start(t, nil)
	stalled := u.dial(t, u.presenter, "")
	if tcp, ok := stalled.NetConn().(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10)
	}
	line := strings.Repeat("x", 2000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 20_000 {
			u.Hub().Publish(1, []decode.Event{event(i+1, "smtp.command", decode.Client, "line", line)})
		}
	}()
	select {
	case <-done:
	case <-time.After(60 * time.Second):
		t.Fatal("publishing hangs on a viewer")
	}
	seen := 0
	err := watch(u.dial(t, u.follower, ""), func(m message) bool {
		seen += len(m.Events)
		return seen == 20_000
	})
	if err != nil {
		t.Errorf("after %d events: %v", seen, err)
	}
}

// A viewer too slow for what happens is closed with 1013 and finds everything on coming back.
func TestStreamTooSlow(t *testing.T) {
	u := start(t, nil)
	u.hub.mu.Lock()
	u.hub.behind, u.hub.behindTime = 50, time.Millisecond
	u.hub.mu.Unlock()
	conn := u.dial(t, u.presenter, "")
	u.Hub().Publish(1, some(1, 1))
	if err := watch(conn, func(m message) bool { return len(m.Events) > 0 }); err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("x", 4000)
	for i := 1; i < 10_000; i++ { // 40 MB: more than the network between holds
		u.Hub().Publish(1, []decode.Event{event(i+1, "smtp.command", decode.Client, "line", line)})
	}
	seen := 1
	err := watch(conn, func(m message) bool { seen += len(m.Events); return false })
	if !websocket.IsCloseError(err, websocket.CloseTryAgainLater) {
		t.Fatalf("after event %d the stream ended with %v, want 1013", seen, err)
	}
	err = watch(u.dial(t, u.presenter, fmt.Sprintf("?after=%d", seen)), func(m message) bool {
		for _, e := range m.Events {
			if seen++; e.N != seen {
				t.Fatalf("event %d came in the place of %d", e.N, seen)
			}
		}
		return seen == 10_000
	})
	if err != nil {
		t.Error(err)
	}
}

// What is not an event is told too, and changes of it follow.
func TestStreamTellsChanges(t *testing.T) {
	u := start(t, nil)
	conn := u.dial(t, u.presenter, "")
	u.Hub().Publish(4, []decode.Event{event(1, "session.open", decode.Client, "protocol", "imap", "client", "127.0.0.1:5000")})
	if err := watch(conn, func(m message) bool { return len(m.Sessions) == 1 && m.Sessions[0].Protocol == "imap" }); err != nil {
		t.Fatal(err)
	}
	for events := 6; events <= 26; events += 5 { // after the first, counts alone: a little later
		u.Hub().Publish(4, some(2, 5))
		if err := watch(conn, func(m message) bool { return len(m.Sessions) == 1 && m.Sessions[0].Events == events }); err != nil {
			t.Fatal(err)
		}
	}
	u.Hub().Routes([]RouteStatus{{Listen: "smtp://127.0.0.1:1025", State: "failed", Error: "port taken"}})
	if err := watch(conn, func(m message) bool { return len(m.Routes) == 1 && m.Routes[0].Error == "port taken" }); err != nil {
		t.Fatal(err)
	}
	u.SetPlayer(player())
	if err := watch(conn, func(m message) bool { return m.Player != nil && m.Player.Loaded == 10 }); err != nil {
		t.Fatal(err)
	}
	if u.Viewers() != 1 {
		t.Errorf("%d viewers", u.Viewers())
	}
}

// What viewers send is read and ignored while it is small, and the stream ends when it is not.
func TestStreamReadsLittle(t *testing.T) {
	u := start(t, nil)
	conn := u.dial(t, u.presenter, "")
	if err := conn.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	u.Hub().Publish(1, some(1, 1))
	if err := watch(conn, func(m message) bool { return len(m.Events) == 1 }); err != nil {
		t.Fatal(err)
	}
	if err := conn.WriteMessage(websocket.TextMessage, make([]byte, maxFromViewer+1)); err != nil {
		t.Fatal(err)
	}
	if err := watch(conn, func(message) bool { return false }); !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
		t.Errorf("a large message ended the stream with %v", err)
	}
}

// Only so many streams at once; a place is free again when one leaves.
func TestStreamViewersAreBounded(t *testing.T) {
	u := start(t, nil)
	conn := u.dial(t, u.presenter, "")
	if err := watch(conn, func(m message) bool { return m.Type == "hello" }); err != nil {
		t.Fatal(err)
	}
	u.Server.mu.Lock()
	u.viewers += maxViewers - 1
	u.Server.mu.Unlock()
	for _, path := range []string{"/api/v1/stream.sse", "/api/v1/stream"} {
		header := map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": u.base}
		if r, body := u.do(t, u.presenter, request{path: path, header: header}); r.StatusCode != 503 || !strings.Contains(body, `"viewers"`) {
			t.Errorf("%s: one too many gives %s %s", path, r.Status, body)
		}
	}
	conn.Close()
	for range 100 {
		if u.Viewers() == maxViewers-1 {
			u.dial(t, u.presenter, "")
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("a viewer that left still counts")
}

// When facteur stops, viewers are told so (1001), streams of both kinds end, and nothing is left running.
func TestStreamEndsWithServer(t *testing.T) {
	u := start(t, nil)
	conn := u.dial(t, u.presenter, "")
	if err := watch(conn, func(m message) bool { return m.Type == "hello" }); err != nil {
		t.Fatal(err)
	}
	r, err := u.follower.Get(u.base + "/api/v1/stream.sse")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	u.stop()
	if err := watch(conn, func(message) bool { return false }); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("the stream ended with %v, want 1001", err)
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		t.Errorf("server-sent events ended with %v", err)
	}
	u.Hub().Publish(1, some(1, 3)) // late, and harmless
	if u.Viewers() != 0 {
		t.Errorf("%d viewers are left", u.Viewers())
	}
}

// Server-sent events carry the same messages, and a browser that reconnects by itself goes on where it was.
func TestStreamSSE(t *testing.T) {
	u := start(t, nil)
	u.Hub().Publish(1, some(1, 700))
	read := func(lastID string, to int) (numbers []int, id string) {
		q, _ := http.NewRequest(http.MethodGet, u.base+"/api/v1/stream.sse?after=0", nil)
		if lastID != "" {
			q.Header.Set("Last-Event-ID", lastID)
		}
		r, err := u.follower.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/event-stream" || r.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s %v", r.Status, r.Header)
		}
		lines := bufio.NewReader(r.Body)
		greeted := false
		for len(numbers) == 0 || numbers[len(numbers)-1] < to {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if rest, ok := strings.CutPrefix(line, "id: "); ok {
				id = strings.TrimSpace(rest)
			}
			if rest, ok := strings.CutPrefix(line, "data: "); ok {
				var m message
				if err := json.Unmarshal([]byte(rest), &m); err != nil {
					t.Fatalf("%v: %s", err, rest)
				}
				greeted = greeted || m.Type == "hello" && m.Epoch == u.hub.epoch
				for _, e := range m.Events {
					numbers = append(numbers, e.N)
				}
			}
		}
		if !greeted {
			t.Error("no greeting")
		}
		return numbers, id
	}
	numbers, id := read("", 700)
	wantNumbers(t, numbers, 1, 700)
	u.Hub().Publish(1, some(701, 20))
	numbers, _ = read(id, 720)
	wantNumbers(t, numbers, 701, 720)
	numbers, _ = read("another:700", 720) // facteur was started again meanwhile
	wantNumbers(t, numbers, 1, 720)
}

// Viewers on another machine get compressed messages, shared as well.
func TestStreamCompression(t *testing.T) {
	address := lan()
	if address == "" {
		t.Skip("this machine has no address but loopback")
	}
	u := start(t, func(o *Options) { o.Addr = net.JoinHostPort(address, "0") })
	d := websocket.Dialer{Jar: u.presenter.Jar, EnableCompression: true}
	conn, r, err := d.Dial(strings.Replace(u.base, "http", "ws", 1)+"/api/v1/stream", http.Header{"Origin": {u.base}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if !strings.Contains(r.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate") {
		t.Errorf("no compression: %v", r.Header)
	}
	u.Hub().Publish(1, some(1, 600))
	seen := 0
	if err := watch(conn, func(m message) bool { seen += len(m.Events); return seen == 600 }); err != nil {
		t.Error(err)
	}
}

// lan gives an address of this machine that is not loopback, "" if there is none.
func lan() string {
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			return ip.IP.String()
		}
	}
	return ""
}
