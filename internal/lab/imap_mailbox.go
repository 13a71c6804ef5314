package lab

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits on folders, so that a client in a loop meets one.
const (
	maxMailboxes   = 500
	maxMailboxName = 255
)

// storeStatus says a store's error in IMAP's words (response codes of RFC 5530 and RFC 9051).
func storeStatus(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNoMailbox):
		return no("[NONEXISTENT] Mailbox doesn't exist.")
	case errors.Is(err, errExists):
		return no("[ALREADYEXISTS] Mailbox already exists.")
	case errors.Is(err, errHasChildren):
		return no("[HASCHILDREN] Mailbox has children, delete them first.")
	case errors.Is(err, errOverQuota):
		return no("[OVERQUOTA] Quota exceeded (mailbox for user is full)")
	case errors.Is(err, errNotPermitted):
		return no("[CANNOT] Operation not permitted on this mailbox.")
	}
	return err
}

// onlyMailbox reads the one argument of the commands that take a mailbox and nothing else.
func (a *arguments) onlyMailbox() (string, error) {
	a.space()
	name := a.mailbox()
	return name, a.end()
}

func (s *imapSession) selectCommand(a *arguments) error { return s.openMailbox(a, false) }
func (s *imapSession) examine(a *arguments) error       { return s.openMailbox(a, true) }

// openMailbox is SELECT and EXAMINE, RFC 3501, section 6.3.1.
func (s *imapSession) openMailbox(a *arguments, readOnly bool) error {
	name, err := a.onlyMailbox()
	if err != nil {
		return err
	}
	s.leave() // even if what follows fails
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	box, err := s.drop.box(name)
	if err != nil {
		return storeStatus(err)
	}
	s.view = box.open(readOnly)
	s.tellSelected()
	s.ok = "[READ-WRITE] Select completed."
	if readOnly {
		s.ok = "[READ-ONLY] Examine completed."
	}
	return nil
}

// tellSelected sends what SELECT tells of the mailbox, with store.mu held.
func (s *imapSession) tellSelected() {
	flags := append([]string(nil), systemFlags...)
	unseen := 0
	for i, r := range s.view.rows {
		for _, f := range r.m.flags {
			if !hasFlag(flags, f) {
				flags = append(flags, f)
			}
		}
		if unseen == 0 && !hasFlag(r.m.flags, `\Seen`) {
			unseen = i + 1
		}
	}
	s.untagged("FLAGS (%s)", strings.Join(flags, " "))
	if s.view.readOnly {
		s.untagged("OK [PERMANENTFLAGS ()] Read-only mailbox.")
	} else {
		s.untagged(`OK [PERMANENTFLAGS (%s \*)] Flags permitted.`, strings.Join(flags, " "))
	}
	s.untagged("%d EXISTS", len(s.view.rows))
	s.untagged("%d RECENT", s.view.countRecent())
	if unseen > 0 {
		s.untagged("OK [UNSEEN %d] First unseen.", unseen)
	}
	s.untagged("OK [UIDVALIDITY %d] UIDs valid", s.view.box.validity)
	s.untagged("OK [UIDNEXT %d] Predicted next UID", s.view.box.nextUID)
}

// closeCommand is CLOSE: the messages marked \Deleted go without a word.
func (s *imapSession) closeCommand(a *arguments) error {
	if err := a.end(); err != nil {
		return err
	}
	if !s.view.readOnly {
		s.store.mu.Lock()
		s.drop.remove(s.view.box, isDeleted)
		s.store.mu.Unlock()
	}
	s.leave()
	return nil
}

// unselect is UNSELECT, RFC 3691.
func (s *imapSession) unselect(a *arguments) error {
	if err := a.end(); err != nil {
		return err
	}
	s.leave()
	return nil
}

func (s *imapSession) create(a *arguments) error {
	name, err := a.onlyMailbox()
	if err != nil {
		return err
	}
	name = strings.TrimSuffix(name, string(rune(delimiter)))
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return storeStatus(s.drop.createPath(name))
}

// createPath makes a mailbox and the ones above it, with store.mu held.
func (d *maildrop) createPath(name string) error {
	if d.boxes[name] != nil {
		return errExists
	}
	levels := strings.Split(name, string(rune(delimiter)))
	if slices.Contains(levels, "") || len(name) > maxMailboxName || len(d.boxes)+len(levels) > maxMailboxes || !validName(name) {
		return errNotPermitted
	}
	for i := range levels {
		if above := strings.Join(levels[:i+1], string(rune(delimiter))); d.boxes[above] == nil {
			d.create(above)
		}
	}
	return nil
}

// validName refuses what cannot stand in a list response as a name: controls, wildcards and octets beyond ASCII, which
// a name without UTF8=ACCEPT has in modified UTF-7.
func validName(name string) bool {
	for i := 0; i < len(name); i++ {
		if name[i] < ' ' || name[i] >= 0x7f || name[i] == '*' || name[i] == '%' {
			return false
		}
	}
	return true
}

