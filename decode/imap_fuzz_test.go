package decode

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// imapStages are the states in which the fuzzed octets come, as the dialogue that leads there.
var imapStages = []string{
	"",
	"S: * OK hi",
	"S: * OK hi\nC: a SELECT INBOX\nS: a OK\nC: b FETCH 1:* (FLAGS BODY[])",
	"S: * OK hi\nC: a APPEND INBOX {10}",
	"S: * OK hi\nC: a LOGIN {5}",
	"S: * OK hi\nC: a AUTHENTICATE LOGIN",
	"S: * OK hi\nC: a AUTHENTICATE PLAIN\nS: + ",
	"S: * OK hi\nC: a IDLE\nS: + idling",
	"S: * OK hi\nC: a STARTTLS",
	"S: * OK hi\nC: a STARTTLS\nS: a OK go",
	"S: * OK hi\nC: a COMPRESS DEFLATE\nS: a OK go",
	"S: * 1 FETCH (BODY[] {300}",
	"S: * 1 FETCH (BODY[HEADER] {20}\nS| Subject: x",
}

// fuzzIMAP holds the laws for octets of one side in every state, the other side answering in between.
func fuzzIMAP(f *testing.F, side Side, seeds ...string) {
	for stage := range imapStages {
		for i, seed := range seeds {
			f.Add(byte(stage), byte(i+1), []byte(seed), []byte("a OK\r\n"))
		}
	}
	f.Fuzz(func(t *testing.T, stage, step byte, data, other []byte) {
		turns := script(imapStages[int(stage)%len(imapStages)])
		half := len(data) / 2
		turns = append(turns, turn{side, data[:half]}, turn{side.Other(), other}, turn{side, data[half:]})
		holdLaws(t, turns, int(step)+1)
	})
}

// holdLaws fails the test where the events depend on the cut, do not tile, or tell of a fault of the decoder.
func holdLaws(t testing.TB, turns []turn, step int) {
	o := Options{Protocol: IMAP}
	want := play(o, turns, uncut)
	for _, e := range want {
		if strings.Contains(e, "decoder_fault") {
			t.Fatalf("the decoder failed: %s", e)
		}
	}
	got := play(o, turns, every(step))
	if a, b := strings.Join(want, "\n"), strings.Join(got, "\n"); a != b {
		t.Fatalf("cut every %d:\n%s", step, firstDifference(a, b))
	}
	tiles(t, "uncut", New(o), turns, uncut)
}

func FuzzIMAPClient(f *testing.F) {
	fuzzIMAP(f, Client, "b NOOP\r\n", "b APPEND x {3+}\r\nabc\r\n", "DONE\r\n", "AGEAYg==\r\n", "b LOGIN {1}\r\na \"b\"\r\n", "*\r\n",
		"b UID SEARCH RETURN () CHARSET {3+}\r\nx y NOT {2+}\r\nzz\r\n", "\x16\x03\x01\x00\x05", "0123456789\r\n")
}

func FuzzIMAPServer(f *testing.F) {
	fuzzIMAP(f, Server, "a OK [CAPABILITY IMAP4rev1] x\r\n", "+ go\r\n", "* 1 FETCH (FLAGS (\\Seen) BODY[1]<0> {2}\r\nab UID 1)\r\n",
		"* 2 FETCH (ENVELOPE (NIL \"x\" ((NIL NIL \"a\" \"b\")) NIL) BODYSTRUCTURE ((\"a\" \"b\" NIL) \"mixed\"))\r\n",
		"* LIST (\\x) \"/\" {3}\r\na&b\r\n", "* ESEARCH (TAG \"a\") UID ALL 1:3\r\n", "a NO [X {3}\r\n", "* BYE\r\n", "\x16\x03\x03\x00\x01a")
}

// TestIMAPGenerated protects decode∘encode: sessions made by the grammar, in which every command's arguments are written
// as atoms, quoted strings or literals by chance, decode to the values they were made from.
func TestIMAPGenerated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		turns := script("S: * OK hi")
		var want []string
		n := rapid.IntRange(1, 6).Draw(t, "commands")
		for i := range n {
			tag := rapid.SampledFrom([]string{".", "a", fmt.Sprintf("t%d", i)}).Draw(t, "tag")
			var line []turn
			var parts []string
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				user, password := imapString(t, "user"), imapString(t, "password")
				line = imapCommandTurns(t, tag+" LOGIN", user, password)
				parts = []string{"name=LOGIN", "user=" + user, "password=" + password}
			case 1:
				box := imapString(t, "mailbox")
				line = imapCommandTurns(t, tag+" SELECT", box)
				parts = []string{"name=SELECT", "mailbox=" + box}
			case 2:
				box, next := imapString(t, "mailbox"), imapString(t, "next")
				line = imapCommandTurns(t, tag+" RENAME", box, next)
				parts = []string{"name=RENAME", "mailbox=" + box, "new_mailbox=" + next}
			default:
				body := rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "message")
				line = []turn{{Client, []byte(fmt.Sprintf("%s APPEND INBOX {%d+}\r\n%s\r\n", tag, len(body), body))}}
				parts = []string{"name=APPEND", "mailbox=INBOX", fmt.Sprintf("octets=%d", len(body))}
			}
			turns = append(turns, line...)
			want = append(want, "tag="+tag+" "+strings.Join(parts, " "))
			turns = append(turns, turn{Server, []byte(tag + " OK done\r\n")})
		}
		s := New(Options{Protocol: IMAP, ShowSecrets: true})
		var got []string
		answered := 0
		for _, tn := range turns {
			for _, part := range every(rapid.IntRange(1, 40).Draw(t, "cut"))(tn.data) {
				evs := s.Feed(Chunk{From: tn.from, Data: part})
				for i := range evs {
					switch e := &evs[i]; {
					case e.Kind == "imap.command":
						got = append(got, imapShort(e))
					case e.Kind == "imap.response" && e.Re != 0 && e.Field("tag") != "+":
						answered++
					}
				}
			}
		}
		if a, b := strings.Join(want, "\n"), strings.Join(got, "\n"); a != b {
			t.Fatalf("%s", firstDifference(a, b))
		}
		if answered != n {
			t.Fatalf("%d of %d responses belong to a command", answered, n)
		}
	})
}

// imapString is a text that a mailbox or a user may have as its name.
func imapString(t *rapid.T, what string) string {
	return rapid.StringMatching(`[a-zA-Z0-9 (){}"\\%*.é+]{1,12}`).Draw(t, what)
}

// imapCommandTurns writes a command, each argument as it chooses; a synchronising literal gets its go-ahead.
func imapCommandTurns(t *rapid.T, head string, args ...string) (turns []turn) {
	line := head
	for _, a := range args {
		switch form := rapid.IntRange(0, 3).Draw(t, "form"); {
		case form == 0 && !strings.ContainsAny(a, "(){}\"\\%* é"):
			line += " " + a
		case form <= 1:
			line += ` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a) + `"`
		case form == 2:
			line += fmt.Sprintf(" {%d+}\r\n%s", len(a), a)
		default:
			line += fmt.Sprintf(" {%d}\r\n", len(a))
			turns = append(turns, turn{Client, []byte(line)}, turn{Server, []byte("+ go\r\n")})
			line = a
		}
	}
	return append(turns, turn{Client, []byte(line + "\r\n")})
}

func imapShort(e *Event) string {
	var parts []string
	for _, f := range e.Fields {
		switch f.Name {
		case "tag", "name", "user", "password", "mailbox", "new_mailbox", "octets":
			parts = append(parts, f.Name+"="+f.Value)
		}
	}
	return strings.Join(parts, " ")
}
