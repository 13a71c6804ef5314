package proxy

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"facteur/internal/notes"
)

// hellos are what clients offered when they came to facteur: suites and extensions in their order. Those of Debian 12 were
// seen (curl 7.88, OpenSSL 3.0, Python 3.11, msmtp with GnuTLS 3.7, OpenJDK 17); Apple's, Windows' and Android's are from
// their makers' lists.
var hellos = []struct{ want, suites, extensions, points string }{
	{libCurl, "1302 1303 1301 c02c c030 9f cca9 cca8 ccaa c02b c02f 9e c024 c028 6b c023 c027 67 c00a c014 39 c009 c013 33 9d 9c 3d 3c 35 2f ff", "0 11 10 22 23 49 13 43 45 51 21", "0 1 2"},
	{libOpenSSL, "1302 1303 1301 c02c c030 9f cca9 cca8 ccaa c02b c02f 9e c024 c028 6b c023 c027 67 c00a c014 39 c009 c013 33 9d 9c 3d 3c 35 2f ff", "11 10 35 22 23 13 43 45 51", "0 1 2"},
	{libOpenSSL, "1302 1303 1301 c02c c030 9f cca9 cca8 ccaa c02b c02f 9e c024 c028 6b c023 c027 67 c00a c014 39 c009 c013 33 9d 9c 3d 3c 35 2f ff", "0 11 10 35 5 22 23 13 43 45 51 21", "0 1 2"},
	{libPython, "1302 1303 1301 c02c c030 c02b c02f cca9 cca8 c024 c028 c023 c027 9f 9e 6b 67 ff", "0 11 10 35 22 23 13 43 45 51 21", "0 1 2"},
	{libGnuTLS, "1302 1303 1301 1304 c02c cca9 c0ad c00a c02b c0ac c009 c030 cca8 c014 c02f c013 9d c09d 35 9c c09c 2f 9f ccaa c09f 39 9e c09e 33", "5 10 11 13 22 23 35 51 43 65281 0 45 28", "0"},
	{libJava, "1302 1301 1303 c02c c02b cca9 c030 cca8 c02f 9f ccaa a3 9e a2 c024 c028 c023 c027 6b 6a 67 40 c00a c014 c009 c013 39 38 33 32 9d 9c 3d 3c 35 2f ff", "5 10 11 17 23 35 13 43 45 50 51", "0"},
	{libNSS, "1301 1303 1302 c02b c02f cca9 cca8 c02c c030 c00a c009 c013 c014 9c 9d 2f 35", "0 23 65281 10 11 35 5 34 51 43 13 45 28 21", "0"},
	{libSChannel, "1302 1301 c02c c02b c030 c02f c024 c023 c028 c027 c00a c009 c014 c013 9d 9c 3d 3c 35 2f", "0 5 10 11 35 23 43 45 51 13 65281", "0"},
	{libApple, "8a8a 1301 1302 1303 c02c c02b cca9 c030 c02f cca8 c00a c009 c014 c013 9d 9c 35 2f c008 c012 a", "2570 0 23 65281 10 11 5 13 18 51 45 43 27 21", "0"},
	{libAndroid, "1301 1302 1303 c02b c02c cca9 c02f c030 cca8 c009 c00a c013 c014 9c 9d 2f 35", "0 23 65281 10 11 35 5 13 51 45 43", "0"},
	{"", "c02b c02f c02c c030 cca9 cca8 c009 c013 c00a c014 1301 1302 1303", "0 11 65281 23 18 5 10 13 50 16 43 51", "0"}, // Go
}

func numbers[T uint8 | uint16](t *testing.T, s string, base int) (out []T) {
	t.Helper()
	for f := range strings.FieldsSeq(s) {
		n, err := strconv.ParseUint(f, base, 16)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, T(n))
	}
	return out
}

// Steps for the wrong program would send a class astray: each known hello is told for what it is, and one that is not
// known for nothing.
func TestLibrary(t *testing.T) {
	for _, h := range hellos {
		hello := &tls.ClientHelloInfo{CipherSuites: numbers[uint16](t, h.suites, 16), Extensions: numbers[uint16](t, h.extensions, 10), SupportedPoints: numbers[uint8](t, h.points, 10)}
		if got := library(hello); got != h.want {
			t.Errorf("%q, want %q: %s", got, h.want, h.suites)
		}
	}
	if library(nil) != "" || library(&tls.ClientHelloInfo{}) != "" {
		t.Error("something was made of nothing")
	}
}

// Every library has its steps, whichever way it refuses.
func TestLibrariesHaveSteps(t *testing.T) {
	for _, h := range hellos {
		for _, how := range []string{"alert", "closed", "silent"} {
			if id := (&fault{what: faultRefusedUs, cause: withLibrary(how, h.want)}).id(); !notes.Has(id) {
				t.Errorf("%s has no sentence of its own", id)
			}
		}
	}
}

// A client that finishes its handshake and goes without a word is told: some look at the certificate late. One that spoke
// is not, nor one that the server sent away.
func TestLeavesWithoutAWord(t *testing.T) {
	for _, tt := range []struct {
		name  string
		says  string
		bye   bool // the server leaves first
		fault bool
	}{{"silent", "", false, true}, {"speaks", "a LOGOUT\r\n", false, false}, {"sent away", "", true, false}} {
		t.Run(tt.name, func(t *testing.T) {
			port := serve(t, func(c net.Conn) {
				s := tls.Server(c, serverTLS(t))
				fmt.Fprint(s, "* OK ready\r\n")
				if tt.bye {
					s.Close()
					return
				}
				s.Read(make([]byte, 100))
				s.Read(make([]byte, 100))
			})
			r := newRig(t, nil, fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", port))
			c := tls.Client(r.dial(), r.clientTLS())
			k := newTalk(t, c)
			k.until("* OK")
			fmt.Fprint(c, tt.says)
			if tt.bye {
				k.eof()
			} else {
				time.Sleep(20 * time.Millisecond)
			}
			c.Close()
			m := r.session().wait().find("session.error", faultRefusedUs)
			if refused := m != nil && strings.HasPrefix(m["cause"], "silent"); refused != tt.fault {
				t.Errorf("told %v", m)
			}
		})
	}
}

// A client that resets its connection behind its handshake, without a word, is told in one line with what it is probably
// about: at once, or after the time that a person takes to read the certificate. One that resets it in mid-session is told
// in one line, too, and one that has said goodbye in none.
func TestResetIsSaidOnce(t *testing.T) {
	for says, want := range map[string]string{"": "what=" + faultRefusedUs, "a NOOP\r\n": "side=client", "a LOGOUT\r\n": ""} {
		t.Run(strings.TrimSpace(says), func(t *testing.T) {
			patient := lateLook
			lateLook = 0
			t.Cleanup(func() { lateLook = patient })
			port := serve(t, func(c net.Conn) {
				s := tls.Server(c, serverTLS(t))
				fmt.Fprint(s, "* OK ready\r\n")
				io.Copy(s, s)
			})
			r := newRig(t, nil, fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", port))
			conn := r.dial()
			c := tls.Client(conn, r.clientTLS())
			k := newTalk(t, c)
			k.until("* OK")
			if says != "" {
				k.say(says)
				k.until("a ")
			}
			conn.SetLinger(0)
			conn.Close()
			r.session().wait()
			lines := 1
			if want == "" {
				lines = 0
			}
			if log := r.log.String(); strings.Count(log, "\n") != lines || !strings.Contains(log, want) {
				t.Errorf("the log says:\n%s", log)
			}
		})
	}
}
