package lab

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// dateFormat is RFC 5322's date-time, section 3.3.
const dateFormat = "Mon, 02 Jan 2006 15:04:05 -0700"

// mail is MAIL, RFC 5321, section 4.1.1.2, with SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531) and AUTH (RFC 4954).
func (s *smtpSession) mail(argument string) error {
	address, parameters, ok := parsePath(argument, "FROM:")
	submission := s.service != SMTP
	switch {
	case s.helo == "":
		s.fail("503 5.5.1 Error: send HELO/EHLO first")
	case s.inMail:
		s.fail("503 5.5.1 Error: nested MAIL command")
	case !ok:
		s.fail("501 5.5.4 Syntax: MAIL FROM:<address>")
	case submission && s.account == nil && !s.mayLogIn():
		s.fail("530 5.7.0 Must issue a STARTTLS command first")
	case submission && s.account == nil:
		s.fail("530 5.7.0 Authentication required")
	default:
		if reply := s.mailParameters(parameters); reply != "" {
			s.utf8 = false
			s.fail("%s", reply)
			return nil
		}
		s.inMail, s.from = true, address
		s.reply("250 2.1.0 Ok")
	}
	return nil
}

// mailParameters takes the parameters of MAIL and gives the reply to refuse them with, "" for none.
func (s *smtpSession) mailParameters(parameters []string) string {
	for _, p := range parameters {
		key, value, _ := strings.Cut(p, "=")
		switch strings.ToUpper(key) {
		case "SIZE":
			size, err := strconv.ParseInt(value, 10, 64)
			if err != nil || size < 0 {
				return "501 5.5.4 Bad message size syntax"
			}
			if size > maxMessage {
				return "552 5.3.4 Message size exceeds fixed limit"
			}
		case "BODY":
			if v := strings.ToUpper(value); v != "7BIT" && v != "8BITMIME" {
				return "501 5.5.4 Unsupported BODY type"
			}
		case "SMTPUTF8":
			s.utf8 = true
		case "AUTH":
		default:
			return "555 5.5.4 Unsupported option: " + p
		}
	}
	return ""
}

// rcpt is RCPT, RFC 5321, section 4.1.1.3. The practice server relays for nobody: no message leaves the class room.
func (s *smtpSession) rcpt(argument string) error {
	address, parameters, ok := parsePath(argument, "TO:")
	switch {
	case !s.inMail:
		s.fail("503 5.5.1 Error: need MAIL command")
		return nil
	case !ok || address == "":
		s.fail("501 5.5.4 Syntax: RCPT TO:<address>")
		return nil
	case len(parameters) > 0:
		s.fail("555 5.5.4 Unsupported option: %s", parameters[0])
		return nil
	case len(s.recipients) >= maxRecipients:
		s.fail("452 4.5.3 Error: too many recipients")
		return nil
	}
	local, here := isLocal(address)
	account := recipient(local)
	switch faults := s.server.currentFaults(); {
	case !here:
		s.fail("550 5.7.1 <%s>: Relay access denied", address)
	case account == nil:
		s.fail("550 5.1.1 <%s>: Recipient address rejected: User unknown in local recipient table", address)
	case faults.MailboxFull || s.server.currentStore().full(account, 0):
		s.reply("452 4.2.2 <%s>: Recipient address rejected: Mailbox full", address)
	case s.server.greylist(s.from, address):
		s.reply("450 4.2.0 <%s>: Recipient address rejected: Greylisted, try again in a minute", address)
	default:
		s.recipients = append(s.recipients, smtpRecipient{address, account})
		s.reply("250 2.1.5 Ok")
	}
	return nil
}

// parsePath reads "FROM:<address> KEY=value …". Spaces after the colon and a path without brackets are wrong by RFC
// 5321, section 3.3 but common when typing by hand; both are taken. A source route is dropped (appendix C).
func parsePath(argument, keyword string) (address string, parameters []string, ok bool) {
	if len(argument) < len(keyword) || !strings.EqualFold(argument[:len(keyword)], keyword) {
		return "", nil, false
	}
	rest := strings.TrimLeft(argument[len(keyword):], " ")
	if strings.HasPrefix(rest, "<") {
		end := closingBracket(rest)
		if end < 0 {
			return "", nil, false
		}
		address, rest = rest[1:end], rest[end+1:]
	} else {
		address, rest, _ = strings.Cut(rest, " ")
		if address == "" {
			return "", nil, false
		}
	}
	if strings.HasPrefix(address, "@") {
		if _, last, found := strings.Cut(address, ":"); found {
			address = last
		}
	}
	if strings.ContainsAny(address, " <>") && !strings.HasPrefix(address, `"`) || printable(address) != address {
		return "", nil, false
	}
	return address, strings.Fields(rest), true
}

// closingBracket finds the > that ends a path; one inside a quoted local part is not it.
func closingBracket(s string) int {
	quoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && s[i] == '>':
			return i
		}
	}
	return -1
}

// data is DATA, RFC 5321, section 4.1.1.4.
func (s *smtpSession) data(argument string) error {
	switch {
	case !s.inMail:
		s.fail("503 5.5.1 Error: need MAIL command")
		return nil
	case len(s.recipients) == 0:
		s.fail("554 5.5.1 Error: no valid recipients")
		return nil
	case s.bdat:
		s.fail("503 5.5.1 Error: DATA after BDAT")
		return nil
	case argument != "":
		s.fail("501 5.5.4 Syntax: DATA")
		return nil
	}
	byHand := s.bareLF
	s.reply("354 End data with <CR><LF>.<CR><LF>")
	raw, tooBig, err := s.readMessage(byHand)
	if err != nil {
		return err
	}
	s.finish(raw, tooBig)
	return nil
}

