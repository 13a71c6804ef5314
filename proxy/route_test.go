package proxy

import (
	"strings"
	"testing"

	"facteur/decode"
)

func TestParseRoute(t *testing.T) {
	tests := []struct {
		in       string
		listen   Endpoint
		upstream Endpoint
		mode     Mode
	}{
		{"imap://127.0.0.1:1143=imaps://mail.example.org",
			Endpoint{"imap", decode.IMAP, "127.0.0.1", 1143, Clear, Knobs{}}, Endpoint{"imaps", decode.IMAP, "mail.example.org", 993, Implicit, Knobs{}}, Inherit},
		{"smtp://=smtp://mx.example.org", Endpoint{"smtp", decode.SMTP, "127.0.0.1", 25, Clear, Knobs{}}, Endpoint{"smtp", decode.SMTP, "mx.example.org", 25, Clear, Knobs{}}, Inherit},
		{"submission://localhost=smtps://mail.example.org/",
			Endpoint{"submission", decode.SMTP, "localhost", 587, Clear, Knobs{}}, Endpoint{"smtps", decode.SMTP, "mail.example.org", 465, Implicit, Knobs{}}, Inherit},
		{"pop3s://[::1]:0=pop3://[2001:db8::7]:1110?starttls",
			Endpoint{"pop3s", decode.POP3, "::1", 0, Implicit, Knobs{}}, Endpoint{"pop3", decode.POP3, "2001:db8::7", 1110, StartTLS, Knobs{}}, Inherit},
		{"pop3://0.0.0.0:1110=pop3s://h", Endpoint{"pop3", decode.POP3, "0.0.0.0", 1110, Clear, Knobs{}}, Endpoint{"pop3s", decode.POP3, "h", 995, Implicit, Knobs{}}, Inherit},
		{"sieve://:4190=sieve://h?tls=passthrough", Endpoint{"sieve", decode.Sieve, "127.0.0.1", 4190, Clear, Knobs{}}, Endpoint{"sieve", decode.Sieve, "h", 4190, Clear, Knobs{}}, Passthrough},
		{"smtp://:2525=smtp://h:26?plain", Endpoint{"smtp", decode.SMTP, "127.0.0.1", 2525, Clear, Knobs{}}, Endpoint{"smtp", decode.SMTP, "h", 26, Plain, Knobs{}}, Inherit},
		{"lmtp://:2424=lmtp://h?starttls&tls=intercept", Endpoint{"lmtp", decode.LMTP, "127.0.0.1", 2424, Clear, Knobs{}}, Endpoint{"lmtp", decode.LMTP, "h", 24, StartTLS, Knobs{}}, Intercept},
		{"imap://=imaps://Poste.exämple.org", Endpoint{"imap", decode.IMAP, "127.0.0.1", 143, Clear, Knobs{}}, Endpoint{"imaps", decode.IMAP, "poste.xn--exmple-cua.org", 993, Implicit, Knobs{}}, Inherit},
	}
	for _, tt := range tests {
		r, err := ParseRoute(tt.in)
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if r.Listen != tt.listen || r.Upstream != tt.upstream || r.TLS != tt.mode {
			t.Errorf("%s: got %+v", tt.in, r)
		}
		if again, err := ParseRoute(r.String()); err != nil || again != r {
			t.Errorf("%s: printed as %s, which reads as %+v, %v", tt.in, r, again, err)
		}
	}
}

// An error must name the route, say which part is wrong, and show a right one.
func TestParseRouteErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                                          "LISTEN_URL=UPSTREAM_URL",
		"imap://127.0.0.1:1143":                     "LISTEN_URL=UPSTREAM_URL",
		"imap://a=imap.example.org":                 "LISTEN_URL=UPSTREAM_URL",
		"http://a=imap://b":                         `the listener "http://a": scheme "http" is not known`,
		"imap://a=gopher://b":                       `the upstream "gopher://b": scheme "gopher" is not known`,
		"imap://a=imap://":                          "the upstream \"imap://\": the host is missing",
		"imap://a:99999=imap://b":                   "port 99999",
		"imap://a=imap://b:0":                       "port 0",
		"imap://a=imap://b:x":                       "the upstream",
		"imap://a=imap://ä\u2028b":                  "is no name of the DNS",
		"imap://a=pop3://b":                         "the listener speaks imap and the upstream pop3",
		"imap://a=imap://bob@b":                     "no user name",
		"imap://a=imap://b/INBOX":                   "nothing may stand behind the port",
		"imap://a?starttls=imap://b":                "belongs behind the upstream",
		"imap://a=imaps://b?starttls":               "TLS from the first octet",
		"imap://a=imap://b?plain&starttls":          "has no place there",
		"imap://a=imap://b?tls=strong":              `TLS mode "strong"`,
		"imap://a=imap://b?color=red":               "?color is not known",
		"imap://::1=imap://b":                       "stands in brackets",
		"imap://[fe80::1%25eth0]=imap://b":          "stands in brackets",
		"imap://[::1=imap://b":                      "the listener",
		"imap://127.0.0.1:1143 = imap://mail.local": "the listener",
	} {
		_, err := ParseRoute(in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", in, err, want)
			continue
		}
		if !strings.Contains(err.Error(), "for example") {
			t.Errorf("%q: the error shows no right route: %v", in, err)
		}
	}
}

func FuzzParseRoute(f *testing.F) {
	for _, s := range []string{exampleRoute, "pop3s://[::1]:0=pop3://[2001:db8::7]:1110?starttls&tls=passthrough", "=://", "imap://a?b=imap://c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRoute(s)
		if err != nil {
			return
		}
		if again, err := ParseRoute(r.String()); err != nil || again != r {
			t.Errorf("%q: printed as %q, which reads as %+v, %v", s, r, again, err)
		}
	})
}
