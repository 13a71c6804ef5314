package decode_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"facteur/decode"
	"facteur/internal/notes"
)

// extensions are dialogues in which each extension is used, and what must be told of it: "kind name=value" for a field of
// an event, "note id" for an explanation that the catalogue has for itself. A line "| " goes on with the octets of the
// line before; \n in it is CRLF.
var extensions = []struct{ name, protocol, said, want string }{
	{"LITERAL-", decode.IMAP, "C: a LOGIN {3-}", ""},
	{"LITERAL+", decode.IMAP, "C: a SELECT {5+}\nC: INBOX", "imap.command mailbox=INBOX"},
	{"capabilities", decode.IMAP, "C: a CAPABILITY\nS: * CAPABILITY IMAP4rev2 LITERAL- UIDONLY JMAPACCESS INPROGRESS PARTIAL REPLACE SAVEDATE PREVIEW OBJECTID METADATA ACL QUOTA THREAD=REFERENCES SORT ESEARCH QRESYNC CONDSTORE NOTIFY CATENATE URLAUTH MULTIAPPEND WITHIN SEARCHRES UTF8=ACCEPT BINARY UIDPLUS MOVE",
		"note imap.capability.LITERAL-\nnote imap.capability.UIDONLY\nnote imap.capability.JMAPACCESS\nnote imap.capability.INPROGRESS\nnote imap.capability.PARTIAL\nnote imap.capability.REPLACE\nnote imap.capability.SAVEDATE\nnote imap.capability.PREVIEW\nnote imap.capability.OBJECTID\nnote imap.capability.METADATA\nnote imap.capability.ACL\nnote imap.capability.QUOTA\nnote imap.capability.THREAD.REFERENCES\nnote imap.capability.SORT\nnote imap.capability.ESEARCH\nnote imap.capability.QRESYNC\nnote imap.capability.NOTIFY\nnote imap.capability.CATENATE\nnote imap.capability.URLAUTH\nnote imap.capability.SEARCHRES\nnote imap.capability.WITHIN"},
	{"CATENATE", decode.IMAP, `C: a APPEND Drafts (\Seen) CATENATE (URL "/Sent/;UID=1" TEXT {5+}` + "\nC: hello)\nS: a NO [BADURL \"/Sent/;UID=1\"] no",
		`imap.data.begin what=TEXT` + "\n" + `imap.response url="/Sent/;UID=1"` + "\nnote imap.code.BADURL\nnote imap.command.APPEND"},
	{"MULTIAPPEND", decode.IMAP, "C: a APPEND x {3+}\nC| abc {3+}\\r\\ndef\\r\\nS: a OK", "imap.data.begin what=message\nimap.data.begin octets=3"},
	{"URLAUTH", decode.IMAP, "C: a GENURLAUTH \"imap://joe@x/INBOX/;uid=20;urlauth=anonymous\" INTERNAL\nS: * GENURLAUTH \"imap://joe@x/INBOX/;uid=20;urlauth=anonymous:internal:91354a473744909de610943775f92038\"\nS: a OK\nC: b URLFETCH \"imap://joe@x/INBOX/;uid=20\"\nS: * URLFETCH \"imap://joe@x/INBOX/;uid=20\" NIL\nC: c RESETKEY INBOX INTERNAL",
		"note imap.command.GENURLAUTH\nnote imap.response.GENURLAUTH\nnote imap.command.URLFETCH\nnote imap.response.URLFETCH\nnote imap.command.RESETKEY\nimap.command mailbox=INBOX\nimap.response url=imap://joe@x/INBOX/;uid=20"},
	{"NOTIFY", decode.IMAP, "C: a NOTIFY SET STATUS (selected MessageNew (UID) MessageExpunge) (personal MessageNew)\nS: * STATUS x (MESSAGES 1)\nS: a NO [BADEVENT (MessageNew)] no\nS: * OK [NOTIFICATIONOVERFLOW] much",
		"note imap.command.NOTIFY\nimap.command action=SET\nimap.command events=STATUS (selected MessageNew (UID) MessageExpunge) (personal MessageNew)\nimap.response messages=1\nnote imap.code.BADEVENT\nnote imap.code.NOTIFICATIONOVERFLOW"},
	{"UIDONLY", decode.IMAP, "C: a ENABLE UIDONLY\nS: * ENABLED UIDONLY\nS: a OK\nC: b UID FETCH 1 FLAGS\nS: * 25996 UIDFETCH (FLAGS (\\Seen))\nS: * VANISHED 405,407\nS: b OK\nC: c FETCH 1 FLAGS\nS: c BAD [UIDREQUIRED] no",
		"note imap.response.UIDFETCH\nimap.response number=25996\nimap.response set=405,407\nnote imap.response.VANISHED\nnote imap.code.UIDREQUIRED\nimap.command capabilities=UIDONLY"},
	{"JMAPACCESS", decode.IMAP, "C: a GETJMAPACCESS\nS: * JMAPACCESS \"https://example.com/.s/jmap\"\nS: a OK", "note imap.command.GETJMAPACCESS\nnote imap.response.JMAPACCESS\nimap.response url=https://example.com/.s/jmap"},
	{"INPROGRESS", decode.IMAP, "C: a SEARCH TEXT x\nS: * OK [INPROGRESS (\"a\" 1400 1000000)] still", "note imap.code.INPROGRESS\nimap.response progress=\"a\" 1400 1000000"},
	{"PARTIAL", decode.IMAP, "C: a UID SEARCH RETURN (PARTIAL 1:500) UNDELETED\nS: * ESEARCH (TAG \"a\") UID PARTIAL (1:500 20,22)\nS: a OK\nC: b UID FETCH 1:* FLAGS (PARTIAL -1:-30)",
		"imap.command return=PARTIAL 1:500\nimap.response partial=1:500 20,22\nimap.command modifiers=PARTIAL -1:-30\nnote imap.command.UID.SEARCH\nnote imap.response.ESEARCH"},
	{"REPLACE", decode.IMAP, "C: a UID REPLACE 2000 Drafts (\\Draft) {4+}\nC: abcd\nS: * OK [APPENDUID 1 2001] new\nS: * 5 EXPUNGE\nS: a OK", "imap.command set=2000\nimap.command mailbox=Drafts\nimap.response appenduid=1 2001\nnote imap.command.UID.REPLACE\nnote imap.code.APPENDUID"},
	{"SAVEDATE PREVIEW OBJECTID", decode.IMAP, "C: a FETCH 1 (SAVEDATE PREVIEW (LAZY) EMAILID THREADID)\nS: * 1 FETCH (SAVEDATE \"01-Jan-2015 10:00:00 +0000\" PREVIEW \"hi\" EMAILID (M1) THREADID (T1))\nS: a OK\nC: b STATUS x (MAILBOXID)\nS: * STATUS x (MAILBOXID (F2))\nS: b OK\nC: c CREATE y\nS: c OK [MAILBOXID (F3)] ok",
		"imap.response savedate=01-Jan-2015 10:00:00 +0000\nimap.response preview=hi\nimap.response emailid=M1\nimap.response threadid=T1\nimap.response mailboxid=F2\nimap.response mailboxid=F3\nnote imap.item.SAVEDATE\nnote imap.item.PREVIEW\nnote imap.item.EMAILID\nnote imap.item.THREADID\nnote imap.item.MAILBOXID\nnote imap.code.MAILBOXID"},
	{"METADATA", decode.IMAP, "C: a GETMETADATA (MAXSIZE 1024) INBOX (/shared/comment)\nS: * METADATA INBOX (/shared/comment \"x\")\nS: a OK [METADATA LONGENTRIES 2199]\nC: b SETMETADATA INBOX (/private/comment \"y\")",
		"imap.command options=MAXSIZE 1024\nimap.command mailbox=INBOX\nimap.response entries=(/shared/comment \"x\")\nimap.response metadata=LONGENTRIES 2199\nnote imap.code.METADATA\nnote imap.response.METADATA\nimap.command entries=(/private/comment \"y\")\nnote imap.command.SETMETADATA"},
	{"ACL", decode.IMAP, "C: a SETACL INBOX fred +lrs\nS: a OK\nC: b GETACL INBOX\nS: * ACL INBOX fred lrs\nS: b OK\nC: c LISTRIGHTS INBOX smith\nS: * LISTRIGHTS INBOX smith la r swicdkxte\nS: c OK\nC: d MYRIGHTS INBOX\nS: * MYRIGHTS INBOX rwipslda\nC: e DELETEACL INBOX fred",
		"imap.command identifier=fred\nimap.command rights=+lrs\nimap.response rights=fred lrs\nimap.response required=la\nimap.response rights=rwipslda\nnote imap.command.SETACL\nnote imap.response.ACL\nnote imap.response.LISTRIGHTS\nnote imap.response.MYRIGHTS\nnote imap.command.DELETEACL"},
	{"QUOTA", decode.IMAP, "C: a GETQUOTAROOT INBOX\nS: * QUOTAROOT INBOX \"\"\nS: * QUOTA \"\" (STORAGE 10 512)\nS: a OK\nC: b SETQUOTA \"\" (STORAGE 512)\nS: b NO [OVERQUOTA] no",
		"imap.response resources=STORAGE 10 512\nimap.command limits=STORAGE 512\nnote imap.response.QUOTA\nnote imap.response.QUOTAROOT\nnote imap.code.OVERQUOTA\nnote imap.command.SETQUOTA"},
	{"THREAD SORT", decode.IMAP, "C: a THREAD REFERENCES UTF-8 SINCE 5-MAR-2000\nS: * THREAD (166)(167)(168)((169)(172))\nS: a OK\nC: b SORT (REVERSE DATE) UTF-8 ALL\nS: * SORT 5 3 4",
		"imap.command algorithm=REFERENCES\nimap.response threads=(166)(167)(168)((169)(172))\nimap.command sort=REVERSE DATE\nimap.response found=5 3 4\nnote imap.command.THREAD\nnote imap.response.THREAD\nnote imap.response.SORT"},
	{"ESEARCH SEARCHRES WITHIN", decode.IMAP, "C: a SEARCH RETURN (SAVE MIN COUNT) YOUNGER 3600\nS: * ESEARCH (TAG \"a\") MIN 2 COUNT 17\nS: a OK\nC: b FETCH $ FLAGS\nS: b NO [NOTSAVED] no",
		"imap.command return=SAVE MIN COUNT\nimap.command criteria=YOUNGER 3600\nimap.response min=2\nimap.response count=17\nimap.command set=$\nnote imap.code.NOTSAVED"},
	{"QRESYNC", decode.IMAP, "C: a SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211))\nS: * VANISHED (EARLIER) 41,43:116\nS: * 49 FETCH (UID 117 FLAGS (\\Seen) MODSEQ (90060115194045001))\nS: * OK [HIGHESTMODSEQ 90060115205545359] x\nS: * OK [CLOSED] y\nS: a OK\nC: b STORE 1 (UNCHANGEDSINCE 12) +FLAGS.SILENT (\\Deleted)\nS: b OK [MODIFIED 7,9] no",
		"imap.command parameters=(QRESYNC (67890007 20050715194045000 41,43:211))\nimap.response earlier=EARLIER\nimap.response set=41,43:116\nimap.response modseq=90060115194045001\nimap.response highestmodseq=90060115205545359\nimap.command modifiers=UNCHANGEDSINCE 12\nimap.command action=+FLAGS.SILENT\nimap.response modified=7,9\nnote imap.response.VANISHED\nnote imap.code.CLOSED\nnote imap.code.MODIFIED\nnote imap.item.MODSEQ"},
	{"BINARY", decode.IMAP, "C: a FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1])\nS: * 1 FETCH (BINARY.SIZE[1] 4 BINARY[1] ~{4}\nS: abcd)\nS: a NO [UNKNOWN-CTE] no", "imap.data.begin what=BINARY[1]\nnote imap.code.UNKNOWN-CTE\nnote imap.item.BINARY.SIZE\nnote imap.item.BINARY.PEEK"},
	{"others", decode.IMAP, "C: a LIST (SUBSCRIBED) \"\" * RETURN (STATUS (MESSAGES) SPECIAL-USE)\nS: * LIST (\\Subscribed \\Junk) \"/\" Spam (CHILDINFO (\"SUBSCRIBED\"))\nS: a OK\nC: b NAMESPACE\nS: * NAMESPACE ((\"\" \"/\")) NIL NIL\nS: b OK\nC: c ID (\"name\" \"x\")\nS: * ID (\"name\" \"y\")\nC: d UNSELECT\nC: e MOVE 1 Trash\nS: * OK [COPYUID 1 1 2] z\nC: f UNAUTHENTICATE\nC: g LANGUAGE fr\nC: h COMPARATOR i;octet",
		"imap.command selection=SUBSCRIBED\nimap.response extended=CHILDINFO (\"SUBSCRIBED\")\nnote imap.response.NAMESPACE\nimap.response id_name=y\nnote imap.command.UNSELECT\nnote imap.command.MOVE\nimap.response copyuid=1 1 2\nnote imap.command.UNAUTHENTICATE\nnote imap.command.LANGUAGE\nnote imap.command.COMPARATOR\nnote imap.flag.\\Junk"},

	{"XCLIENT XFORWARD", decode.SMTP, "C: XCLIENT NAME=spike.example ADDR=192.0.2.1 LOGIN=bob\nS: 220 mx\nC: XFORWARD NAME=a ADDR=192.0.2.2 PROTO=ESMTP HELO=b", "smtp.command verb=XCLIENT\nsmtp.command name=spike.example\nsmtp.command addr=192.0.2.1\nsmtp.command login=bob\nsmtp.command helo=b\nnote smtp.command.XCLIENT\nnote smtp.command.XFORWARD"},
	{"ETRN TURN BURL", decode.SMTP, "C: ETRN @example.com\nS: 250 2.0.0 queuing\nC: TURN\nS: 502 no\nC: ATRN example.org\nS: 453 none\nC: BURL imap://harry@g/INBOX;uid=5;urlauth=submit+harry:internal:91354a LAST\nS: 250 ok",
		"smtp.command verb=ETRN\nsmtp.command node=@example.com\nsmtp.command verb=TURN\nsmtp.command node=example.org\nsmtp.command last=LAST\nnote smtp.command.ETRN\nnote smtp.command.TURN\nnote smtp.command.ATRN\nnote smtp.command.BURL"},
	{"parameters", decode.SMTP, "C: MAIL FROM:<a@x> BY=120;R HOLDFOR=86400 MT-PRIORITY=3 REQUIRETLS SMTPUTF8 BODY=BINARYMIME RET=HDRS ENVID=q AUTH=<>\nS: 250 ok\nC: RCPT TO:<b@x> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@x RRVS=2014-04-03T23:01:00Z;C\nS: 250 ok\nC: MAIL FROM:<a@x> HOLDUNTIL=2026-11-23T00:00:00Z",
		"smtp.command by=120;R\nsmtp.command holdfor=86400\nsmtp.command mt-priority=3\nsmtp.command rrvs=2014-04-03T23:01:00Z;C\nsmtp.command holduntil=2026-11-23T00:00:00Z\nsmtp.command envid=q\nsmtp.command orcpt=rfc822;b@x\nnote smtp.parameter.BY\nnote smtp.parameter.HOLDFOR\nnote smtp.parameter.HOLDUNTIL\nnote smtp.parameter.MT-PRIORITY\nnote smtp.parameter.RRVS\nnote smtp.parameter.REQUIRETLS\nnote smtp.parameter.SMTPUTF8\nnote smtp.parameter.NOTIFY\nnote smtp.parameter.ORCPT\nnote smtp.parameter.RET\nnote smtp.parameter.ENVID"},
	{"capabilities", decode.SMTP, "C: EHLO a\nS: 250-mx\nS: 250-DELIVERBY 120\nS: 250-FUTURERELEASE 1000 2026-01-01T00:00:00Z\nS: 250-MT-PRIORITY STANAG4406\nS: 250-RRVS\nS: 250-XCLIENT NAME\nS: 250-XFORWARD NAME\nS: 250-BURL imap\nS: 250-REQUIRETLS\nS: 250-LIMITS RCPTMAX=20\nS: 250 CHUNKING",
		"note smtp.capability.DELIVERBY\nnote smtp.capability.FUTURERELEASE\nnote smtp.capability.MT-PRIORITY\nnote smtp.capability.RRVS\nnote smtp.capability.XCLIENT\nnote smtp.capability.XFORWARD\nnote smtp.capability.BURL\nnote smtp.capability.REQUIRETLS\nnote smtp.capability.LIMITS\nnote smtp.capability.CHUNKING"},
	{"LMTP", decode.LMTP, "C: LHLO a\nS: 250 mx\nC: MAIL FROM:<a@x>\nS: 250 ok\nC: RCPT TO:<b@x>\nS: 250 ok\nC: DATA\nS: 354 go\nC: .\nS: 250 2.1.5 b", "lmtp.command domain=a\nlmtp.reply enhanced=2.1.5\nnote lmtp.command.LHLO"},

	{"LANG UTF8 APOP", decode.POP3, "C: APOP bob c4c9334bac560ecc979e58001b3e22fb\nS: +OK in\nC: LANG fr\nS: +OK fr Bonjour\nC: LANG\nS: +OK\nS: en English\nS: .\nC: UTF8\nS: -ERR [UTF8] no\nC: LANG MUL",
		"pop3.command user=bob\npop3.command language=fr\npop3.response language=fr\npop3.item name=en\npop3.response code=UTF8\nnote pop3.command.APOP\nnote pop3.command.LANG\nnote pop3.command.UTF8\nnote pop3.code.UTF8\nnote pop3.item.LANG"},
	{"codes", decode.POP3, "C: PASS x\nS: -ERR [IN-USE] no\nC: PASS x\nS: -ERR [LOGIN-DELAY] no\nC: PASS x\nS: -ERR [SYS/TEMP] no\nC: PASS x\nS: -ERR [AUTH] no\nC: STLS\nS: -ERR\nC: TOP 1 10\nS: -ERR\nC: UIDL 2\nS: +OK 2 abc\nC: LIST 2\nS: +OK 2 120",
		"note pop3.code.IN-USE\nnote pop3.code.LOGIN-DELAY\nnote pop3.code.SYS/TEMP\nnote pop3.code.AUTH\nnote pop3.command.STLS\npop3.command lines=10\npop3.response uid=abc\npop3.response octets=120"},

	{"ManageSieve", decode.Sieve, "C: PUTSCRIPT \"a\" {5+}\nC: keep;\nS: NO (QUOTA/MAXSIZE) \"big\"\nC: HAVESPACE \"a\" 99\nS: OK (WARNINGS) \"x\"\nC: RENAMESCRIPT \"a\" \"b\"\nS: OK\nC: NOOP \"t\"\nS: OK (TAG \"t\") \"done\"\nC: CHECKSCRIPT \"keep;\"\nS: OK",
		"sieve.command script_name=a\nsieve.command script=keep;\nsieve.response code=QUOTA/MAXSIZE\nsieve.command size=99\nsieve.command new_name=b\nsieve.command tag=t\nnote sieve.command.HAVESPACE\nnote sieve.command.RENAMESCRIPT\nnote sieve.command.CHECKSCRIPT\nnote sieve.code.QUOTA.MAXSIZE\nnote sieve.code.WARNINGS\nnote sieve.code.TAG"},
}

