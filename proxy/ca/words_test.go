package ca

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Words stand for octets one to one: two of the same, or one too few, would let another authority sound like ours.
func TestWordLists(t *testing.T) {
	for name, list := range map[string][]string{"en": englishWords, "fr": frenchWords} {
		if len(list) != 256 || len(slices.Compact(slices.Sorted(slices.Values(list)))) != 256 {
			t.Errorf("%s: %d words, not 256 different ones", name, len(list))
		}
		for _, w := range list {
			if n := len([]rune(w)); n < 2 || n > 9 || strings.ToLower(w) != w {
				t.Errorf("%s: %q", name, w)
			}
		}
	}
	if got := wordsOf(englishWords, [32]byte{0, 1, 255}); len(got) != fingerprintWords || got[0] != englishWords[0] || got[2] != englishWords[255] {
		t.Errorf("words %v", got)
	}
	a, err := LoadOrCreate(t.TempDir()+"/ca", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(a.Words("fr"), a.Words("en")) {
		t.Error("French and English are the same")
	}
}

// The profile is well-formed XML, holds the certificate and nothing of the key, and names itself in the same way each time.
func TestProfile(t *testing.T) {
	a, err := LoadOrCreate(t.TempDir()+"/ca", Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Export("profile")
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(bytes.NewReader(p))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	data := regexp.MustCompile(`<data>(.*)</data>`).FindSubmatch(p)
	if data == nil {
		t.Fatalf("no certificate in\n%s", p)
	}
	if der, err := base64.StdEncoding.DecodeString(string(data[1])); err != nil || !bytes.Equal(der, a.root.Raw) {
		t.Errorf("another certificate, %v", err)
	}
	uuids := regexp.MustCompile(`<string>[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}</string>`).FindAllString(string(p), -1)
	if len(uuids) != 2 || uuids[0] == uuids[1] {
		t.Errorf("UUIDs %v", uuids)
	}
	if again, _ := a.Export("profile"); !bytes.Equal(p, again) {
		t.Error("made twice, it differs")
	}
}

// A flawed certificate has its flaw and no other.
func TestFlawed(t *testing.T) {
	a, err := LoadOrCreate(t.TempDir()+"/ca", Options{Hosts: []string{"mail.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	for _, flaw := range []Flaw{WrongName, Expired, SelfSigned, UnknownCA} {
		c, err := a.Flawed(flaw, "mail.example.org")
		if err != nil {
			t.Fatal(err)
		}
		_, chain := c.Leaf.Verify(x509.VerifyOptions{Roots: pool})
		if flaw == Expired {
			var invalid x509.CertificateInvalidError
			if !errors.As(chain, &invalid) || invalid.Reason != x509.Expired || !c.Leaf.NotAfter.Before(time.Now()) || c.Leaf.CheckSignatureFrom(a.root) != nil {
				t.Errorf("expired: %v", chain)
			}
			chain = nil
		}
		name := c.Leaf.VerifyHostname("mail.example.org")
		if (chain != nil) != (flaw == SelfSigned || flaw == UnknownCA) || (name != nil) != (flaw == WrongName) {
			t.Errorf("%s: chain %v, name %v", flaw, chain, name)
		}
		if self := bytes.Equal(c.Leaf.RawIssuer, c.Leaf.RawSubject); self != (flaw == SelfSigned) {
			t.Errorf("%s: signed by itself: %v", flaw, self)
		}
	}
	if _, err := a.Flawed("none", "mail.example.org"); err == nil {
		t.Error("an unknown flaw was made")
	}
}
