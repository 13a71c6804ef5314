package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"facteur/decode"
)

// holding is a connection whose writer decides when its octets leave.
type holding struct {
	net.Conn
	on   bool
	held []byte
}

func (h *holding) Write(p []byte) (int, error) {
	if !h.on {
		return h.Conn.Write(p)
	}
	h.held = append(h.held, p...)
	return len(p), nil
}

// let lets all go but the last n octets.
func (h *holding) let(t *testing.T, n int) {
	t.Helper()
	out := h.held[:len(h.held)-n]
	h.held = h.held[len(out):]
	if _, err := h.Conn.Write(out); err != nil {
		t.Fatal(err)
	}
}

// bulkRig is a proxy between TLS on both sides; serve is the mail server behind its greeting.
func bulkRig(t *testing.T, handle func(*tls.Conn)) (*rig, *holding, *tls.Conn) {
	port := serve(t, func(c net.Conn) {
		s := tls.Server(c, serverTLS(t))
		io.WriteString(s, "* PREAUTH ready\r\n")
		handle(s)
	})
	r := newRig(t, func(c *Config) { c.NoRewrite = true }, fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", port))
	h := &holding{Conn: r.dial()}
	c := tls.Client(h, r.clientTLS())
	if _, err := io.ReadFull(c, make([]byte, len("* PREAUTH ready\r\n"))); err != nil {
		t.Fatal(err)
	}
	return r, h, c
}

// random is n octets that a mistake in their order would show in.
func random(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{7}).Read(b)
	return b
}

// A goodbye that was read ahead with what was said before it comes behind that, and the other direction goes on: much can
// still be answered, and ends in order too.
func TestBulkBeforeGoodbye(t *testing.T) {
	text := random(1<<20 + 77)
	r, h, c := bulkRig(t, func(s *tls.Conn) {
		if got, err := io.ReadAll(s); err != nil || !bytes.Equal(got, text) {
			t.Errorf("the server got %d octets, %v", len(got), err)
		}
		s.Write(text)
		s.CloseWrite()
	})
	c.Write(text[:len(text)-40])
	h.on = true
	c.Write(text[len(text)-40:])
	c.CloseWrite()
	h.Conn.SetDeadline(time.Now().Add(patience)) // CloseWrite lets nothing be written any more
	h.let(t, 0)
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, text) {
		t.Errorf("the client got %d octets, %v", len(got), err)
	}
	c.Close()
	h.Conn.Close()
	if rec := r.session().wait(); rec.find("session.error", "") != nil {
		t.Errorf("told %+v", rec.told)
	}
}

// A record that cannot be opened, behind much that can: what came before it arrives, and then the session is said to break.
func TestBulkBeforeSpoiltRecord(t *testing.T) {
	text := random(1 << 20)
	arrived := make(chan int, 1)
	r, h, c := bulkRig(t, func(s *tls.Conn) {
		n, _ := io.ReadFull(s, make([]byte, len(text)))
		arrived <- n
		io.Copy(io.Discard, s)
	})
	h.on = true
	c.Write(text)
	h.held = append(h.held, "\x17\x03\x03\x00\x13octets of no cipher"...)
	h.let(t, 0)
	if n := <-arrived; n != len(text) {
		t.Errorf("%d octets arrived", n)
	}
	io.Copy(io.Discard, h.Conn)
	h.Conn.Close()
	r.session().wait().wantError(faultBroken)
}

// A server that stops reading holds a joined write up; the session still ends when facteur is told to stop.
func TestBulkIntoStandstill(t *testing.T) {
	hold := make(chan struct{})
	r, h, c := bulkRig(t, func(*tls.Conn) { <-hold })
	defer close(hold)
	h.Conn.SetDeadline(time.Now().Add(300 * time.Millisecond))
	text := random(1 << 20)
	for {
		if _, err := c.Write(text); err != nil {
			break // all buffers are full
		}
	}
	r.close()
	r.session().wait().wantError(faultShutdown)
}

// Inside TLS, what comes fast goes on in pieces of many records, octet for octet; and a record that is there goes on at
// once, whatever is there of the next one: nobody waits for more than was waited for without reading ahead.
func TestBulkInsideTLS(t *testing.T) {
	const part = 1 << 20
	got := make(chan []byte)
	r, h, c := bulkRig(t, func(s *tls.Conn) {
		for _, n := range []int{part, part + 3*maxText, 100, part} {
			b := make([]byte, n)
			if _, err := io.ReadFull(s, b); err != nil {
				t.Error(err)
			}
			got <- b
		}
	})
	text := random(part)
	arrives := func(want ...[]byte) {
		t.Helper()
		select {
		case b := <-got:
			if !bytes.Equal(b, bytes.Join(want, nil)) {
				t.Errorf("%d octets arrived that were not sent", len(b))
			}
		case <-time.After(patience):
			t.Fatal("what was sent does not arrive")
		}
	}
	c.Write(text)
	arrives(text)

	h.on = true
	c.Write(text)
	c.Write(text[:3*maxText])
	c.Write(text[:100])
	h.let(t, 50) // half of the last record
	arrives(text, text[:3*maxText])
	h.let(t, 0)
	arrives(text[:100])
	h.on = false
	c.Write(text)
	arrives(text)
	c.Close()

	longest := 0
	for _, ch := range r.session().wait().chunks {
		if ch.Leg == decode.ServerLeg && ch.From == decode.Client {
			longest = max(longest, len(ch.Data))
		}
	}
	if longest < 2*maxText {
		t.Errorf("records were sent on one by one: at most %d octets at once", longest)
	}
}
