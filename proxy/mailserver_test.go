package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"facteur/decode"
)

// mailServer is as much of a mail server as logging in takes, with SCRAM-PLUS on offer inside TLS.
type mailServer struct {
	t        testing.TB
	proto    string
	tls      *tls.Config // nil: no TLS at all
	implicit bool
	refuse   bool          // STARTTLS is on offer, and refused
	behind   string        // said in clear right behind the agreement on TLS
	hold     chan struct{} // the greeting waits until it is closed; nil: it does not

	mu   sync.Mutex
	said []string // commands, each with a leading "tls " if it came inside TLS
	sni  string
}

func (m *mailServer) start() int { return serve(m.t, m.session) }

func (m *mailServer) commands() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.said...)
}

func (m *mailServer) secure(c net.Conn) net.Conn {
	cfg := m.tls.Clone()
	cfg.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.sni = h.ServerName
		return nil, nil
	}
	return tls.Server(c, cfg)
}

func (m *mailServer) session(c net.Conn) {
	secured := m.implicit
	if secured {
		c = m.secure(c)
	}
	defer func() { c.Close() }()
	if m.hold != nil {
		<-m.hold
	}
	io.WriteString(c, m.greeting(secured))
	partial := ""
	for room := make([]byte, 4096); ; {
		n, err := c.Read(room)
		if err != nil {
			return
		}
		lines := strings.SplitAfter(partial+string(room[:n]), "\n")
		partial = lines[len(lines)-1]
		for _, line := range lines[:len(lines)-1] {
			answer, upgrade, done := m.answer(strings.TrimRight(line, "\r\n"), secured)
			if upgrade {
				answer += m.behind
			}
			if _, err := io.WriteString(c, answer); err != nil || done {
				return
			}
			if upgrade {
				c, secured = m.secure(c), true
				if m.proto == decode.Sieve {
					io.WriteString(c, m.greeting(true))
				}
				partial = ""
				break // what came behind it in clear is thrown away
			}
		}
	}
}

func (m *mailServer) offers(secured bool) bool { return m.tls != nil && !secured }

func (m *mailServer) greeting(secured bool) string {
	switch m.proto {
	case decode.POP3:
		return "+OK ready <1.2@h>\r\n"
	case decode.IMAP:
		return "* OK [" + m.imapCapability(secured) + "] ready\r\n"
	case decode.Sieve:
		s := "\"IMPLEMENTATION\" \"x\"\r\n\"SASL\" \"PLAIN" + m.plus(secured) + "\"\r\n"
		if m.offers(secured) {
			s += "\"STARTTLS\"\r\n"
		}
		return s + "OK \"ready\"\r\n"
	}
	return "220 h ready\r\n"
}

func (m *mailServer) plus(secured bool) string {
	if secured {
		return " SCRAM-SHA-256-PLUS"
	}
	return ""
}

func (m *mailServer) imapCapability(secured bool) string {
	s := "CAPABILITY IMAP4rev1 AUTH=PLAIN"
	if secured {
		s += " AUTH=SCRAM-SHA-256-PLUS"
	}
	if m.offers(secured) {
		s += " STARTTLS LOGINDISABLED"
	}
	return s
}

