package decode

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// saslSay is a client's message and what the exchange makes of it: name=value pairs, secrets in angle brackets.
type saslSay struct {
	side Side
	raw  string // before base64; "b64:" leads what is sent as it is
	want string
}

func saslText(fields []Field) string {
	var out []string
	for _, f := range fields {
		if f.Secret {
			out = append(out, fmt.Sprintf("%s=<%s>", f.Name, f.Value))
		} else {
			out = append(out, fmt.Sprintf("%s=%s", f.Name, f.Value))
		}
	}
	return strings.Join(out, " ")
}

func saslWire(raw string) []byte {
	if s, ok := strings.CutPrefix(raw, "b64:"); ok {
		return []byte(s)
	}
	return []byte(base64.StdEncoding.EncodeToString([]byte(raw)))
}

// ntlmType3 builds an AUTHENTICATE message whose payload is domain, user, host, LM and NT response.
func ntlmType3(domain, user, host, lm, nt string) string {
	wide := func(s string) string {
		var b strings.Builder
		for _, r := range s {
			b.WriteByte(byte(r))
			b.WriteByte(0)
		}
		return b.String()
	}
	head := make([]byte, 64)
	copy(head, ntlmSignature)
	binary.LittleEndian.PutUint32(head[8:], 3)
	binary.LittleEndian.PutUint32(head[60:], ntlmUnicode)
	payload := ""
	put := func(at int, s string) {
		binary.LittleEndian.PutUint16(head[at:], uint16(len(s)))
		binary.LittleEndian.PutUint16(head[at+2:], uint16(len(s)))
		binary.LittleEndian.PutUint32(head[at+4:], uint32(64+len(payload)))
		payload += s
	}
	put(28, wide(domain))
	put(36, wide(user))
	put(44, wide(host))
	put(12, lm)
	put(20, nt)
	put(52, "")
	return string(head) + payload
}

