package watch

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"facteur/captures"
	"facteur/decode"
)

// turn is what one side says at once.
type turn struct {
	from decode.Side
	text string
}

// talk makes turns of a dialogue: lines beginning with "C: " or "S: ".
func talk(dialogue string) (ts []turn) {
	for _, l := range strings.Split(strings.TrimSpace(dialogue), "\n") {
		from := decode.Client
		if l[0] == 'S' {
			from = decode.Server
		}
		if n := len(ts); n > 0 && ts[n-1].from == from {
			ts[n-1].text += l[3:] + "\r\n"
			continue
		}
		ts = append(ts, turn{from, l[3:] + "\r\n"})
	}
	return ts
}

// mail is a message with an attachment of size octets, in base64.
func mail(size int) string {
	raw := make([]byte, size*3/4)
	for i := range raw {
		raw[i] = byte(i * i >> 3)
	}
	var b strings.Builder
	b.WriteString("From: Alice <alice@exemple.test>\r\nTo: bob@exemple.test\r\nSubject: =?UTF-8?Q?Les_photos_de_l=27=C3=A9t=C3=A9?=\r\n" +
		"Date: Sun, 22 Nov 2026 09:15:02 +0100\r\nMessage-ID: <1@exemple.test>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=\"limite\"\r\n\r\n--limite\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBonjour.\r\n" +
		"--limite\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	for text := base64.StdEncoding.EncodeToString(raw); text != ""; {
		n := min(76, len(text))
		b.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
	b.WriteString("--limite--\r\n")
	return b.String()
}

// dialogues are one session of each protocol, as a practice server would see them, with a message of each of the sizes.
func dialogues(sizes ...int) map[string][]turn {
	mails := make([]string, len(sizes))
	for i, size := range sizes {
		mails[i] = mail(size)
	}
	smtp := talk("S: 220 mx.exemple.test ESMTP\nC: EHLO client\nS: 250-mx.exemple.test\nS: 250-PIPELINING\nS: 250 SIZE 50000000")
	for _, m := range mails {
		smtp = append(smtp, talk("C: MAIL FROM:<alice@exemple.test> SIZE=1000\nS: 250 2.1.0 Ok\nC: RCPT TO:<bob@exemple.test>\nS: 250 2.1.5 Ok\nC: DATA\nS: 354 go on")...)
		smtp = append(smtp, turn{decode.Client, m + ".\r\n"}, turn{decode.Server, "250 2.0.0 queued\r\n"})
	}
	pop := talk("S: +OK ready\nC: USER bob\nS: +OK\nC: PASS secret\nS: +OK\nC: STAT\nS: +OK 4 100000")
	var list strings.Builder
	for i := range 200 {
		fmt.Fprintf(&list, "S: %d %d\n", i+1, 1000+i)
	}
	pop = append(pop, talk("C: LIST\nS: +OK\n"+list.String()+"S: .")...)
	for _, m := range mails {
		pop = append(pop, turn{decode.Client, "RETR 1\r\n"}, turn{decode.Server, fmt.Sprintf("+OK %d octets\r\n%s.\r\n", len(m), m)})
	}
	imap := talk("S: * OK [CAPABILITY IMAP4rev1] ready\nC: a1 LOGIN bob secret\nS: a1 OK done\nC: a2 SELECT INBOX\nS: * 200 EXISTS\nS: * FLAGS (\\Seen)\nS: a2 OK [READ-WRITE] done")
	var flags strings.Builder
	for i := range 200 {
		fmt.Fprintf(&flags, "* %d FETCH (UID %d FLAGS (\\Seen) RFC822.SIZE 12345)\r\n", i+1, i+100)
	}
	imap = append(imap, turn{decode.Client, "a3 UID FETCH 1:200 (FLAGS RFC822.SIZE)\r\n"}, turn{decode.Server, flags.String() + "a3 OK done\r\n"})
	for _, m := range mails {
		imap = append(imap, turn{decode.Client, "a4 FETCH 1 BODY.PEEK[]\r\n"},
			turn{decode.Server, fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n%s)\r\na4 OK done\r\n", len(m), m)})
	}
	return map[string][]turn{
		decode.SMTP: append(smtp, talk("C: QUIT\nS: 221 bye")...),
		decode.POP3: append(pop, talk("C: QUIT\nS: +OK bye")...),
		decode.IMAP: append(imap, talk("C: a9 LOGOUT\nS: * BYE\nS: a9 OK done")...),
	}
}

// clearChunks are a dialogue's octets as segments.
func clearChunks(ts []turn, segment int) (cs []decode.Chunk) {
	for _, t := range ts {
		for text := []byte(t.text); len(text) > 0; {
			n := min(segment, len(text))
			cs = append(cs, decode.Chunk{From: t.from, Data: text[:n]})
			text = text[n:]
		}
	}
	return cs
}

// tap is a connection whose writes are kept.
type tap struct {
	net.Conn
	from decode.Side
	mu   *sync.Mutex
	kept *[]turn
}

func (t tap) Write(b []byte) (int, error) {
	t.mu.Lock()
	*t.kept = append(*t.kept, turn{t.from, string(b)})
	t.mu.Unlock()
	return t.Conn.Write(b)
}

// inTLS gives the octets on the wire of a dialogue inside TLS, and its key log.
func inTLS(ts []turn, version uint16) (wire []turn, keylog []byte) {
	a, b := net.Pipe()
	var mu sync.Mutex
	var keys bytes.Buffer
	cert := certificate()
	client := tls.Client(tap{a, decode.Client, &mu, &wire}, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, KeyLogWriter: &keys})
	server := tls.Server(tap{b, decode.Server, &mu, &wire}, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version})
	ends := [2]*tls.Conn{client, server}
	var wait sync.WaitGroup
	for side, conn := range ends {
		wait.Go(func() {
			if err := conn.Handshake(); err != nil {
				panic(err)
			}
			for _, t := range ts {
				if int(t.from) == side {
					io.WriteString(conn, t.text)
				} else if _, err := io.ReadFull(conn, make([]byte, len(t.text))); err != nil {
					panic(err)
				}
			}
		})
	}
	wait.Wait()
	return wire, keys.Bytes()
}

