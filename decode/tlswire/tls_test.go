package tlswire

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// recording notes what each side of a connection writes, in order.
type recording struct {
	mu       sync.Mutex
	segments []segment
}

// stream carries one direction with as much buffer as needed; net.Pipe has none, and both sides of TLS 1.3 may write first.
type stream struct {
	mu     sync.Mutex
	cond   *sync.Cond
	buf    bytes.Buffer
	closed bool
}

func newStream() *stream {
	s := &stream{}
	s.cond = sync.NewCond(&s.mu)
	return s
}

// memConn is one end of a connection in memory.
type memConn struct {
	net.Conn // for the methods nobody calls
	side     Side
	log      *recording
	in, out  *stream
}

func (c *memConn) Write(p []byte) (int, error) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.out.closed {
		return 0, net.ErrClosed
	}
	c.log.mu.Lock()
	c.log.segments = append(c.log.segments, segment{c.side, bytes.Clone(p)})
	c.log.mu.Unlock()
	c.out.buf.Write(p)
	c.out.cond.Broadcast()
	return len(p), nil
}

func (c *memConn) Read(p []byte) (int, error) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	for c.in.buf.Len() == 0 {
		if c.in.closed {
			return 0, io.EOF
		}
		c.in.cond.Wait()
	}
	return c.in.buf.Read(p)
}

func (c *memConn) Close() error {
	for _, s := range []*stream{c.in, c.out} {
		s.mu.Lock()
		s.closed = true
		s.cond.Broadcast()
		s.mu.Unlock()
	}
	return nil
}

func (c *memConn) SetDeadline(time.Time) error      { return nil }
func (c *memConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memConn) SetWriteDeadline(time.Time) error { return nil }
func (c *memConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *memConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }

var testKeys = sync.OnceValue(func() (out struct {
	rsa, ecdsa tls.Certificate
	pool       *x509.CertPool
}) {
	rk, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	ek, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	out.rsa, out.ecdsa = selfSigned(rk), selfSigned(ek)
	out.pool = x509.NewCertPool()
	for _, c := range []tls.Certificate{out.rsa, out.ecdsa} {
		leaf, _ := x509.ParseCertificate(c.Certificate[0])
		out.pool.AddCert(leaf)
	}
	return out
})

func selfSigned(k crypto.Signer) tls.Certificate {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "mail.example.test", Organization: []string{"Poste, SA"}},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2060, 1, 1, 0, 0, 0, 0, time.UTC),
		DNSNames: []string{"mail.example.test", "*.example.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, k.Public(), k)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k}
}

// said is what client and server say in every test session.
var said = [2][]byte{
	[]byte("a1 LOGIN facteur tournee\r\n" + strings.Repeat("a2 NOOP\r\n", 3000)),
	[]byte("* OK ready\r\n" + strings.Repeat("* 23 EXISTS\r\n", 3000)),
}

// converse runs a TLS session between Go's own client and server and gives its segments.
func converse(t testing.TB, client, server *tls.Config) []segment {
	t.Helper()
	log := &recording{}
	up, down := newStream(), newStream()
	cc := tls.Client(&memConn{side: Client, log: log, in: down, out: up}, client)
	sc := tls.Server(&memConn{side: Server, log: log, in: up, out: down}, server)
	done := make(chan error, 1)
	go func() {
		buf := make([]byte, len(said[Client]))
		if _, err := io.ReadFull(sc, buf); err != nil {
			done <- err
			sc.Close()
			return
		}
		_, err := sc.Write(said[Server])
		sc.Close()
		done <- err
	}()
	if _, err := cc.Write(said[Client]); err != nil {
		cc.Close()
		t.Fatalf("client: %v (server: %v)", err, <-done)
	}
	got, err := io.ReadAll(cc)
	if err != nil || !bytes.Equal(got, said[Server]) {
		t.Fatalf("client read %d octets: %v", len(got), err)
	}
	cc.Close()
	if err := <-done; err != nil {
		t.Fatalf("server: %v", err)
	}
	return log.segments
}

