package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"facteur/decode"
)

// Sessions are resumed with the mail server as the client resumes them with facteur: only where its hello asks for tickets
// are there any from the server, and only where it offers a session of before does facteur. Otherwise the handshake is a
// full one, and shows the server's certificates. With the knob "resumption" facteur offers what it has
// whoever comes: that spares the server its signature, which is the most costly part of a connection. So it does with a
// server that it is busy with: of a hundred connections a second nobody looks at the certificates of each. Some servers fail
// in a handshake that resumes a session they gave (Cyrus asks for client certificates, and forgets to name its sessions): one
// that did is offered them again only where the client offers its own.

// maxResumable is how many servers' sessions are kept for each route, and for all doors together.
const maxResumable = 64

// Extensions of a client's hello (RFC 9846 §4.2) that are about sessions to resume; session_ticket is of TLS 1.2.
const (
	extPreShared = 41 // pre_shared_key: here is one
	extPSKModes  = 45 // psk_key_exchange_modes: tickets are welcome
)

// busyPace is how many handshakes in a second with a route's server are more than people at their mail clients, or a
// class of them, bring about, each client opening its five.
const busyPace = 100

// pace counts handshakes by the second.
type pace struct {
	mu        sync.Mutex
	second    int64
	now, last int // handshakes in this second, and in the one before it
	failed    bool
}

// busy counts one more, and reports whether they are many, with a server that may be spared.
func (p *pace) busy(at time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch second := at.Unix(); second - p.second {
	case 0:
	case 1:
		p.second, p.last, p.now = second, p.now, 0
	default:
		p.second, p.last, p.now = second, 0, 0
	}
	p.now++
	return max(p.now, p.last) > busyPace && !p.failed
}

// fail notes that the server failed where it was to resume a session.
func (p *pace) fail() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = true
}

// opening is a leg whose TLS begins. It keeps the octets of the client's hello, of which crypto/tls does not tell all.
type opening struct {
	*leg
	hello []byte // in records; nil once the handshake is done
	done  bool
}

func (o *opening) Read(p []byte) (int, error) {
	n, err := o.leg.Read(p)
	if o.peer == decode.Client {
		o.keep(p[:n])
	}
	return n, err
}

func (o *opening) Write(p []byte) (int, error) {
	if o.peer == decode.Server {
		o.keep(p)
	}
	return o.leg.Write(p)
}

func (o *opening) keep(p []byte) {
	if !o.done && len(o.hello) < maxHello {
		o.hello = append(o.hello, p...)
	}
}

func (o *opening) over() { o.hello, o.done = nil, true }

// parts are the random and the extensions of the hello (RFC 9846 §4.1.2).
func (o *opening) parts() (random []byte, extensions cryptobyte.String) {
	var handshake []byte
	for in := cryptobyte.String(o.hello); !in.Empty(); {
		var typ uint8
		var fragment cryptobyte.String
		if !in.ReadUint8(&typ) || typ != 22 || !in.Skip(2) || !in.ReadUint16LengthPrefixed(&fragment) {
			break
		}
		handshake = append(handshake, fragment...)
	}
	var hello, skipped cryptobyte.String
	in := cryptobyte.String(handshake)
	if !in.Skip(1) || !in.ReadUint24LengthPrefixed(&hello) || !hello.Skip(2) || !hello.ReadBytes(&random, 32) ||
		!hello.ReadUint8LengthPrefixed(&skipped) || !hello.ReadUint16LengthPrefixed(&skipped) || !hello.ReadUint8LengthPrefixed(&skipped) ||
		!hello.ReadUint16LengthPrefixed(&extensions) {
		return random, nil
	}
	return random, extensions
}

// resumes reports whether the client offers to resume a session: a key of TLS 1.3, or a ticket of TLS 1.2 (RFC 5077
// §3.2). Session ids are no offer: facteur has given out none that could be resumed.
func (o *opening) resumes() bool {
	for _, exts := o.parts(); !exts.Empty(); {
		var id uint16
		var data cryptobyte.String
		if !exts.ReadUint16(&id) || !exts.ReadUint16LengthPrefixed(&data) {
			return false
		}
		if id == extPreShared || id == extTicket && len(data) > 0 {
			return true
		}
	}
	return false
}

