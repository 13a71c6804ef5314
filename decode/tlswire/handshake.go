package tlswire

import "slices"

// maxHandshake is the largest handshake message that is put together. Certificate chains have up to about 100 KiB; a
// longer message is given piece by piece, as fragments.
const maxHandshake = 1 << 18

// messages gives a record the messages that end in it, and lets them move the state.
func (c *Conn) messages(h *half, rec *Record) {
	if len(h.pending) > 0 && (rec.Inner != h.pendingType || !rec.Opened && rec.Encrypted) {
		rest := h.missing()
		h.spill()
		h.skip = rest
	}
	switch {
	case rec.Encrypted && !rec.Opened:
		h.unsure = true
		h.skip = 0
		if rec.Type == ChangeCipherSpec {
			c.changeCipherSpec(h)
		}
	case rec.Inner == Handshake:
		c.handshakeOctets(h, rec.Content)
	case rec.Inner == Alert:
		c.alerts(h, rec.Content)
	case rec.Inner == ChangeCipherSpec && len(rec.Content) > 0:
		h.spilled = append(h.spilled, changeCipherSpecMessage(rec.Content))
		if len(rec.Content) == 1 && rec.Content[0] == 1 {
			c.changeCipherSpec(h)
		}
	case rec.Inner == Heartbeat && len(rec.Content) > 0:
		h.spilled = append(h.spilled, heartbeatMessage(rec.Content))
	case rec.Inner != ApplicationData && len(rec.Content) > 0:
		h.spilled = append(h.spilled, otherMessage(rec.Content))
	}
	rec.Messages, h.spilled = h.spilled, nil
}

// missing is how many octets of the message being put together are still to come, 0 if that is not known.
func (h *half) missing() int {
	if h.pendingType != Handshake || len(h.pending) < 4 {
		return 0
	}
	return max(4+messageLen(h.pending)-len(h.pending), 0)
}

func messageLen(b []byte) int { return int(b[1])<<16 | int(b[2])<<8 | int(b[3]) }

// spill gives up the message being put together.
func (h *half) spill() {
	if len(h.pending) > 0 {
		h.fragment(h.pending)
	}
	h.pending, h.skip = nil, 0
}

func (h *half) fragment(octets []byte) {
	h.spilled = append(h.spilled, Message{
		Kind: "tls.fragment", Raw: slices.Clone(octets),
		Notes: []Note{{ID: "tls.fragment"}},
	})
}

// handshakeOctets cuts handshake octets, of any version, into messages.
func (c *Conn) handshakeOctets(h *half, content []byte) {
	if h.unsure && len(content) > 0 {
		h.unsure = false
		if len(h.pending) == 0 && !looksClear(h, Handshake, content) {
			h.fragment(content)
			return
		}
	}
	if n := min(h.skip, len(content)); n > 0 {
		h.fragment(content[:n])
		h.skip -= n
		content = content[n:]
	}
	begun := len(h.pending) > 0
	if begun {
		content = append(h.pending, content...)
	}
	h.pending, h.pendingType = nil, Handshake
	for len(content) >= 4 {
		n := 4 + messageLen(content)
		if n > maxHandshake {
			h.skip = max(n-len(content), 0)
			n = min(n, len(content))
			h.fragment(content[:n])
			content = content[n:]
			continue
		}
		if len(content) < n {
			break
		}
		raw := slices.Clone(content[:n]) // most messages are whole in one record: this is their only copy
		content = content[n:]
		h.spilled = append(h.spilled, c.handshake(h, raw))
	}
	switch {
	case len(content) == 0:
	case begun: // ours already, with room for more
		h.pending = content
	default:
		h.pending = slices.Clone(content)
	}
}

