package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"facteur/proxy/ca"
)

func (a *app) caCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "ca",
		Short: "The local authority whose certificates mail clients must trust to be intercepted",
		Long: `Whoever has the authority's key can read the TLS sessions of every program that trusts its certificate, for the hosts it
is limited to. Trust it for a lesson, on practice accounts; then remove it from every client that learnt it.`,
	}
	c.PersistentFlags().StringVar(&dir, "ca-dir", defaultAuthority(), "folder of ca.pem and ca-key.pem")
	show := &cobra.Command{Use: "show", Short: "Show the authority and what it may sign for", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.caShow(dir) }}
	var format string
	export := &cobra.Command{Use: "export", Short: "Print the authority's certificate (never its key)", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.caExport(dir, format) }}
	export.Flags().StringVar(&format, "format", "pem", "pem, der, or profile (Apple Mail and iOS: .mobileconfig)")
	var hosts []string
	renew := &cobra.Command{Use: "renew", Short: "Make a new authority; clients must trust it anew", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.caRenew(dir, hosts) }}
	renew.Flags().StringArrayVar(&hosts, "host", nil, "host that the authority may sign for (repeat)")
	install := &cobra.Command{Use: "install", Short: "Tell how to make mail clients trust the authority", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.caSteps(dir, true) }}
	remove := &cobra.Command{Use: "remove", Short: "Delete the authority, and tell how to make clients forget it", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.caRemove(dir) }}
	c.AddCommand(show, export, renew, install, remove)
	return c
}

func (a *app) authority(dir string) (*ca.Authority, error) {
	if _, err := os.Stat(filepath.Join(dir, "ca.pem")); err != nil {
		return nil, fmt.Errorf("there is no authority in %s yet: `facteur proxy` makes one for its routes, `facteur ca renew --host NAME` for a host", dir)
	}
	return ca.LoadOrCreate(dir, ca.Options{})
}

func (a *app) caShow(dir string) error {
	auth, err := a.authority(dir)
	if err != nil {
		return err
	}
	i := auth.Show()
	row := func(fr, en, value string) { fmt.Fprintf(a.out, "%-22s %s\n", a.say(fr, en), value) }
	row("Autorité", "Authority", i.Subject)
	row("Fichier", "File", i.Path)
	row("Empreinte SHA-256", "SHA-256 fingerprint", colons(i.SHA256))
	row("À lire à voix haute", "To read aloud", strings.Join(auth.Words(a.lang), " "))
	row("Valable", "Valid", i.NotBefore.Format("2006-01-02")+" – "+i.NotAfter.Format("2006-01-02"))
	if i.Any {
		row("Peut signer pour", "May sign for", a.say("TOUS les noms", "EVERY name"))
		return nil
	}
	row("Peut signer pour", "May sign for", strings.Join(append(i.DNS, i.IP...), ", "))
	return nil
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

func (a *app) caExport(dir, format string) error {
	if format != "pem" && format != "der" && format != "profile" {
		return misuse("--format %s: the formats are pem, der and profile", format)
	}
	auth, err := a.authority(dir)
	if err != nil {
		return err
	}
	data, err := auth.Export(format)
	if err != nil {
		return err
	}
	_, err = a.out.Write(data)
	return err
}

func (a *app) caRenew(dir string, hosts []string) error {
	if _, err := ca.Renew(dir, ca.Options{Hosts: hosts}); err != nil {
		return err
	}
	fmt.Fprintln(a.out, a.say("Nouvelle autorité créée. Les clients qui faisaient confiance à l’ancienne doivent l’oublier et apprendre la nouvelle.",
		"A new authority was made. Clients that trusted the old one must forget it and trust the new one."))
	return a.caShow(dir)
}

func (a *app) caRemove(dir string) error {
	if err := a.caSteps(dir, false); err != nil {
		return err
	}
	for _, name := range []string{"ca.pem", "ca-key.pem"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	fmt.Fprintln(a.out, a.say("La clé et le certificat sont effacés de ce dossier.", "The key and the certificate are deleted from this folder."))
	return nil
}

// caSteps tells what to do in each client.
func (a *app) caSteps(dir string, install bool) error {
	auth, err := a.authority(dir)
	if err != nil {
		return err
	}
	i := auth.Show()
	type step struct{ who, fr, en string }
	steps := []step{
		{"curl", "ajoutez : --cacert " + i.Path, "add: --cacert " + i.Path},
		{"openssl s_client", "ajoutez : -CAfile " + i.Path, "add: -CAfile " + i.Path},
		{"Thunderbird", "Paramètres › Vie privée et sécurité › Certificats › Gérer les certificats › Autorités › Importer, puis cochez « identifier des sites web »",
			"Settings › Privacy & Security › Certificates › Manage Certificates › Authorities › Import, then tick “identify websites”"},
		{"Windows (Outlook)", "certutil -user -addstore Root " + i.Path, "certutil -user -addstore Root " + i.Path},
		{"iPhone, iPad", "facteur ca export --format profile > facteur.mobileconfig, ouvrez-le sur l’appareil, puis Réglages › Général › Informations › Réglages des certificats",
			"facteur ca export --format profile > facteur.mobileconfig, open it on the device, then Settings › General › About › Certificate Trust Settings"},
		{"macOS (Mail)", "security add-trusted-cert -k ~/Library/Keychains/login.keychain-db " + i.Path, "security add-trusted-cert -k ~/Library/Keychains/login.keychain-db " + i.Path},
	}
	if !install {
		steps = []step{
			{"Thunderbird", "Gérer les certificats › Autorités › " + i.Subject + " › Supprimer", "Manage Certificates › Authorities › " + i.Subject + " › Delete"},
			{"Windows (Outlook)", "certutil -user -delstore Root \"" + commonName(i.Subject) + "\"", "certutil -user -delstore Root \"" + commonName(i.Subject) + "\""},
			{"iPhone, iPad", "Réglages › Général › VPN et gestion de l’appareil › facteur › Supprimer le profil", "Settings › General › VPN & Device Management › facteur › Remove Profile"},
			{"macOS (Mail)", "security delete-certificate -t -c \"" + commonName(i.Subject) + "\"", "security delete-certificate -t -c \"" + commonName(i.Subject) + "\""},
		}
	}
	for _, s := range steps {
		fmt.Fprintf(a.out, "%-18s %s\n", s.who, a.say(s.fr, s.en))
	}
	return nil
}

// commonName is the CN of a subject, by which the system stores find a certificate.
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
