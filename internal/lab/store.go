package lab

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"
)

// maxMailboxOctets is how much one account may hold. Everything is in memory, so a client in a loop must meet a limit.
const maxMailboxOctets = 64 << 20

const inbox = "INBOX"

// Errors of the store; each protocol says them in its own words.
var (
	errOverQuota    = errors.New("mailbox full")
	errNoMailbox    = errors.New("mailbox does not exist")
	errExists       = errors.New("mailbox already exists")
	errHasChildren  = errors.New("mailbox has inferior names")
	errNotPermitted = errors.New("operation not permitted on this mailbox")
	errInUse        = errors.New("maildrop already locked")
)

// store is the one mail store that SMTP delivers into and POP3 and IMAP read. One mutex guards all of it: a practice
// server has a class of clients at most, and one lock is easily right.
type store struct {
	mu       sync.Mutex
	now      func() time.Time
	accounts map[string]*maildrop // by Account.User
}

// maildrop is what one account holds. Names of mailboxes are kept as on the wire, in modified UTF-7 (RFC 3501, section
// 5.1.3), because that is what clients compare and learners should see.
type maildrop struct {
	account    *Account
	boxes      map[string]*mailbox
	subscribed map[string]bool
	popLock    chan struct{} // RFC 1939, section 4: one POP3 session at a time, which has put its token here
	validity   uint32        // UIDVALIDITY of the next mailbox made
	octets     int64
}

// mailbox is one folder. Its messages are in order of UID.
type mailbox struct {
	name     string
	use      string // special use (RFC 6154), "\Sent" …, "" for none
	validity uint32
	nextUID  uint32
	recent   uint32 // messages with a greater UID have been shown to no session yet
	messages []*message
	views    map[*view]struct{}
}

// message is one stored message. raw never changes after it is stored, so it is read without the lock.
type message struct {
	uid     uint32
	raw     []byte
	arrived time.Time
	flags   []string // sorted; guarded by store.mu
	version int      // grows with every change of flags; guarded by store.mu
	gone    bool     // expunged; guarded by store.mu

	parse sync.Once
	part  *part
}

// structure is the message's MIME tree, parsed when first asked for.
func (m *message) structure() *part {
	m.parse.Do(func() { m.part = parsePart(m.raw, 0, len(m.raw), 0) })
	return m.part
}

// newStore makes the store as it is at the start. generation makes the UIDVALIDITY differ after a reset: UIDs are given
// anew, so what a client remembers must not be taken for the same messages (RFC 9051, section 2.3.1.1).
func newStore(now func() time.Time, generation uint32) (*store, error) {
	s := &store{now: now, accounts: make(map[string]*maildrop)}
	for i := range Accounts {
		d := &maildrop{
			popLock:    make(chan struct{}, 1),
			account:    &Accounts[i],
			boxes:      make(map[string]*mailbox),
			subscribed: make(map[string]bool),
			validity:   uint32(now().Unix()) + generation*validityStep,
		}
		s.accounts[Accounts[i].User] = d
		for _, f := range initialFolders {
			d.create(f.name).use = f.use
		}
	}
	return s, s.fill()
}

// validityStep is the distance of the UIDVALIDITY values of two resets: more than the mailboxes a class makes in between.
const validityStep = 1000

// initialFolders are the mailboxes of a new account: a French provider's, accents and all.
var initialFolders = []struct{ name, use string }{
	{inbox, ""},
	{"Archives", `\Archive`},
	{"Brouillons", `\Drafts`},
	{"Corbeille", `\Trash`},
	{"Envoy&AOk-s", `\Sent`},
	{"Ind&AOk-sirables", `\Junk`},
}

// create adds a subscribed mailbox, with store.mu held.
func (d *maildrop) create(name string) *mailbox {
	b := &mailbox{name: name, validity: d.validity, nextUID: 1, views: make(map[*view]struct{})}
	d.validity++
	d.boxes[name] = b
	d.subscribed[name] = true
	return b
}

