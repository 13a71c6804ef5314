package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"

	"facteur/decode"
	"facteur/internal/bilingual"
)

// What can go wrong, as the field "what" of session.error has it.
const (
	faultUnreachable = "upstream_unreachable"
	faultTimeout     = "upstream_timeout"
	faultUntrusted   = "upstream_untrusted"
	faultName        = "upstream_name"
	faultExpired     = "upstream_expired"
	faultRefusedUs   = "client_refused_certificate"
	faultHandshake   = "handshake_failed"
	faultBroken      = "tls_broken"
	faultBinding     = "channel_binding"
	faultProtocol    = "wrong_protocol"
	faultTLSOnClear  = "tls_on_clear_port"
	faultClearOnTLS  = "clear_on_tls_port"
	faultInjection   = "starttls_injection"
	faultStartTLS    = "upstream_starttls"
	faultSilent      = "upstream_silent"
	faultLost        = "upstream_lost"
	faultOutside     = "outside_constraint"
	faultLoop        = "route_loop"
	faultSocks       = "socks"
	faultDirect      = "not_redirected"
	faultLimit       = "limit"
	faultShutdown    = "shutdown"
	faultInternal    = "internal"
)

// fault is a failure of a session, or something in it that a person should know. It holds no prose: what and cause name a
// sentence of the catalogue (session.error.WHAT.CAUSE), and fields are the words in it.
type fault struct {
	what   string
	cause  string   // which of several ways; "" if there is one
	fields []string // names and values in turn
	leg    decode.Leg
	err    error // the cause, for the log
	told   bool
}

// id is the note that says it.
func (f *fault) id() string {
	id := "session.error." + f.what
	if f.cause != "" {
		id += "." + f.cause
	}
	return id
}

func (f *fault) Error() string {
	s := strings.TrimPrefix(f.id(), "session.error.")
	for i := 0; i+1 < len(f.fields); i += 2 {
		s += fmt.Sprintf(" %s=%q", f.fields[i], f.fields[i+1])
	}
	return s
}

func (f *fault) Unwrap() error { return f.err }

// Sentence says a note of the catalogue in a language: one sentence, and what to do about it.
type Sentence func(lang, id string, fields []decode.Field) (line, advice string)

// words are a fault's fields, as an event has them.
func words(pairs []string) []decode.Field {
	out := make([]decode.Field, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			out = append(out, decode.Field{Name: pairs[i], Value: pairs[i+1]})
		}
	}
	return out
}

// say gives a fault's sentence in a language.
func (s *Server) say(lang string, f *fault) (line, advice string) {
	if s.c.Sentence == nil {
		return f.Error(), ""
	}
	return s.c.Sentence(lang, f.id(), words(f.fields))
}

// note gives the sentence of a note that is no fault.
func (s *Server) note(id string, pairs ...string) string {
	if s.c.Sentence == nil {
		return id
	}
	line, _ := s.c.Sentence(s.c.Lang, id, words(pairs))
	return line
}

// fail tells a fault: to the observer, and in one line of the log.
func (s *session) fail(f *fault) {
	if f.told {
		return
	}
	f.told = true
	s.tell.told(f.leg, decode.Client, "session.error", append([]string{"what", f.what, "cause", f.cause, "route", s.route.String()}, f.fields...)...)
	if f.what == faultShutdown {
		s.srv.ended.Add(1) // all are said in one line
		return
	}
	line, advice := s.srv.say(s.srv.c.Lang, f)
	args := []any{"what", f.what}
	if advice != "" {
		args = append(args, "hint", advice)
	}
	if f.err != nil {
		args = append(args, "err", bilingual.In(s.srv.c.Lang, f.err))
	}
	s.log().Warn(line, args...)
}

// dialFault says why there is no connection to the mail server.
func (s *session) dialFault(err error) *fault {
	up := s.route.Upstream
	f := &fault{what: faultUnreachable, leg: decode.ServerLeg, err: err, fields: []string{"server", up.Addr(), "host", up.Host}}
	var dns *net.DNSError
	switch {
	case errors.Is(err, errLoop):
		f.what = faultLoop
	case errors.As(err, &dns) && dns.IsNotFound:
		f.cause = "dns_unknown"
	case errors.As(err, &dns):
		f.cause = "dns_failed"
		f.fields = append(f.fields, "description", dns.Err)
	case isTimeout(err):
		f.what, f.cause = faultTimeout, "connect"
	case errors.Is(err, errRefused):
		f.cause = "refused"
	default:
		f.cause = "network"
		f.fields = append(f.fields, "description", plainDial(err))
	}
	return f
}

