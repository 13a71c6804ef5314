package tlswire

import "slices"

// mode is how a record is protected.
type mode uint8

const (
	modeClear  mode = iota
	mode12          // under the keys that ChangeCipherSpec put in force
	mode13          // TLS 1.3's, or application data of a session whose version is not known
	modeSealed      // certainly sealed, and nothing is known of its keys
)

// mode finds out whether and how a record is protected. Until ChangeCipherSpec everything but application data is in
// clear; in TLS 1.3 what is sealed says it is application data. A spectator who missed that moment judges by the content.
func (c *Conn) mode(h *half, rec *Record, wire []byte) mode {
	hs := c.current(h)
	body := wire[headerLen:]
	switch {
	case h.keyed != nil:
		return mode12
	case rec.Type == ApplicationData && (hs.version == 0 || hs.version >= 0x0304):
		return mode13
	case rec.Type == ApplicationData:
		h.engage(hs) // its ChangeCipherSpec was missed
		return mode12
	case rec.Type != Handshake && rec.Type != Alert || looksClear(h, rec.Type, body):
		return modeClear
	case h.ccs && hs.version < 0x0304:
		h.engage(hs)
		return mode12
	case h.lossy && hs.version > 0 && hs.version < 0x0304:
		h.engage(hs)
		return mode12
	case !h.hello:
		return modeSealed
	}
	return modeClear
}

// looksClear reports whether a handshake or alert record reads as one in clear. It matters only where the beginning of
// the session, or something in it, was missed.
func looksClear(h *half, typ ContentType, body []byte) bool {
	if typ == Alert {
		return len(body) < minSealedAlert
	}
	if len(h.pending) > 0 || h.skip > 0 {
		return true
	}
	if len(body) < 4 || handshakeNames[body[0]] == "" {
		return false
	}
	return int(body[1])<<16|int(body[2])<<8|int(body[3]) <= maxHandshake
}

// minSealedAlert is the smallest fragment of a sealed alert: its two octets and the shortest MAC, or explicit nonce and tag.
const minSealedAlert = 2 + 16

// engage puts the keys of a handshake in force for a side, TLS 1.2 and before.
func (h *half) engage(hs *handshake) {
	h.keyed, h.ccs, h.keys = hs, false, nil
	h.pos = position{fresh: true}
	if h.lossy {
		h.pos.high = min(h.slack, maxTrials)
	}
	if hs.haveServer && hs.version < 0x0302 {
		su := suiteOf(hs.suite)
		h.pos.chained = su.blockLen()
		if hs.etm && h.pos.chained > 0 {
			h.pos.trail = su.mac.Size()
		}
	}
}

// unseal opens a record, or says in it why not. It reports false, and has changed nothing that matters, if the record has
// to wait for a secret.
func (c *Conn) unseal(h *half, rec *Record, wire []byte, wait bool) bool {
	switch c.mode(h, rec, wire) {
	case mode12:
		rec.Encrypted = true
		return c.unseal12(h, rec, wire, wait)
	case mode13:
		rec.Encrypted = true
		return c.unseal13(h, rec, wire, wait)
	case modeSealed:
		if wait && c.mayLearn(h) {
			return false
		}
		rec.Encrypted, rec.Reason = true, NoSecrets
	default:
		rec.Inner, rec.Content = rec.Type, wire[headerLen:]
		rec.seal = sealing{size: len(rec.Content), wire: len(wire)}
	}
	return true
}

// mayLearn reports whether the other side's hello may still come, or a secret for the session: then waiting has a sense.
// A connection whose beginning was missed will never be opened.
func (c *Conn) mayLearn(h *half) bool {
	hs := c.current(h)
	if !hs.haveClient {
		return h.side == Server && c.halves[Client].records == 0 && h.hello
	}
	return c.secrets != nil
}

// unseal12 opens a record of TLS 1.2 or before.
func (c *Conn) unseal12(h *half, rec *Record, wire []byte, wait bool) bool {
	if h.keys == nil {
		reason := c.findKeys12(h)
		if reason == NoSecrets && wait && c.mayLearn(h) && (h.keyed.haveServer || c.halves[Server].records == 0) {
			return false
		}
		if reason != "" && !c.openKeyless(h, rec, wire) {
			rec.Reason = reason
			h.pos.miss(rec.Length, wire)
		}
		if reason != "" {
			return true
		}
	}
	content, seq, ok := h.keys.open(c.room.open(), wire, &h.pos, &h.budget)
	if !ok {
		rec.Reason = Damaged
		h.pos.miss(rec.Length, wire)
		return true
	}
	c.opened(h, rec, wire, content, seq)
	rec.Inner = rec.Type
	rec.seal.inner = rec.Inner
	return true
}

// opened fills in what every opened record has and moves on.
func (c *Conn) opened(h *half, rec *Record, wire, content []byte, seq uint64) {
	if cap(content) > cap(c.room.buf) {
		c.room.buf = content[:0]
	}
	rec.Opened, rec.Content = true, content
	skipped := h.pos.missed
	if skipped > 0 {
		skipped -= headerLen * int64(seq-h.pos.low)
	}
	rec.seal = sealing{epoch: h.keys, seq: seq, octet: h.pos.octet + skipped, size: len(content), wire: len(wire)}
	if h.keys.firstIV != nil {
		rec.seal.chain = slices.Clone(h.pos.chain)
	}
	h.pos.pass(seq, wire[headerLen:])
	h.slack = 0
}

// findKeys12 looks for the keys in force and gives the reason where there are none.
func (c *Conn) findKeys12(h *half) string {
	hs := h.keyed
	if !hs.haveServer || !hs.haveClient {
		return NoSecrets
	}
	if su := suiteOf(hs.suite); su.bulk == bulkUnknown || su.tls13 || hs.compressed {
		return UnsupportedCipher
	}
	master := c.masterSecret(hs)
	if master == nil {
		return NoSecrets
	}
	if hs.epochs[0] == nil {
		hs.epochs = hs.keys12(master)
	}
	h.keys = hs.epochs[h.side]
	h.keys.join(&h.pos)
	return ""
}

// openKeyless reads a record of a NULL cipher without any secret: the octets are there for everyone.
func (c *Conn) openKeyless(h *half, rec *Record, wire []byte) bool {
	hs := h.keyed
	su := suiteOf(hs.suite)
	if !hs.haveServer || su.bulk != bulkNULL || hs.compressed {
		return false
	}
	e := &epoch{suite: su, version: hs.version, keyless: true}
	content, _, ok := e.open(c.room.open(), wire, &h.pos, &h.budget)
	if !ok {
		return false
	}
	h.keys = e
	c.opened(h, rec, wire, content, h.pos.low)
	h.keys = nil
	rec.Inner = rec.Type
	return true
}
