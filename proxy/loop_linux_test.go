package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"facteur/decode"
)

// echo greets, and then gives every line back; asked to, it sends much, ends, or resets.
func echo(t testing.TB) int {
	return serve(t, func(c net.Conn) {
		io.WriteString(c, "220 x\r\n")
		lines := bufio.NewReader(c)
		for {
			line, err := lines.ReadString('\n')
			switch {
			case err != nil:
				return
			case line == "much\r\n":
				c.Write(bytes.Repeat([]byte("much to say\r\n"), 1<<20))
			case line == "end\r\n":
				c.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, c)
				return
			case line == "reset\r\n":
				c.(*net.TCPConn).SetLinger(0)
				return
			}
			if _, err := io.WriteString(c, line); err != nil {
				return
			}
		}
	})
}

// echoRig is a proxy in front of an echo, whose words nobody has to understand.
func echoRig(t testing.TB, change func(*Config)) *rig {
	return newRig(t, change, fmt.Sprintf("smtp://127.0.0.1:0=smtp://127.0.0.1:%d?tls=passthrough", echo(t)))
}

func exchange(t testing.TB, c net.Conn, lines *bufio.Reader, line string) {
	t.Helper()
	if _, err := io.WriteString(c, line); err != nil {
		t.Fatal(err)
	}
	if got, err := lines.ReadString('\n'); got != line {
		t.Fatalf("said %q, heard %q, %v", line, got, err)
	}
}

// looped is how many sessions are in loops.
func (r *rig) looped() (n int64) {
	r.srv.loops.mu.Lock()
	defer r.srv.loops.mu.Unlock()
	for _, l := range r.srv.loops.all {
		n += l.sessions.Load()
	}
	return n
}

// greeted opens a session.
func (r *rig) greeted() (*net.TCPConn, *bufio.Reader) {
	r.t.Helper()
	c := r.dial()
	lines := bufio.NewReader(c)
	if greeting, err := lines.ReadString('\n'); greeting != "220 x\r\n" {
		r.t.Fatalf("greeted with %q, %v", greeting, err)
	}
	return c, lines
}

// talking opens a session, and chats until a loop carries it.
func (r *rig) talking() (*net.TCPConn, *bufio.Reader) {
	r.t.Helper()
	before := r.looped()
	c, lines := r.greeted()
	for i := 0; r.looped() <= before; i++ {
		if i == 1000 {
			r.t.Fatal("the session comes into no loop")
		}
		exchange(r.t, c, lines, fmt.Sprintf("line %d\r\n", i))
	}
	return c, lines
}

// However a session ends that a loop carries, its end is carried over, and told as if there were no loop.
func TestLoopEnds(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn){
		"client ends":   func(c *net.TCPConn) { c.CloseWrite() },
		"server ends":   func(c *net.TCPConn) { io.WriteString(c, "end\r\n") },
		"client resets": func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
		"server resets": func(c *net.TCPConn) { io.WriteString(c, "reset\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			r := echoRig(t, nil)
			c, lines := r.talking()
			end(c)
			rest, err := io.ReadAll(lines)
			if len(rest) > 0 || name == "server resets" != isReset(err) && name != "client resets" {
				t.Errorf("heard %q, %v", rest, err)
			}
			c.Close()
			rec := r.session().wait()
			side, how := decode.Client, decode.Finished
			if strings.HasPrefix(name, "server") {
				side = decode.Server
			}
			if strings.HasSuffix(name, "resets") {
				how = decode.Reset
			}
			if got := rec.ends[decode.Leg(side)][side]; got != how {
				t.Errorf("the %s's end is told as %v, want %v", side, got, how)
			}
			if n := r.looped(); n != 0 {
				t.Errorf("%d sessions left in loops", n)
			}
		})
	}
}

