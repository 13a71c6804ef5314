package proxy

import (
	"bytes"
	"strconv"
	"strings"

	"facteur/decode"
)

// smtpWatch follows an SMTP session in clear while mail is being sent. A client may still ask for STARTTLS then, between
// two messages, so that somebody must know where commands begin; but a decoder that takes everything apart would cost
// more than the relay itself. The watch knows commands of one line and one reply, message texts and chunks. At the first
// command beyond that, it hands the session back to the decoder.
//
// It is for RFC 5321 with PIPELINING (RFC 2920) and CHUNKING (RFC 3030); in LMTP a message has several replies.
type smtpWatch struct {
	in      watchState
	line    []byte // the beginning of the client's line under way, at most maxWatched octets
	left    int64  // octets of the chunk still to come
	tail    []byte // the last octets of the text, in which its end may have begun
	pending int    // replies that are still to come
	data    int    // how many of them up to the one to DATA; 0 if no DATA waits

	reply []byte // the first four octets, or fewer, of the server's line under way
}

type watchState uint8

const (
	watchCommands watchState = iota
	watchDecision            // DATA was sent: its reply says what follows
	watchText                // up to the lone dot
	watchChunk               // left octets
)

// maxWatched is how much of a line is kept: BDAT with a size of 20 digits and LAST, or any other verb.
const maxWatched = 64

// simple are the commands that have one line and one reply, and after which the client's next line is a command.
var simple = map[string]bool{"MAIL": true, "RCPT": true, "RSET": true, "NOOP": true, "QUIT": true, "VRFY": true}

// textEnd ends a message (RFC 5321 §4.1.1.4).
var textEnd = []byte("\r\n.\r\n")

// client takes octets of the client's. It gives how many are understood; less than all means that the watch is over, or
// (in watchDecision) that the rest has to wait for the server's reply. On the end of the watch, w.line is what was there
// before of the line that it does not understand.
func (w *smtpWatch) client(b []byte) int {
	at := 0
	for at < len(b) {
		switch w.in {
		case watchDecision:
			return at
		case watchText:
			n, ended := w.text(b[at:])
			if at += n; ended {
				w.in = watchCommands
				w.pending++
			}
		case watchChunk:
			n := int(min(w.left, int64(len(b)-at)))
			at += n
			if w.left -= int64(n); w.left == 0 {
				w.in = watchCommands
			}
		default:
			end := bytes.IndexByte(b[at:], '\n')
			if end < 0 {
				w.line = append(w.line, b[at:min(len(b), at+maxWatched-len(w.line))]...)
				return len(b)
			}
			known := len(w.line)
			w.line = append(w.line, b[at:min(at+end+1, at+maxWatched-known)]...)
			if !w.command() {
				w.line = w.line[:known]
				return at
			}
			w.line = w.line[:0]
			at += end + 1
		}
	}
	return at
}

// command takes the line in w.line, and reports whether it is one that the watch understands.
func (w *smtpWatch) command() bool {
	line := strings.TrimRight(string(w.line), "\r\n")
	verb, rest, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	switch {
	case simple[verb]:
	case verb == "DATA" && rest == "":
		w.data = w.pending + 1
		w.in = watchDecision
	case verb == "BDAT":
		size, last, _ := strings.Cut(rest, " ")
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil || n < 0 || last != "" && !strings.EqualFold(last, "LAST") {
			return false
		}
		if w.left = n; n > 0 {
			w.in = watchChunk
		}
	default:
		return false
	}
	w.pending++
	return true
}

// text takes octets of a message, and tells whether it ended with the last of them.
func (w *smtpWatch) text(b []byte) (n int, ended bool) {
	keep := len(textEnd) - 1
	seam := append(w.tail, b[:min(len(b), keep)]...)
	if i := bytes.Index(seam, textEnd); i >= 0 {
		n = i + len(textEnd) - len(w.tail)
		w.tail = w.tail[:0]
		return n, true
	}
	if i := decode.IndexTextEnd(b); i >= 0 {
		w.tail = w.tail[:0]
		return i + len(textEnd), true
	}
	if len(b) >= keep {
		w.tail = append(w.tail[:0], b[len(b)-keep:]...)
	} else {
		w.tail = append(w.tail[:0], seam[max(0, len(seam)-keep):]...)
	}
	return len(b), false
}

// server takes octets of the server's, and reports whether the reply to DATA was among them.
func (w *smtpWatch) server(b []byte) (decided bool) {
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		part := b
		if end >= 0 {
			part = b[:end]
		}
		if room := 4 - len(w.reply); room > 0 {
			w.reply = append(w.reply, part[:min(room, len(part))]...)
		}
		if end < 0 {
			return decided
		}
		b = b[end+1:]
		if len(w.reply) < 4 || w.reply[3] != '-' {
			decided = w.replied(string(w.reply[:min(3, len(w.reply))])) || decided
		}
		w.reply = w.reply[:0]
	}
	return decided
}

// replied counts a reply, and decides on DATA if that is what it answers.
func (w *smtpWatch) replied(code string) bool {
	if w.pending > 0 {
		w.pending--
	}
	if w.data == 0 {
		return false
	}
	if w.data--; w.data > 0 {
		return false
	}
	w.in = watchCommands
	if code == "354" {
		w.in = watchText
		w.tail = append(w.tail[:0], "\r\n"...) // the text may be empty
	}
	return true
}
