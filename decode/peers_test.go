package decode

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// peerCases are dialogues that tshark 4.0.17 reads wrongly, or not at all, and what must be told of them: events in order,
// each "kind field=value …"; others may stand between them. not is what may not be told.
var peerCases = map[string]struct{ protocol, said, want, not string }{
	"commands and a chunk in one segment": {SMTP,
		"S: 220 mx\nC: EHLO a\nS: 250 CHUNKING\n" + `C| MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nBDAT 12 LAST\r\nA: b\r\n\r\nhi\r\nQUIT\r\n` + "\nS: 250 ok\nS: 250 ok\nS: 250 done\nS: 221 bye",
		"smtp.command verb=MAIL\nsmtp.command verb=RCPT\nsmtp.command verb=BDAT size=12 last=LAST\nmessage.header name=A\nsmtp.data.end octets=12\nsmtp.command verb=QUIT\nsmtp.reply code=250 text=done state=delivered", "violation"},
	"LOGIN with literals": {IMAP, "S: * OK hi\n" + `C| a LOGIN {4+}\r\nbob1 {6+}\r\nsecret\r\n` + "\nS: a OK in",
		"imap.command name=LOGIN user=bob1\nimap.response name=OK state=authenticated", "violation"},
	"APPEND whose message looks like commands": {IMAP, "S: * PREAUTH hi\nC: a APPEND x {40}\nS: + go\n" + `C| Subject: a LOGOUT\r\n\r\nb LOGIN c d\r\n* OK\r\n\r\n` + "\nS: a OK\nC: c NOOP",
		"imap.command name=APPEND\nimap.command name=NOOP", "name=LOGOUT"},
	"two literals in one FETCH": {IMAP, "S: * PREAUTH hi\nC: a FETCH 1 (BODY[HEADER] BODY[TEXT])\n" + `S| * 1 FETCH (BODY[HEADER] {8}\r\nA: b\r\n\r\n BODY[TEXT] {12}\r\n* 2 EXPUNGE\r ` + `UID 7)\r\n` + "\nS: a OK",
		"imap.data.begin what=BODY[HEADER]\nmessage.header name=A\nimap.data.begin what=BODY[TEXT]\nimap.response name=FETCH uid=7\nimap.response name=OK", "name=EXPUNGE"},
	"ClientHello in a message": {SMTP, "S: 220 mx\nC: EHLO a\nS: 250 STARTTLS\nC: DATA\nS: 354 go\n" + `C| \x16\x03\x01\x02\x00\x01\r\n.\r\n` + "\nS: 250 ok\nC: QUIT",
		"smtp.data.end octets=8\nsmtp.command verb=QUIT", "tls."},
	"ClientHello in a literal": {IMAP, "S: * PREAUTH hi\nC: a APPEND x {6}\nS: + go\n" + `C| \x16\x03\x01\x02\x00\x01\r\n` + "\nS: a OK\nC: b NOOP",
		"imap.command name=APPEND\nimap.command name=NOOP", "tls."},
	"injection behind STARTTLS": {SMTP, "S: 220 mx\nC: EHLO a\nS: 250 STARTTLS\n" + `C| STARTTLS\r\nRSET\r\n` + "\nS: 220 go\nS: 250 ok",
		"smtp.command verb=STARTTLS\nsmtp.command verb=RSET lint.data_after_starttls", ""},
	"clear text kept behind STLS": {POP3, "S: +OK hi\nC: STLS\nS: +OK go\nC: CAPA\nS: +OK\nS: TOP\nS: .",
		"session.upgrade to=tls\npop3.command verb=CAPA\npop3.response status=+OK\npop3.item name=TOP", ""},
	"STARTTLS of ManageSieve": {Sieve, "S: \"STARTTLS\"\nS: OK\nC: STARTTLS\nS: OK\n" + `C| \x16\x03\x01\x00\x02\x01\x00` + "\n",
		"sieve.command name=STARTTLS\nsession.upgrade to=tls\ntls.record", ""},
	"LMTP on any port": {Detect, "S: 220 mx LMTP\nC: LHLO a\nS: 250 mx\nC: MAIL FROM:<a@x>\nC: RCPT TO:<b@x>\nC: RCPT TO:<c@x>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: .\nS: 250 b\nS: 550 c",
		"session.detect protocol=lmtp\nlmtp.command verb=LHLO\nlmtp.reply code=250 text=b\nlmtp.reply code=550 text=c", "violation"},
	"SMTP on any port": {Detect, "S: 220 mx ESMTP\nC: EHLO a\nS: 250 mx", "session.detect protocol=smtp\nsmtp.command verb=EHLO", ""},
	"IMAP on any port": {Detect, "S: * OK hi\nC: a NOOP\nS: a OK", "session.detect protocol=imap\nimap.command name=NOOP", ""},
	"AUTH taken apart": {SMTP, "S: 220 mx\nC: AUTH PLAIN AGFsaWNlAHNlY3JldA==\nS: 235 in", "smtp.command mechanism=PLAIN user=alice password=******", ""},
	"COMPRESS": {IMAP, "S: * PREAUTH hi\nC: a COMPRESS DEFLATE\nS: a OK\n" + `C| \x01\x08\x00\xf7\xffb NOOP\r\n\x00\x00\x00\xff\xff`,
		"session.upgrade to=deflate\ncompress.block inflated=8\nimap.command name=NOOP", "violation"},
	"a chunk ends inside a line": {SMTP, "S: 220 mx\n" + `C| BDAT 10\r\nSubject: xBDAT 9\r\nyz\r\n\r\nab\rBDAT 3 LAST\r\n\nc\nQUIT\r\n` + "\nS: 250 a\nS: 250 b\nS: 250 c\nS: 221 d",
		"smtp.command size=10\nsmtp.data.end octets=10\nsmtp.command size=9\nsmtp.data.end octets=19\nsmtp.command size=3 last=LAST\nsmtp.data.end octets=22\nsmtp.command verb=QUIT\nsmtp.reply text=c", "lint.bad_count"},
	"a CRLF cut by chunks": {SMTP, "S: 220 mx\nC: MAIL FROM:<a@x>\nS: 250 ok\n" + `C| BDAT 6\r\nA: b\r\rBDAT 7 LAST\r\n\n\r\nhi\r\nQUIT\r\n`[:0] + `C| BDAT 5\r\nA: b\rBDAT 8 LAST\r\n\nB: c\r\n\rQUIT\r\n` + "\nS: 250 a\nS: 250 b",
		"smtp.command size=5\nsmtp.data.end octets=5\nmessage.header name=B\nsmtp.data.end octets=13\nsmtp.command verb=QUIT", ""},
}

