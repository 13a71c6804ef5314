package tlswire

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

func vec16(b []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) }

func codes(v ...uint16) (b []byte) {
	for _, c := range v {
		b = binary.BigEndian.AppendUint16(b, c)
	}
	return b
}

func extension(typ uint16, body []byte) []byte { return append(codes(typ), vec16(body)...) }

// browserHello is a ClientHello with what the JA4 specification's own example has, in another order and with GREASE.
func browserHello() []byte {
	b := append([]byte{3, 3}, bytes.Repeat([]byte{1}, 32)...)
	b = append(b, 0)
	b = append(b, vec16(codes(0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x9c, 0x9d, 0x2f, 0x35))...)
	b = append(b, 1, 0)
	host := append([]byte{0}, vec16([]byte("mail.example.test"))...)
	e := extension(0x2a2a, nil)
	for _, x := range [][]byte{
		extension(0, vec16(host)), extension(23, nil), extension(0xff01, []byte{0}),
		extension(10, vec16(codes(0x3a3a, 0x11ec, 29, 23))), extension(11, []byte{1, 0}), extension(35, nil),
		extension(16, vec16([]byte("\x02h2\x08http/1.1"))), extension(5, []byte{1, 0, 0, 0, 0}),
		extension(13, vec16(codes(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601))), extension(18, nil),
		extension(51, vec16(append(codes(0x3a3a, 1), append([]byte{0}, codes(29, 2, 7)...)...))), extension(45, []byte{1, 1}),
		extension(43, append([]byte{6}, codes(0x4a4a, 0x0304, 0x0303)...)), extension(27, []byte{2, 0, 2}),
		extension(0x4469, vec16([]byte("\x02h2"))), extension(0x5a5a, []byte{0}), extension(21, make([]byte, 9)),
	} {
		e = append(e, x...)
	}
	return append(b, vec16(e)...)
}

