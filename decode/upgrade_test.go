package decode

import (
	"strings"
	"testing"
)

// A capture that began when TLS was running already shows records, whichever side is seen first and whatever the port:
// not clear text on a port of TLS, nor another protocol. What only resembles a record is still told as what it is.
func TestCaptureBeginsInsideTLS(t *testing.T) {
	record := "\x17\x03\x03\x00\x05abcde"
	for _, c := range []struct {
		name     string
		implicit bool
		from     Side
		data     string
		want     string
	}{
		{"implicit, server", true, Server, record, "tls.record"},
		{"implicit, client", true, Client, record, "tls.record"},
		{"behind STARTTLS, server", false, Server, record, "tls.record"},
		{"behind STARTTLS, client", false, Client, "\x14\x03\x03\x00\x01\x01" + record, "tls.record"},
		{"longer than records are", true, Server, "\x17\x03\x03\xff\xffabcde\r\n", "imap.response"},
		{"no such version", true, Server, "\x17\x05\x03\x00\x05abcde\r\n", "imap.response"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Protocol: IMAP}
			o.Implicit[ClientLeg] = c.implicit
			chunks := []Chunk{{From: c.from, Data: []byte(c.data)}, {From: c.from.Other(), Data: []byte(record)}}
			checkLaws(t, o, chunks, 1)
			s := New(o)
			var kinds []string
			for _, e := range s.Feed(chunks[0]) { // valid until the next call
				kinds = append(kinds, e.Kind)
			}
			for _, e := range s.Close(chunks[0].Time) {
				kinds = append(kinds, e.Kind)
			}
			got := strings.Join(kinds, " ")
			if !strings.Contains(got, c.want) || c.want == "tls.record" && strings.Contains(got, "violation") {
				t.Errorf("%s", got)
			}
		})
	}
}
