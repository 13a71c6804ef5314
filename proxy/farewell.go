package proxy

import (
	"bytes"
	"sync"

	"facteur/decode"
)

// A mail session ends with a farewell: QUIT or LOGOUT, or a server that says why it hangs up (RFC 5321 §3.8, 1939 §5,
// 9051 §7.1.5, 5804 §1.2). A server that goes without one was killed, or is far from well; that is said in one line.

// lastWords are what a side said last, as its application speaks: only as much as a farewell and a command are known by.
type lastWords struct {
	mu     sync.Mutex
	line   []byte // the beginning of the line under way, in upper case
	verb   string // the last command that is known for one: never an octet of a password or of a message
	bye    bool   // the last whole line was a farewell
	sealed bool   // TLS passes end to end
}

const (
	// lineStart octets of a line are looked at: an IMAP tag and a verb.
	lineStart = 64
	// lineTail is how far back from the end of what was read its last line is looked for.
	lineTail = 512
)

// hear takes what a side said next.
func (w *lastWords) hear(proto string, from decode.Side, p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sealed = w.sealed || len(p) > 1 && p[0] >= 0x14 && p[0] <= 0x17 && p[1] == 3; w.sealed { // a record (RFC 9846 §5.1)
		return
	}
	tail := p[max(0, len(p)-lineTail):]
	end := bytes.LastIndexByte(tail, '\n')
	if end < 0 {
		w.add(tail)
		return
	}
	start := bytes.LastIndexByte(tail[:end], '\n') + 1
	if start > 0 || len(p) > len(tail) {
		w.line = w.line[:0]
	}
	w.add(tail[start:end])
	w.understand(proto, from)
	w.line = w.line[:0]
	w.add(tail[end+1:])
}

func (w *lastWords) add(b []byte) {
	for _, c := range b[:min(len(b), lineStart-len(w.line))] {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		w.line = append(w.line, c)
	}
}

// understand looks at a whole line.
func (w *lastWords) understand(proto string, from decode.Side) {
	line := bytes.TrimRight(w.line, "\r")
	if from == decode.Server {
		w.bye = farewell(proto, line)
		return
	}
	if proto == decode.IMAP {
		_, line, _ = bytes.Cut(line, []byte(" "))
	}
	verb, _, _ := bytes.Cut(line, []byte(" "))
	w.bye = string(verb) == "QUIT" || string(verb) == "LOGOUT"
	if name, ok := verbs[string(verb)]; ok {
		w.verb = name
	}
}

// farewell reports whether a server's last line says that, or why, it hangs up.
func farewell(proto string, line []byte) bool {
	switch proto {
	case decode.POP3:
		return bytes.HasPrefix(line, []byte("-ERR"))
	case decode.IMAP:
		return bytes.HasPrefix(line, []byte("* BYE"))
	case decode.Sieve:
		return bytes.HasPrefix(line, []byte("BYE"))
	}
	return len(line) > 0 && (line[0] == '4' || line[0] == '5') || bytes.HasPrefix(line, []byte("221"))
}

// verbs are the commands that are named when a server is gone: those that a session spends its time in.
var verbs = func() map[string]string {
	m := map[string]string{}
	for _, v := range []string{
		"HELO", "EHLO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "VRFY", "AUTH", "STARTTLS", "NOOP",
		"USER", "PASS", "APOP", "CAPA", "STAT", "LIST", "UIDL", "RETR", "TOP", "DELE", "STLS",
		"CAPABILITY", "LOGIN", "AUTHENTICATE", "ID", "ENABLE", "NAMESPACE", "LSUB", "STATUS", "SELECT", "EXAMINE", "FETCH", "UID",
		"STORE", "SEARCH", "SORT", "THREAD", "COPY", "MOVE", "APPEND", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE",
		"EXPUNGE", "CLOSE", "UNSELECT", "CHECK", "IDLE", "COMPRESS",
		"HAVESPACE", "PUTSCRIPT", "LISTSCRIPTS", "SETACTIVE", "GETSCRIPT", "DELETESCRIPT", "RENAMESCRIPT", "CHECKSCRIPT",
	} {
		m[v] = v
	}
	return m
}()

// wraps are the commands behind which the words of both sides may be compressed or sealed.
var wraps = map[string]bool{"COMPRESS": true, "AUTH": true, "AUTHENTICATE": true}

// spoke notes octets of the application of who is at the other end.
func (l *leg) spoke(p []byte) {
	l.agreed = l.agreed || l.tls != nil
	l.said.hear(l.s.route.Listen.Protocol, l.peer, p)
}

// ending gives a side's last command, and whether its end may be a surprise: it did not say farewell, and its words are
// known.
func (w *lastWords) ending() (verb string, surprise bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.verb, !w.bye && !w.sealed && !wraps[w.verb]
}

// lost says that the server is gone in mid-session, before the client ended it and before either said farewell. It
// reports whether it did.
func (s *session) lost(how string) bool {
	if !s.relaying || s.leaving.Load() || len(s.srv.c.Attacks) > 0 || s.route.Listen.Protocol == decode.Detect {
		return false
	}
	verb, unasked := s.client.said.ending()
	if _, unsaid := s.server.said.ending(); !unasked || !unsaid {
		return false
	}
	s.explain(&fault{what: faultLost, cause: how, leg: decode.ServerLeg, fields: []string{"server", s.route.Upstream.Addr(), "verb", verb}})
	return true
}
