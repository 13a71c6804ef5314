package lab

import (
	"bytes"
	"crypto/md5" // APOP is defined with MD5 (RFC 1939, section 7)
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// pop3Session is one POP3 session, RFC 1939.
type pop3Session struct {
	*conn
	timestamp string // of the greeting, for APOP
	user      string // of USER
	failures  int

	account  *Account // who logged in; nil in the authorization state
	store    *store   // the store logged in to
	messages []*message
	validity uint32
	doomed   map[*message]bool
	unlock   func()
}

// maxPOP3Failures ends a session that guesses passwords or talks nonsense.
const maxPOP3Failures = 20

// pop3Verbs are the commands of each state; the same table serves both because the names never clash in meaning.
var pop3Verbs = map[string]struct {
	step        func(*pop3Session, string) error
	transaction bool // only after log-in
	before      bool // only before
}{
	"CAPA": {step: (*pop3Session).capa},
	"NOOP": {step: (*pop3Session).noop, transaction: true},
	"QUIT": {step: (*pop3Session).quit},
	"STLS": {step: (*pop3Session).stls, before: true},
	"USER": {step: (*pop3Session).userCommand, before: true},
	"PASS": {step: (*pop3Session).pass, before: true},
	"APOP": {step: (*pop3Session).apop, before: true},
	"AUTH": {step: (*pop3Session).auth, before: true},
	"STAT": {step: (*pop3Session).stat, transaction: true},
	"LIST": {step: (*pop3Session).list, transaction: true},
	"UIDL": {step: (*pop3Session).uidl, transaction: true},
	"RETR": {step: (*pop3Session).retr, transaction: true},
	"TOP":  {step: (*pop3Session).top, transaction: true},
	"DELE": {step: (*pop3Session).dele, transaction: true},
	"RSET": {step: (*pop3Session).rset, transaction: true},
}

func servePOP3(c *conn) error {
	p := &pop3Session{conn: c, doomed: make(map[*message]bool)}
	defer func() {
		if p.unlock != nil {
			p.unlock()
		}
	}()
	c.setFarewell("-ERR [SYS/TEMP] Server shutting down\r\n")
	p.timestamp = fmt.Sprintf("<%d.%d@%s>", c.id, c.server.options.Now().Unix(), ServerName)
	p.printf("+OK %s POP3 server ready %s\r\n", ServerName, p.timestamp)
	for p.failures < maxPOP3Failures {
		line, err := c.readLine()
		if errors.Is(err, errLineTooLong) {
			p.no("Line too long")
		}
		if err != nil {
			return err
		}
		name, argument, _ := strings.Cut(line, " ")
		verb, known := pop3Verbs[strings.ToUpper(name)]
		switch {
		case !known:
			p.no("Unknown command")
		case verb.transaction && p.account == nil, verb.before && p.account != nil:
			p.no("Command not valid in this state")
		default:
			if err := verb.step(p, argument); err != nil {
				return endOf(err)
			}
		}
	}
	p.no("Too many errors, disconnecting")
	return nil
}

func (p *pop3Session) ok(format string, args ...any) { p.printf("+OK "+format+"\r\n", args...) }

func (p *pop3Session) no(format string, args ...any) {
	p.failures++
	p.printf("-ERR "+format+"\r\n", args...)
}

// capa is CAPA, RFC 2449.
func (p *pop3Session) capa(string) error {
	p.ok("Capability list follows")
	lines := []string{"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"}
	if p.offersTLS() && p.account == nil {
		lines = append(lines, "STLS")
	}
	if p.mayLogIn() {
		lines = append(lines, "USER", "SASL "+strings.Join(p.mechanisms(), " "))
	}
	for _, l := range lines {
		p.printf("%s\r\n", l)
	}
	p.printf(".\r\n")
	return nil
}

func (p *pop3Session) noop(string) error {
	p.ok("")
	return nil
}

// stls is STLS, RFC 2595, section 4.
func (p *pop3Session) stls(string) error {
	faults := p.server.currentFaults()
	switch {
	case p.secure != nil:
		p.no("TLS is already active")
	case faults.NoStartTLS:
		p.no("Unknown command")
	case faults.RefuseStartTLS:
		p.no("[SYS/TEMP] TLS is not available now")
	default:
		p.ok("Begin TLS negotiation now")
		if err := p.flush(); err != nil {
			return err
		}
		p.user = ""
		return p.startTLS()
	}
	return nil
}

func (p *pop3Session) userCommand(argument string) error {
	switch {
	case !p.mayLogIn():
		p.no("[AUTH] Plaintext authentication disallowed on non-secure connections")
	case argument == "":
		p.no("Missing user name")
	default:
		p.user = argument // whether it exists is not told (RFC 1939, section 13)
		p.ok("")
	}
	return nil
}

func (p *pop3Session) pass(argument string) error {
	if p.user == "" {
		p.no("No user name given")
		return nil
	}
	account, err := checkPassword(p.user, argument)
	p.user = ""
	return p.enter(account, err)
}

// apop is APOP, RFC 1939, section 7: the MD5 of the greeting's time stamp and the password.
func (p *pop3Session) apop(argument string) error {
	user, digest, _ := strings.Cut(argument, " ")
	account := findAccount(user)
	if account == nil {
		return p.enter(nil, errCredentials)
	}
	sum := md5.Sum([]byte(p.timestamp + account.Password))
	if subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(strings.ToLower(digest))) != 1 {
		return p.enter(nil, errCredentials)
	}
	return p.enter(account, nil)
}

