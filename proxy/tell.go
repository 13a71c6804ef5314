package proxy

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"facteur/decode"
)

// SessionInfo says what is known of a session when it opens.
type SessionInfo struct {
	ID            int // from 1, in the order of acceptance
	Route         Route
	Mode          Mode // Intercept or Passthrough
	Opened        time.Time
	Client, Local net.Addr // the mail client, and where it found facteur
}

// Observer follows one session. Its methods but Await are called one at a time, and must not wait: one goroutine may relay
// many sessions.
type Observer interface {
	// Chunk is handed octets on the wire of a leg in the order they crossed (ciphertext, inside TLS), the ends of its
	// sides, and what happened beside them. c.Data and c.Told are valid during the call. It reports whether the observer is
	// behind, so that no more should be read for it: that is how a recorder whose memory is spent holds the relay back.
	Chunk(c decode.Chunk) (behind bool)
	// Await returns when the observer is not behind any more.
	Await()
	// Secrets is handed lines of an NSS key log: the secrets of facteur's own handshakes on leg, each before the first
	// octet that needs it.
	Secrets(leg decode.Leg, keylog []byte)
	// Expect says that a handshake began on leg, so that secrets will come (true), or that it ended, well or not (false).
	Expect(leg decode.Leg, more bool)
	// Close ends the session; nothing follows.
	Close(t time.Time)
}

// teller hands everything to a session's observer, one thing at a time and in the order it happened. Its zero value
// tells nobody.
type teller struct {
	obs    Observer
	mu     sync.Mutex  // held during every call of obs but Await
	behind atomic.Bool // obs is
	waits  sync.Mutex  // held by the direction that awaits it
	over   bool        // it was closed: what comes too late is told to nobody
	gone   [2]bool     // the leg was reset: nothing crosses it any more
	keys   [2]keyLog
}

// keyLog gathers secrets of a leg until the next chunk is told. crypto/tls holds a lock of the whole process while it
// writes a line, so that a line must never wait for an observer.
type keyLog struct {
	mu    sync.Mutex
	lines []byte
}

func (k *keyLog) Write(line []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lines = append(k.lines, line...)
	return len(line), nil
}

func (k *keyLog) take() []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	lines := k.lines
	k.lines = nil
	return lines
}

// chunk tells octets of a leg, and reports whether they can have crossed: behind a reset none can. Secrets that came since
// go first: they may open these octets.
func (t *teller) chunk(leg decode.Leg, from decode.Side, data []byte, secured bool) bool {
	if t.obs == nil {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone[leg] {
		return false
	}
	if secured {
		t.secrets(leg)
	}
	if t.obs.Chunk(decode.Chunk{Time: time.Now(), Leg: leg, From: from, Data: data}) {
		t.behind.Store(true)
	}
	return true
}

// await returns when the observer is not behind. It is called before octets are read: what an observer is handed beyond its
// measure is what one read of each direction gave, as it came and as it went on.
func (t *teller) await() {
	if !t.behind.Load() {
		return
	}
	t.waits.Lock()
	defer t.waits.Unlock()
	if t.behind.Swap(false) {
		t.obs.Await()
	}
}

// secrets hands over what the key log of leg holds; the caller holds t.mu.
func (t *teller) secrets(leg decode.Leg) {
	if lines := t.keys[leg].take(); len(lines) > 0 {
		t.obs.Secrets(leg, lines)
	}
}

func (t *teller) end(leg decode.Leg, from decode.Side, how decode.End) {
	if t.obs == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gone[leg] = t.gone[leg] || how == decode.Reset
	t.obs.Chunk(decode.Chunk{Time: time.Now(), Leg: leg, From: from, End: how})
}

// told tells something that no octet shows. fields are names and values in turn.
func (t *teller) told(leg decode.Leg, from decode.Side, kind string, fields ...string) {
	if t.obs == nil {
		return
	}
	told := decode.Told{Kind: kind, Fields: words(fields)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.obs.Chunk(decode.Chunk{Time: time.Now(), Leg: leg, From: from, Told: &told})
	}
}

// expect tells the beginning and the end of a handshake.
func (t *teller) expect(leg decode.Leg, more bool) {
	if t.obs == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !more {
		t.secrets(leg)
	}
	t.obs.Expect(leg, more)
}

func (t *teller) close() {
	if t.obs == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	t.obs.Close(time.Now())
}
