package proxy

import (
	"bytes"
	"strconv"
	"strings"

	"facteur/decode"
)

// leave notes that a direction has ended, so that the other one does not wait for it.
func (st *steering) leave(from decode.Side) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.gone[from] = true
	st.cond.Broadcast()
}

func (st *steering) isOver() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.over
}

// flush passes on all that is held of a side's.
func (st *steering) flush(from decode.Side) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if from == decode.Client {
		return st.passClient(st.flows[decode.Client].end())
	}
	st.awaitTurn()
	return st.passServer(st.flows[decode.Server].end())
}

// clientSaid takes what the client said, and passes on what may go.
func (st *steering) clientSaid(data []byte) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if f := st.wrongStart(data); f != nil {
		return st.failed(f)
	}
	if st.s.client.tls != nil {
		st.s.judge.clientSpoke()
	}
	if st.watch != nil {
		var err error
		if data, err = st.watchClient(data); err != nil || len(data) == 0 {
			return err
		}
	}
	f := &st.flows[decode.Client]
	f.held = append(f.held, data...)
	if !st.over {
		st.feed(decode.Client, data)
	}
	for {
		if len(st.barrier) == 0 {
			return st.passClient(f.end() - int64(st.maybeSTARTTLS()))
		}
		b := st.barrier[0]
		limit := b.span.To
		if st.tls != theServer {
			limit = b.span.From
		}
		if st.tls == theServer {
			st.injectCommand(limit)
		}
		if err := st.passClient(limit); err != nil {
			return err
		}
		if err := st.resolve(b); err != nil {
			return err
		}
	}
}

// watchClient passes on what the watch understands of data, and gives the rest, with which the watch is over.
func (st *steering) watchClient(data []byte) (rest []byte, err error) {
	for len(data) > 0 {
		var early bool
		if data, early, err = st.watched(data); err != nil {
			return nil, err
		}
		switch {
		case len(data) == 0:
		case !early:
			st.unwatch()
			return data, nil
		default: // its reply says what it is
			for st.watch.in == watchDecision && !st.gone[decode.Server] {
				st.cond.Wait()
			}
			if st.gone[decode.Server] {
				return nil, st.write(st.s.server, data)
			}
		}
	}
	return nil, nil
}

// watched passes on what the watch understands at once. It gives the rest, and whether that was sent behind DATA without
// waiting for the reply.
func (st *steering) watched(data []byte) (rest []byte, early bool, err error) {
	n := st.watch.client(data)
	early = st.watch.in == watchDecision // asked before the server can decide
	return data[n:], early, st.write(st.s.server, data[:n])
}

// watchedNow is watched for a direction in a loop, where the other one is, too: the rest, which is a copy, may have to wait.
func (st *steering) watchedNow(data []byte) (rest []byte, err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	data, _, err = st.watched(data)
	return append([]byte(nil), data...), err
}

// isWatched reports whether the watch follows.
func (st *steering) isWatched() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.watch != nil && !st.over
}

// write lets go of mu while it writes.
func (st *steering) write(to *leg, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	return st.apart(func() error { return to.write(data) })
}

// passClient passes on the client's octets up to an offset. It lets go of mu while it writes.
func (st *steering) passClient(to int64) error {
	f := &st.flows[decode.Client]
	n := int(to - f.base)
	if n <= 0 {
		return nil
	}
	out := f.held[:n:n]
	f.skip(n)
	return st.write(st.s.server, out)
}

// maybeSTARTTLS is how many of the client's last octets may be the beginning of a STARTTLS line that facteur is to answer
// itself, so that the server must not see them.
func (st *steering) maybeSTARTTLS() int {
	f := &st.flows[decode.Client]
	if st.over || st.tls == theServer || st.tls == common || st.s.srv.c.NoRewrite || f.known < f.base || f.known >= f.end() {
		return 0
	}
	tail := f.held[f.known-f.base:]
	if len(tail) > maxCommandStart || bytes.IndexByte(tail, '\n') >= 0 {
		return 0
	}
	word := strings.ToUpper(strings.TrimRight(string(tail), "\r"))
	if st.proto == decode.IMAP {
		_, rest, found := strings.Cut(word, " ")
		if !found {
			return len(tail)
		}
		word = rest
	}
	if strings.HasPrefix("STARTTLS", word) || strings.HasPrefix("STLS", word) {
		return len(tail)
	}
	return 0
}

