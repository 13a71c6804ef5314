package ca

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"strings"
)

// profile gives the root as a configuration profile of Apple's (.mobileconfig), which iOS and macOS install and remove as
// a whole. It holds the certificate alone. Its UUIDs come of the fingerprint, so that the same authority replaces itself.
func (a *Authority) profile() []byte {
	sum := a.fingerprint()
	name := a.root.Subject.CommonName
	var b bytes.Buffer
	b.WriteString(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n")
	b.WriteString("<plist version=\"1.0\">\n<dict>\n<key>PayloadContent</key>\n<array>\n<dict>\n")
	entry := func(key, value string) {
		fmt.Fprintf(&b, "<key>%s</key>\n<string>", key)
		xml.EscapeText(&b, []byte(value))
		b.WriteString("</string>\n")
	}
	common := func(kind, id string, uuid []byte) {
		entry("PayloadType", kind)
		entry("PayloadIdentifier", id)
		entry("PayloadUUID", uuidOf(uuid))
		entry("PayloadDisplayName", name)
		b.WriteString("<key>PayloadVersion</key>\n<integer>1</integer>\n")
	}
	entry("PayloadCertificateFileName", certFile)
	fmt.Fprintf(&b, "<key>PayloadContent</key>\n<data>%s</data>\n", base64.StdEncoding.EncodeToString(a.root.Raw))
	common("com.apple.security.root", "invalid.facteur.ca.root", sum[:16])
	b.WriteString("</dict>\n</array>\n")
	common("Configuration", "invalid.facteur.ca", sum[16:])
	entry("PayloadOrganization", "facteur")
	b.WriteString("<key>PayloadRemovalDisallowed</key>\n<false/>\n</dict>\n</plist>\n")
	return b.Bytes()
}

// uuidOf writes 16 octets as a UUID of version 8, whose octets are the maker's own (RFC 9562 §5.8).
func uuidOf(octets []byte) string {
	u := bytes.Clone(octets)
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:16]))
}
