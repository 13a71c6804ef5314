package lab

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// setFlags replaces the flags of a row's message and notes that this session knows, with store.mu held.
func (s *imapSession) setFlags(r *row, flags []string) {
	flags = sortedFlags(flags)
	known := r.version == r.m.version
	if strings.Join(flags, " ") == strings.Join(r.m.flags, " ") {
		return
	}
	r.m.flags = flags
	r.m.version++
	if known { // else another session's change is still to be told
		r.version = r.m.version
	}
	s.view.box.wake()
}

// storeCommand is STORE and UID STORE, RFC 3501, section 6.4.6.
func (s *imapSession) storeCommand(a *arguments) error {
	a.space()
	set := a.set()
	a.space()
	verb, silent, flags := a.storeItem()
	if err := a.end(); err != nil {
		return err
	}
	if s.view.readOnly {
		return no("[READ-ONLY] Mailbox is read-only.")
	}
	rows, err := s.pick(set, a)
	if err != nil {
		return err
	}
	for _, i := range rows {
		s.store.mu.Lock()
		r := &s.view.rows[i]
		s.setFlags(r, changedFlags(r.m.flags, verb, flags))
		if !silent {
			r.version = r.m.version // told right below
		}
		s.store.mu.Unlock()
		if !silent {
			items := []fetchItem{{name: "FLAGS"}}
			if a.uid {
				items = []fetchItem{{name: "UID"}, {name: "FLAGS"}}
			}
			s.tellMessage(i, items)
		}
	}
	return nil
}

// storeItem reads what STORE is to do: FLAGS, +FLAGS or -FLAGS, silent or not, and the flags.
func (a *arguments) storeItem() (verb string, silent bool, flags []string) {
	verb, silent = strings.CutSuffix(strings.ToUpper(a.until(" ")), ".SILENT")
	if verb != "FLAGS" && verb != "+FLAGS" && verb != "-FLAGS" {
		a.fail("unknown STORE item")
	}
	a.space()
	if a.peek() == '(' {
		return verb, silent, a.flags()
	}
	for flags = append(flags, a.flag()); a.accept(' '); {
		flags = append(flags, a.flag())
	}
	return verb, silent, flags
}

func changedFlags(old []string, verb string, flags []string) []string {
	switch verb {
	case "+FLAGS":
		return append(append([]string(nil), old...), flags...)
	case "-FLAGS":
		var out []string
		for _, f := range old {
			if !hasFlag(flags, f) {
				out = append(out, f)
			}
		}
		return out
	}
	return flags
}

// expunge is EXPUNGE, and UID EXPUNGE of RFC 4315. What goes is told by tellChanges.
func (s *imapSession) expunge(a *arguments) error {
	set := numSet{{1, star}}
	if a.uid {
		a.space()
		set = a.set()
	}
	if err := a.end(); err != nil {
		return err
	}
	if s.view.readOnly {
		return no("[READ-ONLY] Mailbox is read-only.")
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	largest := s.view.box.nextUID - 1
	s.drop.remove(s.view.box, func(m *message) bool { return isDeleted(m) && set.has(m.uid, largest) })
	return nil
}

func (s *imapSession) copy(a *arguments) error { return s.transfer(a, false) }

// move is MOVE, RFC 6851.
func (s *imapSession) move(a *arguments) error { return s.transfer(a, true) }

// transfer copies messages to another mailbox and, for MOVE, removes them from this one, in one go.
func (s *imapSession) transfer(a *arguments, move bool) error {
	a.space()
	set := a.set()
	a.space()
	name := a.mailbox()
	if err := a.end(); err != nil {
		return err
	}
	if move && s.view.readOnly {
		return no("[READ-ONLY] Mailbox is read-only.")
	}
	rows, err := s.pick(set, a)
	if err != nil {
		return err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	to, err := s.drop.box(name)
	if err != nil {
		return no("[TRYCREATE] Mailbox doesn't exist.")
	}
	copied, err := s.copyRows(rows, to)
	if err != nil {
		return storeStatus(err)
	}
	if len(copied.from) == 0 {
		s.ok = "No messages found."
		return nil
	}
	code := fmt.Sprintf("[COPYUID %d %s %s]", to.validity, formatSet(copied.from), formatSet(copied.to))
	if !move {
		s.ok = code + " Copy completed."
		return nil
	}
	s.untagged("OK %s Moved UIDs.", code) // before the EXPUNGEs: RFC 6851, section 4.3
	s.drop.remove(s.view.box, func(m *message) bool { return copied.messages[m] })
	return nil
}

type copies struct {
	from, to []uint32
	messages map[*message]bool
}

// copyRows copies all rows or none, with store.mu held.
func (s *imapSession) copyRows(rows []int, to *mailbox) (copies, error) {
	c := copies{messages: make(map[*message]bool)}
	var octets int64
	for _, i := range rows {
		octets += int64(len(s.view.rows[i].m.raw))
	}
	if s.drop.octets+octets > maxMailboxOctets {
		return c, errOverQuota
	}
	for _, i := range rows {
		m := s.view.rows[i].m
		if m.gone {
			continue
		}
		added, err := s.drop.add(to, m.raw, m.flags, m.arrived)
		if err != nil {
			return c, err
		}
		c.from, c.to = append(c.from, m.uid), append(c.to, added.uid)
		c.messages[m] = true
	}
	return c, nil
}

// append is APPEND, RFC 3501, section 6.3.11, with the code of RFC 4315.
func (s *imapSession) append(a *arguments) error {
	a.space()
	name := a.mailbox()
	a.space()
	var flags []string
	if a.peek() == '(' {
		flags = a.flags()
		a.space()
	}
	arrived := s.server.options.Now()
	if a.peek() == '"' {
		t, err := time.Parse(internalDate, a.str())
		if err != nil {
			a.fail("invalid date-time")
		}
		arrived = t
		a.space()
	}
	raw := []byte(a.literal())
	if err := a.end(); err != nil {
		return err
	}
	if bytes.IndexByte(raw, 0) >= 0 {
		return no("[CANNOT] Message contains NUL octets.")
	}
	if s.server.currentFaults().MailboxFull {
		return storeStatus(errOverQuota)
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	box, err := s.drop.box(name)
	if err != nil {
		return no("[TRYCREATE] Mailbox doesn't exist.")
	}
	m, err := s.drop.add(box, normalLines(raw), flags, arrived)
	if err != nil {
		return storeStatus(err)
	}
	s.ok = fmt.Sprintf("[APPENDUID %d %d] Append completed.", box.validity, m.uid)
	return nil
}
