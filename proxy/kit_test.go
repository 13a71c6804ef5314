package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"facteur/decode"
	"facteur/internal/notes"
	"facteur/proxy/ca"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "proxy")
	if err != nil {
		panic(err)
	}
	scratch = dir
	calmTurns = min(calmTurns, 1+rand.IntN(8)) // sessions of tests are short: sometimes they come into a loop at once, sometimes not
	fmt.Fprintln(os.Stderr, "sessions come into a loop after", calmTurns, "calm turns")
	code := m.Run()
	os.RemoveAll(dir)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines left:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// scratch is a directory for all tests.
var scratch string

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// recording is an Observer that keeps everything.
type recording struct {
	t    testing.TB
	info SessionInfo
	busy sync.Mutex // calls must come one at a time

	mu      sync.Mutex
	chunks  []decode.Chunk
	told    []decode.Told
	wire    [2][2]bytes.Buffer // by leg and side
	ends    [2][2]decode.End
	keys    [2]bytes.Buffer
	expects []string
	closed  chan struct{}
}

func newRecording(t testing.TB, info SessionInfo) *recording {
	return &recording{t: t, info: info, closed: make(chan struct{})}
}

// enter checks that the calls do not overlap and that nothing follows Close.
func (r *recording) enter() func() {
	if !r.busy.TryLock() {
		r.t.Error("the observer is called from two goroutines at a time")
		r.busy.Lock()
	}
	select {
	case <-r.closed:
		r.t.Error("the observer is called after Close")
	default:
	}
	r.mu.Lock()
	return func() { r.mu.Unlock(); r.busy.Unlock() }
}

func (r *recording) Await() {}

func (r *recording) Chunk(c decode.Chunk) bool {
	defer r.enter()()
	if c.Told != nil {
		r.told = append(r.told, *c.Told)
		told := *c.Told
		c.Told = &told
	}
	if r.ends[c.Leg][c.From] != decode.Open && (len(c.Data) > 0 || c.End != decode.Open) {
		r.t.Errorf("the %s leg's %s says something behind its end", c.Leg, c.From)
	}
	r.wire[c.Leg][c.From].Write(c.Data)
	if c.End != decode.Open {
		r.ends[c.Leg][c.From] = c.End
	}
	c.Data = bytes.Clone(c.Data)
	r.chunks = append(r.chunks, c)
	return false
}

func (r *recording) Secrets(leg decode.Leg, keylog []byte) {
	defer r.enter()()
	r.keys[leg].Write(keylog)
}

func (r *recording) Expect(leg decode.Leg, more bool) {
	defer r.enter()()
	r.expects = append(r.expects, fmt.Sprint(leg, " ", more))
}

func (r *recording) Close(time.Time) {
	defer r.enter()()
	close(r.closed)
}

// wait waits for the end of the session.
func (r *recording) wait() *recording {
	r.t.Helper()
	select {
	case <-r.closed:
	case <-time.After(patience):
		r.t.Fatal("the session does not end")
	}
	return r
}

// crossed is how many octets of a side crossed a leg so far.
func (r *recording) crossed(leg decode.Leg, from decode.Side) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wire[leg][from].Len()
}

// find gives the fields of the first told thing of a kind (and with a field "what", unless that is ""), nil if there is none.
func (r *recording) find(kind, what string) map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.told {
		m := map[string]string{}
		for _, f := range t.Fields {
			m[f.Name] = f.Value
		}
		if t.Kind == kind && (what == "" || m["what"] == what) {
			return m
		}
	}
	return nil
}

func (r *recording) wantError(what string) map[string]string {
	r.t.Helper()
	m := r.find("session.error", what)
	if m == nil {
		r.t.Errorf("no session.error %s; told %+v", what, r.told)
		return nil
	}
	id := (&fault{what: what, cause: m["cause"]}).id()
	if m["route"] == "" || !notes.Has(id) {
		r.t.Errorf("session.error %s names no route or has no sentence of its own: %v", what, m)
	}
	return m
}

// rig is a proxy under test with its mail server's authority.
type rig struct {
	t        testing.TB
	srv      *Server
	upstream *ca.Authority // signs for the mail servers
	local    *ca.Authority // facteur's own
	stop     context.CancelFunc
	served   chan error
	sessions chan *recording
	log      *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// sentence says notes as the command line does.
func sentence(lang, id string, fields []decode.Field) (line, advice string) {
	x := notes.Explain(notes.Lang(lang), id, func(name string) (string, bool) {
		i := slices.IndexFunc(fields, func(f decode.Field) bool { return f.Name == name })
		if i < 0 {
			return "", false
		}
		return fields[i].Value, true
	})
	return x.Line, x.More
}

// authorities are made once: keys cost time.
var authorities = sync.OnceValues(func() (a [2]*ca.Authority, err error) {
	for i, name := range []string{"local", "upstream"} {
		if a[i], err = ca.LoadOrCreate(filepath.Join(scratch, name), ca.Options{Hosts: []string{"mail.example.org", "127.0.0.1"}}); err != nil {
			return a, err
		}
	}
	return a, nil
})

func poolOf(a *ca.Authority) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.Certificate())
	return p
}

