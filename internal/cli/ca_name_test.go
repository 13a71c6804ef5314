package cli

import "testing"

// TestCommonName protects the commands that remove the authority from the system stores: the subject escapes commas and
// more (RFC 4514 §2.4), the stores do not.
func TestCommonName(t *testing.T) {
	for subject, want := range map[string]string{
		`CN=facteur on vm\, 2026-11-23,OU=local teaching proxy,O=facteur`: "facteur on vm, 2026-11-23",
		`O=facteur,CN=a\+b\\c`: `a+b\c`,
		`O=no name`:            `O=no name`,
	} {
		if got := commonName(subject); got != want {
			t.Errorf("%s: %q, want %q", subject, got, want)
		}
	}
}
