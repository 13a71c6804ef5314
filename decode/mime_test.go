package decode

import (
	"fmt"
	"strings"
	"testing"
)

// TestDecodeWords protects RFC 2047: what is decoded, and what stays because it is not well formed or not known.
func TestDecodeWords(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                                     "plain",
		"=?utf-8?Q?caf=C3=A9?=":                     "café",
		"=?UTF-8?b?4oKs?= 5":                        "€ 5",
		"=?iso-8859-1?q?caf=E9_noir?=":              "café noir",
		"=?iso-8859-15?Q?=A4?=":                     "€",
		"=?windows-1252?Q?=80=93x=94?=":             "€“x”",
		"=?us-ascii?Q?abc?=":                        "abc",
		"=?us-ascii?Q?=E9?=":                        "=?us-ascii?Q?=E9?=",
		"=?utf-8?Q?a?= =?utf-8?Q?b?=":               "ab",
		"=?utf-8?Q?a?=  x =?utf-8?Q?b?=":            "a  x b",
		"=?utf-8*fr?Q?a?=":                          "a",
		"=?koi8-r?B?8NLJ18XU?=":                     "Привет",
		"=?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=":        "日本語",
		"=?gb18030?B?1tDOxA==?=":                    "中文",
		"=?Big5?Q?=A4=A4=A4=E5?=":                   "中文",
		"=?euc-kr?B?x9GxuQ==?=":                     "한국",
		"=?cp1252?Q?=80?= =?latin9?Q?=A4?=":         "€€",
		"=?utf-8?B?4oI=?= =?utf-8?B?rCA1?=":         "€ 5",
		"=?utf-8?B?4oI=?= x":                        "=?utf-8?B?4oI=?= x",
		"=?shift_jis?Q?=81?=":                       "=?shift_jis?Q?=81?=",
		"=?x-nobody?Q?a?=":                          "=?x-nobody?Q?a?=",
		"=?utf-8?Q?=FF?=":                           "=?utf-8?Q?=FF?=",
		"=?utf-8?X?a?= =? =?utf-8?Q?":               "=?utf-8?X?a?= =? =?utf-8?Q?",
		"=?utf-8?B?%%%?=":                           "=?utf-8?B?%%%?=",
		"a =?utf-8?Q?b?= c":                         "a b c",
		"=?utf-8?Q??= =?utf-8?B??=x =?utf-8?Q?=4?=": "x =4",
	} {
		if got := decodeWords(in); got != want {
			t.Errorf("%q decodes to %q, not to %q", in, got, want)
		}
	}
}

// TestMailboxName protects modified UTF-7 (RFC 3501 §5.1.3).
func TestMailboxName(t *testing.T) {
	for in, want := range map[string]string{
		"INBOX": "INBOX", "Arch&AOk-ive": "Archéive", "&-": "&", "a&-b": "a&b", "~peter/mail/&U,BTFw-/&ZeVnLIqe-": "~peter/mail/台北/日本語",
		"&Jjo-!": "☺!", "&2D3eAA-": "😀", "&": "&", "&x": "&x", "&2D0-": "&2D0-", "&A-": "&A-", "Entwürfe": "Entwürfe",
	} {
		if got := mailboxName(in); got != want {
			t.Errorf("%q is %q, not %q", in, got, want)
		}
	}
}

