package lab

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/mail"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// ENVELOPE must take address lists apart as RFC 5322 means them.
func TestParseAddresses(t *testing.T) {
	for value, want := range map[string][]address{
		"":                                   nil,
		"bob@exemple.test":                   {{"", "bob", "exemple.test"}},
		"Bob <bob@exemple.test>, a@b":        {{"Bob", "bob", "exemple.test"}, {"", "a", "b"}},
		`"Martin, Alice" <a@b>`:              {{"Martin, Alice", "a", "b"}},
		`"a\"b" <"x@y"@b>`:                   {{`a"b`, `"x@y"`, "b"}},
		"a@b (Alice (at home))":              {{"Alice (at home)", "a", "b"}},
		"Team: a@b, C <c@d>;":                {{"", "Team", ""}, {"", "a", "b"}, {"C", "c", "d"}, {}},
		"undisclosed-recipients:;":           {{"", "undisclosed-recipients", ""}, {}},
		"=?UTF-8?Q?Bob_Lef=C3=A8vre?= <a@b>": {{"=?UTF-8?Q?Bob_Lef=C3=A8vre?=", "a", "b"}},
		"postmaster":                         {{"", "postmaster", ""}},
		"Bob <bob@exemple.test":              {{"Bob", "bob", "exemple.test"}},
	} {
		if got := parseAddresses(value); !reflect.DeepEqual(got, want) {
			t.Errorf("%q gave %q, want %q", value, got, want)
		}
	}
}

// BODYSTRUCTURE and the section numbers must agree on nested messages.
func TestNestedMessage(t *testing.T) {
	raw := normalLines([]byte("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: message/rfc822\n\n" +
		"Subject: inner\nContent-Type: multipart/alternative; boundary=\"b c\"\n\n--b c\n\none\n--b c\nContent-Type: text/html\n\n<p>two\n--b c--\n" +
		"--a\n\nlast\n--a--\nepilogue\n"))
	m := &message{raw: raw}
	var w imapWriter
	w.structure(raw, m.structure(), false)
	const want = `(("message" "rfc822" NIL NIL NIL "7bit" 134 (NIL "inner" NIL NIL NIL NIL NIL NIL NIL NIL) (("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0)("text" "html" NIL NIL NIL "7bit" 6 0) "alternative") 10)("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 0) "mixed")`
	if w.String() != want {
		t.Errorf("BODY is %s\nwant    %s", w.String(), want)
	}
	for text, want := range map[string]string{
		"[1.1]": "one", "[1.2]": "<p>two", "[2]": "last", "[1.2.MIME]": "Content-Type: text/html\r\n\r\n",
		"[1.HEADER.FIELDS (SUBJECT)]": "Subject: inner\r\n\r\n", "[3]": "(none)", "[2.HEADER]": "(none)", "[2.1]": "last",
	} {
		a := &arguments{text: text}
		sec := a.section()
		if err := a.end(); err != nil {
			t.Fatal(err)
		}
		octets, ok := sec.octets(m)
		if !ok {
			octets = []byte("(none)")
		}
		if string(octets) != want || "["+sec.String()+"]" != text {
			t.Errorf("BODY%s, repeated as %s, is %q, want %q", text, sec, octets, want)
		}
	}
}

// A mailbox pattern's time must not explode.
func TestMatchMailbox(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a/b", true}, {"%", "a/b", false}, {"%", "a", true}, {"a/%", "a/b", true}, {"a*c", "a/b/c", true}, {"a%c", "a/b/c", false},
		{"", "", true}, {"INBOX", "INBOX", true}, {"%/%", "a/b", true}, {"b*", "ab", false},
		{strings.Repeat("*a", 200) + "b", strings.Repeat("a", maxMailboxName), false},
	} {
		if got := matchMailbox(c.pattern, c.name); got != c.want {
			t.Errorf("%q against %q: %v", c.pattern, c.name, got)
		}
	}
}

// The mail must look as fresh on any day: whole weeks are added, so that weekdays stay true.
func TestMailFollowsTheClock(t *testing.T) {
	for _, now := range []time.Time{epoch, epoch.Add(-time.Hour), epoch.AddDate(0, 0, 6), epoch.AddDate(3, 1, 3), epoch.AddDate(-1, 0, 0)} {
		s, err := newStore(func() time.Time { return now }, 0)
		if err != nil {
			t.Fatal(err)
		}
		for user, drop := range s.accounts {
			for name, b := range drop.boxes {
				for _, m := range b.messages {
					date, err := mail.ParseDate(m.structure().get("Date"))
					if err != nil || date.After(now) || now.Sub(date) > 15*24*time.Hour || m.arrived.Sub(date).Abs() > time.Minute {
						t.Errorf("at %v: %s/%s has a message of %v that arrived %v (%v)", now, user, name, date, m.arrived, err)
					}
				}
			}
		}
	}
}

