package proxy

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
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

// plainCopy is the relay to compare with: two copies in Go, and nothing else.
func plainCopy(b *testing.B, port int) net.Conn {
	in := serve(b, func(c net.Conn) {
		c.SetDeadline(never)
		up, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			b.Error(err)
			return
		}
		defer up.Close()
		type plain struct{ io.ReadWriter } // hides splice
		go func() {
			io.CopyBuffer(plain{up}, plain{c}, make([]byte, 64<<10))
			up.(*net.TCPConn).CloseWrite()
		}()
		io.CopyBuffer(plain{c}, plain{up}, make([]byte, 64<<10))
	})
	return dialBench(b, fmt.Sprintf("127.0.0.1:%d", in))
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

func BenchmarkRelay(b *testing.B) {
	for _, scheme := range []string{"imap", "imaps"} {
		for name, work := range map[string]func(*testing.B, net.Conn, []byte){"round trip": roundTrip, "block": fetchBlock} {
			b.Run(scheme+" "+name, func(b *testing.B) { benchRelay(b, scheme, name, work) })
		}
	}
}

func benchRelay(b *testing.B, scheme, name string, work func(*testing.B, net.Conn, []byte)) {
	room := make([]byte, benchBlock)
	port := benchServer(b, scheme == "imaps")
	r := newRig(b, func(c *Config) { c.Observe = nil }, fmt.Sprintf("%s://127.0.0.1:0=%s://127.0.0.1:%d", scheme, scheme, port))
	through, beside := dialBench(b, r.addr()), plainCopy(b, port)
	if scheme == "imaps" {
		through = tls.Client(through, r.clientTLS())
		end := r.clientTLS()
		end.RootCAs, end.ServerName = poolOf(r.upstream), "127.0.0.1"
		beside = tls.Client(beside, end)
	}
	begin(b, through, room)
	begin(b, beside, room)
	for range 10 {
		work(b, through, room)
		work(b, beside, room)
	}
	if name == "block" {
		b.SetBytes(benchBlock)
	}
	b.ReportAllocs()
	var ours, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		work(b, through, room)
		ours += time.Since(start)
		b.StopTimer() // interleaved, so that noise hits both
		start = time.Now()
		work(b, beside, room)
		theirs += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(float64(ours)/float64(theirs), "x-plain-copy")
	through.Close()
	beside.Close()
}

// BenchmarkSession is a whole session: connect, handshakes, greeting, goodbye.
func BenchmarkSession(b *testing.B) {
	for _, scheme := range []string{"imap", "imaps"} {
		b.Run(scheme, func(b *testing.B) {
			port := benchServer(b, scheme == "imaps")
			r := newRig(b, func(c *Config) { c.Observe = nil }, fmt.Sprintf("%s://127.0.0.1:0=%s://127.0.0.1:%d", scheme, scheme, port))
			room := make([]byte, 64)
			b.ReportAllocs()
			for b.Loop() {
				conn, err := net.Dial("tcp", r.addr())
				if err != nil {
					b.Fatal(err)
				}
				c := conn
				if scheme == "imaps" {
					c = tls.Client(conn, r.clientTLS())
				}
				begin(b, c, room)
				conn.Close()
			}
		})
	}
}
