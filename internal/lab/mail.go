package lab

import (
	"bytes"
	"embed"
	"fmt"
	"regexp"
	"time"
)

//go:embed mail/*.eml
var mailFiles embed.FS

// DKIMName and DKIMRecord are the DNS record that the signature of the message 04-reservations verifies with: for a
// lesson's own resolver, since bibliotheque.example exists in no real DNS. The private key was thrown away.
const (
	DKIMName   = "lettre2026._domainkey.bibliotheque.example"
	DKIMRecord = "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAmVNXcAST8Krx1tiUsIhMJFIh1mzaSY1Q8vb+eSKl6yZ2jhxu0cideoMXlsXspx76fcVQvo9mQCHIikIer0+wDue9aB/QAYFmjAiSwMxluJ4aCR4rXJmWAZ05ScQMXxZod5/gmx6DnKWWxzvrkGWGXNGgpCJZqMhTBkkNE2ms+TKuFyJVWVzh4+6JGjslAAS7Zp4tuuA6dRYrASaC0jfvrc0yH5otqzS9+55Ub4dSDk/F1H7j9qL3fR1oElVlS8IIjDvj4zZiFe/qp0DOO5lA6NUud4jDZHoQkuEUnLOEjs2aDqdwlTP45j8jqJ229VCKKWfCCUNoi7+HKmTyQgvkVwIDAQAB"
)

// epoch is the moment that the dates in the .eml files lead up to: a Monday morning.
var epoch = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.FixedZone("", 3600))

// delivery says where a message lies at the start.
type delivery struct {
	user, mailbox, file string
	flags               []string
}

// initialMail is what the mailboxes hold at the start, in order of arrival.
var initialMail = []delivery{
	{"bob", inbox, "01-bienvenue.eml", []string{`\Seen`}},
	{"bob", inbox, "02-programme.eml", []string{`\Seen`, `\Flagged`}},
	{"bob", inbox, "03-photo.eml", nil},
	{"bob", inbox, "04-reservations.eml", nil},
	{"bob", inbox, "05-lunch.eml", []string{`\Seen`, `\Answered`}},
	{"bob", "Envoy&AOk-s", "06-lunch-reply.eml", []string{`\Seen`}},
	{"bob", inbox, "07-lunch-answer.eml", nil},
	{"alice", "Envoy&AOk-s", "02-programme.eml", []string{`\Seen`}},
	{"alice", "Envoy&AOk-s", "03-photo.eml", []string{`\Seen`}},
	{"alice", "Envoy&AOk-s", "05-lunch.eml", []string{`\Seen`}},
	{"alice", inbox, "06-lunch-reply.eml", []string{`\Seen`, `\Answered`}},
	{"alice", "Envoy&AOk-s", "07-lunch-answer.eml", []string{`\Seen`}},
}

// fill puts the initial mail into the mailboxes.
func (s *store) fill() error {
	shift := weeksSince(epoch, s.now())
	for _, d := range initialMail {
		raw, err := mailFiles.ReadFile("mail/" + d.file)
		if err != nil {
			return fmt.Errorf("reading the embedded message %s: %w", d.file, err)
		}
		raw, first := shiftDates(normalLines(raw), shift)
		if first.IsZero() {
			return fmt.Errorf("embedded message %s: no date in its header", d.file)
		}
		drop := s.accounts[d.user]
		box := drop.boxes[d.mailbox]
		m, err := drop.add(box, raw, d.flags, first)
		if err != nil {
			return fmt.Errorf("storing the embedded message %s: %w", d.file, err)
		}
		box.recent = m.uid // it has been there for days
	}
	return nil
}

// weeksSince is the time from one moment to another in whole weeks: days of the week stay true, and the mail is at most
// two weeks old. It is negative where the clock stands before the epoch.
func weeksSince(from, to time.Time) time.Duration {
	const week = 7 * 24 * time.Hour
	d := to.Sub(from)
	if d < 0 {
		d -= week - 1
	}
	return d / week * week
}

// datePattern finds RFC 5322 date-times.
var datePattern = regexp.MustCompile(`(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} [+-]\d{4}`)

// shiftDates moves every date in a message's header and gives the first of them, which is that of its arrival.
func shiftDates(raw []byte, by time.Duration) (shifted []byte, first time.Time) {
	header, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	header = datePattern.ReplaceAllFunc(header, func(old []byte) []byte {
		t, err := time.Parse(dateFormat, string(old))
		if err != nil {
			return old
		}
		t = t.Add(by)
		if first.IsZero() {
			first = t
		}
		return []byte(t.Format(dateFormat))
	})
	return bytes.Join([][]byte{header, body}, []byte("\r\n\r\n")), first
}
