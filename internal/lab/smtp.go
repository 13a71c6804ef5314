package lab

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	maxMessage    = 10240000 // octets announced by SIZE, a common server's default
	maxRecipients = 100      // RFC 5321, section 4.5.3.1.8: at least 100
	maxSMTPErrors = 20       // then 421: a client this lost will not find its way
)

// smtpSession is one SMTP session, RFC 5321.
type smtpSession struct {
	*conn
	helo    string
	esmtp   bool
	account *Account // who logged in
	errors  int

	inMail     bool // a MAIL was accepted
	from       string
	utf8       bool
	recipients []smtpRecipient
	chunks     []byte // of BDAT so far
	bdat       bool   // BDAT was used: DATA is out (RFC 3030, section 2)
	tooBig     bool
}

type smtpRecipient struct {
	address string
	account *Account
}

// smtpVerbs are the commands, each with its step.
var smtpVerbs = map[string]func(*smtpSession, string) error{
	"EHLO": (*smtpSession).ehlo, "HELO": (*smtpSession).heloCommand,
	"STARTTLS": (*smtpSession).startTLSCommand, "AUTH": (*smtpSession).auth,
	"MAIL": (*smtpSession).mail, "RCPT": (*smtpSession).rcpt,
	"DATA": (*smtpSession).data, "BDAT": (*smtpSession).bdatCommand,
	"RSET": (*smtpSession).rset, "NOOP": (*smtpSession).noop, "VRFY": (*smtpSession).vrfy,
	"HELP": (*smtpSession).help, "EXPN": (*smtpSession).unimplemented, "ETRN": (*smtpSession).unimplemented,
	"QUIT": (*smtpSession).quit,
}

// errQuit ends a session in order.
var errQuit = errors.New("session ended by the client")

func serveSMTP(c *conn) error {
	s := &smtpSession{conn: c}
	c.setFarewell("421 4.3.2 " + ServerName + " Service shutting down, closing transmission channel\r\n")
	s.reply("220 %s ESMTP", ServerName)
	for {
		line, err := c.readLine()
		if errors.Is(err, errLineTooLong) {
			s.reply("500 5.5.2 Error: line too long")
		}
		if err != nil {
			return err
		}
		verb, argument, _ := strings.Cut(line, " ")
		step := smtpVerbs[strings.ToUpper(verb)]
		if step == nil {
			s.fail("500 5.5.2 Error: command not recognized")
		} else if err := step(s, strings.TrimSpace(argument)); err != nil {
			return endOf(err)
		}
		if s.errors > maxSMTPErrors {
			s.reply("421 4.7.0 %s Error: too many errors", ServerName)
			return nil
		}
	}
}

// endOf makes an orderly end no error.
func endOf(err error) error {
	if errors.Is(err, errQuit) {
		return nil
	}
	return err
}

// reply sends one reply of one line; the enhanced status code (RFC 2034) is in the text.
func (s *smtpSession) reply(format string, args ...any) {
	s.printf(format+"\r\n", args...)
}

// fail replies to a command that is wrong and counts it.
func (s *smtpSession) fail(format string, args ...any) {
	s.errors++
	s.reply(format, args...)
}

