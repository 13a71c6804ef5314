package decode

// FromCharset reads octets as text in a character set by its name in mail (RFC 2978): UTF-8, US-ASCII, ISO-8859-1,
// ISO-8859-15, windows-1252. ok is false when the set is another, or the octets are not in it.
func FromCharset(raw []byte, charset string) (text string, ok bool) { return toUTF8(raw, charset) }
