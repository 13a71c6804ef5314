package web

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

func noImages(string) (string, []byte) { return "", nil }

// Nothing of a hostile document survives that could run, load, send or lead away; each is counted.
func TestSanitise(t *testing.T) {
	for name, c := range map[string]struct {
		in    string
		keeps string
		count func(*HTMLReport) int
	}{
		"script":             {`a<script>alert(1)</script>b`, "ab", func(r *HTMLReport) int { return r.Scripts }},
		"handler":            {`<p onclick="alert(1)">a</p>`, "<p>a</p>", func(r *HTMLReport) int { return r.Scripts }},
		"handler of dropped": {`<svg onload=alert(1)><script>1</script></svg>a`, "a", func(r *HTMLReport) int { return r.Scripts - 1 }},
		"javascript link":    {`<a href="java&#10;script:alert(1)">a</a>`, ">a</a>", func(r *HTMLReport) int { return r.Scripts }},
		"form":               {`<form action="//evil.test"><input name=p>a</form>`, "a", func(r *HTMLReport) int { return r.Forms - 1 }},
		"refresh":            {`<meta http-equiv=Refresh content="0;url=//evil.test">a`, "a", func(r *HTMLReport) int { return r.Refresh }},
		"base":               {`<base href="//evil.test">a`, "a", func(r *HTMLReport) int { return r.Refresh }},
		"frame":              {`<iframe src="//evil.test" srcdoc="<b>"></iframe>a`, "a", func(r *HTMLReport) int { return r.Frames }},
		"object":             {`<object data="//evil.test"></object>a`, "a", func(r *HTMLReport) int { return r.Frames }},
		"sheet":              {`<link rel=stylesheet href="//evil.test/a.css">a`, "a", func(r *HTMLReport) int { return r.Styles }},
		"import":             {`<style>@import "//evil.test/a.css"; p{color:red}</style><p>a</p>`, "<style> p{color:red}", func(r *HTMLReport) int { return r.Styles }},
		"style url":          {`<p style="background:url(//evil.test/a.png);color:red">a</p>`, "color:red", func(r *HTMLReport) int { return r.Styles }},
		"escaped style url":  {`<p style="background:u\72l(//evil.test/a.png)">a</p>`, `<p style="">a</p>`, func(r *HTMLReport) int { return r.Styles }},
		"style image-set":    {`<p style="background:image-set('//evil.test/a.png' 1x)">a</p>`, "a", func(r *HTMLReport) int { return r.Styles }},
		"image":              {`<img src="https://evil.test/a.png" alt="Logo">`, "▢ Logo [evil.test]", func(r *HTMLReport) int { return r.Images }},
		"image by srcset":    {`<img srcset="https://evil.test/a.png 2x">`, "▢", func(r *HTMLReport) int { return r.Images }},
		"background":         {`<table background="//evil.test/a.png"><tr><td>a`, "<td>a</td>", func(r *HTMLReport) int { return r.Images }},
		"spy pixel":          {`<img src="//evil.test/a.gif" width=1 height=1>`, "▢", func(r *HTMLReport) int { return r.Pixels }},
		"video":              {`<video src="//evil.test/a.mp4" autoplay></video>a`, "a", func(r *HTMLReport) int { return r.Images }},
		"mutation":           {`<math><mtext><table><mglyph><style><!--</style><img src=1 onerror=alert(1)>`, "", func(r *HTMLReport) int { return r.Scripts }},
		"noscript":           {`<noscript><img src="//evil.test/a"></noscript>`, "▢", func(r *HTMLReport) int { return r.Images }},
		"svg data":           {`<img src="data:image/svg+xml;base64,PHN2Zy8+">`, "▢", func(r *HTMLReport) int { return 1 - r.Inline }},
	} {
		t.Run(name, func(t *testing.T) {
			r := sanitise(c.in, noImages)
			out := string(r.rendered)
			if !strings.Contains(out, c.keeps) {
				t.Errorf("%q is gone from %s", c.keeps, out)
			}
			if c.count(r) != 1 {
				t.Errorf("counted wrongly: %+v", r)
			}
			body := strings.ToLower(strings.SplitN(out, "</style>", 2)[1])
			for _, bad := range []string{"<script", "onerror", "onclick", "onload", "href=", "url(", "@import", "<iframe", "<form", "<input", "<meta", "<base", "<link", "<svg", "<math", `src="http`, `src="//`, "srcset", "background=", "image-set", "javascript:a"} {
				if strings.Contains(body, bad) && !strings.Contains(body, `title="`) {
					t.Errorf("%s is left in %s", bad, out)
				}
			}
		})
	}
}

// A link says where it would have led, and that its words name another place.
func TestSanitiseLinks(t *testing.T) {
	r := sanitise(`<a href="https://evil.test/login">www.banque.test</a> <a href="https://www.banque.test/x">banque.test</a> <a href="https://evil.test">cliquez</a>`+strings.Repeat(`<a href=x>y</a>`, maxLinks), noImages)
	if len(r.Links) != maxLinks || r.LeftOut != 3 || !r.Links[0].Deceives || r.Links[1].Deceives || r.Links[2].Deceives || r.Links[0].Href != "https://evil.test/login" {
		t.Errorf("%d links, %d left out, %+v", len(r.Links), r.LeftOut, r.Links[:3])
	}
}