type session struct {
	name           string
	client, server *tls.Config
	prepare        int // sessions before the one looked at, for resumption
	rsaKey         bool
}

func testSessions() []session {
	var out []session
	keys := testKeys()
	base := func(k *KeyLog) (*tls.Config, *tls.Config) {
		return &tls.Config{ServerName: "mail.example.test", RootCAs: keys.pool, KeyLogWriter: k, NextProtos: []string{"imap"}},
			&tls.Config{Certificates: []tls.Certificate{keys.rsa, keys.ecdsa}, NextProtos: []string{"imap"}}
	}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		for _, v := range s.SupportedVersions {
			k := &KeyLog{}
			c, srv := base(k)
			c.MinVersion, c.MaxVersion, c.CipherSuites = v, v, []uint16{s.ID}
			srv.MinVersion, srv.CipherSuites = tls.VersionTLS10, []uint16{s.ID}
			out = append(out, session{name: fmt.Sprintf("%s/%s", tls.VersionName(v), s.Name), client: c, server: srv})
			if v < tls.VersionTLS13 && strings.HasPrefix(s.Name, "TLS_RSA_") {
				c, srv := c.Clone(), srv.Clone()
				c.KeyLogWriter = nil
				out = append(out, session{name: fmt.Sprintf("rsa key/%s/%s", tls.VersionName(v), s.Name), client: c, server: srv, rsaKey: true})
			}
		}
	}
	add := func(name string, prepare int, change func(c, s *tls.Config)) {
		k := &KeyLog{}
		c, s := base(k)
		change(c, s)
		out = append(out, session{name: name, client: c, server: s, prepare: prepare})
	}
	add("hello retry request", 0, func(c, s *tls.Config) {
		c.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
		s.CurvePreferences = []tls.CurveID{tls.CurveP384}
	})
	add("client certificate 1.3", 0, func(c, s *tls.Config) {
		c.Certificates, s.ClientAuth = []tls.Certificate{keys.ecdsa}, tls.RequireAnyClientCert
	})
	add("client certificate 1.2", 0, func(c, s *tls.Config) {
		c.Certificates, s.ClientAuth = []tls.Certificate{keys.rsa}, tls.RequireAnyClientCert
		c.MaxVersion = tls.VersionTLS12
	})
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS12, tls.VersionTLS13} {
		add("resumption "+tls.VersionName(v), 1, func(c, s *tls.Config) {
			c.ClientSessionCache = tls.NewLRUClientSessionCache(4)
			c.MinVersion, c.MaxVersion, s.MinVersion = tls.VersionTLS10, v, tls.VersionTLS10
		})
	}
	return out
}

// record runs a session and gives its segments and secrets. The sessions that it resumes are watched too: Go logs no
// secret for a resumed TLS 1.2 session, it is known from the one before.
func (s *session) record(t testing.TB) ([]segment, *KeyLog) {
	k, _ := s.client.KeyLogWriter.(*KeyLog)
	if s.rsaKey {
		k = &KeyLog{}
		k.AddRSAKey(testKeys().rsa.PrivateKey.(*rsa.PrivateKey))
	}
	for range s.prepare {
		watchSegments(k, converse(t, s.client, s.server), whole)
	}
	return converse(t, s.client, s.server), k
}

// watchSegments feeds segments cut by cut.
func watchSegments(k Secrets, segs []segment, cut func([]byte) [][]byte) *watch {
	w := newWatch(k)
	w.keep = true
	for _, s := range segs {
		for _, piece := range cut(s.data) {
			w.feed(s.from, piece)
		}
	}
	w.end()
	return w
}

