package decode

import "strings"

// wordTable finds what is known of the words that are met all the time without hashing them whole: it is filled once, and
// read by every session. What is not in it is looked up and remembered elsewhere.
type wordTable[T any] struct {
	slots [tableSize]struct {
		word string
		it   T
	}
}

// tableSize is a few times the words of a table, so that few stand where another would.
const tableSize = 512

func tableSlot(word string) uint {
	n := len(word)
	return (uint(n)*37 + uint(word[0])*5 + uint(word[n-1])*67 + uint(word[n>>1])*131) % tableSize
}

// newWordTable makes a table of words, which are as peers write them.
func newWordTable[T any](words string, it func(word string) T) *wordTable[T] {
	t := new(wordTable[T])
	for _, w := range strings.Fields(words) {
		i := tableSlot(w)
		for t.slots[i].word != "" {
			i = (i + 1) % tableSize
		}
		t.slots[i].word, t.slots[i].it = w, it(w)
	}
	return t
}

// find gives what is known of a word, nil if it is not in the table.
func (t *wordTable[T]) find(word string) *T {
	if word == "" {
		return nil
	}
	for i := tableSlot(word); t.slots[i].word != ""; i = (i + 1) % tableSize {
		if t.slots[i].word == word {
			return &t.slots[i].it
		}
	}
	return nil
}

// The words of IMAP that make most of its traffic (RFC 9051 §2.3.2, §7, and the extensions' RFCs).
var (
	imapItems = newWordTable(`UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODY BODYSTRUCTURE MODSEQ SAVEDATE EMAILID THREADID PREVIEW
		BODY[] BODY[HEADER] BODY[TEXT] BODY[1] BODY[2] BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[HEADER.FIELDS RFC822 RFC822.HEADER
		X-GM-MSGID X-GM-THRID X-GM-LABELS MESSAGES RECENT UNSEEN UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE DELETED MAILBOXID`, itemOfName)
	imapFlags = newWordTable(`\Seen \Answered \Flagged \Deleted \Draft \Recent \* $Forwarded $MDNSent $Junk $NotJunk $Phishing Junk NonJunk
		NotJunk \HasChildren \HasNoChildren \Noselect \NoSelect \NonExistent \Noinferiors \NoInferiors \Marked \Unmarked \UnMarked
		\Subscribed \Remote \All \Archive \Drafts \Junk \Sent \Trash \Important`, flagIDOf)
	imapKinds = newWordTable(`FETCH EXISTS RECENT EXPUNGE FLAGS LIST LSUB STATUS SEARCH ESEARCH SORT THREAD CAPABILITY ENABLED ID NAMESPACE
		VANISHED QUOTA QUOTAROOT OK NO BAD BYE PREAUTH UIDFETCH METADATA ACL`, kindOfName)
	imapCommandIDs = newWordTable(`LOGIN AUTHENTICATE CAPABILITY NOOP CHECK CLOSE UNSELECT EXPUNGE IDLE LOGOUT NAMESPACE STARTTLS ENABLE ID
		SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE LIST LSUB STATUS APPEND FETCH STORE SEARCH SORT THREAD COPY MOVE
		COMPRESS GETQUOTA GETQUOTAROOT GETMETADATA`, commandIDsOf)
	imapCapabilityIDs = newWordTable(`IMAP4rev1 IMAP4REV1 IMAP4rev2 STARTTLS LOGINDISABLED AUTH=PLAIN AUTH=LOGIN AUTH=CRAM-MD5 AUTH=XOAUTH2
		AUTH=OAUTHBEARER AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256 AUTH=EXTERNAL SASL-IR LITERAL+ LITERAL- ENABLE ID IDLE NAMESPACE UNSELECT
		UIDPLUS CHILDREN MOVE SORT SORT=DISPLAY THREAD=REFERENCES THREAD=REFS THREAD=ORDEREDSUBJECT ESEARCH ESORT SEARCHRES WITHIN
		CONDSTORE QRESYNC LIST-EXTENDED LIST-STATUS LIST-MYRIGHTS LOGIN-REFERRALS SPECIAL-USE CREATE-SPECIAL-USE COMPRESS=DEFLATE
		CONTEXT=SEARCH MULTIAPPEND CATENATE URL-PARTIAL I18NLEVEL=1 I18NLEVEL=2 BINARY NOTIFY METADATA QUOTA ACL RIGHTS=texk UNAUTHENTICATE
		UTF8=ACCEPT OBJECTID PREVIEW PREVIEW=FUZZY SNIPPET=FUZZY SAVEDATE STATUS=SIZE REPLACE X-GM-EXT-1 XLIST`, capabilityIDOf)
	imapCodeIDs = newWordTable(`ALERT CAPABILITY PERMANENTFLAGS UIDVALIDITY UIDNEXT UNSEEN HIGHESTMODSEQ NOMODSEQ MAILBOXID CLOSED READ-ONLY
		READ-WRITE APPENDUID COPYUID MODIFIED TRYCREATE NONEXISTENT ALREADYEXISTS AUTHENTICATIONFAILED UNAVAILABLE SERVERBUG
		CLIENTBUG CANNOT LIMIT OVERQUOTA`, func(word string) string { return "imap.code." + word })
	imapGreetingIDs = joined("imap.greeting.", "OK PREAUTH BYE")
)

// taggedNames are the names of tagged responses (RFC 9051 §7.1).
var taggedNames = [...]string{"OK", "NO", "BAD"}

// imapIDs are the note ids of a command and of the tagged responses to it.
type imapIDs struct {
	command string
	tagged  [len(taggedNames)]string
}

func commandIDsOf(word string) imapIDs {
	ids := imapIDs{command: "imap.command." + word}
	for i, name := range taggedNames {
		ids.tagged[i] = "imap.tagged." + name + "." + word
	}
	return ids
}

func capabilityIDOf(word string) string {
	return "imap.capability." + strings.ToUpper(strings.Replace(word, "=", ".", 1))
}
