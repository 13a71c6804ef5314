package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"facteur/captures"
)

func (a *app) capturesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "captures",
		Short: "The library of recordings: list, search, share",
		Long: `The library is a folder of recordings and index.db beside them. The recordings are the truth: the index is rebuilt from them
at any time (facteur captures reindex). Recordings are kept for 30 days unless you say otherwise (facteur captures purge).`,
		Example: `  facteur captures list
  facteur captures search 'smtp code:5xx'
  facteur captures redact capture.pcap -o safe.pcapng --keylog keys.txt
  facteur captures anonymize session.pcapng -o share.pcapng
  facteur captures export 12 --format html -o session.html`,
	}
	s := &shelf{a: a}
	c.PersistentFlags().StringVar(&s.dir, "library", defaultRecordings(), "the library's folder")
	c.AddCommand(a.libraryCommands(s)...)
	c.AddCommand(a.redactCommand(), a.anonymizeCommand(), a.samplesCommand(), a.repairCommand())
	return c
}

// rewriteFlags are those of redact and anonymize.
type rewriteFlags struct {
	out             string
	keylog, rsaKeys []string
	force, noKeys   bool
}

func (f *rewriteFlags) add(c *cobra.Command) {
	c.Flags().StringVarP(&f.out, "output", "o", "", "the file to write (required; never overwritten)")
	c.Flags().StringArrayVar(&f.keylog, "keylog", nil, "NSS key log file that opens TLS sessions")
	c.Flags().StringArrayVar(&f.rsaKeys, "rsa-key", nil, "server's RSA private key (PEM)")
	c.Flags().BoolVar(&f.force, "force", false, "write although something could not be treated")
	c.Flags().BoolVar(&f.noKeys, "no-tls-secrets", false, "leave the TLS secrets out of the copy: nobody can open its TLS")
}

// options reads the keys.
func (f *rewriteFlags) options(a *app) (o captures.RewriteOptions, err error) {
	if f.out == "" {
		return o, misuse("%s", a.say("où l’écrire\u202f? donnez -o FICHIER", "where to? say -o FILE"))
	}
	if o.Keys, err = loadKeys(f.keylog, f.rsaKeys); err != nil {
		return o, err
	}
	for _, name := range f.keylog {
		text, err := os.ReadFile(name)
		if err != nil {
			return o, fmt.Errorf("key log: %w", err)
		}
		o.KeyLog = append(append(o.KeyLog, text...), '\n')
	}
	o.Force, o.NoSecrets, o.Application = f.force, f.noKeys, "facteur "+version()
	return o, nil
}

func (a *app) redactCommand() *cobra.Command {
	var f rewriteFlags
	c := &cobra.Command{
		Use:   "redact FILE -o OUT",
		Short: "Copy a capture with passwords and tokens masked",
		Long: `Writes a copy in which secrets are stars: in clear, in base64, in IMAP literals, and inside TLS, whose records are sealed anew with
their own keys. A secret that a peer repeats elsewhere is found and masked too. Lengths stay true and checksums valid.
The copy is a standard pcapng. Of foreign captures the octets and times are kept, and packets are made anew around them;
connections that are not mail are left out. What could not be looked into is listed, and then nothing is written without --force.`,
		Example: `  facteur captures redact capture.pcap -o safe.pcapng --keylog keys.txt`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			o, err := f.options(a)
			if err != nil {
				return err
			}
			r, err := captures.Redact(args[0], f.out, o)
			return a.rewritten(args[0], f.out, r, err)
		},
	}
	f.add(c)
	return c
}

