package tlswire

import (
	"slices"
	"strconv"
	"strings"
)

// explain gives kind, fields and notes of the handshake messages behind the hellos.
func (c *Conn) explain(h *half, hs *handshake, raw []byte) Message {
	i := &helloInfo{typ: raw[0], room: c.room, builder: builder{limit: len(raw)}}
	name := handshakeNames[raw[0]]
	r := newReader(raw, 4)
	kind := "tls." + name
	if name == "" || raw[0] > 25 || raw[0] == 21 || raw[0] == 23 {
		kind = "tls.message"
		if name == "" {
			name = strconv.Itoa(int(raw[0]))
		}
		i.note(kind, 0, 0)
		i.add("type", name, 0, 1)
		return Message{Kind: kind, Raw: raw, Fields: i.fields, Notes: i.notes}
	}
	i.note(kind, 0, 0)
	if raw[0] == 25 {
		kind = "tls.certificate"
		i.compressedCertificate(r)
	} else {
		i.body(r, hs, h.side)
	}
	i.malformed(r)
	return Message{Kind: kind, Raw: raw, Fields: i.fields, Notes: i.notes}
}

// body explains what is behind a handshake message's header.
func (i *helloInfo) body(r *reader, hs *handshake, side Side) {
	tls13 := hs.version >= 0x0304
	switch i.typ {
	case 4:
		i.newSessionTicket(r, tls13, tls13 && (hs.draft == 0 || hs.draft > 20))
	case 8:
		i.readExtensions(r)
	case 11:
		i.certificates(r, hs, side, tls13)
	case 12:
		i.serverKeyExchange(r, hs)
	case 13:
		i.certificateRequest(r, hs, tls13)
	case 15:
		i.certificateVerify(r, hs.version >= 0x0303)
	case 16:
		i.clientKeyExchange(r, hs)
	case 20:
		i.hex("verify_data", r.rest(), 4)
	case 22:
		i.certificateStatus(r)
	case 24:
		i.add("request", map[int]string{0: "update_not_requested", 1: "update_requested"}[r.u8()], 4, 5)
	}
}

// compressedCertificate is RFC 8879. Nothing in Go's standard library reads brotli or zstd, which is what is used.
func (i *helloInfo) compressedCertificate(r *reader) {
	i.notes[0].ID = "tls.certificate.compressed"
	i.add("compressed", compressedCertificateName(uint16(r.u16())), 4, 6)
	i.add("uncompressed_length", strconv.Itoa(r.u24()), 6, 9)
	r.rest()
}

// newSessionTicket is RFC 9846 section 4.6.1, or RFC 5077 section 3.3.
// Drafts up to 20 of TLS 1.3 had no nonce.
func (i *helloInfo) newSessionTicket(r *reader, tls13, hasNonce bool) {
	i.add("lifetime", strconv.FormatUint(uint64(r.u32()), 10), 4, 8)
	if tls13 {
		i.add("age_add", strconv.FormatUint(uint64(r.u32()), 10), 8, 12)
	}
	if hasNonce {
		nonce := r.sub(1)
		i.hex("nonce", nonce.raw[nonce.off:nonce.end], nonce.off)
	}
	ticket := r.sub(2)
	i.hex("ticket", ticket.raw[ticket.off:ticket.end], ticket.off)
	if tls13 {
		i.readExtensions(r)
	}
}

// keyExchangeOf is the part of a suite's name that says how keys are exchanged: RSA, DHE_RSA, ECDHE_PSK …
func keyExchangeOf(id uint16) string {
	kx, _, ok := strings.Cut(strings.TrimPrefix(suiteNames[id], "TLS_"), "_WITH_")
	if !ok {
		return ""
	}
	return kx
}

// serverKeyExchange is RFC 5246 section 7.4.3, RFC 8422 section 5.4, RFC 4279 section 2.
func (i *helloInfo) serverKeyExchange(r *reader, hs *handshake) {
	kx := keyExchangeOf(hs.suite)
	i.add("key_exchange", kx, 0, 0)
	if strings.Contains(kx, "PSK") {
		hint := r.sub(2)
		i.add("psk_hint", text(hint.rest()), hint.off-len(hint.raw[hint.off:hint.end]), hint.end)
	}
	switch {
	case strings.HasPrefix(kx, "ECDH"):
		if r.u8() != 3 { // named_curve; explicit curves were never deployed
			r.rest()
			return
		}
		g := uint16(r.u16())
		i.add("group", GroupName(g), r.off-2, r.off)
		i.note("tls.group."+GroupName(g), r.off-2, r.off, Field{Name: "name", Value: GroupName(g)})
		point := r.sub(1)
		i.hex("public_key", point.raw[point.off:point.end], point.off)
	case strings.HasPrefix(kx, "DH"):
		p := r.sub(2)
		i.add("dh_bits", strconv.Itoa(bitLen(p.raw[p.off:p.end])), p.off, p.end)
		g := r.sub(2)
		i.hex("dh_generator", g.raw[g.off:g.end], g.off)
		pub := r.sub(2)
		i.hex("public_key", pub.raw[pub.off:pub.end], pub.off)
	default:
		r.rest()
		return
	}
	if r.left() > 0 && !strings.Contains(kx, "anon") && !strings.Contains(kx, "PSK") {
		i.certificateVerify(r, hs.version >= 0x0303)
	}
}