// TestExchange protects the reading of each mechanism and what of it is secret.
func TestExchange(t *testing.T) {
	for _, c := range []struct {
		mechanism string
		says      []saslSay
	}{
		{"plain", []saslSay{{Client, "\x00alice\x00open sesame", "authzid= user=alice password=<***********>"}}},
		{"PLAIN", []saslSay{{Client, "admin\x00alice\x00p\x00w", "authzid=admin user=alice password=<***>"}}},
		{"PLAIN", []saslSay{{Client, "no separators", "response=<*************>"}}},
		{"PLAIN", []saslSay{{Client, "b64:not base64!", "response=<***********>"}}},
		{"PLAIN", []saslSay{{Client, "b64:*", "cancel=*"}}},
		{"PLAIN", []saslSay{{Client, "b64:=", ""}, {Client, "b64:", ""}}},
		{"LOGIN", []saslSay{
			{Server, "Username:", "challenge=Username:"}, {Client, "alice", "user=alice"},
			{Server, "Password:", "challenge=Password:"}, {Client, "pw", "password=<**>"}}},
		{"LOGIN", []saslSay{{Client, "alice", "user=alice"}, {Client, "pw", "password=<**>"}, {Client, "pw", "password=<**>"}}},
		{"LOGIN", []saslSay{{Server, "b64:Password please", "challenge=Password please"}, {Client, "alice", "user=alice"}}},
		{"LOGIN", []saslSay{{Server, "Password:", "challenge=Password:"}, {Client, "pw", "password=<**>"}}},
		{"CRAM-MD5", []saslSay{
			{Server, "<1896.697170952@postoffice.example>", "challenge=<1896.697170952@postoffice.example>"},
			{Client, "tim b913a602c7eda7a495b4e6e7334d3890", "user=tim digest=<********************************>"}}},
		{"DIGEST-MD5", []saslSay{
			{Server, `realm="elwood.example",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8`,
				"realm=elwood.example nonce=OA6MG9tEQGm2hh qop=auth algorithm=md5-sess charset=utf-8"},
			{Client, `charset=utf-8,username="chris",realm="a\"b",nc=00000001,cnonce="OA6MHXh6VqTrRk",response=d388dad90d4bbd760a152321f2143af7,qop=auth`,
				`charset=utf-8 username=chris realm=a\"b nc=00000001 cnonce=OA6MHXh6VqTrRk response=<********************************> qop=auth`},
			{Server, "rspauth=ea40f60335c427b5527b84dbabcdfffd", "rspauth=ea40f60335c427b5527b84dbabcdfffd"}}},
		{"DIGEST-MD5", []saslSay{{Client, `username="chris`, "response=<***************>"}}},
		{"NTLM", []saslSay{
			{Client, "NTLMSSP\x00\x01\x00\x00\x00\x07\x82\x00\x00", "type=1"},
			{Client, ntlmType3("DOM", "bob", "PC", strings.Repeat("L", 24), strings.Repeat("N", 24)),
				"type=3 domain=DOM user=bob host=PC lm_response=<************************> nt_response=<************************> session_key=<>"}}},
		{"NTLM", []saslSay{{Client, "nonsense", "response=<********>"}}},
		{"SCRAM-SHA-256", []saslSay{
			{Client, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "gs2_flag=n user=user nonce=rOprNGfwEbeRWgbNEkqO"},
			{Server, "r=rOprNGfwEbeRWgbNEkqO%hvYD,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
				"nonce=rOprNGfwEbeRWgbNEkqO%hvYD salt=W22ZaJ0SNY7soEsUEjb6gQ== iterations=4096"},
			{Client, "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYD,p=dHzbZapWIk4=",
				"channel_binding=biws nonce=rOprNGfwEbeRWgbNEkqO%hvYD proof=<************>"},
			{Server, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "signature=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
			{Server, "e=invalid-proof", "error=invalid-proof"}}},
		{"SCRAM-SHA-1-PLUS", []saslSay{{Client, "p=tls-exporter,a=adm,n=user,r=x", "gs2_flag=p=tls-exporter authzid=adm user=user nonce=x"}}},
		{"SCRAM-SHA-1", []saslSay{{Client, "secret", "response=<******>"}}},
		{"GSSAPI", []saslSay{{Client, "\x60\x82", "token=<**>"}, {Server, "\x60\x82", "token=<**>"}}},
		{"EXTERNAL", []saslSay{{Client, "fred@example.org", "authzid=fred@example.org"}}},
		{"ANONYMOUS", []saslSay{{Client, "sirhc", "trace=sirhc"}}},
		{"XOAUTH2", []saslSay{
			{Client, "user=a@example.org\x01auth=Bearer ya29.vF9\x01\x01", "user=a@example.org scheme=Bearer token=<********>"},
			{Server, `{"status":"401","schemes":"bearer mac","scope":"https://mail.example/"}`,
				`error={"status":"401","schemes":"bearer mac","scope":"https://mail.example/"} status=401 schemes=bearer mac scope=https://mail.example/`},
			{Client, "b64:", ""}}},
		{"OAUTHBEARER", []saslSay{
			{Client, "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4q\x01\x01",
				"gs2_flag=n user=user@example.com host=server.example.com port=143 scheme=Bearer token=<********>"},
			{Client, "\x01", ""}}},
		{"X-UNHEARD-OF", []saslSay{{Client, "whatever", "response=<********>"}, {Server, "\x00\x01", "challenge=AAE="}}},
	} {
		x := newExchange(c.mechanism, false)
		for i, s := range c.says {
			take := x.client
			if s.side == Server {
				take = x.server
			}
			fields, _ := take(saslWire(s.raw))
			if got := saslText(fields); got != s.want {
				t.Errorf("%s, message %d:\n got %s\nwant %s", c.mechanism, i+1, got, s.want)
			}
		}
	}
}

// TestExchangeShows protects --show-secrets: the values as sent, nothing masked.
func TestExchangeShows(t *testing.T) {
	fields, masked := newExchange("PLAIN", true).client(saslWire("\x00alice\x00open sesame"))
	if got := saslText(fields); got != "authzid= user=alice password=<open sesame>" || masked != nil {
		t.Errorf("got %s, masked %q", got, masked)
	}
}

// TestExchangeSpans protects the pointer from a field back to the characters that carry it.
func TestExchangeSpans(t *testing.T) {
	b64 := saslWire("\x00alice\x00open sesame")
	fields, masked := newExchange("PLAIN", false).client(b64)
	if got := fields[2].Span; got != (Span{9, 24}) {
		t.Errorf("password at %v of %s", got, b64)
	}
	if raw, _ := base64.StdEncoding.DecodeString(string(masked)); string(raw) != "\x00alice\x00***********" {
		t.Errorf("masked copy decodes to %q", raw)
	}
}

var fuzzMechanisms = []string{"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM", "SCRAM-SHA-1", "SCRAM-SHA-512-PLUS",
	"GSSAPI", "GSS-SPNEGO", "EXTERNAL", "ANONYMOUS", "XOAUTH2", "OAUTHBEARER", "X-UNKNOWN"}

// FuzzExchange holds for any octets: the masked copy is as long, is a fixed point, and shows nothing that a second
// reading would hide.
func FuzzExchange(f *testing.F) {
	for i := range fuzzMechanisms {
		f.Add(byte(i), saslWire("\x00a\x00b"), saslWire("user=x\x01auth=Bearer y\x01\x01"))
		f.Add(byte(i), saslWire("n,,n=u,r=x"), saslWire("c=biws,r=x,p=abc"))
		f.Add(byte(i), saslWire(ntlmType3("D", "u", "h", "lmlm", "ntnt")), []byte("x=="))
		f.Add(byte(i), []byte("*"), saslWire(`username="u",response=123`))
	}
	f.Fuzz(func(t *testing.T, m byte, one, two []byte) {
		name := fuzzMechanisms[int(m)%len(fuzzMechanisms)]
		x, y := newExchange(name, false), newExchange(name, false)
		for _, msg := range [][]byte{one, two, one} {
			in := bytes.Clone(msg)
			fields, masked := x.client(msg)
			if !bytes.Equal(in, msg) {
				t.Fatalf("the input was changed")
			}
			copied := msg
			if masked != nil {
				if len(masked) != len(msg) {
					t.Fatalf("%s: %q masked to %q", name, msg, masked)
				}
				copied = masked
			}
			again, masked2 := y.client(copied)
			if saslText(fields) != saslText(again) || masked2 != nil && !bytes.Equal(masked2, copied) {
				t.Fatalf("%s: %q\n gives %s\n again %s\n masked %q\n again %q", name, msg, saslText(fields), saslText(again), masked, masked2)
			}
			for _, fl := range fields {
				if fl.Span.From < 0 || fl.Span.To > int64(len(msg)) {
					t.Fatalf("%s: field %s spans %v of %d", name, fl.Name, fl.Span, len(msg))
				}
			}
			x.server(two)
			y.server(two)
		}
	})
}