// readMessage reads message lines up to the final dot, undoing the dot-stuffing (RFC 5321, section 4.5.2). Only
// <CRLF>.<CRLF> ends a message, or others could be smuggled in behind it; where the DATA line itself ended with a bare
// LF, a person is typing and LF.LF does. Stored lines end with CRLF either way.
func (s *smtpSession) readMessage(byHand bool) (raw []byte, tooBig bool, err error) {
	var b bytes.Buffer
	previousBare := false
	for {
		line, err := s.readLine()
		if err != nil {
			return nil, false, err
		}
		if line == "." && (byHand || !s.bareLF && !previousBare) {
			return b.Bytes(), tooBig, nil
		}
		previousBare = s.bareLF
		if b.Len()+len(line) > maxMessage {
			tooBig = true
			continue
		}
		b.WriteString(strings.TrimPrefix(line, "."))
		b.WriteString("\r\n")
	}
}

// bdatCommand is BDAT, RFC 3030: octets by count, no dot and no stuffing.
func (s *smtpSession) bdatCommand(argument string) error {
	fields := strings.Fields(argument)
	last := len(fields) == 2 && strings.EqualFold(fields[1], "LAST")
	var size int64 = -1
	if len(fields) == 1 || last {
		if n, err := strconv.ParseInt(fields[0], 10, 64); err == nil {
			size = n
		}
	}
	if size < 0 { // the chunk's end cannot be known, so nothing after it can be read
		s.reply("501 5.5.4 Syntax: BDAT count [LAST]")
		return errQuit
	}
	if !s.inMail || len(s.recipients) == 0 || s.tooBig || int64(len(s.chunks))+size > maxMessage {
		return s.refuseChunk(size, last)
	}
	chunk, err := s.readOctets(size)
	if err != nil {
		return err
	}
	s.bdat, s.chunks = true, append(s.chunks, chunk...)
	if !last {
		s.reply("250 2.0.0 Ok: %d bytes", size)
		return nil
	}
	s.finish(normalLines(s.chunks), false)
	return nil
}

// refuseChunk reads a chunk away and says why.
func (s *smtpSession) refuseChunk(size int64, last bool) error {
	if err := s.flush(); err != nil {
		return err
	}
	if err := s.discard(size); err != nil {
		return err
	}
	switch {
	case !s.inMail:
		s.fail("503 5.5.1 Error: need MAIL command")
	case len(s.recipients) == 0:
		s.fail("554 5.5.1 Error: no valid recipients")
	default:
		s.tooBig, s.chunks = true, nil
		s.reply("552 5.3.4 Message size exceeds fixed limit")
		if last {
			s.forget()
		}
	}
	return nil
}

// normalLines makes every line end CRLF, as the store keeps it.
func normalLines(b []byte) []byte {
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
}

// finish delivers the message and ends the transaction.
func (s *smtpSession) finish(raw []byte, tooBig bool) {
	defer s.forget()
	if tooBig {
		s.reply("552 5.3.4 Message size exceeds fixed limit")
		return
	}
	if bytes.IndexByte(raw, 0) >= 0 { // neither 8BITMIME nor IMAP can carry it
		s.reply("550 5.6.0 Message contains NUL characters")
		return
	}
	id := s.queueID()
	var delivered, full int
	for _, r := range s.recipients {
		err := s.server.currentStore().deliver(r.account, append(s.trace(id, r), raw...))
		if errors.Is(err, errOverQuota) {
			full++
			continue
		}
		delivered++
	}
	if delivered == 0 && full > 0 {
		s.reply("452 4.2.2 Mailbox full")
		return
	}
	s.log.Debug("practice server: message delivered", "id", id, "from", s.from, "recipients", delivered)
	s.reply("250 2.0.0 Ok: queued as %s", id)
}

// trace is what the final delivery adds at the top: Return-Path and Received (RFC 5321, section 4.4). The recipient is
// named only where there is one, so that a blind copy stays blind.
func (s *smtpSession) trace(id string, r smtpRecipient) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Return-Path: <%s>\r\n", s.from)
	host, _, err := net.SplitHostPort(s.net.RemoteAddr().String())
	if err != nil {
		host = s.net.RemoteAddr().String()
	}
	literal := host
	if strings.IndexByte(host, ':') >= 0 {
		literal = "IPv6:" + host // RFC 5321, section 4.1.3
	}
	fmt.Fprintf(&b, "Received: from %s (localhost [%s])\r\n", printable(s.helo), literal)
	if s.secure != nil {
		state := s.secure.ConnectionState()
		fmt.Fprintf(&b, "\t(using %s with cipher %s)\r\n", strings.ReplaceAll(tls.VersionName(state.Version), "TLS ", "TLSv"), tls.CipherSuiteName(state.CipherSuite))
	}
	fmt.Fprintf(&b, "\tby %s with %s id %s", ServerName, s.protocolName(), id)
	if len(s.recipients) == 1 {
		fmt.Fprintf(&b, "\r\n\tfor <%s>", r.address)
	}
	fmt.Fprintf(&b, "; %s\r\n", s.server.options.Now().Format(dateFormat))
	return b.Bytes()
}

// maxEchoed bounds what is repeated of a client's words: a domain name has 255 octets at most, a path 256 (RFC 5321,
// section 4.5.3.1).
const maxEchoed = 256

// printable keeps what a client said of itself fit for a header field.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '(' || r == ')' {
			return '?'
		}
		return r
	}, s[:min(len(s), maxEchoed)])
}
