package notes

import (
	"slices"
	"strings"
	"testing"
)

func ids(found []Found) []string {
	var out []string
	for _, f := range found {
		out = append(out, f.Text.ID)
	}
	return out
}

// What people type into `facteur explain`, however they write it.
func TestWord(t *testing.T) {
	for word, want := range map[string]string{
		"EHLO": "smtp.command.EHLO", "ehlo": "glossary.ehlo", "starttls": "imap.command.STARTTLS", "550": "smtp.reply.550",
		"5.1.1": "smtp.enhanced.5.1.1", "993": "port.993", "25": "port.25", "4190": "port.4190", "48": "tls.alert.unknown_ca",
		"unknown_ca": "tls.alert.unknown_ca", "Unknown CA": "tls.alert.unknown_ca", "PIPELINING": "pop3.capability.PIPELINING",
		"compress=deflate": "imap.capability.COMPRESS.DEFLATE", "[x]": "", "scram-sha-256": "sasl.SCRAM-SHA-256",
		"RFC 5321": "rfc.5321", "rfc9051": "rfc.9051", "RFC7489": "rfc.7489", "8314": "rfc.8314", `\Seen`: `imap.flag.\Seen`, "seen": `imap.flag.\Seen`,
		"Return-Path": "message.header.return-path", "sni": "glossary.sni", "MAIL FROM": "smtp.command.MAIL",
		"smtps": "port.465", "bare_lf": "lint.bare_lf", "bare LF": "lint.bare_lf", "1.3": "tls.version.1.3",
	} {
		for _, lang := range Langs() {
			found, _ := Word(lang, word)
			if want == "" {
				if len(found) > 0 {
					t.Errorf("%s %q: found %v", lang, word, ids(found))
				}
				continue
			}
			if !slices.Contains(ids(found), want) {
				t.Errorf("%s %q: found %v, not %s", lang, word, ids(found), want)
			}
		}
	}
	found, _ := Word(French, "envelope")
	enveloppe, _ := Word(French, "Enveloppe")
	if len(found) == 0 || len(enveloppe) == 0 {
		t.Error("a term is found by its French name and by its id")
	}
}

// An obsolete standard says what replaced it: that is what the reader needs to know.
func TestWordRFC(t *testing.T) {
	found, _ := Word(English, "RFC 7489")
	if len(found) != 1 || !strings.Contains(found[0].Text.More, "RFC 9989") || !strings.Contains(found[0].Title, "DMARC") {
		t.Errorf("found %+v", found)
	}
	found, _ = Word(French, "RFC 9051")
	if len(found) != 1 || !strings.Contains(found[0].Text.More, "RFC 3501") {
		t.Errorf("found %+v", found)
	}
}

func TestNearMisses(t *testing.T) {
	for word, want := range map[string]string{
		"STARTLS": "STARTTLS", "EHL0": "EHLO", "ehol": "EHLO", "AUTHENTICATONFAILED": "AUTHENTICATIONFAILED",
		"scram": "", "SCRAM-SHA256": "SCRAM-SHA-256", "pipelinning": "PIPELINING", "unkown_ca": "unknown_ca",
	} {
		found, near := Word(English, word)
		if want == "" {
			if len(found) == 0 {
				t.Errorf("%q is a term", word)
			}
			continue
		}
		if len(found) > 0 || !slices.ContainsFunc(near, func(s string) bool { return strings.EqualFold(s, want) }) {
			t.Errorf("%q: found %v, near %v", word, ids(found), near)
		}
		if len(near) > maxNear {
			t.Errorf("%q: %d suggestions", word, len(near))
		}
	}
	if found, near := Word(French, "zzzzqqqq"); len(found)+len(near) > 0 {
		t.Errorf("nonsense: %v %v", ids(found), near)
	}
}

// Every alias leads to a text.
func TestAliases(t *testing.T) {
	for alias, targets := range wordFile().Aliases {
		for _, id := range targets {
			if g, ok := strings.CutPrefix(id, glossaryPrefix); ok {
				if _, ok := catalogueOf(French).glossary[g]; !ok {
					t.Errorf("%s: no term %s", alias, g)
				}
			} else if !Has(id) {
				t.Errorf("%s: no text %s", alias, id)
			}
		}
	}
	for id := range wordFile().Samples {
		if id != "" && !Has(id) {
			t.Errorf("samples for %s, which has no text", id)
		}
	}
}

// Without an event, a text is shown with typical values and reads as a sentence.
func TestWordReadsWell(t *testing.T) {
	found, _ := Word(French, "RCPT")
	i := slices.IndexFunc(found, func(f Found) bool { return f.Text.ID == "smtp.command.RCPT" })
	if i < 0 || found[i].Title != "commande SMTP RCPT" || found[i].Text.Line != "Le client ajoute un destinataire à l’enveloppe\u202F: bob@exemple.test." {
		t.Errorf("found %+v", found)
	}
}

func FuzzWord(f *testing.F) {
	for _, s := range []string{"EHLO", "5.1.1", "rfc 5321", "\xff", "é", strings.Repeat("x", 5000), ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, word string) {
		for _, lang := range Langs() {
			found, near := Word(lang, word)
			for _, x := range found {
				if x.Title == "" || x.Text.Line == "" {
					t.Fatalf("%q: empty entry %+v", word, x)
				}
			}
			if len(near) > maxNear {
				t.Fatalf("%q: %d suggestions", word, len(near))
			}
		}
	})
}
