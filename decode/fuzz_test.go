package decode

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// fuzzStages are, for each protocol, the dialogues behind which fuzzed octets come: one for each state in which the
// decoder reads differently. (In the manner of script.)
var fuzzStages = map[string][]string{
	SMTP: {
		"",
		"S: 220 mx ESMTP",
		"S: 220 mx ESMTP\nC: EHLO a\nS: 250-mx\nS: 250-STARTTLS\nS: 250 AUTH PLAIN CRAM-MD5",
		"S: 220 mx ESMTP\nC: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS: 250 ok\nC: DATA",
		"S: 220 mx ESMTP\nC: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS: 250 ok\nC: DATA\nS: 354 go",
		"S: 220 mx ESMTP\nC: DATA\nS: 354 go\nC: Content-Type: multipart/mixed; boundary=b\nC: \nC: --b",
		"S: 220 mx ESMTP\nC: MAIL FROM:<a@b>\nC: BDAT 40",
		"S: 220 mx ESMTP\nC: AUTH LOGIN",
		"S: 220 mx ESMTP\nC: AUTH PLAIN\nS: 334 ",
		"S: 220 mx ESMTP\nC: STARTTLS",
		"S: 220 mx ESMTP\nC: STARTTLS\nS: 220 go",
		"C| \\x16\\x03\\x01\\x00\\x05",
	},
	LMTP: {
		"S: 220 mx LMTP\nC: LHLO a\nS: 250 mx",
		"S: 220 mx LMTP\nC: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS: 250 ok\nC: RCPT TO:<e@f>\nS: 250 ok\nC: DATA\nS: 354 go",
		"S: 220 mx LMTP\nC: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS: 250 ok\nC: BDAT 4 LAST\nC| abcd",
	},
	POP3: {
		"",
		"S: +OK hi <1.2@mx>",
		"S: +OK hi\nC: CAPA",
		"S: +OK hi\nC: CAPA\nS: +OK",
		"S: +OK hi\nC: UIDL\nS: +OK\nS: 1 a",
		"S: +OK hi\nC: RETR 1\nS: +OK 20 octets",
		"S: +OK hi\nC: RETR 1\nC: LIST\nC: DELE 1\nS: +OK\nS: Subject: x",
		"S: +OK hi\nC: AUTH CRAM-MD5",
		"S: +OK hi\nC: AUTH PLAIN\nS: + ",
		"S: +OK hi\nC: STLS",
		"S: +OK hi\nC: STLS\nS: +OK go",
	},
	Sieve: {
		"",
		"S: \"IMPLEMENTATION\" \"x\"\nS: OK",
		"S: OK\nC: PUTSCRIPT \"a\" {20+}",
		"S: OK\nC: GETSCRIPT \"a\"\nS: {20}",
		"S: OK\nC: AUTHENTICATE \"SCRAM-SHA-1\"",
		"S: OK\nC: AUTHENTICATE \"PLAIN\" {20+}",
		"S: OK\nC: AUTHENTICATE \"LOGIN\"\nS: \"VXNlcm5hbWU6\"",
		"S: OK\nC: STARTTLS",
		"S: OK\nC: STARTTLS\nS: OK",
	},
	IMAP:   append([]string{"S: * OK hi\nC: a COMPRESS DEFLATE"}, imapStages...),
	Detect: {"", "S| 220 ", "C| EHLO", "S| * ", "S| +", "C: CONNECT mx:25 HTTP/1.1\nS: HTTP/1.1 200 ok", "C| \\x16"},
}

