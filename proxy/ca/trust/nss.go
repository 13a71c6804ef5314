package trust

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"

	"facteur/internal/bilingual"
)

// nss is a certificate database of Mozilla's library: a profile of Thunderbird or Firefox, or a user's own.
type nss struct {
	m         Machine
	name, dir string
	who       string
	mustExist bool // a profile: one that is not there is not made
}

const nssTools = "Debian: libnss3-tools, Fedora: nss-tools, macOS: brew install nss"

func (s *nss) Name() string { return s.name }

func (s *nss) Who() string {
	if s.who == "" {
		return "NSS"
	}
	return s.who
}

func (s *nss) certutil(ctx context.Context, args ...string) ([]byte, error) {
	return s.m.run(ctx, nssTools, "certutil", append(args, "-d", "sql:"+s.dir)...)
}

// check says where there is no database.
func (s *nss) check() error {
	if !isFile(filepath.Join(s.dir, "cert9.db")) {
		return bilingual.Errorf("%s: there is no certificate database (cert9.db) in %s; start the program once, then it has one",
			"%s\u202f: il n’y a pas de base de certificats (cert9.db) dans %s\u202f; lancez le programme une fois, il en aura une", s.name, s.dir)
	}
	return nil
}

// entry is a line of certutil's list.
type entry struct {
	nickname string
	trusted  bool // as an authority for servers: C in the first of the three groups of flags
}

// entries lists what may be ours: facteur's name is in every authority of facteur's, whoever imported it.
func (s *nss) entries(ctx context.Context) ([]entry, error) {
	out, err := s.certutil(ctx, "-L")
	if err != nil {
		return nil, bilingual.Errorf("%s: %w",
			"%s\u202f: %w", s.name, err)
	}
	var all []entry
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		line := strings.TrimRight(lines.Text(), " ")
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || strings.Count(line[at:], ",") != 2 || !strings.Contains(line, "facteur") {
			continue
		}
		ssl, _, _ := strings.Cut(line[at+1:], ",")
		all = append(all, entry{strings.TrimSpace(line[:at]), strings.Contains(ssl, "C")})
	}
	return all, nil
}

// ours gives the entries with this very certificate.
func (s *nss) ours(ctx context.Context, c *x509.Certificate) ([]entry, error) {
	all, err := s.entries(ctx)
	if err != nil {
		return nil, err
	}
	var out []entry
	for _, e := range all {
		text, err := s.certutil(ctx, "-L", "-n", e.nickname, "-a")
		if err != nil {
			return nil, bilingual.Errorf("%s: %w",
				"%s\u202f: %w", s.name, err)
		}
		if contains(text, c) {
			out = append(out, e)
		}
	}
	return out, nil
}

func (s *nss) Holds(ctx context.Context, c *x509.Certificate) (bool, error) {
	if err := s.check(); err != nil {
		return false, err
	}
	found, err := s.ours(ctx, c)
	for _, e := range found {
		if e.trusted {
			return true, err
		}
	}
	return false, err
}

func (s *nss) Add(ctx context.Context, c *x509.Certificate) error {
	if err := s.check(); err != nil {
		if s.mustExist {
			return err
		}
		if info, err := os.Stat(s.dir); err != nil || !info.IsDir() { // a mistyped name is the likeliest cause
			return bilingual.Errorf("%s: there is no folder %s; for a new database make it first: mkdir -p -m 700 %s",
				"%s\u202f: il n’y a pas de dossier %s\u202f; pour une base nouvelle, créez-le d’abord\u202f: mkdir -p -m 700 %s", s.name, s.dir, s.dir)
		}
		if _, err := s.certutil(ctx, "-N", "--empty-password"); err != nil {
			return bilingual.Errorf("%s: %w",
				"%s\u202f: %w", s.name, err)
		}
	}
	err := withFile(c, func(path string) error {
		// trusted to identify servers (C), and for nothing else: neither mail signatures nor programs
		_, err := s.certutil(ctx, "-A", "-n", c.Subject.CommonName, "-t", "C,,", "-i", path)
		return err
	})
	if err != nil {
		return bilingual.Errorf("%s: %w; where a primary password protects the store, import the certificate in the program itself",
			"%s\u202f: %w\u202f; si un mot de passe principal protège le magasin, importez le certificat dans le programme lui-même", s.name, err)
	}
	return confirm(ctx, s, c, true)
}

