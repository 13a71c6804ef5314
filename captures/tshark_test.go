package captures

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"facteur/decode"
)

// tshark gives tshark's path; without it the test is skipped, but fails in CI.
func tshark(t *testing.T) string {
	p, err := exec.LookPath("tshark")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("tshark is needed in CI: apt-get install tshark")
		}
		t.Skip("tshark is not installed: the recording is not held against it")
	}
	return p
}

func runTshark(t *testing.T, args ...string) []string {
	t.Helper()
	var stderr bytes.Buffer
	c := exec.Command(tshark(t), args...)
	c.Env = append(os.Environ(), "HOME="+t.TempDir(), "LC_ALL=C.UTF-8") // nobody's own preferences
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("tshark %q: %v\n%s", args, err, &stderr)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
}

// tape is the client's connection, recorded. Chunks are kept back until the keys for them are written, as decode's Await
// and Release have it: a client learns the keys of TLS 1.3 from octets that already need them.
type tape struct {
	net.Conn
	t       *testing.T
	w       *Writer
	session int
	chunks  []decode.Chunk
}

func (c *tape) record(from decode.Side, b []byte) {
	c.chunks = append(c.chunks, decode.Chunk{Time: time.Now(), From: from, Data: bytes.Clone(b)})
}

func (c *tape) release() {
	for _, ch := range c.chunks {
		if err := c.w.Chunk(c.session, ch, "ce que c'est : « "+ch.From.String()+" »"); err != nil {
			c.t.Error(err)
		}
	}
}

func (c *tape) Write(b []byte) (int, error) {
	c.record(decode.Client, b)
	return c.Conn.Write(b)
}

func (c *tape) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.record(decode.Server, b[:n])
	}
	return n, err
}

// Write of the key log.
type keyTape struct{ *tape }

func (k keyTape) Write(b []byte) (int, error) {
	if err := k.w.Secrets(k.session, decode.ClientLeg, b); err != nil {
		k.t.Error(err)
	}
	return len(b), nil
}

// talk is a scripted session: lines to send with the first words of the line that ends the answer to each.
type talk struct {
	info     Info
	version  uint16 // of TLS, 0 for none
	greeting string
	upgrade  string      // the command that starts TLS
	lines    [][2]string // command, answer
	field    string      // what tshark calls a command
	want     []string    // that it must show
}

