package watch

import (
	"crypto/rsa"
	"encoding/hex"
	"slices"
	"time"

	"facteur/decode"
	"facteur/decode/tlswire"
)

// keyWait is how long, from the first record that lacks its secret, a session waits for a followed key log to bring it.
// Clients write their secrets in the handshake; one on another machine, whose log comes through a shared folder, gets the
// time of a slow share. What waits is not shown, so that it cannot be long.
const keyWait = 3 * time.Second

// labels are what one TLS session has in a key log (RFC 9850 §2): a recording gets all of them at once, because
// Wireshark wants them before the first packet that needs one.
var labels = []string{"CLIENT_RANDOM", "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
	"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "CLIENT_EARLY_TRAFFIC_SECRET", "EARLY_EXPORTER_MASTER_SECRET", "EXPORTER_SECRET"}

// Keys is a key log that is not facteur's own: that of mail clients, which grows while they run.
type Keys interface {
	// Log gives the secrets read so far.
	Log() *tlswire.KeyLog
	// Refresh reads what is new, now: a session has just seen a record that lacks its secret, or is about to end.
	Refresh()
}

// borrowed is the key log of the clients as a session asks it: what opens the session goes into its recording, which
// replays as it was live. Secrets are kept before the octets that they open.
type borrowed struct {
	*tlswire.KeyLog
	l    *Live
	kept []string // labels and ids that the recording has
}

func (b *borrowed) Secret(label string, id []byte) []byte {
	secret := b.KeyLog.Secret(label, id)
	if secret != nil && b.l.d.Recorder != nil && slices.Contains(labels, label) && !slices.Contains(b.kept, label+" "+string(id)) {
		b.keep(id)
	}
	return secret
}

func (b *borrowed) RSAKeys() []*rsa.PrivateKey { return b.KeyLog.RSAKeys() }

func (b *borrowed) keep(id []byte) {
	var lines []byte
	for _, label := range labels {
		secret := b.KeyLog.Secret(label, id)
		if name := label + " " + string(id); secret != nil && !slices.Contains(b.kept, name) {
			b.kept = append(b.kept, name)
			lines = append(lines, label+" "+hex.EncodeToString(id)+" "+hex.EncodeToString(secret)+"\n"...)
		}
	}
	b.l.keep(func(r Recorder) error { return r.Secrets(b.l.start.ID, decode.ClientLeg, lines) })
}

// KeysChanged says that new secrets came: sessions that wait for theirs go on.
func (d *Desk) KeysChanged() {
	d.waitMu.Lock()
	waiting := make([]*Live, 0, len(d.waiting))
	for l := range d.waiting {
		waiting = append(waiting, l)
	}
	d.waitMu.Unlock()
	for _, l := range waiting {
		l.queue.put(job{what: jobRetry}, nil)
	}
}

// await reports whether the secrets that a record lacks may still come. It is asked while the queue is worked off.
func (l *Live) await() bool {
	if l.expect > 0 {
		return true
	}
	if l.d.Keys == nil {
		return false
	}
	if l.lacking.IsZero() {
		l.lacking = time.Now()
		l.d.waitMu.Lock()
		if l.d.waiting == nil {
			l.d.waiting = map[*Live]struct{}{}
		}
		l.d.waiting[l] = struct{}{}
		l.d.waitMu.Unlock()
		l.patience = time.AfterFunc(keyWait, func() { l.queue.put(job{what: jobRetry}, nil) })
	}
	l.stalled = time.Since(l.lacking) < keyWait
	return l.stalled
}

// retry lets the decoder look for its secrets again.
func (l *Live) retry() {
	l.stalled = false
	l.publish(l.dec.Retry())
	if l.ending != nil && !l.stalled {
		l.close(*l.ending)
	}
}

// unwait ends the wait for secrets.
func (l *Live) unwait() {
	if l.patience == nil {
		return
	}
	l.patience.Stop()
	l.d.waitMu.Lock()
	delete(l.d.waiting, l)
	l.d.waitMu.Unlock()
}