// newRig starts a proxy for routes; change, if set, changes the configuration first.
func newRig(t testing.TB, change func(*Config), routes ...string) *rig {
	t.Helper()
	a, err := authorities()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, local: a[0], upstream: a[1], served: make(chan error, 1), sessions: make(chan *recording, 4096), log: &lockedBuffer{}}
	c := Config{
		Authority: r.local, UpstreamCA: poolOf(r.upstream), HandshakeTimeout: patience, DialTimeout: patience,
		Lang: "en", Sentence: sentence, Log: slog.New(slog.NewTextHandler(r.log, nil)),
		Observe: func(i SessionInfo) Observer {
			rec := newRecording(t, i)
			r.sessions <- rec
			return rec
		},
	}
	for _, s := range routes {
		parsed, err := ParseRoute(s)
		if err != nil {
			t.Fatal(err)
		}
		c.Routes = append(c.Routes, parsed)
	}
	if change != nil {
		change(&c)
	}
	if r.srv, err = New(c); err != nil {
		t.Fatal(err)
	}
	if err := r.srv.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() { r.served <- r.srv.Serve(ctx) }()
	t.Cleanup(r.close)
	return r
}

// close stops the proxy and waits for it; it may be called twice.
func (r *rig) close() {
	r.stop()
	select {
	case err := <-r.served:
		if err != nil {
			r.t.Error(err)
		}
		r.served <- nil
	case <-time.After(patience + shutdownGrace):
		r.t.Error("Serve does not return")
	}
}

func (r *rig) addr() string { return r.srv.Addrs()[0].String() }

func (r *rig) dial() *net.TCPConn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr())
	if err != nil {
		r.t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	r.t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// session gives the recording of the next session.
func (r *rig) session() *recording {
	r.t.Helper()
	select {
	case s := <-r.sessions:
		return s
	case <-time.After(patience):
		r.t.Fatal("no session was observed")
		return nil
	}
}

// clientTLS trusts facteur's authority alone.
func (r *rig) clientTLS() *tls.Config {
	return &tls.Config{RootCAs: poolOf(r.local), ServerName: "localhost"}
}

// serverTLS is a mail server's configuration, with a certificate that is good for 127.0.0.1.
func serverTLS(t testing.TB) *tls.Config {
	t.Helper()
	a, err := authorities()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a[1].Leaf("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{*cert}}
}

// serve runs a mail server whose every connection is handled by handle, and gives its port.
func serve(t testing.TB, handle func(net.Conn)) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(patience))
				handle(c)
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().(*net.TCPAddr).Port
}

// talk is one end of a conversation in lines.
type talk struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func newTalk(t testing.TB, c net.Conn) *talk { return &talk{t, c, bufio.NewReader(c)} }

func (k *talk) line() string {
	k.t.Helper()
	l, err := k.r.ReadString('\n')
	if err != nil {
		k.t.Errorf("no line: %q, %v", l, err)
	}
	return strings.TrimRight(l, "\r\n")
}

func (k *talk) say(words string) {
	k.t.Helper()
	if _, err := io.WriteString(k, words); err != nil {
		k.t.Errorf("saying %q: %v", words, err)
	}
}

// until reads lines up to one that begins with prefix, and gives all of them joined by \n.
func (k *talk) until(prefix string) string {
	k.t.Helper()
	var all []string
	for {
		l, err := k.r.ReadString('\n')
		all = append(all, strings.TrimRight(l, "\r\n"))
		if err != nil {
			k.t.Errorf("no line beginning with %q: %q, %v", prefix, all, err)
			return strings.Join(all, "\n")
		}
		if strings.HasPrefix(l, prefix) {
			return strings.Join(all, "\n")
		}
	}
}

func (k *talk) eof() {
	k.t.Helper()
	if b, err := io.ReadAll(k.r); err != nil || len(b) > 0 {
		k.t.Errorf("wanted the end, got %q, %v", b, err)
	}
}

// starttls does the client's handshake.
func (k *talk) starttls(c *tls.Config) *talk {
	k.t.Helper()
	if n := k.r.Buffered(); n > 0 {
		b, _ := k.r.Peek(n)
		k.t.Errorf("octets in clear before the handshake: %q", b)
	}
	tc := tls.Client(k.Conn, c)
	if err := tc.Handshake(); err != nil {
		k.t.Errorf("handshake: %v", err)
	}
	return newTalk(k.t, tc)
}

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || isReset(err) || errors.Is(err, net.ErrClosed)
}
