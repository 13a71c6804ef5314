package tlswire

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// ja4 is the JA4 TLS client fingerprint by its public specification: transport, version, whether a name is asked for,
// how many suites and extensions, the first ALPN protocol; then hashes of the sorted suites, and of the sorted extensions
// with the signature algorithms in their order. GREASE never counts.
func (i *helloInfo) ja4() string {
	name := "i"
	if slices.Contains(i.extensions, 0) {
		name = "d"
	}
	suites, all := ja4Codes(i.suites), ja4Codes(i.extensions)
	extensions := make([]uint16, 0, len(all))
	for _, e := range all {
		if e != 0 && e != 0x10 { // server_name and ALPN are told apart already
			extensions = append(extensions, e)
		}
	}
	slices.Sort(suites)
	slices.Sort(extensions)
	counts := [...]byte{tens(len(suites)), units(len(suites)), tens(len(all)), units(len(all))}
	list := ja4List(make([]byte, 0, 512), suites)
	suiteHash := ja4Hash(list)
	list = ja4List(list[:0], extensions)
	if sigs := ja4Codes(i.signatures); len(sigs) > 0 && len(list) > 0 {
		list = ja4List(append(list, '_'), sigs)
	}
	return "t" + i.ja4Version() + name + string(counts[:]) + i.ja4ALPN() + "_" + suiteHash + "_" + ja4Hash(list)
}

// tens and units are the digits of a count, of which 99 stands for all above it.
func tens(n int) byte  { return '0' + byte(min(n, 99)/10) }
func units(n int) byte { return '0' + byte(min(n, 99)%10) }

// ja4Version is the highest version offered.
func (i *helloInfo) ja4Version() string {
	best := uint16(0)
	for _, v := range i.versions {
		if !isGREASE(v) && v>>8 == 3 {
			best = max(best, v)
		}
	}
	switch best {
	case 0x0304:
		return "13"
	case 0x0303:
		return "12"
	case 0x0302:
		return "11"
	case 0x0301:
		return "10"
	case 0x0300:
		return "s3"
	}
	return "00"
}

// ja4ALPN is the first and last character of the first protocol, of its hex form where they are not alphanumeric.
func (i *helloInfo) ja4ALPN() string {
	if len(i.alpn) == 0 || i.alpn[0] == "" {
		return "00"
	}
	p := i.alpn[0]
	plain := func(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' }
	if !plain(p[0]) || !plain(p[len(p)-1]) {
		p = hex.EncodeToString([]byte(p))
	}
	return p[:1] + p[len(p)-1:]
}

// ja4Codes leaves GREASE out.
func ja4Codes(codes []uint16) []uint16 {
	out := make([]uint16, 0, len(codes))
	for _, c := range codes {
		if !isGREASE(c) {
			out = append(out, c)
		}
	}
	return out
}

// ja4List appends codes in hex, with commas between them.
func ja4List(dst []byte, codes []uint16) []byte {
	for n, c := range codes {
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, hexDigits[c>>12], hexDigits[c>>8&15], hexDigits[c>>4&15], hexDigits[c&15])
	}
	return dst
}

func ja4Hash(list []byte) string {
	if len(list) == 0 {
		return "000000000000"
	}
	sum := sha256.Sum256(list)
	return hex.EncodeToString(sum[:6])
}
