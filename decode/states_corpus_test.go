package decode_test

import (
	"slices"
	"strings"
	"testing"

	"facteur/decode"
)

// helloUponHello is a capture in which a client says nothing but hellos, made to try how they are put together.
const helloUponHello = "tls-fragmented-handshakes"

// TestStatesOfCaptures protects that the page can draw whatever the decoder says: every state that any capture leads to is
// one of its protocol's table, and every handshake that is seen whole goes along the arrows of TLS's tables.
func TestStatesOfCaptures(t *testing.T) {
	said, shaken := map[string]int{}, map[string]int{}
	eachCapture(t, 8<<20, func(t *testing.T, c *take) {
		for id, s := range c.sessions {
			d := decode.New(s.options(c))
			var h handshake
			look := func(evs []decode.Event) {
				for i := range evs {
					e := &evs[i]
					if state := e.Field("state"); state != "" {
						protocol, _, _ := strings.Cut(e.Kind, ".")
						said[protocol]++
						if !hasState(decode.States(protocol), state) {
							t.Errorf("session %d: %s leads to %q, which is no state of %s", id, e.Kind, state, protocol)
						}
					}
					if why := h.take(e); why != "" && !strings.Contains(t.Name(), helloUponHello) {
						t.Errorf("session %d event %d: %s", id, e.Seq, why)
					}
				}
			}
			for _, ch := range s.chunks {
				look(d.Feed(ch))
			}
			look(d.Close(s.end))
			if h.state == "established" {
				shaken[h.table]++
			}
		}
	})
	for _, protocol := range []string{decode.SMTP, decode.LMTP, decode.POP3, decode.IMAP, decode.Sieve} {
		if said[protocol] == 0 {
			t.Errorf("no state of %s in any capture", protocol)
		}
	}
	for _, table := range []string{decode.TLS12, decode.TLS13} {
		if shaken[table] == 0 {
			t.Errorf("no handshake of %s is seen to its end", table)
		}
	}
	t.Logf("states %v, handshakes %v", said, shaken)
}

func hasState(table []decode.Transition, state string) bool {
	return slices.ContainsFunc(table, func(tr decode.Transition) bool { return tr.From == state || tr.To == state })
}

// handshake follows TLS's events along the tables.
type handshake struct {
	table, state string
	lost         bool // octets are missing or sealed: what comes next cannot be judged
}

// take follows an event, and says what is wrong with it.
func (h *handshake) take(e *decode.Event) string {
	what, isTLS := strings.CutPrefix(decode.HandshakeKind(e), "tls.")
	switch {
	case e.Kind == "session.gap", what == "fragment", what == "message", e.Kind == "sslv2.client_hello":
		h.lost = true
	case what == "record":
		h.lost = h.lost || e.Field("opened") == "no"
	}
	if !isTLS || h.lost || what == "record" || strings.HasPrefix(what, "alert") || what == "heartbeat" {
		return ""
	}
	if h.state == "" {
		h.table, h.state = decode.TLS12, "start"
	}
	if what == "hello_retry_request" || what == "server_hello" && (e.Field("version") == "TLS1.3" || e.Field("draft") != "") {
		h.table = decode.TLS13
	}
	if h.table == decode.TLS13 && what == "change_cipher_spec" {
		return ""
	}
	for _, tr := range decode.States(h.table) {
		if tr.From == h.state && tr.On == e.From.String()+" "+what {
			h.state = tr.To
			return ""
		}
	}
	from := h.state
	h.lost = true
	return h.table + ": no arrow for " + e.From.String() + " " + what + " in " + from
}