// A client that does not read holds up its own session and no other, though one loop carries both; what it did not read is
// there when it does.
func TestLoopStandstill(t *testing.T) {
	r := echoRig(t, nil)
	var others []*net.TCPConn
	var heard []*bufio.Reader
	for range 2 * maxLoops {
		c, lines := r.talking()
		others, heard = append(others, c), append(heard, lines)
	}
	slow, lines := r.talking()
	io.WriteString(slow, "much\r\n")
	for i := range 200 {
		for k, c := range others {
			exchange(t, c, heard[k], fmt.Sprintf("meanwhile %d\r\n", i))
		}
	}
	want := append(bytes.Repeat([]byte("much to say\r\n"), 1<<20), "much\r\n"...)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(lines, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("what was read late differs at %d, %v", differ(got, want), err)
	}
	exchange(t, slow, lines, "and on\r\n")
}

// A session that is in a loop when facteur is told to stop ends like any other.
func TestLoopShutdown(t *testing.T) {
	r := echoRig(t, nil)
	_, lines := r.talking()
	r.stop()
	if _, err := io.ReadAll(lines); isTimeout(err) {
		t.Error("the session does not end")
	}
	r.session().wait().wantError(faultShutdown)
}

// late is an observer that is behind whenever it is told so.
type late struct {
	*recording
	slow chan struct{} // nil: not behind
}

func (l *late) Chunk(c decode.Chunk) bool {
	l.recording.Chunk(c)
	return l.slow != nil && bytes.HasPrefix(c.Data, []byte("slowly"))
}

func (l *late) Await() { <-l.slow }

// An observer that is behind holds its own session back, and no other.
func TestLoopHeldBack(t *testing.T) {
	slow := make(chan struct{})
	r := echoRig(t, func(c *Config) {
		observe := c.Observe
		c.Observe = func(i SessionInfo) Observer {
			l := &late{recording: observe(i).(*recording)}
			if i.ID == 1 {
				l.slow = slow
			}
			return l
		}
	})
	c, lines := r.talking()
	other, more := r.talking()
	io.WriteString(c, "slowly\r\n")
	for i := range 100 {
		exchange(t, other, more, fmt.Sprintf("meanwhile %d\r\n", i))
	}
	c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if got, err := lines.ReadString('\n'); !isTimeout(err) {
		t.Errorf("not held back: heard %q, %v", got, err)
	}
	close(slow)
	c.SetReadDeadline(time.Now().Add(patience))
	if got, err := lines.ReadString('\n'); got != "slowly\r\n" {
		t.Errorf("heard %q, %v", got, err)
	}
	exchange(t, c, lines, "and on\r\n")
}

// panicsLate fails at a word.
type panicsLate struct{ panicking }

func (panicsLate) Chunk(c decode.Chunk) bool {
	if bytes.HasPrefix(c.Data, []byte("panic")) {
		panic("no")
	}
	return false
}

// A panic on a loop ends its session, and no other; the log says where it was.
func TestLoopPanics(t *testing.T) {
	r := echoRig(t, func(c *Config) {
		c.Observe = func(SessionInfo) Observer { return panicsLate{} }
	})
	c, lines := r.talking()
	other, more := r.talking()
	io.WriteString(c, "panic\r\n")
	if got, err := io.ReadAll(lines); isTimeout(err) {
		t.Errorf("heard %q, %v", got, err)
	}
	exchange(t, other, more, "meanwhile\r\n")
	if log := r.log.String(); !strings.Contains(log, "panic=no") || !strings.Contains(log, "panicsLate") {
		t.Errorf("the log does not say it: %s", log)
	}
}

// panicsInvited fails in the server's direction while the client's wants to be in a loop with it.
type panicsInvited struct {
	panicking
	entered, gate chan struct{}
}

func (p panicsInvited) Chunk(c decode.Chunk) bool {
	if bytes.HasPrefix(c.Data, []byte("panic")) && c.From == decode.Server {
		close(p.entered)
		<-p.gate
		panic("no")
	}
	return false
}

