package proxy

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// A handshake that does not come to its end within its time is given up and told, whichever leg it is on.
func TestHandshakeTimeout(t *testing.T) {
	const short = 150 * time.Millisecond
	for _, tt := range []struct {
		name   string
		client bool // it is the client that says nothing
		what   string
	}{{"client", true, faultClearOnTLS}, {"server", false, faultTimeout}} {
		t.Run(tt.name, func(t *testing.T) {
			port := serve(t, func(c net.Conn) {
				if tt.client {
					c = tls.Server(c, serverTLS(t))
				}
				io.Copy(io.Discard, c)
			})
			r := newRig(t, func(c *Config) { c.HandshakeTimeout = short }, fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", port))
			conn := r.dial()
			start := time.Now()
			if tt.client {
				io.Copy(io.Discard, conn)
			} else if tls.Client(conn, r.clientTLS()).Handshake() == nil {
				t.Error("the handshake came to an end")
			}
			if d := time.Since(start); d < short || d > short+30*time.Second {
				t.Errorf("given up after %v", d)
			}
			conn.Close()
			r.session().wait().wantError(tt.what)
		})
	}
}
