package replay

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"facteur/decode"
	"facteur/decode/tlswire"
	"facteur/internal/lab"
)

// tap stands between a client and a server, passes octets on as they are, and decodes them as a capture of them would.
type tap struct {
	t    *testing.T
	keys *tlswire.KeyLog
	show *Book
	wg   sync.WaitGroup

	mu       sync.Mutex
	sessions int
}

func newTap(t *testing.T, show *Book) *tap {
	return &tap{t: t, keys: new(tlswire.KeyLog), show: show}
}

// Write takes key log lines.
func (tp *tap) Write(p []byte) (int, error) {
	tp.keys.Add(p)
	return len(p), nil
}

// door opens a door in front of a server's.
func (tp *tap) door(to, protocol string, implicit bool) string {
	tp.t.Helper()
	l, err := new(net.ListenConfig).Listen(tp.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tp.t.Fatal(err)
	}
	tp.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := new(net.Dialer).DialContext(context.Background(), "tcp", to)
			if err != nil {
				c.Close()
				continue
			}
			tp.wg.Go(func() { tp.relay(c, s, protocol, implicit) })
		}
	})
	tp.t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func (tp *tap) relay(c, s net.Conn, protocol string, implicit bool) {
	defer c.Close()
	defer s.Close()
	var mu sync.Mutex
	tp.mu.Lock()
	tp.sessions++
	id := tp.sessions
	tp.mu.Unlock()
	o := decode.Options{Protocol: protocol, Secrets: tp.keys, Implicit: [2]bool{implicit, implicit}, Await: func() bool { return true }}
	o.Octets = func(leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
		tp.show.Octets(id, leg, from, layer, at, data)
	}
	dec := decode.New(o)
	publish := func(evs []decode.Event) {
		tp.mu.Lock()
		defer tp.mu.Unlock()
		tp.show.Publish(id, evs)
	}
	feed := func(ch decode.Chunk) {
		mu.Lock()
		defer mu.Unlock()
		ch.Time = time.Now()
		publish(dec.Feed(ch))
		publish(dec.Retry())
	}
	feed(decode.Chunk{Told: &decode.Told{Kind: "session.open", Fields: []decode.Field{{Name: "client", Value: c.RemoteAddr().String()}, {Name: "server", Value: s.RemoteAddr().String()}}}})
	var both sync.WaitGroup
	pass := func(from decode.Side, src, dst net.Conn) {
		buf := make([]byte, 32<<10)
		for {
			n, err := src.Read(buf)
			if n > 0 {
				feed(decode.Chunk{From: from, Data: buf[:n]})
				if _, err := dst.Write(buf[:n]); err != nil {
					break
				}
			}
			if err != nil {
				if err == io.EOF {
					feed(decode.Chunk{From: from, End: decode.Finished})
				}
				break
			}
		}
		if tcp, ok := dst.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}
	both.Go(func() { pass(decode.Client, c, s) })
	both.Go(func() { pass(decode.Server, s, c) })
	both.Wait()
	mu.Lock()
	defer mu.Unlock()
	publish(dec.Close(time.Now()))
}

// settle waits until every session was decoded.
func (tp *tap) settle() {
	for range 200 {
		time.Sleep(5 * time.Millisecond)
		tp.mu.Lock()
		n := tp.show.unfinished()
		tp.mu.Unlock()
		if n == 0 {
			return
		}
	}
}

// tappedLab is a practice server with a tap at each door, and the targets of a client in front of it.
func tappedLab(t *testing.T, o lab.Options, show *Book) (*tap, lab.Targets) {
	t.Helper()
	s, err := lab.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	tp := newTap(t, show)
	t.Cleanup(tp.wg.Wait) // runs after the doors were closed
	targets := s.Targets()
	targets.KeyLog = tp
	doors := map[string]string{}
	for _, d := range []struct {
		service, protocol string
		implicit          bool
	}{{lab.SMTP, decode.SMTP, false}, {lab.Submission, decode.SMTP, false}, {lab.SMTPS, decode.SMTP, true}, {lab.POP3, decode.POP3, false},
		{lab.POP3S, decode.POP3, true}, {lab.IMAP, decode.IMAP, false}, {lab.IMAPS, decode.IMAP, true}} {
		doors[d.service] = tp.door(s.Addr(d.service), d.protocol, d.implicit)
	}
	targets.Addrs = doors
	return tp, targets
}
