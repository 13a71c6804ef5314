package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"facteur/proxy/ca"
	"facteur/proxy/ca/trust"
)

// contextOf is a command's, never nil.
func contextOf(c *cobra.Command) context.Context {
	if ctx := c.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}

func (a *app) caInstallCommand(f *caFlags) *cobra.Command {
	c := &cobra.Command{
		Use: "install", Short: "Make a certificate store trust the authority, or tell the steps client by client", Args: cobra.NoArgs,
		Long: `Without --into, the exact steps for each client are printed, and nothing is changed. Where there is no authority yet, one
is made: with --host for real servers, otherwise for this machine and the practice names.

Stores that --into knows:
  thunderbird      the profile that Thunderbird starts with (or thunderbird:DIR)
  nss:DIR          an NSS database: a profile of Firefox, ~/.pki/nssdb
  java             the store of this Java machine (or java:FILE, a cacerts or a trust store)
  system           the system's authorities (Debian, Fedora, macOS, Windows)`,
		Example: `  facteur ca install --host mail.example.org
  facteur ca install --into thunderbird
  facteur ca install --client java`,
		RunE: func(c *cobra.Command, _ []string) error { return a.caInstall(contextOf(c), f) },
	}
	c.Flags().StringArrayVar(&f.stores, "into", nil, "store to put it into: thunderbird, nss:DIR, java, system (repeat)")
	c.Flags().StringVar(&f.client, "client", "", "tell the steps of this client only")
	c.Flags().StringArrayVar(&f.hosts, "host", nil, "host that a brand-new authority may sign for (repeat)")
	c.Flags().StringVar(&f.storePassword, "password", "", "password of a Java store (default: Java's own, changeit)")
	return c
}

