package tlswire

import "slices"

// epochKey names keys of TLS 1.3 that were tried.
type epochKey struct {
	stage stage
	next  bool // the generation after the current one
	suite uint16
}

// unseal13 opens a record of TLS 1.3. Where the keys stand is known from Finished, EndOfEarlyData and KeyUpdate; but these
// may have been missed, or be in records that were not opened, and 0-RTT data that was refused ends without a word. So if
// the current keys do not fit, the next ones are tried, each from its first number on.
func (c *Conn) unseal13(h *half, rec *Record, wire []byte, wait bool) bool {
	hs := c.current(h)
	if hs.haveServer && (h.keys == nil || h.keys.suite.id != hs.suite) && suiteOf(hs.suite).bulk == bulkUnknown {
		rec.Reason = UnsupportedCipher
		return true
	}
	if !h.sealed13 {
		h.sealed13, h.stage, h.keys, h.secret, h.tried = true, stageHandshake, nil, nil, nil
		if h.side == Client && hs.early {
			h.stage = stageEarly
		}
		h.pos = position{high: min(h.slack, maxTrials)}
	}
	if h.keys != nil {
		if content, seq, ok := h.keys.open(c.room.open(), wire, &h.pos, &h.budget); ok {
			return c.inner(h, rec, wire, content, seq)
		}
	}
	budget := h.budget
	known := h.keys != nil
	for st := h.stage; st <= stageApplication; st++ {
		if ok, found := c.tryStage(h, hs, st, rec, wire); ok {
			return true
		} else if found && st == h.stage {
			known = true
		}
	}
	if !known && wait && c.mayLearn(h) {
		h.budget = budget
		return false
	}
	rec.Reason = Damaged
	if !known {
		rec.Reason = NoSecrets
	}
	h.pos.miss(rec.Length, nil)
	h.slack = min(h.slack+1, maxTrials)
	return true
}

// tryStage tries the keys of a stage, and those after the next KeyUpdate. found says that the stage's secret is known.
func (c *Conn) tryStage(h *half, hs *handshake, st stage, rec *Record, wire []byte) (ok, found bool) {
	if st != h.stage || h.keys == nil {
		secret := c.secret13(h, hs, st)
		if secret == nil {
			return false, false
		}
		p := position{high: h.slack}
		if st == h.stage {
			p = h.pos
		}
		if c.tryKeys(h, hs, epochKey{st, false, 0}, secret, p, rec, wire) {
			return true, true
		}
	}
	if st == stageApplication && h.stage == st && h.secret != nil {
		su := suiteOf(hs.suite)
		next := nextSecret(su, hs.draft, h.secret)
		return c.tryKeys(h, hs, epochKey{st, true, hs.suite}, next, position{high: h.slack}, rec, wire), true
	}
	return false, true
}

func (c *Conn) secret13(h *half, hs *handshake, st stage) []byte {
	if c.secrets == nil || !hs.haveClient {
		return nil
	}
	return c.secrets.Secret(label13(h.side, st), hs.clientRandom[:])
}

// tryKeys tries the keys that a secret gives, with the session's suite, or with all that fit if it is not known.
func (c *Conn) tryKeys(h *half, hs *handshake, k epochKey, secret []byte, p position, rec *Record, wire []byte) bool {
	suites := []uint16{hs.suite}
	if !hs.haveServer && hs.suite == 0 {
		suites = suites13(len(secret))
	}
	for _, id := range suites {
		k.suite = id
		su := suiteOf(id)
		if su.bulk == bulkUnknown || !su.tls13 || su.prf.Size() != len(secret) {
			continue
		}
		e := h.tried[k]
		if e == nil {
			e = keys13(su, hs.draft, secret)
			if h.tried == nil {
				h.tried = map[epochKey]*epoch{}
			}
			h.tried[k] = e
		}
		content, seq, ok := e.open(c.room.open(), wire, &p, &h.budget)
		if !ok {
			continue
		}
		if !hs.haveServer {
			hs.suite, hs.version = id, 0x0304
		}
		h.enter(k.stage, secret, e, p)
		return c.inner(h, rec, wire, content, seq)
	}
	return false
}

// enter puts keys in force.
func (h *half) enter(st stage, secret []byte, e *epoch, p position) {
	h.stage, h.keys, h.pos, h.tried = st, e, p, nil
	h.secret = nil
	if st == stageApplication {
		h.secret = slices.Clone(secret)
	}
}

// advance puts the keys of the next stage in force; they are looked for when the next record comes.
func (h *half) advance(st stage) {
	h.stage, h.keys, h.secret, h.tried = st, nil, nil, nil
	h.pos = position{}
}

// inner takes padding and type off what was opened, RFC 9846 section 5.2.
func (c *Conn) inner(h *half, rec *Record, wire, plain []byte, seq uint64) bool {
	n := len(plain)
	for n > 0 && plain[n-1] == 0 {
		n--
	}
	if n == 0 { // forbidden: there is no type
		rec.Reason = Damaged
		h.pos.pass(seq, wire[headerLen:])
		return true
	}
	c.opened(h, rec, wire, plain[:n-1], seq)
	rec.Inner = ContentType(plain[n-1])
	rec.seal.inner = rec.Inner
	return true
}
