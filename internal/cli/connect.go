package cli

import (
	"fmt"
	"net"
	"strconv"

	"facteur/decode"
	"facteur/proxy"
	"facteur/proxy/ca"
	"facteur/web"
)

// connectLines are commands, ready to be copied, that bring one's own client to each route.
func (a *app) connectLines(routes []proxy.Route, auth *ca.Authority) []web.Connect {
	var out []web.Connect
	path := "ca.pem"
	if auth != nil {
		path = auth.Show().Path
	}
	for _, r := range routes {
		out = append(out, connectRoute(r.Listen, path)...)
	}
	return out
}

func connectRoute(e proxy.Endpoint, caPath string) []web.Connect {
	addr := net.JoinHostPort(e.Host, strconv.Itoa(e.Port))
	tls := e.Security == proxy.Implicit
	word := map[bool][2]string{true: {"TLS implicite", "implicit TLS"}, false: {"STARTTLS", "STARTTLS"}}[tls]
	title := func(program string) web.Text {
		return web.Text{FR: fmt.Sprintf("%s, %s (%s)", program, upper(e.Protocol), word[0]), EN: fmt.Sprintf("%s, %s (%s)", program, upper(e.Protocol), word[1])}
	}
	var out []web.Connect
	add := func(program, command string) {
		out = append(out, web.Connect{ID: program + "-" + e.Scheme + "-" + strconv.Itoa(e.Port), Title: title(program), Command: command})
	}
	scheme := map[string]string{decode.SMTP: "smtp", decode.POP3: "pop3", decode.IMAP: "imap"}[e.Protocol]
	if scheme != "" {
		flag := "--ssl-reqd "
		if tls {
			scheme, flag = scheme+"s", ""
		}
		user := "--user alice"
		if e.Protocol == decode.SMTP {
			user += " --mail-from alice@exemple.test --mail-rcpt bob@exemple.test --upload-file message.eml"
		}
		add("curl", fmt.Sprintf("curl %s--cacert %s %s %s://%s/", flag, caPath, user, scheme, addr))
	}
	start := map[string]string{decode.SMTP: "smtp", decode.POP3: "pop3", decode.IMAP: "imap", decode.LMTP: "lmtp", decode.Sieve: "sieve"}[e.Protocol]
	starttls := "-starttls " + start + " "
	if tls {
		starttls = ""
	}
	add("openssl", fmt.Sprintf("openssl s_client -connect %s %s-CAfile %s -crlf -quiet", addr, starttls, caPath))
	return out
}

func upper(protocol string) string {
	return map[string]string{decode.SMTP: "SMTP", decode.LMTP: "LMTP", decode.POP3: "POP3", decode.IMAP: "IMAP", decode.Sieve: "ManageSieve"}[protocol]
}
