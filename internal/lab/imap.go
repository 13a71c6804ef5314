package lab

import (
	"errors"
	"fmt"
	"strings"
)

// imapSession is one IMAP session, RFC 3501.
type imapSession struct {
	*conn
	account *Account
	store   *store // the store logged in to
	drop    *maildrop
	view    *view // the mailbox selected, nil for none
	tag     string
	after   func() error // what follows the tagged OK, set by a step that changes the connection
	ok      string       // what stands after "tag OK", set by a step that has more to say
}

// imapState is when a command is allowed (RFC 3501, section 3).
type imapState uint8

const (
	anyState imapState = iota
	notAuthenticated
	authenticated // selected, too
	selected
)

// imapCommand is one command. uid marks those that exist with UID before them as well.
type imapCommand struct {
	step  func(*imapSession, *arguments) error
	state imapState
	done  string // the text of the tagged OK
	uid   bool
}

// imapCommands are all commands, by name.
var imapCommands map[string]imapCommand

func init() { // because NOOP's and others' steps lead back to this table
	imapCommands = map[string]imapCommand{
		"CAPABILITY":   {(*imapSession).capability, anyState, "Capability completed.", false},
		"NOOP":         {(*imapSession).noop, anyState, "NOOP completed.", false},
		"LOGOUT":       {(*imapSession).logout, anyState, "Logout completed.", false},
		"ID":           {(*imapSession).id, anyState, "ID completed.", false},
		"STARTTLS":     {(*imapSession).startTLSCommand, notAuthenticated, "", false},
		"AUTHENTICATE": {(*imapSession).authenticate, notAuthenticated, "", false},
		"LOGIN":        {(*imapSession).login, notAuthenticated, "", false},
		"ENABLE":       {(*imapSession).enable, authenticated, "Enabled.", false},
		"NAMESPACE":    {(*imapSession).namespace, authenticated, "Namespace completed.", false},
		"SELECT":       {(*imapSession).selectCommand, authenticated, "", false},
		"EXAMINE":      {(*imapSession).examine, authenticated, "", false},
		"CREATE":       {(*imapSession).create, authenticated, "Create completed.", false},
		"DELETE":       {(*imapSession).deleteCommand, authenticated, "Delete completed.", false},
		"RENAME":       {(*imapSession).rename, authenticated, "Rename completed.", false},
		"SUBSCRIBE":    {(*imapSession).subscribe, authenticated, "Subscribe completed.", false},
		"UNSUBSCRIBE":  {(*imapSession).unsubscribe, authenticated, "Unsubscribe completed.", false},
		"LIST":         {(*imapSession).list, authenticated, "List completed.", false},
		"LSUB":         {(*imapSession).lsub, authenticated, "Lsub completed.", false},
		"STATUS":       {(*imapSession).status, authenticated, "Status completed.", false},
		"APPEND":       {(*imapSession).append, authenticated, "", false},
		"IDLE":         {(*imapSession).idle, authenticated, "Idle completed.", false},
		"CHECK":        {(*imapSession).noop, selected, "Check completed.", false},
		"COMPRESS":     {(*imapSession).compress, authenticated, "", false},
		"CLOSE":        {(*imapSession).closeCommand, selected, "Close completed.", false},
		"UNSELECT":     {(*imapSession).unselect, selected, "Unselect completed.", false},
		"EXPUNGE":      {(*imapSession).expunge, selected, "Expunge completed.", true},
		"SEARCH":       {(*imapSession).search, selected, "Search completed.", true},
		"FETCH":        {(*imapSession).fetch, selected, "Fetch completed.", true},
		"STORE":        {(*imapSession).storeCommand, selected, "Store completed.", true},
		"COPY":         {(*imapSession).copy, selected, "Copy completed.", true},
		"MOVE":         {(*imapSession).move, selected, "Move completed.", true},
	}
}

// statusError is a command's failure in IMAP's words: a type, NO or BAD, and a text that may begin with a response code.
type statusError struct{ kind, text string }

func (e *statusError) Error() string { return e.kind + " " + e.text }

