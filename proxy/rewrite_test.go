package proxy

import "testing"

// Only what cannot work through two TLS sessions, or what facteur itself answers, may change; anything else must come
// out octet for octet.
func TestRewrite(t *testing.T) {
	plus, hide, offer := changes{plus: true}, changes{hideTLS: true}, changes{offerTLS: true}
	pop := func(c changes) func([]byte) ([]byte, string) {
		return func(b []byte) ([]byte, string) { return c.pop3Capability(b, "CAPA") }
	}
	tests := []struct {
		name, in, want, why string
		change              func([]byte) ([]byte, string)
	}{
		{"smtp: nothing to do", "250-h\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", "250-h\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", "", plus.smtpCapabilities},
		{"smtp: plus", "250-h\r\n250-AUTH PLAIN SCRAM-SHA-256-PLUS LOGIN\r\n250 HELP\r\n", "250-h\r\n250-AUTH PLAIN LOGIN\r\n250 HELP\r\n", whyPlus, plus.smtpCapabilities},
		{"smtp: the old form", "250-h\r\n250 AUTH=SCRAM-SHA-1-PLUS PLAIN\r\n", "250-h\r\n250 AUTH PLAIN\r\n", whyPlus, plus.smtpCapabilities},
		{"smtp: nothing but plus, last line", "250-h\r\n250-SIZE 1\r\n250 auth scram-sha-1-plus\r\n", "250-h\r\n250 SIZE 1\r\n", whyPlus, plus.smtpCapabilities},
		{"smtp: hide the last line", "250-h\r\n250-SIZE\r\n250 STARTTLS\r\n", "250-h\r\n250 SIZE\r\n", whyHide, hide.smtpCapabilities},
		{"smtp: offer", "250-h\r\n250 SIZE\r\n", "250-h\r\n250-SIZE\r\n250 STARTTLS\r\n", whyOffer, offer.smtpCapabilities},
		{"smtp: offer on a single line", "250 h\r\n", "250-h\r\n250 STARTTLS\r\n", whyOffer, offer.smtpCapabilities},
		{"smtp: offer on a bare code", "250\r\n", "250-\r\n250 STARTTLS\r\n", whyOffer, offer.smtpCapabilities},
		{"smtp: offered already", "250-h\r\n250 STARTTLS\r\n", "250-h\r\n250 STARTTLS\r\n", "", offer.smtpCapabilities},
		{"smtp: bare LF stays", "250-h\n250-AUTH X-PLUS Y\n250 Z\n", "250-h\n250-AUTH Y\n250 Z\n", whyPlus, plus.smtpCapabilities},
		{"imap: plus", "* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=SCRAM-SHA-1-PLUS IDLE\r\n", "* CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE\r\n", whyPlus, plus.imapCapabilities},
		{"imap: code", "* OK [CAPABILITY IMAP4rev1 auth=scram-sha-256-plus] hi [x]\r\n", "* OK [CAPABILITY IMAP4rev1] hi [x]\r\n", whyPlus, plus.imapCapabilities},
		{"imap: hide", "a OK [CAPABILITY STARTTLS IMAP4rev1] done\r\n", "a OK [CAPABILITY IMAP4rev1] done\r\n", whyHide, hide.imapCapabilities},
		{"imap: offer", "* CAPABILITY IMAP4rev1\r\n", "* CAPABILITY IMAP4rev1 STARTTLS\r\n", whyOffer, offer.imapCapabilities},
		{"imap: the word in a text", "* OK NOCAPABILITY here\r\n", "* OK NOCAPABILITY here\r\n", "", offer.imapCapabilities},
		{"imap: odd spacing stays", "* CAPABILITY  IMAP4rev1 \r\n", "* CAPABILITY  IMAP4rev1 \r\n", "", plus.imapCapabilities},
		{"pop3: plus", "SASL PLAIN SCRAM-SHA-1-PLUS\r\n", "SASL PLAIN\r\n", whyPlus, pop(plus)},
		{"pop3: nothing but plus", "SASL SCRAM-SHA-1-PLUS\r\n", "", whyPlus, pop(plus)},
		{"pop3: hide", "STLS\r\n", "", whyHide, pop(hide)},
		{"pop3: another line", "TOP\r\n", "TOP\r\n", "", pop(changes{plus: true, hideTLS: true})},
		{"sieve: plus first", "\"SASL\" \"SCRAM-SHA-1-PLUS PLAIN\"\r\n", "\"SASL\" \"PLAIN\"\r\n", whyPlus, plus.sieveCapability},
		{"sieve: plus last", "\"SASL\" \"PLAIN SCRAM-SHA-1-PLUS\"\r\n", "\"SASL\" \"PLAIN\"\r\n", whyPlus, plus.sieveCapability},
		{"sieve: hide", "\"STARTTLS\"\r\n", "", whyHide, hide.sieveCapability},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := tt.in
			now, why := tt.change([]byte(in))
			if string(now) != tt.want || why != tt.why {
				t.Errorf("got %q (%s), want %q (%s)", now, why, tt.want, tt.why)
			}
			if in != tt.in {
				t.Error("the octets it was given were changed")
			}
		})
	}
}

// Whatever a server sends, a change must not fail, and a list without the words in question must stay as it is.
func FuzzRewrite(f *testing.F) {
	for _, s := range []string{"250-h\r\n250-AUTH X-PLUS\r\n250 STARTTLS\r\n", "* OK [CAPABILITY A AUTH=B-PLUS] x\r\n", "SASL A-PLUS\r\n", "\"SASL\" \"A-PLUS\"\r\n", "\n", "250"} {
		f.Add([]byte(s), true, true, true)
	}
	f.Fuzz(func(t *testing.T, b []byte, plus, hide, offer bool) {
		if len(b) == 0 {
			return
		}
		c := changes{plus: plus, hideTLS: hide, offerTLS: offer}
		for _, change := range []func([]byte) ([]byte, string){c.smtpCapabilities, c.imapCapabilities, c.sieveCapability,
			func(b []byte) ([]byte, string) { return c.pop3Capability(b, "CAPA") }} {
			if now, why := change(b); why == "" && string(now) != string(b) {
				t.Errorf("%q became %q without a reason", b, now)
			}
		}
	})
}
