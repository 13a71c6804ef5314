package web

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// Mail is one message, as GET …/messages/{n} gives it. What its events say (envelope, header fields, hops) the page has
// already; here is what only the octets tell.
type Mail struct {
	N       int        `json:"n"` // of the event that begins it
	Stuffed bool       `json:"stuffed"`
	Ended   bool       `json:"ended"`
	Octets  int64      `json:"octets"`  // of the message itself, those that are here
	Missing int64      `json:"missing"` // no longer kept, or never captured
	Gaps    [][2]int64 `json:"gaps"`    // [offset in the message, octets missing there]
	Parts   []MailPart `json:"parts"`
	LeftOut int        `json:"left_out"` // parts beyond maxParts
}

// MailPart is one part. Octets counts its content as sent, Decoded with the transfer encoding taken off; both are 0 for
// a multipart, which has no content of its own.
type MailPart struct {
	Path        string `json:"path"` // as IMAP counts; "" for an outermost multipart
	Type        string `json:"type"`
	Charset     string `json:"charset,omitempty"`
	Encoding    string `json:"encoding,omitempty"`
	Disposition string `json:"disposition,omitempty"`
	Filename    string `json:"filename,omitempty"`
	Octets      int64  `json:"octets"`
	Decoded     int64  `json:"decoded"`
	Missing     int64  `json:"missing,omitempty"`
	Faults      int    `json:"faults,omitempty"` // characters out of form in its encoding
	At          int64  `json:"at"`               // offset of its content on the stream
}

// mailRoutes are the addresses of messages.
func (s *Server) mailRoutes(get func(path string, do func(http.ResponseWriter, *http.Request, Role))) {
	with := func(do func(http.ResponseWriter, *http.Request, *octetStore, *mail)) func(http.ResponseWriter, *http.Request, Role) {
		return func(w http.ResponseWriter, r *http.Request, _ Role) {
			id, err1 := strconv.Atoi(r.PathValue("id"))
			n, err2 := strconv.Atoi(r.PathValue("n"))
			if err := errors.Join(err1, err2); err != nil || n < 1 {
				refuse(w, r, refuseQuery, "session and message are numbers")
				return
			}
			hub := s.hub
			m, ok := hub.mail(id, n)
			if !ok {
				refuse(w, r, refuseNoMail)
				return
			}
			do(w, r, &hub.octets, m)
		}
	}
	get("sessions/{id}/messages/{n}", with(getMail))
	get("sessions/{id}/messages/{n}/source", with(getSource))
	get("sessions/{id}/messages/{n}/message.eml", with(getEML))
	get("sessions/{id}/messages/{n}/parts/{path}", with(getPart))
}

func getMail(w http.ResponseWriter, _ *http.Request, o *octetStore, m *mail) {
	v := Mail{N: m.n, Stuffed: m.stuffed, Ended: m.ended, Parts: make([]MailPart, 0, len(m.parts)), LeftOut: m.leftOut}
	if v.Octets, v.Gaps = m.measure(o); v.Gaps == nil {
		v.Gaps = [][2]int64{}
	}
	for _, gap := range v.Gaps {
		v.Missing += gap[1]
	}
	for i := range m.parts {
		p := &m.parts[i]
		part := MailPart{Path: p.path, Type: p.kind, Charset: p.charset, Encoding: p.encoding, Disposition: p.disposition, Filename: p.filename, At: p.from}
		if !p.multipart() {
			b, missing, _ := m.body(o, p, math.MaxInt)
			out, faults := decodeTransfer(b, p.encoding)
			part.Octets, part.Decoded, part.Missing, part.Faults = int64(len(b))+missing, int64(len(out)), missing, faults
		}
		v.Parts = append(v.Parts, part)
	}
	answer(w, v)
}

