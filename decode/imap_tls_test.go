package decode

import (
	"fmt"
	"strings"
	"testing"
	"time"

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

// A side that said nothing inside TLS has the digest of nothing, once the other's octets were opened; none are told of TLS
// that stayed closed.
func TestDigestOfSilence(t *testing.T) {
	const nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, said := range []string{"* OK hi\r\n", ""} {
		s := New(Options{Protocol: IMAP, Digest: true})
		s.leg(ClientLeg).tls = tlswire.NewConn(nil)
		for i := range s.leg(ClientLeg).sides {
			sd := &s.leg(ClientLeg).sides[i]
			sd.mode, sd.sawTLS = secure, true
		}
		if said != "" {
			record(s, Server, []byte(said))
		}
		var client, server string
		for _, e := range s.Close(time.Time{}) {
			if e.Kind == "session.close" {
				client, server = e.Field("tls_client_sha256"), e.Field("tls_server_sha256")
			}
		}
		if said == "" && client+server != "" || said != "" && (client != nothing || server == "" || server == nothing) {
			t.Errorf("%q: client %q, server %q", said, client, server)
		}
	}
}