// plainDial takes the addresses off a network error: the sentence has them.
func plainDial(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		err = op.Err
	}
	return err.Error()
}

// serverFault says why the handshake with the mail server failed.
func (s *session) serverFault(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		f.leg = decode.ServerLeg
		return f
	}
	f = &fault{what: faultHandshake, leg: decode.ServerLeg, err: err, fields: []string{"server", s.route.Upstream.Addr()}}
	var header tls.RecordHeaderError
	switch alert, remote := remoteAlert(err); {
	case remote && alert == alertCertificateRequired:
		f.cause = "server_wants_certificate"
	case errors.As(err, &header):
		f.cause = "server_not_tls"
		f.fields = append(f.fields, "text", printableText(header.RecordHeader[:]))
	case isTimeout(err):
		f.what, f.cause = faultTimeout, "handshake"
	case errors.Is(err, io.EOF) || isReset(err):
		f.cause = "server_closed"
	default:
		f.cause = "server"
		f.fields = append(f.fields, "description", plainTLS(err))
	}
	return f
}

// clientFault says why the handshake with the mail client failed.
func (s *session) clientFault(err error) *fault {
	f := &fault{what: faultHandshake, leg: decode.ClientLeg, err: err}
	var header tls.RecordHeaderError
	var unsigned *tls.CertificateVerificationError
	alert, remote := remoteAlert(err)
	if !remote {
		if alert, remote = s.client.plainAlert(); remote {
			f.err = tls.AlertError(alert) // rather than that its record could not be opened
		}
	}
	switch {
	case errors.As(err, &header):
		return s.notTLS(f, header.RecordHeader[:])
	case s.srv.flaw() != "" && (remote && refusesCertificate(alert) || !remote && s.hello != nil && (errors.Is(err, io.EOF) || isReset(err))):
		f.what, f.cause = faultRefusedUs, "lab" // rightly, and no authority learnt would change it
		f.fields = []string{"name", string(s.srv.flaw())}
	case remote && refusesCertificate(alert):
		f.what, f.cause = faultRefusedUs, withLibrary("alert", library(s.hello))
		f.fields = []string{"description", alertText(alert), "filename", s.authorityFile()}
	case remote:
		f.cause = "client_alert"
		f.fields = []string{"description", alertText(alert)}
	case errors.As(err, &unsigned):
		f.cause = "client_certificate"
		f.fields = []string{"description", bareCause(unsigned.Err)}
	case s.route.legs[decode.ClientLeg].pool != nil && strings.Contains(err.Error(), "didn't provide a certificate"): // crypto/tls has no better name for it
		f.cause = "client_no_certificate"
	case isTimeout(err):
		f.what, f.cause = faultClearOnTLS, "silent"
	case s.hello != nil && (errors.Is(err, io.EOF) || isReset(err)):
		f.what, f.cause = faultRefusedUs, withLibrary("closed", library(s.hello))
		f.fields = []string{"filename", s.authorityFile()}
	case errors.Is(err, io.EOF) || isReset(err):
		f.cause = "client_closed"
	default:
		f.cause = "client"
		f.fields = []string{"description", plainTLS(err)}
	}
	return f
}

// notTLS says what came where TLS was to begin.
func (s *session) notTLS(f *fault, first []byte) *fault {
	if looksHTTP(first) {
		f.what, f.cause = faultProtocol, "browser"
		f.fields = []string{"server", s.route.Listen.Addr(), "protocol", strings.ToUpper(s.route.Listen.Protocol)}
		return f
	}
	f.what, f.cause = faultClearOnTLS, "spoke"
	f.fields = []string{"text", printableText(first)}
	return f
}

// authorityFile is what a client that does not trust facteur has to import.
func (s *session) authorityFile() string {
	if s.srv.c.Authority == nil {
		return ""
	}
	return s.srv.c.Authority.Show().Path
}

// printableText shows the first octets of what came, fit to stand in a sentence.
func printableText(b []byte) string { return strings.TrimSpace(strings.Map(printable, string(b))) }

// remoteAlert gives the number of the alert that the other side sent.
func remoteAlert(err error) (uint8, bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return 0, false
	}
	var n uint8
	_, scanErr := fmt.Sscanf(fmt.Sprintf("%d", op.Err), "%d", &n)
	return n, scanErr == nil
}

