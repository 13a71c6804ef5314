package web

import (
	"encoding/json"
	"testing"

	"facteur/decode"
)

// on puts an event on a leg and layer.
func on(e decode.Event, leg decode.Leg, layer decode.Layer) decode.Event {
	e.Leg, e.Layer = leg, layer
	return e
}

// A live session's summary comes from its events alone: who, how protected on each leg, how much, what was wrong.
func TestSummary(t *testing.T) {
	const c, s = decode.Client, decode.Server
	const cl, sl = decode.ClientLeg, decode.ServerLeg
	lint := event(4, "smtp.command", c, "verb", "AUTH")
	lint.Notes = []decode.Note{{ID: "smtp.command.AUTH"}, {ID: "lint.password_in_clear"}, {ID: "lint.starttls_unused"}}
	h := testHub(nil)
	h.Publish(3, []decode.Event{
		event(1, "session.open", c, "protocol", "smtp", "client", "127.0.0.1:50000", "server", "127.0.0.1:1587", "upstream", "mail.example.org:465", "route", "smtp://127.0.0.1:1587"),
		on(event(1, "session.open", c, "server", "192.0.2.1:465"), sl, decode.Wire), // the other leg does not rename the session
		on(event(2, "tls.record", c), sl, decode.Wire),
		on(event(2, "tls.client_hello", c, "sni", "mail.example.org"), sl, decode.TLS),
		on(event(2, "tls.server_hello", s, "version", "TLS 1.3", "cipher", "TLS_AES_128_GCM_SHA256"), sl, decode.TLS),
		event(3, "smtp.reply", s, "code", "220"),
		lint,
		event(5, "smtp.reply", s, "code", "220"),
		on(event(6, "tls.record", c), cl, decode.Wire),
		on(event(7, "tls.client_hello", c), cl, decode.TLS),
		on(event(8, "tls.alert", s, "level", "fatal"), cl, decode.TLS),
		on(event(9, "tls.alert", s, "level", "warning"), cl, decode.TLS),
		event(10, "session.violation", c, "rule", "x"),
		event(11, "session.error", c),
		on(event(90, "smtp.command", c), cl, decode.Plain), // counted on its own layer, not on the wire
	})
	got := h.Sessions()[0]
	tls := got.TLS
	got.TLS = SessionTLS{}
	want := Session{ID: 3, Opened: "2026-11-22T09:15:02.001Z", Protocol: "smtp", Client: "127.0.0.1:50000", Server: "127.0.0.1:1587",
		Upstream: "mail.example.org:465", Route: "smtp://127.0.0.1:1587", Security: Security{"starttls", "tls"},
		Events: 15, Octets: [2]int64{120, 60}, Lints: 2, Errors: 3, LastN: 15}
	if got != want {
		t.Errorf("summary\n got %+v\nwant %+v", got, want)
	}
	if tls.Client == nil || *tls.Client != (TLSFacts{}) || tls.Server == nil || *tls.Server != (TLSFacts{"TLS 1.3", "TLS_AES_128_GCM_SHA256", "mail.example.org"}) {
		t.Errorf("TLS %+v %+v", tls.Client, tls.Server)
	}
	h.Publish(3, []decode.Event{event(12, "session.close", c)})
	if got := h.Sessions()[0]; got.Closed != "2026-11-22T09:15:02.012Z" || got.LastN != 16 {
		t.Errorf("closed: %+v", got)
	}
}

// A capture has one leg: TLS from the first octet, clear, or unknown until something is said; a protocol found later is
// told.
func TestSummaryOfCaptures(t *testing.T) {
	h := testHub(nil)
	h.Publish(1, []decode.Event{event(1, "session.open", decode.Client, "protocol", "detect")})
	if s := h.Sessions()[0]; s.Security != (Security{}) || s.Protocol != "detect" {
		t.Errorf("nothing said yet: %+v", s)
	}
	h.Publish(1, []decode.Event{event(2, "session.detect", decode.Client, "protocol", "pop3"), event(3, "pop3.response", decode.Server)})
	if s := h.Sessions()[0]; s.Security != (Security{Client: "clear"}) || s.Protocol != "pop3" {
		t.Errorf("in clear: %+v", s)
	}
	h.Publish(2, []decode.Event{event(1, "tls.record", decode.Client)})
	if s := h.Sessions()[1]; s.Security != (Security{Client: "tls"}) {
		t.Errorf("TLS from the first octet: %+v", s)
	}
}

// What the page reads of a summary is there even when there is nothing to say.
func TestSummaryJSON(t *testing.T) {
	h := testHub(nil)
	h.Publish(1, some(1, 1))
	text, err := json.Marshal(h.Sessions()[0])
	const want = `{"id":1,"opened":"2026-11-22T09:15:02.001Z","closed":"","protocol":"","client":"","server":"","upstream":"","route":"",` +
		`"security":{"client":"clear","server":""},"tls":{},"events":1,"octets":[0,20],"lints":0,"errors":0,"last_n":1}`
	if string(text) != want || err != nil {
		t.Errorf("\n got %s\nwant %s", text, want)
	}
}

// What TCP did in a capture says nothing of protection: a session whose TLS begins at once stays one.
func TestSummaryOverlooksTCP(t *testing.T) {
	h := testHub(nil)
	h.Publish(1, []decode.Event{event(1, "tcp.retransmission", decode.Client, "octets", "5"), event(2, "tls.record", decode.Client)})
	if got := h.Sessions()[0].Security.Client; got != "tls" {
		t.Errorf("security %q, want tls", got)
	}
}
