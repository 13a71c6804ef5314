package proxy

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/internal/watch"
)

var soak = flag.Duration("soak", 2*time.Second, "how long TestSoak goes on")

const (
	soakClients = 24        // at a time
	soakLiteral = 300 << 10 // octets at most, but for one in twenty
	soakLarge   = 4 << 20
	// soakPatience is for a machine that has other work to do, with the race detector.
	soakPatience = 5 * time.Minute
	// soakHeap is what may be left of the memory when all is over, whatever went through.
	soakHeap = 48 << 20
)

// TestSoak lets clients of every kind come and go for as long as -soak says, through every security and mode, with every
// session decoded and recorded: some read slowly, some cut what they send to single octets, some vanish, some are reset by
// the server. What arrives must be what was sent; what was recorded must be read back, octet for octet in number; and in
// the end no memory and no goroutine may be left.
//
//	go test -race -timeout 20m ./proxy -run TestSoak -soak 10m
func TestSoak(t *testing.T) {
	plain, secured := soakServer(t, false), soakServer(t, true)
	tape := newSoakTape(t)
	desk := &watch.Desk{Show: tape, Recorder: tape.w, Passing: true, Log: slog.New(slog.DiscardHandler)}
	var sessions atomic.Int64
	r := newRig(t, func(c *Config) {
		c.HandshakeTimeout = soakPatience
		c.Observe = func(i SessionInfo) Observer {
			sessions.Add(1)
			st := watch.Start{ID: i.ID, Protocol: i.Route.Listen.Protocol, Route: i.Route.String(), Time: i.Opened}
			st.Implicit[decode.ClientLeg], st.Implicit[decode.ServerLeg] = i.Route.Listen.Security == Implicit, i.Route.Upstream.Security == Implicit
			st.Client, _ = netip.ParseAddrPort(i.Client.String())
			return &soakCount{desk.Open(st), &tape.seen}
		}
	}, fmt.Sprintf("imap://127.0.0.1:0=imap://127.0.0.1:%d", plain), fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", secured),
		fmt.Sprintf("imap://127.0.0.1:0=imaps://127.0.0.1:%d", secured), fmt.Sprintf("imaps://127.0.0.1:0=imap://127.0.0.1:%d?starttls", plain),
		fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d?tls=passthrough", secured))
	end := time.Now().Add(*soak)
	var clients sync.WaitGroup
	var octets atomic.Int64
	for i := range soakClients {
		clients.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 1))
			for time.Now().Before(end) && !t.Failed() {
				octets.Add(soakSession(t, r, rnd))
			}
		})
	}
	clients.Wait()
	r.close()
	desk.Wait()
	tape.finish()
	t.Logf("%d sessions, %d MiB of literals, %d MiB recorded and read back", sessions.Load(), octets.Load()>>20, tape.read>>20)
	if tape.read != tape.seen.Load() || tape.sessions != int(sessions.Load()) {
		t.Errorf("recorded %d octets of %d sessions, seen %d of %d", tape.read, tape.sessions, tape.seen.Load(), sessions.Load())
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools held
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > soakHeap {
		t.Errorf("%d MiB of memory are left", m.HeapAlloc>>20)
	}
}

// soakCount counts the octets that a session's observer is handed.
type soakCount struct {
	*watch.Live
	seen *atomic.Int64
}

func (c *soakCount) Chunk(k decode.Chunk) bool {
	c.seen.Add(int64(len(k.Data)))
	return c.Live.Chunk(k)
}

// soakTape is a recording that is read back while it is written, so that it takes no room.
type soakTape struct {
	t        *testing.T
	w        *captures.Writer
	pipe     *io.PipeWriter
	done     chan error
	seen     atomic.Int64
	read     int64
	sessions int
}

func newSoakTape(t *testing.T) *soakTape {
	in, out := io.Pipe()
	tape := &soakTape{t: t, pipe: out, done: make(chan error, 1)}
	go func() { tape.done <- captures.Read(in, "soak", tape) }()
	var err error
	if tape.w, err = captures.NewWriter(out, captures.WriterOptions{Application: "test"}); err != nil {
		t.Fatal(err)
	}
	return tape
}