// alerts cuts alert octets, two each, into messages.
func (c *Conn) alerts(h *half, content []byte) {
	h.pending, h.pendingType = append(h.pending, content...), Alert
	for len(h.pending) >= 2 {
		raw := slices.Clone(h.pending[:2])
		h.pending = h.pending[2:]
		h.spilled = append(h.spilled, alertMessage(raw))
		if raw[1] == 100 && h.side == Server { // no_renegotiation: the client's new handshake came to nothing
			client := &c.halves[Client]
			if client.number == h.number+1 && client.keyed != c.current(client) {
				client.number = h.number
				c.handshakes = c.handshakes[:min(len(c.handshakes), max(h.number+1-c.first, 0))]
			}
		}
	}
	if len(h.pending) == 0 {
		h.pending = nil
	}
}

// changeCipherSpec puts the negotiated keys in force, TLS 1.2 and before. In TLS 1.3 it means nothing.
func (c *Conn) changeCipherSpec(h *half) {
	hs := c.current(h)
	switch {
	case hs.version >= 0x0304:
	case h.keyed == hs: // a renegotiation whose hello could not be read
		h.engage(new(handshake))
	case hs.version == 0:
		h.ccs = true
	default:
		h.engage(hs)
	}
}

// handshake explains one handshake message and lets it move the state.
func (c *Conn) handshake(h *half, raw []byte) Message {
	hs := c.current(h)
	var m Message
	switch typ := raw[0]; {
	case typ == 1 && h.side == Client:
		return c.clientHello(h, raw)
	case typ == 2 || typ == 6 && hs.version == 0:
		m = c.serverHello(h, raw)
		hs = c.current(h)
	case typ == 1:
		m, _ = parseClientHello(raw)
	default:
		m = c.later(h, hs, raw)
	}
	if raw[0] != 0 {
		hs.remember(h.side, raw)
	}
	return m
}

// later is a message behind the hellos.
func (c *Conn) later(h *half, hs *handshake, raw []byte) Message {
	m := c.explain(h, hs, raw)
	if hs.version < 0x0304 {
		if raw[0] == 16 && h.side == Client {
			hs.keyExchange(raw)
		}
		if raw[0] == 4 && h.side == Server {
			r := newReader(raw, 8)
			if hs.given = ticketID(r.sub(2).rest()); hs.given != nil && hs.master != nil {
				c.learn(labelTicket, hs.given, hs.master)
			}
		}
		return m
	}
	if !h.sealed13 {
		return m
	}
	switch {
	case raw[0] == 5 && h.side == Client && h.stage == stageEarly:
		h.advance(stageHandshake)
	case raw[0] == 20 && h.stage == stageHandshake:
		h.advance(stageApplication)
	case raw[0] == 24 && h.stage == stageApplication && h.secret != nil:
		su := suiteOf(hs.suite)
		secret := nextSecret(su, hs.draft, h.secret)
		h.enter(stageApplication, secret, keys13(su, hs.draft, secret), position{})
	}
	return m
}

// remember keeps the octets for the extended master secret, until they are no longer needed.
func (hs *handshake) remember(side Side, raw []byte) {
	if hs.version >= 0x0304 || raw[0] == 20 || hs.master != nil {
		hs.serverFlight, hs.clientFlight = nil, nil
		hs.torn = true
		return
	}
	to := &hs.clientFlight
	if side == Server {
		to = &hs.serverFlight
	}
	if side == Server && hs.flightEnded {
		return
	}
	if hs.torn || len(*to)+len(raw) > maxTranscript {
		hs.torn = true
		return
	}
	*to = append(*to, raw...)
	hs.flightEnded = hs.flightEnded || raw[0] == 14
	if raw[0] == 16 && side == Client {
		hs.sessionEnd = len(*to)
	}
}

// keyExchange takes the encrypted pre-master secret out of a ClientKeyExchange; SSL 3.0 has it without a length.
func (hs *handshake) keyExchange(raw []byte) {
	r := newReader(raw, 4)
	if hs.version == 0x0300 {
		hs.encrypted = r.rest()
		return
	}
	hs.encrypted = r.sub(2).rest()
}
