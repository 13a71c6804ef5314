package lab

import (
	"fmt"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// A session in IDLE must hear of a delivery by SMTP and of another session's flags and removals, as they happen.
func TestIdleHears(t *testing.T) {
	s := start(t, Options{})
	heard := make(chan string, 100)
	idle := dialIMAP(t, s, "implicit", &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Expunge: func(n uint32) { heard <- fmt.Sprintf("expunge %d", n) },
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				heard <- fmt.Sprintf("exists %d", *d.NumMessages)
			}
		},
		Fetch: func(m *imapclient.FetchMessageData) {
			b, err := m.Collect()
			heard <- fmt.Sprintf("flags %d %v %v", m.SeqNum, b.Flags, err)
		},
	}})
	_, err := idle.Select(inbox, nil).Wait()
	must(t, err)
	command, err := idle.Idle()
	must(t, err)
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-heard:
			if got != want {
				t.Fatalf("heard %q, want %q", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%q was not heard", want)
		}
	}
	must(t, Play(t.Context(), titled("send", "", "", sendQuickly("alice", alice(), bob(), letter)), s.Targets()))
	expect("exists 7")

	other := dialIMAP(t, s, "clear", nil)
	_, err = other.Select(inbox, nil).Wait()
	must(t, err)
	must(t, other.Store(imap.SeqSetNum(3), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Close())
	expect(`flags 3 [\Flagged] <nil>`)
	_, err = other.Move(imap.SeqSetNum(2), "Archives").Wait()
	must(t, err)
	expect("expunge 2")
	must(t, command.Close())
	must(t, command.Wait())
}

// imapLines sends a command and gives all lines up to the tagged one.
func imapLines(t *testing.T, c *textproto.Conn, command string) []string {
	t.Helper()
	must(t, c.PrintfLine("%s", command))
	tag, _, _ := strings.Cut(command, " ")
	for lines := []string(nil); ; {
		line, err := c.ReadLine()
		must(t, err)
		if lines = append(lines, line); strings.HasPrefix(line, tag+" ") {
			return lines
		}
	}
}

// MOVE must tell one EXPUNGE for each message, with COPYUID before it (RFC 6851, section 4.3): the flaw of a widely used
// in-memory server, which tells two.
func TestMoveTellsOnce(t *testing.T) {
	s := start(t, Options{})
	c := dialLines(t, s, IMAP)
	imapLines(t, c, "a1 LOGIN bob "+demoPasswordBob)
	imapLines(t, c, "a2 SELECT INBOX")
	got := imapLines(t, c, "a3 UID MOVE 2,4 Archives")
	if len(got) != 4 || !strings.HasPrefix(got[0], "* OK [COPYUID ") || got[1] != "* 2 EXPUNGE" || got[2] != "* 3 EXPUNGE" || got[3] != "a3 OK Move completed." {
		t.Errorf("UID MOVE 2,4 gave %q", got)
	}
	if got := imapLines(t, c, "a4 NOOP"); len(got) != 1 {
		t.Errorf("NOOP after it gave %q", got)
	}
}

// Numbers must stay while FETCH, STORE and SEARCH run, and be told before the next command (RFC 3501, section 7.4.1).
func TestExpungeWaits(t *testing.T) {
	s := start(t, Options{})
	c, d := dialLines(t, s, IMAP), dialLines(t, s, IMAP)
	for _, x := range []*textproto.Conn{c, d} {
		imapLines(t, x, "a1 LOGIN bob "+demoPasswordBob)
		imapLines(t, x, "a2 SELECT INBOX")
	}
	imapLines(t, d, `d1 STORE 1 +FLAGS.SILENT (\Deleted)`)
	imapLines(t, d, "d2 EXPUNGE")
	for _, step := range []struct{ command, want string }{
		{"c1 FETCH 2 UID", "* 2 FETCH (UID 2)|c1 OK Fetch completed."},
		{"c2 FETCH 1 UID", "* 1 FETCH (UID 1)|c2 OK Fetch completed."},
		{"c3 SEARCH UID 2", "* SEARCH 2|c3 OK Search completed."},
		{"c4 NOOP", "* 1 EXPUNGE|c4 OK NOOP completed."},
		{"c5 FETCH 1 UID", "* 1 FETCH (UID 2)|c5 OK Fetch completed."},
		{"c6 FETCH 6 UID", "c6 BAD Error in IMAP command FETCH: Invalid messageset"},
		{"c7 UID FETCH 100 FLAGS", "c7 OK Fetch completed."},
	} {
		if got := strings.Join(imapLines(t, c, step.command), "|"); got != step.want {
			t.Errorf("%s gave %q, want %q", step.command, got, step.want)
		}
	}
}