// The example of a DKIM signature must be one: it verifies with the published record (RFC 6376), whatever the clock.
func TestDKIMExampleVerifies(t *testing.T) {
	s, err := newStore(func() time.Time { return epoch.AddDate(1, 2, 3) }, 0)
	if err != nil {
		t.Fatal(err)
	}
	m := s.accounts["bob"].boxes[inbox].messages[3]
	p := m.structure()
	_, tags := parseParameters(";" + p.get("DKIM-Signature"))
	tag := func(name string) string {
		for _, q := range tags {
			if q.name == name {
				return strings.NewReplacer(" ", "", "\t", "").Replace(q.value)
			}
		}
		return ""
	}
	body := sha256.Sum256([]byte(strings.TrimRight(relaxed(string(m.raw[p.body:p.to])), "\r\n") + "\r\n"))
	if got := base64.StdEncoding.EncodeToString(body[:]); got != tag("bh") {
		t.Errorf("the body hash is %s, the signature says %s", got, tag("bh"))
	}
	var signed strings.Builder
	for _, name := range strings.Split(tag("h"), ":") {
		signed.WriteString(name + ":" + relaxed(p.get(name)) + "\r\n")
	}
	signed.WriteString("dkim-signature:" + regexp.MustCompile(`b=[^;]*$`).ReplaceAllString(relaxed(p.get("DKIM-Signature")), "b="))
	digest := sha256.Sum256([]byte(signed.String()))
	der, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(DKIMRecord, "v=DKIM1; k=rsa; p="))
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := base64.StdEncoding.DecodeString(tag("b"))
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), crypto.SHA256, digest[:], signature); err != nil {
		t.Error(err)
	}
	if want := tag("s") + "._domainkey." + tag("d"); want != DKIMName {
		t.Errorf("the record's name is %s, the signature asks for %s", DKIMName, want)
	}
}

// relaxed is DKIM's canonical form of white space (RFC 6376, section 3.4).
func relaxed(s string) string {
	s = regexp.MustCompile(`[ \t]+`).ReplaceAllString(s, " ")
	return strings.TrimSpace(strings.ReplaceAll(s, " \r\n", "\r\n"))
}

// Whatever a message looks like, its structure must be written, and every part lie within the message.
func FuzzStructure(f *testing.F) {
	files, err := mailFiles.ReadDir("mail")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := mailFiles.ReadFile("mail/" + file.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(normalLines(raw))
	}
	f.Add([]byte("Content-Type: multipart/digest; boundary=a\r\n\r\n--a\r\n--a--"))
	f.Add([]byte("Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nFrom: \"a <b, (c:d;\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := &message{raw: raw}
		var check func(p *part, from, to int)
		check = func(p *part, from, to int) {
			if p.from < from || p.body < p.from || p.to < p.body || p.to > to {
				t.Fatalf("part [%d %d %d) outside [%d %d)", p.from, p.body, p.to, from, to)
			}
			for _, c := range p.children {
				check(c, p.body, p.to)
			}
		}
		check(m.structure(), 0, len(raw))
		var w imapWriter
		w.structure(raw, m.structure(), true)
		w.envelope(m.structure())
		if opened, closed := unquoted(w.Bytes()); opened != closed {
			t.Fatalf("unbalanced: %q", w.Bytes())
		}
	})
}

// unquoted counts the parentheses outside strings and literals.
func unquoted(b []byte) (opened, closed int) {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '(':
			opened++
		case ')':
			closed++
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{':
			end := i + bytes.IndexByte(b[i:], '\n')
			n, _, _ := trailingLiteral(string(b[i : end-1]))
			i = end + int(n)
		}
	}
	return opened, closed
}

// Whatever a client writes, reading it as any command must end with a value or an error, inside the text.
func FuzzArguments(f *testing.F) {
	for _, seed := range []string{
		`1:*,5 (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (A "b c")]<0.5>)`, `+FLAGS (\Seen $X)`, `{3+}` + "\r\nabc", `"a\"b" NIL`,
		`RETURN (MIN MAX) OR (NOT SEEN) HEADER a b SINCE 1-Jan-2026`, `("a" NIL "b" {1}` + "\r\nx)", `(SUBSCRIBED) "" ("*" %) RETURN (STATUS (MESSAGES))`, `99999999999`, `((((((`,
	} {
		f.Add(seed)
	}
	readers := []func(*arguments){
		func(a *arguments) { a.set(); a.space(); a.fetchItems() },
		func(a *arguments) { a.flags() },
		func(a *arguments) { a.astring(); a.space(); a.nstring() },
		func(a *arguments) { a.searchKeys(0) },
		func(a *arguments) { a.list(func() { a.nstring() }) },
		func(a *arguments) { a.listMailboxOrEmpty(); a.space(); a.statusItems() },
		func(a *arguments) { new(listOptions).selection(a); new(listOptions).returns(a) },
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, read := range readers {
			a := &arguments{text: text}
			read(a)
			if a.at < 0 || a.at > len(text) {
				t.Fatalf("read to %d of %d", a.at, len(text))
			}
		}
	})
}

// Whatever follows MAIL or RCPT, an accepted address must be fit for a header field.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"FROM:<a@b> SIZE=3", `from: <"a>b"@c>`, "FROM:<>", "FROM:<@a,@b:c@d>", "FROM:a@b X", "FROM:<a\r@b>", `FROM:<"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, argument string) {
		address, _, ok := parsePath(argument, "FROM:")
		if ok && strings.ContainsAny(address, "\r\n\x00") {
			t.Fatalf("took %q", address)
		}
		if local, here := isLocal(address); ok && here {
			recipient(local)
		}
	})
}

func BenchmarkStructure(b *testing.B) {
	raw, err := mailFiles.ReadFile("mail/03-photo.eml")
	if err != nil {
		b.Fatal(err)
	}
	raw = normalLines(raw)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		var w imapWriter
		p := parsePart(raw, 0, len(raw), 0)
		w.structure(raw, p, true)
		w.envelope(p)
	}
}

func BenchmarkReset(b *testing.B) {
	s := start(b, Options{})
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Reset(); err != nil {
			b.Fatal(err)
		}
	}
}
