package web

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// mailPolicy is the policy under which HTML from a mail is shown, in a frame: an origin of its own that may run nothing,
// send nothing and load nothing. What the sanitiser below takes out is taken out so that it can be told and counted; were
// it to miss anything, this would still hold.
const mailPolicy = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

const (
	// maxInlineImage and maxInlineImages bound the images that are carried along inside the document.
	maxInlineImage  = 512 << 10
	maxInlineImages = 4 << 20

	// maxLinks is how many links are told one by one.
	maxLinks = 200
)

// HTMLReport says what was taken out of a part's HTML, and why it looks as it does.
type HTMLReport struct {
	Images   int    `json:"images"`   // loaded from elsewhere: they tell the sender that, when and where the mail was read
	Pixels   int    `json:"pixels"`   // of them, those of one point: only there for that
	Styles   int    `json:"styles"`   // style sheets, fonts and images of styles from elsewhere
	Scripts  int    `json:"scripts"`  // script elements, event handlers, javascript: links
	Forms    int    `json:"forms"`    // forms and their fields
	Frames   int    `json:"frames"`   // documents inside the document, plug-ins
	Refresh  int    `json:"refresh"`  // redirections, base addresses
	Inline   int    `json:"inline"`   // images of other parts, shown
	Links    []Link `json:"links"`    // they lead nowhere in the frame
	LeftOut  int    `json:"left_out"` // links beyond those
	TooDeep  bool   `json:"too_deep"` // cannot be shown: elements nested too deep
	Charset  string `json:"charset"`  // ok, assumed or unknown
	Octets   int64  `json:"octets"`
	Missing  int64  `json:"missing"`
	Trimmed  bool   `json:"trimmed"` // longer than what is shown
	rendered []byte
}

// Link is what a link says and where it would lead. Deceives says that its text names another host than its address.
type Link struct {
	Text     string `json:"text"`
	Href     string `json:"href"`
	Deceives bool   `json:"deceives,omitempty"`
}

// keptElements are those that text is laid out with. Others become a span, which is what a browser makes of what it does
// not know.
var keptElements = atoms("a abbr acronym address article aside b bdi bdo big blockquote body br caption center cite code col colgroup dd del dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 head header hr html i img ins kbd li main map mark nav ol p pre q s samp section small span strike strong style sub sup table tbody td tfoot th thead time tr tt u ul var wbr")

// droppedElements go with what is in them.
var droppedElements = atoms("script iframe frame frameset object embed applet link meta base template svg math title audio video source track picture input button select textarea option datalist noembed noframes plaintext xmp portal")

func atoms(words string) map[string]bool {
	m := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		m[word] = true
	}
	return m
}

// keptAttributes lay text out; none of them can load or run anything.
var keptAttributes = atoms("align alt bgcolor border cellpadding cellspacing class clear color colspan dir face height hspace lang nowrap rowspan size span start style title type valign value vspace width")

var (
	// fetches finds what a style loads. CSS escapes can hide it, so a style with a backslash is left out as a whole.
	fetches    = regexp.MustCompile(`(?i)@import[^;]*;?|(?:url|src|image|image-set|cross-fade)\s*\([^)]*\)?`)
	inlineData = regexp.MustCompile(`(?i)^\s*data:image/(?:png|gif|jpeg|webp);base64,[A-Za-z0-9+/=\s]*$`)
)

// frameStyle is how the document looks before the mail's own styles: facteur's page does not reach into the frame.
const frameStyle = "html{background:#fff;color:#1b2430;font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}body{margin:12px}img{max-width:100%;height:auto}a{color:#00527f;text-decoration:underline}.facteur-blocked{display:inline-block;padding:2px 6px;border:1px dashed #7c828c;color:#545e6c;font:12px/1.4 system-ui,sans-serif}"

// sanitiser makes a mail's HTML harmless.
type sanitiser struct {
	report *HTMLReport
	inline func(id string) (kind string, data []byte) // the image of another part, by Content-ID
	spent  int
}

// sanitise takes everything out of a document that could load, send, run or lead away, and reports it.
func sanitise(document string, inline func(id string) (string, []byte)) *HTMLReport {
	s := sanitiser{report: &HTMLReport{Links: []Link{}}, inline: inline}
	root, err := html.ParseWithOptions(strings.NewReader(document), html.ParseOptionEnableScripting(false))
	if err != nil { // the parser refuses what is nested too deep to be shown
		s.report.TooDeep = true
		s.report.rendered = []byte("<!doctype html>")
		return s.report
	}
	s.children(root)
	var out bytes.Buffer
	out.WriteString("<!doctype html><meta charset=\"utf-8\"><style>" + frameStyle + "</style>")
	if html.Render(&out, root) != nil {
		s.report.TooDeep = true
	}
	s.report.rendered = out.Bytes()
	return s.report
}

