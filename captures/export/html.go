package export

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"html"
	"io"
	"strconv"
	"strings"

	"facteur/decode"
)

// maxHex is how many octets of one event the HTML file shows in hex: bodies go on for megabytes.
const maxHex = 4 << 10

// page is one HTML file that is all there is: style within, no script, no font, no image, nothing fetched. Its policy
// forbids everything else, so that what the mail says can do nothing even if an escape were forgotten.
type page struct {
	w *bufio.Writer
	o *Options
}

// padlock is drawn by the style: the character is in colour fonts only, which a school's computers may lack. Borders,
// because browsers print no backgrounds.
const padlock = `<span class="lock" title="TLS"></span>`

// HTML writes a recording as one self-contained file that reads without a network or scripts, shows every event's octets
// behind a fold, and prints well.
func HTML(w io.Writer, path string, o Options) error {
	b := bufio.NewWriterSize(w, 64<<10)
	return run(path, &o, &page{b, &o}, b)
}

// esc escapes for HTML text and quoted attributes.
func esc(s string) string { return html.EscapeString(visible(s)) }

func (p *page) begin(a *about) {
	title := a.title
	if title == "" {
		title = p.o.say("Transcription", "Transcript")
	}
	fmt.Fprintf(p.w, `<!DOCTYPE html>
<html lang="%s">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="%s">
<meta name="referrer" content="no-referrer">
<title>%s</title>
<style>%s</style>
</head>
<body>
<header>
<h1>%s</h1>
<p class="about">%s, %s</p>
<p class="legend"><span class="c">→ %s</span> <span class="s">← %s</span> <span>`+padlock+` %s</span> <span class="warn">! %s</span></p>
</header>
<main>
`, esc(string(p.o.Lang)), esc(a.version), esc(title), style, esc(title), esc(a.version), esc(a.treatment),
		p.o.say("le client parle", "the client speaks"), p.o.say("le serveur répond", "the server answers"),
		p.o.say("dans TLS", "inside TLS"), p.o.say("à remarquer", "worth noticing"))
}

func (p *page) session(s *session) {
	fmt.Fprintf(p.w, "<section id=\"s%d\">\n<h2>%s</h2>\n<p class=\"about\">%s</p>\n", s.number, esc(p.o.sessionTitle(s)), esc(s.began.UTC().Format("2006-01-02 15:04:05 UTC")))
	p.marks(s, 0)
	p.w.WriteString("<ol>\n")
}

func (p *page) event(s *session, e *decode.Event, octets []byte) {
	class, arrow := "c", "→"
	switch {
	case strings.HasPrefix(e.Kind, "session."):
		class, arrow = "x", "·"
	case e.From == decode.Server:
		class, arrow = "s", "←"
	}
	if e.Kind == "tls.record" {
		class += " r"
	}
	lock := ""
	if e.Layer == decode.Plain {
		lock = padlock
	}
	fmt.Fprintf(p.w, `<li id="e%d-%d" class="%s"><span class="t">%s</span> <span class="a">%s%s</span><div class="l">`,
		s.number, e.Seq, class, esc(strconv.FormatFloat(e.Time.Sub(s.began).Seconds(), 'f', 3, 64)), arrow, lock)
	l := lines(e)
	if strings.HasPrefix(e.Kind, "message.") && e.Span.Len() > 0 {
		l = rawLines(octets)
	}
	for _, line := range l {
		fmt.Fprintf(p.w, "<code>%s</code>\n", esc(line))
	}
	p.w.WriteString("</div>")
	for _, x := range p.o.explanations(e) {
		kind := "note"
		if x.warns {
			kind = "warn"
		}
		fmt.Fprintf(p.w, `<p class="%s">%s</p>`, kind, esc(x.text))
	}
	p.marks(s, e.Seq)
	p.hex(e, octets)
	p.w.WriteString("</li>\n")
}

func (p *page) marks(s *session, seq int) {
	for _, m := range p.o.marks(s.number, seq) {
		fmt.Fprintf(p.w, `<p class="mark">★ %s</p>`, esc(m))
	}
}