func localCertificate(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.org"}, DNSNames: []string{"mail.example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// record plays the talk over a real connection with real TLS.
func (k *talk) record(t *testing.T, w *Writer, cert tls.Certificate) {
	near, far := net.Pipe()
	k.info.Time = time.Now()
	if err := w.Open(k.info, Meta{Client: "127.0.0.1:40000", Server: "127.0.0.1:2525", Secrets: "kept"}); err != nil {
		t.Fatal(err)
	}
	go k.serve(far, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: k.version, MaxVersion: k.version})
	tp := &tape{Conn: near, t: t, w: w, session: k.info.Session}
	secure := func() net.Conn {
		return tls.Client(tp, &tls.Config{InsecureSkipVerify: true, ServerName: "mail.example.org", MinVersion: k.version, MaxVersion: k.version, KeyLogWriter: keyTape{tp}})
	}
	var conn net.Conn = tp
	if k.info.Implicit {
		conn = secure()
	}
	in := bufio.NewReader(conn)
	say := func(line string) {
		if line != "" {
			if _, err := conn.Write([]byte(line + "\r\n")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	say("")
	for _, l := range k.lines {
		say(l[0])
		if l[0] == k.upgrade {
			conn = secure()
			in = bufio.NewReader(conn)
		}
	}
	tp.release()
	for _, side := range []decode.Side{decode.Client, decode.Server} {
		if err := w.Chunk(k.info.Session, decode.Chunk{Time: time.Now(), From: side, End: decode.Finished}, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(k.info.Session); err != nil {
		t.Fatal(err)
	}
	near.Close()
}

func (k *talk) serve(conn net.Conn, config *tls.Config) {
	if k.info.Implicit {
		conn = tls.Server(conn, config)
	}
	conn.Write([]byte(k.greeting + "\r\n"))
	in := bufio.NewReader(conn)
	for _, l := range k.lines {
		if _, err := in.ReadString('\n'); err != nil {
			return
		}
		conn.Write([]byte(l[1] + "\r\n"))
		if l[0] == k.upgrade {
			conn = tls.Server(conn, config)
			in = bufio.NewReader(conn)
		}
	}
}

func talks() []*talk {
	client, server := netip.MustParseAddrPort("127.0.0.1:40000"), netip.MustParseAddrPort("127.0.0.1:2525")
	client6, server6 := netip.MustParseAddrPort("[::1]:40000"), netip.MustParseAddrPort("[::1]:1993")
	smtp := [][2]string{{"EHLO me", "250 STARTTLS"}, {"STARTTLS", "220 go"}, {"EHLO again", "250 ok"}, {"MAIL FROM:<a@b.example>", "250 ok"}, {"RSET", "250 ok"}, {"QUIT", "221 bye"}}
	pop := [][2]string{{"CAPA", "+OK"}, {"STLS", "+OK go"}, {"USER me", "+OK"}, {"STAT", "+OK 0 0"}, {"QUIT", "+OK"}}
	imap := [][2]string{{"a1 CAPABILITY", "a1 OK"}, {"a2 LOGIN me secret", "a2 OK"}, {"a3 LOGOUT", "a3 OK"}}
	imapTLS := append([][2]string{{"a0 STARTTLS", "a0 OK go"}}, imap...)
	return []*talk{
		{info: Info{Client: client, Server: server, Protocol: decode.SMTP}, greeting: "220 hi", lines: slices.Delete(slices.Clone(smtp), 1, 2),
			field: "smtp.req.command", want: []string{"EHLO", "EHLO", "MAIL", "RSET", "QUIT"}},
		{info: Info{Client: client, Server: server, Protocol: decode.SMTP}, version: tls.VersionTLS12, greeting: "220 hi", upgrade: "STARTTLS", lines: smtp,
			field: "smtp.req.command", want: []string{"EHLO", "STAR", "EHLO", "MAIL", "RSET", "QUIT"}},
		{info: Info{Client: client, Server: server, Protocol: decode.SMTP}, version: tls.VersionTLS13, greeting: "220 hi", upgrade: "STARTTLS", lines: smtp,
			field: "smtp.req.command", want: []string{"EHLO", "STAR", "EHLO", "MAIL", "RSET", "QUIT"}},
		{info: Info{Client: client, Server: server, Protocol: decode.POP3}, version: tls.VersionTLS12, greeting: "+OK hi", upgrade: "STLS", lines: pop,
			field: "pop.request.command", want: []string{"CAPA", "STLS", "USER", "STAT", "QUIT"}},
		{info: Info{Client: client, Server: server, Protocol: decode.POP3}, version: tls.VersionTLS13, greeting: "+OK hi", upgrade: "STLS", lines: pop,
			field: "pop.request.command", want: []string{"CAPA", "STLS", "USER", "STAT", "QUIT"}},
		{info: Info{Client: client, Server: server, Protocol: decode.IMAP}, version: tls.VersionTLS13, greeting: "* OK hi", upgrade: "a0 STARTTLS", lines: imapTLS,
			field: "imap.request.command", want: []string{"STARTTLS", "CAPABILITY", "LOGIN", "LOGOUT"}},
		{info: Info{Client: client6, Server: server6, Protocol: decode.IMAP, Implicit: true}, version: tls.VersionTLS12, greeting: "* OK hi", lines: imap,
			field: "imap.request.command", want: []string{"CAPABILITY", "LOGIN", "LOGOUT"}},
		{info: Info{Client: client6, Server: server6, Protocol: decode.IMAP, Implicit: true}, version: tls.VersionTLS13, greeting: "* OK hi", lines: imap,
			field: "imap.request.command", want: []string{"CAPABILITY", "LOGIN", "LOGOUT"}},
		{info: Info{Client: client, Server: server, Protocol: decode.SMTP, Implicit: true}, version: tls.VersionTLS13, greeting: "220 hi", lines: slices.Delete(slices.Clone(smtp), 1, 2),
			field: "smtp.req.command", want: []string{"EHLO", "EHLO", "MAIL", "RSET", "QUIT"}},
	}
}

// TestTsharkReads holds the promise of DESIGN §6: tshark opens a recording without configuration, finds no fault in its
// packets, and shows the commands, also those inside TLS.
func TestTsharkReads(t *testing.T) {
	tshark(t)
	path := filepath.Join(t.TempDir(), "recording.pcapng")
	w, err := Create(path, WriterOptions{Application: "facteur test"})
	if err != nil {
		t.Fatal(err)
	}
	all, cert := talks(), localCertificate(t)
	for n, k := range all {
		k.info.Session = n + 1
		k.record(t, w, cert)
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("a recording is for its owner only: %v %v", st.Mode(), err)
	}
	if _, err := Create(path, WriterOptions{}); err == nil {
		t.Error("an existing recording was opened again")
	}
	faults := runTshark(t, "-r", path, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
		"-Y", "_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0 || tcp.analysis.lost_segment || tcp.analysis.retransmission || tcp.analysis.window_full")
	if len(faults) > 0 {
		t.Errorf("tshark finds fault with:\n%s", strings.Join(faults, "\n"))
	}
	for n, k := range all {
		got := runTshark(t, "-r", path, "-Y", "tcp.stream == "+itoa(n)+" && "+k.field, "-T", "fields", "-e", k.field)
		if !slices.Equal(got, k.want) {
			t.Errorf("session %d (%s, TLS %x): tshark shows %q, want %q", n+1, k.info.Protocol, k.version, got, k.want)
		}
	}
	if c := runTshark(t, "-r", path, "-Y", `frame.comment contains "« server »"`, "-T", "fields", "-e", "frame.comment"); len(c) < len(all) {
		t.Errorf("tshark shows %d comments", len(c))
	}
}

// TestTsharkLarge holds that tshark puts chunks of every size together, on IPv4 and IPv6.
func TestTsharkLarge(t *testing.T) {
	tshark(t)
	path := filepath.Join(t.TempDir(), "recording.pcapng")
	w, err := Create(path, WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	body := bytes.Repeat([]byte("a line of sixty-four octets, which is the end of the mail now\r\n"), 1<<14)
	for n, a := range []string{"127.0.0.1:40000", "[::1]:40000"} {
		i := Info{Session: n + 1, Time: time.Now(), Client: netip.MustParseAddrPort(a), Protocol: decode.SMTP}
		if err := w.Open(i, Meta{}); err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(body); {
			k := min(len(body)-at, 1+(at*7919)%(1<<17))
			if err := w.Chunk(n+1, decode.Chunk{Time: time.Now(), Data: body[at : at+k]}, ""); err != nil {
				t.Fatal(err)
			}
			at += k
		}
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	if bad := runTshark(t, "-r", path, "-o", "tcp.check_checksum:TRUE", "-Y", "_ws.malformed || tcp.checksum.status == 0 || tcp.analysis.flags"); len(bad) > 0 {
		t.Errorf("tshark finds fault with:\n%s", strings.Join(bad, "\n"))
	}
	for n := range 2 {
		total := 0
		for _, l := range runTshark(t, "-r", path, "-Y", "tcp.stream == "+itoa(n), "-T", "fields", "-e", "tcp.len") {
			k := 0
			for _, c := range l {
				k = k*10 + int(c-'0')
			}
			total += k
		}
		if total != len(body) {
			t.Errorf("stream %d: tshark counts %d octets of %d", n, total, len(body))
		}
	}
}
