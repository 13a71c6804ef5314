package decode

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"
)

// layerFrame is a frame of a security layer.
func layerFrame(payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...)
}

// signed is a frame of DIGEST-MD5's auth-int (RFC 2831 §2.3), its HMAC left to chance.
func signed(text string, n uint32) []byte {
	p := append([]byte(text), "0123456789\x00\x01"...)
	return layerFrame(binary.BigEndian.AppendUint32(p, n))
}

// wrapped is a Wrap token (RFC 4121 §4.2.6.2) that is signed only, the checksum behind the text or turned to the front.
func wrapped(text string, front bool) []byte {
	head := []byte{5, 4, 0, 0xff, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	check := []byte("chksum-chksu")
	if front {
		head[7] = 12
		return layerFrame(append(append(head, check...), text...))
	}
	return layerFrame(append(append(head, text...), check...))
}

func digestLogin(qop string) []turn {
	b64 := base64.StdEncoding.EncodeToString
	return append(script("S: * OK hi\nC: a AUTHENTICATE DIGEST-MD5"),
		turn{Server, []byte("+ " + b64([]byte(`realm="x",nonce="n",qop="auth,auth-int,auth-conf",charset=utf-8,algorithm=md5-sess`)) + "\r\n")},
		turn{Client, []byte(b64([]byte(`username="bob",realm="x",nonce="n",cnonce="c",nc=00000001,qop=`+qop+`,digest-uri="imap/x",response=0123456789abcdef0123456789abcdef`)) + "\r\n")},
		turn{Server, []byte("+ " + b64([]byte("rspauth=0123456789abcdef0123456789abcdef")) + "\r\n")},
		turn{Client, []byte("\r\n")}, turn{Server, []byte("a OK in\r\n")})
}

func gssLogin() []turn {
	return script("S: 220 mx\nC: EHLO a\nS: 250 mx\nC: AUTH GSSAPI YIIC\nS: 334 YIIB\nC: BQQE\nS: 235 in")
}

// TestSecurityLayers protects what is made of frames behind DIGEST-MD5 and GSSAPI: what is signed is read, what is
// encrypted is counted, no command is made of it, and damage is said.
func TestSecurityLayers(t *testing.T) {
	sealed := bytes.Repeat([]byte{0x9c, '\r', '\n'}, 20)
	for name, c := range map[string]struct {
		protocol string
		turns    []turn
		want     string // kinds and lines behind the exchange
	}{
		"auth-int": {IMAP, append(digestLogin("auth-int"), turn{Client, append(signed("b SEL", 0), signed("ECT INBOX\r\nc LOGIN bob canari7\r\n", 1)...)},
			turn{Server, signed("b OK in\r\nc NO canari7\r\n", 0)}),
			"up frame frame b SELECT INBOX|c LOGIN bob *******|up frame b OK in|c NO *******"},
		"auth-conf": {IMAP, append(digestLogin("auth-conf"), turn{Client, layerFrame(sealed)}, turn{Server, append(layerFrame(sealed), layerFrame(nil)...)}),
			"up frame up frame frame"},
		"auth":            {IMAP, append(digestLogin("auth"), script("C: b NOOP\nS: b OK")...), "b NOOP|b OK"},
		"Kerberos signed": {SMTP, append(gssLogin(), turn{Client, wrapped("RSET\r\n", false)}, turn{Server, wrapped("250 ok\r\n", true)}), "up frame RSET|up frame 250 ok"},
		"Kerberos sealed": {SMTP, append(gssLogin(), turn{Client, layerFrame(append([]byte{5, 4, 2, 0xff, 0, 0, 0, 28, 0, 0, 0, 0, 0, 0, 0, 1}, sealed...))}), "up frame"},
		"none":            {SMTP, append(gssLogin(), script("C: RSET\nS: 250 ok")...), "RSET|250 ok"},
		"damaged":         {SMTP, append(gssLogin(), turn{Client, append(layerFrame(sealed), "\x7fRSET\r\n"...)}), "up frame bad"},
		"cut short":       {SMTP, append(gssLogin(), turn{Client, layerFrame(sealed)[:30]}), "up short"},
		"large":           {SMTP, append(gssLogin(), turn{Client, layerFrame(make([]byte, maxLayered+1))}), "up frame frame frame frame frame frame"},
	} {
		for _, step := range []int{1 << 20, 1, 7} {
			if step == 1 && name == "large" {
				continue
			}
			var got []string
			s := New(Options{Protocol: c.protocol})
			in := false
			keep := func(evs []Event) {
				for i := range evs {
					switch e := &evs[i]; {
					case e.Kind == "session.upgrade":
						in = true
						got = append(got, "up ")
					case e.Kind == "sasl.frame":
						got = append(got, "frame ")
					case e.Field("rule") == "bad_frame":
						got = append(got, "bad ")
					case e.Kind == "session.incomplete":
						got = append(got, "short ")
					case strings.HasSuffix(e.Kind, ".command") || strings.HasSuffix(e.Kind, ".response") || strings.HasSuffix(e.Kind, ".reply"):
						if in || e.Layer == Plain || strings.HasPrefix(name, "auth") && strings.HasPrefix(e.Field("line"), "b ") || name == "none" && len(got) < 9 {
							got = append(got, e.Field("line")+"|")
						}
					}
				}
			}
			for _, tn := range c.turns {
				for _, part := range every(step)(tn.data) {
					keep(s.Feed(Chunk{From: tn.from, Data: part}))
				}
			}
			keep(s.Close(s.now))
			text := strings.TrimRight(strings.Join(got, ""), " |")
			if !strings.HasSuffix(text, c.want) {
				t.Errorf("%s, cut by %d:\n got %s\nwant %s", name, step, text, c.want)
			}
		}
		var chunks []Chunk
		for _, tn := range c.turns {
			chunks = append(chunks, Chunk{From: tn.from, Data: tn.data})
		}
		for seed := range uint64(3) {
			checkLaws(t, Options{Protocol: c.protocol}, chunks, seed)
		}
	}
}
