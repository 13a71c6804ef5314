package tlswire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// retryRandom is the random by which a ServerHello is a HelloRetryRequest, RFC 9846 section 4.1.3.
var retryRandom = sha256.Sum256([]byte("HelloRetryRequest"))

// helloInfo is what hellos say that matters beyond their fields.
type helloInfo struct {
	builder
	typ        byte // handshake type: what extensions mean depends on the message
	room       *Room
	retry      bool
	version    uint16 // legacy_version, or the one a server selected
	random     [32]byte
	session    []byte
	ticket     []byte
	suites     []uint16
	suite      uint16
	extensions []uint16
	versions   []uint16
	signatures []uint16
	alpn       []string
	sni        string
	compressed bool
	early      bool
	ems, etm   bool
	psk        bool
	grease     []string
}

// greased remembers where GREASE values were met.
func (i *helloInfo) greased(where string) {
	if !slices.Contains(i.grease, where) {
		i.grease = append(i.grease, where)
	}
}

// code16s reads a list of 16-bit codes and gives their names.
func (i *helloInfo) code16s(r *reader, where string, name func(uint16) string) ([]uint16, string) {
	codes := make([]uint16, 0, min(r.left()/2, maxList))
	var names strings.Builder
	for r.left() >= 2 {
		v := uint16(r.u16())
		if isGREASE(v) {
			i.greased(where)
		}
		if len(codes) == maxList {
			continue
		}
		if len(codes) > 0 {
			names.WriteString(", ")
		} else {
			names.Grow(nameLength * cap(codes))
		}
		codes = append(codes, v)
		names.WriteString(name(v))
	}
	return codes, names.String()
}

// nameLength is how long the names of suites, groups and the like are on average, with the comma behind them: a guess.
const nameLength = 24

// helloRoom is how many fields and notes there is room for at first: as many as the ClientHello of a mail client has.
const helloRoom = 24

// parseClientHello explains a ClientHello, RFC 9846 section 4.1.2.
func parseClientHello(raw []byte) (Message, *helloInfo) {
	i := &helloInfo{typ: 1, builder: builder{limit: len(raw), fields: make([]Field, 0, helloRoom), notes: make([]Note, 0, helloRoom)}}
	i.note("tls.client_hello", 0, 0)
	r := newReader(raw, 4)
	i.version = uint16(r.u16())
	i.add("legacy_version", VersionName(i.version), 4, 6)
	i.hex("random", i.random[:copy(i.random[:], r.bytes(32))], 6)
	if s := r.sub(1); s.left() > 0 {
		i.session = slices.Clone(s.raw[s.off:s.end])
		i.hex("session_id", i.session, s.off)
	}
	if s := r.sub(2); s.left() > 0 {
		from := s.off
		var names string
		i.suites, names = i.code16s(s, "cipher", SuiteName)
		i.add("ciphers", names, from, s.end)
	}
	if s := r.sub(1); s.left() > 0 {
		from := s.off
		i.add("compression", compressionNames(s), from, s.end)
	}
	i.readExtensions(r)
	i.addVersions()
	if len(i.grease) > 0 {
		i.add("grease", strings.Join(i.grease, ", "), 0, 0)
	}
	i.add("ja4", i.ja4(), 0, 0)
	i.malformed(r)
	return Message{Kind: "tls.client_hello", Raw: raw, Fields: i.fields, Notes: i.notes}, i
}

// malformed says that a message ended too early, or has octets behind its end.
func (i *builder) malformed(r *reader) {
	if r.short {
		i.add("malformed", "truncated", 0, 0)
	} else if r.left() > 0 {
		i.add("malformed", "trailing octets", r.off, r.end)
	}
}

// addVersions says which versions a client without supported_versions offers: all up to its legacy_version.
func (i *helloInfo) addVersions() {
	if len(i.versions) == 0 {
		i.versions = []uint16{i.version}
		i.add("versions", VersionName(i.version), 4, 6)
	}
}

func compressionNames(r *reader) string {
	var names []string
	for r.left() > 0 && len(names) < maxList {
		names = append(names, compressionName(r.u8()))
	}
	return strings.Join(names, ", ")
}