// fuzzSeeds are what either side may say.
var fuzzSeeds = map[string][][2]string{
	SMTP: {
		{"EHLO a\r\nMAIL FROM:<a@b> SIZE=1 BODY=8BITMIME\r\nRCPT TO:<\"a>\"@b> NOTIFY=NEVER\r\nDATA\r\n", "250-a\r\n250 AUTH PLAIN\r\n250 ok\r\n250 ok\r\n354 go\r\n"},
		{"Subject: x\r\n y\r\n\r\n..a\r\n.\r\nQUIT\r\n", "250 2.0.0 ok\r\n221 bye\r\n"},
		{"x\n.\ny\r.\rz\r\n.\r\n", "250 ok\r\n"},
		{"BDAT 3\r\nabcBDAT 0 LAST\r\nBDAT 99999999999\r\n", "250 ok\r\n250 ok\r\n"},
		{"AUTH PLAIN AGFsaWNlAGNhbmFyaQ==\r\nYWxpY2U=\r\n*\r\n", "334 VXNlcm5hbWU6\r\n535 5.7.8 no\r\n"},
		{"STARTTLS\r\nRSET\r\n", "220 go\r\n250 ok\r\n"},
		{"\x16\x03\x01\x00\x02\x01\x00\x15\x03\x03\x00\x02\x02\x28", "\x15\x03\x01\x00\x02\x02\x28"},
	},
	POP3: {
		{"USER a\r\nPASS canari b\r\nAPOP a 0123456789abcdef\r\n", "+OK\r\n-ERR [AUTH] no\r\n+OK\r\n"},
		{"CAPA\r\nUIDL\r\nLIST 1\r\nTOP 1 2\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n+OK\r\n1 a\r\n2 a\r\n.\r\n+OK 1 20\r\n+OK\r\nA: b\r\n\r\n..\r\n.\r\n"},
		{"AUTH PLAIN =\r\nAGFsaWNlAGNhbmFyaQ==\r\n*\r\n", "+ \r\n+OK\r\n"},
		{"STLS\r\nQUIT\r\n", "+OK go\r\n+OK bye\r\n"},
		{"RETR 1\n", "+OK\n.\n\r\n.\r\n"},
	},
	Sieve: {
		{"AUTHENTICATE \"PLAIN\" \"AGFsaWNlAGNhbmFyaQ==\"\r\n{4+}\r\nabcd\r\n\"*\"\r\n", "\"\"\r\nOK (SASL \"cnNwYXV0aA==\")\r\nNO \"x\"\r\n"},
		{"PUTSCRIPT \"a\" {6+}\r\nkeep;\n\r\nHAVESPACE \"a\" 99999999999\r\n", "OK\r\nNO (QUOTA/MAXSIZE) {3}\r\nabc\r\n"},
		{"GETSCRIPT \"a\"\r\nLISTSCRIPTS\r\n", "{5}\r\nkeep;\r\nOK\r\n\"a\" ACTIVE\r\nOK\r\n"},
		{"STARTTLS\r\nLOGOUT\r\n", "OK\r\nBYE (TRYLATER) \"x\"\r\n"},
	},
	IMAP: {
		{"a LOGIN {3+}\r\nbob {6+}\r\ncanari\r\nb SELECT \"x\"\r\n", "a OK [CAPABILITY IMAP4rev1]\r\n* 3 EXISTS\r\nb NO [X {3}\r\n"},
		{"a AUTHENTICATE PLAIN AGEAYg==\r\nDONE\r\n", "+ \r\na OK\r\n* BYE\r\n"},
		{"a APPEND x {3+}\r\nabc\r\na UID FETCH 1 BODY[]\r\n", "* 1 FETCH (BODY[] {5}\r\nA: b\n FLAGS (\\Seen))\r\n"},
		{"a COMPRESS DEFLATE\r\n\x03\x00", "a OK\r\n\x03\x00"},
		{"a LOGIN b\r\ncanari {3}\r\nbob\r\ncanari/8 x {9999+}\r\nb NOOP\r\n", "a NO no\r\n* NO canari {3}\r\n+ go\r\ncanari/8 BAD x\r\n"},
		{"a LOGIN b\r\ncanari{3}\r\nb NOOP\r\n", "a NO no\r\ncanari{3} BAD x\r\nb OK\r\n"},
		{"a STARTTLS\r\n\x16\x03\x01\x00\x00", "a OK\r\n\x15\x03\x03\x00\x02\x01\x00"},
	},
	Detect: {
		{"EHLO a\r\n", "220 mx ESMTP\r\n"}, {"LHLO a\r\n", "220 mx LMTP\r\n"}, {"CAPA\r\n", "+OK\r\n"},
		{"a LOGIN b canari\r\n", "* OK hi\r\n"}, {"CAPABILITY\r\n", "\"IMPLEMENTATION\" \"x\"\r\nOK\r\n"},
		{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 no\r\n"}, {"\x16\x03\x01\x00\x01a", "\x00\xff"},
		{"CONNECT a:25 HTTP/1.1\r\n\r\nEHLO a\r\n", "HTTP/1.1 200 ok\r\n\r\n220 x SMTP\r\n"},
	},
}

func FuzzSMTP(f *testing.F)   { fuzzProtocol(f, SMTP, fuzzSeeds[SMTP]) }
func FuzzLMTP(f *testing.F)   { fuzzProtocol(f, LMTP, fuzzSeeds[SMTP]) }
func FuzzPOP3(f *testing.F)   { fuzzProtocol(f, POP3, fuzzSeeds[POP3]) }
func FuzzIMAP(f *testing.F)   { fuzzProtocol(f, IMAP, fuzzSeeds[IMAP]) }
func FuzzSieve(f *testing.F)  { fuzzProtocol(f, Sieve, fuzzSeeds[Sieve]) }
func FuzzDetect(f *testing.F) { fuzzProtocol(f, Detect, fuzzSeeds[Detect]) }

// fuzzProtocol holds the laws for what both sides say in every state, in any order: stage chooses the dialogue before,
// cut how the octets are cut, and order what comes next (see fuzzChunks).
func fuzzProtocol(f *testing.F, protocol string, seeds [][2]string) {
	stages := fuzzStages[protocol]
	for stage := range stages {
		for i, s := range seeds {
			f.Add(byte(stage), uint16(i), []byte{0x7e, 0x7f, 0x14, 0x15}, []byte(s[0]), []byte(s[1]))
		}
	}
	f.Add(byte(1), uint16(9), []byte{0x10, 0xff, 0x11, 0xfe, 0xfc, 0x21, 0xfd}, []byte(seeds[0][0]), []byte(seeds[0][1]))
	f.Fuzz(func(t *testing.T, stage byte, cut uint16, order, client, server []byte) {
		if len(order) > 64 || len(client)+len(server) > 4096 {
			t.Skip("no more to be found in more of it")
		}
		chunks := fuzzChunks(script(stages[int(stage)%len(stages)]), order, client, server)
		o := Options{Protocol: protocol, Midstream: cut&0x100 != 0}
		o.Implicit[0] = cut&0x600 == 0x600
		checkLaws(t, o, chunks, uint64(cut))
	})
}

// fuzzChunks makes chunks of a dialogue and of what both sides say behind it. An octet of order gives the side by its
// lowest bit and how much of it comes next by the others; the four highest are a gap or the end of a side.
func fuzzChunks(before []turn, order, client, server []byte) (cs []Chunk) {
	add := func(c Chunk) {
		c.Time = time.Unix(int64(len(cs)), 0)
		cs = append(cs, c)
	}
	for _, t := range before {
		add(Chunk{From: t.from, Data: t.data})
	}
	said := [2][]byte{client, server}
	next := func(from Side, n int) {
		n = min(n, len(said[from]))
		if n > 0 {
			add(Chunk{From: from, Data: said[from][:n]})
		}
		said[from] = said[from][n:]
	}
	for _, b := range order {
		switch from := Side(b & 1); {
		case b >= 0xfe:
			add(Chunk{From: from, Lost: 3})
		case b >= 0xfc:
			next(from, len(said[from]))
			add(Chunk{From: from, End: Finished})
		default:
			next(from, int(b>>1))
		}
	}
	next(Client, len(client))
	next(Server, len(server))
	return cs
}

// checkLaws fails the test where the decoder fails, where its events depend on the cut or do not tile the octets, or where
// the masked copy is not decoded the same (see blotted).
func checkLaws(t testing.TB, o Options, chunks []Chunk, seed uint64) {
	t.Helper()
	var masked []Chunk
	with := o
	with.Release = func(c Chunk) {
		c.Data = slices.Clone(c.Data)
		masked = append(masked, c)
	}
	want := decodeChunks(t, with, chunks, nil)
	sameLines(t, "cut at random", want, decodeChunks(t, o, chunks, rand.New(rand.NewPCG(seed, 1))))
	if a, b := sizeOf(chunks), sizeOf(masked); a != b {
		t.Fatalf("%v octets come in, %v are released", a, b)
	}
	got := decodeChunks(t, o, masked, nil)
	if n := blotted(t, want, chunks, masked); n < len(want) {
		want, got = want[:n], got[:min(n, len(got))]
	}
	sameLines(t, "the masked copy", want, got)
}

// blotted gives how many events come before the first octet of a unit of COMPRESS that holds a secret. What is compressed cannot be
// masked at the same length: nothing of that unit may be kept, and what comes behind it cannot be read any more.
func blotted(t testing.TB, events []string, chunks, masked []Chunk) int {
	t.Helper()
	for i, line := range events {
		if !strings.Contains(line, `"kind":"compress.block"`) {
			continue
		}
		var e struct {
			From string
			Span [2]int
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("event %d is no JSON: %v", i, err)
		}
		from := Client
		if e.From == Server.String() {
			from = Server
		}
		unit, copied := streamOf(chunks, from)[e.Span[0]:e.Span[1]], streamOf(masked, from)[e.Span[0]:e.Span[1]]
		if bytes.Equal(unit, copied) {
			continue
		}
		if len(bytes.Trim(copied, "\x00")) > 0 {
			t.Fatalf("of the compressed %x, which hold a secret, %x are released", unit, copied)
		}
		return firstSince(t, events[:i], arrival(chunks, from, e.Span[0]))
	}
	return len(events)
}

// arrival is when octet at of a side came.
func arrival(cs []Chunk, from Side, at int) time.Time {
	for _, c := range cs {
		if c.From != from {
			continue
		}
		if at -= c.Lost + len(c.Data); at < 0 {
			return c.Time
		}
	}
	return time.Time{}
}

// firstSince gives how many events there were before a moment.
func firstSince(t testing.TB, events []string, when time.Time) int {
	t.Helper()
	for i, line := range events {
		var e struct{ Time time.Time }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("event %d is no JSON: %v", i, err)
		}
		if !e.Time.Before(when) {
			return i
		}
	}
	return len(events)
}

