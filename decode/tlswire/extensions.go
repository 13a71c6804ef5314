package tlswire

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// readExtensions reads an extension block to the end of the message, or what is left of one. Every extension gives a note
// with its octets, and fields where its contents are known.
func (i *helloInfo) readExtensions(r *reader) {
	if r.left() == 0 {
		return
	}
	block := r.sub(2)
	if len(i.extensions) == 0 && block.left() > 0 {
		defer i.listExtensions(block.off, block.end)
	}
	for block.left() >= 4 {
		from := block.off
		typ := uint16(block.u16())
		body := block.sub(2)
		if len(i.extensions) < maxList {
			i.extensions = append(i.extensions, typ)
		}
		i.note("tls.extension."+ExtensionName(typ), from, body.end)
		if isGREASE(typ) {
			i.greased("extension")
		}
		if read := extensionReaders[typ]; read != nil {
			read(i, body)
		}
		if body.short && body.end > from+4 { // an empty answer is none of the body's faults
			r.short = true
		}
	}
	r.short = r.short || block.short
}

func (i *helloInfo) listExtensions(from, to int) {
	names := make([]string, len(i.extensions))
	for n, e := range i.extensions {
		names[n] = ExtensionName(e)
	}
	i.add("extensions", strings.Join(names, ", "), from, to)
}

// extensionReaders read the contents of the extensions that have something to show.
var extensionReaders map[uint16]func(*helloInfo, *reader)

// flag reads an extension that says something by being there.
func flag(name string, set func(*helloInfo)) func(*helloInfo, *reader) {
	return func(i *helloInfo, r *reader) {
		i.add(name, "true", r.off-4, r.end)
		if set != nil {
			set(i)
		}
	}
}

// opaque reads an extension whose octets mean nothing to anyone but its maker.
func opaque(name string) func(*helloInfo, *reader) {
	return func(i *helloInfo, r *reader) { i.hex(name, r.raw[r.off:r.end], r.off) }
}

func init() {
	extensionReaders = map[uint16]func(*helloInfo, *reader){
		0:      (*helloInfo).serverName,
		1:      (*helloInfo).maxFragmentLength,
		5:      (*helloInfo).statusRequest,
		10:     (*helloInfo).supportedGroups,
		11:     (*helloInfo).pointFormats,
		13:     (*helloInfo).signatureAlgorithms,
		15:     (*helloInfo).heartbeatMode,
		16:     (*helloInfo).protocols,
		17613:  (*helloInfo).applicationSettings,
		17513:  (*helloInfo).applicationSettings,
		18:     (*helloInfo).timestamps,
		21:     (*helloInfo).paddingLength,
		22:     flag("encrypt_then_mac", func(i *helloInfo) { i.etm = true }),
		23:     flag("extended_master_secret", func(i *helloInfo) { i.ems = true }),
		27:     (*helloInfo).compressCertificate,
		28:     (*helloInfo).recordSizeLimit,
		35:     (*helloInfo).sessionTicket,
		41:     (*helloInfo).preSharedKey,
		42:     (*helloInfo).earlyData,
		43:     (*helloInfo).supportedVersions,
		44:     opaque("cookie"),
		45:     (*helloInfo).pskModes,
		47:     (*helloInfo).authorities,
		49:     flag("post_handshake_auth", nil),
		50:     (*helloInfo).signatureAlgorithmsCert,
		40:     (*helloInfo).keyShare,
		51:     (*helloInfo).keyShare,
		0xfe0d: (*helloInfo).ech,
		0xff01: (*helloInfo).renegotiationInfo,
	}
}

// serverName is RFC 6066 section 3. The server's answer is empty.
func (i *helloInfo) serverName(r *reader) {
	if r.left() == 0 {
		return
	}
	list := r.sub(2)
	for list.left() >= 3 {
		typ := list.u8()
		name := list.sub(2)
		if typ == 0 && i.sni == "" {
			i.sni = text(name.raw[name.off:name.end])
			i.add("sni", i.sni, name.off, name.end)
		}
	}
}

func (i *helloInfo) maxFragmentLength(r *reader) {
	from := r.off
	if code := r.u8(); code >= 1 && code <= 4 { // RFC 6066 section 4
		i.add("max_fragment_length", strconv.Itoa(256<<code), from, r.off)
	}
}

func (i *helloInfo) recordSizeLimit(r *reader) {
	i.add("record_size_limit", strconv.Itoa(r.u16()), r.off-2, r.off)
}