// box finds a mailbox, with store.mu held. INBOX is the one name without case (RFC 9051, section 5.1).
func (d *maildrop) box(name string) (*mailbox, error) {
	if b := d.boxes[canonicalName(name)]; b != nil {
		return b, nil
	}
	return nil, errNoMailbox
}

func canonicalName(name string) string {
	if strings.EqualFold(name, inbox) {
		return inbox
	}
	if len(name) > len(inbox) && name[len(inbox)] == delimiter && strings.EqualFold(name[:len(inbox)], inbox) {
		return inbox + name[len(inbox):]
	}
	return name
}

// names gives the mailboxes' names: INBOX, then the others in order.
func (d *maildrop) names() []string {
	list := make([]string, 0, len(d.boxes))
	for n := range d.boxes {
		list = append(list, n)
	}
	sort.Slice(list, func(i, j int) bool {
		if (list[i] == inbox) != (list[j] == inbox) {
			return list[i] == inbox
		}
		return list[i] < list[j]
	})
	return list
}

// add stores a message, with store.mu held, and wakes the sessions that have the mailbox open.
func (d *maildrop) add(b *mailbox, raw []byte, flags []string, arrived time.Time) (*message, error) {
	if d.octets+int64(len(raw)) > maxMailboxOctets {
		return nil, errOverQuota
	}
	m := &message{uid: b.nextUID, raw: raw, flags: sortedFlags(flags), arrived: arrived}
	b.nextUID++
	b.messages = append(b.messages, m)
	d.octets += int64(len(raw))
	b.wake()
	return m, nil
}

// remove expunges the messages that match, with store.mu held.
func (d *maildrop) remove(b *mailbox, match func(*message) bool) int {
	kept := make([]*message, 0, len(b.messages))
	for _, m := range b.messages {
		if !match(m) {
			kept = append(kept, m)
			continue
		}
		m.gone = true
		d.octets -= int64(len(m.raw))
	}
	n := len(b.messages) - len(kept)
	b.messages = kept
	if n > 0 {
		b.wake()
	}
	return n
}

// deliver puts a message into an account's INBOX, for SMTP.
func (s *store) deliver(a *Account, raw []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.accounts[a.User]
	_, err := d.add(d.boxes[inbox], raw, nil, s.now())
	return err
}

// full says whether an account cannot take size octets more.
func (s *store) full(a *Account, size int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accounts[a.User].octets+size > maxMailboxOctets
}

// lockTime is how long a sign-in waits for the lock: the session before may still be on its way out.
const lockTime = time.Second

// lockMaildrop gives a POP3 session its messages and the maildrop's lock, until unlock is called.
func (s *store) lockMaildrop(a *Account) (messages []*message, validity uint32, unlock func(), err error) {
	s.mu.Lock()
	d := s.accounts[a.User]
	s.mu.Unlock()
	select {
	case d.popLock <- struct{}{}:
	case <-time.After(lockTime):
		return nil, 0, nil, fmt.Errorf("maildrop of %s: %w", a.User, errInUse)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := d.boxes[inbox]
	return append([]*message(nil), b.messages...), b.validity, func() { <-d.popLock }, nil
}

// removeFromInbox expunges messages of an account's INBOX, for POP3's update state.
func (s *store) removeFromInbox(a *Account, doomed map[*message]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.accounts[a.User]
	d.remove(d.boxes[inbox], func(m *message) bool { return doomed[m] })
}

// sortedFlags gives the flags once each, system flags in their usual spelling, in order.
func sortedFlags(flags []string) []string {
	var out []string
	for _, f := range flags {
		f = canonicalFlag(f)
		if !hasFlag(out, f) {
			out = append(out, f)
		}
	}
	sort.Strings(out)
	return out
}

var systemFlags = []string{`\Answered`, `\Flagged`, `\Deleted`, `\Seen`, `\Draft`}

func canonicalFlag(f string) string {
	for _, s := range systemFlags {
		if strings.EqualFold(f, s) {
			return s
		}
	}
	return f
}

func hasFlag(flags []string, f string) bool {
	for _, g := range flags {
		if strings.EqualFold(f, g) {
			return true
		}
	}
	return false
}