// streamOf gives the octets of a side, zeros where they are lost.
func streamOf(cs []Chunk, from Side) (b []byte) {
	for _, c := range cs {
		if c.From == from {
			b = append(append(b, make([]byte, c.Lost)...), c.Data...)
		}
	}
	return b
}

func sizeOf(cs []Chunk) (n [2]int) {
	for _, c := range cs {
		n[c.From] += len(c.Data) + c.Lost
	}
	return n
}

func sameLines(t testing.TB, how string, want, got []string) {
	t.Helper()
	if !slices.Equal(want, got) {
		t.Fatalf("%s: %s", how, firstDifference(strings.Join(want, "\n"), strings.Join(got, "\n")))
	}
}

// decodeChunks gives the events as JSON, the data cut at random if r is set. It checks that they tile, and that none tells
// of a fault of the decoder's own.
func decodeChunks(t testing.TB, o Options, chunks []Chunk, r *rand.Rand) (out []string) {
	t.Helper()
	s := New(o)
	var at [2][3]int64
	var wire [2]int64
	keep := func(evs []Event) {
		for i := range evs {
			e := &evs[i]
			if e.Field("what") == "decoder_fault" {
				t.Fatalf("the decoder failed: %s", e.Field("detail"))
			}
			if out = append(out, string(AppendJSON(nil, 1, e))); e.Span.Len() == 0 {
				continue // where something happened; what lies before it may not be told yet
			}
			if e.Span.From != at[e.From][e.Layer] || e.Span.To < e.Span.From {
				t.Fatalf("event %d %s of %s on %s: %v, but the one before ended at %d", e.Seq, e.Kind, e.From, e.Layer, e.Span, at[e.From][e.Layer])
			}
			at[e.From][e.Layer] = e.Span.To
		}
	}
	for _, c := range chunks {
		wire[c.From] += int64(len(c.Data) + c.Lost)
		data := c.Data
		for r != nil && len(data) > 1 {
			n := 1 + r.IntN(min(len(data)-1, 20))
			part := Chunk{Time: c.Time, From: c.From, Lost: c.Lost, Data: bytes.Clone(data[:n])}
			keep(s.Feed(part))
			for i := range part.Data {
				part.Data[i] = 0xEE // nothing may be kept of it
			}
			c.Lost, data = 0, data[n:]
		}
		c.Data = data
		keep(s.Feed(c))
	}
	keep(s.Close(time.Unix(1000, 0)))
	for side, n := range wire {
		if at[side][Wire] != n {
			t.Fatalf("events on the wire of %s end at %d of %d octets", Side(side), at[side][Wire], n)
		}
	}
	return out
}
