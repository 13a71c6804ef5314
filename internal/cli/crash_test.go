package cli

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/internal/lab"
)

// kills is how often TestKilledWhileRecording kills: 3 show that it works, 50 and more give the figures of the notes.
var kills = flag.Int("kills", 3, "how often the crash trials kill a recording proxy")

// A proxy killed at a random moment under load leaves a recording that opens: all that was flushed is there, whatever
// unfinished end there is is repaired and told, and no more is missing than what was not flushed yet.
func TestKilledWhileRecording(t *testing.T) {
	program, err := exec.LookPath("facteur") // this test binary, as the stories use it
	if err != nil {
		t.Fatal(err)
	}
	practice, err := lab.Start(t.Context(), lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { practice.Close() })
	pem := filepath.Join(t.TempDir(), "lab.pem")
	if err := os.WriteFile(pem, practice.Authority().PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	var sum crash
	for n := range *kills {
		dir := filepath.Join(t.TempDir(), "rec")
		c := crashOnce(t, program, practice, pem, dir)
		t.Logf("kill %d after %v: %d octets, %d sessions; %d octets torn off the end, %d of %d received octets not recorded, the last packet %v before the kill",
			n+1, c.after.Round(time.Millisecond), c.size, c.sessions, c.torn, c.lost, c.received, c.behind.Round(time.Millisecond))
		sum.add(&c)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills: %d recordings opened, %d had an unfinished end (%d octets in all), %d of %d octets that clients had received were not recorded yet (at most %d in one trial, %v before the kill)",
		sum.trials, sum.trials, sum.tornOff, sum.torn, sum.lost, sum.received, sum.worst, sum.behind.Round(time.Millisecond))
}

// crash is what a trial, or all of them, found.
type crash struct {
	after, behind              time.Duration
	size, torn, received, lost int64
	sessions                   int
	trials, tornOff            int
	worst                      int64
}

func (c *crash) add(o *crash) {
	c.trials++
	if o.torn > 0 {
		c.tornOff++
	}
	c.torn, c.received, c.lost = c.torn+o.torn, c.received+o.received, c.lost+o.lost
	c.worst, c.behind = max(c.worst, o.lost), max(c.behind, o.behind)
}

// patience for a proxy to start and for a machine that does other things: what is found after it is a fault of ours.
const crashPatience = 20 * time.Second

// crashOnce records under load, kills, and looks at what is left.
func crashOnce(t *testing.T, program string, practice *lab.Server, pem, dir string) crash {
	t.Helper()
	imap, submission := freeAddr("127.0.0.1:0"), freeAddr("127.0.0.1:0")
	cmd := exec.Command(program, "proxy", "--record", dir, "--web", "off", "--ca-dir", filepath.Join(filepath.Dir(pem), "ca"), "--upstream-ca", pem, "-q",
		"imap://"+imap+"=imap://localhost:"+portOfAddr(practice.Addr(lab.IMAP)), "submission://"+submission+"=submission://localhost:"+portOfAddr(practice.Addr(lab.Submission)))
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	load := &load{received: map[string]int64{}}
	load.run(ctx, t, practice, imap, submission)
	begin := time.Now()
	for load.total() == 0 && time.Since(begin) < crashPatience {
		time.Sleep(time.Millisecond)
	}
	c := crash{after: time.Duration(rand.Int64N(int64(1200 * time.Millisecond)))}
	time.Sleep(c.after)
	killed := time.Now()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Success() {
		t.Fatalf("the proxy ended before the kill: %v\n%s", err, &said)
	}
	stop()
	load.wait()
	c.look(t, dir, load.received, killed)
	return c
}

// look repairs and reads the recording, and holds the index against it.
func (c *crash) look(t *testing.T, dir string, received map[string]int64, killed time.Time) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*.pcapng"))
	if len(files) != 1 {
		t.Fatalf("%d recordings, want 1", len(files))
	}
	status, out, errOut := run(t, "captures", "--library", dir, "repair", files[0])
	if status != 0 {
		t.Fatalf("repair: %s", errOut)
	}
	if m := regexp.MustCompile(`(\d+) octets`).FindStringSubmatch(out); m != nil {
		fmt.Sscan(m[1], &c.torn)
	}
	recorded, clients := map[string]int64{}, map[int]string{}
	var last time.Time
	sink := &counting{open: func(i captures.Info) {
		if i.Leg == decode.ClientLeg && i.Own != nil {
			clients[i.Session] = i.Own.Client
			c.sessions++
		}
	}, chunk: func(session int, k decode.Chunk) {
		if k.Leg == decode.ClientLeg && k.From == decode.Server {
			recorded[clients[session]] += int64(len(k.Data))
		}
		if k.Time.After(last) && !k.Time.After(killed) {
			last = k.Time
		}
	}}
	if err := captures.ReadFile(files[0], sink); err != nil {
		t.Fatalf("after repair: %v", err)
	}
	for client, n := range received {
		c.received += n
		c.lost += max(0, n-recorded[client])
	}
	if c.behind = killed.Sub(last); last.IsZero() { // killed before anything was flushed
		c.behind = c.after
	}
	if st, err := os.Stat(files[0]); err == nil {
		c.size = st.Size()
	}
	for _, command := range [][]string{{"reindex"}, {"verify"}} {
		if status, out, errOut := run(t, append([]string{"captures", "--library", dir}, command...)...); status != 0 {
			t.Fatalf("captures %s: %s%s", command[0], out, errOut)
		}
	}
	if c.behind > crashPatience {
		t.Errorf("nothing of the last %v is recorded", c.behind)
	}
}

