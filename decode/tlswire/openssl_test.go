package tlswire

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// wiretap relays connections to a server and records their segments.
type wiretap struct {
	mu       sync.Mutex
	segments []segment
	done     sync.WaitGroup
}

func (w *wiretap) copy(dst, src net.Conn, side Side) {
	defer w.done.Done()
	defer dst.(*net.TCPConn).CloseWrite()
	buf := make([]byte, 4096)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			w.mu.Lock()
			w.segments = append(w.segments, segment{side, bytes.Clone(buf[:n])})
			w.mu.Unlock()
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// relay takes one connection on l and joins it to addr.
func (w *wiretap) relay(l net.Listener, addr string) error {
	a, err := l.Accept()
	if err != nil {
		return err
	}
	defer a.Close()
	var b net.Conn
	for range 100 { // until the server listens
		if b, err = net.Dial("tcp", addr); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	defer b.Close()
	w.done.Add(2)
	go w.copy(b, a, Client)
	go w.copy(a, b, Server)
	w.done.Wait()
	return nil
}

func needOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is not there, and CI must have it")
		}
		t.Skip("openssl is not there: install it to check suites that Go does not speak")
	}
}

// opensslSession runs openssl s_client against s_server through a wiretap, and gives segments and secrets.
func opensslSession(t *testing.T, dir string, k *KeyLog, server, client []string, say string) []segment {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	srv := exec.CommandContext(ctx, "openssl", append([]string{"s_server", "-accept", addr, "-quiet", "-naccept", "1", "-rev",
		"-cert", filepath.Join(dir, "cert.pem"), "-key", filepath.Join(dir, "key.pem")}, server...)...)
	srvOut := &bytes.Buffer{}
	srv.Stderr = srvOut
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	w := &wiretap{}
	done := make(chan error, 1)
	go func() { done <- w.relay(l, addr) }()
	keys := filepath.Join(dir, "keys.log")
	os.Remove(keys)
	cl := exec.CommandContext(ctx, "openssl", append([]string{"s_client", "-connect", l.Addr().String(), "-keylogfile", keys,
		"-servername", "mail.example.test", "-ign_eof", "-brief"}, client...)...)
	in, err := cl.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out := &bytes.Buffer{}
	cl.Stdout, cl.Stderr = out, out
	if err := cl.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		io.WriteString(in, say+"\nCLOSE\n") // -rev ends at CLOSE
		time.Sleep(300 * time.Millisecond)
		in.Close()
	}()
	cl.Wait()
	cancel()
	srv.Wait()
	l.Close()
	<-done
	if text, err := os.ReadFile(keys); err == nil {
		k.Add(text)
	}
	if len(w.segments) < 4 {
		t.Fatalf("openssl did not get through: %s %s", out, srvOut)
	}
	return w.segments
}

func writeTestKey(t *testing.T, dir string, c int) {
	keys := testKeys()
	cert := keys.rsa
	if c == 1 {
		cert = keys.ecdsa
	}
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// What OpenSSL speaks and Go does not: CCM, DHE, PSK, NULL, SHA-384 MACs, encrypt-then-MAC and its absence, small
// fragments; Camellia and ARIA are named.
func TestOpenSSL(t *testing.T) {
	needOpenSSL(t)
	psk := []string{"-psk", "0123456789abcdef0123456789abcdef", "-psk_identity", "facteur"}
	line := strings.Repeat("facteur sonne toujours deux fois ", 30)
	for _, v := range []struct {
		name, suites string
		ecdsa        bool
		args         []string // of both sides
		client       []string
		unsupported  bool
	}{
		{name: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", suites: "ECDHE-ECDSA-AES128-CCM", ecdsa: true},
		{name: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", suites: "ECDHE-ECDSA-AES256-CCM8", ecdsa: true},
		{name: "TLS_DHE_RSA_WITH_AES_256_CCM", suites: "DHE-RSA-AES256-CCM"},
		{name: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", suites: "DHE-RSA-CHACHA20-POLY1305"},
		{name: "TLS_RSA_WITH_AES_256_CCM", suites: "AES256-CCM"},
		{name: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", suites: "ECDHE-RSA-AES256-SHA384"},
		{name: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", suites: "DHE-RSA-AES256-SHA256"},
		{name: "TLS_RSA_WITH_NULL_SHA256", suites: "NULL-SHA256"},
		{name: "TLS_PSK_WITH_AES_256_GCM_SHA384", suites: "PSK-AES256-GCM-SHA384", args: psk},
		{name: "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256", suites: "ECDHE-PSK-AES128-CBC-SHA256", args: psk},
		{name: "TLS_DHE_PSK_WITH_AES_256_CBC_SHA384", suites: "DHE-PSK-AES256-CBC-SHA384", args: psk},
		{name: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", suites: "ECDHE-RSA-AES128-SHA", client: []string{"-maxfraglen", "512"}},
		{name: "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA", suites: "CAMELLIA256-SHA"},
		{name: "TLS_ECDHE_RSA_WITH_ARIA_256_GCM_SHA384", suites: "ECDHE-ARIA256-GCM-SHA384", unsupported: true},
	} {
		t.Run(v.name, func(t *testing.T) {
			dir := t.TempDir()
			writeTestKey(t, dir, map[bool]int{true: 1}[v.ecdsa])
			k := &KeyLog{}
			both := append([]string{"-tls1_2", "-cipher", v.suites + ":@SECLEVEL=0"}, v.args...)
			segs := opensslSession(t, dir, k, both, append(both, v.client...), line)
			w := watchSegments(k, segs, octets)
			if got := w.field("tls.server_hello", "cipher"); got != v.name {
				t.Fatalf("cipher %q; sealed %v, %d messages", got, w.sealed, len(w.msgs))
			}
			checkTiles(t, w)
			if v.unsupported {
				if w.sealed[UnsupportedCipher] == 0 {
					t.Errorf("sealed %v", w.sealed)
				}
				return
			}
			if got := w.plain[Client].String(); !strings.HasPrefix(got, line) || len(w.sealed) > 0 {
				t.Errorf("opened %q; sealed %v", got, w.sealed)
			}
		})
	}
}

// CCM and external pre-shared keys of TLS 1.3, by OpenSSL.
func TestOpenSSL13(t *testing.T) {
	needOpenSSL(t)
	for _, suites := range []string{"TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256", "TLS_AES_256_GCM_SHA384"} {
		dir := t.TempDir()
		writeTestKey(t, dir, 0)
		k := &KeyLog{}
		psk := []string{"-psk", strings.Repeat("5a", 32), "-psk_identity", "facteur"}
		server := append([]string{"-tls1_3", "-ciphersuites", suites}, psk...)
		segs := opensslSession(t, dir, k, server, append([]string{"-tls1_3", "-ciphersuites", suites}, psk...), "EHLO facteur")
		w := watchSegments(k, segs, octets)
		if got := w.plain[Client].String(); !strings.HasPrefix(got, "EHLO facteur\n") || len(w.sealed) > 0 || w.field("tls.server_hello", "cipher") == "" {
			t.Errorf("%s: opened %q, sealed %v, cipher %s", suites, got, w.sealed, w.field("tls.server_hello", "cipher"))
		}
	}
}