// TestExtensions protects the depth of the decoder: of each extension the fields are named and the catalogue has a text.
func TestExtensions(t *testing.T) {
	greeting := map[string]string{decode.IMAP: "* PREAUTH hi", decode.SMTP: "220 hi", decode.LMTP: "220 hi", decode.POP3: "+OK hi", decode.Sieve: "OK"}
	for _, c := range extensions {
		s := decode.New(decode.Options{Protocol: c.protocol})
		var told []string
		feed := func(from decode.Side, text string) {
			for _, e := range s.Feed(decode.Chunk{Time: time.Unix(1, 0), From: from, Data: []byte(text)}) {
				for _, f := range e.Fields {
					told = append(told, e.Kind+" "+f.Name+"="+f.Value)
				}
				for _, n := range e.Notes {
					told = append(told, "note "+n.ID)
				}
			}
		}
		feed(decode.Server, greeting[c.protocol]+"\r\n")
		for line := range strings.SplitSeq(c.said, "\n") {
			from := decode.Client
			if line[0] == 'S' {
				from = decode.Server
			}
			feed(from, strings.ReplaceAll(line[3:], `\r\n`, "\r\n")+"\r\n")
		}
		for want := range strings.SplitSeq(c.want, "\n") {
			if want != "" && !slices.Contains(told, want) {
				t.Errorf("%s %s: not told: %s", c.protocol, c.name, want)
			}
			if id, ok := strings.CutPrefix(want, "note "); ok && !notes.Has(id) {
				t.Errorf("%s %s: no text for %s", c.protocol, c.name, id)
			}
		}
		if t.Failed() && testing.Verbose() {
			t.Logf("%s:\n%s", c.name, strings.Join(told, "\n"))
		}
	}
}
