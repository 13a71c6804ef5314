package replay

import (
	"strings"
	"testing"

	"facteur/decode"
)

// roles are two connections of one client: the first lists the folders, the second works in the mailbox and stores what
// was sent.
var roles = []string{`
S: * OK ready
C: a1 LOGIN alice ****
S: a1 OK
C: a2 NAMESPACE
S: * NAMESPACE (("" "/")) NIL NIL
S: a2 OK
C: a3 list (subscribed) "" "*" return (special-use)
S: * LIST (\Subscribed) "/" INBOX
S: * LIST (\Subscribed \Sent) "/" "Sent Mail"
S: * LIST (\Subscribed) "/" Lists/Go
S: a3 OK
C: a4 SELECT "Sent Mail"
S: * 1 EXISTS
S: * OK [UIDVALIDITY 5] ok
S: * OK [UIDNEXT 2] ok
S: a4 OK
C: a5 APPEND "Sent Mail" (\Seen) {14+}
C: Subject: y
C: 
C: 
S: * 2 EXISTS
S: a5 OK [APPENDUID 5 2] done
C: a6 UID FETCH 2:* (FLAGS)
S: * 2 FETCH (UID 2 FLAGS (\Seen))
S: a6 OK
C: a7 LOGOUT
S: * BYE
S: a7 OK
`, `
S: * OK ready
C: b1 LOGIN alice ****
S: b1 OK
C: b2 SELECT INBOX
S: * 2 EXISTS
S: * 0 RECENT
S: * OK [UIDVALIDITY 9] ok
S: * OK [UIDNEXT 30] ok
S: b2 OK [READ-WRITE]
C: b3 UID FETCH 1:* (FLAGS)
S: * 1 FETCH (UID 7 FLAGS (\Seen))
S: * 2 FETCH (UID 29 FLAGS ())
S: b3 OK
C: b4 UID FETCH 7,29 (UID RFC822.SIZE BODY.PEEK[])
S: * 1 FETCH (UID 7 RFC822.SIZE 32 BODY[] {32}
S: Subject: x
S: To: a
S:  b
S: 
S: Hello
S: )
S: * 2 FETCH (UID 29 RFC822.SIZE 4 BODY[] {4}
S: 
S: 
S: )
S: b4 OK
C: b5 UID STORE 7 +FLAGS (\Deleted)
S: b5 OK
C: b6 UID STORE 29 +FLAGS (\Seen)
S: b6 OK
C: b7 UID MOVE 7 Lists/Go
S: * 1 EXPUNGE
S: b7 OK
C: b8 LOGOUT
S: * BYE
S: b8 OK
`}

