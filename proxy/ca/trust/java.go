package trust

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"strings"

	"facteur/internal/bilingual"
)

// java is a trust store of Java's: that of the Java machine (cacerts), or a file.
type java struct {
	m        Machine
	file     string // "" for the machine's own
	password string
}

const (
	javaTools = "part of every Java runtime"
	// javaPassword is what every Java machine's own store is delivered with.
	javaPassword = "changeit"
)

func (s *java) Name() string {
	if s.file != "" {
		return "java:" + s.file
	}
	return "java"
}

func (s *java) Who() string { return "Java" }

func (s *java) keytool(ctx context.Context, args ...string) ([]byte, error) {
	pass := s.password
	if pass == "" {
		pass = javaPassword
	}
	args = append(args, "-storepass", pass)
	if s.file != "" {
		args = append(args, "-keystore", s.file)
	} else {
		args = append(args, "-cacerts")
	}
	out, err := s.m.run(ctx, javaTools, "keytool", append([]string{"-J-Duser.language=en", "-J-XX:TieredStopAtLevel=1"}, args...)...)
	switch {
	case err == nil:
		return out, nil
	case strings.Contains(string(out), "Permission denied") || errors.Is(err, fs.ErrPermission):
		return out, bilingual.Errorf("%s: %w",
			"%s\u202f: %w", s.Name(), ErrRights)
	case strings.Contains(string(out), "password was incorrect"), strings.Contains(string(out), "ntegrity check"):
		return out, bilingual.Errorf("%s: the store's password is not %q; give it with --password",
			"%s\u202f: le mot de passe du magasin n’est pas %q\u202f; donnez-le avec --password", s.Name(), pass)
	}
	return out, bilingual.Errorf("%s: %w",
		"%s\u202f: %w", s.Name(), err)
}

// missing reports whether a file is named that is not there: keytool would make it.
func (s *java) missing() bool {
	if s.file == "" {
		return false
	}
	_, err := os.Stat(s.file)
	return errors.Is(err, fs.ErrNotExist)
}

// list gives all certificates, and whether there are any.
func (s *java) list(ctx context.Context) ([]byte, error) {
	if s.missing() {
		return nil, nil
	}
	return s.keytool(ctx, "-list", "-rfc")
}

func (s *java) Holds(ctx context.Context, c *x509.Certificate) (bool, error) {
	out, err := s.list(ctx)
	return err == nil && contains(out, c), err
}

func (s *java) Add(ctx context.Context, c *x509.Certificate) error {
	if has, err := s.Holds(ctx, c); err != nil || has {
		return err
	}
	err := withFile(c, func(path string) error {
		_, err := s.keytool(ctx, "-importcert", "-noprompt", "-alias", handle(c), "-file", path)
		return err
	})
	if err != nil {
		return err
	}
	return confirm(ctx, s, c, true)
}

func (s *java) Drop(ctx context.Context, c *x509.Certificate) error {
	out, err := s.list(ctx)
	if err != nil || !contains(out, c) {
		return err
	}
	// every alias under which it is, also one that a person chose
	for part := range strings.SplitSeq(string(out), "Alias name: ") {
		alias, rest, ok := strings.Cut(part, "\n")
		if !ok || !contains([]byte(rest), c) {
			continue
		}
		if _, err := s.keytool(ctx, "-delete", "-alias", strings.TrimSpace(alias)); err != nil {
			return err
		}
	}
	return confirm(ctx, s, c, false)
}
