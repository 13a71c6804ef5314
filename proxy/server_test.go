package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"facteur/decode"
)

// The limit of sessions turns clients away, and every one is told and observed.
func TestMaxSessions(t *testing.T) {
	m := &mailServer{t: t, proto: decode.SMTP}
	r := newRig(t, func(c *Config) { c.MaxSessions = 1 }, fmt.Sprintf("smtp://127.0.0.1:0=smtp://127.0.0.1:%d", m.start()))
	first := newTalk(t, r.dial())
	first.until("220")
	r.session()
	second := newTalk(t, r.dial())
	if l := second.line(); !strings.HasPrefix(l, "421") || !strings.Contains(l, "Too many sessions") {
		t.Errorf("the second client was told %q", l)
	}
	second.eof()
	r.session().wait().wantError(faultLimit)
	first.say("QUIT\r\n")
	first.line()
	first.eof()
}

// A session whose observer panics ends alone.
func TestPanicStopsAtSession(t *testing.T) {
	m := &mailServer{t: t, proto: decode.SMTP}
	var first sync.Once
	r := newRig(t, func(c *Config) {
		next := c.Observe
		c.Observe = func(i SessionInfo) (o Observer) {
			if first.Do(func() { o = panicking{} }); o != nil {
				return o
			}
			return next(i)
		}
	}, fmt.Sprintf("smtp://127.0.0.1:0=smtp://127.0.0.1:%d", m.start()))
	if c, err := net.Dial("tcp", r.addr()); err == nil { // it may be reset before it is known to be open
		if b, err := io.ReadAll(c); err != nil && !isClosed(err) {
			t.Errorf("%q %v", b, err)
		}
		c.Close()
	}
	k := newTalk(t, r.dial())
	k.until("220")
	k.say("QUIT\r\n")
	k.line()
	if !strings.Contains(r.log.String(), "facteur has a fault") {
		t.Errorf("the log does not say it: %s", r.log)
	}
}

type panicking struct{}

func (panicking) Chunk(c decode.Chunk) bool {
	if len(c.Data) > 0 {
		panic("no")
	}
	return false
}
func (panicking) Await()                     {}
func (panicking) Secrets(decode.Leg, []byte) {}
func (panicking) Expect(decode.Leg, bool)    {}
func (panicking) Close(time.Time)            {}

// When facteur is told to stop, a message under way may come to its end; a session that does not end is ended, and told.
func TestShutdown(t *testing.T) {
	m := &mailServer{t: t, proto: decode.SMTP}
	r := newRig(t, nil, fmt.Sprintf("smtp://127.0.0.1:0=smtp://127.0.0.1:%d", m.start()))
	ends, stays := newTalk(t, r.dial()), newTalk(t, r.dial())
	ends.line()
	stays.line()
	a, b := r.session(), r.session()
	if a.info.Client.String() != ends.LocalAddr().String() {
		a, b = b, a
	}
	r.stop()
	time.Sleep(50 * time.Millisecond)
	if _, err := net.Dial("tcp", r.addr()); err == nil {
		t.Error("still accepting")
	}
	ends.say("QUIT\r\n")
	ends.line()
	ends.eof()
	ends.Close()
	start := time.Now()
	stays.eof()
	if d := time.Since(start); d > shutdownGrace+20*time.Second {
		t.Errorf("the other session was ended after %v", d)
	}
	r.close()
	if a.wait().find("session.error", "") != nil {
		t.Error("a session that ended by itself was ended")
	}
	b.wait().wantError(faultShutdown)
}

// A route that cannot listen is said, and the others go on.
func TestListenErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken, err := ParseRoute(fmt.Sprintf("smtp://%s=smtp://127.0.0.1", l.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	free, err := ParseRoute("smtp://127.0.0.1:0=smtp://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	a, err := authorities()
	if err != nil {
		t.Fatal(err)
	}
	var states []RouteStatus
	s, err := New(Config{Routes: []Route{taken, free}, Authority: a[0], OnRoute: func(r RouteStatus) { states = append(states, r) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Errorf("one route can listen: %v", err)
	}
	if len(states) != 2 || !errors.Is(states[0].Err, syscall.EADDRINUSE) || !strings.Contains(states[0].Err.Error(), "in use by another program") || states[1].Addr == nil {
		t.Errorf("told %+v", states)
	}
	if addrs := s.Addrs(); addrs[0] != nil || addrs[1] == nil {
		t.Errorf("addresses %v", addrs)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Serve(ctx); err != nil {
		t.Error(err)
	}
	alone, err := New(Config{Routes: []Route{taken}, Authority: a[0]})
	if err != nil {
		t.Fatal(err)
	}
	if err := alone.Listen(); err == nil {
		t.Error("no route can listen, and that is no error")
	}
}

func TestNewRefuses(t *testing.T) {
	a, err := authorities()
	if err != nil {
		t.Fatal(err)
	}
	for route, want := range map[string]string{
		"imap://:0=imap://elsewhere.example.com":             "facteur ca renew --host elsewhere.example.com",
		"imap://:0=imaps://mail.example.org?tls=passthrough": "passthrough cannot translate",
	} {
		r, err := ParseRoute(route)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(Config{Routes: []Route{r}, Authority: a[0]}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", route, err, want)
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("a server without routes was made")
	}
}

// A route that leads back to facteur would feed on itself until no socket is left.
func TestRouteLoop(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	r := newRig(t, nil, fmt.Sprintf("smtp://127.0.0.1:%d=smtp://127.0.0.1:%d", port, port))
	newTalk(t, r.dial()).until("421")
	r.session().wait().wantError(faultLoop)
	if n := len(r.sessions); n > 1 {
		t.Errorf("%d more sessions", n)
	}
}

// However many sessions are ended when facteur stops, the log says it in one line; each has its event.
func TestShutdownSaidOnce(t *testing.T) {
	const sessions = 5
	m := &mailServer{t: t, proto: decode.SMTP}
	r := newRig(t, nil, fmt.Sprintf("smtp://127.0.0.1:0=smtp://127.0.0.1:%d", m.start()))
	for range sessions {
		newTalk(t, r.dial()).line()
	}
	r.close()
	for range sessions {
		r.session().wait().wantError(faultShutdown)
	}
	if log := r.log.String(); strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "closes 5 sessions") {
		t.Errorf("the log says:\n%s", log)
	}
}
