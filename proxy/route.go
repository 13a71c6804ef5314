package proxy

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"facteur/decode"
	"facteur/internal/bilingual"
)

// Security says how TLS comes to an endpoint.
type Security uint8

// The securities of an endpoint.
const (
	Clear    Security = iota // in clear; the two ends may agree on STARTTLS (RFC 3207, 2595, 9051 §6.2.1, 5804 §2.2)
	Implicit                 // TLS from the first octet (RFC 8314)
	StartTLS                 // of an upstream: facteur itself upgrades the server leg before the client has its say
	Plain                    // of an upstream: the server leg stays in clear, and facteur itself answers a client's STARTTLS
)

// String gives the word used in events: clear, tls, starttls or plain.
func (s Security) String() string { return [...]string{"clear", "tls", "starttls", "plain"}[s&3] }

// Mode is what facteur does with TLS.
type Mode uint8

// The modes of TLS.
const (
	Inherit     Mode = iota // of a route: what the configuration says
	Intercept               // two TLS sessions, one per leg, with a certificate made on the spot
	Passthrough             // one TLS session end to end, watched from outside
)

// String gives the mode's name on the command line.
func (m Mode) String() string { return [...]string{"", "intercept", "passthrough"}[m%3] }

// ParseMode reads a mode's name.
func ParseMode(s string) (Mode, error) {
	for _, m := range []Mode{Intercept, Passthrough} {
		if s == m.String() {
			return m, nil
		}
	}
	return Inherit, bilingual.Errorf("TLS mode %q is not known; use intercept or passthrough",
		"mode de TLS inconnu\u202f: %q\u202f; les modes sont intercept et passthrough", s)
}

// Endpoint is one end of a route.
type Endpoint struct {
	Scheme   string // as written: imap, imaps, submission …
	Protocol string // one of decode's constants
	Host     string // DNS name or IP literal, without brackets
	Port     int
	Security Security
	Knobs    Knobs // of the leg's TLS
}

// Addr is host:port, as net.Dial and net.Listen take it.
func (e Endpoint) Addr() string { return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) }

// String is the endpoint's URL.
func (e Endpoint) String() string {
	if e.Scheme == "" {
		return ""
	}
	var q []string
	switch e.Security {
	case StartTLS:
		q = append(q, "starttls")
	case Plain:
		q = append(q, "plain")
	}
	u := e.Scheme + "://" + e.Addr()
	if q = append(q, e.Knobs.parameters()...); len(q) > 0 {
		u += "?" + strings.Join(q, "&")
	}
	return u
}

// Route joins a listener to a mail server.
type Route struct {
	Listen, Upstream Endpoint
	TLS              Mode // Inherit unless the route itself says it
}

// String is the route as [ParseRoute] reads it.
func (r Route) String() string {
	if r.Upstream.Scheme == "" {
		return r.Listen.String() // a door
	}
	s := r.Listen.String() + "=" + r.Upstream.String()
	if r.TLS != Inherit {
		sep := "?"
		if strings.Contains(r.Upstream.String(), "?") {
			sep = "&"
		}
		s += sep + "tls=" + r.TLS.String()
	}
	return s
}

type scheme struct {
	name, protocol string
	port           int
	security       Security
}

// schemes have the ports of the IANA service name registry.
var schemes = []scheme{
	{"smtp", decode.SMTP, 25, Clear},
	{"submission", decode.SMTP, 587, Clear},
	{"smtps", decode.SMTP, 465, Implicit},
	{"pop3", decode.POP3, 110, Clear},
	{"pop3s", decode.POP3, 995, Implicit},
	{"imap", decode.IMAP, 143, Clear},
	{"imaps", decode.IMAP, 993, Implicit},
	{"sieve", decode.Sieve, 4190, Clear},
	{"lmtp", decode.LMTP, 24, Clear},
}

const exampleRoute = "imap://127.0.0.1:1143=imaps://mail.example.org"

// ParseRoute reads LISTEN_URL=UPSTREAM_URL, as in imap://127.0.0.1:1143=imaps://mail.example.org. A port that is left out
// is the scheme's registered one; a listener without a host listens on 127.0.0.1, and port 0 lets the system choose.
// Behind the upstream, ?starttls lets facteur itself upgrade the server leg, ?plain keeps that leg in clear whatever the
// client does, and ?tls=intercept or ?tls=passthrough decides for this route alone. Behind either URL stand the [Knobs] of
// its leg, as in ?tls-min=1.2&tls-max=1.3. Errors say which part of which route is wrong, and show a right one.
func ParseRoute(s string) (Route, error) {
	listen, upstream, ok := splitRoute(s)
	if !ok {
		return Route{}, bilingual.Errorf("route %q is not LISTEN_URL=UPSTREAM_URL; for example %s",
			"la route %q n’est pas URL_D’ÉCOUTE=URL_DU_SERVEUR\u202f; par exemple %s", s, exampleRoute)
	}
	var r Route
	var err error
	if r.Listen, err = parseEndpoint(listen, true, nil); err != nil {
		return Route{}, bilingual.Errorf("route %q: the listener %q: %w; for example %s", "route %q\u202f: l’écoute %q\u202f: %w\u202f; par exemple %s", s, listen, err, exampleRoute)
	}
	if r.Upstream, err = parseEndpoint(upstream, false, &r.TLS); err != nil {
		return Route{}, bilingual.Errorf("route %q: the upstream %q: %w; for example %s", "route %q\u202f: le serveur %q\u202f: %w\u202f; par exemple %s", s, upstream, err, exampleRoute)
	}
	if r.Listen.Protocol != r.Upstream.Protocol {
		return Route{}, bilingual.Errorf("route %q: the listener speaks %s and the upstream %s; both must speak the same protocol, for example %s",
			"route %q\u202f: l’écoute parle %s et le serveur %s\u202f; les deux doivent parler le même protocole, par exemple %s",
			s, r.Listen.Protocol, r.Upstream.Protocol, exampleRoute)
	}
	return r, nil
}