func (i *helloInfo) statusRequest(r *reader) {
	if i.typ == 1 {
		i.add("status_request", map[int]string{1: "ocsp"}[r.u8()], r.off-1, r.off)
	} else {
		i.add("status_request", "true", r.off-4, r.end)
	}
}

func (i *helloInfo) supportedGroups(r *reader) {
	list := r.sub(2)
	from := list.off
	_, names := i.code16s(list, "group", GroupName)
	i.add("groups", names, from, list.end)
}

func (i *helloInfo) pointFormats(r *reader) {
	i.code8s(r, "point_formats", func(v int) string {
		if v < 3 {
			return [...]string{"uncompressed", "ansiX962_compressed_prime", "ansiX962_compressed_char2"}[v]
		}
		return strconv.Itoa(v)
	})
}

// code8s adds the list of codes of one octet that follows, by their names.
func (i *helloInfo) code8s(r *reader, field string, nameOf func(int) string) {
	list := r.sub(1)
	from := list.off
	var names []string
	for list.left() > 0 && len(names) < maxList {
		names = append(names, nameOf(list.u8()))
	}
	i.add(field, strings.Join(names, ", "), from, list.end)
}

func (i *helloInfo) signatureAlgorithms(r *reader) {
	list := r.sub(2)
	from := list.off
	var names string
	i.signatures, names = i.code16s(list, "signature", SignatureName)
	i.add("signature_algorithms", names, from, list.end)
}

func (i *helloInfo) signatureAlgorithmsCert(r *reader) {
	list := r.sub(2)
	from := list.off
	_, names := i.code16s(list, "signature", SignatureName)
	i.add("signature_algorithms_cert", names, from, list.end)
}

func (i *helloInfo) heartbeatMode(r *reader) {
	v := r.u8()
	name := map[int]string{1: "peer_allowed_to_send", 2: "peer_not_allowed_to_send"}[v]
	i.add("heartbeat", name, r.off-1, r.off)
}

// protocols is ALPN, RFC 7301: a client's list, or the one that the server chose.
func (i *helloInfo) protocols(r *reader) {
	from, to, names := protocolList(i, r)
	i.alpn = names
	shown := make([]string, len(names))
	for n, name := range names {
		shown[n] = text([]byte(name))
	}
	i.add("alpn", strings.Join(shown, ", "), from, to)
}

func (i *helloInfo) applicationSettings(r *reader) {
	from, to, names := protocolList(i, r)
	for n, name := range names {
		names[n] = text([]byte(name))
	}
	i.add("application_settings", strings.Join(names, ", "), from, to)
}

func protocolList(i *helloInfo, r *reader) (from, to int, names []string) {
	list := r.sub(2)
	from, to = list.off, list.end
	for list.left() > 0 && len(names) < maxList {
		p := list.sub(1)
		name := string(p.raw[p.off:p.end])
		if len(name) == 2 && isGREASE(be16([]byte(name))) {
			i.greased("alpn")
		}
		names = append(names, name)
	}
	return from, to, names
}

func (i *helloInfo) timestamps(r *reader) {
	if i.typ == 1 {
		i.add("signed_certificate_timestamp", "true", r.off-4, r.end)
		return
	}
	list := r.sub(2)
	from, n := list.off, 0
	for list.left() > 0 {
		list.sub(2)
		n++
	}
	i.add("signed_certificate_timestamps", strconv.Itoa(n), from, list.end)
}

func (i *helloInfo) paddingLength(r *reader) {
	i.add("padding", strconv.Itoa(r.left()), r.off, r.end)
}

func (i *helloInfo) compressCertificate(r *reader) {
	list := r.sub(1)
	from := list.off
	_, names := i.code16s(list, "compression", compressedCertificateName)
	i.add("compress_certificate", names, from, list.end)
}

func compressedCertificateName(v uint16) string {
	if v >= 1 && v <= 3 {
		return [...]string{"zlib", "brotli", "zstd"}[v-1]
	}
	return codeName(v)
}

func (i *helloInfo) sessionTicket(r *reader) {
	if r.left() == 0 { // willing to take one, or to give one
		i.add("session_ticket", "supported", r.off-4, r.end)
		return
	}
	i.ticket = slices.Clone(r.raw[r.off:r.end])
	i.hex("session_ticket", r.raw[r.off:r.end], r.off)
}

// preSharedKey is RFC 9846 section 4.2.11: what a client offers, or which of them the server took.
func (i *helloInfo) preSharedKey(r *reader) {
	if i.typ != 1 {
		i.psk = true
		i.add("psk", strconv.Itoa(r.u16()), r.off-2, r.off)
		return
	}
	list := r.sub(2)
	from := list.off
	var names []string
	for list.left() > 0 && len(names) < maxList {
		id := list.sub(2)
		list.u32() // obfuscated_ticket_age
		names = append(names, hexOf(id.raw[id.off:id.end]))
	}
	i.add("psk", strings.Join(names, ", "), from, list.end)
}