// Every version and suite that Go speaks is opened to the octet, whole or byte by byte, and explained alike.
func TestSessions(t *testing.T) {
	for _, s := range testSessions() {
		t.Run(s.name, func(t *testing.T) {
			segs, k := s.record(t)
			w := watchSegments(k, segs, whole)
			for side, want := range said {
				if !bytes.Equal(w.plain[side].Bytes(), want) {
					t.Fatalf("%v: opened %d octets, want %d; sealed %v", Side(side), w.plain[side].Len(), len(want), w.sealed)
				}
			}
			if len(w.sealed) > 0 {
				t.Errorf("sealed records: %v", w.sealed)
			}
			checkTiles(t, w)
			for i := range w.msgs {
				checkMessage(t, &w.msgs[i])
				if bad := w.msgs[i].Field("malformed"); bad != "" {
					t.Errorf("%s is said to be malformed: %s", w.msgs[i].Kind, bad)
				}
			}
			if want := strings.ReplaceAll(tls.VersionName(s.client.MaxVersion), " ", ""); s.client.MaxVersion > 0 && w.field("tls.server_hello", "version") != want {
				t.Errorf("version %q, want %q", w.field("tls.server_hello", "version"), want)
			}
			if s.prepare > 0 && w.field("tls.server_hello", "resumed") == "" {
				t.Error("not seen as resumed")
			}
			b := watchSegments(k, segs, octets)
			if x, y := describe(w), describe(b); x != y {
				t.Errorf("byte by byte differs:\n%s\n%s", x, y)
			}
		})
	}
}

// describe writes down all that a watch saw.
func describe(w *watch) string {
	var b strings.Builder
	for _, r := range w.records {
		fmt.Fprintf(&b, "%v %d %v %v %x %d %v %v %s %x\n", r.From, r.Size, r.Type, r.Inner, r.Version, r.Length, r.Encrypted, r.Opened, r.Reason, r.Content)
		for _, m := range r.Messages {
			fmt.Fprintf(&b, "  %s %x %v %v\n", m.Kind, m.Raw, m.Fields, m.Notes)
		}
	}
	return b.String()
}

// A record sealed again opens, for a Conn that never saw the old one, to the new content, and all others to their own.
func TestReseal(t *testing.T) {
	for _, s := range testSessions() {
		t.Run(s.name, func(t *testing.T) {
			segs, k := s.record(t)
			w := watchSegments(k, segs, whole)
			var fresh []segment
			var want [2]bytes.Buffer
			for i := range w.records {
				r, wire := &w.records[i], w.wires[i]
				content := bytes.Clone(r.Content)
				if r.Inner == ApplicationData && mathrand.IntN(2) == 0 {
					for j := range content {
						content[j] = '*'
					}
				}
				if !bytes.Equal(content, r.Content) || r.MustReseal() {
					if err := r.Reseal(wire, content); err != nil {
						t.Fatal(err)
					}
				}
				if r.Inner == ApplicationData {
					want[r.From].Write(content)
				}
				fresh = append(fresh, segment{r.From, wire})
			}
			again := watchSegments(k, fresh, whole)
			for side := range want {
				if !bytes.Equal(again.plain[side].Bytes(), want[side].Bytes()) {
					t.Errorf("%v: what was sealed again does not open to the new content (%v)", Side(side), again.sealed)
				}
				if !bytes.Equal(again.layer[side].Bytes(), w.layer[side].Bytes()) {
					t.Errorf("%v: records that are not application data changed", Side(side))
				}
			}
		})
	}
}

// Sealing a record again around the content it had gives the octets of the wire, for every record of every session.
func TestResealSame(t *testing.T) {
	for _, s := range testSessions() {
		segs, k := s.record(t)
		w := watchSegments(k, segs, whole)
		for i := range w.records {
			wire := bytes.Clone(w.wires[i])
			if err := w.records[i].Reseal(wire, w.records[i].Content); err != nil || !bytes.Equal(wire, w.wires[i]) {
				t.Errorf("%s: record %d (%v) changed (%v)", s.name, i, w.records[i].Type, err)
			}
		}
	}
}