// resumption gives the sessions that the handshake with the mail server may offer or learn; nil: none. hello is the
// client's, nil if the client speaks in clear.
func (s *session) resumption(hello *tls.ClientHelloInfo, m *masters) tls.ClientSessionCache {
	leg := &s.route.legs[decode.ServerLeg]
	wanted := hello != nil && (slices.Contains(hello.Extensions, extPSKModes) || slices.Contains(hello.Extensions, extTicket))
	if leg.sessions == nil {
		return nil
	}
	always := leg.pace.busy(time.Now()) || leg.always
	if !wanted && !always {
		return nil
	}
	r := &resumption{kept: leg.sessions, at: s.route.Upstream.Addr() + " ", offer: always, pace: leg.pace, m: m}
	if !r.offer {
		r.offer = hello.Conn.(*opening).resumes()
	}
	return r
}

// resumption is what one handshake sees of the sessions with mail servers.
type resumption struct {
	kept  tls.ClientSessionCache
	at    string // address of the server: a name alone may be of many
	offer bool   // the client does, too
	given bool   // there was one to offer
	pace  *pace
	m     *masters
}

func (r *resumption) Get(name string) (*tls.ClientSessionState, bool) {
	if !r.offer {
		return nil, false
	}
	cs, ok := r.kept.Get(r.at + name)
	if _, state, err := cs.ResumptionState(); ok && err == nil {
		r.m.from(state)
	}
	r.given = ok
	return cs, ok
}

// failed looks at why a handshake failed: whether it was the server's doing, who was to resume its own session.
func (r *resumption) failed(err error) {
	if _, told := remoteAlert(err); told && r.given {
		r.pace.fail()
	}
}

func (r *resumption) Put(name string, cs *tls.ClientSessionState) {
	if _, state, err := cs.ResumptionState(); err == nil {
		r.m.into(state)
	}
	r.kept.Put(r.at+name, cs)
}

// masters is the key log of a leg's handshake. It adds what crypto/tls leaves out: the line of a TLS 1.2 session that is
// resumed, without which the session would not be read here, while whoever has seen the first one could read it in the
// recording, its passwords unmasked. The secret is the first handshake's; it goes with the session, sealed in the client's
// ticket, or in memory for the server's.
type masters struct {
	io.Writer
	o      *opening
	secret []byte // in hexadecimal
}

// keyLog gives where crypto/tls writes a leg's secrets, and what is to be done around it; nil if nobody wants them.
func (s *session) keyLog(o *opening) *masters {
	if s.tell.obs == nil {
		return nil
	}
	return &masters{Writer: &s.tell.keys[o.id], o: o}
}

const labelMaster = "CLIENT_RANDOM" // RFC 9850 §2

func (m *masters) Write(line []byte) (int, error) {
	if words := bytes.Fields(line); len(words) == 3 && string(words[0]) == labelMaster {
		m.secret = bytes.Clone(words[2])
	}
	return m.Writer.Write(line)
}

func (m *masters) into(state *tls.SessionState) {
	if m != nil && state != nil && m.secret != nil {
		state.Extra = [][]byte{m.secret}
	}
}

func (m *masters) from(state *tls.SessionState) {
	if m != nil && state != nil && len(state.Extra) > 0 {
		m.secret = state.Extra[0]
	}
}

// resumed writes the line that is missing. It is called in every handshake, before the first octet is sent that it opens.
func (m *masters) resumed(cs tls.ConnectionState) {
	if m == nil || !cs.DidResume || cs.Version > tls.VersionTLS12 || m.secret == nil {
		return
	}
	random, _ := m.o.parts()
	fmt.Fprintf(m.Writer, "%s %x %s\n", labelMaster, random, m.secret)
}

// log has a handshake's secrets written. tickets are sealed with the keys of shared, which only a client's leg has.
func (m *masters) log(c, shared *tls.Config) {
	if m == nil {
		return
	}
	c.KeyLogWriter = m
	if shared == nil {
		return
	}
	c.WrapSession = func(cs tls.ConnectionState, state *tls.SessionState) ([]byte, error) {
		m.into(state)
		return shared.EncryptTicket(cs, state)
	}
	c.UnwrapSession = func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		state, err := shared.DecryptTicket(ticket, cs)
		m.from(state)
		return state, err
	}
	c.VerifyConnection = func(cs tls.ConnectionState) error { m.resumed(cs); return nil }
}
