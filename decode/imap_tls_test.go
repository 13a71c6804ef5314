package decode

import (
	"fmt"
	"strings"
	"testing"

	"facteur/decode/tlswire"
)

// record hands a side the content of a TLS record that was opened, as stepRecord does.
func record(s *Session, from Side, content []byte) []string {
	l := s.leg(ClientLeg)
	sd := &l.sides[from]
	s.evs = s.evs[:0]
	wire := Span{sd.wire.at, sd.wire.at + int64(len(content)) + 22}
	sd.wire.at = wire.To
	sd.application(&tlswire.Record{Size: int(wire.Len())}, wire, content)
	l.pump(from)
	var out []string
	for i := range s.evs {
		out = append(out, fmt.Sprintf("%s carried=%v", summary(&s.evs[i]), s.evs[i].Carried))
	}
	return out
}

// TestIMAPCompressInsideTLS protects COMPRESS under TLS: the records carry what is decompressed from them, and octets
// compressed already in the record that holds the agreement are not taken for plain ones.
func TestIMAPCompressInsideTLS(t *testing.T) {
	s := New(Options{Protocol: IMAP})
	for i := range s.leg(ClientLeg).sides {
		s.leg(ClientLeg).sides[i].mode = secure
	}
	server := deflated(t, 6, []byte("* 3 EXISTS\r\n* 1 FETCH (FLAGS (\\Seen))\r\n"), []byte("b OK done\r\n"))
	client := deflated(t, 6, []byte("b SELECT INBOX\r\n"), []byte("c NOOP\r\n"))
	var out []string
	out = append(out, record(s, Server, []byte("* OK hi\r\n"))...)
	out = append(out, record(s, Client, []byte("a COMPRESS DEFLATE\r\n"))...)
	out = append(out, record(s, Server, append([]byte("a OK begin\r\n"), server[:7]...))...)
	out = append(out, record(s, Client, client)...)
	out = append(out, record(s, Server, server[7:])...)
	text := strings.Join(out, "\n")
	for _, want := range []string{
		`c imap.command [20,36) plain tag="b"@20-21 name="SELECT"`, `c imap.command [36,44) plain tag="c"`,
		`s imap.response [21,33) plain`, `s imap.response [60,71) plain re=5 tag="b"`, `carried=[[31 72] [72 149]]`,
	} {
		if !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(text, "{", "["), "}", "]"), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if bad := record(s, Server, []byte("this is not compressed\r\n")); !strings.Contains(strings.Join(bad, "\n"), "bad_deflate") {
		t.Errorf("octets that are not compressed are not told: %s", bad)
	}
}