func (s *smtpSession) ehlo(argument string) error {
	if argument == "" {
		s.fail("501 5.5.4 Syntax: EHLO hostname")
		return nil
	}
	s.helo, s.esmtp = argument, true
	s.forget()
	lines := []string{ServerName, "PIPELINING", "SIZE " + strconv.Itoa(maxMessage)}
	if s.offersTLS() {
		lines = append(lines, "STARTTLS")
	}
	if s.mayLogIn() {
		lines = append(lines, "AUTH "+strings.Join(s.mechanisms(), " "))
	}
	lines = append(lines, "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "CHUNKING")
	for i, l := range lines {
		separator := "-"
		if i == len(lines)-1 {
			separator = " "
		}
		s.printf("250%s%s\r\n", separator, l)
	}
	return nil
}

func (s *smtpSession) heloCommand(argument string) error {
	if argument == "" {
		s.fail("501 Syntax: HELO hostname")
		return nil
	}
	s.helo, s.esmtp = argument, false
	s.forget()
	s.reply("250 %s", ServerName)
	return nil
}

// startTLSCommand is STARTTLS, RFC 3207. All that was known is forgotten after the handshake, the EHLO included.
func (s *smtpSession) startTLSCommand(argument string) error {
	faults := s.server.currentFaults()
	switch {
	case s.secure != nil:
		s.fail("554 5.5.1 Error: TLS already active")
	case faults.NoStartTLS:
		s.fail("502 5.5.1 Error: command not implemented")
	case argument != "":
		s.fail("501 5.5.4 Syntax: STARTTLS")
	case faults.RefuseStartTLS:
		s.reply("454 4.7.0 TLS not available due to local problem")
	default:
		s.reply("220 2.0.0 Ready to start TLS")
		if err := s.flush(); err != nil {
			return err
		}
		if err := s.startTLS(); err != nil {
			return err
		}
		s.helo, s.esmtp, s.account = "", false, nil
		s.forget()
	}
	return nil
}

// auth is AUTH, RFC 4954.
func (s *smtpSession) auth(argument string) error {
	mechanism, initial, _ := strings.Cut(argument, " ")
	switch {
	case s.helo == "":
		s.fail("503 5.5.1 Error: send HELO/EHLO first")
		return nil
	case !s.mayLogIn():
		s.fail("530 5.7.0 Must issue a STARTTLS command first")
		return nil
	case s.account != nil:
		s.fail("503 5.5.1 Error: already authenticated")
		return nil
	case s.inMail:
		s.fail("503 5.5.1 Error: MAIL transaction in progress")
		return nil
	case mechanism == "":
		s.fail("501 5.5.4 Syntax: AUTH mechanism")
		return nil
	}
	account, err := s.sasl(mechanism, initial, func(challenge string) (string, error) {
		s.reply("334 %s", challenge)
		return s.readLine()
	})
	switch {
	case err == nil:
		s.account = account
		s.reply("235 2.7.0 Authentication successful")
	case errors.Is(err, errMechanism):
		s.fail("504 5.5.4 Error: authentication mechanism not supported")
	case errors.Is(err, errCancelled):
		s.fail("501 5.7.0 Authentication aborted")
	case errors.Is(err, errBase64):
		s.fail("501 5.5.2 Error: cannot decode the response as base64")
	case errors.Is(err, errCredentials):
		s.fail("535 5.7.8 Error: authentication failed")
	default:
		return err
	}
	return nil
}

func (s *smtpSession) rset(string) error {
	s.forget()
	s.reply("250 2.0.0 Ok")
	return nil
}

func (s *smtpSession) noop(string) error {
	s.reply("250 2.0.0 Ok")
	return nil
}

// vrfy never tells whether a mailbox exists (RFC 5321, section 7.3).
func (s *smtpSession) vrfy(argument string) error {
	if argument == "" {
		s.fail("501 5.5.4 Syntax: VRFY address")
		return nil
	}
	s.reply("252 2.0.0 %s", printable(argument))
	return nil
}

func (s *smtpSession) help(string) error {
	s.reply("214 2.0.0 EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT")
	return nil
}

func (s *smtpSession) unimplemented(string) error {
	s.fail("502 5.5.1 Error: command not implemented")
	return nil
}

func (s *smtpSession) quit(string) error {
	s.reply("221 2.0.0 Bye")
	return errQuit
}

// forget ends the mail transaction without a trace.
func (s *smtpSession) forget() {
	s.inMail, s.from, s.utf8, s.recipients = false, "", false, nil
	s.chunks, s.bdat, s.tooBig = nil, false, false
}

// protocolName is what stands after "with" in the Received field (RFC 3848, RFC 6531, section 4.3).
func (s *smtpSession) protocolName() string {
	if !s.esmtp {
		return "SMTP"
	}
	name := "ESMTP"
	if s.utf8 {
		name = "UTF8SMTP"
	}
	if s.secure != nil {
		name += "S"
	}
	if s.account != nil {
		name += "A"
	}
	return name
}

// queueID is the name a message has in the server's log and in its Received field.
func (s *smtpSession) queueID() string {
	return fmt.Sprintf("%010X", uint64(s.server.options.Now().Unix())<<8|s.server.serial.Add(1)&0xff)
}