// A direction that panics while it is invited lets the other one go, and the session end.
func TestLoopInvitedPanics(t *testing.T) {
	p := panicsInvited{entered: make(chan struct{}), gate: make(chan struct{})}
	r := echoRig(t, func(c *Config) { c.Observe = func(SessionInfo) Observer { return p } })
	c, lines := r.greeted()
	io.WriteString(c, "panic\r\n")
	<-p.entered
	time.AfterFunc(20*time.Millisecond, func() { close(p.gate) })
	for range 2 * calmTurns {
		io.WriteString(c, "and on\r\n")
	}
	if got, err := io.ReadAll(lines); isTimeout(err) {
		t.Errorf("heard %q, %v", got, err)
	}
}

// A session that leaves a loop lives on where no descriptor is left.
func TestLoopWithoutDescriptors(t *testing.T) {
	r := echoRig(t, nil)
	c, lines := r.talking()
	var was syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was)
	few := was
	few.Cur = 200
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few)
	var taken []*os.File
	defer func() {
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was)
		for _, f := range taken {
			f.Close()
		}
	}()
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		taken = append(taken, f)
	}
	exchange(t, c, lines, "in the loop\r\n")
	io.WriteString(c, "much\r\n")
	if _, err := io.CopyN(io.Discard, lines, int64(len("much to say\r\n"))<<20); err != nil {
		t.Error(err)
	}
	lines.ReadString('\n')
	exchange(t, c, lines, "and on\r\n")
}

// chatting is the environment variable that makes of the tests' program a process of its own: an echo, which says its port,
// or the clients of an address.
const chatting = "FACTEUR_TEST_CHAT"

func init() {
	if what := os.Getenv(chatting); what != "" {
		chatter(what)
		os.Exit(0)
	}
}

func chatter(what string) {
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // whoever started it is gone
	}()
	if what != "echo" {
		for range 16 {
			c, err := net.Dial("tcp", what)
			if err != nil {
				return
			}
			go func() {
				for b := make([]byte, 64); ; io.WriteString(c, "and on\r\n") {
					if _, err := c.Read(b); err != nil {
						return
					}
				}
			}()
		}
		select {}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			io.WriteString(c, "220 x\r\n")
			for b := make([]byte, 64); ; {
				n, err := c.Read(b)
				if err != nil {
					return
				}
				c.Write(b[:n])
			}
		}()
	}
}

// chat starts such a process, and gives what it says.
func chat(t *testing.T, what string) io.Reader {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), chatting+"="+what)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return out
}

// chats counts what others say.
type chats struct {
	panicking
	n *atomic.Int64
}

func (c chats) Chunk(decode.Chunk) bool { c.n.Add(1); return false }

// Loops that are busy let others have their turn: while a new client is greeted, little more is said by those in loops
// than it would be without loops.
func TestLoopGivesWay(t *testing.T) {
	var port int
	if _, err := fmt.Fscanln(chat(t, "echo"), &port); err != nil {
		t.Fatal(err)
	}
	said := func(turns int) int64 {
		defer func(was int) { calmTurns = was }(calmTurns)
		calmTurns = turns
		var n atomic.Int64
		r := newRig(t, func(c *Config) { c.Observe = func(SessionInfo) Observer { return chats{n: &n} } },
			fmt.Sprintf("smtp://127.0.0.1:0=smtp://127.0.0.1:%d?tls=passthrough", port))
		defer r.close()
		chat(t, r.addr())
		for n.Load() < 10_000 {
			time.Sleep(time.Millisecond)
		}
		var each []int64
		for range 41 {
			before := n.Load()
			c := r.dial()
			if _, err := c.Read(make([]byte, 16)); err != nil {
				t.Fatal(err)
			}
			each = append(each, n.Load()-before)
			c.Close()
		}
		slices.Sort(each)
		return each[len(each)/2]
	}
	without, with := said(math.MaxInt), said(1)
	t.Logf("told while a client is greeted: %d chunks without loops, %d with", without, with)
	if with > 10*(without+20) {
		t.Error("busy loops leave others waiting")
	}
}