func compressionName(v int) string {
	switch v {
	case 0:
		return "none"
	case 1:
		return "deflate"
	case 64:
		return "LZS"
	}
	return strconv.Itoa(v)
}

// clientHello explains a ClientHello and begins a handshake with it, unless it answers a HelloRetryRequest.
func (c *Conn) clientHello(h *half, raw []byte) Message {
	m, i := parseClientHello(raw)
	hs := c.begin(h, i.random)
	hs.hello = slices.Clone(raw[:min(len(raw), maxTranscript)])
	hs.clientSession, hs.early, hs.sni, hs.offered = i.session, i.early, i.sni, ticketID(i.ticket)
	if len(hs.serverSession) > 0 { // the server's answer came first
		hs.setResumed()
	}
	return m
}

// begin gives the handshake of a client's hello: a new one, or the same if it is the hello again after a retry.
func (c *Conn) begin(h *half, random [32]byte) *handshake {
	hs := c.current(h)
	if hs.haveClient && hs.clientRandom != random {
		h.number++
		hs = c.current(h)
	}
	hs.haveClient, hs.clientRandom = true, random
	h.hello = true
	h.sealed13 = false
	return hs
}

// setResumed recognises RFC 5246 section 7.3's abbreviated handshake: the server echoes the session id offered, be it
// the session's or one made up to accompany a ticket (RFC 5077 section 3.4).
func (hs *handshake) setResumed() {
	hs.resumed = hs.version < 0x0304 && len(hs.clientSession) > 0 && bytes.Equal(hs.clientSession, hs.serverSession)
}

// RetryName is what the field "message" of a ServerHello says when it is a HelloRetryRequest.
const RetryName = "HelloRetryRequest"

// parseServerHello explains a ServerHello or HelloRetryRequest, RFC 9846 section 4.1.3. Up to draft 21 of TLS 1.3 it had
// neither session id nor compression.
func parseServerHello(raw []byte) (Message, *helloInfo) {
	i := &helloInfo{typ: 2, retry: raw[0] == 6, builder: builder{limit: len(raw)}}
	r := newReader(raw, 4)
	i.version = uint16(r.u16())
	legacy := i.version
	short := draftOf(i.version) > 0 && draftOf(i.version) < 22
	oldRetry := raw[0] == 6 // of drafts up to 21: neither random nor session id
	if !oldRetry {
		copy(i.random[:], r.bytes(32))
		i.retry = i.random == retryRandom
	}
	i.start(legacy)
	if !oldRetry {
		i.hex("random", i.random[:], 6)
	}
	if i.retry && !oldRetry {
		i.add("message", RetryName, 6, 38) // told from a ServerHello by its random
	}
	if !short && !oldRetry {
		s := r.sub(1)
		i.session = slices.Clone(s.raw[s.off:s.end])
		i.hex("session_id", i.session, s.off)
	}
	if !oldRetry || draftOf(i.version) > 18 {
		i.suite = uint16(r.u16())
		i.add("cipher", SuiteName(i.suite), r.off-2, r.off)
		i.note("tls.cipher", r.off-2, r.off, Field{Name: "name", Value: SuiteName(i.suite)})
	}
	if !short && !oldRetry {
		i.chosenCompression(r)
	}
	i.readExtensions(r)
	i.finishServerHello(legacy)
	i.malformed(r)
	kind := "tls.server_hello" // a HelloRetryRequest too: it has its type and structure, RFC 9846 section 4.1.4
	if oldRetry {
		kind = "tls.hello_retry_request"
	}
	return Message{Kind: kind, Raw: raw, Fields: i.fields, Notes: i.notes}, i
}

// chosenCompression is a server's choice; none, as always since CRIME, is not worth a field.
func (i *helloInfo) chosenCompression(r *reader) {
	if v := r.u8(); v != 0 {
		i.compressed = true
		i.add("compression", compressionName(v), r.off-1, r.off)
	}
}

