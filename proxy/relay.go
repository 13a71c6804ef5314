package proxy

import (
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"facteur/decode"
)

// finWait is how long, once both directions have said goodbye inside TLS, the FIN of a peer is waited for.
const finWait = 250 * time.Millisecond

// relay carries octets both ways until both directions have ended, and gives what broke them off, if it was facteur.
func (s *session) relay() *fault {
	st := newSteering(s)
	s.relaying = true
	s.bothWays(st)
	return st.failure
}

func (s *session) bothWays(st *steering) {
	client := &direction{s: s, st: st, from: s.client, to: s.server, steered: true}
	server := &direction{s: s, st: st, from: s.server, to: s.client, steered: true, first: s.greeting}
	s.meeting.directions = [2]*direction{decode.Client: client, decode.Server: server}
	var other sync.WaitGroup
	other.Go(func() {
		defer s.catch()
		defer st.leave(decode.Server)
		server.carry()
	})
	defer other.Wait() // also when this direction panics: catch runs after it, and must not close what is in use
	defer s.wakeOnPanic()
	defer st.leave(decode.Client)
	client.carry()
}

// wakeOnPanic lets the other direction end when this one panics; the panic goes on.
func (s *session) wakeOnPanic() {
	if r := recover(); r != nil {
		s.breakOff()
		panic(r)
	}
}

// direction carries what one side says over to the other leg.
type direction struct {
	s        *session
	st       *steering
	from, to *leg
	first    []byte // is carried before anything is read: the greeting of a server that facteur itself upgraded
	b        buffer
	steered  bool // the protocol may still agree on TLS, or octets may have to be changed
	calm     int  // turns in a row that brought little

	looped
}

// carry relays the direction until it ends.
func (d *direction) carry() {
	defer d.b.free()
	defer d.leaves()
	d.s.carryEnd(d.from, d.to, d.run())
}

// run is the direction's life: steered as long as the protocol may still agree on TLS or octets may have to be changed, and
// then as it comes. It gives what ended it.
func (d *direction) run() error {
	if len(d.first) > 0 {
		if err := d.said(d.first); err != nil {
			return err
		}
		d.first = nil
	}
	for {
		if d.steered && d.st.isOver() {
			if err := d.st.flush(d.from.peer); err != nil {
				return err
			}
			d.steered = false
		}
		if d.calm >= calmTurns {
			d.calm = 0
			if d.invite() {
				if err := d.ride(); err != nil {
					return err
				}
				continue
			}
		}
		d.reads()
		data, err := d.from.take(&d.b)
		if joins, err := d.invited(len(data), err); joins {
			if err := d.ride(); err != nil {
				return err
			}
			continue
		} else if err := d.pass(data, err); err != nil {
			return err
		}
		if len(data) <= calmTurn {
			d.calm++
		} else {
			d.calm = 0
		}
	}
}

// pass carries over what one read gave: its octets, and then its error.
func (d *direction) pass(data []byte, err error) error {
	if len(data) > 0 {
		d.from.heard()
		d.from.spoke(data)
		if err := d.said(data); err != nil {
			return err
		}
	}
	if err != nil && d.steered {
		if werr := d.st.flush(d.from.peer); werr != nil {
			return werr
		}
	}
	return err
}

// said carries over what was said, in one piece if nothing has to be held back.
func (d *direction) said(data []byte) error {
	switch {
	case !d.steered:
		return d.to.deliver(data)
	case d.from == d.s.client:
		return d.st.clientSaid(data)
	default:
		return d.st.serverSaid(data)
	}
}

// writeError is a failure to write, as against one to read.
type writeError struct{ error }

func (e writeError) Unwrap() error { return e.error }

// carryEnd carries the end of a direction over to the other leg as it was: a FIN as FIN, a close_notify as close_notify,
// and a reset as reset. Where only one of the legs is in TLS, its goodbye is both. A stream that is cut off without
// close_notify is passed on cut off: that may be an attack (RFC 9846 §6.1), and hiding it is not ours.
func (s *session) carryEnd(from, to *leg, err error) {
	finished := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && from.eof
	if finished && from == s.server {
		s.lost("fin")
	}
	s.leaving.Store(true)
	switch {
	case finished:
		s.carryFIN(from, to)
	case errors.As(err, new(*fault)): // told by the caller, once this direction's peer can be told, too
		s.abort()
		s.directionEnded()
	case errors.As(err, new(writeError)) || isDeadline(err):
		// The peer of to is gone, and the other direction, which reads from it, will find that out; or the session ends.
		s.directionEnded()
	default:
		if from.tls == nil || isReset(err) {
			s.breakOff()
			return
		}
		if f := s.recordFault(from, err); f != nil {
			s.explain(f)
		}
		s.abort() // no reset: what was said before has yet to arrive. That no close_notify follows shows the rest.
	}
}

// explain tells why the session ends.
func (s *session) explain(f *fault) {
	s.explained.Store(true)
	s.fail(f)
}

func (s *session) carryFIN(from, to *leg) {
	farewell := from.tls != nil && !from.eof // close_notify came, and no FIN yet
	if from.tls == nil || farewell {
		to.closeNotify()
	}
	if !farewell || to.tls == nil {
		to.closeWrite()
	}
	if s.directionEnded(); !farewell {
		return
	}
	for room := make([]byte, 512); ; {
		_, err := from.Read(room)
		switch {
		case err == nil: // octets behind close_notify mean nothing (RFC 9846 §6.1); they are told and go no further
		case isDeadline(err):
			return
		case isReset(err):
			s.breakOff()
			return
		default:
			to.closeWrite()
			return
		}
	}
}

// directionEnded counts; behind the second, nobody waits long for a FIN any more.
func (s *session) directionEnded() {
	s.ends.Lock()
	s.ended++
	both := s.ended == 2
	s.ends.Unlock()
	if both {
		s.client.SetDeadline(deadlineIn(finWait))
		s.server.SetDeadline(deadlineIn(finWait))
	}
}

// renegotiates reports whether a TLS session broke because the peer wanted to begin it anew (RFC 5246 §7.4.1.1), which
// crypto/tls refuses: it has no other name for a client's hello, and an alert of its own for a server's request.
func renegotiates(err error) bool {
	return strings.Contains(err.Error(), "clientHelloMsg") || strings.Contains(err.Error(), "no renegotiation")
}

// recordFault says why a TLS session broke after its handshake, nil if that is no news. Clients that look at the
// certificate late refuse it here.
func (s *session) recordFault(from *leg, err error) *fault {
	alert, remote := remoteAlert(err)
	switch {
	case remote && from.endOf(from.self()) == decode.Finished:
		// What a peer says against an end that reached it without close_notify, because the other one ended so, too.
		// OpenSSL 3 has decode_error for it. The transcript shows it, and nobody failed.
		return nil
	case renegotiates(err):
		return &fault{what: faultBroken, cause: from.peer.String() + "_renegotiates", leg: from.id, err: err}
	case !from.agreed || remote && refusesCertificate(alert):
		if from.id == decode.ClientLeg {
			return s.clientFault(err)
		}
		return s.serverFault(err)
	}
	f := &fault{what: faultBroken, cause: from.peer.String(), leg: from.id, err: err, fields: []string{"description", plainTLS(err)}}
	if remote {
		f.cause += "_alert"
		f.fields = []string{"description", alertText(alert)}
	}
	return f
}
