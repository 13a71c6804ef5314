package ca

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The trust store is one for openssl and for Java: both verify the password's MAC, both find the certificate, and neither
// finds a key. A wrong password is refused.
func TestTrustStore(t *testing.T) {
	a, err := LoadOrCreate(t.TempDir()+"/ca", Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"facteur", "", "mot de passé"} {
		data, err := a.TrustStore(password)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(data, a.root.Raw) {
			t.Error("the certificate is not in it")
		}
		file := filepath.Join(t.TempDir(), "ca.p12")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Run("openssl "+password, func(t *testing.T) {
			out := run(t, "openssl", "pkcs12", "-in", file, "-passin", "pass:"+password, "-info")
			if !strings.Contains(out, "BEGIN CERTIFICATE") || strings.Contains(out, "PRIVATE") || !strings.Contains(out, "sha256, Iteration 2048") {
				t.Errorf("openssl says\n%s", out)
			}
			if out, err := exec.Command("openssl", "pkcs12", "-in", file, "-passin", "pass:wrong").CombinedOutput(); err == nil {
				t.Errorf("openssl took a wrong password\n%s", out)
			}
		})
		if len(password) == 7 { // keytool wants six characters and more, and reads its own charset
			t.Run("keytool", func(t *testing.T) {
				out := run(t, "keytool", "-list", "-v", "-keystore", file, "-storetype", "PKCS12", "-storepass", password)
				if !strings.Contains(out, "trustedCertEntry") || strings.Contains(out, "PrivateKeyEntry") || !strings.Contains(out, "Your keystore contains 1 entry") {
					t.Errorf("keytool says\n%s", out)
				}
			})
		}
	}
}

// run runs a program that the test needs: absent, it is skipped, but not in CI.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is needed in CI", name)
		}
		t.Skipf("%s is not installed", name)
	}
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// The name in certificate lists is short enough, has no character that is shown escaped, and keeps its date.
func TestCommonName(t *testing.T) {
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for machine, want := range map[string]string{
		"vm": "facteur on vm (2026-11-23)",
		"":   "facteur on this machine (2026-11-23)",
		strings.Repeat("a", 39) + "-b.example.org": "facteur on " + strings.Repeat("a", 39) + " (2026-11-23)",
	} {
		got := commonName(machine, at)
		if got != want || len(got) > maxCommonName {
			t.Errorf("%q: %q, want %q", machine, got, want)
		}
	}
	a, err := LoadOrCreate(t.TempDir()+"/ca", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s := a.Show().Subject; strings.Contains(s, `\`) {
		t.Errorf("escaped: %s", s)
	}
}

// After Remove nothing is left, not even the folder; a stranger's file in it stays.
func TestRemove(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	if _, err := LoadOrCreate(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Renew(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	if old := Old(dir); len(old) != 1 || !Exists(dir) {
		t.Fatalf("old %v", old)
	}
	note := filepath.Join(dir, "note")
	os.WriteFile(note, nil, 0o600)
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 || Exists(dir) {
		t.Errorf("left: %v", files)
	}
	os.Remove(note)
	if err := Remove(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder is still there")
	}
}