func (i *helloInfo) start(legacy uint16) {
	if i.retry {
		i.note("tls.hello_retry_request", 0, 0)
	} else {
		i.note("tls.server_hello", 0, 0)
	}
	i.add("legacy_version", VersionName(legacy), 4, 6)
}

// finishServerHello adds what follows from the whole message: the version, and what is to be said of it.
func (i *helloInfo) finishServerHello(legacy uint16) {
	from, to := 4, 6
	for _, f := range i.fields {
		if f.Name == "version" {
			from, to = f.From, f.To
		}
	}
	if i.version == legacy && from == 4 {
		i.add("version", VersionName(i.version), from, to)
	}
	if d := draftOf(i.version); d > 0 {
		i.add("draft", strconv.Itoa(d), from, to)
	}
	i.note("tls.version."+noteVersion(i.version), from, to)
	if i.version < 0x0303 {
		i.note("lint.obsolete_tls", from, to, Field{Name: "version", Value: VersionName(i.version)})
	}
	if tail := i.random[24:]; bytes.Equal(tail[:7], []byte("DOWNGRD")) && tail[7] <= 1 {
		i.add("downgrade", map[byte]string{0: "TLS1.1 or below", 1: "TLS1.2"}[tail[7]], 30, 38)
		i.note("tls.server_hello.downgrade", 30, 38)
	}
}

// serverHello explains a ServerHello and settles the handshake by it.
func (c *Conn) serverHello(h *half, raw []byte) Message {
	m, i := parseServerHello(raw)
	if h.side != Server {
		return m
	}
	hs := c.current(h)
	if hs.haveServer && !i.retry {
		h.number++
		hs = c.current(h)
	}
	h.hello = true
	hs.draft = draftOf(i.version)
	hs.version = i.version
	if hs.draft > 0 {
		hs.version = 0x0304
	}
	hs.suite = i.suite
	if i.retry {
		hs.retried = true
		return m
	}
	hs.haveServer = true
	hs.serverRandom, hs.serverSession = i.random, i.session
	hs.compressed, hs.ems, hs.etm = i.compressed, i.ems, i.etm
	hs.setResumed()
	switch {
	case hs.resumed:
		m.resumed("session_id")
	case i.psk:
		m.resumed("psk")
	}
	return m
}

// resumed says that a ServerHello takes up an earlier session, and by what it is known.
func (m *Message) resumed(by string) {
	m.Fields = append(m.Fields, Field{Name: "resumed", Value: by})
	m.Notes = append(m.Notes, Note{ID: "tls.server_hello.resumed"})
}

// ssl2Hello explains an SSL 2.0 ClientHello that offers SSL 3.0 or TLS, RFC 5246 appendix E.2. raw lacks the two octets
// of the record's length.
func (c *Conn) ssl2Hello(h *half, raw []byte) Message {
	b := &helloInfo{typ: 1, builder: builder{limit: len(raw)}}
	b.note("sslv2.client_hello", 0, 0)
	r := newReader(raw, 1)
	version := uint16(r.u16())
	b.add("versions", VersionName(version), 1, 3)
	suites, session, challenge := r.u16(), r.u16(), r.u16()
	from := r.off
	var names []string
	for range suites / 3 {
		code := r.u24()
		name := fmt.Sprintf("SSL2 0x%06x", code)
		if code <= 0xffff {
			name = SuiteName(uint16(code))
		}
		names = append(names, name)
	}
	b.add("ciphers", strings.Join(names[:min(len(names), maxList)], ", "), from, r.off)
	b.hex("session_id", r.bytes(session), r.off-min(session, r.off))
	at := r.off
	ch := r.bytes(challenge)
	b.hex("random", ch, at)
	if version>>8 != 3 { // a pure SSL 2.0 session: nothing of it is understood
		return Message{Kind: "sslv2.client_hello", Raw: raw, Fields: b.fields, Notes: b.notes}
	}
	var random [32]byte
	copy(random[32-min(32, len(ch)):], ch)
	hs := c.begin(h, random)
	hs.hello = slices.Clone(raw)
	return Message{Kind: "sslv2.client_hello", Raw: raw, Fields: b.fields, Notes: b.notes}
}

// be16 is a shorthand for codes in octets.
func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