// refusesCertificate reports whether an alert is about the certificate (RFC 9846 §6.2): bad_certificate 42,
// unsupported_certificate 43, certificate_revoked 44, certificate_expired 45, certificate_unknown 46, unknown_ca 48.
func refusesCertificate(alert uint8) bool { return alert >= 42 && alert <= 46 || alert == 48 }

// alertCertificateRequired is a server's that wants a client's certificate (RFC 9846 §6.2).
const alertCertificateRequired = 116

// bareCause says why a certificate was not believed, without the package's name.
func bareCause(err error) string { return strings.TrimPrefix(err.Error(), "x509: ") }

func alertText(alert uint8) string { return plainTLS(tls.AlertError(alert)) }

func plainTLS(err error) string { return strings.TrimPrefix(err.Error(), "tls: ") }

func looksHTTP(b []byte) bool {
	for _, m := range []string{"GET ", "POST", "HEAD", "PUT ", "OPTI", "CONN", "PRI "} {
		if strings.HasPrefix(string(b), m) {
			return true
		}
	}
	return false
}

// listenCause names what keeps a route from listening, as the catalogue has it (session.listen.CAUSE).
func listenCause(err error) string {
	switch {
	case errors.Is(err, errInUse):
		return "in_use"
	case errors.Is(err, os.ErrPermission):
		return "rights"
	case errors.Is(err, errNoSuchLocal):
		return "address"
	}
	return "other"
}

// listenFault says why a route does not listen.
func listenFault(r Route, err error) error {
	switch listenCause(err) {
	case "in_use":
		return bilingual.Errorf("route %s: port %d of %s is in use by another program; end it, or choose another port: %w",
			"route %s\u202f: le port %d de %s est pris par un autre programme\u202f; arrêtez-le, ou choisissez un autre port\u202f: %w", r, r.Listen.Port, r.Listen.Host, err)
	case "rights":
		return bilingual.Errorf("route %s: port %d needs administrator rights (ports below 1024 do); use %d instead: %w",
			"route %s\u202f: le port %d demande les droits d’administrateur (comme tous ceux au-dessous de 1024)\u202f; prenez plutôt %d\u202f: %w", r, r.Listen.Port, r.Listen.Port+1000, err)
	case "address":
		return bilingual.Errorf("route %s: %s is no address of this machine; use 127.0.0.1, or 0.0.0.0 for all: %w",
			"route %s\u202f: %s n’est pas une adresse de cette machine\u202f; prenez 127.0.0.1, ou 0.0.0.0 pour toutes\u202f: %w", r, r.Listen.Host, err)
	}
	return bilingual.Errorf("route %s: cannot listen on %s: %w",
		"route %s\u202f: impossible d’écouter sur %s\u202f: %w", r, r.Listen.Addr(), err)
}

// tellListen logs why a route does not listen, in the user's language.
func (s *Server) tellListen(r Route, err error) {
	if s.c.Sentence == nil {
		s.c.Log.Error(err.Error())
		return
	}
	line, advice := s.c.Sentence(s.c.Lang, "session.listen."+listenCause(err), words([]string{"server", r.Listen.Addr(), "number", strconv.Itoa(r.Listen.Port + 1000)}))
	s.c.Log.Error(line, "hint", advice, "route", r.String(), "err", plainDial(err))
}

// refuse tells a mail client in its own protocol that there will be no session; clients show this text. It is for a
// connection on which nothing has been said yet, in clear or inside TLS.
func (s *session) refuse(f *fault) {
	text, _ := s.srv.say("en", f) // protocol text is US-ASCII
	text = "facteur: " + strings.Map(printable, text)
	var line string
	switch s.route.Listen.Protocol {
	case decode.POP3:
		line = "-ERR [SYS/TEMP] " + text // RFC 3206 §4
	case decode.IMAP:
		line = "* BYE [UNAVAILABLE] " + text // RFC 9051 §7.1.5, RFC 5530 §3
	case decode.Sieve:
		line = `BYE "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"` // RFC 5804 §1.2
	default:
		line = "421 4.4.1 " + text // RFC 5321 §3.8, RFC 3463 §3.5
	}
	s.client.SetDeadline(deadlineIn(farewellTimeout))
	s.client.app.Write([]byte(line + "\r\n"))
	s.client.SetDeadline(never)
}

// printable keeps a refusal on one line of US-ASCII.
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}