// TestParameters protects RFC 2045's parameters with RFC 2231's continuations and character sets.
func TestParameters(t *testing.T) {
	for in, want := range map[string]string{
		`text/plain; charset=utf-8`:                                 "text/plain|charset=utf-8",
		`text/plain (comment); charset="us-ascii"; format = flowed`: "text/plain|charset=us-ascii|format=flowed",
		`multipart/mixed; boundary="a;b\"c"`:                        `multipart/mixed|boundary=a;b"c`,
		`a/b; name*=utf-8''caf%C3%A9`:                               "a/b|name=café",
		`a/b; name*0*=iso-8859-1'fr'%E9; name*1=t; name*2*=%e9`:     "a/b|name=été",
		`a/b; name*0="long "; name*1="name"`:                        "a/b|name=long name",
		`a/b; name*=koi8-r''%F0`:                                    "a/b|name=П",
		`attachment; filename="x.pdf"; bad; =; a=(c)b`:              "attachment|filename=x.pdf|=|a=b",
		`;`:                            "",
		`text/html; charset="unclosed`: "text/html|charset=unclosed",
	} {
		value, ps := parameters(in)
		got := value
		for _, p := range ps {
			got += "|" + p.Name + "=" + p.Value
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

// fetched is a session in which a message comes as the literal of a FETCH.
func fetched(body string) []turn {
	return append(script("S: * OK hi\nC: a FETCH 1 BODY[]"),
		turn{Server, []byte(fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n%s)\r\na OK\r\n", len(body), body))})
}

// messageEvents are the events of a message, short.
func messageEvents(body string) (out []string) {
	s := New(Options{Protocol: IMAP})
	for _, tn := range fetched(strings.ReplaceAll(body, "\n", "\r\n")) {
		evs := s.Feed(Chunk{From: tn.from, Data: tn.data})
		for i := range evs {
			e := &evs[i]
			if !strings.HasPrefix(e.Kind, "message.") && e.Kind != "imap.data.data" {
				continue
			}
			line := strings.TrimPrefix(e.Kind, "message.")
			for _, f := range e.Fields {
				line += " " + f.Name + "=" + f.Value
			}
			out = append(out, line)
		}
	}
	return out
}

// TestMessage protects the events of messages of every build.
func TestMessage(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"simple": {"Subject: =?utf-8?Q?=C3=A9?=\nX: a\n b\n\nhello\n",
			"header name=Subject value==?utf-8?Q?=C3=A9?= decoded=é\nheader name=X value=a b\nheaders_end fields=2\npart path=1 type=text/plain\nimap.data.data octets=7"},
		"no header":   {"just text\nmore: x\n", "imap.data.data octets=20"},
		"header only": {"A: 1\nB: 2\n", "header name=A value=1\nheader name=B value=2"},
		"empty":       {"\nbody\n", "headers_end fields=0\npart path=1 type=text/plain\nimap.data.data octets=6"},
		"nested": {"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=i\n\n--i\n\none\n--i\n\ntwo\n--i--\n--o\nContent-Type: message/rfc822\n\nSubject: in\n\ninner\n--o--\n",
			"header name=Content-Type value=multipart/mixed; boundary=o parameter.boundary=o\nheaders_end fields=1\npart type=multipart/mixed\n" +
				"boundary boundary=o\nheader name=Content-Type value=multipart/alternative; boundary=i parameter.boundary=i\nheaders_end fields=1\npart path=1 type=multipart/alternative\n" +
				"boundary boundary=i ends=1 octets=0\nheaders_end fields=0\npart path=1.1 type=text/plain\nimap.data.data octets=5\n" +
				"boundary boundary=i ends=1.1 octets=3\nheaders_end fields=0\npart path=1.2 type=text/plain\nimap.data.data octets=5\n" +
				"boundary boundary=i ends=1.2 octets=3 closing=yes\nboundary boundary=o\n" +
				"header name=Content-Type value=message/rfc822\nheaders_end fields=1\npart path=2 type=message/rfc822\n" +
				"header name=Subject value=in\nheaders_end fields=1\npart path=2.1 type=text/plain\nimap.data.data octets=7\n" +
				"boundary boundary=o ends=2.1 octets=5 closing=yes"},
		"received": {"Received: from a (b [192.0.2.1])\n\tby c with ESMTPS id 1 for <x@y>; Sun, 22 Nov 2026 05:00:00 +0000\n\n",
			"header name=Received value=from a (b [192.0.2.1])\tby c with ESMTPS id 1 for <x@y>; Sun, 22 Nov 2026 05:00:00 +0000 from=a (b [192.0.2.1]) by=c with=ESMTPS id=1 for=<x@y> date=Sun, 22 Nov 2026 05:00:00 +0000\nheaders_end fields=1\npart path=1 type=text/plain"},
		"verdicts": {"DKIM-Signature: v=1; a=rsa-sha256; d=ex.test;\n s=sel; b=abc\nAuthentication-Results: mx.test; spf=pass smtp.mailfrom=a@b; dkim=fail (bad; sig) header.d=x\nReceived-SPF: pass (ok) client-ip=192.0.2.1; helo=\"h\"\nARC-Authentication-Results: i=1; mx.test; dmarc=none\n\n",
			"header name=DKIM-Signature value=v=1; a=rsa-sha256; d=ex.test; s=sel; b=abc tag.v=1 tag.a=rsa-sha256 tag.d=ex.test tag.s=sel tag.b=abc\n" +
				"header name=Authentication-Results value=mx.test; spf=pass smtp.mailfrom=a@b; dkim=fail (bad; sig) header.d=x host=mx.test result.spf=pass smtp.mailfrom=a@b result.dkim=fail (bad; sig) header.d=x\n" +
				"header name=Received-SPF value=pass (ok) client-ip=192.0.2.1; helo=\"h\" result=pass spf.client-ip=192.0.2.1 spf.helo=h\n" +
				"header name=ARC-Authentication-Results value=i=1; mx.test; dmarc=none i=1 host=mx.test result.dmarc=none\nheaders_end fields=4\npart path=1 type=text/plain"},
	} {
		if got := strings.Join(messageEvents(c.body), "\n"); got != c.want {
			t.Errorf("%s:\n%s", name, firstDifference(c.want, got))
		}
	}
}

// TestMessageBounds protects memory: what is over a limit passes as data, in blocks of dataBlock octets.
func TestMessageBounds(t *testing.T) {
	for name, body := range map[string]string{
		"long field":   "A: 1\nX: " + strings.Repeat("x", 3*maxHeaderField) + "\n\nbody\n",
		"many fields":  strings.Repeat("A: 1\n", maxHeaderFields+100) + "\nbody\n",
		"deep nesting": strings.Repeat("Content-Type: multipart/mixed; boundary=b\n\n--b\n", maxNesting+10) + "x\n",
		"long body":    "A: 1\n\n" + strings.Repeat("x", 5*dataBlock/2),
		"false dashes": "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--", 40000) + "\n--c\n--b" + strings.Repeat(" ", 500) + "\n-\n--",
	} {
		s := New(Options{Protocol: IMAP})
		turns := fetched(strings.ReplaceAll(body, "\n", "\r\n"))
		tiles(t, name, s, turns, every(1000))
		want := play(Options{Protocol: IMAP}, turns, uncut)
		for _, n := range []int{1, 7, 65537} {
			compareEvents(t, fmt.Sprintf("%s cut every %d", name, n), want, play(Options{Protocol: IMAP}, turns, every(n)))
		}
		if len(want) > maxHeaderFields+100 {
			t.Errorf("%s: %d events", name, len(want))
		}
	}
}

// FuzzMessage holds the laws for any message.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{"A: 1\r\n\r\nx", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
		"A: 1\r\n b\r\n\r\n--", "Content-Type: multipart/x; boundary=\"-\"\r\n\r\n---\r\n\r\n\r\n-----\r\n", "Received: from (((a by b; x\r\n"} {
		f.Add([]byte(seed), byte(1), byte(0))
		f.Add([]byte(seed), byte(3), byte(9))
	}
	f.Fuzz(func(t *testing.T, body []byte, step, lost byte) {
		holdLaws(t, fetched(string(body)), int(step)+1)
	})
}
