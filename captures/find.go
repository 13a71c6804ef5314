package captures

import "strings"

// finder looks for many words at once, in every form. It reads octets a piece at a time and sees words that lie across
// pieces, and across the line ends that base64 and quoted-printable put into them.
type finder struct {
	forms   []form
	first   map[uint32][]int32 // the forms that begin with these four octets
	maybe   [1 << 13]uint64    // a bit for each hash of four octets that a form begins with
	longest int
}

// newFinder takes words and what is to stand in their place, as long.
func newFinder(words, with []string) *finder {
	f := &finder{first: map[uint32][]int32{}}
	for i := range words {
		for _, d := range disguises(words[i], with[i], i) {
			if len(d.text) < minEcho {
				continue
			}
			k := four(d.text)
			f.first[k] = append(f.first[k], int32(len(f.forms)))
			f.forms = append(f.forms, d)
			h := hash19(k)
			f.maybe[h>>6] |= 1 << (h & 63)
			f.longest = max(f.longest, len(d.text))
		}
	}
	return f
}

func four(s string) uint32 {
	return uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3])
}

func hash19(k uint32) uint32 { return k * 2654435761 >> 13 }

// found is a word in octets: for each octet of the form where it stands in the stream, and the octet to be there.
type found struct {
	form     *form
	from, to int64
	at       []int64
	with     []byte
}

// search is a finder at work on one stream.
type search struct {
	f    *finder
	text []byte  // octets without the line ends
	at   []int64 // where each of them stands
	next int64   // offset behind what was fed last
	done int     // of text: looked at
}

// feed looks at octets from offset at on. Octets that do not follow the ones before begin anew. A word whose last bits are
// in a character of base64 to come is visited with that, or by end.
func (s *search) feed(at int64, data []byte, visit func(m *found)) {
	if len(s.f.forms) == 0 {
		return
	}
	if at != s.next {
		s.end(visit)
	}
	s.next = at + int64(len(data))
	for i, c := range data {
		if c == '\r' || c == '\n' {
			if n := len(s.text); n > 0 && s.text[n-1] == '=' && s.at[n-1] == at+int64(i)-1 {
				s.text, s.at = s.text[:n-1], s.at[:n-1]
				s.done = min(s.done, n-1)
			}
			continue
		}
		s.text, s.at = append(s.text, c), append(s.at, at+int64(i))
	}
	s.scan(visit, false)
	if keep := s.f.longest + 1; len(s.text) > 4*keep && len(s.text) > 1<<12 {
		cut := len(s.text) - keep
		n := copy(s.text, s.text[cut:])
		copy(s.at, s.at[cut:])
		s.text, s.at, s.done = s.text[:n], s.at[:n], max(0, s.done-cut)
	}
}

// end says that nothing follows what was fed.
func (s *search) end(visit func(m *found)) {
	s.scan(visit, true)
	s.text, s.at, s.done = s.text[:0], s.at[:0], 0
}

// scan looks at the places whose words are complete by now; the others are looked at again with the next octets, unless
// there are none.
func (s *search) scan(visit func(m *found), ended bool) {
	text := s.text
	f := s.f
	from := max(0, s.done-f.longest)
	for i := from; i+4 <= len(text); i++ {
		k := uint32(text[i])<<24 | uint32(text[i+1])<<16 | uint32(text[i+2])<<8 | uint32(text[i+3])
		h := hash19(k)
		if f.maybe[h>>6]&(1<<(h&63)) == 0 {
			continue
		}
		for _, n := range f.first[k] {
			d := &f.forms[n]
			end := i + len(d.text)
			if end > len(text) || string(text[i:end]) != d.text {
				continue
			}
			complete := end
			if d.tailMask != 0 {
				complete++
			}
			if complete <= s.done || complete > len(text) && !ended {
				continue
			}
			visit(s.match(d, i, end))
		}
	}
	s.done = len(text)
}

// match describes a form at text[i:end], with the characters of base64 at its edges.
func (s *search) match(d *form, i, end int) *found {
	m := &found{form: d, from: s.at[i], to: s.at[end-1] + 1}
	if d.headMask != 0 && i > 0 {
		m.at = append(m.at, s.at[i-1])
		m.with = append(m.with, patch(s.text[i-1], d.headMask, d.headBits))
	}
	m.at = append(m.at, s.at[i:end]...)
	m.with = append(m.with, d.with...)
	if d.tailMask != 0 && end < len(s.text) {
		m.at = append(m.at, s.at[end])
		m.with = append(m.with, patch(s.text[end], d.tailMask, d.tailBits))
	}
	return m
}

// common are words of the protocols that are passwords here and there: masking them everywhere would leave no protocol.
var common = map[string]bool{}

func init() {
	for _, w := range strings.Fields(`USER PASS RETR DELE LIST UIDL STAT QUIT NOOP RSET CAPA AUTH STLS HELO EHLO MAIL FROM RCPT DATA BDAT
		LAST SIZE BODY LOGIN PLAIN FETCH FLAGS STORE SELECT SEARCH EXAMINE CREATE APPEND STATUS INBOX EXISTS RECENT SEEN
		DONE IDLE TRUE OKAY TEXT HTML PASSWORD USERNAME LOGOUT CAPABILITY STARTTLS EXPUNGE ENVELOPE SMTP IMAP POP3 ESMTP
		DATE SUBJECT HEADER CHARSET UTF-8 MIME MULTIPART IMAP4REV1 IMAP4REV2 AUTHENTICATE`) {
		common[w] = true
	}
}
