package decode_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
)

// deserved says which lints the captures of our own lab deserve, and why. No other may come.
var deserved = []struct{ lint, why, files string }{
	{"bare_cr", "a message with a CR within a line, made for that", `fake-smtp-data-terminator-variants`},
	{"bare_lf", "a client that ends its lines in LF, and messages with LF alone, made for that", `fake-pop3-dot-boundaries fake-smtp-data-terminator-variants pop3-errors-bareLF`},
	{"cert_wrong_name", "their clients ask for fake.example.test, the certificate is for mail.example.test", `fake-imap-starttls-no-then-bad-then-ok fake-smtp-starttls-multiline-split-reply trap-smtp-on-80`},
	{"data_after_starttls", "commands in one segment with STARTTLS, made for that", `smtp-starttls-injection`},
	{"eight_bit", "8-bit text that MAIL did not announce, made for that", `smtp-long-lines`},
	{"long_line", "lines over every limit, made for that", `smtp-long-lines`},
	{"nul", "NUL in a message, made for that", `smtp-long-lines`},
	{"obsolete_tls", "the session is TLS 1.0", `smtp-starttls-tls10-rsa-cbc`},
	{"password_in_clear", "passwords and tokens without TLS", `fake-pop3-dot-boundaries fake-sieve-literals fake-smtp-auth-shapes imap-append-fetch-2mb
		imap-authenticate-mechs imap-compress-deflate-plain imap-idle-notify imap-ipv6-preauth-odd-port-41143
		imap-plain-literals managesieve-plain-auth pop3-errors-bareLF pop3-mpop-pipelined pop3-plain-user-pass
		smtp-auth-login smtp-auth-misc smtp-auth-plain-fail smtp-auth-plain`},
	{"sasl_downgrade", "the server offers CRAM-MD5, the client sends the password itself", `imap-append-fetch-2mb imap-authenticate-mechs imap-compress-deflate-plain imap-idle-notify
		imap-ipv6-preauth-odd-port-41143 imap-plain-literals managesieve-plain-auth pop3-errors-bareLF
		pop3-mpop-pipelined pop3-plain-user-pass smtp-auth-login smtp-auth-misc smtp-auth-plain-fail smtp-auth-plain`},
	{"smuggling", "ends of a message that are none, made for that", `fake-smtp-data-terminator-variants`},
	{"starttls_unused", "the server offers TLS, the client goes on in clear; in one after its STARTTLS was refused", `fake-sieve-literals fake-smtp-data-terminator-variants fake-smtp-starttls-word-in-data imap-append-fetch-2mb
		imap-authenticate-mechs imap-compress-deflate-plain imap-idle-notify imap-ipv6-preauth-odd-port-41143
		imap-plain-literals lmtp-multi-rcpt managesieve-plain-auth pop3-errors-bareLF pop3-mpop-pipelined
		pop3-plain-user-pass smtp-5mb-attachment smtp-abrupt-rst-in-data smtp-auth-login smtp-auth-misc
		smtp-auth-plain-fail smtp-auth-plain smtp-bdat-chunks smtp-byte-by-byte smtp-ipv6-plain smtp-long-lines
		smtp-pipelined-swaks smtp-pipelined-two-tx smtp-starttls-refused-454 smtp-xclient-xforward`},
	{"unanswered", "HTTP on the ports of IMAP and SMTP: its lines are taken for commands, and the server hangs up", `trap-http-on-143-and-25`},
	{"unexpected_reply", "the server answers each line it sees in the octets of a ClientHello", `smtp-tls-hello-on-25`},
}

// TestLintsOnCleanTraffic protects against false warnings: on traffic of real clients and servers only those lints come
// that it deserves.
func TestLintsOnCleanTraffic(t *testing.T) {
	files, _ := filepath.Glob(sharedCaptures + "/own/*.oracle.jsonl")
	if len(files) == 0 {
		if os.Getenv("CI") != "" {
			t.Fatalf("no captures at %s/own", sharedCaptures)
		}
		t.Skipf("no captures at %s/own", sharedCaptures)
	}
	want := map[string][]string{}
	for _, d := range deserved {
		for _, f := range strings.Fields(d.files) {
			want[f] = append(want[f], d.lint)
		}
	}
	for _, file := range files {
		file = strings.TrimSuffix(file, ".oracle.jsonl")
		name := strings.TrimSuffix(filepath.Base(file), ".pcap")
		found := lintsOfCapture(t, file)
		for id, where := range found {
			if !slices.Contains(want[name], id) {
				t.Errorf("%s: lint.%s is not deserved: %s", name, id, clip(where))
			}
		}
		for _, id := range want[name] {
			if found[id] == "" {
				t.Errorf("%s: lint.%s does not come", name, id)
			}
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s is not among the captures", name)
	}
}

// lintsOfCapture gives the lints of a capture file, each with the line of its first event.
func lintsOfCapture(t *testing.T, file string) map[string]string {
	t.Helper()
	c := &take{keys: new(tlswire.KeyLog), sessions: map[int]*session{}}
	if text, err := os.ReadFile(file + ".keys"); err == nil {
		c.keys.Add(text)
	}
	if err := captures.ReadFile(file, c); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, s := range c.sessions {
		d := decode.New(s.options(c))
		look := func(evs []decode.Event) {
			for i := range evs {
				for _, n := range evs[i].Notes {
					if id, ok := strings.CutPrefix(n.ID, "lint."); ok && found[id] == "" {
						found[id] = evs[i].Kind + " " + evs[i].Field("line")
					}
				}
			}
		}
		for _, ch := range s.chunks {
			look(d.Feed(ch))
		}
		look(d.Close(s.end))
	}
	return found
}
