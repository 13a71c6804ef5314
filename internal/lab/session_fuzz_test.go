package lab

import (
	"bufio"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// replayConn is a client that has said all it will say.
type replayConn struct {
	io.Reader
	written strings.Builder
}

func (r *replayConn) Write(p []byte) (int, error)      { return r.written.Write(p) }
func (r *replayConn) Close() error                     { return nil }
func (r *replayConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (r *replayConn) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (r *replayConn) SetDeadline(time.Time) error      { return nil }
func (r *replayConn) SetReadDeadline(time.Time) error  { return nil }
func (r *replayConn) SetWriteDeadline(time.Time) error { return nil }

// states are the doors, each in the states worth starting from, with what every line of SMTP and POP3 looks like there.
var states = []struct{ service, before string }{
	{SMTP, ""},
	{SMTP, "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<bob@exemple.test>\r\n"},
	{SMTP, "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<bob@exemple.test>\r\nDATA\r\n"},
	{Submission, "EHLO a\r\nAUTH LOGIN\r\n"},
	{POP3, ""},
	{POP3, "USER bob\r\nPASS " + demoPasswordBob + "\r\n"},
	{IMAP, ""},
	{IMAP, "a LOGIN bob " + demoPasswordBob + "\r\n"},
	{IMAP, "a LOGIN bob " + demoPasswordBob + "\r\nb SELECT INBOX\r\n"},
	{IMAP, "a LOGIN bob " + demoPasswordBob + "\r\nb COMPRESS DEFLATE\r\n"},
}

var smtpLine = regexp.MustCompile(`^[2-5][0-9][0-9][ -]`)

// Whatever a client says, in whatever state, a session must end with its octets, without a panic, and SMTP must have
// answered in replies only.
func FuzzSession(f *testing.F) {
	for i, seed := range []string{
		"VRFY a\r\nAUTH PLAIN AGEAYg==\r\nSTARTTLS\r\n\x16\x03\x01", "BDAT 3\r\nabcBDAT 2 LAST\r\nxyRSET\r\n", "Subject: x\r\n\r\n..\r\n.\r\nQUIT\r\n", "YQ==\r\nYg==\r\n",
		"APOP bob x\r\nAUTH\r\nCAPA\r\n", "TOP 1 1\r\nDELE 2\r\nRSET\r\nUIDL\r\nQUIT\r\n", "a LOGIN {3+}\r\nbob {1}\r\nx\r\n", "c APPEND INBOX (\\Seen) \" 1-Jan-2026 00:00:00 +0000\" {3+}\r\nabc\r\nd RENAME INBOX x/y\r\ne LIST () \"\" (% x/*)\r\n",
		"c FETCH 1:* (ALL BODY.PEEK[1.2.MIME]<0.5>)\r\nd UID MOVE * Archives\r\ne SEARCH OR NOT SEEN HEADER a {1+}\r\nb\r\nf IDLE\r\nDONE\r\ng STORE 1 FLAGS (a)\r\nh CLOSE\r\n", "\x00\x00",
	} {
		f.Add(uint8(i), []byte(seed))
	}
	s, err := newServer(Options{Compress: true, Mechanisms: knownMechanisms})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, state uint8, said []byte) {
		if err := s.Reset(); err != nil {
			t.Fatal(err)
		}
		from := states[int(state)%len(states)]
		nc := &replayConn{Reader: io.MultiReader(strings.NewReader(from.before), strings.NewReader(string(said)))}
		c := &conn{server: s, service: from.service, log: s.log, net: nc, br: bufio.NewReader(nc)}
		_ = c.run() // how it ends is the client's affair
		if from.service != SMTP && from.service != Submission || c.secure != nil {
			return
		}
		text, _, _ := strings.Cut(nc.written.String(), "\x15\x03") // a TLS alert may end it
		for _, line := range strings.SplitAfter(text, "\r\n") {
			if line != "" && !smtpLine.MatchString(line) {
				t.Fatalf("not a reply line: %q", line)
			}
		}
	})
}