// rewritten reports what redact or anonymize did.
func (a *app) rewritten(in, out string, r *captures.Report, err error) error {
	if r != nil {
		for i := range r.Untreated {
			fmt.Fprintln(a.err, a.untreated(&r.Untreated[i]))
		}
	}
	if errors.Is(err, captures.ErrUntreated) {
		return fmt.Errorf(a.say("%s\u202f: rien n’a été écrit, car tout n’a pas pu être traité (ci-dessus)\u202f; donnez les clés avec --keylog, ou acceptez-le avec --force",
			"%s: nothing was written, because not everything could be treated (above); give the keys with --keylog, or accept it with --force"), filepath.Base(in))
	}
	if err != nil {
		return err
	}
	if r.Fault != nil {
		a.logs.Warn(r.Fault.Say(a.lang) + a.say("\u202f; ce qui précède est dans la copie", "; what comes before that is in the copy"))
	}
	fmt.Fprintln(a.out, out)
	masked := a.say("aucun secret à masquer", "no secret to mask")
	if r.Secrets > 0 || r.Echoes > 0 {
		masked = a.several(r.Secrets, "secret masqué", "secrets masqués", "secret masked", "secrets masked") + a.say(" en ", " in ") +
			a.several(r.Masked, "endroit", "endroits", "place", "places") + ", " +
			a.several(r.Echoes, "répétition masquée", "répétitions masquées", "repetition masked", "repetitions masked")
	}
	fmt.Fprintln(a.out, "  "+a.several(r.Sessions, "séance", "séances", "session", "sessions")+", "+masked)
	if r.Replaced > 0 || r.People > 0 {
		fmt.Fprintln(a.out, "  "+a.several(r.People, "nom, adresse ou hôte remplacé", "noms, adresses et hôtes remplacés", "name, address or host replaced", "names, addresses and hosts replaced")+
			a.say(" en ", " in ")+a.several(r.Replaced, "endroit", "endroits", "place", "places"))
	}
	if r.Left > 0 {
		fmt.Fprintln(a.out, "  "+a.several(r.Left, "connexion sans courriel laissée de côté", "connexions sans courriel laissées de côté", "connection that is not mail left out", "connections that are not mail left out"))
	}
	if r.Short > 0 {
		fmt.Fprintln(a.out, "  "+a.several(r.Short, "secret trop court ou trop commun pour être cherché ailleurs", "secrets trop courts ou trop communs pour être cherchés ailleurs", "secret too short or too common to be looked for elsewhere", "secrets too short or too common to be looked for elsewhere"))
	}
	return nil
}

// untreated says in one line what could not be treated.
func (a *app) untreated(u *captures.Untreated) string {
	head := fmt.Sprintf(a.say("séance %d\u202f: ", "session %d: "), u.Session)
	switch u.What {
	case "tls_sealed":
		return head + fmt.Sprintf(a.say("%d enregistrements TLS (%d octets) n’ont pas pu être ouverts\u202f: %s", "%d TLS records (%d octets) could not be opened: %s"), u.Count, u.Octets, a.sealedWhy(u.Detail))
	case "sasl_sealed":
		return head + fmt.Sprintf(a.say("%d octets de la couche de sécurité %s ne peuvent pas être lus\u202f; avec --force, des étoiles les remplacent", "%d octets of the %s security layer cannot be read; with --force, they become stars"), u.Octets, u.Detail)
	case "opaque":
		return head + fmt.Sprintf(a.say("%d octets d’aucun protocole connu", "%d octets of no known protocol"), u.Octets)
	case "gap":
		return head + fmt.Sprintf(a.say("%d octets du client manquent dans la capture\u202f; ce qui suit a pu être mal lu", "%d octets of the client's are missing in the capture; what follows may have been misread"), u.Octets)
	case "compressed":
		return head + fmt.Sprintf(a.say("%d octets compressés (COMPRESS) ne peuvent pas être réécrits à la même longueur", "%d compressed octets (COMPRESS) cannot be rewritten at the same length"), u.Octets)
	case "handshake":
		return head + fmt.Sprintf(a.say("la poignée de main TLS nomme %s, et ne peut être réécrite", "the TLS handshake names %s, and cannot be rewritten"), u.Detail)
	}
	return head + u.Detail
}

func (a *app) sealedWhy(reason string) string {
	switch reason {
	case "no_secrets":
		return a.say("clés inconnues", "keys unknown")
	case "unsupported_cipher":
		return a.say("chiffrement non pris en charge", "cipher not supported")
	}
	return a.say("octets manquants ou altérés", "octets missing or changed")
}

func (a *app) anonymizeCommand() *cobra.Command {
	var f rewriteFlags
	c := &cobra.Command{
		Use:   "anonymize FILE -o OUT",
		Short: "Copy a capture with people, hosts and messages replaced",
		Long: `Masks what redact masks, and replaces people, mail addresses, hosts, IP addresses, mailboxes and subjects by others of the same
length, always the same one within the copy, and the bodies of messages by prose. The session stays what it was: commands,
codes, sizes, dates, header names and MIME structure. Lengths, checksums and TLS stay valid.
Names in TLS handshakes (SNI, certificates) cannot be changed; they are listed, and nothing is written without --force.`,
		Example: `  facteur captures anonymize session.pcapng -o share.pcapng`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			o, err := f.options(a)
			if err != nil {
				return err
			}
			r, err := captures.Anonymize(args[0], f.out, o)
			return a.rewritten(args[0], f.out, r, err)
		},
	}
	f.add(c)
	return c
}
