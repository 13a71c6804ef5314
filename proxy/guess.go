package proxy

import (
	"crypto/tls"
	"slices"
	"strings"
	"time"
)

// What kind of client somebody is, as far as its hello shows: TLS libraries differ in what they offer and in which order.
// It is a guess, and said as one; it only decides which steps a person is told.
const (
	libNSS      = "nss"      // Thunderbird, Firefox
	libCurl     = "curl"     // curl on OpenSSL
	libPython   = "python"   // Python's ssl module
	libOpenSSL  = "openssl"  // others on OpenSSL: openssl, swaks, mbsync, mutt, Perl
	libGnuTLS   = "gnutls"   // msmtp, mpop, wget, Exim and Debian's curl, too
	libJava     = "java"     // JavaMail
	libSChannel = "schannel" // Outlook, Windows
	libApple    = "apple"    // Apple Mail, iOS
	libAndroid  = "android"  // Conscrypt
)

// Extensions and suites that tell libraries apart (IANA TLS registries).
const (
	extStatusV2     = 17     // status_request_v2, which Java alone still offers
	extEncryptMAC   = 22     // encrypt_then_mac
	extRecordSize   = 28     // record_size_limit
	extDelegated    = 34     // delegated_credential
	extTicket       = 35     // session_ticket
	extPostHandAuth = 49     // post_handshake_auth
	suiteCCM        = 0x1304 // TLS_AES_128_CCM_SHA256
	suite3DES       = 0xc008 // TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA
	suiteSCSV       = 0x00ff // TLS_EMPTY_RENEGOTIATION_INFO_SCSV
)

// library guesses the TLS library of a client, "" if its hello is like none that is known.
func library(hello *tls.ClientHelloInfo) string {
	if hello == nil {
		return ""
	}
	suites, grease := withoutGREASE(hello.CipherSuites)
	has := func(ext uint16) bool { return slices.Contains(hello.Extensions, ext) }
	begins := func(want ...uint16) bool { return len(suites) >= len(want) && slices.Equal(suites[:len(want)], want) }
	switch {
	case grease && slices.Contains(suites, suite3DES):
		return libApple
	case grease || begins(0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c):
		return libAndroid
	case has(extStatusV2):
		return libJava
	case slices.Contains(suites, suiteCCM) && has(extRecordSize):
		return libGnuTLS
	case begins(0x1301, 0x1303, 0x1302) || has(extDelegated):
		return libNSS
	case begins(0x1302, 0x1301) || begins(0xc02c, 0xc02b, 0xc030, 0xc02f):
		return libSChannel
	case has(extEncryptMAC) && slices.Contains(suites, suiteSCSV) && len(hello.SupportedPoints) == 3:
		return openSSLProgram(hello, suites)
	}
	return ""
}

// openSSLProgram tells programs on OpenSSL apart: curl wants no tickets and offers to authenticate later, Python has a
// list of suites of its own.
func openSSLProgram(hello *tls.ClientHelloInfo, suites []uint16) string {
	switch {
	case slices.Contains(hello.Extensions, extPostHandAuth) && !slices.Contains(hello.Extensions, extTicket):
		return libCurl
	case len(suites) > 6 && slices.Equal(suites[3:7], []uint16{0xc02c, 0xc030, 0xc02b, 0xc02f}):
		return libPython
	}
	return libOpenSSL
}

// withoutGREASE takes the reserved values out that some libraries sprinkle in (RFC 8701 §2: both octets equal, ?A).
func withoutGREASE(suites []uint16) (out []uint16, grease bool) {
	for _, s := range suites {
		if s&0x0f0f == 0x0a0a && s>>8 == s&0xff {
			grease = true
			continue
		}
		out = append(out, s)
	}
	return out, grease
}

// withLibrary puts the client's library behind the cause of a fault, where the catalogue has steps for it.
func withLibrary(cause, lib string) string { return strings.TrimSuffix(cause+"."+lib, ".") }

// lateLook is how soon a client goes that looks at the certificate behind the handshake. Later it may be a person who closed
// a question for the password, before which some clients have nothing to say; but a client that has not even read the
// greeting resets the connection by its going, and there the question was the certificate (mutt). Tests change it.
var lateLook = 2 * time.Second

// listening is the client's half of a TLS session: it knows whether the client ever said something in it. A client that
// finishes its handshake, says nothing and goes has probably looked at the certificate late.
type listening struct {
	joined
	s     *session
	lib   string
	since time.Time // the end of the handshake
	spoke bool
	left  bool // it went before anything else ended
}

func (l *listening) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	switch {
	case n > 0:
		l.spoke = true
	case err != nil && !l.spoke:
		l.left = !l.s.leaving.Load() && (time.Since(l.since) < lateLook || isReset(err))
	}
	return n, err
}

// unsaid is the fault of a client that left without a word behind its handshake; nil where it spoke, or where the server
// left first.
func (s *session) unsaid() *fault {
	l, ok := s.client.app.(*listening)
	if !ok || l.spoke || !l.left || s.explained.Load() || len(s.srv.c.Attacks) > 0 {
		return nil
	}
	return &fault{what: faultRefusedUs, cause: withLibrary("silent", l.lib), fields: []string{"filename", s.authorityFile()}}
}