func (s *nss) Drop(ctx context.Context, c *x509.Certificate) error {
	if s.check() != nil {
		return nil
	}
	found, err := s.ours(ctx, c)
	if err != nil {
		return err
	}
	for _, e := range found {
		if _, err := s.certutil(ctx, "-D", "-n", e.nickname); err != nil {
			return bilingual.Errorf("%s: %w",
				"%s\u202f: %w", s.name, err)
		}
	}
	return confirm(ctx, s, c, false)
}

// mozillaFolders are where a program of Mozilla's keeps profiles.ini: its own package, snap, flatpak.
func (m Machine) mozillaFolders(program string) []string {
	h := m.home()
	title := strings.ToUpper(program[:1]) + program[1:]
	switch m.os() {
	case "darwin":
		if program == "firefox" {
			return []string{filepath.Join(h, "Library", "Application Support", title)}
		}
		return []string{filepath.Join(h, "Library", title)}
	case "windows":
		if program == "firefox" {
			return []string{filepath.Join(h, "AppData", "Roaming", "Mozilla", title)}
		}
		return []string{filepath.Join(h, "AppData", "Roaming", title)}
	}
	if program == "firefox" {
		return []string{filepath.Join(h, ".mozilla", program), filepath.Join(h, "snap", program, "common", ".mozilla", program)}
	}
	return []string{filepath.Join(h, "."+program), filepath.Join(h, "snap", program, "common", "."+program),
		filepath.Join(h, ".var", "app", "org.mozilla."+title, "."+program)}
}

// mozillaProfiles are the profiles that have been used, the default one first.
func (m Machine) mozillaProfiles(program string) []string {
	var first, rest []string
	for _, folder := range m.mozillaFolders(program) {
		text, err := os.ReadFile(filepath.Join(folder, "profiles.ini"))
		if err != nil {
			continue
		}
		for _, p := range readProfiles(string(text)) {
			dir := p.path
			if p.relative {
				dir = filepath.Join(folder, filepath.FromSlash(p.path))
			}
			if !isFile(filepath.Join(dir, "cert9.db")) {
				continue
			}
			if p.standard {
				first = append(first, dir)
			} else {
				rest = append(rest, dir)
			}
		}
	}
	return append(first, rest...)
}

// thunderbirdProfile is the one that Thunderbird starts with.
func (m Machine) thunderbirdProfile() (string, error) {
	all := m.mozillaProfiles("thunderbird")
	if len(all) == 0 {
		return "", bilingual.Errorf("no profile of Thunderbird was found in %s; start Thunderbird once, or name its folder as thunderbird:DIR (Help › Troubleshooting Information › Profile Folder)",
			"aucun profil de Thunderbird dans %s\u202f; lancez Thunderbird une fois, ou nommez le dossier\u202f: thunderbird:DOSSIER (Aide › Informations de dépannage › Dossier de profil)",
			strings.Join(m.mozillaFolders("thunderbird"), ", "))
	}
	return all[0], nil
}

type profile struct {
	path               string
	relative, standard bool
}

// readProfiles reads profiles.ini. The default of an [Install…] section is what a program really starts with; Default=1
// in a profile is from before there were such sections.
func readProfiles(text string) []profile {
	var all []profile
	installed := map[string]bool{}
	var section string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			if section = strings.Trim(line, "[]"); strings.HasPrefix(section, "Profile") {
				all = append(all, profile{relative: true})
			}
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		switch {
		case !ok:
		case strings.HasPrefix(section, "Install") && key == "Default":
			installed[value] = true
		case !strings.HasPrefix(section, "Profile"):
		case key == "Path":
			all[len(all)-1].path = value
		case key == "IsRelative":
			all[len(all)-1].relative = value == "1"
		case key == "Default":
			all[len(all)-1].standard = value == "1"
		}
	}
	if len(installed) > 0 {
		for i := range all {
			all[i].standard = installed[all[i].path]
		}
	}
	return all
}