func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mx.exemple.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// mailsEach is how many messages a session carries.
const mailsEach = 4

// alike are sessions whose messages all have one size.
func alike(message int) [][]int { return [][]int{slices.Repeat([]int{message}, mailsEach)} }

// mixed are sessions whose messages have the sizes of a mailbox: half of them below 8 kB, one in seven over 100 kB, one in
// twenty-two over a megabyte; the mean is 96 kB.
func mixed() (sessions [][]int) {
	sizes := []int{2, 12, 3, 40, 4, 6, 250, 5, 3, 20, 7, 2, 60, 4, 10, 1500, 3, 30, 5, 8, 120, 15} // kB
	for n := 0; n < len(sizes)*mailsEach; n += mailsEach {
		var s []int
		for i := range mailsEach {
			s = append(s, sizes[(n+i)%len(sizes)]*1000)
		}
		sessions = append(sessions, s)
	}
	return sessions
}

// makeCapture writes a capture of size octets: sessions of each protocol, in clear or inside TLS with their secrets, a few
// of them at a time, with messages of those sizes and in segments of so many octets.
func makeCapture(to io.Writer, size int64, messages [][]int, segment int, secure bool) error {
	counted := &counter{w: to}
	w, err := captures.NewWriter(counted, captures.WriterOptions{})
	if err != nil {
		return err
	}
	var kinds []kind
	for _, sizes := range messages {
		sessions := dialogues(sizes...)
		for _, protocol := range []string{decode.SMTP, decode.POP3, decode.IMAP} {
			ts := sessions[protocol]
			k := kind{protocol: protocol}
			if secure {
				wire, keylog := inTLS(ts, map[string]uint16{decode.IMAP: tls.VersionTLS12}[protocol])
				k.keylog, ts = keylog, wire
			}
			k.chunks = clearChunks(ts, segment)
			kinds = append(kinds, k)
		}
	}
	const together = 4
	now := time.Unix(1_700_000_000, 0)
	for id := 1; counted.n < size; id += together {
		for i := range together {
			k := &kinds[(id+i)%len(kinds)]
			info := captures.Info{Session: id + i, Protocol: k.protocol, Implicit: secure, Time: now,
				Client: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(10000+(id+i)%50000)), Server: netip.MustParseAddrPort("192.0.2.2:1")}
			if err := w.Open(info, captures.Meta{}); err != nil {
				return err
			}
			if len(k.keylog) > 0 {
				w.Secrets(id+i, decode.ClientLeg, k.keylog)
			}
		}
		for n, going := 0, true; going; n++ {
			going = false
			for i := range together {
				if k := &kinds[(id+i)%len(kinds)]; n < len(k.chunks) {
					going = true
					c := k.chunks[n]
					now = now.Add(time.Microsecond)
					c.Time = now
					if err := w.Chunk(id+i, c, ""); err != nil {
						return err
					}
				}
			}
		}
		for i := range together {
			w.Close(id + i)
		}
	}
	return w.End()
}

type kind struct {
	protocol string
	chunks   []decode.Chunk
	keylog   []byte
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return c.w.Write(b)
}