func no(format string, args ...any) error  { return &statusError{"NO", fmt.Sprintf(format, args...)} }
func bad(format string, args ...any) error { return &statusError{"BAD", fmt.Sprintf(format, args...)} }

// maxIMAPErrors ends a session that does not speak IMAP: a browser's POST, for one.
const maxIMAPErrors = 20

func serveIMAP(c *conn) error {
	s := &imapSession{conn: c}
	defer s.leave()
	c.setFarewell("* BYE [UNAVAILABLE] Server shutting down.\r\n")
	s.untagged("OK [CAPABILITY %s] %s IMAP server ready.", strings.Join(s.capabilities(), " "), ServerName)
	for faults := 0; faults < maxIMAPErrors; {
		a, err := s.readCommand()
		if err == nil {
			err = s.run(a)
		}
		var status *statusError
		switch {
		case errors.As(err, &status):
			s.printf("%s %s %s\r\n", s.tag, status.kind, status.text)
			if status.kind == "BAD" {
				faults++
			}
		case errors.Is(err, errLineTooLong):
			s.untagged("BYE Command line too long.")
			return err
		case err != nil:
			return endOf(err)
		}
	}
	s.untagged("BYE Too many invalid commands.")
	return nil
}

// run obeys one command and sends its tagged response, except for failures, which the caller sends.
func (s *imapSession) run(a *arguments) error {
	name := strings.ToUpper(a.atom())
	uid := name == "UID"
	if uid {
		a.space()
		name = strings.ToUpper(a.atom())
	}
	command, known := imapCommands[name]
	if a.err != nil || !known || uid && !command.uid {
		return bad("Error in IMAP command received by server.")
	}
	a.name, a.uid = name, uid
	switch {
	case command.state == notAuthenticated && s.account != nil:
		return bad("Command not allowed: already logged in.")
	case command.state >= authenticated && s.account == nil:
		return bad("Please log in first.")
	case command.state == selected && s.view == nil:
		return bad("No mailbox selected.")
	}
	s.ok = command.done
	err := command.step(s, a)
	var status *statusError
	if err != nil && !errors.As(err, &status) && !errors.Is(err, errQuit) {
		return err
	}
	s.tellChanges(uid || name != "FETCH" && name != "STORE" && name != "SEARCH")
	if status == nil {
		s.printf("%s OK %s\r\n", s.tag, s.ok)
		if s.after != nil {
			after := s.after
			s.after = nil
			if err := s.flush(); err != nil {
				return err
			}
			return after()
		}
	}
	return err
}

// untagged sends one untagged response.
func (s *imapSession) untagged(format string, args ...any) {
	s.printf("* "+format+"\r\n", args...)
}

// capabilities are those of the moment: before log-in also the ways to log in.
func (s *imapSession) capabilities() []string {
	list := []string{"IMAP4rev1", "SASL-IR", "ENABLE", "ID", "IDLE", "LITERAL+", "NAMESPACE"}
	if s.account != nil {
		if s.server.options.Compress && !s.compressed {
			list = append(list, "COMPRESS=DEFLATE")
		}
		return append(list, "CHILDREN", "ESEARCH", "LIST-EXTENDED", "LIST-STATUS", "MOVE", "SPECIAL-USE", "STATUS=SIZE", "UIDPLUS", "UNSELECT")
	}
	if s.offersTLS() {
		list = append(list, "STARTTLS")
	}
	if !s.mayLogIn() {
		return append(list, "LOGINDISABLED")
	}
	for _, m := range s.mechanisms() {
		list = append(list, "AUTH="+m)
	}
	return list
}

func (s *imapSession) capability(a *arguments) error {
	if err := a.end(); err != nil {
		return err
	}
	s.untagged("CAPABILITY %s", strings.Join(s.capabilities(), " "))
	return nil
}

func (s *imapSession) noop(a *arguments) error { return a.end() }

func (s *imapSession) logout(a *arguments) error {
	if err := a.end(); err != nil {
		return err
	}
	s.untagged("BYE Logging out")
	return errQuit
}