// splitRoute cuts at the equals sign before the second URL: one inside a query is no boundary.
func splitRoute(s string) (listen, upstream string, ok bool) {
	for i := 0; i < len(s); i++ {
		if s[i] != '=' {
			continue
		}
		name, _, found := strings.Cut(s[i+1:], "://")
		if found && !strings.ContainsAny(name, "=?&/") {
			return s[:i], s[i+1:], true
		}
	}
	return "", "", false
}

func parseEndpoint(s string, listener bool, mode *Mode) (Endpoint, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Endpoint{}, bilingual.Errorf("is no URL: %w",
			"n’est pas une URL\u202f: %w", unwrapURL(err))
	}
	i := slices.IndexFunc(schemes, func(c scheme) bool { return c.name == u.Scheme })
	if i < 0 {
		return Endpoint{}, bilingual.Errorf("scheme %q is not known (%s)",
			"schéma inconnu\u202f: %q (les schémas sont %s)", u.Scheme, schemeNames())
	}
	c := schemes[i]
	e := Endpoint{Scheme: c.name, Protocol: c.protocol, Host: u.Hostname(), Port: c.port, Security: c.security}
	if u.User != nil {
		return Endpoint{}, bilingual.New("a route has no user name: the mail client keeps its own",
			"une route n’a pas de nom d’utilisateur\u202f: le client garde le sien")
	}
	if u.Path != "" && u.Path != "/" || u.Fragment != "" || u.Opaque != "" {
		return Endpoint{}, bilingual.Errorf("nothing may stand behind the port but ?starttls, ?plain, ?tls= or a knob of TLS (%w)",
			"rien ne peut suivre le port que ?starttls, ?plain, ?tls= ou un réglage de TLS (%w)", knobNames)
	}
	if p := u.Port(); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil || n > 65535 || n == 0 && !listener {
			return Endpoint{}, bilingual.Errorf("port %s is not between 1 and 65535",
				"le port %s n’est pas compris entre 1 et 65535", p)
		}
		e.Port = n
	}
	switch {
	case strings.ContainsAny(e.Host, ":%") && (u.Host[0] != '[' || net.ParseIP(e.Host) == nil):
		return Endpoint{}, bilingual.Errorf("host %q is no name and no IP address; an IPv6 address stands in brackets, as in [::1]",
			"l’hôte %q n’est ni un nom ni une adresse IP\u202f; une adresse IPv6 est entre crochets, comme [::1]", e.Host)
	case e.Host == "" && listener:
		e.Host = "127.0.0.1"
	case e.Host == "":
		return Endpoint{}, bilingual.New("the host is missing",
			"il manque l’hôte")
	}
	if e.Host, err = asciiHost(e.Host); err != nil {
		return Endpoint{}, err
	}
	return e, e.query(u, listener, mode)
}

// asciiHost writes an internationalised name as the DNS and certificates have it (RFC 5891): exämple.org as xn--exmple-cua.org.
func asciiHost(host string) (string, error) {
	if strings.IndexFunc(host, func(r rune) bool { return r > '~' }) < 0 {
		return host, nil
	}
	name, err := idna.Lookup.ToASCII(host)
	if err != nil {
		return "", bilingual.Errorf("host %q is no name of the DNS: %w",
			"l’hôte %q n’est pas un nom du DNS\u202f: %w", host, err)
	}
	return name, nil
}

// query takes what stands behind the question mark.
func (e *Endpoint) query(u *url.URL, listener bool, mode *Mode) error {
	if u.RawQuery == "" {
		return nil
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return bilingual.Errorf("?%s cannot be read: %w",
			"?%s est illisible\u202f: %w", u.RawQuery, err)
	}
	for name, values := range q {
		if known, err := e.Knobs.set(name, values[0], listener); err != nil {
			return err
		} else if known {
			continue
		}
		if listener && (name == "starttls" || name == "plain" || name == "tls") {
			return behindUpstream(name)
		}
		switch name {
		case "starttls", "plain":
			if e.Security != Clear {
				return bilingual.Errorf("?%s has no place there: an upstream is TLS from the first octet (%s), ?starttls or ?plain",
					"?%s n’a pas sa place là\u202f: un serveur est en TLS dès le premier octet (%s), ?starttls ou ?plain", name, e.Scheme)
			}
			e.Security = map[string]Security{"starttls": StartTLS, "plain": Plain}[name]
		case "tls":
			if *mode, err = ParseMode(values[0]); err != nil {
				return err
			}
		default:
			return bilingual.Errorf("?%s is not known; use ?starttls, ?plain or ?tls=intercept|passthrough, or a knob of TLS (%w)",
				"?%s est inconnu\u202f; prenez ?starttls, ?plain ou ?tls=intercept|passthrough, ou un réglage de TLS (%w)", name, knobNames)
		}
	}
	return nil
}

// unwrapURL takes the URL out of a url.Error: the caller names it already.
func unwrapURL(err error) error {
	if e, ok := err.(*url.Error); ok {
		return e.Err
	}
	return err
}

func schemeNames() string {
	names := make([]string, len(schemes))
	for i, c := range schemes {
		names[i] = c.name
	}
	return strings.Join(names, " ")
}
