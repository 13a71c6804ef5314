package proxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/internal/watch"
)

// The relay's speed, beside a plain TCP copy in the same run: the ratio says more than the figures, which are those of
// the machine. A benchmark's server sends back what it gets, or, asked with 'b', a block.
const benchBlock = 1 << 20

func benchServer(b *testing.B, secured bool) int {
	block := make([]byte, benchBlock)
	return serve(b, func(c net.Conn) {
		c.SetDeadline(never)
		if secured {
			c = tls.Server(c, serverTLS(b))
		}
		io.WriteString(c, "* PREAUTH ready\r\n")
		room := make([]byte, 4096)
		for {
			n, err := c.Read(room)
			if err != nil {
				return
			}
			answer := room[:n]
			if n == 1 && room[0] == 'b' {
				answer = block
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	})
}

// plainCopy is the relay to compare with: two copies in Go, and nothing else. It gives where it listens.
func plainCopy(b *testing.B, port int) string {
	in := serve(b, func(c net.Conn) {
		c.SetDeadline(never)
		up, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			b.Error(err)
			return
		}
		defer up.Close()
		type plain struct{ io.ReadWriter } // hides splice
		done := make(chan struct{})
		go func() {
			defer close(done)
			io.CopyBuffer(plain{up}, plain{c}, make([]byte, 64<<10))
			up.(*net.TCPConn).CloseWrite()
		}()
		io.CopyBuffer(plain{c}, plain{up}, make([]byte, 64<<10))
		c.Close()
		<-done
	})
	return fmt.Sprintf("127.0.0.1:%d", in)
}

func dialBench(b *testing.B, addr string) net.Conn {
	b.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return c
}

func roundTrip(b *testing.B, c net.Conn, room []byte) {
	if _, err := c.Write([]byte("a NOOP\r\n")); err != nil {
		b.Fatal(err)
	}
	if _, err := io.ReadFull(c, room[:8]); err != nil {
		b.Fatal(err)
	}
}

func fetchBlock(b *testing.B, c net.Conn, room []byte) {
	if _, err := c.Write([]byte("b")); err != nil {
		b.Fatal(err)
	}
	if _, err := io.ReadFull(c, room[:benchBlock]); err != nil {
		b.Fatal(err)
	}
}

// begin reads the greeting, with which the session is logged in and the steering over.
func begin(b *testing.B, c net.Conn, room []byte) net.Conn {
	if _, err := io.ReadFull(c, room[:len("* PREAUTH ready\r\n")]); err != nil {
		b.Fatal(err)
	}
	return c
}

// watchers are the ways in which a session may be watched, from least to most.
var watchers = []struct {
	name string
	desk func(*testing.B) *watch.Desk
}{
	{"relayed", func(*testing.B) *watch.Desk { return nil }},
	{"decoded", func(*testing.B) *watch.Desk { return &watch.Desk{} }},
	{"recorded", func(b *testing.B) *watch.Desk {
		w, err := captures.Create(filepath.Join(b.TempDir(), "bench.pcapng"), captures.WriterOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { w.End() })
		return &watch.Desk{Recorder: w}
	}},
}

// nobody looks at what is decoded.
type nobody struct{}

func (nobody) Publish(int, []decode.Event)                                      {}
func (nobody) Octets(int, decode.Leg, decode.Side, decode.Layer, int64, []byte) {}

// benchRig is a proxy whose sessions are watched by desk, and beside it the plain copy to the same server.
func benchRig(b *testing.B, scheme string, port int, desk *watch.Desk) (r *rig, through, beside string) {
	if desk != nil {
		desk.Show, desk.Passing, desk.Log = nobody{}, true, slog.New(slog.DiscardHandler)
		b.Cleanup(desk.Wait)
	}
	r = newRig(b, func(c *Config) {
		c.Observe = nil
		if desk == nil {
			return
		}
		c.Observe = func(i SessionInfo) Observer {
			st := watch.Start{ID: i.ID, Protocol: i.Route.Listen.Protocol, Route: i.Route.String(), Time: i.Opened}
			st.Implicit[0], st.Implicit[1] = i.Route.Listen.Security == Implicit, i.Route.Upstream.Security == Implicit
			st.Client, _ = netip.ParseAddrPort(i.Client.String())
			return desk.Open(st)
		}
	}, fmt.Sprintf("%s://127.0.0.1:0=%s://127.0.0.1:%d", scheme, scheme, port))
	return r, r.addr(), plainCopy(b, port)
}

// client dials, with TLS if the scheme wants it, trusting the authority of who is dialled.
func benchClient(b *testing.B, r *rig, scheme, addr string) net.Conn {
	c := dialBench(b, addr)
	if scheme[len(scheme)-1] != 's' {
		return c
	}
	cfg := r.clientTLS()
	if addr != r.addr() {
		cfg.RootCAs, cfg.ServerName = poolOf(r.upstream), "127.0.0.1"
	}
	return tls.Client(c, cfg)
}

// compare measures ours against theirs in turns, so that what else the machine does hits both.
func compare(b *testing.B, ours, theirs func()) {
	ours()
	theirs()
	b.ReportAllocs()
	var a, c time.Duration
	for b.Loop() {
		start := time.Now()
		ours()
		a += time.Since(start)
		b.StopTimer()
		start = time.Now()
		theirs()
		c += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(float64(a)/float64(c), "x-plain-copy")
}

// BenchmarkProxy is the whole of it, as a ratio to the time that a plain copy takes in the same run: one round trip, a
// block of 1 MiB, a session from connect to close, and sixteen connections that send mails of 10 kB. "make bench-proxy".
func BenchmarkProxy(b *testing.B) {
	for _, work := range []struct {
		name    string
		schemes []string
		run     func(b *testing.B, scheme string, desk *watch.Desk)
	}{
		{"roundtrip", []string{"imap", "imaps"}, func(b *testing.B, s string, d *watch.Desk) { benchRelay(b, s, d, roundTrip) }},
		{"block", []string{"imap", "imaps"}, func(b *testing.B, s string, d *watch.Desk) {
			b.SetBytes(benchBlock)
			benchRelay(b, s, d, fetchBlock)
		}},
		{"session", []string{"imap", "imaps"}, benchSession},
		{"smtp16", []string{"smtp", "smtps"}, benchMails},
	} {
		for _, scheme := range work.schemes {
			for _, w := range watchers {
				b.Run(work.name+"/"+scheme+"/"+w.name, func(b *testing.B) { work.run(b, scheme, w.desk(b)) })
			}
		}
	}
}

func benchRelay(b *testing.B, scheme string, desk *watch.Desk, work func(*testing.B, net.Conn, []byte)) {
	room := make([]byte, benchBlock)
	r, through, beside := benchRig(b, scheme, benchServer(b, scheme == "imaps"), desk)
	ours, theirs := benchClient(b, r, scheme, through), benchClient(b, r, scheme, beside)
	begin(b, ours, room)
	begin(b, theirs, room)
	compare(b, func() { work(b, ours, room) }, func() { work(b, theirs, room) })
	ours.Close()
	theirs.Close()
}

// benchSession is a whole session: connect, handshakes, greeting, goodbye.
func benchSession(b *testing.B, scheme string, desk *watch.Desk) {
	room := make([]byte, 64)
	r, through, beside := benchRig(b, scheme, benchServer(b, scheme == "imaps"), desk)
	session := func(addr string) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		c := conn
		if scheme == "imaps" {
			cfg := r.clientTLS()
			if addr != through {
				cfg.RootCAs, cfg.ServerName = poolOf(r.upstream), "127.0.0.1"
			}
			c = tls.Client(conn, cfg)
		}
		begin(b, c, room)
		conn.Close()
	}
	compare(b, func() { session(through) }, func() { session(beside) })
}

const (
	benchSenders = 16
	benchMail    = 10 << 10
	// benchBatch mails are sent by each sender at a time.
	benchBatch = 8
)

// mailSink takes mails as fast as they come.
func mailSink(b *testing.B, secured bool) int {
	return serve(b, func(c net.Conn) {
		c.SetDeadline(never)
		if secured {
			c = tls.Server(c, serverTLS(b))
		}
		io.WriteString(c, "220 sink\r\n")
		for r, data := bufio.NewReaderSize(c, 16<<10), false; ; {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			answer := "250 ok\r\n"
			switch {
			case data && string(line) != ".\r\n":
				continue
			case data:
				data = false
			case string(line) == "DATA\r\n":
				data, answer = true, "354 go\r\n"
			}
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
		}
	})
}

func benchMails(b *testing.B, scheme string, desk *watch.Desk) {
	r, through, beside := benchRig(b, scheme, mailSink(b, scheme == "smtps"), desk)
	mail := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", benchMail/78) + ".\r\n"
	senders := func(addr string) func() {
		var all []*talk
		for range benchSenders {
			k := newTalk(b, benchClient(b, r, scheme, addr))
			k.line()
			k.say("EHLO bench\r\n")
			k.line()
			all = append(all, k)
		}
		return func() {
			var wg sync.WaitGroup
			for _, k := range all {
				wg.Go(func() {
					for range benchBatch {
						for _, words := range []string{"MAIL FROM:<a@example.org>\r\n", "RCPT TO:<b@example.org>\r\n", "DATA\r\n", mail} {
							k.say(words)
							k.line()
						}
					}
				})
			}
			wg.Wait()
		}
	}
	compare(b, senders(through), senders(beside))
	b.ReportMetric(float64(b.N*benchSenders*benchBatch)/b.Elapsed().Seconds(), "mails/s")
}