// id is ID, RFC 2971. What the client says of itself is not kept.
func (s *imapSession) id(a *arguments) error {
	a.space()
	if !a.nilWord() {
		a.list(func() { a.nstring() })
	}
	if err := a.end(); err != nil {
		return err
	}
	s.untagged(`ID ("name" "facteur practice server")`)
	return nil
}

// startTLSCommand is STARTTLS, RFC 3501, section 6.2.1.
func (s *imapSession) startTLSCommand(a *arguments) error {
	faults := s.server.currentFaults()
	switch err := a.end(); {
	case err != nil:
		return err
	case s.secure != nil:
		return bad("TLS is already active.")
	case faults.NoStartTLS:
		return bad("TLS support isn't enabled.")
	case faults.RefuseStartTLS:
		return no("[UNAVAILABLE] TLS is not available now.")
	}
	s.ok, s.after = "Begin TLS negotiation now.", s.startTLS
	return nil
}

// compress is COMPRESS, RFC 4978.
func (s *imapSession) compress(a *arguments) error {
	a.space()
	mechanism := strings.ToUpper(a.atom())
	switch err := a.end(); {
	case err != nil:
		return err
	case !s.server.options.Compress || mechanism != "DEFLATE":
		return bad("Unknown compression mechanism.")
	case s.compressed:
		return no("[COMPRESSIONACTIVE] COMPRESSION already active.")
	}
	s.ok, s.after = "Begin compression.", s.deflate
	return nil
}

// login is LOGIN, RFC 3501, section 6.2.3.
func (s *imapSession) login(a *arguments) error {
	a.space()
	user := a.astring()
	a.space()
	password := a.astring()
	if err := a.end(); err != nil {
		return err
	}
	if !s.mayLogIn() {
		return no("[PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure connections.")
	}
	account, err := checkPassword(user, password)
	return s.enter(account, err)
}

// authenticate is AUTHENTICATE with the initial response of RFC 4959.
func (s *imapSession) authenticate(a *arguments) error {
	a.space()
	mechanism, initial := a.atom(), ""
	if a.more() {
		a.space()
		initial = a.until(" ")
	}
	if err := a.end(); err != nil {
		return err
	}
	if !s.mayLogIn() {
		return no("[PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure connections.")
	}
	account, err := s.sasl(mechanism, initial, func(challenge string) (string, error) {
		s.printf("+ %s\r\n", challenge)
		return s.readLine()
	})
	return s.enter(account, err)
}

// enter goes to the authenticated state, or says why not.
func (s *imapSession) enter(account *Account, err error) error {
	switch {
	case err == nil:
	case errors.Is(err, errCredentials):
		return no("[AUTHENTICATIONFAILED] Authentication failed.")
	case errors.Is(err, errCancelled), errors.Is(err, errBase64):
		return bad("Authentication aborted: %v.", err)
	case errors.Is(err, errMechanism):
		return no("[CANNOT] Unsupported authentication mechanism.")
	default:
		return err
	}
	s.account = account
	s.store = s.server.currentStore()
	s.drop = s.store.accounts[account.User]
	s.ok = fmt.Sprintf("[CAPABILITY %s] Logged in", strings.Join(s.capabilities(), " "))
	return nil
}

// enable is ENABLE, RFC 5161. Nothing this server does needs it, so nothing is enabled, which is a valid answer.
func (s *imapSession) enable(a *arguments) error {
	a.space()
	a.atom()
	for a.more() {
		a.space()
		a.atom()
	}
	if err := a.end(); err != nil {
		return err
	}
	s.untagged("ENABLED")
	return nil
}

func (s *imapSession) namespace(a *arguments) error {
	if err := a.end(); err != nil {
		return err
	}
	s.untagged(`NAMESPACE (("" "%c")) NIL NIL`, delimiter)
	return nil
}

// leave closes the mailbox without a word.
func (s *imapSession) leave() {
	if s.view == nil {
		return
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.view.close()
	s.view = nil
}