// Nesting that no browser survives is refused, in time.
func TestSanitiseDepth(t *testing.T) {
	if r := sanitise(strings.Repeat("<div>", 100_000), noImages); !r.TooDeep {
		t.Error("shown")
	}
	if r := sanitise(strings.Repeat("<b>", 400)+"a", noImages); r.TooDeep || !strings.Contains(string(r.rendered), "a") {
		t.Error("an ordinary depth is refused")
	}
}

// The frame's document comes under a policy that holds even if the sanitiser failed, and only that document does.
func TestMailFrame(t *testing.T) {
	u := start(t, nil)
	html := base64.StdEncoding.EncodeToString([]byte(`<p>Bonjour</p><img src="cid:logo@x"><img src="https://evil.test/p.gif" width=1 height=1>`))
	u.sent("Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + html +
		"\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <logo@x>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--")
	r, body := u.first(t, "/parts/1?as=html")
	h := r.Header
	if policy := h.Values("Content-Security-Policy"); len(policy) != 1 || !strings.HasPrefix(policy[0], "sandbox; default-src 'none'; img-src data:;") || strings.Contains(policy[0], "allow-") {
		t.Errorf("policy %q", policy)
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "SAMEORIGIN" || h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", h)
	}
	if !strings.Contains(body, `<img src="data:image/png;base64,iVBORw0KGgo="/>`) || strings.Contains(body, `src="https`) {
		t.Errorf("%s", body)
	}
	_, body = u.first(t, "/parts/1?as=report")
	var report HTMLReport
	if err := json.Unmarshal([]byte(body), &report); err != nil || report.Images != 1 || report.Pixels != 1 || report.Inline != 1 || report.Charset != "ok" {
		t.Errorf("%v %s", err, body)
	}
	if r, _ := u.first(t, ""); r.Header.Get("X-Frame-Options") != "DENY" {
		t.Error("other answers may be framed")
	}
}

// Character sets that hide markup from a filter are read before the filter looks; unknown ones are shown as they are and
// said to be.
func TestMailCharsets(t *testing.T) {
	for _, c := range []struct{ in, charset, text, how string }{
		{"caf\xe9", "iso-8859-1", "café", "ok"},
		{"caf\xc3\xa9", "", "café", "assumed"},
		{"caf\xe9", "utf-8", "café", "assumed"},
		{"<\x00b\x00>\x00", "utf-16le", "<b>", "ok"},
		{"\xfe\xff\x00a", "utf-16", "a", "ok"},
		{"+ADw-script+AD4-", "utf-7", "+ADw-script+AD4-", "unknown"},
		{"\x1b$BF|K\\\x1b(B<b>", "iso-2022-jp", "日本<b>", "ok"},
		{"a\xff", "x-nobody", "aÿ", "unknown"},
	} {
		if text, how := toText([]byte(c.in), c.charset); text != c.text || how != c.how {
			t.Errorf("%q in %s: %q, %s", c.in, c.charset, text, how)
		}
	}
	text, _ := toText([]byte("<\x00s\x00c\x00r\x00i\x00p\x00t\x00>\x00"), "utf-16le")
	if r := sanitise(text, noImages); r.Scripts != 1 {
		t.Errorf("%q hides its script", text)
	}
}

func TestDecodeTransfer(t *testing.T) {
	for _, c := range []struct {
		in, encoding, out string
		faults            int
	}{
		{"Qm9u\r\nam91cg==\r\n", "base64", "Bonjour", 0},
		{"Qm9u*am91cg", "base64", "Bonjour", 1},
		{"Qm9uam91cg==trailing", "base64", "Bonjour", 8},
		{"A", "base64", "", 0},
		{"a=3Db=\r\nc \t\r\nd=zz=", "quoted-printable", "a=bc\r\nd=zz", 1},
		{"as it is =3D", "8bit", "as it is =3D", 0},
	} {
		if out, faults := decodeTransfer([]byte(c.in), c.encoding); string(out) != c.out || faults != c.faults {
			t.Errorf("%q: %q, %d faults", c.in, out, faults)
		}
	}
}

func FuzzSanitise(f *testing.F) {
	f.Add(`<p style="background:url(x)">a<script>b</script><a href=javascript:c>d</a>`)
	f.Add(`<svg><style><img src=x onerror=y></style></svg>`)
	f.Add(`<table><form><input><math><mtext></form><mglyph><style></math><img src onerror=1>`)
	f.Fuzz(func(t *testing.T, in string) {
		out := string(sanitise(in, noImages).rendered)
		again := sanitise(strings.TrimPrefix(out, "<!doctype html><meta charset=\"utf-8\"><style>"+frameStyle+"</style>"), noImages)
		if again.Scripts+again.Images+again.Styles+again.Forms+again.Frames+again.Refresh != 0 || len(again.Links) != 0 {
			t.Errorf("%q becomes %q, in which there is more to take out: %+v", in, out, again)
		}
	})
}
