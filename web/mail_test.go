package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"facteur/decode"
)

// carry decodes what two sides said in turn (the client's words begin with "C", the server's with "S") and shows it.
func (u *started) carry(protocol string, said ...string) {
	hub := u.Hub()
	s := decode.New(decode.Options{Protocol: protocol, Octets: func(leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
		hub.Octets(1, leg, from, layer, at, data)
	}})
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for i, words := range said {
		from := decode.Client
		if words[0] == 'S' {
			from = decode.Server
		}
		hub.Publish(1, s.Feed(decode.Chunk{Time: now.Add(time.Duration(i) * time.Millisecond), From: from, Data: []byte(words[1:])}))
	}
}

// sent carries a message in DATA.
func (u *started) sent(message string) {
	u.carry(decode.SMTP, "S220 a ESMTP\r\n", "CEHLO b\r\n", "S250 a\r\n", "CMAIL FROM:<a@exemple.test>\r\n", "S250 ok\r\n",
		"CRCPT TO:<b@exemple.test>\r\n", "S250 ok\r\n", "CDATA\r\n", "S354 go\r\n", "C"+message+"\r\n.\r\n", "S250 ok\r\n")
}

// begins gives the numbers of the events that begin messages.
func (u *started) begins(t *testing.T) (list []int) {
	t.Helper()
	events, _ := u.Hub().history(1, 0, 1<<30)
	for _, text := range events {
		var e told
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Kind, ".data.begin") {
			list = append(list, e.N)
		}
	}
	return list
}

func (u *started) get(t *testing.T, path string) (*http.Response, string) {
	t.Helper()
	return u.do(t, u.follower, request{path: "/api/v1/sessions/1/messages/" + path})
}

// first asks for the first message of the session.
func (u *started) first(t *testing.T, more string) (*http.Response, string) {
	t.Helper()
	list := u.begins(t)
	if len(list) == 0 {
		t.Fatal("no message begins")
	}
	return u.get(t, fmt.Sprintf("%d%s", list[0], more))
}

