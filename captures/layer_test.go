package captures

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"facteur/decode"
)

// turn is what one side says in a test's session.
type turn struct {
	from decode.Side
	said string
}

// sessionOf writes a capture of one session.
func sessionOf(t *testing.T, protocol string, port uint16, turns []turn) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.pcapng")
	w, err := Create(path, WriterOptions{Application: "facteur test"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_800_000_000, 0)
	i := Info{Session: 1, Time: at, Protocol: protocol, Client: netip.MustParseAddrPort("192.0.2.1:40000"), Server: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.2"), port)}
	err = w.Open(i, Meta{Session: 1, Leg: "client", Protocol: protocol})
	for _, x := range turns {
		err = errors.Join(err, w.Chunk(1, decode.Chunk{Time: at, From: x.from, Data: []byte(x.said)}, ""))
	}
	if err = errors.Join(err, w.Close(1), w.End()); err != nil {
		t.Fatal(err)
	}
	return path
}

// digestSession signs in by DIGEST-MD5 with a quality of protection, and says more behind it.
func digestSession(qop string, behind ...turn) []turn {
	b64 := base64.StdEncoding.EncodeToString
	return append([]turn{{decode.Server, "* OK hi\r\n"}, {decode.Client, "a AUTHENTICATE DIGEST-MD5\r\n"},
		{decode.Server, "+ " + b64([]byte(`realm="x",nonce="n",qop="auth,auth-int,auth-conf",charset=utf-8,algorithm=md5-sess`)) + "\r\n"},
		{decode.Client, b64([]byte(`username="bob",realm="x",nonce="n",cnonce="c",nc=00000001,qop=`+qop+`,digest-uri="imap/x",response=0123456789abcdef0123456789abcdef`)) + "\r\n"},
		{decode.Server, "+ " + b64([]byte("rspauth=0123456789abcdef0123456789abcdef")) + "\r\n"},
		{decode.Client, "\r\n"}, {decode.Server, "a OK in\r\n"}}, behind...)
}

func layerFrame(payload string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(payload)))) + payload
}

// TestSecurityLayer protects what a SASL security layer (RFC 4422 §3.7) carries: text that is signed only is masked and
// anonymised, with the signature that a password could be tried against, and what is encrypted is told, refused, and
// written as stars when forced; the frames stay frames.
func TestSecurityLayer(t *testing.T) {
	const canary, hmac = "canari-7-jaune", "0123456789"
	signed := func(text string, n string) string { return layerFrame(text + hmac + "\x00\x01" + n) }
	sealed := layerFrame(strings.Repeat("\x9cScellé-", 20))
	rewrite := map[string]func(path, out string, o RewriteOptions) (*Report, error){"redact": Redact, "anonymize": Anonymize}
	for how, f := range rewrite {
		t.Run(how, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.pcapng")
			path := sessionOf(t, decode.IMAP, 143, digestSession("auth-int",
				turn{decode.Client, signed("c LOGIN bob "+canary+"\r\n", "\x00\x00\x00\x00")},
				turn{decode.Server, signed("c NO "+canary+" for ferdinand@poste.corp.fr\r\n", "\x00\x00\x00\x00")}))
			if _, err := f(path, out, RewriteOptions{Application: "facteur test"}); err != nil {
				t.Fatal(err)
			}
			file, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(file, []byte(canary)) || bytes.Contains(file, []byte(hmac)) || how == "anonymize" && bytes.Contains(file, []byte("poste.corp")) {
				t.Error("a secret, a signature or a name is left in signed frames")
			}
			if a, b := kindsOf(t, path), kindsOf(t, out); !slices.Equal(a, b) || !slices.Contains(a, "sasl.frame 44 integrity") {
				t.Errorf("before %v\nafter  %v", a, b)
			}
			path = sessionOf(t, decode.IMAP, 143, digestSession("auth-conf", turn{decode.Client, sealed}))
			refused := filepath.Join(t.TempDir(), "refused.pcapng")
			r, err := f(path, refused, RewriteOptions{})
			if !errors.Is(err, ErrUntreated) || len(r.Untreated) != 1 || r.Untreated[0].What != "sasl_sealed" ||
				r.Untreated[0].Octets != int64(len(sealed)-4) || r.Untreated[0].Detail != "DIGEST-MD5" {
				t.Fatalf("%v, %+v", err, r)
			}
			if _, err := os.Stat(refused); !os.IsNotExist(err) {
				t.Error("a file was written although it was refused")
			}
			out = filepath.Join(t.TempDir(), "forced.pcapng")
			if _, err := f(path, out, RewriteOptions{Force: true, Application: "facteur test"}); err != nil {
				t.Fatal(err)
			}
			if file, err = os.ReadFile(out); err != nil || bytes.Contains(file, []byte("Scell")) || !bytes.Contains(file, []byte(strings.Repeat("*", len(sealed)-4))) {
				t.Errorf("%v: the encrypted frame is copied", err)
			}
			if a, b := kindsOf(t, path), kindsOf(t, out); !slices.Equal(a, b) {
				t.Errorf("before %v\nafter  %v", a, b)
			}
		})
	}
}

// kindsOf gives what a capture's events are.
func kindsOf(t *testing.T, path string) (kinds []string) {
	t.Helper()
	err := Walk(path, WalkOptions{Event: func(_ int, e *decode.Event, _ []byte) {
		kinds = append(kinds, strings.TrimSpace(e.Kind+" "+e.Field("octets")+" "+e.Field("protection")))
	}})
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}