func (i *helloInfo) earlyData(r *reader) {
	if i.typ == 4 { // NewSessionTicket
		i.add("max_early_data", strconv.FormatUint(uint64(r.u32()), 10), r.off-4, r.off)
		return
	}
	i.early = true
	i.add("early_data", "true", r.off-4, r.end)
}

// supportedVersions is RFC 9846 section 4.2.1.
func (i *helloInfo) supportedVersions(r *reader) {
	if i.typ != 1 {
		i.version = uint16(r.u16())
		i.add("version", VersionName(i.version), r.off-2, r.off)
		return
	}
	list := r.sub(1)
	from := list.off
	var names string
	i.versions, names = i.code16s(list, "version", VersionName)
	i.add("versions", names, from, list.end)
}

func (i *helloInfo) pskModes(r *reader) {
	i.code8s(r, "psk_modes", func(v int) string {
		switch {
		case v < 2:
			return [...]string{"psk_ke", "psk_dhe_ke"}[v]
		case v%31 == 11: // RFC 8701 section 2
			i.greased("psk_mode")
			return "GREASE"
		}
		return strconv.Itoa(v)
	})
}

func (i *helloInfo) authorities(r *reader) {
	list := r.sub(2)
	from := list.off
	i.add("authorities", nameList(list), from, list.end)
}

// nameList reads distinguished names with 16-bit lengths, one per line.
func nameList(list *reader) string {
	var names []string
	for list.left() > 0 && len(names) < maxList {
		n := list.sub(2)
		names = append(names, distinguishedName(n.raw[n.off:n.end]))
	}
	return strings.Join(names, "\n")
}

// keyShare is RFC 9846 section 4.2.8. A client has a list, a server one share, a HelloRetryRequest a group.
func (i *helloInfo) keyShare(r *reader) {
	switch {
	case i.typ == 1:
		list := r.sub(2)
		from := list.off
		var names []string
		for list.left() >= 4 && len(names) < maxList {
			g := uint16(list.u16())
			if isGREASE(g) {
				i.greased("key_share")
			}
			key := list.sub(2)
			names = append(names, GroupName(g)+" ("+strconv.Itoa(key.left())+")")
		}
		i.add("key_shares", strings.Join(names, ", "), from, list.end)
	case r.left() >= 2:
		g := uint16(r.u16())
		i.add("group", GroupName(g), r.off-2, r.off)
		i.note("tls.group."+GroupName(g), r.off-2, r.off, Field{Name: "name", Value: GroupName(g)})
		if r.left() >= 2 {
			key := r.sub(2)
			i.hex("key_share", key.raw[key.off:key.end], key.off)
		}
	}
}

// ech is RFC 9849 section 5: the outer hello carries the encrypted inner one (or a decoy that looks alike: GREASE).
func (i *helloInfo) ech(r *reader) {
	if i.typ != 1 {
		i.add("ech", map[bool]string{true: "confirmation", false: "retry_configs"}[i.retry], r.off, r.end)
		return
	}
	from := r.off
	if r.u8() == 1 {
		i.add("ech", "inner", from, r.off)
		return
	}
	kdf, aead, config := r.u16(), r.u16(), r.u8()
	enc := r.sub(2)
	payload := r.sub(2)
	i.add("ech", "outer", from, payload.end)
	i.add("ech_config", strconv.Itoa(config), from+5, from+6)
	i.add("ech_suite", "kdf "+strconv.Itoa(kdf)+", aead "+strconv.Itoa(aead), from+1, from+5)
	i.hex("ech_enc", enc.raw[enc.off:enc.end], enc.off)
	i.add("ech_payload", strconv.Itoa(payload.left()), payload.off, payload.end)
}

// renegotiationInfo is RFC 5746: empty in a first handshake, the Finished values in another.
func (i *helloInfo) renegotiationInfo(r *reader) {
	v := r.sub(1)
	if v.left() == 0 {
		i.add("renegotiation_info", "initial", r.off-1, r.off)
		return
	}
	i.hex("renegotiation_info", v.raw[v.off:v.end], v.off)
}

// ipText writes the 4 or 16 octets of an address.
func ipText(b []byte) string {
	if a, ok := netip.AddrFromSlice(slices.Clone(b)); ok {
		return a.String()
	}
	return hexOf(b)
}
