package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"facteur/proxy/ca"
)

// caFlags are those of the authority's commands.
type caFlags struct {
	dir           string
	hosts         []string
	format, out   string
	password      string
	stores        []string
	client        string
	storePassword string
}

func (a *app) caCommand() *cobra.Command {
	f := &caFlags{}
	c := &cobra.Command{
		Use:   "ca",
		Short: "The local authority whose certificates mail clients must trust to be intercepted",
		Long: `Whoever has the authority's key can read the TLS sessions of every program that trusts its certificate, for the hosts it
is limited to. Trust it for a lesson, on practice accounts; then remove it from every client that learnt it.`,
		Example: `  facteur ca install --host mail.example.org
  facteur ca install --into thunderbird
  facteur ca status
  facteur ca remove`,
	}
	c.PersistentFlags().StringVar(&f.dir, "ca-dir", defaultAuthority(), "folder of ca.pem and ca-key.pem")
	show := &cobra.Command{Use: "show", Short: "Show the authority and what it may sign for", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.caShow(f.dir) }}
	status := &cobra.Command{Use: "status", Short: "Look which certificate stores really trust the authority", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.caStatus(contextOf(c), f) }}
	renew := &cobra.Command{Use: "renew", Short: "Make a new authority; clients must trust it anew", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.caRenew(f.dir, f.hosts) }}
	renew.Flags().StringArrayVar(&f.hosts, "host", nil, "host that the authority may sign for (repeat)")
	c.AddCommand(show, status, a.caExportCommand(f), a.caInstallCommand(f), a.caRemoveCommand(f), renew)
	return c
}

func (a *app) caExportCommand(f *caFlags) *cobra.Command {
	c := &cobra.Command{Use: "export", Short: "Write the authority's certificate (never its key)", Args: cobra.NoArgs,
		Example: `  facteur ca export > ca.pem
  facteur ca export --format p12 -o facteur.p12
  facteur ca export --format profile -o facteur.mobileconfig`,
		RunE: func(*cobra.Command, []string) error { return a.caExport(f) }}
	c.Flags().StringVar(&f.format, "format", "pem", "pem, der, p12 (PKCS#12 without key) or profile (Apple Mail and iOS: .mobileconfig)")
	c.Flags().StringVarP(&f.out, "output", "o", "", "file to write (default: standard output)")
	c.Flags().StringVar(&f.password, "password", defaultStorePassword, "password of the p12 file, or empty; Java wants one")
	c.Flags().StringArrayVar(&f.hosts, "host", nil, "host that a brand-new authority may sign for (repeat)")
	return c
}

// defaultStorePassword protects a PKCS#12 file from change and nothing else: there is no secret in it.
const defaultStorePassword = "facteur"

// authority opens the authority in dir.
func (a *app) authority(dir string) (*ca.Authority, error) {
	if !ca.Exists(dir) {
		return nil, fmt.Errorf(a.say("il n’y a pas encore d’autorité dans %s\u202f: facteur ca install --host mail.example.org en crée une pour ce serveur, et facteur proxy pour ses routes",
			"there is no authority in %s yet: facteur ca install --host mail.example.org makes one for that server, and facteur proxy for its routes"), dir)
	}
	return ca.LoadOrCreate(dir, ca.Options{})
}

// authorityFor opens the authority in dir, or makes one for hosts. Of an existing one every host must be within it.
func (a *app) authorityFor(dir string, hosts []string) (*ca.Authority, error) {
	auth, err := ca.LoadOrCreate(dir, ca.Options{Hosts: hosts})
	if err != nil {
		return nil, err
	}
	for _, h := range hosts {
		if err := auth.Check(h); err != nil {
			return nil, err
		}
	}
	if auth.Created {
		a.logs.Warn(a.say("une autorité a été créée", "an authority was made"), "certificate", auth.Show().Path)
		if len(hosts) == 0 {
			a.logs.Info(a.say("elle vaut pour cette machine et les noms d’exercice\u202f; pour un vrai serveur\u202f: facteur ca renew --host NOM, avant de la faire apprendre",
				"it is for this machine and the practice names; for a real server: facteur ca renew --host NAME, before clients learn it"))
		}
	}
	return auth, nil
}

