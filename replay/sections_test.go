package replay

import (
	"strings"
	"testing"

	"facteur/decode"
)

const fetchHead = `
S: * OK ready
C: a1 LOGIN alice ****
S: a1 OK
C: a2 SELECT INBOX
S: * 2 EXISTS
S: a2 OK [READ-WRITE]`

// fetchWhole was recorded from a client that fetches all of a message, of 30 octets, at once.
const fetchWhole = fetchHead + `
C: a3 UID FETCH 7:8 (FLAGS RFC822.SIZE)
S: * 1 FETCH (UID 7 FLAGS (\Seen $Label) RFC822.SIZE 30)
S: * 2 FETCH (UID 8 FLAGS () RFC822.SIZE 9)
S: a3 OK
C: a4 UID FETCH 7 (UID ENVELOPE BODY.PEEK[])
S: * 1 FETCH (UID 7 ENVELOPE (NIL "a \"q\") x" ((NIL NIL "a" "b"))) BODY[] {30}
S: Subject: x
S:
S: Hello world...
S: )
S: a4 OK
C: a5 LOGOUT
S: * BYE
S: a5 OK
`

// fetchParts is the same message from a client that fetches 12 octets at a time.
const fetchParts = fetchHead + `
C: a3 UID FETCH 7 (BODY.PEEK[]<0.12>)
S: * 1 FETCH (UID 7 BODY[]<0> {12}
S: Subject: x
S:  FLAGS (\Seen))
S: a3 OK
C: a4 UID FETCH 7 (BODY.PEEK[]<12.12>)
S: * 1 FETCH (UID 7 BODY[]<12> {12}
S:
S: Hello worl)
S: a4 OK
C: a5 UID FETCH 7 (BODY.PEEK[]<24.12>)
S: * 1 FETCH (UID 7 BODY[]<24> {6}
S: d...
S: )
S: a5 OK
C: a6 LOGOUT
S: * BYE
S: a6 OK
`

const loggedIn = `
S: * OK
C: x1 LOGIN alice other
S: x1 OK
C: x2 SELECT INBOX
S: * 2 EXISTS
S: x2 OK
`

// A message recorded whole is served in parts, one recorded in parts is served whole, and items together that were
// recorded apart; what the recording does not hold is refused.
func TestServeSections(t *testing.T) {
	for name, c := range map[string]struct{ recorded, said string }{
		"parts of a whole": {fetchWhole, `
C: x3 UID FETCH 7 (UID BODY.PEEK[]<0.12>)
S: * 1 FETCH (UID 7 BODY[]<0> {12}
S: Subject: x
S: )
S: x3 OK
C: x4 uid fetch 7 BODY[]<12.4096>
S: * 1 FETCH (UID 7 BODY[]<12> {18}
S:
S: Hello world...
S: )
S: x4 OK
C: x5 FETCH 1 BODY[]<40.10>
S: * 1 FETCH (BODY[]<40> {0}
S: )
S: x5 OK
C: x6 FETCH 1 (BODY.PEEK[HEADER] RFC822.SIZE)
S: * 1 FETCH (BODY[HEADER] {14}
S: Subject: x
S:
S:  RFC822.SIZE 30)
S: x6 OK
C: x7 UID FETCH 7 (BODY.PEEK[TEXT]<0.5>)
S: * 1 FETCH (UID 7 BODY[TEXT]<0> {5}
S: Hello)
S: x7 OK`},
		"items together": {fetchWhole, `
C: x3 UID FETCH 7 (FLAGS ENVELOPE RFC822.SIZE)
S: * 1 FETCH (UID 7 ENVELOPE (NIL "a \"q\") x" ((NIL NIL "a" "b"))) FLAGS (\Seen $Label) RFC822.SIZE 30)
S: x3 OK
C: x4 FETCH 1:2 (UID FLAGS)
S: * 1 FETCH (UID 7 FLAGS (\Seen $Label))
S: * 2 FETCH (UID 8 FLAGS ())
S: x4 OK`},
		"a whole of parts": {fetchParts, `
C: x3 UID FETCH 7 (UID BODY.PEEK[])
S: * 1 FETCH (UID 7 BODY[] {30}
S: Subject: x
S:
S: Hello world...
S: )
S: x3 OK
C: x4 UID FETCH 7 (RFC822)
S: * 1 FETCH (UID 7 RFC822 {30}
S: Subject: x
S:
S: Hello world...
S: )
S: x4 OK
C: x5 UID FETCH 7 BODY.PEEK[]<5.10>
S: * 1 FETCH (UID 7 BODY[]<5> {10}
S: ct: x
S:
S: H)
S: x5 OK`},
		"what is not there": {fetchWhole, `
C: x3 UID FETCH 8 BODY.PEEK[]<0.10>
S: x3 NO
C: x4 UID FETCH 7 BODYSTRUCTURE
S: x4 NO
C: x5 FETCH 3 FLAGS
S: x5 NO
C: x6 FETCH 1 BODY.PEEK[]<99999999999999999999.1>
S: x6 NO
C: x7 FETCH 1:999999999 FLAGS
S: x7 NO`},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, []*Dialogue{talked(t, decode.IMAP, c.recorded)})
			converse(t, s.Doors()[0].Addr, strings.TrimSpace(loggedIn)+c.said)
		})
	}
}

// Whatever a recorded server sent as a FETCH, taking it apart ends, and what is answered from it is well formed.
func FuzzFetched(f *testing.F) {
	f.Add("* 1 FETCH (UID 7 BODY[]<0> {3}\r\nabc FLAGS (\\Seen))\r\n", "FETCH 7 BODY.PEEK[]<0.3>")
	f.Add("* 1 FETCH (BODY[HEADER.FIELDS (TO)] \"x\" ENVELOPE (NIL (\"a)\" {2}\r\n)))))\r\n", "FETCH 1 BODY[]")
	f.Fuzz(func(t *testing.T, response, asked string) {
		all := fetched{}
		all.take([]byte(response), strings.Fields(asked))
		for n, msg := range all {
			msg.join()
			for name := range msg.whole {
				out, ok := msg.answer(n, []fetchAsked{{name: name, partial: true, from: 1, to: 3}, {name: name}})
				if !ok || !strings.HasSuffix(string(out), ")\r\n") {
					t.Errorf("%q: %q", response, out)
				}
			}
		}
	})
}

// A client that does not compress goes through a session that was compressed: how octets travel is not what is asked for.
func TestServeWithoutCompress(t *testing.T) {
	d := talked(t, decode.IMAP, strings.Replace(fetchWhole, "C: a3 UID", "C: z0 COMPRESS DEFLATE\nS: z0 NO not now\nC: a3 UID", 1))
	s := serve(t, []*Dialogue{d})
	converse(t, s.Doors()[0].Addr, strings.TrimSpace(loggedIn)+`
C: x3 FETCH 2 FLAGS
S: * 2 FETCH (FLAGS ())
S: x3 OK`)
	if bad := s.of(ServeMismatch); len(bad) > 0 {
		t.Errorf("%+v", bad)
	}
}