// auth is AUTH, RFC 5034. Without an argument it lists the mechanisms, as servers did before CAPA.
func (p *pop3Session) auth(argument string) error {
	mechanism, initial, _ := strings.Cut(argument, " ")
	if !p.mayLogIn() {
		p.no("[AUTH] Plaintext authentication disallowed on non-secure connections")
		return nil
	}
	if mechanism == "" {
		p.ok("")
		p.printf("%s\r\n.\r\n", strings.Join(p.mechanisms(), "\r\n"))
		return nil
	}
	account, err := p.sasl(mechanism, initial, func(challenge string) (string, error) {
		p.printf("+ %s\r\n", challenge)
		return p.readLine()
	})
	return p.enter(account, err)
}

// enter goes to the transaction state, or says why not.
func (p *pop3Session) enter(account *Account, err error) error {
	switch {
	case err == nil:
	case errors.Is(err, errCredentials):
		p.no("[AUTH] Authentication failed.")
		return nil
	case errors.Is(err, errCancelled), errors.Is(err, errBase64), errors.Is(err, errMechanism):
		p.no("%v", err)
		return nil
	default:
		return err
	}
	st := p.server.currentStore()
	messages, validity, unlock, err := st.lockMaildrop(account)
	if err != nil {
		p.no("[IN-USE] Mailbox is locked by another POP3 session")
		return nil
	}
	p.account, p.store, p.messages, p.validity, p.unlock = account, st, messages, validity, unlock
	p.ok("Logged in.")
	return nil
}

// left counts the messages not marked as deleted, and their octets.
func (p *pop3Session) left() (n int, octets int64) {
	for _, m := range p.messages {
		if !p.doomed[m] {
			n++
			octets += int64(len(m.raw))
		}
	}
	return n, octets
}

func (p *pop3Session) stat(string) error {
	n, octets := p.left()
	p.ok("%d %d", n, octets)
	return nil
}

// pick finds the message of a number, or says that there is none.
func (p *pop3Session) pick(argument string) *message {
	n, err := strconv.Atoi(argument)
	switch {
	case err != nil:
		p.no("Invalid message number.")
	case n < 1 || n > len(p.messages):
		p.no("There's no message %d.", n)
	case p.doomed[p.messages[n-1]]:
		p.no("Message is deleted.")
	default:
		return p.messages[n-1]
	}
	return nil
}

func (p *pop3Session) list(argument string) error {
	return p.scan(argument, func(m *message) string { return strconv.Itoa(len(m.raw)) })
}

// uidl gives identifiers that stay the same from session to session (RFC 1939, section 7).
func (p *pop3Session) uidl(argument string) error {
	return p.scan(argument, func(m *message) string { return fmt.Sprintf("%08x%08x", m.uid, p.validity) })
}

// scan answers LIST and UIDL, for one message or for all.
func (p *pop3Session) scan(argument string, about func(*message) string) error {
	if argument != "" {
		if m := p.pick(argument); m != nil {
			p.ok("%s %s", argument, about(m))
		}
		return nil
	}
	n, octets := p.left()
	p.ok("%d messages (%d octets)", n, octets)
	for i, m := range p.messages {
		if !p.doomed[m] {
			p.printf("%d %s\r\n", i+1, about(m))
		}
	}
	p.printf(".\r\n")
	return nil
}

func (p *pop3Session) retr(argument string) error {
	if m := p.pick(argument); m != nil {
		p.ok("%d octets", len(m.raw))
		p.sendStuffed(m.raw)
	}
	return nil
}

// top sends the header and the first lines of the body, RFC 1939, section 7.
func (p *pop3Session) top(argument string) error {
	number, count, _ := strings.Cut(argument, " ")
	lines, err := strconv.Atoi(strings.TrimSpace(count))
	if err != nil || lines < 0 {
		p.no("Invalid number of lines")
		return nil
	}
	m := p.pick(number)
	if m == nil {
		return nil
	}
	p.ok("Top of message follows")
	end := bytes.Index(m.raw, []byte("\r\n\r\n"))
	if end < 0 {
		p.sendStuffed(m.raw)
		return nil
	}
	for end += 4; lines > 0 && end < len(m.raw); lines-- {
		next := bytes.IndexByte(m.raw[end:], '\n')
		if next < 0 {
			end = len(m.raw)
			break
		}
		end += next + 1
	}
	p.sendStuffed(m.raw[:end])
	return nil
}

// sendStuffed sends a multi-line response: a dot is doubled at the start of a line, and one alone ends it.
func (p *pop3Session) sendStuffed(raw []byte) {
	for len(raw) > 0 {
		n := bytes.IndexByte(raw, '\n') + 1
		if n == 0 {
			n = len(raw)
		}
		if raw[0] == '.' {
			p.write([]byte{'.'})
		}
		p.write(raw[:n])
		if n == len(raw) && raw[n-1] != '\n' {
			p.write([]byte("\r\n"))
		}
		raw = raw[n:]
	}
	p.write([]byte(".\r\n"))
}

// dele only marks: nothing is removed before QUIT, and nothing at all if the connection breaks.
func (p *pop3Session) dele(argument string) error {
	if m := p.pick(argument); m != nil {
		p.doomed[m] = true
		p.ok("Marked to be deleted.")
	}
	return nil
}

func (p *pop3Session) rset(string) error {
	clear(p.doomed)
	p.ok("")
	return nil
}

// quit leads through the update state (RFC 1939, section 6).
func (p *pop3Session) quit(string) error {
	if p.account == nil {
		p.ok("Logging out")
		return errQuit
	}
	if len(p.doomed) > 0 {
		p.store.removeFromInbox(p.account, p.doomed)
		p.ok("Logging out, messages deleted.")
		return errQuit
	}
	p.ok("Logging out.")
	return errQuit
}