func (a *app) caShow(dir string) error {
	auth, err := a.authority(dir)
	if err != nil {
		return err
	}
	i := auth.Show()
	row := func(fr, en, value string) { fmt.Fprintf(a.out, "%-22s %s\n", a.say(fr, en), value) }
	row("Autorité", "Authority", commonName(i.Subject))
	row("Fichier", "File", i.Path)
	row("Empreinte SHA-256", "SHA-256 fingerprint", colons(i.SHA256))
	row("À lire à voix haute", "To read aloud", strings.Join(auth.Words(a.lang), " "))
	row("Valable", "Valid", i.NotBefore.Format("2006-01-02")+" – "+i.NotAfter.Format("2006-01-02"))
	if i.Any {
		row("Peut signer pour", "May sign for", a.say("TOUS les noms", "EVERY name"))
		return nil
	}
	row("Peut signer pour", "May sign for", strings.Join(a.mayNames(i), ", "))
	return nil
}

// mayNames lists names and addresses as people write them: this machine's own are one, and a range of one address is it.
func (a *app) mayNames(i ca.Info) []string {
	var out []string
	loopback := false
	for _, name := range i.DNS {
		if name == "localhost" {
			loopback = true
			continue
		}
		out = append(out, name)
	}
	for _, r := range i.IP {
		ip, n, err := net.ParseCIDR(r)
		if err != nil {
			out = append(out, r)
			continue
		}
		switch ones, bits := n.Mask.Size(); {
		case ip.IsLoopback():
			loopback = true
		case ones == bits:
			out = append(out, ip.String())
		default:
			out = append(out, r)
		}
	}
	if loopback {
		out = append(out, a.say("cette machine elle-même (localhost, 127.0.0.1, ::1)", "this machine itself (localhost, 127.0.0.1, ::1)"))
	}
	return out
}

// colons writes a fingerprint as certificate viewers do.
func colons(hex string) string {
	var b strings.Builder
	for i := 0; i+2 <= len(hex); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(strings.ToUpper(hex[i : i+2]))
	}
	return b.String()
}

func (a *app) caExport(f *caFlags) error {
	binary := f.format == "der" || f.format == "p12"
	switch {
	case f.format != "pem" && f.format != "profile" && !binary:
		return misuse(a.say("--format %s\u202f: les formats sont pem, der, p12 et profile", "--format %s: the formats are pem, der, p12 and profile"), shortened(f.format))
	case binary && f.out == "" && isTerminal(a.out):
		return misuse(a.say("--format %s n’est pas du texte\u202f: dites où avec -o FICHIER", "--format %s is no text: say where with -o FILE"), f.format)
	}
	auth, err := a.authorityFor(f.dir, f.hosts)
	if err != nil {
		return err
	}
	var data []byte
	if f.format == "p12" {
		data, err = auth.TrustStore(f.password)
		a.logs.Info(a.say("le fichier p12 ne contient aucune clé", "the p12 file holds no key"), "password", f.password)
	} else {
		data, err = auth.Export(f.format)
	}
	if err != nil {
		return err
	}
	if f.out == "" {
		_, err = a.out.Write(data)
		return err
	}
	return os.WriteFile(f.out, data, 0o644)
}

func (a *app) caRenew(dir string, hosts []string) error {
	if _, err := ca.Renew(dir, ca.Options{Hosts: hosts}); err != nil {
		return err
	}
	fmt.Fprintln(a.out, a.say("Nouvelle autorité créée. Les clients qui faisaient confiance à l’ancienne doivent l’oublier et apprendre la nouvelle.",
		"A new authority was made. Clients that trusted the old one must forget it and trust the new one."))
	return a.caShow(dir)
}

// demoAuthority is the folder of the demonstration's own authority, "" if it has none.
func demoAuthority() string {
	dir := defaultAuthority() + "-demo"
	if _, err := os.Stat(filepath.Join(dir, "ca.pem")); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return dir
}

// commonName is the CN of a subject, by which certificate managers list it.
func commonName(subject string) string {
	_, cn, ok := strings.Cut(","+subject, ",CN=")
	if !ok {
		return subject
	}
	var name strings.Builder
	for i := 0; i < len(cn) && cn[i] != ','; i++ {
		if cn[i] == '\\' && i+1 < len(cn) { // RFC 4514 §2.4: the octet behind is meant as it is
			i++
		}
		name.WriteByte(cn[i])
	}
	return name.String()
}