// certificateVerify is a signature, since TLS 1.2 with its scheme.
func (i *helloInfo) certificateVerify(r *reader, scheme bool) {
	if scheme {
		s := uint16(r.u16())
		i.add("signature_algorithm", SignatureName(s), r.off-2, r.off)
	}
	sig := r.sub(2)
	i.hex("signature", sig.raw[sig.off:sig.end], sig.off)
}

// clientKeyExchange is RFC 5246 section 7.4.7.
func (i *helloInfo) clientKeyExchange(r *reader, hs *handshake) {
	kx := keyExchangeOf(hs.suite)
	i.add("key_exchange", kx, 0, 0)
	if strings.Contains(kx, "PSK") {
		id := r.sub(2)
		i.add("psk_identity", text(id.raw[id.off:id.end]), id.off, id.end)
	}
	if kx == "PSK" {
		return
	}
	var v *reader
	switch {
	case strings.HasPrefix(kx, "RSA") && hs.version == 0x0300:
		v = &reader{raw: r.raw, off: r.off, end: r.end}
		r.rest()
	case strings.HasPrefix(kx, "RSA"), strings.HasPrefix(kx, "DH"):
		v = r.sub(2)
	case strings.HasPrefix(kx, "ECDH"):
		v = r.sub(1)
	default:
		r.rest()
		return
	}
	name := "public_key"
	if strings.HasPrefix(kx, "RSA") {
		name = "encrypted_pre_master"
	}
	i.hex(name, v.raw[v.off:v.end], v.off)
}

// certificateRequest is RFC 9846 section 4.3.2, or RFC 5246 section 7.4.4.
func (i *helloInfo) certificateRequest(r *reader, hs *handshake, tls13 bool) {
	if tls13 {
		context := r.sub(1)
		i.hex("context", context.raw[context.off:context.end], context.off)
		i.readExtensions(r)
		return
	}
	types := r.sub(1)
	from := types.off
	var names []string
	for types.left() > 0 && len(names) < maxList {
		v := types.u8()
		n := map[int]string{1: "rsa_sign", 2: "dss_sign", 3: "rsa_fixed_dh", 4: "dss_fixed_dh", 64: "ecdsa_sign",
			65: "rsa_fixed_ecdh", 66: "ecdsa_fixed_ecdh"}[v]
		if n == "" {
			n = strconv.Itoa(v)
		}
		names = append(names, n)
	}
	i.add("types", strings.Join(names, ", "), from, types.end)
	if hs.version >= 0x0303 {
		i.signatureAlgorithms(r)
	}
	i.authorities(r)
}

// certificateStatus is a stapled OCSP response, RFC 6066 section 8.
func (i *helloInfo) certificateStatus(r *reader) {
	v := r.u8()
	i.add("type", map[int]string{1: "ocsp", 2: "ocsp_multi"}[v], 4, 5)
	response := r.sub(3)
	i.add("length", strconv.Itoa(response.left()), response.off, response.end)
}

// alertMessage explains the two octets of an alert, RFC 9846 section 6.
func alertMessage(raw []byte) Message {
	level := map[byte]string{1: "warning", 2: "fatal"}[raw[0]]
	if level == "" {
		level = strconv.Itoa(int(raw[0]))
	}
	name := AlertName(raw[1])
	return Message{Kind: "tls.alert", Raw: raw,
		Fields: []Field{{Name: "level", Value: level, From: 0, To: 1}, {Name: "description", Value: name, From: 1, To: 2}},
		Notes:  []Note{{ID: "tls.alert." + name}},
	}
}

func changeCipherSpecMessage(content []byte) Message {
	return Message{Kind: "tls.change_cipher_spec", Raw: slices.Clone(content), Notes: []Note{{ID: "tls.change_cipher_spec"}}}
}

// heartbeatMessage explains a heartbeat, RFC 6520. One that announces more payload than it has is the Heartbleed attack.
func heartbeatMessage(content []byte) Message {
	b := builder{limit: len(content)}
	b.note("tls.heartbeat", 0, 0)
	r := newReader(slices.Clone(content), 0)
	b.add("type", map[int]string{1: "request", 2: "response"}[r.u8()], 0, 1)
	n := r.u16()
	b.add("payload_length", strconv.Itoa(n), 1, 3)
	if n > r.left() {
		b.add("malformed", "payload longer than the message", 1, 3)
	}
	return Message{Kind: "tls.heartbeat", Raw: r.raw, Fields: b.fields, Notes: b.notes}
}

// otherMessage is the content of an opened record whose inner type no one knows.
func otherMessage(content []byte) Message {
	return Message{Kind: "tls.message", Raw: slices.Clone(content), Notes: []Note{{ID: "tls.message"}}}
}

func bitLen(b []byte) int {
	for i, c := range b {
		if c != 0 {
			n := 8 * (len(b) - i - 1)
			for ; c != 0; c >>= 1 {
				n++
			}
			return n
		}
	}
	return 0
}