// The JA4 specification's example gives its published fingerprint, whatever the order and the GREASE.
func TestJA4(t *testing.T) {
	c := NewConn(nil)
	rec, st := c.Next(Client, handshakeRecord(1, browserHello()), false)
	if st != Got || len(rec.Messages) != 1 {
		t.Fatal(st, len(rec.Messages))
	}
	m := &rec.Messages[0]
	for name, want := range map[string]string{
		"ja4": "t13d1516h2_8daaf6152771_e5627efa2ab1", "sni": "mail.example.test", "alpn": "h2, http/1.1",
		"versions": "GREASE (0x4a4a), TLS1.3, TLS1.2", "groups": "GREASE (0x3a3a), X25519MLKEM768, x25519, secp256r1",
		"key_shares": "GREASE (0x3a3a) (1), x25519 (2)", "grease": "cipher, extension, group, key_share, version",
		"compress_certificate": "brotli", "renegotiation_info": "initial", "malformed": "", "padding": "9",
	} {
		if got := m.Field(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	for _, f := range m.Fields { // what is lit in the hex pane is what the value was read from
		switch f.Name {
		case "sni":
			if string(m.Raw[f.From:f.To]) != f.Value {
				t.Errorf("sni is at %q", m.Raw[f.From:f.To])
			}
		case "padding":
			if f.To-f.From != 9 {
				t.Errorf("padding has octets [%d,%d)", f.From, f.To)
			}
		}
	}
	for _, n := range m.Notes {
		if n.ID == "tls.extension.server_name" && binary.BigEndian.Uint16(m.Raw[n.From:]) != 0 {
			t.Errorf("the note on server_name begins at %x", m.Raw[n.From:n.To])
		}
	}
	if first := m.Notes[0].ID; first != "tls.client_hello" {
		t.Errorf("first note %s", first)
	}
	for alpn, want := range map[string]string{"": "00", "imap": "ip", "a": "aa", "\xab\xcd": "ad", "h2\x00": "60", "-x": "28"} {
		i := &helloInfo{alpn: []string{alpn}}
		if got := i.ja4ALPN(); got != want {
			t.Errorf("ALPN %q gives %q, want %q", alpn, got, want)
		}
	}
}

// A HelloRetryRequest has the type and structure of a ServerHello (RFC 9846 section 4.1.4) and says what it asks; that of
// the drafts was a message of its own.
func TestHelloRetryRequest(t *testing.T) {
	b := append([]byte{2, 0, 0, 56, 3, 3}, retryRandom[:]...)
	b = append(b, 0, 0x13, 1, 0, 0, 16, 0, 0x2b, 0, 2, 3, 4, 0, 0x33, 0, 2, 0, 0x18, 0xff, 0x7f, 0, 0)
	b[3] = byte(len(b) - 4)
	m, i := parseServerHello(b)
	got := map[string]string{}
	for _, f := range m.Fields {
		got[f.Name] = f.Value
	}
	if m.Kind != "tls.server_hello" || !i.retry || got["message"] != RetryName || got["version"] != "TLS1.3" ||
		got["cipher"] != "TLS_AES_128_GCM_SHA256" || got["group"] != "secp384r1" || m.Notes[0].ID != "tls.hello_retry_request" {
		t.Errorf("%s %v %v", m.Kind, got, m.Notes)
	}
	if m, _ := parseServerHello([]byte{6, 0, 0, 10, 0x7f, 18, 0, 6, 0, 0x33, 0, 2, 0, 0x18}); m.Kind != "tls.hello_retry_request" {
		t.Errorf("of draft 18: %s", m.Kind)
	}
}

// Encrypted Client Hello is recognised and its parts are told.
func TestECH(t *testing.T) {
	ech := append([]byte{0, 0, 1, 0, 1, 12}, vec16(bytes.Repeat([]byte{5}, 32))...)
	ech = append(ech, vec16(make([]byte, 144))...)
	b := append([]byte{3, 3}, make([]byte, 32)...)
	b = append(b, 0, 0, 2, 0x13, 1, 1, 0)
	m, _ := parseClientHello(handshakeRecord(1, append(b, vec16(extension(0xfe0d, ech))...))[5:])
	if m.Field("ech") != "outer" || m.Field("ech_config") != "12" || m.Field("ech_suite") != "kdf 1, aead 1" || m.Field("ech_payload") != "144" {
		t.Errorf("%v", m.Fields)
	}
	if !slices.ContainsFunc(m.Notes, func(n Note) bool { return n.ID == "tls.extension.encrypted_client_hello" }) {
		t.Error("no note on it")
	}
}

// An SSL 2.0 ClientHello begins a session like any other, and its challenge is the client random.
func TestSSL2Hello(t *testing.T) {
	challenge := bytes.Repeat([]byte{0xc5}, 16)
	hello := append([]byte{0x80, 0, 1, 3, 1, 0, 6, 0, 0, 0, 16, 0, 0, 0x2f, 1, 0, 0x80}, challenge...)
	hello[1] = byte(len(hello) - 2)
	for n := range len(hello) {
		if _, st := NewConn(nil).Next(Client, hello[:n], false); st != NeedMore {
			t.Fatalf("%d octets: %v", n, st)
		}
	}
	c := NewConn(nil)
	rec, st := c.Next(Client, append(hello, 0x16, 3, 1), false)
	if st != Got || rec.Size != len(hello) || rec.Version != 2 || len(rec.Messages) != 1 {
		t.Fatalf("%v %+v", st, rec)
	}
	m := &rec.Messages[0]
	if m.Kind != "sslv2.client_hello" || m.Field("versions") != "TLS1.0" || m.Field("ciphers") != "TLS_RSA_WITH_AES_128_CBC_SHA, SSL2 0x010080" {
		t.Errorf("%s %v", m.Kind, m.Fields)
	}
	if got := c.at(0).clientRandom; !bytes.Equal(got[:], append(make([]byte, 16), challenge...)) {
		t.Errorf("client random %x", got)
	}
	if _, st := c.Next(Client, hello, false); st != NotTLS {
		t.Errorf("a second one is %v", st)
	}
}

// What interrupts a handshake message leaves a fragment; alerts may share a record or span two; nothing is lost.
func TestFragments(t *testing.T) {
	c := NewConn(nil)
	var kinds []string
	take := func(side Side, wire []byte) {
		rec, st := c.Next(side, wire, false)
		if st != Got {
			t.Fatal(st)
		}
		for _, m := range rec.Messages {
			kinds = append(kinds, m.Kind)
		}
	}
	hello := handshakeRecord(1, browserHello())
	body := hello[5:]
	take(Client, append([]byte{22, 3, 1, 0, 100}, body[:100]...))
	take(Client, []byte{21, 3, 1, 0, 3, 2, 40, 1})
	take(Client, []byte{21, 3, 1, 0, 1, 0})
	take(Client, append([]byte{22, 3, 1, byte((len(body) - 100) >> 8), byte(len(body) - 100)}, body[100:]...))
	take(Client, hello)
	take(Client, []byte{24, 3, 1, 0, 3, 1, 0x40, 0})
	take(Client, []byte{22, 3, 1, 0, 4, 99, 0, 0, 0})
	take(Client, []byte{22, 3, 1, 0, 3, 1, 0, 1})
	for _, m := range c.Flush(Client) {
		kinds = append(kinds, m.Kind)
	}
	want := "tls.fragment tls.alert tls.alert tls.fragment tls.client_hello tls.heartbeat tls.message tls.fragment"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("messages %s\nwant     %s", got, want)
	}
}

// A message that announces more than may be kept is passed on in pieces, and memory stays small.
func TestHugeMessage(t *testing.T) {
	c := NewConn(nil)
	c.halves[Server].hello = true
	first := append([]byte{22, 3, 1, 0x40, 0, 11, 0xff, 0xff, 0xff}, make([]byte, maxPlain-4)...)
	next := append([]byte{22, 3, 1, 0x40, 0}, make([]byte, maxPlain)...)
	total := 0
	for i := range 1024 {
		rec, st := c.Next(Server, map[bool][]byte{true: first, false: next}[i == 0], false)
		if st != Got {
			t.Fatal(st)
		}
		for _, m := range rec.Messages {
			total += len(m.Raw)
		}
	}
	if n := cap(c.halves[Server].pending); total != 1024*maxPlain || n > maxHandshake {
		t.Errorf("%d octets told, %d kept", total, n)
	}
}

// A suite that is known by name only is said to be unsupported, not damaged and not waiting for secrets.
func TestUnsupported(t *testing.T) {
	c := NewConn(&KeyLog{})
	sh := append([]byte{3, 3}, make([]byte, 32)...)
	for _, wire := range [][]byte{handshakeRecord(1, browserHello()), handshakeRecord(2, append(sh, 0, 0, 0x96, 0))} {
		side := Side(wire[5] - 1)
		rec, st := c.Next(side, wire, true)
		if st != Got {
			t.Fatal(st)
		}
		if side == Server && rec.Messages[0].Field("cipher") != "TLS_RSA_WITH_SEED_CBC_SHA" {
			t.Error(rec.Messages[0].Fields)
		}
	}
	c.Next(Server, []byte{20, 3, 3, 0, 1, 1}, true)
	rec, st := c.Next(Server, append([]byte{22, 3, 3, 0, 64}, make([]byte, 64)...), true)
	if st != Got || rec.Reason != UnsupportedCipher || !rec.Encrypted {
		t.Errorf("%v %+v", st, rec)
	}
	if SuiteName(0xabab) != "0xabab" || SuiteName(0x7a7a) != "GREASE (0x7a7a)" || GroupName(0x11ec) != "X25519MLKEM768" {
		t.Error(SuiteName(0xabab), SuiteName(0x7a7a), GroupName(0x11ec))
	}
}

// Certificates that break the rules still show what can be read, and warn of what needs no clock.
func TestCertificates(t *testing.T) {
	der := testKeys().ecdsa.Certificate[0]
	c := parseCertificate(der)
	if c.subject != `O=Poste\, SA,CN=mail.example.test` && c.subject != `CN=mail.example.test,O=Poste\, SA` {
		t.Errorf("subject %q", c.subject)
	}
	if c.notAfter != "2060-01-01T00:00:00Z" || c.key != "ECDSA P-256" || c.signature != "sha256WithECDSA" || !c.selfSigned {
		t.Errorf("%+v", c)
	}
	if want := "mail.example.test *.example.test 127.0.0.1 ::1"; strings.Join(c.names, " ") != want {
		t.Errorf("names %q", c.names)
	}
	for n := range der {
		broken := bytes.Clone(der)
		broken[n] ^= 0xff
		parseCertificate(broken)
		if cut := parseCertificate(der[:n]); n > 300 && cut.subject != c.subject {
			t.Errorf("cut at %d of %d: subject %q", n, len(der), cut.subject)
		}
	}
	for host, want := range map[string]bool{
		"MAIL.example.test.": true, "x.example.test": true, "a.x.example.test": false, "example.test": false, "other.test": false,
	} {
		if matchesName(c.names, host) != want {
			t.Errorf("%s matches: %v", host, !want)
		}
	}
	i := &helloInfo{builder: builder{limit: len(der)}}
	i.lintCertificate(&c, "elsewhere.test")
	if len(i.notes) != 2 || i.notes[0].ID != "lint.cert_self_signed" || i.notes[1].ID != "lint.cert_wrong_name" {
		t.Errorf("lints %v", i.notes)
	}
}

// Key logs as programs write them: CRLF, comments, upper case, Wireshark's other forms, cut anywhere.
func TestKeyLog(t *testing.T) {
	id := strings.Repeat("Ab", 32)
	text := "# comment\r\n\r\nCLIENT_RANDOM " + id + " " + strings.Repeat("0F", 48) + "\r\n" +
		"  SERVER_TRAFFIC_SECRET_0 " + id + " " + strings.Repeat("aa", 32) + "\nbroken line\nCLIENT_RANDOM zz 00\n" +
		"RSA 0011223344556677 " + strings.Repeat("03", 48) + "\nRSA Session-ID:0a0b Master-Key:" + strings.Repeat("0c", 48) + "\nEXPORTER_SECRET " + id + " 01"
	var k, w KeyLog
	if n := k.Add([]byte(text)); n != 5 || k.Len() != 5 {
		t.Errorf("%d secrets, Len %d", n, k.Len())
	}
	random := bytes.Repeat([]byte{0xab}, 32)
	if s := k.Secret("CLIENT_RANDOM", random); !bytes.Equal(s, bytes.Repeat([]byte{15}, 48)) {
		t.Errorf("CLIENT_RANDOM %x", s)
	}
	if k.Secret("SESSION_ID", []byte{10, 11}) == nil || k.Secret("RSA", []byte{0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77}) == nil {
		t.Error("other forms are not found")
	}
	for _, o := range octets([]byte(text)) {
		w.Write(o)
	}
	if w.Len() != 4 {
		t.Errorf("%d secrets streamed; the line without an end must wait", w.Len())
	}
	w.Write([]byte("\n" + strings.Repeat("x", 3*maxKeyLogLine) + "\nCLIENT_RANDOM 01 02\n"))
	if w.Len() != 6 || cap(w.partial) > 8*maxKeyLogLine {
		t.Errorf("%d secrets after a line too long", w.Len())
	}
}
