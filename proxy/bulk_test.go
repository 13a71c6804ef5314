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

// Inside TLS, what comes fast goes on in pieces of many records, octet for octet; and a record that is there goes on at
// once, whatever is there of the next one: nobody waits for more than was waited for without reading ahead.
func TestBulkInsideTLS(t *testing.T) {
	const part = 1 << 20
	got := make(chan []byte)
	port := serve(t, func(c net.Conn) {
		s := tls.Server(c, serverTLS(t))
		io.WriteString(s, "* PREAUTH ready\r\n")
		for _, n := range []int{part, part + 3*maxText, 100, part} {
			b := make([]byte, n)
			if _, err := io.ReadFull(s, b); err != nil {
				t.Error(err)
			}
			got <- b
		}
	})
	r := newRig(t, func(c *Config) { c.NoRewrite = true }, fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", port))
	h := &holding{Conn: r.dial()}
	c := tls.Client(h, r.clientTLS())
	if _, err := io.ReadFull(c, make([]byte, len("* PREAUTH ready\r\n"))); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, part)
	rand.NewChaCha8([32]byte{7}).Read(text)
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