// Folder commands, with the responses that clients decide on.
func TestIMAPFolders(t *testing.T) {
	s := start(t, Options{})
	c := dialLines(t, s, IMAP)
	imapLines(t, c, "a1 LOGIN bob "+demoPasswordBob)
	for _, step := range []struct{ command, want string }{
		{"b1 CREATE Projets/2026/", "b1 OK Create completed."},
		{"b2 LIST \"\" Projets%", `* LIST (\HasChildren) "/" Projets|b2 OK List completed.`},
		{"b3 LIST \"\" Projets/%", `* LIST (\HasNoChildren) "/" Projets/2026|b3 OK List completed.`},
		{"b4 DELETE Projets", "b4 NO [HASCHILDREN] Mailbox has children, delete them first."},
		{"b5 RENAME Projets Affaires", "b5 OK Rename completed."},
		{"b6 LSUB \"\" \"A*\"", `* LSUB () "/" Affaires|* LSUB () "/" Affaires/2026|* LSUB () "/" Archives|b6 OK Lsub completed.`},
		{"b7 DELETE INBOX", "b7 NO [CANNOT] Operation not permitted on this mailbox."},
		{"b8 SELECT Rien", "b8 NO [NONEXISTENT] Mailbox doesn't exist."},
		{"b9 LIST (SPECIAL-USE) \"\" % RETURN (SUBSCRIBED)", `* LIST (\HasNoChildren \Subscribed \Archive) "/" Archives|* LIST (\HasNoChildren \Subscribed \Drafts) "/" Brouillons|* LIST (\HasNoChildren \Subscribed \Trash) "/" Corbeille|* LIST (\HasNoChildren \Subscribed \Sent) "/" Envoy&AOk-s|* LIST (\HasNoChildren \Subscribed \Junk) "/" Ind&AOk-sirables|b9 OK List completed.`},
		{"b10 RENAME INBOX Vieux", "b10 OK Rename completed."},
		{"b11 STATUS inbox (MESSAGES)", "* STATUS INBOX (MESSAGES 0)|b11 OK Status completed."},
		{"b12 STATUS Vieux (MESSAGES UNSEEN UIDNEXT)", "* STATUS Vieux (MESSAGES 6 UNSEEN 3 UIDNEXT 7)|b12 OK Status completed."},
		{"b13 EXAMINE Vieux extra", "b13 BAD Error in IMAP command EXAMINE: unexpected argument."},
		{"b14 FETCH 1 FLAGS", "b14 BAD No mailbox selected."},
		{"b15 XYZZY", "b15 BAD Error in IMAP command received by server."},
	} {
		if got := strings.Join(imapLines(t, c, step.command), "|"); got != step.want {
			t.Errorf("%s gave %q, want %q", step.command, got, step.want)
		}
	}
}

// EXAMINE must change nothing, and BODY[] after SELECT must mark as read.
func TestExamineChangesNothing(t *testing.T) {
	s := start(t, Options{})
	c := dialLines(t, s, IMAP)
	imapLines(t, c, "a1 LOGIN bob "+demoPasswordBob)
	imapLines(t, c, "a2 EXAMINE INBOX")
	imapLines(t, c, "a3 FETCH 3 BODY[TEXT]")
	if got := imapLines(t, c, `a4 STORE 3 +FLAGS (\Seen)`); !strings.HasPrefix(got[0], "a4 NO [READ-ONLY]") {
		t.Errorf("STORE after EXAMINE gave %q", got)
	}
	if hasFlag(s.messages("bob", inbox)[2].flags, `\Seen`) {
		t.Error("EXAMINE and BODY[] marked as read")
	}
	imapLines(t, c, "a5 SELECT INBOX")
	if got := imapLines(t, c, "a6 FETCH 4 BODY[HEADER.FIELDS (X-NONE)]"); got[len(got)-2] != ` FLAGS (\Seen))` {
		t.Errorf("BODY[] did not tell the flags it set: %q", got)
	}
}

// A literal may be refused before it is sent, and never costs memory before log-in.
func TestLiteralLimits(t *testing.T) {
	s := start(t, Options{})
	c := dialLines(t, s, IMAP)
	if got := imapLines(t, c, "a1 LOGIN {99999999999}"); got[0] != "a1 NO [TOOBIG] Literal too large." {
		t.Errorf("gave %q", got)
	}
	if got := imapLines(t, c, "a2 NOOP"); got[0] != "a2 OK NOOP completed." {
		t.Errorf("the session did not go on: %q", got)
	}
	must(t, c.PrintfLine("a3 LOGIN {99999999999+}"))
	if line, err := c.ReadLine(); err != nil || !strings.HasPrefix(line, "* BYE [TOOBIG]") {
		t.Errorf("gave %q, %v", line, err)
	}
}
