package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"facteur/decode"
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
	faultProtocol    = "wrong_protocol"
	faultTLSOnClear  = "tls_on_clear_port"
	faultClearOnTLS  = "clear_on_tls_port"
	faultInjection   = "starttls_injection"
	faultStartTLS    = "upstream_starttls"
	faultLoop        = "route_loop"
	faultLimit       = "limit"
	faultShutdown    = "shutdown"
	faultInternal    = "internal"
)

// fault is a failure of a session: what it is for programs, one sentence for people, and what to do.
type fault struct {
	what   string
	detail string // a clear sentence without a final stop
	hint   string // what to do; "" if nothing can be done here
	leg    decode.Leg
	err    error // the cause, for the log
	told   bool
}

func (f *fault) Error() string { return f.detail }
func (f *fault) Unwrap() error { return f.err }

// fail tells a fault: to the observer, and in one line of the log.
func (s *session) fail(f *fault) {
	if f.told {
		return
	}
	f.told = true
	s.tell.told(f.leg, decode.Client, "session.error", "what", f.what, "route", s.route.String(), "detail", f.detail, "hint", f.hint)
	args := []any{"what", f.what}
	if f.hint != "" {
		args = append(args, "hint", f.hint)
	}
	if f.err != nil {
		args = append(args, "err", f.err)
	}
	s.log.Warn(f.detail, args...)
}

// dialFault says why there is no connection to the mail server.
func (s *session) dialFault(err error) *fault {
	up := s.route.Upstream
	f := &fault{what: faultUnreachable, leg: decode.ServerLeg, err: err}
	var dns *net.DNSError
	switch {
	case errors.Is(err, errLoop):
		f.what = faultLoop
		f.detail = fmt.Sprintf("the route leads back to facteur itself, at %s", up.Addr())
		f.hint = "name the real mail server in the route"
	case errors.As(err, &dns) && dns.IsNotFound:
		f.detail = fmt.Sprintf("the mail server's name %s is not known to the DNS", up.Host)
		f.hint = "check the host in the route " + s.route.String()
	case errors.As(err, &dns):
		f.detail = fmt.Sprintf("the mail server's name %s could not be looked up: %s", up.Host, dns.Err)
		f.hint = "check this machine's network and DNS"
	case isTimeout(err):
		f.what = faultTimeout
		f.detail = fmt.Sprintf("the mail server %s did not answer within %s", up.Addr(), s.srv.c.DialTimeout)
		f.hint = "check the host and the port; a firewall may swallow the connection"
	case errors.Is(err, errRefused):
		f.detail = fmt.Sprintf("the mail server %s refused the connection", up.Addr())
		f.hint = "check the port, and that the server runs"
	default:
		f.detail = fmt.Sprintf("the mail server %s cannot be reached: %v", up.Addr(), err)
		f.hint = "check the host, the port and this machine's network"
	}
	return f
}

// serverFault says why the handshake with the mail server failed.
func (s *session) serverFault(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		f.leg = decode.ServerLeg
		return f
	}
	up := s.route.Upstream.Addr()
	f = &fault{what: faultHandshake, leg: decode.ServerLeg, err: err, hint: "try `openssl s_client -connect " + up + "` to see what the server says"}
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &header):
		f.detail = fmt.Sprintf("the mail server %s does not speak TLS there: it began with %q", up, header.RecordHeader)
		f.hint = "use a scheme without s (smtp, pop3, imap), with ?starttls if the server shall be upgraded"
	case isTimeout(err):
		f.what = faultTimeout
		f.detail = fmt.Sprintf("the mail server %s did not complete the TLS handshake within %s", up, s.srv.c.HandshakeTimeout)
	case errors.Is(err, io.EOF) || isReset(err):
		f.detail = fmt.Sprintf("the mail server %s closed the connection during the TLS handshake", up)
	default:
		f.detail = fmt.Sprintf("the TLS handshake with the mail server %s failed: %s", up, plainTLS(err))
	}
	return f
}

// clientFault says why the handshake with the mail client failed.
func (s *session) clientFault(err error) *fault {
	f := &fault{what: faultHandshake, leg: decode.ClientLeg, err: err}
	var header tls.RecordHeaderError
	alert, remote := remoteAlert(err)
	if !remote {
		alert, remote = s.client.plainAlert()
	}
	switch {
	case errors.As(err, &header):
		return s.notTLS(f, header.RecordHeader[:])
	case remote && refusesCertificate(alert):
		f.what = faultRefusedUs
		f.detail = fmt.Sprintf("the mail client does not trust facteur's authority: it refused the certificate with the alert %s", alertText(alert))
		f.hint = s.trustHint()
	case remote:
		f.detail = "the mail client broke off the TLS handshake with the alert " + alertText(alert)
	case isTimeout(err):
		f.what = faultClearOnTLS
		f.detail = fmt.Sprintf("the mail client began no TLS within %s: it may wait for a greeting in clear", s.srv.c.HandshakeTimeout)
		f.hint = "set the client to SSL/TLS on this port, or give the listener a scheme without s"
	case s.hello != nil && (errors.Is(err, io.EOF) || isReset(err)):
		f.what = faultRefusedUs
		f.detail = "the mail client closed the connection when it saw facteur's certificate; it probably does not trust facteur's authority"
		f.hint = s.trustHint()
	case errors.Is(err, io.EOF) || isReset(err):
		f.detail = "the mail client closed the connection before the TLS handshake"
	default:
		f.detail = "the TLS handshake with the mail client failed: " + plainTLS(err)
	}
	return f
}

// notTLS says what came where TLS was to begin.
func (s *session) notTLS(f *fault, first []byte) *fault {
	if looksHTTP(first) {
		f.what = faultProtocol
		f.detail = fmt.Sprintf("a web browser called: %s is a port for %s", s.route.Listen.Addr(), strings.ToUpper(s.route.Listen.Protocol))
		f.hint = "point a mail client at it; the page is at the address that --web printed"
		return f
	}
	f.what = faultClearOnTLS
	f.detail = fmt.Sprintf("the mail client speaks in clear (%q) where TLS is to begin", first)
	f.hint = "set the client to SSL/TLS (or to STARTTLS, on a listener whose scheme has no s)"
	return f
}

func (s *session) trustHint() string {
	if s.srv.c.Authority == nil {
		return ""
	}
	return "run `facteur ca install` or import " + s.srv.c.Authority.Show().Path + " in the client as an authority for web sites and servers"
}

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

// listenFault says why a route does not listen.
func listenFault(r Route, err error) error {
	switch {
	case errors.Is(err, errInUse):
		return fmt.Errorf("route %s: port %d of %s is in use by another program; end it, or choose another port: %w", r, r.Listen.Port, r.Listen.Host, err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("route %s: port %d needs administrator rights (ports below 1024 do); use %d instead: %w", r, r.Listen.Port, r.Listen.Port+1000, err)
	case errors.Is(err, errNoSuchLocal):
		return fmt.Errorf("route %s: %s is no address of this machine; use 127.0.0.1, or 0.0.0.0 for all: %w", r, r.Listen.Host, err)
	}
	return fmt.Errorf("route %s: cannot listen on %s: %w", r, r.Listen.Addr(), err)
}

// refuse tells a mail client in its own protocol that there will be no session; clients show this text. It is for a
// connection on which nothing has been said yet, in clear or inside TLS.
func (s *session) refuse(f *fault) {
	text := "facteur: " + strings.Map(printable, f.detail)
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
