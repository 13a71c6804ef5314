package tlswire

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// ja4 is the JA4 TLS client fingerprint by its public specification: transport, version, whether a name is asked for,
// how many suites and extensions, the first ALPN protocol; then hashes of the sorted suites, and of the sorted extensions
// with the signature algorithms in their order. GREASE never counts.
func (i *helloInfo) ja4() string {
	name := "i"
	if slices.Contains(i.extensions, 0) {
		name = "d"
	}
	suites := ja4Codes(i.suites)
	all := ja4Codes(i.extensions)
	var extensions []string
	for _, e := range all {
		if e != "0000" && e != "0010" { // server_name and ALPN are told apart already
			extensions = append(extensions, e)
		}
	}
	slices.Sort(suites)
	slices.Sort(extensions)
	list := strings.Join(extensions, ",")
	if sigs := ja4Codes(i.signatures); len(sigs) > 0 && list != "" {
		list += "_" + strings.Join(sigs, ",")
	}
	return fmt.Sprintf("t%s%s%02d%02d%s_%s_%s", i.ja4Version(), name, min(len(suites), 99), min(len(all), 99), i.ja4ALPN(),
		ja4Hash(strings.Join(suites, ",")), ja4Hash(list))
}

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

func ja4Codes(codes []uint16) []string {
	var out []string
	for _, c := range codes {
		if !isGREASE(c) {
			out = append(out, fmt.Sprintf("%04x", c))
		}
	}
	return out
}

func ja4Hash(list string) string {
	if list == "" {
		return "000000000000"
	}
	sum := sha256.Sum256([]byte(list))
	return hex.EncodeToString(sum[:6])
}
