package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"facteur/decode"
	"facteur/internal/notes"
)

// garbled ends with a record that cannot be opened, to which crypto/tls answers with an alert. OpenSSL 3 answers so
// (decode_error) to a connection that ends without close_notify.
type garbled struct {
	net.Conn
	done bool
}

func (g *garbled) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if n == 0 && err == io.EOF && !g.done {
		g.done = true
		return copy(p, "\x17\x03\x03\x00\x13octets of no cipher"), nil
	}
	return n, err
}

// A client that hangs up without close_notify is answered by an alert: that is an end like others, and no failure. The
// client's FIN reaches the server as it came.
func TestAlertBehindTheEnd(t *testing.T) {
	answered := make(chan error, 1)
	port := serve(t, func(c net.Conn) {
		s := tls.Server(&garbled{Conn: c}, serverTLS(t))
		io.WriteString(s, "* OK ready\r\n")
		_, err := io.Copy(s, s)
		answered <- err
	})
	r := newRig(t, nil, fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", port))
	conn := r.dial()
	k := newTalk(t, tls.Client(conn, r.clientTLS()))
	k.until("* OK")
	k.say("a LOGOUT\r\n")
	k.until("a LOGOUT")
	conn.Close()
	rec := r.session().wait()
	if err := <-answered; err == nil || !strings.Contains(err.Error(), "bad record MAC") {
		t.Errorf("the server sent no alert: %v", err)
	}
	if e := rec.find("session.error", ""); e != nil {
		t.Errorf("told %v", e)
	}
}

// Once lines have crossed inside TLS, what breaks it is no failed handshake, and no client refuses a certificate so.
func TestBrokenInMidSession(t *testing.T) {
	port := serve(t, func(c net.Conn) {
		s := tls.Server(c, serverTLS(t))
		io.WriteString(s, "* OK ready\r\n")
		io.Copy(s, s)
	})
	r := newRig(t, nil, fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", port))
	wire := &alerting{Conn: r.dial()}
	c := tls.Client(wire, r.clientTLS())
	k := newTalk(t, c)
	k.until("* OK")
	k.say("a NOOP\r\n")
	k.until("a NOOP")
	wire.spoil = true
	io.WriteString(c, "b NOOP\r\n")
	io.Copy(io.Discard, wire.Conn)
	c.Close()
	e := r.session().wait().wantError(faultBroken)
	if e["cause"] != "client" || !strings.Contains(e["description"], "bad record MAC") {
		t.Errorf("told %v", e)
	}
}

// What breaks TLS before the client said a word is told in one line, and not once more as a client that left without one.
func TestBrokenBeforeAWord(t *testing.T) {
	port := serve(t, func(c net.Conn) {
		s := tls.Server(c, serverTLS(t))
		io.WriteString(s, "* OK ready\r\n")
		io.Copy(io.Discard, s)
	})
	r := newRig(t, nil, fmt.Sprintf("imaps://127.0.0.1:0=imaps://127.0.0.1:%d", port))
	conn := r.dial()
	newTalk(t, tls.Client(conn, r.clientTLS())).until("* OK")
	io.WriteString(conn, "\x17\x03\x03\x00\x13octets of no cipher")
	io.Copy(io.Discard, conn)
	conn.Close()
	r.session().wait().wantError(faultHandshake)
	if log := r.log.String(); strings.Count(log, "\n") != 1 {
		t.Errorf("the log says:\n%s", log)
	}
}

// A peer that wants to begin TLS anew is told so, on either leg.
func TestRenegotiation(t *testing.T) {
	for side, text := range map[decode.Side]string{
		decode.Client: "tls: received unexpected handshake message of type *tls.clientHelloMsg when waiting for *tls.helloRequestMsg",
		decode.Server: "local error: tls: no renegotiation",
	} {
		s := &session{}
		f := s.recordFault(&leg{s: s, peer: side, agreed: true}, errors.New(text))
		if f == nil || f.what != faultBroken || !notes.Has(f.id()) || f.cause != side.String()+"_renegotiates" {
			t.Errorf("%s: %v", side, f)
		}
	}
}