func (s *soakTape) finish() {
	if err := s.w.End(); err != nil {
		s.t.Error(err)
	}
	s.pipe.Close()
	if err := <-s.done; err != nil {
		s.t.Error(err)
	}
}

func (s *soakTape) Open(captures.Info)              {}
func (s *soakTape) Chunk(_ int, c decode.Chunk)     { s.read += int64(len(c.Data)) }
func (s *soakTape) Close(int, time.Time)            { s.sessions++ }
func (s *soakTape) Secrets([]byte)                  {}
func (s *soakTape) Publish(_ int, e []decode.Event) { s.check(e) }
func (s *soakTape) Octets(int, decode.Leg, decode.Side, decode.Layer, int64, []byte) {
}

// check looks for what no session here may bring about.
func (s *soakTape) check(evs []decode.Event) {
	for i := range evs {
		if what := evs[i].Field("what"); evs[i].Kind == "session.error" && (what == "internal" || what == "recording_failed" || what == "decoder") {
			s.t.Errorf("%v", evs[i])
		}
	}
}

// soakOctets are the octets of a literal: the same for the same seed, and different at every place.
func soakOctets(seed, n int) []byte {
	b := make([]byte, n)
	rnd := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	rnd.Read(b)
	return b
}

// soakServer answers FETCH SEED SIZE with a literal, APPEND with the digest of the literal, STARTTLS, LOGOUT, and DIE with
// a reset.
func soakServer(t *testing.T, implicit bool) int {
	return serve(t, func(c net.Conn) {
		c.SetDeadline(time.Now().Add(soakPatience))
		raw := c.(*net.TCPConn)
		if implicit {
			c = tls.Server(c, serverTLS(t))
		}
		io.WriteString(c, "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
		for r := bufio.NewReader(c); ; {
			line, err := r.ReadString('\n')
			f := strings.Fields(line)
			if err != nil || len(f) < 2 {
				return
			}
			switch f[1] {
			case "STARTTLS":
				fmt.Fprintf(c, "%s OK go\r\n", f[0])
				c = tls.Server(raw, serverTLS(t))
				r = bufio.NewReader(c)
				continue
			case "FETCH":
				seed, _ := strconv.Atoi(f[2])
				n, _ := strconv.Atoi(f[3])
				fmt.Fprintf(c, "* 1 FETCH (BODY[] {%d}\r\n", n)
				c.Write(soakOctets(seed, n))
				fmt.Fprintf(c, ")\r\n%s OK done\r\n", f[0])
			case "APPEND":
				n, _ := strconv.Atoi(strings.Trim(f[3], "{+}"))
				h := sha256.New()
				io.CopyN(h, r, int64(n))
				r.ReadString('\n')
				fmt.Fprintf(c, "%s OK %x\r\n", f[0], h.Sum(nil))
			case "DIE":
				raw.SetLinger(0)
				raw.Close()
				return
			case "LOGOUT":
				fmt.Fprintf(c, "* BYE\r\n%s OK bye\r\n", f[0])
				if h, ok := c.(halfCloser); ok {
					h.CloseWrite()
				}
				return
			default:
				fmt.Fprintf(c, "%s OK done\r\n", f[0])
			}
		}
	})
}

// soakSession is one client's session, of a random kind, and gives how many octets of literals it moved.
func soakSession(t *testing.T, r *rig, rnd *rand.Rand) (moved int64) {
	route := rnd.IntN(5)
	conn, err := net.Dial("tcp", r.srv.Addrs()[route].String())
	if err != nil {
		t.Errorf("no connection: %v", err)
		return 0
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(soakPatience))
	cfg := r.clientTLS()
	if route == 4 {
		cfg.RootCAs = poolOf(r.upstream)
		cfg.ServerName = "127.0.0.1"
	}
	c := conn
	if route == 1 || route >= 3 {
		c = tls.Client(conn, cfg)
	}
	k := &soakTalk{c: c, r: bufio.NewReader(c), rnd: rnd, cut: rnd.IntN(4) == 0}
	k.until("* ")
	if (route == 0 || route == 2) && rnd.IntN(2) == 0 {
		k.send("s STARTTLS\r\n")
		k.until("s OK")
		k.c = tls.Client(conn, cfg)
		k.r = bufio.NewReader(k.c)
	}
	k.send("l LOGIN alice secret\r\n")
	k.until("l OK")
	for range 1 + rnd.IntN(6) {
		n := rnd.IntN(soakLiteral)
		if rnd.IntN(20) == 0 {
			n = rnd.IntN(soakLarge)
		}
		k.exchange(t, rnd.IntN(1<<16), n)
		moved += int64(n)
	}
	switch rnd.IntN(8) {
	case 0: // gone without a word
	case 1: // in the middle of what it asked for
		k.send("x FETCH 1 1000000\r\n")
		k.until("* 1 FETCH")
		conn.(*net.TCPConn).SetLinger(0)
	case 2:
		k.send("d DIE\r\n")
		io.Copy(io.Discard, k.r)
		return moved
	case 3: // pipelined
		k.send("n NOOP\r\no NOOP\r\nz LOGOUT\r\n")
		k.until("z OK")
	default:
		k.send("z LOGOUT\r\n")
		k.until("z OK")
		if _, err := io.Copy(io.Discard, k.r); k.err == nil && err != nil {
			k.err = fmt.Errorf("behind the goodbye: %w", err)
		}
	}
	if k.err != nil {
		t.Errorf("route %d: %v", route, k.err)
	}
	return moved
}

// soakTalk is a client's end. Its first error stays.
type soakTalk struct {
	c   net.Conn
	r   *bufio.Reader
	rnd *rand.Rand
	cut bool // it sends small pieces
	err error
}

func (k *soakTalk) send(words string) {
	for len(words) > 0 && k.err == nil {
		n := len(words)
		if k.cut && n < 4096 {
			n = 1 + k.rnd.IntN(n)
		}
		if _, err := io.WriteString(k.c, words[:n]); err != nil {
			k.err = fmt.Errorf("sending: %w", err)
		}
		words = words[n:]
	}
}

func (k *soakTalk) until(prefix string) (line string) {
	for k.err == nil && !strings.HasPrefix(line, prefix) {
		if line, k.err = k.r.ReadString('\n'); k.err != nil {
			k.err = fmt.Errorf("awaiting %q: %w", prefix, k.err)
		}
	}
	return line
}

// exchange fetches or stores a literal, and checks it.
func (k *soakTalk) exchange(t *testing.T, seed, n int) {
	want := soakOctets(seed, n)
	if k.rnd.IntN(2) == 0 {
		k.send(fmt.Sprintf("a APPEND INBOX {%d+}\r\n", n))
		k.send(string(want) + "\r\n")
		if got := k.until("a OK"); k.err == nil && strings.TrimSpace(got) != fmt.Sprintf("a OK %x", sha256.Sum256(want)) {
			t.Errorf("the server got other octets than were sent")
		}
		return
	}
	k.send(fmt.Sprintf("f FETCH %d %d\r\n", seed, n))
	if k.until("* 1 FETCH"); k.err != nil {
		return
	}
	got := make([]byte, n)
	for at := 0; at < n && k.err == nil; {
		m := min(n, at+1+k.rnd.IntN(64<<10))
		if k.rnd.IntN(50) == 0 {
			time.Sleep(20 * time.Millisecond)
		}
		_, k.err = io.ReadFull(k.r, got[at:m])
		at = m
	}
	if k.err == nil && sha256.Sum256(got) != sha256.Sum256(want) {
		t.Errorf("the client got other octets than were sent, from octet %d on", differ(got, want))
	}
	k.until("f OK")
}