// maxCommandStart is how long the beginning of a STARTTLS line can be: an IMAP tag and the word.
const maxCommandStart = 128

// wrongStart looks at the first octets that a client sends in clear. TLS there would be answered by nobody. The caller
// holds mu.
func (st *steering) wrongStart(data []byte) *fault {
	f := &st.flows[decode.Client]
	if st.s.client.tls != nil || f.end() != 0 || st.s.unnamed {
		return nil
	}
	listen := st.s.route.Listen
	switch {
	case data[0] == 0x16 && (len(data) == 1 || data[1] == 3): // a handshake record (RFC 9846 §5.1)
		return &fault{what: faultTLSOnClear, cause: "client", fields: []string{"server", listen.Addr(), "value", secureScheme(listen.Scheme)}}
	case looksHTTP(data):
		return st.s.notTLS(&fault{}, data[:4])
	}
	return nil
}

func secureScheme(scheme string) string {
	switch scheme {
	case "pop3", "imap":
		return scheme + "s"
	}
	return "smtps"
}

// serverSaid takes what the server said, changes what is to be changed, and passes it on.
func (st *steering) serverSaid(data []byte) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.awaitTurn()
	if st.watch != nil {
		if st.watch.server(data) {
			st.cond.Broadcast()
		}
		return st.write(st.s.client, data)
	}
	if st.s.server.tls != nil {
		st.s.judge.serverSpoke()
	}
	f := &st.flows[decode.Server]
	f.held = append(f.held, data...)
	if !st.over {
		st.feed(decode.Server, data)
	}
	if st.cut >= 0 {
		st.injectResponse()
	}
	to := f.end()
	if st.cut >= 0 {
		to = st.cut
	} else if st.due > 0 && !st.over && f.end()-f.base <= maxHeld {
		to = f.known
	}
	if err := st.passServer(to); err != nil {
		return err
	}
	if st.cut < 0 {
		st.cond.Broadcast()
		return nil
	}
	if !st.s.unnamed {
		st.discard(f, decode.ServerLeg, decode.Server)
	}
	st.granted = true
	st.cond.Broadcast()
	for st.granted && !st.gone[decode.Client] { // the other direction does the handshakes
		st.cond.Wait()
	}
	return nil
}

// passServer passes on the server's octets up to an offset, with what is to be changed in them changed. It lets go of mu
// while it writes.
func (st *steering) passServer(to int64) error {
	f := &st.flows[decode.Server]
	if to <= f.base {
		return nil
	}
	from := f.base
	octets := f.held[: to-from : to-from]
	out := octets
	var done []rewrite
	if len(st.edits) > 0 {
		out = nil
		at := from
		for _, e := range st.edits {
			if e.span.To > to || e.span.From < at {
				continue
			}
			out = append(append(out, octets[at-from:e.span.From-from]...), e.now...)
			at = e.span.To
			done = append(done, e)
		}
		out = append(out, octets[at-from:]...)
		st.edits = nil
	}
	f.skip(int(to - from))
	if len(out) == 0 {
		return nil
	}
	st.midLine = out[len(out)-1] != '\n'
	st.take()
	defer st.giveWay()
	return st.apart(func() error {
		for _, e := range done {
			st.s.tellRewrite(decode.ClientLeg, decode.Server, string(e.was), string(e.now), e.why)
		}
		return st.s.client.deliver(out)
	})
}

// tellRewrite tells that octets were changed: what was there and what is, line ends taken off the end.
func (s *session) tellRewrite(leg decode.Leg, from decode.Side, was, now, why string) {
	s.tell.told(leg, from, "session.rewrite", "leg", leg.String(), "was", strings.TrimRight(was, "\r\n"), "now", strings.TrimRight(now, "\r\n"), "why", why)
}

// discard throws away octets that came in clear behind the agreement on TLS: they must never be taken for a part of
// what is said inside (CVE-2011-0411). They were told as they came.
func (st *steering) discard(f *flow, leg decode.Leg, from decode.Side) {
	if len(f.held) == 0 {
		return
	}
	n := len(f.held)
	f.skip(n)
	st.s.fail(injected(leg, from, n))
}

// injected says that octets came in clear behind the agreement on TLS.
func injected(leg decode.Leg, from decode.Side, n int) *fault {
	return &fault{what: faultInjection, cause: from.String(), leg: leg, fields: []string{"number", strconv.Itoa(n)}}
}
