package proxy

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"facteur/decode"
)

// gate is a connection whose first write waits until it is opened.
type gate struct {
	net.Conn
	asked, open chan struct{}
	passed      bool
}

func (g *gate) Write(p []byte) (int, error) {
	if !g.passed {
		g.passed = true
		close(g.asked)
		<-g.open
	}
	return g.Conn.Write(p)
}

// Where facteur itself answers STARTTLS, a server may speak unasked while the client is in its handshake: that waits, and
// comes inside TLS. In clear it would stand in the middle of the handshake.
func TestServerSpeaksDuringOwnUpgrade(t *testing.T) {
	speak, spoken := make(chan struct{}), make(chan struct{})
	port := serve(t, func(c net.Conn) {
		s := tls.Server(c, serverTLS(t))
		io.WriteString(s, "* OK [CAPABILITY IMAP4rev1] ready\r\n")
		<-speak
		io.WriteString(s, "* OK Still here\r\n")
		close(spoken)
		k := newTalk(t, s)
		if l := k.line(); l != "b NOOP" {
			t.Errorf("the server got %q", l)
		}
		k.say("b OK done\r\n")
		io.Copy(io.Discard, k.r)
	})
	r := newRig(t, nil, fmt.Sprintf("imap://127.0.0.1:0=imaps://127.0.0.1:%d", port))
	k := newTalk(t, r.dial())
	k.line()
	k.say("a STARTTLS\r\n")
	k.until("a OK")
	g := &gate{Conn: k.Conn, asked: make(chan struct{}), open: make(chan struct{})}
	c := tls.Client(g, r.clientTLS())
	done := make(chan error)
	go func() { done <- c.Handshake() }()
	<-g.asked
	rec := r.session()
	before := rec.crossed(decode.ServerLeg, decode.Server)
	close(speak)
	<-spoken
	for end := time.Now().Add(patience); rec.crossed(decode.ServerLeg, decode.Server) == before && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // facteur has read it, and would have passed it on by now
	close(g.open)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	in := newTalk(t, c)
	if l := in.line(); l != "* OK Still here" {
		t.Errorf("the client got %q", l)
	}
	in.say("b NOOP\r\n")
	in.until("b OK")
	c.Close()
	if rec.wait().find("session.error", "") != nil {
		t.Errorf("told %+v", rec.told)
	}
}

// panicsInside fails once the client's hello comes.
type panicsInside struct{ panicking }

func (panicsInside) Chunk(c decode.Chunk) bool {
	if c.Leg == decode.ClientLeg && len(c.Data) > 0 && c.Data[0] == 0x16 {
		panic("no")
	}
	return false
}

// A panic in the handshake behind STARTTLS ends its session, and no other: whoever answers STARTTLS.
func TestPanicInUpgrade(t *testing.T) {
	for _, upstream := range []string{"imap", "imaps"} {
		t.Run(upstream, func(t *testing.T) {
			m := &mailServer{t: t, proto: decode.IMAP, tls: serverTLS(t), implicit: upstream == "imaps"}
			r := newRig(t, func(c *Config) {
				c.Observe = func(SessionInfo) Observer { return panicsInside{} }
			}, fmt.Sprintf("imap://127.0.0.1:0=%s://127.0.0.1:%d", upstream, m.start()))
			for range 2 {
				k := newTalk(t, r.dial())
				k.line()
				k.say("a STARTTLS\r\n")
				k.until("a OK")
				if err := tls.Client(k.Conn, r.clientTLS()).Handshake(); err == nil {
					t.Error("the handshake goes on")
				}
			}
		})
	}
}