func (m *mailServer) answer(line string, secured bool) (answer string, upgrade, done bool) {
	m.mu.Lock()
	if secured {
		m.said = append(m.said, "tls "+line)
	} else {
		m.said = append(m.said, line)
	}
	m.mu.Unlock()
	word, rest, _ := strings.Cut(line, " ")
	tag := ""
	if m.proto == decode.IMAP {
		tag = word + " "
		word, _, _ = strings.Cut(rest, " ")
	}
	ok := map[string]string{decode.SMTP: "250 ok\r\n", decode.LMTP: "250 ok\r\n", decode.POP3: "+OK\r\n", decode.IMAP: tag + "OK done\r\n", decode.Sieve: "OK\r\n"}[m.proto]
	no := map[string]string{decode.SMTP: "454 no\r\n", decode.LMTP: "454 no\r\n", decode.POP3: "-ERR no\r\n", decode.IMAP: tag + "BAD no\r\n", decode.Sieve: "NO\r\n"}[m.proto]
	switch strings.ToUpper(word) {
	case "EHLO", "LHLO":
		s := "250-h\r\n"
		if m.offers(secured) {
			s += "250-STARTTLS\r\n"
		}
		return s + "250 AUTH PLAIN" + m.plus(secured) + "\r\n", false, false
	case "CAPA":
		s := "+OK\r\nSASL PLAIN" + m.plus(secured) + "\r\n"
		if m.offers(secured) {
			s += "STLS\r\n"
		}
		return s + ".\r\n", false, false
	case "CAPABILITY":
		if m.proto == decode.Sieve {
			return m.greeting(secured), false, false
		}
		return "* " + m.imapCapability(secured) + "\r\n" + ok, false, false
	case "STARTTLS", "STLS":
		if !m.offers(secured) || m.refuse {
			return no, false, false
		}
		if m.proto == decode.SMTP || m.proto == decode.LMTP {
			ok = "220 go\r\n"
		}
		return ok, true, false
	case "AUTH":
		if m.proto == decode.SMTP || m.proto == decode.LMTP {
			ok = "235 in\r\n"
		}
	case "QUIT", "LOGOUT":
		return ok, false, true
	}
	return ok, false, false
}

// mailClient is the other end: it says hello, upgrades if it is to, logs in and says goodbye.
type mailClient struct {
	k     *talk
	proto string
	caps  string // as the server's last answer gave them
}

func (c *mailClient) ask(command, until string) string {
	c.k.t.Helper()
	c.k.say(command + "\r\n")
	return c.k.until(until)
}

// hello reads the greeting, if there is one, and asks for the capabilities.
func (c *mailClient) hello(greeted bool) {
	c.k.t.Helper()
	switch c.proto {
	case decode.POP3:
		if greeted {
			c.k.until("+OK")
		}
		c.caps = c.ask("CAPA", ".")
	case decode.IMAP:
		g := ""
		if greeted {
			g = c.k.until("* OK")
		}
		c.caps = g + "\n" + c.ask("c CAPABILITY", "c OK")
	case decode.Sieve:
		c.caps = c.k.until("OK")
	case decode.LMTP:
		if greeted {
			c.k.until("220")
		}
		c.caps = c.ask("LHLO client", "250 ")
	default:
		if greeted {
			c.k.until("220")
		}
		c.caps = c.ask("EHLO client", "250 ")
	}
}

func (c *mailClient) offered() bool {
	return strings.Contains(c.caps, "STARTTLS") || strings.Contains(c.caps, "STLS")
}

func (c *mailClient) starttls(cfg *tls.Config) {
	c.k.t.Helper()
	command := map[string][2]string{decode.SMTP: {"STARTTLS", "220"}, decode.LMTP: {"STARTTLS", "220"}, decode.POP3: {"STLS", "+OK"},
		decode.IMAP: {"s STARTTLS", "s OK"}, decode.Sieve: {"STARTTLS", "OK"}}[c.proto]
	c.ask(command[0], command[1])
	c.k = c.k.starttls(cfg)
}

func (c *mailClient) login() {
	c.k.t.Helper()
	command := map[string][2]string{decode.SMTP: {"AUTH PLAIN AGEAYg==", "235"}, decode.LMTP: {"AUTH PLAIN AGEAYg==", "235"}, decode.POP3: {"PASS secret", "+OK"},
		decode.IMAP: {"l LOGIN a secret", "l OK"}, decode.Sieve: {`AUTHENTICATE "PLAIN" "AGEAYg=="`, "OK"}}[c.proto]
	c.ask(command[0], command[1])
}

func (c *mailClient) quit() {
	c.k.t.Helper()
	command := map[string][2]string{decode.SMTP: {"QUIT", "2"}, decode.LMTP: {"QUIT", "2"}, decode.POP3: {"QUIT", "+OK"},
		decode.IMAP: {"z LOGOUT", "z OK"}, decode.Sieve: {"LOGOUT", "OK"}}[c.proto]
	c.ask(command[0], command[1])
	c.k.eof()
	c.k.Close()
}
