package decode

import "bytes"

// detector holds a connection's first octets until they tell the protocol. It is the one place where anything is
// guessed, and it says so in a session.detect event with its reason.
type detector struct {
	l      *leg
	tunnel [2]bool // in the header of an HTTP CONNECT, on each side
}

func (d *detector) step(from Side, f *frame) bool {
	if d.tunnel[from] {
		return d.header(from, f)
	}
	if d.connect() {
		d.tunnel = [2]bool{true, true}
		return d.header(from, f)
	}
	if d.tunnel[1-from] && !f.forced {
		return false // what the other side says may still be its header
	}
	name, why := d.look(f.ended || f.forced || len(f.buf) > maxHeld)
	if name == "" {
		return false
	}
	l, by := d.l, Client
	if why == "server" { // which side gave the last octet does not matter: behind a tunnel's header that depends on the cut
		by = Server
	}
	at := l.sides[by].app()
	e := l.s.event(l, by, at.layer, Span{at.at, at.at}, "session.detect")
	e.add("protocol", name, Span{})
	e.add("reason", why, Span{})
	e.note("session.detect." + name)
	l.name = name
	l.proto = newProtocol(l, name)
	return l.step(from)
}

// connect reports whether the conversation begins with a tunnel through an HTTP proxy (RFC 9110 §9.3.6): what follows its
// two headers is what counts.
func (d *detector) connect() bool {
	c, s := d.l.sides[Client].app(), d.l.sides[Server].app()
	return c.at == 0 && s.at == 0 && bytes.HasPrefix(firstLine(c.buf), []byte("CONNECT ")) && bytes.HasPrefix(firstLine(s.buf), []byte("HTTP/"))
}

// header takes a line of a tunnel's header; the empty one ends it.
func (d *detector) header(from Side, f *frame) bool {
	raw, ok := f.line()
	if !ok {
		return false
	}
	line := string(chomp(raw))
	e := d.l.emit(from, f, f.take(len(raw)), "session.tunnel")
	e.add("line", line, e.Span)
	e.note("session.tunnel")
	if line == "" {
		d.tunnel[from] = false
	}
	return true
}

// look tells the protocol by the first line of either side, "" if it takes more to tell and last is not set.
func (d *detector) look(last bool) (name, why string) {
	c, s := d.l.sides[Client].app(), d.l.sides[Server].app()
	for _, f := range []*frame{c, s} { // first of all, or it would count how much of the line is there
		if len(f.buf) > 0 && !text(f.buf[0]) {
			return Opaque, "none"
		}
	}
	client, server := firstLine(c.buf), firstLine(s.buf)
	if client != nil {
		if name := clientSays(client); name != "" {
			return name, "client"
		}
	}
	if server != nil && len(c.buf) == 0 || server != nil && client != nil {
		if name := serverSays(server, client); name != "" {
			return name, "server"
		}
	}
	if client != nil && server != nil || last && len(c.buf)+len(s.buf) > 0 {
		return Opaque, "none"
	}
	return "", ""
}

func text(c byte) bool { return c >= ' ' && c < 0x7f || c == '\r' || c == '\n' || c == '\t' }

// firstLine gives the first whole line, or nil.
func firstLine(b []byte) []byte {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return chomp(b[:i+1])
	}
	return nil
}

// wordsOf splits a line where the decoders do: a CR within it is part of a word.
func wordsOf(line []byte) [][]byte {
	return bytes.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
}

// clientSays tells the protocol by the client's first line: commands that only one protocol has.
func clientSays(line []byte) string {
	words := wordsOf(line)
	if len(words) == 0 || len(line) > 1000 {
		return ""
	}
	switch upper(words[0]) {
	case "EHLO", "HELO":
		return SMTP
	case "LHLO":
		return LMTP
	case "CAPA", "STLS", "APOP":
		return POP3
	}
	if len(words) > 1 {
		switch upper(words[1]) {
		case "CAPABILITY", "LOGIN", "AUTHENTICATE", "STARTTLS", "ID", "NOOP":
			return IMAP
		}
	}
	return ""
}

// serverSays tells the protocol by the server's greeting. A 220 alone may be FTP: it takes the word SMTP, or a client
// that speaks it.
func serverSays(line, client []byte) string {
	up := bytes.ToUpper(line)
	switch {
	case bytes.HasPrefix(up, []byte("* OK")), bytes.HasPrefix(up, []byte("* PREAUTH")), bytes.HasPrefix(up, []byte("* BYE")):
		return IMAP
	case bytes.HasPrefix(up, []byte("+OK")):
		if client == nil || popVerb(client) {
			return POP3
		}
	case bytes.HasPrefix(up, []byte(`"IMPLEMENTATION"`)):
		return Sieve
	case len(up) > 3 && bytes.HasPrefix(up, []byte("220")) && (up[3] == ' ' || up[3] == '-'):
		switch {
		case bytes.Contains(up, []byte("LMTP")):
			return LMTP
		case bytes.Contains(up, []byte("SMTP")):
			return SMTP
		}
	}
	return ""
}

// Speaker tells which side of a mail connection begins with these octets, where nothing else says who the client is: a
// greeting, a command, or the first message of a TLS handshake. ok is false where they do not tell.
func Speaker(b []byte) (from Side, ok bool) {
	if len(b) > 5 && b[0] == 0x16 && b[1] == 3 && (b[5] == 1 || b[5] == 2) { // ClientHello, ServerHello
		return Side(b[5] - 1), true
	}
	line := firstLine(b)
	switch {
	case len(line) == 0:
		return 0, false
	case serverSays(line, nil) != "":
		return Server, true
	case clientSays(line) != "" || popVerb(line):
		return Client, true
	}
	return 0, false
}

func popVerb(line []byte) bool {
	words := wordsOf(line)
	if len(words) == 0 {
		return false
	}
	switch upper(words[0]) {
	case "USER", "CAPA", "AUTH", "APOP", "STLS", "QUIT", "STAT":
		return true
	}
	return false
}

func (d *detector) idle(Side) bool  { return true }
func (d *detector) gap(Side, int64) {}
func (d *detector) flush(Side)      {}
func (d *detector) secured()        {}
