package decode

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestTokensOfURLs protects the tokens that open a message to whoever holds them (RFC 4467, RFC 4468): masked in every
// command, reply and response, in quotes, in literals and where a server repeats them, at every cut, and told as secrets;
// what a URL says beside its token stays.
func TestTokensOfURLs(t *testing.T) {
	const token = "91354a473744909de610943775f92038"
	const url = "imap://joe@example.com/INBOX/;uid=20;urlauth=submit+fred:internal:" + token
	short := strings.TrimSuffix(url, ":internal:"+token)
	for name, c := range map[string]struct {
		protocol, said string
		secrets        int
	}{
		"GENURLAUTH": {IMAP, "S: * OK hi\nC: a GENURLAUTH \"" + short + "\" INTERNAL\nS: * GENURLAUTH \"" + url + "\" \"" + url + "\"\nS: a OK done", 2},
		"URLFETCH":   {IMAP, "S: * OK hi\nC: a URLFETCH \"" + url + "\"\nS: * URLFETCH \"" + url + "\" {2}\nS| ab\\r\\n\nS: a NO [BADURL \"" + url + "\"] bad " + token, 3},
		"atom":       {IMAP, "S: * OK hi\nC: a URLFETCH " + url + " " + url + "\nS: a BAD no", 2},
		"literal":    {IMAP, fmt.Sprintf("S: * OK hi\nC: a URLFETCH {%d}\nS: + go\nC: %s\nS: * URLFETCH {%d}\nS| %s NIL\\r\\n\nS: a OK", len(url), url, len(url), url), 2},
		"CATENATE":   {IMAP, "S: * OK hi\nC: a APPEND Sent CATENATE (URL \"" + url + "\" TEXT {3+}\nC| abc)\\r\\n\nS: a OK", 1},
		"BURL":       {SMTP, "S: 220 mx\nC: EHLO a\nS: 250 mx\nC: BURL " + url + " LAST\nS: 554-5.7.0 cannot read " + url + "\nS: 554 5.7.0 of " + token, 2},
		"in angles":  {SMTP, "S: 220 mx\nC: EHLO a\nS: 250 mx\nC: BURL <" + strings.ToUpper(short) + ":INTERNAL:" + token + ">\nS: 250 ok", 1},
		"no token":   {IMAP, "S: * OK hi\nC: a GENURLAUTH \"" + short + "\" INTERNAL\nS: a NO ;URLAUTH=a ;URLAUTH=::: ;;urlauth= b:c:d", 1},
	} {
		t.Run(name, func(t *testing.T) {
			var chunks []Chunk
			for _, tn := range script(c.said) {
				chunks = append(chunks, Chunk{From: tn.from, Data: tn.data})
			}
			for seed := range uint64(3) {
				checkLaws(t, Options{Protocol: c.protocol}, chunks, seed)
			}
			for _, size := range []int{1 << 20, 1, 7} {
				var seen bytes.Buffer
				secrets := 0
				o := Options{Protocol: c.protocol, Release: func(c Chunk) { seen.Write(c.Data) }}
				s := New(o)
				keep := func(evs []Event) {
					for i := range evs {
						seen.Write(AppendJSON(nil, 1, &evs[i]))
						for _, f := range evs[i].Fields {
							if f.Name == "urlauth" && f.Secret {
								secrets++
							}
						}
					}
				}
				for _, x := range chunks {
					for _, part := range every(size)(x.Data) {
						keep(s.Feed(Chunk{From: x.From, Data: part}))
					}
				}
				keep(s.Close(s.now))
				if bytes.Contains(seen.Bytes(), []byte(token)) || secrets != c.secrets {
					t.Fatalf("cut by %d: %d secrets, want %d:\n%s", size, secrets, c.secrets, &seen)
				}
				if !bytes.Contains(bytes.ToLower(seen.Bytes()), []byte("joe@example.com/inbox/;uid=20;urlauth=submit+fred")) {
					t.Fatalf("cut by %d: the URL is not shown:\n%s", size, &seen)
				}
			}
		})
	}
	shown := decodeChunks(t, Options{Protocol: SMTP, ShowSecrets: true}, []Chunk{{From: Client, Data: []byte("BURL " + url + "\r\n")}}, nil)
	if !strings.Contains(strings.Join(shown, ""), `"urlauth":"`+token) {
		t.Errorf("a token that may be shown is not: %s", shown)
	}
}
