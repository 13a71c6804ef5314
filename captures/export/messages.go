package export

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"facteur/captures"
	"facteur/decode"
	"facteur/internal/bilingual"
)

// Message is one message that a session carried.
type Message struct {
	File       string // its name in the folder
	Session    int
	Seq        int // of the event with which it begins
	How        string
	Octets     int64
	SHA256     string // in hex
	Incomplete bool   // the session or the capture ended in it, or octets of it are missing
}

// ErrNotEmpty is in the error of a folder for messages that holds something already.
var ErrNotEmpty error = bilingual.New("this folder is not empty", "ce dossier n’est pas vide")

// Messages writes every message of a recording into a folder, as it was before it was put on the wire: the dots of SMTP's
// DATA and POP3's RETR unstuffed (RFC 5321 §4.5.2, RFC 1939 §3), the chunks of BDAT joined (RFC 3030), the literals of
// IMAP's FETCH BODY[] and APPEND as they are. Nothing else of it is touched, so that what was masked or anonymised, and by
// which version, is said beside them, in a file AboutName. Parts of messages (TOP, BODY[1]) are none. The folder is made,
// or empty.
func Messages(dir, path string, o Options) ([]Message, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if list, err := os.ReadDir(dir); err != nil {
		return nil, err
	} else if len(list) > 0 {
		return nil, bilingual.Errorf("%s: %w", "%s\u202f: %w", dir, ErrNotEmpty)
	}
	x := &messages{dir: dir, open: map[stream]*message{}, commands: map[command]string{}}
	var secrets, by string
	err := captures.Walk(path, captures.WalkOptions{Keys: o.Keys, TCPEvents: o.TCPEvents,
		Open: func(i captures.Info) {
			if i.Own != nil && secrets == "" {
				secrets, by = i.Own.Secrets, i.Own.By
			}
		},
		Event: func(id int, e *decode.Event, octets []byte) {
			if x.err == nil && (o.Sessions == nil || o.Sessions[id]) && (e.Leg == decode.ClientLeg || o.BothLegs) {
				x.event(id, e, octets)
			}
		},
		Close: x.close})
	if x.err == nil && len(x.done) > 0 {
		if o.Treated != nil {
			o.Treated(o.treatment(secrets, by))
		}
		x.err = writeAbout(dir, path, &o, secrets, by, x.done)
	}
	return x.done, errors.Join(x.err, err)
}

// close ends what a session left open.
func (x *messages) close(id int) {
	for at, m := range x.open {
		if at.session == id {
			m.Incomplete = true
			x.finish(at)
		}
	}
	for k := range x.commands {
		if k.session == id {
			delete(x.commands, k)
		}
	}
}

// stream is where a message passes: one side of one leg of a session.
type stream struct {
	session int
	leg     decode.Leg
	from    decode.Side
}

type command struct{ session, seq int }

// message is one being written.
type message struct {
	Message
	f       *os.File
	w       *bufio.Writer // into f and sum
	sum     hash.Hash
	stuffed bool
	chunked bool // BDAT: more chunks may come
	bol     bool
	paused  bool // between two chunks
	subject string
}

type messages struct {
	dir      string
	open     map[stream]*message
	commands map[command]string // verb and argument of commands that messages belong to
	done     []Message
	err      error
}

func (x *messages) event(id int, e *decode.Event, octets []byte) {
	at := stream{id, e.Leg, e.From}
	m := x.open[at]
	switch {
	case strings.HasSuffix(e.Kind, ".command"):
		switch v := strings.ToUpper(e.Field("verb")); v {
		case "BDAT", "DATA", "RETR":
			x.commands[command{id, e.Seq}] = v + " " + strings.ToUpper(e.Field("argument"))
		case "RSET", "MAIL", "QUIT":
			if m != nil {
				m.Incomplete = true
				x.finish(at)
			}
		}
	case strings.HasSuffix(e.Kind, ".data.begin"):
		x.begin(at, e)
	case m == nil || m.paused:
	case strings.HasSuffix(e.Kind, ".data.end"):
		if m.chunked {
			m.paused = true
			return
		}
		x.finish(at)
	case e.Kind == "session.gap":
		m.Incomplete = true
	case strings.HasPrefix(e.Kind, "message.") || strings.HasSuffix(e.Kind, ".data.data"):
		if e.Kind == "message.header" && m.subject == "" && strings.EqualFold(e.Field("name"), "subject") {
			m.subject = e.Field("value")
			if d := e.Field("decoded"); d != "" {
				m.subject = d
			}
		}
		if int64(len(octets)) < e.Span.Len() {
			m.Incomplete = true
		}
		x.write(m, octets)
	}
}

// begin begins a message, or goes on with one in chunks.
func (x *messages) begin(at stream, e *decode.Event) {
	what := x.commands[command{at.session, e.Re}]
	verb, argument, _ := strings.Cut(what, " ")
	m := x.open[at]
	if verb == "BDAT" && m != nil {
		m.paused, m.chunked = false, !strings.HasSuffix(argument, "LAST")
		return
	}
	if m != nil {
		m.Incomplete = true
		x.finish(at)
	}
	stuffed := false
	switch e.Kind {
	case "imap.data.begin":
		switch w := e.Field("what"); w {
		case "message", "BODY[]", "RFC822", "BINARY[]":
			verb = w
		default:
			return
		}
	case "pop3.data.begin":
		if verb != "RETR" {
			return
		}
		stuffed = true
	default:
		if stuffed = verb != "BDAT"; stuffed {
			verb = "DATA"
		}
	}
	f, err := os.CreateTemp(x.dir, ".message-*")
	if err != nil {
		x.err = err
		return
	}
	sum := sha256.New()
	x.open[at] = &message{Message: Message{Session: at.session, Seq: e.Seq, How: verb}, f: f, sum: sum, w: bufio.NewWriter(io.MultiWriter(f, sum)), stuffed: stuffed,
		chunked: verb == "BDAT" && !strings.HasSuffix(argument, "LAST"), bol: true}
}

// write takes the stuffing off.
func (x *messages) write(m *message, octets []byte) {
	if !m.stuffed {
		m.w.Write(octets)
		m.Octets += int64(len(octets))
		return
	}
	from := 0
	for i, c := range octets {
		if m.bol && c == '.' {
			m.w.Write(octets[from:i])
			m.Octets += int64(i - from)
			from = i + 1
		}
		m.bol = c == '\n'
	}
	m.w.Write(octets[from:])
	m.Octets += int64(len(octets) - from)
}

// finish closes a message's file and gives it its name.
func (x *messages) finish(at stream) {
	m := x.open[at]
	delete(x.open, at)
	err := errors.Join(m.w.Flush(), m.f.Close())
	name := fmt.Sprintf("%03d_%d", m.Session, m.Seq)
	if s := slug(m.subject); s != "" {
		name += "_" + s
	}
	if m.Incomplete {
		name += "_incomplete"
	}
	m.File, m.SHA256 = name+".eml", hex.EncodeToString(m.sum.Sum(nil))
	if err == nil {
		err = os.Rename(m.f.Name(), filepath.Join(x.dir, m.File))
	}
	if err != nil {
		x.err = errors.Join(x.err, err, os.Remove(m.f.Name()))
		return
	}
	x.done = append(x.done, m.Message)
}

// maxSlug is the longest part of a subject in a file's name.
const maxSlug = 40

// slug makes part of a file's name of a subject, which is anybody's text: letters and digits of any script, and dashes.
func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= maxSlug {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}
