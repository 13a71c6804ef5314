package lab

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"time"
)

// Script is a mail client's half of one or several conversations, as data: what it does, in order, and what it waits
// for before it goes on. A script names services, not addresses, so the same one plays against the practice server, a
// proxy in front of it, or any server with the same accounts.
type Script struct {
	ID    string            // "first", "imap-starttls-plain-ir" …
	Title map[string]string // by language, "fr" and "en"
	Steps []Step
}

// Op is what a step does.
type Op string

// The operations. Connections have names, so that two devices can take turns in one script.
const (
	OpOpen     Op = "open"     // connect to Service and wait for the greeting
	OpSay      Op = "say"      // send Send and wait for Expect
	OpTLS      Op = "tls"      // start TLS, as agreed by the step before
	OpCompress Op = "compress" // start COMPRESS DEFLATE, as agreed by the step before
	OpWait     Op = "wait"     // send nothing and wait for Expect
	OpClose    Op = "close"    // close in order, once the server has closed or at once
	OpCut      Op = "cut"      // break the connection without a word, as a dropped network would
)

// Step is one exchange.
//
// Send is sent as it is, line ends included; these words in it are replaced first: $date (now, RFC 5322), $unique (a
// token that differs from run to run), $last (the number of the last message, as STAT or EXISTS told it), $digest (the
// digest of APOP), $scram-first, $scram-first-plus and $scram-final (bob's messages of SCRAM-SHA-256, without and with
// channel binding).
//
// Expect is what the server's answer must begin with. For SMTP and for POP3 that is the reply (all lines of a multi-line
// SMTP reply are read first); for IMAP, a whole line: the tagged response "a1 OK", "+" for a continuation request, or an
// untagged line such as "* 7 EXISTS", the ones before it being read and passed over. $last is replaced here too, and $n stands for any number.
type Step struct {
	Op        Op
	Conn      string // the connection's name, "bob's telephone"
	Service   string // of OpOpen: smtp, submission, smtps, pop3, pop3s, imap, imaps
	Send      string
	Expect    string
	Multiline bool              // POP3: a list ending with a dot follows "+OK"
	Caption   map[string]string // what happens here, by language; nil where the step needs no words
}

// Targets say where a script's services are and how it connects.
type Targets struct {
	Addrs      map[string]string      // "host:port" by service
	RootCAs    *x509.CertPool         // who may have signed the server's certificate; nil for the system's
	ServerName string                 // the name to verify; default mail.exemple.test
	MinVersion uint16                 // of TLS; default TLS 1.2
	MaxVersion uint16                 // of TLS; default: the newest
	Sessions   tls.ClientSessionCache // of earlier TLS sessions, so that they are resumed; default none
	KeyLog     io.Writer              // receives the TLS secrets, as SSLKEYLOGFILE would
	Pace       time.Duration          // between two exchanges, so that people can follow
	Now        func() time.Time       // default time.Now
	Unique     string                 // what $unique stands for; default: different from run to run
	OnStep     func(index int, step Step)
}

// say is a step on the connection's current turn; the builders below keep the scripts short enough to be read.
func say(conn, send, expect string) Step {
	return Step{Op: OpSay, Conn: conn, Send: send, Expect: expect}
}

// list is a POP3 command whose response has many lines.
func list(conn, send string) Step {
	return Step{Op: OpSay, Conn: conn, Send: send, Expect: "+OK", Multiline: true}
}

// octets sends something to which the server says nothing yet.
func octets(conn, send string) Step { return Step{Op: OpSay, Conn: conn, Send: send} }

func open(conn, service, expect string) Step {
	return Step{Op: OpOpen, Conn: conn, Service: service, Expect: expect}
}

func startTLS(conn string) Step { return Step{Op: OpTLS, Conn: conn} }

func wait(conn, expect string) Step { return Step{Op: OpWait, Conn: conn, Expect: expect} }

func hangUp(conn string) Step { return Step{Op: OpClose, Conn: conn} }

// told adds a caption to a step.
func (s Step) told(fr, en string) Step {
	s.Caption = map[string]string{"fr": fr, "en": en}
	return s
}

func join(parts ...[]Step) []Step {
	var all []Step
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