func (a *app) caRemoveCommand(f *caFlags) *cobra.Command {
	c := &cobra.Command{
		Use: "remove", Short: "Take the authority out of the stores it was put into, then delete it", Args: cobra.NoArgs,
		Long: `The stores that have it (those that facteur ca status shows) forget it first; then its key and certificate are deleted.
The steps for clients that facteur cannot reach are printed.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.caRemove(contextOf(c), f) },
	}
	c.Flags().StringArrayVar(&f.stores, "from", nil, "take it out of this store only, and keep the authority (repeat)")
	c.Flags().StringVar(&f.storePassword, "password", "", "password of a Java store (default: Java's own, changeit)")
	return c
}

// openStores finds the stores named on the command line.
func (a *app) openStores(f *caFlags, flag string) ([]trust.Store, error) {
	var all []trust.Store
	for _, name := range f.stores {
		s, err := trust.Machine{}.Open(name, f.storePassword)
		if err != nil {
			return nil, misuse("%s %w", flag, err)
		}
		all = append(all, s)
	}
	return all, nil
}

func (a *app) caInstall(ctx context.Context, f *caFlags) error {
	stores, err := a.openStores(f, "--into")
	if err != nil {
		return err
	}
	if f.client != "" && len(findSteps(f.client)) == 0 {
		return misuse(a.say("--client %s\u202f: les clients sont %s%s", "--client %s: the clients are %s%s"), shortened(f.client), strings.Join(stepNames(), ", "), a.perhaps(nearest(f.client, stepNames())))
	}
	auth, err := a.authorityFor(f.dir, f.hosts)
	if err != nil {
		return err
	}
	if len(stores) == 0 {
		a.printSteps(auth, findSteps(f.client), true)
		return nil
	}
	for _, s := range stores {
		if err := ca.Remember(f.dir, lasting(s.Name())); err != nil { // before: removal must not miss what is half done
			return err
		}
		if err := s.Add(ctx, auth.Certificate()); err != nil {
			return a.storeFault(err, "install --into "+s.Name())
		}
		fmt.Fprintf(a.out, a.say("%s\u202f: fait confiance à l’autorité (%s)\n", "%s: trusts the authority (%s)\n"), s.Name(), s.Who())
	}
	fmt.Fprintln(a.out, stepWords(auth).Replace(a.say("Les programmes déjà lancés doivent l’être de nouveau. À la fin de la séance\u202f: facteur ca remove{AT}",
		"Programs that are running must be started again. After the session: facteur ca remove{AT}")))
	return nil
}

// storeFault adds what to do to why a store could not be changed.
func (a *app) storeFault(err error, command string) error {
	var tool *trust.ToolError
	switch {
	case errors.As(err, &tool):
		return fmt.Errorf(a.say("%w\u202f; installez-le, ou suivez les étapes de facteur ca install", "%w; install it, or follow the steps of facteur ca install"), err)
	case errors.Is(err, trust.ErrRights):
		return fmt.Errorf(a.say("%w\u202f; essayez\u202f: sudo facteur ca %s --ca-dir DOSSIER", "%w; try: sudo facteur ca %s --ca-dir DIR"), err, command)
	}
	return err
}

// lasting is a store's name that means the same from any folder.
func lasting(name string) string {
	if kind, where, ok := strings.Cut(name, ":"); ok {
		return kind + ":" + absolute(where)
	}
	return name
}

// stores are those that are found on this machine, and those that the authority in dir was put into; of the latter, the
// ones whose folder or file is gone have forgotten it.
func (a *app) stores(dir, password string) (all []trust.Store, put map[string]bool) {
	all, put = trust.Machine{}.Found(), map[string]bool{}
	for _, name := range ca.Stores(dir) {
		_, where, named := strings.Cut(name, ":")
		if _, err := os.Stat(where); named && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		put[name] = true
		if slices.ContainsFunc(all, func(s trust.Store) bool { return s.Name() == name }) {
			continue
		}
		if s, err := (trust.Machine{}).Open(name, password); err == nil {
			all = append(all, s)
		}
	}
	return all, put
}

func (a *app) caStatus(ctx context.Context, f *caFlags) error {
	if !ca.Exists(f.dir) {
		_, err := a.authority(f.dir)
		return err
	}
	auth, err := ca.Look(f.dir)
	if err != nil {
		return err
	}
	old := ca.Old(f.dir)
	fmt.Fprintf(a.out, "%s\n%s\n\n", commonName(auth.Show().Subject), strings.Join(auth.Words(a.lang), " "))
	stores, _ := a.stores(f.dir, f.storePassword)
	for _, s := range stores {
		fmt.Fprintf(a.out, "%-18s %s  (%s)\n", a.trustWord(ctx, s, auth.Certificate(), old), s.Name(), s.Who())
	}
	fmt.Fprintln(a.out, "\n"+a.say("facteur ne peut pas voir les téléphones, les autres machines, ni ce qu’un programme reçoit sur sa ligne de commande (--cacert).",
		"facteur cannot see phones, other machines, or what a program is given on its command line (--cacert)."))
	return nil
}

// trustWord says in a few words what a store thinks of the authority.
func (a *app) trustWord(ctx context.Context, s trust.Store, now *x509.Certificate, old []*x509.Certificate) string {
	has, err := s.Holds(ctx, now)
	var tool *trust.ToolError
	switch {
	case errors.As(err, &tool):
		return fmt.Sprintf(a.say("inconnu (%s manque)", "unknown (no %s)"), tool.Tool)
	case err != nil:
		a.logs.Debug(err.Error())
		return a.say("inconnu", "unknown")
	case has:
		return a.say("CONFIANCE", "TRUSTED")
	}
	for _, c := range old {
		if has, err := s.Holds(ctx, c); err == nil && has {
			return a.say("l’ANCIENNE, oui", "the OLD one is")
		}
	}
	return a.say("non", "not trusted")
}

func (a *app) caRemove(ctx context.Context, f *caFlags) error {
	stores, err := a.openStores(f, "--from")
	if err != nil {
		return err
	}
	if !ca.Exists(f.dir) {
		fmt.Fprintf(a.out, a.say("Il n’y a pas d’autorité dans %s\u202f: rien à retirer.\n", "There is no authority in %s: nothing to remove.\n"), f.dir)
		return nil
	}
	certs := ca.Old(f.dir)
	auth, err := ca.Look(f.dir)
	switch {
	case err == nil:
		certs = append([]*x509.Certificate{auth.Certificate()}, certs...)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	only, put := len(stores) > 0, map[string]bool{}
	if !only {
		stores, put = a.stores(f.dir, f.storePassword)
	}
	if err := a.forget(ctx, certs, stores, put); err != nil || only {
		return err
	}
	if err := ca.Remove(f.dir); err != nil { // before anything long is printed: a reader that stops reading must not keep it alive
		return err
	}
	fmt.Fprintf(a.out, a.say("La clé et les certificats sont effacés de %s.\n", "The key and the certificates are deleted from %s.\n"), f.dir)
	if auth != nil {
		a.printSteps(auth, findSteps(""), false)
	}
	if demo := demoAuthority(); demo != "" && demo != f.dir {
		fmt.Fprintf(a.out, a.say("La démonstration a sa propre autorité\u202f: facteur ca remove --ca-dir %s\n", "The demonstration has an authority of its own: facteur ca remove --ca-dir %s\n"), demo)
	}
	return nil
}

// forget takes the authority, and those before it, out of stores. One that cannot be looked into is told; one that was
// made to trust the authority, or is seen to, and cannot be changed is an error: deleting the authority would leave that
// behind.
func (a *app) forget(ctx context.Context, certs []*x509.Certificate, stores []trust.Store, put map[string]bool) error {
	var failed []error
	for _, s := range stores {
		for _, c := range certs {
			has, err := s.Holds(ctx, c)
			if err != nil && put[s.Name()] {
				failed = append(failed, a.storeFault(err, "remove --from "+s.Name()))
				break
			}
			if err != nil {
				a.logs.Warn(a.say("ce magasin n’a pas pu être examiné", "this store could not be looked into"), "store", s.Name(), "err", err)
				break
			}
			if err := s.Drop(ctx, c); err != nil {
				failed = append(failed, a.storeFault(err, "remove"))
			} else if has {
				fmt.Fprintf(a.out, a.say("%s\u202f: a oublié %s (%s)\n", "%s: has forgotten %s (%s)\n"), s.Name(), c.Subject.CommonName, s.Who())
			}
		}
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf(a.say("%w\nl’autorité est gardée tant qu’un magasin lui fait confiance", "%w\nthe authority is kept as long as a store trusts it"), err)
	}
	return nil
}
