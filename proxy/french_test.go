package proxy

import (
	"regexp"
	"strings"
	"testing"

	"facteur/internal/bilingual"
)

// english finds words that no French sentence has.
var english = regexp.MustCompile(`\b(the|is|are|not|and|with|for|as in|use|must|give|takes|wants|known|leave|needs)\b`)

// What is wrong with a route, a flag or a configuration is said in French too, with nothing left in English.
func TestFaultsInFrench(t *testing.T) {
	var errs []error
	for _, s := range []string{"imap", "x://a=imap://b", "imap://a=x://b", "imap://:1=pop3://b", "imap://:1=imap://u@b", "imap://:1=imap://b/x",
		"imap://:1=imap://b:99999", "imap://:1=imap://", "imap://:1=imap://b::1", "imap://:1=imaps://b?starttls", "imap://:1?starttls=imap://b",
		"imap://:1=imap://b?foo", "imap://:1=imap://b?tls=x", "imap://:1=imap://b?tls-min=3", "imap://:1=imap://b?ciphers=x",
		"imap://:1=imap://b?ciphers=TLS_AES_128_GCM_SHA256", "imap://:1=imap://b?client-ca=x", "imap://:1?client-key=x=imap://b"} {
		_, err := ParseRoute(s)
		if err == nil {
			t.Errorf("route %s: no error", s)
			continue
		}
		errs = append(errs, err)
	}
	for _, s := range []string{"x", "delay", "expired=1", "delay=x", "truncate=x"} {
		_, err := ParseAttack(s)
		errs = append(errs, err)
	}
	route := func(s string) Config {
		r, err := ParseRoute(s)
		if err != nil {
			t.Fatal(err)
		}
		return Config{Routes: []Route{r}}
	}
	attack := func(c Config, change func(*Config)) Config {
		c.Mode, c.Attacks = Passthrough, []Attack{{Name: StripStartTLS}}
		if change != nil {
			change(&c)
		}
		return c
	}
	local := "imap://127.0.0.1:0=imap://127.0.0.1:1"
	for _, c := range []Config{
		{}, {Socks: "x"}, {Transparent: "a:99999"}, route("imap://:0=imap://b"), route("imap://:0=imaps://b?tls=passthrough"),
		route("imap://:0=imap://b?tls=passthrough&tls-min=1.2"), route("imap://:0=imap://b?tls-min=1.3&tls-max=1.2"),
		route("imap://:0=imap://b?client-cert=x"), route("imap://:0?client-ca=/dev/null=imap://b"),
		{Socks: "127.0.0.1:0", ClientTLS: Knobs{Min: 5, Max: 4}}, {Socks: "127.0.0.1:0", ServerTLS: Knobs{Min: 5, Max: 4}},
		attack(route(local), nil), attack(route("imap://:0=imap://b"), nil),
		attack(route(local), func(c *Config) { c.NoRewrite = true }), attack(route(local), func(c *Config) { c.Socks = "127.0.0.1:0" }),
	} {
		_, err := New(c)
		errs = append(errs, err)
	}
	for _, err := range errs {
		if err == nil {
			t.Error("no error")
			continue
		}
		fr := bilingual.In("fr", err)
		if word := english.FindString(strings.ReplaceAll(fr, "ca renew --host", "")); word != "" || fr == err.Error() {
			t.Errorf("%q\n%s is English in it: %s", err, word, fr)
		}
	}
}