// TestPeerCases protects what other decoders fail at: it is told right, and alike at every split.
func TestPeerCases(t *testing.T) {
	for name, c := range peerCases {
		turns := script(c.said)
		whole := eventsOf(c.protocol, turns, -1, 0)
		rest := strings.Split(c.want, "\n")
		for _, e := range whole {
			if len(rest) > 0 && saysAll(e, strings.Fields(rest[0])) {
				rest = rest[1:]
			}
			if c.not != "" && strings.Contains(e, c.not) {
				t.Errorf("%s: %s", name, e)
			}
		}
		if len(rest) > 0 {
			t.Errorf("%s: not told: %s\n%s", name, rest[0], strings.Join(whole, "\n"))
		}
		for i := range turns {
			for cut := 1; cut < len(turns[i].data); cut++ {
				if got := eventsOf(c.protocol, turns, i, cut); !slices.Equal(whole, got) {
					t.Fatalf("%s: turn %d cut at %d: %s", name, i, cut, firstDifference(strings.Join(whole, "\n"), strings.Join(got, "\n")))
				}
			}
		}
	}
}

// saysAll reports whether the summary of an event has all these words in it.
func saysAll(summary string, words []string) bool {
	for _, w := range words {
		if k, v, ok := strings.Cut(w, "="); ok {
			w = k + "=\"" + v + "\""
		}
		if !strings.Contains(summary, " "+w) {
			return false
		}
	}
	return true
}

// eventsOf are the summaries of a session of which the turn nth is cut in two.
func eventsOf(protocol string, turns []turn, nth, cut int) (out []string) {
	s := New(Options{Protocol: protocol})
	keep := func(evs []Event) {
		for i := range evs {
			out = append(out, summary(&evs[i]))
		}
	}
	for i, tn := range turns {
		data := tn.data
		if i == nth {
			keep(s.Feed(Chunk{From: tn.from, Data: data[:cut]}))
			data = data[cut:]
		}
		keep(s.Feed(Chunk{From: tn.from, Data: data}))
	}
	keep(s.Close(time.Time{}))
	return out
}

// TestLargeListingIsFlat protects the memory of a listing of a hundred thousand messages: with nobody keeping the events it
// stays where it was, but for the identifiers that are compared.
func TestLargeListingIsFlat(t *testing.T) {
	const messages = 100_000
	s := New(Options{Protocol: POP3, Passing: true})
	feed := func(from Side, text string) { s.Feed(Chunk{From: from, Data: []byte(text)}) }
	feed(Server, "+OK hi\r\n")
	for verb, most := range map[string]uint64{"LIST": 4 << 20, "UIDL": 1 << 20} {
		var before, after runtime.MemStats
		feed(Client, verb+"\r\n")
		feed(Server, "+OK\r\n")
		runtime.GC()
		runtime.ReadMemStats(&before)
		line := []byte("000000 whqtswO00WBw418f9t5JxYwZ\r\n")
		for i := range messages {
			for p, n := 5, i+1; p >= 0; p, n = p-1, n/10 {
				line[p] = byte('0' + n%10)
				line[len(line)-3-p] = byte('a' + n%10)
			}
			s.Feed(Chunk{From: Server, Data: line})
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := after.HeapAlloc - min(before.HeapAlloc, after.HeapAlloc); grown > most {
			t.Errorf("%s of %d messages: %d octets of memory more", verb, messages, grown)
		}
		if each := (after.TotalAlloc - before.TotalAlloc) / messages; each > 300 {
			t.Errorf("%s: %d octets are allocated for a message", verb, each)
		}
		feed(Server, ".\r\n")
	}
	if n := len(s.legs[0].proto.(*pop3).lints.uids.hashes); n != 0 {
		t.Errorf("%d identifiers are kept behind the listing", n)
	}
}