// getSource gives octets of the message from an offset in it on, at most maxSpan. Facteur-Span says which.
func getSource(w http.ResponseWriter, r *http.Request, o *octetStore, m *mail) {
	from, err := number(r.URL.Query(), "from", 0, 0)
	if err != nil {
		refuse(w, r, refuseQuery, err.Error())
		return
	}
	octets, _ := m.measure(o)
	begin := min(int64(from), octets)
	end := min(octets, begin+maxSpan)
	if octets == 0 && len(m.runs) > 0 {
		refuse(w, r, refuseNotKept)
		return
	}
	octetsOnly(w, end-begin)
	w.Header().Set("Facteur-Span", fmt.Sprintf("%d-%d", begin, end))
	if r.Method == http.MethodHead || begin == end {
		return
	}
	_ = m.copy(w, o, begin, end) // an error means that the viewer left
}

// octetsOnly says that an answer is for programs and disks, never to be shown by the browser.
func octetsOnly(w http.ResponseWriter, octets int64) {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", "attachment")
	h.Set("Content-Length", strconv.FormatInt(octets, 10))
}

// getEML gives the message as a file: the very octets, masked as everything is that the page is given.
func getEML(w http.ResponseWriter, r *http.Request, o *octetStore, m *mail) {
	octets, gaps := m.measure(o)
	if octets == 0 && len(m.runs) > 0 {
		refuse(w, r, refuseNotKept)
		return
	}
	name := fmt.Sprintf("message-%d-%d", m.session, m.n)
	if len(gaps) > 0 || !m.ended {
		name += "-incomplete"
	}
	octetsOnly(w, octets)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.eml"`)
	if r.Method != http.MethodHead {
		_ = m.copy(w, o, 0, octets)
	}
}

// getPart gives a part's content, as it is to be looked at: as=octets (decoded, to be saved), text, html or report.
func getPart(w http.ResponseWriter, r *http.Request, o *octetStore, m *mail) {
	p := m.part(r.PathValue("path"))
	if p == nil {
		refuse(w, r, refuseNotFound)
		return
	}
	as, limit := r.URL.Query().Get("as"), maxPartText
	switch as {
	case "octets":
		limit = math.MaxInt
	case "text", "html", "report":
	default:
		refuse(w, r, refuseQuery, "as: octets, text, html or report")
		return
	}
	b, missing, more := m.body(o, p, limit)
	if len(b) == 0 && missing > 0 {
		refuse(w, r, refuseNotKept)
		return
	}
	out, _ := decodeTransfer(b, p.encoding)
	h := w.Header()
	if as == "octets" {
		octetsOnly(w, int64(len(out)))
		h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="part-%s.bin"`, safeName(p.path)))
		_, _ = w.Write(out)
		return
	}
	text, how := toText(out, p.charset)
	if as == "text" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Facteur-Charset", how)
		h.Set("Facteur-Missing", strconv.FormatInt(missing, 10))
		h.Set("Facteur-Trimmed", strconv.FormatBool(more))
		_, _ = w.Write([]byte(text))
		return
	}
	report := sanitise(text, func(id string) (string, []byte) { return m.inline(o, id) })
	report.Charset, report.Missing, report.Trimmed, report.Octets = how, missing, more, int64(len(out))
	if as == "report" {
		answer(w, report)
		return
	}
	h.Set("Content-Security-Policy", mailPolicy)
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Del("Cross-Origin-Opener-Policy") // a sandboxed document may not have one; opened by itself it would not be shown
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(report.rendered)
}

// safeName leaves digits and dots of a part's number.
func safeName(path string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' {
			return r
		}
		return -1
	}, path)
}

// inline gives the image that a part of the message holds, by its Content-ID (RFC 2392).
func (m *mail) inline(o *octetStore, id string) (kind string, data []byte) {
	for i := range m.parts {
		p := &m.parts[i]
		if p.id != id || id == "" {
			continue
		}
		switch p.kind {
		case "image/png", "image/gif", "image/jpeg", "image/webp":
			b, _, more := m.body(o, p, 2*maxInlineImage)
			if more {
				return "", nil
			}
			out, _ := decodeTransfer(b, p.encoding)
			return p.kind, out
		}
	}
	return "", nil
}
