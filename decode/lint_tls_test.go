package decode

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"facteur/decode/tlswire"
)

// wiretap keeps what an end of a connection writes.
type wiretap struct {
	net.Conn
	from Side
	mu   *sync.Mutex
	to   *[]Chunk
}

func (w wiretap) Write(b []byte) (int, error) {
	w.mu.Lock()
	*w.to = append(*w.to, Chunk{Time: time.Unix(1, 0), From: w.from, Data: slices.Clone(b)})
	w.mu.Unlock()
	return w.Conn.Write(b)
}

// insideTLS gives turns as they are on the wire inside TLS, and what opens them.
func insideTLS(t *testing.T, version uint16, turns []turn) ([]Chunk, *tlswire.KeyLog) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab"}, NotAfter: time.Unix(1<<31, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	var chunks []Chunk
	var mu sync.Mutex
	keys := new(tlswire.KeyLog)
	a, b := net.Pipe()
	log := writerFunc(func(p []byte) (int, error) { keys.Add(p); return len(p), nil })
	client := tls.Client(wiretap{a, Client, &mu, &chunks}, &tls.Config{InsecureSkipVerify: true, KeyLogWriter: log, MinVersion: version, MaxVersion: version})
	server := tls.Server(wiretap{b, Server, &mu, &chunks}, &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, SessionTicketsDisabled: true, MinVersion: version, MaxVersion: version})
	ready := make(chan error, 1)
	go func() { ready <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	for _, turn := range turns {
		ends := [2]*tls.Conn{client, server}
		done := make(chan error, 1)
		go func() {
			_, err := io.ReadFull(ends[turn.from.Other()], make([]byte, len(turn.data)))
			done <- err
		}()
		if _, err := ends[turn.from].Write(turn.data); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	a.Close()
	b.Close()
	return chunks, keys
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestCapabilitiesNotRefreshed protects the warning of a client that goes by capabilities from before TLS, and that one
// which asks again, or never asked, is not warned of.
func TestCapabilitiesNotRefreshed(t *testing.T) {
	for _, c := range []struct {
		name, protocol, clear, inside, want string
	}{
		{"smtp keeps", SMTP, "S: 220 x ESMTP\nC: EHLO a\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go", "C: MAIL FROM:<a@b>\nS: 250 ok\nC: AUTH PLAIN\nS: 503 no", "smtp.command"},
		{"smtp asks again", SMTP, "S: 220 x ESMTP\nC: EHLO a\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go", "C: EHLO a\nS: 250 x\nC: MAIL FROM:<a@b>\nS: 250 ok", ""},
		{"pop3 keeps", POP3, "S: +OK\nC: CAPA\nS: +OK\nS: STLS\nS: .\nC: STLS\nS: +OK", "C: USER a\nS: +OK\nC: PASS canari\nS: +OK", "pop3.command"},
		{"pop3 never asked", POP3, "S: +OK\nC: STLS\nS: +OK", "C: USER a\nS: +OK", ""},
		{"imap keeps", IMAP, "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: a STARTTLS\nS: a OK go", "C: b LOGIN a canari\nS: b OK done", "imap.command"},
		{"imap asks again", IMAP, "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: a STARTTLS\nS: a OK go", "C: b CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: b OK\nC: c LOGIN a canari\nS: c OK done", ""},
		{"sieve is told unasked", Sieve, "S: \"STARTTLS\"\nS: OK\nC: STARTTLS\nS: OK", "S: \"SASL\" \"PLAIN\"\nS: OK\nC: AUTHENTICATE \"PLAIN\" \"AGEAYg==\"\nS: OK", ""},
		{"sieve is not told", Sieve, "S: \"STARTTLS\"\nS: OK\nC: STARTTLS\nS: OK", "C: AUTHENTICATE \"PLAIN\" \"AGEAYg==\"\nS: OK", "sieve.command"},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(c.name+" in "+tls.VersionName(version), func(t *testing.T) {
				chunks, keys := insideTLS(t, version, script(c.inside))
				f := lintFixture{o: Options{Protocol: c.protocol, Secrets: keys}}
				for _, turn := range script(c.clear) {
					f.chunks = append(f.chunks, Chunk{Time: time.Unix(1, 0), From: turn.from, Data: turn.data})
				}
				f.chunks = append(f.chunks, chunks...)
				evs := f.decoded(f.o, uncut)
				var got []string
				for _, l := range lintsOf(evs) {
					if l != "cert_self_signed on tls.certificate" { // the lab's own
						got = append(got, l)
					}
				}
				var want []string
				if c.want != "" {
					want = []string{"capabilities_not_refreshed on " + c.want}
				}
				if !slices.Equal(got, want) {
					for i := range evs {
						t.Log(clipped(summary(&evs[i])))
					}
					t.Errorf("lints %q, want %q", got, want)
				}
				sameText(t, "octet by octet", evs, f.decoded(f.o, every(1)))
			})
		}
	}
}

func clipped(s string) string { return s[:min(len(s), 300)] }