// hasChildren says whether there are mailboxes below one.
func (d *maildrop) hasChildren(name string) bool {
	for n := range d.boxes {
		if strings.HasPrefix(n, name+string(rune(delimiter))) {
			return true
		}
	}
	return false
}

func (s *imapSession) deleteCommand(a *arguments) error {
	name, err := a.onlyMailbox()
	if err != nil {
		return err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	box, err := s.drop.box(name)
	switch {
	case err != nil:
	case name == inbox:
		err = errNotPermitted
	case s.drop.hasChildren(name):
		err = errHasChildren
	default:
		s.drop.remove(box, func(*message) bool { return true }) // sessions that have it open see it empty
		delete(s.drop.boxes, name)
	}
	return storeStatus(err)
}

// rename is RENAME. Of INBOX it moves the messages and leaves the mailbox (RFC 3501, section 6.3.5).
func (s *imapSession) rename(a *arguments) error {
	a.space()
	from := a.mailbox()
	a.space()
	to := strings.TrimSuffix(a.mailbox(), string(rune(delimiter)))
	if err := a.end(); err != nil {
		return err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	box, err := s.drop.box(from)
	if err == nil && strings.HasPrefix(to, from+string(rune(delimiter))) && from != inbox {
		err = errNotPermitted
	}
	if err == nil {
		err = s.drop.createPath(to)
	}
	if err != nil {
		return storeStatus(err)
	}
	if from == inbox {
		return storeStatus(s.drop.moveAll(box, s.drop.boxes[to]))
	}
	for name, b := range s.drop.boxes {
		below, ok := strings.CutPrefix(name, from)
		if !ok || below != "" && below[0] != delimiter {
			continue
		}
		delete(s.drop.boxes, name)
		b.name = to + below
		s.drop.boxes[b.name] = b
		if s.drop.subscribed[name] {
			delete(s.drop.subscribed, name)
			s.drop.subscribed[b.name] = true
		}
	}
	return nil
}

// moveAll moves every message, with store.mu held.
func (d *maildrop) moveAll(from, to *mailbox) error {
	messages := from.messages
	d.remove(from, func(*message) bool { return true })
	for _, m := range messages {
		if _, err := d.add(to, m.raw, m.flags, m.arrived); err != nil {
			return err
		}
	}
	return nil
}

func (s *imapSession) subscribe(a *arguments) error   { return s.setSubscribed(a, true) }
func (s *imapSession) unsubscribe(a *arguments) error { return s.setSubscribed(a, false) }

func (s *imapSession) setSubscribed(a *arguments, on bool) error {
	name, err := a.onlyMailbox()
	if err != nil {
		return err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if !on {
		delete(s.drop.subscribed, name)
		return nil
	}
	if _, err := s.drop.box(name); err != nil {
		return storeStatus(err)
	}
	s.drop.subscribed[name] = true
	return nil
}

// statusItems are what STATUS can tell (RFC 3501, section 6.3.10; SIZE is of RFC 8438, DELETED of RFC 9051).
var statusItems = []string{"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "SIZE", "DELETED"}

func (a *arguments) statusItems() []string {
	var items []string
	a.list(func() {
		item := strings.ToUpper(a.atom())
		if !slices.Contains(statusItems, item) {
			a.fail("unknown status item " + item)
		}
		items = append(items, item)
	})
	return items
}

func (s *imapSession) status(a *arguments) error {
	a.space()
	name := a.mailbox()
	a.space()
	items := a.statusItems()
	if err := a.end(); err != nil {
		return err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	box, err := s.drop.box(name)
	if err != nil {
		return storeStatus(err)
	}
	s.tellStatus(box, items)
	return nil
}

// tellStatus sends a STATUS response, with store.mu held.
func (s *imapSession) tellStatus(box *mailbox, items []string) {
	var recent, unseen, deleted, size int
	for _, m := range box.messages {
		size += len(m.raw)
		if m.uid > box.recent {
			recent++
		}
		if !hasFlag(m.flags, `\Seen`) {
			unseen++
		}
		if isDeleted(m) {
			deleted++
		}
	}
	values := map[string]int{
		"MESSAGES": len(box.messages), "RECENT": recent, "UIDNEXT": int(box.nextUID), "UIDVALIDITY": int(box.validity),
		"UNSEEN": unseen, "SIZE": size, "DELETED": deleted,
	}
	var pairs []string
	for _, item := range items {
		pairs = append(pairs, fmt.Sprintf("%s %d", item, values[item]))
	}
	s.untagged("STATUS %s (%s)", nameOnWire(box.name), strings.Join(pairs, " "))
}

// nameOnWire writes a mailbox name as an atom where it can be one.
func nameOnWire(name string) string {
	if name != "" && !strings.ContainsAny(name, atomStops) {
		return name
	}
	var w imapWriter
	w.quoted(name)
	return w.String()
}

func isDeleted(m *message) bool { return hasFlag(m.flags, `\Deleted`) }
