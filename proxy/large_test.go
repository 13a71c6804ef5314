package proxy

import (
	"compress/flate"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// large is a message of the size that some servers still take.
const large = 100 << 20

// A hundred megabytes each way at once, the client speaking before the greeting, its reader late, must arrive as they
// were sent in every mode, with a half-close behind them; some speak COMPRESS=DEFLATE, which is octets like others.
func TestLargeMessages(t *testing.T) {
	if testing.Short() {
		t.Skip("moves a gigabyte")
	}
	for _, tt := range []struct {
		listen, upstream, query string
		deflate                 bool
	}{
		{"imap", "imap", "", false}, {"imap", "imap", "?tls=passthrough", true}, {"imaps", "imaps", "", true},
		{"imaps", "imaps", "?tls=passthrough", false}, {"imap", "imaps", "", false}, {"imaps", "imap", "?plain", false},
	} {
		t.Run(tt.listen+"="+tt.upstream+tt.query, func(t *testing.T) {
			got := make(chan [32]byte, 1)
			port := serve(t, func(c net.Conn) {
				c.SetDeadline(never)
				if tt.upstream == "imaps" {
					c = tls.Server(c, serverTLS(t))
				}
				got <- exchangeLarge(t, c, 2, tt.deflate, 0)
			})
			r := newRig(t, func(c *Config) { c.Observe, c.NoRewrite = nil, true },
				fmt.Sprintf("%s://127.0.0.1:0=%s://127.0.0.1:%d%s", tt.listen, tt.upstream, port, tt.query))
			var c net.Conn = r.dial()
			c.SetDeadline(never)
			if tt.listen == "imaps" {
				cfg := r.clientTLS()
				if tt.query == "?tls=passthrough" {
					cfg.RootCAs, cfg.ServerName = poolOf(r.upstream), "127.0.0.1"
				}
				c = tls.Client(c, cfg)
			}
			if exchangeLarge(t, c, 1, tt.deflate, 200*time.Millisecond) != digestLarge(2, tt.deflate) {
				t.Error("the client got other octets than the server sent")
			}
			if <-got != digestLarge(1, tt.deflate) {
				t.Error("the server got other octets than the client sent")
			}
		})
	}
}

// writeLarge writes the message of a seed: a greeting, noise, and words that compress.
func writeLarge(w io.Writer, seed byte, deflate bool) error {
	io.WriteString(w, "* PREAUTH ready\r\n")
	size := int64(large)
	if deflate {
		f, err := flate.NewWriter(w, flate.HuffmanOnly)
		if err != nil {
			return err
		}
		defer f.Close()
		w = f
		size /= 8 // compressing is what takes the time
	}
	_, err := io.CopyN(w, rand.NewChaCha8([32]byte{seed}), size)
	return err
}

func digestLarge(seed byte, deflate bool) (sum [32]byte) {
	h := sha256.New()
	writeLarge(h, seed, deflate)
	h.Sum(sum[:0])
	return sum
}

// exchangeLarge sends one message while it reads the other up to its end, from after a while on.
func exchangeLarge(t *testing.T, c net.Conn, seed byte, deflate bool, late time.Duration) (sum [32]byte) {
	sent := make(chan error, 1)
	go func() {
		err := writeLarge(c, seed, deflate)
		c.(halfCloser).CloseWrite()
		sent <- err
	}()
	time.Sleep(late)
	h := sha256.New()
	if _, err := io.Copy(h, c); err != nil {
		t.Errorf("reading: %v", err)
	}
	if err := <-sent; err != nil {
		t.Errorf("sending: %v", err)
	}
	h.Sum(sum[:0])
	return sum
}