func (s *sanitiser) children(n *html.Node) {
	for c := n.FirstChild; c != nil; {
		next := c.NextSibling
		switch c.Type {
		case html.ElementNode:
			s.element(n, c)
		case html.TextNode:
		default: // comments, where old readers looked for orders, and doctypes
			n.RemoveChild(c)
		}
		c = next
	}
}

func (s *sanitiser) element(parent, n *html.Node) {
	name := strings.ToLower(n.Data)
	s.handlers(n)
	switch {
	case droppedElements[name] || n.Namespace != "":
		s.dropped(n, name)
		parent.RemoveChild(n)
		return
	case !keptElements[name]:
		if name == "form" {
			s.report.Forms++
		}
		n.Data, n.DataAtom, n.Attr = "span", atom.Span, nil
	}
	switch n.DataAtom {
	case atom.Style:
		s.styleSheet(n)
	case atom.A:
		s.link(n)
	case atom.Img:
		s.image(n)
		return
	}
	s.attributes(n)
	s.children(n)
}

// dropped counts an element that goes as a whole, and those in it.
func (s *sanitiser) dropped(n *html.Node, name string) {
	r := s.report
	switch name {
	case "script":
		r.Scripts++
	case "iframe", "frame", "object", "embed", "applet", "portal":
		r.Frames++
	case "link":
		if rel := strings.ToLower(attribute(n, "rel")); strings.Contains(rel, "style") || strings.Contains(rel, "pre") || strings.Contains(rel, "icon") {
			r.Styles++
		}
	case "meta":
		if strings.EqualFold(attribute(n, "http-equiv"), "refresh") {
			r.Refresh++
		}
	case "base":
		r.Refresh++
	case "audio", "video", "source", "track":
		r.Images++
	case "input", "button", "select", "textarea":
		r.Forms++
	case "img", "image":
		if remote(attribute(n, "src")) || remote(attribute(n, "href")) || remote(attribute(n, "xlink:href")) {
			r.Images++
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode {
			s.handlers(c)
			s.dropped(c, strings.ToLower(c.Data))
		}
	}
}

// handlers counts the attributes that are scripts.
func (s *sanitiser) handlers(n *html.Node) {
	for _, a := range n.Attr {
		if len(a.Key) > 2 && strings.EqualFold(a.Key[:2], "on") {
			s.report.Scripts++
		}
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if strings.EqualFold(a.Key, name) {
			return a.Val
		}
	}
	return ""
}

// remote reports whether an address is one that would be asked for over the network. Anything that is not certainly
// harmless is.
func remote(address string) bool {
	address = strings.ToLower(strings.TrimSpace(address))
	return address != "" && !strings.HasPrefix(address, "data:") && !strings.HasPrefix(address, "cid:") && !strings.HasPrefix(address, "#")
}

// attributes leaves those that lay text out.
func (s *sanitiser) attributes(n *html.Node) {
	kept := n.Attr[:0]
	for _, a := range n.Attr {
		key := strings.ToLower(a.Key)
		switch {
		case key == "background" && remote(a.Val):
			s.report.Images++
		case a.Namespace != "" || !keptAttributes[key]:
		case key == "style":
			a.Val = s.style(a.Val)
			kept = append(kept, a)
		default:
			kept = append(kept, a)
		}
	}
	n.Attr = kept
}

// style leaves of a style what loads nothing.
func (s *sanitiser) style(css string) string {
	if strings.Contains(css, `\`) {
		s.report.Styles++
		return ""
	}
	css = strings.ReplaceAll(css, "/**/", "")
	return fetches.ReplaceAllStringFunc(css, func(found string) string {
		if !strings.Contains(strings.ToLower(found), "data:") {
			s.report.Styles++
		}
		if strings.HasPrefix(found, "@") {
			return ""
		}
		return "none"
	})
}

func (s *sanitiser) styleSheet(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		c.Data = s.style(c.Data)
	}
}

// link takes a link's address away and tells it.
func (s *sanitiser) link(n *html.Node) {
	href := strings.TrimSpace(attribute(n, "href"))
	if href == "" {
		return
	}
	if scheme := strings.ToLower(strings.Map(visibleOnly, href)); strings.HasPrefix(scheme, "javascript:") || strings.HasPrefix(scheme, "vbscript:") {
		s.report.Scripts++
	}
	kept := []html.Attribute{{Key: "title", Val: href}}
	for _, a := range n.Attr {
		if a.Key != "href" && a.Key != "title" {
			kept = append(kept, a)
		}
	}
	n.Attr = kept
	if len(s.report.Links) == maxLinks {
		s.report.LeftOut++
		return
	}
	text := strings.Join(strings.Fields(textOf(n, maxLinkText)), " ")
	s.report.Links = append(s.report.Links, Link{text, clip(href, maxLinkText), deceives(text, href)})
}

// maxLinkText is the longest text or address of a link that is told.
const maxLinkText = 500

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// visibleOnly drops what browsers pass over in a scheme: blanks and controls.
func visibleOnly(r rune) rune {
	if r <= ' ' {
		return -1
	}
	return r
}

func textOf(n *html.Node, limit int) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode && b.Len() < limit {
			b.WriteString(clip(n.Data, limit-b.Len()))
		}
		for c := n.FirstChild; c != nil && b.Len() < limit; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return b.String()
}

// hostName finds what reads like the name of a host at the beginning of a link's text.
var hostName = regexp.MustCompile(`(?i)^(?:https?://)?(?:[^\s/@]*@)?((?:[\p{L}\p{N}-]+\.)+[\p{L}]{2,})(?:[/:?#\s]|$)`)

// deceives reports whether a link's text names a host that its address does not lead to.
func deceives(text, href string) bool {
	shown := hostName.FindStringSubmatch(text)
	to, err := url.Parse(href)
	if shown == nil || err != nil || to.Host == "" {
		return false
	}
	a, b := strings.TrimPrefix(strings.ToLower(shown[1]), "www."), strings.TrimPrefix(strings.ToLower(to.Hostname()), "www.")
	return a != b && !strings.HasSuffix(b, "."+a)
}

// image shows images that the message itself carries, and a sign in the place of others.
func (s *sanitiser) image(n *html.Node) {
	src := strings.TrimSpace(attribute(n, "src"))
	if attribute(n, "srcset") != "" && src == "" {
		src = "srcset"
	}
	data := ""
	switch {
	case len(src) > 4 && strings.EqualFold(src[:4], "cid:"):
		data = s.carried(src[4:])
	case inlineData.MatchString(src) && len(src) <= 2*maxInlineImage:
		data = src
	}
	if data != "" {
		s.report.Inline++
		s.attributes(n)
		n.Attr = append(n.Attr, html.Attribute{Key: "src", Val: data})
		return
	}
	if remote(src) {
		s.report.Images++
		if pixel(n) {
			s.report.Pixels++
		}
	}
	s.sign(n, src)
}

// pixel reports whether an image is made not to be seen.
func pixel(n *html.Node) bool {
	tiny := func(v string) bool { v = strings.TrimSuffix(strings.TrimSpace(v), "px"); return v == "0" || v == "1" }
	style := strings.ReplaceAll(strings.ToLower(attribute(n, "style")), " ", "")
	return tiny(attribute(n, "width")) && tiny(attribute(n, "height")) || strings.Contains(style, "display:none") ||
		strings.Contains(style, "width:1px") && strings.Contains(style, "height:1px")
}

// sign puts the image's words, and the host that would have been asked, where the image was.
func (s *sanitiser) sign(n *html.Node, src string) {
	text := strings.TrimSpace(attribute(n, "alt"))
	if u, err := url.Parse(src); err == nil && u.Host != "" {
		text = strings.TrimSpace(text + " [" + u.Hostname() + "]")
	}
	*n = html.Node{Parent: n.Parent, PrevSibling: n.PrevSibling, NextSibling: n.NextSibling, Type: html.ElementNode, Data: "span", DataAtom: atom.Span,
		Attr: []html.Attribute{{Key: "class", Val: "facteur-blocked"}, {Key: "title", Val: clip(src, maxLinkText)}}}
	n.AppendChild(&html.Node{Type: html.TextNode, Data: "▢ " + clip(text, maxLinkText)})
}

// carried gives the image of another part as an address that holds it.
func (s *sanitiser) carried(id string) string {
	if unescaped, err := url.PathUnescape(id); err == nil {
		id = unescaped
	}
	kind, data := s.inline(id)
	if len(data) == 0 || len(data) > maxInlineImage || s.spent+len(data) > maxInlineImages {
		return ""
	}
	s.spent += len(data)
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data)
}