func (u *started) told(t *testing.T) (m Mail) {
	t.Helper()
	r, body := u.first(t, "")
	if r.StatusCode != 200 {
		t.Fatalf("%s: %s", r.Status, body)
	}
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

const letter = "From: Alice <alice@exemple.test>\r\nTo: bob@exemple.test\r\nSubject: =?UTF-8?Q?D=C3=A9jeuner?=\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=\"outer\"\r\n\r\npreamble\r\n--outer\r\n" +
	"Content-Type: multipart/alternative; boundary=inner\r\n\r\n" +
	"--inner\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nD=E9jeuner jeudi ?=20\r\nune ligne cou=\r\np=E9e\r\n..dot\r\n" +
	"--inner\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+RMOpamV1bmVyPC9wPg==\r\n" +
	"--inner--\r\n" +
	"--outer\r\nContent-Type: image/png; name=\"=?UTF-8?Q?=C3=A9t=C3=A9.png?=\"\r\nContent-ID: <logo@x>\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\niVBORw0KGgo=\r\n" +
	"--outer--\r\nepilogue"

// The file is the message octet for octet: the stuffed dot single again, nothing else touched; and its parts have the
// numbers of IMAP and the sizes before and after their encoding.
func TestMailFile(t *testing.T) {
	u := start(t, nil)
	stuffed := strings.ReplaceAll(letter, "\r\n.", "\r\n..")
	u.sent(stuffed)
	r, body := u.first(t, "/message.eml")
	if want := letter + "\r\n"; body != want || r.Header.Get("Content-Type") != "application/octet-stream" {
		t.Fatalf("%v\n%q\nwant\n%q", r.Header, body, want)
	}
	if d := r.Header.Get("Content-Disposition"); strings.Contains(d, "incomplete") || !strings.HasPrefix(d, "attachment; filename=\"message-1-") {
		t.Error(d)
	}
	m := u.told(t)
	var got []string
	for _, p := range m.Parts {
		got = append(got, fmt.Sprintf("%s %s %s %d>%d %s", p.Path, p.Type, p.Encoding, p.Octets, p.Decoded, p.Filename))
	}
	want := []string{" multipart/mixed  0>0 ", "1 multipart/alternative  0>0 ", "1.1 text/plain quoted-printable 51>42 ",
		"1.2 text/html base64 24>16 ", "2 image/png base64 12>8 été.png"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("parts\n%s", strings.Join(got, "\n"))
	}
	if m.Octets != int64(len(letter)+2) || m.Missing != 0 || !m.Ended || !m.Stuffed {
		t.Errorf("%+v", m)
	}
	if r, body := u.first(t, "/parts/1.1?as=text"); body != "Déjeuner jeudi ? \r\nune ligne coupée\r\n..dot" || r.Header.Get("Facteur-Charset") != "ok" {
		t.Errorf("%q %v", body, r.Header)
	}
	if _, body := u.first(t, "/parts/1.2?as=octets"); body != "<p>Déjeuner</p>" {
		t.Errorf("%q", body)
	}
	if r, body := u.first(t, "/source?from=6"); body != letter[6:]+"\r\n" || r.Header.Get("Facteur-Span") != fmt.Sprintf("6-%d", len(letter)+2) {
		t.Errorf("%q %v", body, r.Header)
	}
	for _, path := range []string{"/parts/1", "/parts/9?as=text", "/parts/1.1?as=script", "/source?from=-1", "/parts/%2e%2e%2f1.1?as=text"} {
		if r, _ := u.first(t, path); r.StatusCode < 400 {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
	for _, n := range []string{"1", "0", "x", "999999"} {
		if r, _ := u.get(t, n); r.StatusCode < 400 {
			t.Errorf("message %s: %s", n, r.Status)
		}
	}
}

// Chunks are one message, whatever stands between them; no dot is taken off (RFC 3030 §2).
func TestMailInChunks(t *testing.T) {
	u := start(t, nil)
	u.carry(decode.SMTP, "S220 a ESMTP\r\n", "CEHLO b\r\n", "S250-a\r\n250 CHUNKING\r\n", "CMAIL FROM:<a@exemple.test>\r\n", "S250 ok\r\n",
		"CRCPT TO:<b@exemple.test>\r\n", "S250 ok\r\n", "CBDAT 12\r\nSubject: x\r\n", "S250 ok\r\n", "CBDAT 7 LAST\r\n\r\n..a\r\n", "S250 ok\r\n",
		"CMAIL FROM:<c@exemple.test>\r\n", "S250 ok\r\n")
	if _, body := u.first(t, "/message.eml"); body != "Subject: x\r\n\r\n..a\r\n" {
		t.Errorf("%q", body)
	}
}

// What a mailbox gives is read the same way, from POP3 and from IMAP.
func TestMailFetched(t *testing.T) {
	u := start(t, nil)
	u.carry(decode.POP3, "S+OK hi\r\n", "CRETR 1\r\n", "S+OK\r\nSubject: x\r\n\r\n..a\r\n.\r\n")
	if _, body := u.first(t, "/message.eml"); body != "Subject: x\r\n\r\n.a\r\n" {
		t.Errorf("POP3: %q", body)
	}
	u = start(t, nil)
	u.carry(decode.IMAP, "S* PREAUTH hi\r\n", "Ca SELECT INBOX\r\n", "Sa OK done\r\n", "Cb FETCH 1 BODY[]\r\n",
		"S* 1 FETCH (BODY[] {18}\r\nSubject: x\r\n\r\n..a\r UID 5)\r\nb OK done\r\n")
	if _, body := u.first(t, "/message.eml"); body != "Subject: x\r\n\r\n..a\r" {
		t.Errorf("IMAP: %q", body)
	}
}

// What is no longer kept is said, never papered over.
func TestMailPartlyKept(t *testing.T) {
	u := start(t, nil)
	u.hub.octets.streamMax = 256 << 10
	u.sent("Subject: long\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 8000))
	m := u.told(t)
	if len(m.Gaps) != 1 || m.Missing < 200_000 || m.Octets+m.Missing != int64(17+8000*78+2) {
		t.Fatalf("%d here, %d missing, gaps %v", m.Octets, m.Missing, m.Gaps)
	}
	if m.Parts[0].Missing != m.Missing {
		t.Errorf("the part lacks %d", m.Parts[0].Missing)
	}
	r, body := u.first(t, "/message.eml")
	if int64(len(body)) != m.Octets || !strings.Contains(r.Header.Get("Content-Disposition"), "incomplete") {
		t.Errorf("%d octets, %v", len(body), r.Header)
	}
	if r, _ := u.first(t, "/parts/1?as=text"); r.Header.Get("Facteur-Missing") != fmt.Sprint(m.Missing) {
		t.Errorf("%v", r.Header)
	}
	u.hub.octets.forget(1)
	for _, path := range []string{"/message.eml", "/source", "/parts/1?as=text"} {
		if r, body := u.first(t, path); r.StatusCode != 404 || !strings.Contains(body, "not_kept") {
			t.Errorf("%s: %s %s", path, r.Status, body)
		}
	}
}

// A message of ten thousand parts, and one with more, is listed within bounds.
func TestMailOfManyParts(t *testing.T) {
	u := start(t, nil)
	u.sent("Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n", 10_500) + "--b--")
	m := u.told(t)
	if len(m.Parts) != maxParts || m.LeftOut != 501 || m.Parts[9_999].Octets != 1 {
		t.Errorf("%d parts, %d left out, the last %+v", len(m.Parts), m.LeftOut, m.Parts[len(m.Parts)-1])
	}
}

// A header too long to be taken apart is still in the source; the parts that are known are told, and nothing breaks.
func TestMailGiantHeader(t *testing.T) {
	u := start(t, nil)
	giant := "Subject: " + strings.Repeat("a", 900_000) + "\r\nFrom: x\r\n\r\nbody"
	u.sent(giant)
	if _, body := u.first(t, "/source"); body != giant+"\r\n" {
		t.Errorf("%d octets", len(body))
	}
	if m := u.told(t); m.Octets != int64(len(giant)+2) {
		t.Errorf("%+v", m)
	}
}

// Secrets that decode masks in the octets stay masked in the message's source.
func TestMailIsMasked(t *testing.T) {
	u := start(t, nil)
	u.hub.Octets(1, decode.ClientLeg, decode.Client, decode.Wire, 0, []byte("Subject: ****\r\n\r\n"))
	u.hub.Publish(1, []decode.Event{
		{Seq: 1, Kind: "smtp.data.begin", Re: 9},
		{Seq: 2, Kind: "message.header", Re: 9, Span: decode.Span{To: 15}, Fields: []decode.Field{{Name: "name", Value: "Subject"}}},
		{Seq: 3, Kind: "message.headers_end", Re: 9, Span: decode.Span{From: 15, To: 17}},
		{Seq: 4, Kind: "smtp.data.end", Re: 9, Span: decode.Span{From: 17, To: 20}},
	})
	if _, body := u.first(t, "/message.eml"); body != "Subject: ****\r\n\r\n" {
		t.Errorf("%q", body)
	}
}

// A stranger gets no message, and neither does another site's page.
func TestMailRefused(t *testing.T) {
	u := start(t, nil)
	u.sent(letter)
	path := fmt.Sprintf("/api/v1/sessions/1/messages/%d/parts/1.2?as=html", u.begins(t)[0])
	if r, _ := u.do(t, u.nobody, request{path: path}); r.StatusCode != 401 {
		t.Errorf("nobody: %s", r.Status)
	}
	if r, _ := u.do(t, u.presenter, request{path: path, header: map[string]string{"Sec-Fetch-Site": "cross-site"}}); r.StatusCode != 403 {
		t.Errorf("another site: %s", r.Status)
	}
}