// A client that divides its work among its connections otherwise than the recorded one gets all of it: mailboxes opened
// in another session, folders listed in another form, messages stored by one connection and seen by the other, and what
// can be told of a mailbox from what the recording knows of it.
func TestServeOtherRoles(t *testing.T) {
	var all []*Dialogue
	for i, lines := range roles {
		d := talked(t, decode.IMAP, lines)
		d.Session = i + 1
		all = append(all, d)
	}
	const in = "S: * OK\nC: x1 LOGIN alice other\nS: x1 OK\n"
	for name, said := range map[string]string{
		"the first connection opens the mailbox": `
C: x2 SELECT inbox
S: * 2 EXISTS
S: * 0 RECENT
S: * OK [UIDVALIDITY 9]
S: * OK [UIDNEXT 30]
S: x2 OK
C: x3 UID STORE 29 +FLAGS (\Seen)
S: x3 OK
C: x4 UID STORE 7 +FLAGS \Deleted
S: x4 OK
C: x5 UID STORE 7 +FLAGS \Deleted
S: x5 NO facteur replay: the recording has "UID MOVE
C: x6 APPEND "Sent Mail" (\Seen) {2+}
C: 
C: 
S: x6 OK [APPENDUID
C: x7 APPEND "Sent Mail" (\Seen) {2+}
C: 
C: 
S: x7 NO
C: x8 UID MOVE 7 Lists/Go
S: * 1 EXPUNGE
S: x8 OK`,
		"folders in other forms": `
C: x2 LIST "" ""
S: * LIST (\Noselect) "/" ""
S: x2 OK
C: x3 LSUB "" %
S: * LSUB (\Subscribed) "/" INBOX
S: * LSUB (\Subscribed \Sent) "/" "Sent Mail"
S: x3 OK
C: x4 LIST (SUBSCRIBED) Lists/ *
S: * LIST (\Subscribed) "/" Lists/Go
S: x4 OK
C: x5 LIST "" inbox
S: * LIST (\Subscribed) "/" INBOX
S: x5 OK
C: x6 LIST (SUBSCRIBED) "" "*" RETURN (STATUS (MESSAGES))
S: x6 NO`,
		"a mailbox as it was opened": `
C: x2 STATUS INBOX (UIDNEXT MESSAGES UNSEEN RECENT)
S: * STATUS "INBOX" (MESSAGES 2 RECENT 0 UIDNEXT 30 UNSEEN 1)
S: x2 OK
C: x3 STATUS Elsewhere (MESSAGES)
S: x3 NO
C: x4 STATUS INBOX (HIGHESTMODSEQ)
S: x4 NO`,
		"messages": `
C: x2 SELECT INBOX
S: * 2 EXISTS
S: * 0 RECENT
S: * OK [UIDVALIDITY 9]
S: * OK [UIDNEXT 30]
S: x2 OK
C: x3 UID SEARCH UNSEEN
S: * SEARCH 29
S: x3 OK
C: x4 SEARCH ALL
S: * SEARCH 1 2
S: x4 OK
C: x5 SEARCH SUBJECT x
S: x5 NO
C: x6 FETCH 2:* (UID FLAGS)
S: * 2 FETCH (UID 29 FLAGS ())
S: x6 OK
C: x7 UID FETCH 30:* (UID RFC822.SIZE)
S: * 2 FETCH (UID 29 RFC822.SIZE 4)
S: x7 OK
C: x8 FETCH 1 (BODY.PEEK[HEADER.FIELDS (DATE "to")] BODY.PEEK[HEADER.FIELDS.NOT (TO)])
S: * 1 FETCH (BODY[HEADER.FIELDS.NOT (TO)] {14}
S: Subject: x
S: 
S:  BODY[HEADER.FIELDS (DATE "TO")] {13}
S: To: a
S:  b
S: 
S: )
S: x8 OK
C: x9 FETCH 1:* (INTERNALDATE)
S: x9 NO
C: y2 FETCH 2 RFC822.HEADER
S: * 2 FETCH (RFC822.HEADER {4}
S: 
S: 
S: )
S: y2 OK
C: y3 ENABLE UTF8=ACCEPT
S: * ENABLED
S: y3 OK
C: y1 IDLE
S: + idling
C: DONE
S: y1 OK`,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, all)
			converse(t, s.Doors()[0].Addr, in+strings.TrimSpace(said))
		})
	}
}

// What one connection stored, the other one that has the mailbox open is told of; and it is told of nothing else.
func TestServeStoredElsewhere(t *testing.T) {
	d := talked(t, decode.IMAP, roles[0])
	s := serve(t, []*Dialogue{d})
	const open = `S: * OK
C: x1 LOGIN alice other
S: x1 OK
C: x2 SELECT "Sent Mail"
S: * 1 EXISTS
S: * OK [UIDVALIDITY 5]
S: * OK [UIDNEXT 2]
S: x2 OK
C: x3 NOOP
`
	converse(t, s.Doors()[0].Addr, open+`S: x3 OK`)
	converse(t, s.Doors()[0].Addr, `
S: * OK
C: x1 LOGIN alice other
S: x1 OK
C: x2 APPEND "Sent Mail" (\Seen) {2+}
C: 
C: 
S: x2 OK`)
	converse(t, s.Doors()[0].Addr, open+`S: * 2 EXISTS
S: x3 OK
C: x4 NOOP
S: x4 OK
C: x5 UID FETCH 2:* (FLAGS)
S: * 2 FETCH (UID 2 FLAGS (\Seen))
S: x5 OK
C: x6 UID FETCH 2 (BODY.PEEK[])
S: * 2 FETCH (UID 2 BODY[] {14}
S: Subject: y`)
}

// Before a client has logged in, nothing is answered out of other sessions.
func TestServeElsewhereAfterLogIn(t *testing.T) {
	s := serve(t, []*Dialogue{talked(t, decode.IMAP, roles[1])})
	converse(t, s.Doors()[0].Addr, `
S: * OK
C: x1 SELECT INBOX
S: x1 NO
C: x2 IDLE
S: x2 BAD
C: x3 STATUS INBOX (MESSAGES)
S: x3 NO`)
}

// The patterns of LIST: RFC 9051 §6.3.9.
func TestListPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a/b", true}, {"%", "a/b", false}, {"%", "a", true}, {"a/%", "a/b", true}, {"a/%", "a/b/c", false}, {"a/*", "a/b/c", true},
		{"%/%", "a/b", true}, {"inbox", "INBOX", true}, {"a*c", "abc", true}, {"a*c", "abcd", false}, {"", "", true}, {"", "a", false}, {"A", "a", false},
	} {
		if got := matches(c.pattern, c.name, "/"); got != c.want {
			t.Errorf("%q fits %q: %v", c.name, c.pattern, got)
		}
	}
}
