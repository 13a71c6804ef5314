package proxy

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"facteur/decode"
)

// noise makes octets that no decoder likes: NUL, bare LF and CR, TLS record headers, long lines, and words of protocols.
func noise(rnd *rand.Rand, n int) []byte {
	words := []string{"\r\n", "\n", "\r", "\x00", "\x16\x03\x01\x02\x00\x01", "EHLO x\r\n", "a CAPABILITY\r\n", "{12}\r\n", "{99999999999}\r\n", "250-x\r\n", "* OK\r\n", ".\r\n", "CAPA\r\n", "DATA\r\n", "BDAT 100 LAST\r\n", "\xff\xfe"}
	var b bytes.Buffer
	for b.Len() < n {
		if rnd.IntN(3) == 0 {
			for range rnd.IntN(200) {
				b.WriteByte(byte(rnd.UintN(256)))
			}
			continue
		}
		b.WriteString(words[rnd.IntN(len(words))])
	}
	return b.Bytes()[:n]
}

// sendCut writes octets in pieces of random size, down to one octet.
func sendCut(rnd *rand.Rand, w io.Writer, b []byte) error {
	for small := 0; len(b) > 0; {
		n := 1 + rnd.IntN(min(len(b), 70_000))
		if small < 300 {
			n = min(len(b), 1+rnd.IntN(7))
			small++
		}
		if _, err := w.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

type halfCloser interface{ CloseWrite() error }

// What one end sends the other must get, octet for octet, whatever it is and however it is cut; a half-close must arrive
// as one; and the observer must have been told exactly what was on both wires.
func TestFaithful(t *testing.T) {
	for _, scheme := range []string{"smtp", "pop3", "imap", "sieve", "lmtp", "smtps", "pop3s", "imaps"} {
		for _, mode := range []string{"intercept", "passthrough"} {
			t.Run(scheme+" "+mode, func(t *testing.T) { testFaithful(t, scheme, mode) })
		}
	}
}

func testFaithful(t *testing.T, scheme, mode string) {
	rnd := rand.New(rand.NewPCG(7, uint64(len(scheme))))
	up, down := noise(rnd, 300_000), noise(rnd, 400_000)
	up[0] = 'x' // what begins like TLS or HTTP on a port in clear is refused
	secured := scheme[len(scheme)-1] == 's'
	var got [32]byte
	wire, finished := &tap{}, make(chan struct{})
	port := serve(t, func(c net.Conn) {
		defer close(finished)
		wire.Conn = c
		c = wire
		if secured {
			c = tls.Server(c, serverTLS(t))
		}
		done := make(chan error, 1)
		go func() { done <- sendCut(rand.New(rand.NewPCG(1, 2)), c, down) }()
		h := sha256.New()
		if _, err := io.Copy(h, c); err != nil { // up to the client's half-close
			t.Errorf("server: %v", err)
		}
		h.Sum(got[:0])
		if err := <-done; err != nil {
			t.Errorf("server: %v", err)
		}
		if _, err := io.WriteString(c, "last words"); err != nil {
			t.Errorf("server, after the client's end: %v", err)
		}
		c.(halfCloser).CloseWrite()
	})
	r := newRig(t, func(c *Config) { c.NoRewrite = true }, fmt.Sprintf("%s://127.0.0.1:0=%s://127.0.0.1:%d?tls=%s", scheme, scheme, port, mode))
	clientWire := &tap{Conn: r.dial()}
	var c net.Conn = clientWire
	if secured {
		cfg := r.clientTLS()
		if mode == "passthrough" {
			cfg.RootCAs = poolOf(r.upstream)
		}
		c = tls.Client(c, cfg)
	}
	done := make(chan error, 1)
	go func() {
		err := sendCut(rand.New(rand.NewPCG(3, 4)), c, up)
		c.(halfCloser).CloseWrite()
		done <- err
	}()
	back, err := io.ReadAll(c)
	if err != nil {
		t.Errorf("client: %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("client: %v", err)
	}
	if want := append(bytes.Clone(down), "last words"...); !bytes.Equal(back, want) {
		t.Errorf("the client got %d octets, other than the %d that were sent (first difference at %d)", len(back), len(want), differ(back, want))
	}
	rec := r.session()
	c.Close()
	rec.wait()
	<-finished
	if got != sha256.Sum256(up) {
		t.Error("the server got other octets than the client sent")
	}
	for what, pair := range map[string][2][]byte{
		"client leg from client": {clientWire.out(), rec.wire[decode.ClientLeg][decode.Client].Bytes()},
		"client leg from server": {clientWire.in(), rec.wire[decode.ClientLeg][decode.Server].Bytes()},
		"server leg from client": {wire.in(), rec.wire[decode.ServerLeg][decode.Client].Bytes()},
		"server leg from server": {wire.out(), rec.wire[decode.ServerLeg][decode.Server].Bytes()},
	} {
		if !bytes.Equal(pair[0], pair[1]) {
			t.Errorf("%s: %d octets on the wire, %d told (first difference at %d)", what, len(pair[0]), len(pair[1]), differ(pair[0], pair[1]))
		}
	}
	for _, leg := range rec.ends {
		if leg != [2]decode.End{decode.Finished, decode.Finished} {
			t.Errorf("ends told: %v", rec.ends)
		}
	}
	if rec.find("session.rewrite", "") != nil {
		t.Error("octets were changed although that was forbidden")
	}
}

func differ(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// A reset of one leg must be a reset of the other: mail servers tell a lost client from one that is done.
func TestResetCarried(t *testing.T) {
	seen := make(chan error, 1)
	port := serve(t, func(c net.Conn) {
		io.WriteString(c, "220 x\r\n")
		_, err := io.Copy(io.Discard, c)
		seen <- err
	})
	r := newRig(t, nil, fmt.Sprintf("smtp://127.0.0.1:0=smtp://127.0.0.1:%d", port))
	c := r.dial()
	newTalk(t, c).line()
	c.Write([]byte("EHLO x\r\n"))
	c.SetLinger(0)
	c.Close()
	if err := <-seen; !isReset(err) {
		t.Errorf("the server saw %v, want a reset", err)
	}
	rec := r.session().wait()
	if log := r.log.String(); strings.Count(log, "(RST)") != 1 || !strings.Contains(log, "side=client") {
		t.Errorf("the log says:\n%s", log)
	}
	if rec.ends[decode.ClientLeg][decode.Client] != decode.Reset || rec.ends[decode.ServerLeg][decode.Client] != decode.Reset {
		t.Errorf("ends told: %v", rec.ends)
	}
}

// A client that stops reading must hold the server back, and nobody else.
func TestSlowReader(t *testing.T) {
	const size = 32 << 20
	port := serve(t, func(c net.Conn) {
		io.WriteString(c, "* PREAUTH x\r\n")
		block := bytes.Repeat([]byte("0123456789abcdef"), 4096)
		for n := 0; n < size; n += len(block) {
			if _, err := c.Write(block); err != nil {
				t.Errorf("server: %v", err)
				return
			}
		}
	})
	r := newRig(t, func(c *Config) { c.Observe = nil }, fmt.Sprintf("imap://127.0.0.1:0=imap://127.0.0.1:%d", port))
	slow := r.dial()
	time.Sleep(200 * time.Millisecond) // the buffers fill up
	quick := r.dial()
	for _, c := range []net.Conn{quick, slow} {
		k := newTalk(t, c)
		k.line()
		if n, err := io.Copy(io.Discard, k.r); n != size || err != nil {
			t.Errorf("got %d octets of %d, %v", n, size, err)
		}
	}
}

// tap keeps what crosses a connection.
type tap struct {
	net.Conn
	r, w bytes.Buffer
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.r.Write(p[:n])
	return n, err
}

func (t *tap) Write(p []byte) (int, error) {
	n, err := t.Conn.Write(p)
	t.w.Write(p[:n])
	return n, err
}

func (t *tap) CloseWrite() error { return t.Conn.(halfCloser).CloseWrite() }
func (t *tap) in() []byte        { return t.r.Bytes() }
func (t *tap) out() []byte       { return t.w.Bytes() }