// hex puts the octets behind a fold that needs no script.
func (p *page) hex(e *decode.Event, octets []byte) {
	if len(octets) == 0 {
		return
	}
	layer := map[decode.Layer]string{decode.Wire: p.o.say("sur le fil", "on the wire"), decode.TLS: p.o.say("dans TLS", "inside TLS"), decode.Plain: p.o.say("en clair, TLS ôté", "in clear, TLS taken off")}[e.Layer]
	fmt.Fprintf(p.w, "<details><summary>%d %s %s [%d, %d)</summary><pre>%s</pre>", len(octets), p.o.octets(len(octets)),
		layer, e.Span.From, e.Span.To, esc2(hex.Dump(octets[:min(len(octets), maxHex)])))
	if more := len(octets) - maxHex; more > 0 {
		fmt.Fprintf(p.w, "<p>… %d %s</p>", more, p.o.say("octets de plus", "more octets"))
	}
	p.w.WriteString("</details>")
}

// octets is the word behind a number: one octet, two octets; in French none is one, too.
func (o *Options) octets(n int) string {
	if n == 1 || n == 0 && o.say("fr", "en") == "fr" {
		return "octet"
	}
	return "octets"
}

// esc2 escapes what is printable already, line ends included.
func esc2(s string) string { return html.EscapeString(s) }

func (p *page) end(*session)       { p.w.WriteString("</ol>\n</section>\n") }
func (p *page) fault(words string) { fmt.Fprintf(p.w, "<p class=\"warn\">! %s</p>\n", esc(words)) }

func (p *page) finish() { p.w.WriteString("</main>\n</body>\n</html>\n") }

// style has both themes, and paper: there the notes stay, the octets that were not unfolded do not.
const style = `
:root{color-scheme:light dark;--c:#0a58a8;--s:#a3480a;--w:#b3261e;--m:#6b6b6b;--b:#fff;--f:#1b1b1b;--l:#e4e4e4}
@media (prefers-color-scheme:dark){:root{--c:#7db8f5;--s:#f0a46c;--w:#ff8a80;--m:#a0a0a0;--b:#16181b;--f:#e8e8e8;--l:#33373c}}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1rem;background:var(--b);color:var(--f)}
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.15rem;border-bottom:1px solid var(--l);padding-bottom:.3rem;margin-top:2rem}
.about,.legend,.t,summary{color:var(--m);font-size:.85rem}.legend>span{margin-right:1.2rem}
ol{list-style:none;padding:0;margin:0}
li{display:grid;grid-template-columns:4.5rem 2.5rem minmax(0,1fr);padding:.25rem 0 .25rem .6rem;border-left:3px solid var(--l);margin:.15rem 0}
li>p,li>details{grid-column:3}
li.c{border-color:var(--c)}li.s{border-color:var(--s)}li.r{opacity:.65}
.c .l,.c .a,.legend .c{color:var(--c)}.s .l,.s .a,.legend .s{color:var(--s)}
.t{font-variant-numeric:tabular-nums;line-height:1.45rem}.a{white-space:nowrap;line-height:1.45rem}
.lock{display:inline-block;position:relative;border:.2rem solid var(--m);border-left-width:.3rem;border-right-width:.3rem;border-radius:.1rem;margin:0 .4rem 0 .2rem}
.lock::before{content:"";position:absolute;left:-.2rem;bottom:.2rem;width:.22rem;height:.22rem;border:.09rem solid var(--m);border-bottom:0;border-radius:.25rem .25rem 0 0}
code,pre{font:.9rem/1.45 ui-monospace,monospace}code{display:block;white-space:pre-wrap;overflow-wrap:anywhere}
li p{margin:.1rem 0;font-size:.92rem}.warn{color:var(--w);font-weight:600}.mark{background:#ffd54f40;padding:.1rem .4rem}
summary{cursor:pointer}pre{overflow-x:auto;margin:.2rem 0}
@media print{:root{--c:#000;--s:#000;--w:#000;--b:#fff;--f:#000}body{font-size:10pt;max-width:none;padding:0}
li{break-inside:avoid;grid-template-columns:4rem 2.3rem minmax(0,1fr)}li.r,details:not([open]){display:none}h2{break-after:avoid}}
`