// counting is a captures.Sink of two functions.
type counting struct {
	open  func(captures.Info)
	chunk func(int, decode.Chunk)
}

func (c *counting) Open(i captures.Info)        { c.open(i) }
func (c *counting) Chunk(s int, k decode.Chunk) { c.chunk(s, k) }
func (c *counting) Close(int, time.Time)        {}
func (c *counting) Secrets([]byte)              {}

// load is clients at work: some that fetch a long message again and again, some that play a script with STARTTLS.
type load struct {
	wg sync.WaitGroup

	mu       sync.Mutex
	received map[string]int64 // octets by client address
}

func (l *load) total() (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range l.received {
		n += k
	}
	return n
}

func (l *load) wait() { l.wg.Wait() }

func (l *load) run(ctx context.Context, t *testing.T, practice *lab.Server, imap, submission string) {
	for range 4 {
		l.wg.Go(func() {
			for ctx.Err() == nil {
				l.fetch(ctx, imap)
				time.Sleep(10 * time.Millisecond) // not started yet, or killed
			}
		})
	}
	script, ok := lab.FindScript("refusals")
	if !ok {
		t.Fatal("the script is gone")
	}
	targets := practice.Targets()
	targets.Addrs[lab.Submission] = submission
	l.wg.Go(func() {
		for ctx.Err() == nil {
			_ = lab.Play(ctx, script, targets) // fails while there is no proxy, and at the certificate: that is load, too
			time.Sleep(10 * time.Millisecond)
		}
	})
}

// fetch reads through the proxy until it is gone.
func (l *load) fetch(ctx context.Context, addr string) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	r := bufio.NewReaderSize(&received{c, l}, 64<<10)
	long := strings.Repeat("Subject: long\r\n\r\n"+strings.Repeat("a line of this message\r\n", 40), 40)
	say := func(text, until string) bool {
		if _, err := io.WriteString(c, text); err != nil {
			return false
		}
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return false
			}
			if strings.HasPrefix(line, until) {
				return true
			}
		}
	}
	ok := say(fmt.Sprintf("a1 LOGIN %s %s\r\n", lab.Accounts[0].User, lab.Accounts[0].Password), "a1 ") &&
		say("a2 SELECT Archives\r\n", "a2 ") && say(fmt.Sprintf("a3 APPEND Archives {%d+}\r\n%s\r\n", len(long), long), "a3 ")
	for n := 4; ok && ctx.Err() == nil; n++ {
		ok = say(fmt.Sprintf("a%d FETCH 1 BODY.PEEK[]\r\n", n), fmt.Sprintf("a%d ", n))
		time.Sleep(2 * time.Millisecond)
	}
}

// received counts what a client has read.
type received struct {
	net.Conn
	l *load
}

func (r *received) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.l.mu.Lock()
	r.l.received[r.Conn.LocalAddr().String()] += int64(n)
	r.l.mu.Unlock()
	return n, err
}
