package cli

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"facteur/captures"
	"facteur/decode"
	"facteur/internal/lab"
	"facteur/internal/watch"
	"facteur/proxy"
	"facteur/proxy/ca"
	"facteur/replay"
)

// readFlags say how a recording is read into dialogues.
type readFlags struct {
	keylog, rsaKeys []string
	as              string
	session         int
}

func (f *readFlags) add(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.keylog, "keylog", nil, "NSS key log file that opens TLS sessions")
	c.Flags().StringArrayVar(&f.rsaKeys, "rsa-key", nil, "server's RSA private key (PEM)")
	c.Flags().StringVar(&f.as, "as", "", "decode every session as this protocol")
	c.Flags().IntVar(&f.session, "session", 0, "the session to take (default: all mail sessions)")
}

// dialogues reads the mail sessions of a recording. Secrets are masked on the way: nothing that is replayed needs them.
func (a *app) dialogues(file string, session int, f *readFlags) ([]*replay.Dialogue, error) {
	if !protocols[f.as] {
		return nil, misuse("--as %s: the protocols are smtp, smtps, submission, lmtp, pop3, pop3s, imap, imaps and sieve", f.as)
	}
	keys, err := loadKeys(f.keylog, f.rsaKeys)
	if err != nil {
		return nil, err
	}
	book := &replay.Book{Only: session}
	if err := captures.ReadFile(file, &watch.File{Show: book, Keys: keys, As: f.as, Octets: true}); err != nil {
		return nil, err
	}
	all, err := book.Dialogues()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", file, err)
	case len(all) == 0 && session != 0:
		return nil, fmt.Errorf("%s: session %d is no mail session, or there is none; `facteur decode` lists them", file, session)
	case len(all) == 0:
		return nil, fmt.Errorf("%s: no mail session in it; --as PROTOCOL decodes what is not recognised", file)
	}
	return all, nil
}

// whole keeps the dialogues that can be spoken again. Those that cannot are told; none left is an error.
func (a *app) whole(file string, all []*replay.Dialogue) ([]*replay.Dialogue, error) {
	var kept []*replay.Dialogue
	for _, d := range all {
		if err := d.Whole(); err != nil {
			a.logs.Warn(a.say("séance laissée de côté\u202f: ", "session left out: ") + a.incomplete(d))
			continue
		}
		kept = append(kept, d)
	}
	if len(kept) == 0 {
		return nil, fmt.Errorf("%s: %w", file, errors.New(a.say("aucune séance ne peut être rejouée en entier", "no session can be spoken again as a whole")))
	}
	return kept, nil
}

// incomplete says what a recording lacks.
func (a *app) incomplete(d *replay.Dialogue) string {
	m := d.Missing[0]
	who := a.say("du client", "of the client’s side")
	if m.From == decode.Server.String() {
		who = a.say("du serveur", "of the server’s side")
	}
	where := a.say("dès le début", "from the beginning")
	if m.After > 0 && m.After <= len(d.Steps) {
		s := &d.Steps[m.After-1]
		where = fmt.Sprintf(a.say("après l’étape %d (%s)", "after step %d (%s)"), s.N, visible(s.Line))
	}
	switch m.What {
	case replay.MissingKeys:
		return fmt.Sprintf(a.say("séance %d, %s\u202f: du TLS qu’aucune clé n’ouvre\u202f; donnez le journal de clés avec --keylog FICHIER",
			"session %d, %s: TLS that no key opens; give the key log with --keylog FILE"), d.Session, where)
	case replay.MissingStart:
		return fmt.Sprintf(a.say("séance %d\u202f: l’accueil du serveur manque, la capture a commencé trop tard", "session %d: the server’s greeting is missing, the capture began too late"), d.Session)
	case replay.MissingProtocol:
		return fmt.Sprintf(a.say("séance %d, %s\u202f: des octets %s n’ont pas pu être compris", "session %d, %s: octets %s could not be understood"), d.Session, where, who)
	}
	return fmt.Sprintf(a.say("séance %d, %s\u202f: %d octets %s manquent dans la capture", "session %d, %s: %d octets %s are not in the capture"), d.Session, where, m.Octets, who)
}

type replayServeFlags struct {
	read   readFlags
	listen []string
	caDir  string
	format string
}

func (a *app) replayServeCommand() *cobra.Command {
	var f replayServeFlags
	c := &cobra.Command{
		Use:   "serve FILE",
		Short: "Answer a mail client as the recorded server did",
		Long: `Any mail client can go through its session again, without the server: commands are matched by what they mean, any
password is accepted, and STARTTLS and implicit TLS are real. A command that the recording does not have is refused in
the protocol’s own words, and the exact step is shown with both lines.`,
		Example: `  facteur replay serve session.pcapng
  facteur replay serve session.pcapng --session 3 --listen imap://127.0.0.1:1143 --listen imaps://127.0.0.1:1993
  facteur replay serve session.pcapng --format jsonl`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.replayServe(c.Context(), f, args[0]) },
	}
	f.read.add(c)
	c.Flags().StringArrayVar(&f.listen, "listen", nil, "where to listen, as imap://127.0.0.1:1143 (repeat; default: a clear and a TLS port for each recorded protocol)")
	c.Flags().StringVar(&f.caDir, "ca-dir", defaultAuthority(), "folder of the local authority; ca.pem in it is what clients must trust")
	c.Flags().StringVar(&f.format, "format", "text", "what happens, on standard output: text or jsonl")
	return c
}

// replayDoors are tried first, so that client settings written down once stay right; a port that is taken is replaced.
var replayDoors = map[string][]struct {
	scheme   string
	port     int
	implicit bool
}{
	decode.SMTP:  {{"smtp", 1025, false}, {"submission", 1587, false}, {"smtps", 1465, true}},
	decode.LMTP:  {{"lmtp", 1024, false}},
	decode.POP3:  {{"pop3", 1110, false}, {"pop3s", 1995, true}},
	decode.IMAP:  {{"imap", 1143, false}, {"imaps", 1993, true}},
	decode.Sieve: {{"sieve", 4190, false}},
}

func (a *app) replayServe(ctx context.Context, f replayServeFlags, file string) error {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var many bool // sessions, so that a step's number alone would not say which it is
	show, err := a.serveShow(f.format, &many)
	if err != nil {
		return err
	}
	doors, schemes, err := listenDoors(f.listen)
	if err != nil {
		return err
	}
	all, err := a.dialogues(file, f.read.session, &f.read)
	if err != nil {
		return err
	}
	if all, err = a.whole(file, all); err != nil {
		return err
	}
	many = len(all) > 1
	if len(doors) == 0 {
		doors, schemes = defaultDoors(all)
	}
	config, path, err := replayTLS(f.caDir)
	if err != nil {
		return err
	}
	s, err := replay.NewServer(replay.ServeOptions{Dialogues: all, Doors: doors, TLS: config, OnEvent: show})
	if err != nil {
		return err
	}
	if err := s.Listen(ctx); err != nil {
		return err
	}
	for i, d := range s.Doors() {
		a.logs.Info(a.say("à l’écoute", "listening"), "at", schemes[i]+"://"+d.Addr)
	}
	a.logs.Info(a.say("tout mot de passe est accepté\u202f; pour TLS, le client doit faire confiance à ce certificat",
		"any password is accepted; for TLS, the client must trust this certificate"), "certificate", path)
	return s.Serve(ctx)
}

// defaultDoors are those of the recorded protocols.
func defaultDoors(all []*replay.Dialogue) (doors []replay.Door, schemes []string) {
	for _, p := range replay.Protocols(all) {
		for _, d := range replayDoors[p] {
			doors = append(doors, replay.Door{Protocol: p, Addr: freeAddr(fmt.Sprintf("127.0.0.1:%d", d.port)), Implicit: d.implicit})
			schemes = append(schemes, d.scheme)
		}
	}
	return doors, schemes
}

// listenDoors reads --listen.
func listenDoors(urls []string) (doors []replay.Door, schemes []string, err error) {
	for _, u := range urls {
		scheme, _, _ := strings.Cut(u, "://")
		r, err := proxy.ParseRoute(u + "=" + scheme + "://localhost") // a route's listener is written in the same way
		if err != nil {
			return nil, nil, misuse("--listen %s: %v", u, err)
		}
		e := r.Listen
		doors = append(doors, replay.Door{Protocol: e.Protocol, Addr: e.Addr(), Implicit: e.Security == proxy.Implicit})
		schemes = append(schemes, e.Scheme)
	}
	return doors, schemes, nil
}

// replayTLS makes a server's TLS of the local authority: a certificate for the name asked for, where the authority may
// sign for it, and for the practice names and loopback always.
func replayTLS(dir string) (*tls.Config, string, error) {
	auth, err := ca.LoadOrCreate(dir, ca.Options{Hosts: []string{lab.ServerName, "127.0.0.1"}})
	if err != nil {
		return nil, "", err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		names := []string{lab.ServerName}
		if hello.ServerName != "" {
			names = []string{hello.ServerName, lab.ServerName}
		}
		return auth.Leaf(names...)
	}}, auth.Show().Path, nil
}

// serveShow tells what happens to the clients of a replayed server.
func (a *app) serveShow(format string, many *bool) (func(replay.ServeEvent), error) {
	switch format {
	case "text":
		return func(e replay.ServeEvent) {
			if line := a.serveLine(&e, *many); line != "" {
				fmt.Fprintf(a.out, "%s %d %s\n", e.Time.Format("15:04:05"), e.Conn, visible(line))
			}
		}, nil
	case "jsonl":
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		return func(e replay.ServeEvent) { _ = enc.Encode(&e) }, nil // a reader that has gone ends nothing
	}
	return nil, misuse(a.say("--format %s\u202f: les formats sont text et jsonl", "--format %s: the formats are text and jsonl"), shortened(format))
}

// serveLine is one event in words.
func (a *app) serveLine(e *replay.ServeEvent, many bool) string {
	place := fmt.Sprintf(a.say("étape %d", "step %d"), e.Step)
	if many {
		place = fmt.Sprintf(a.say("séance %d, étape %d", "session %d, step %d"), e.Session, e.Step)
	}
	switch e.Event {
	case replay.ServeOpen:
		return fmt.Sprintf(a.say("%s\u202f: %s se connecte", "%s: %s connects"), upper(e.Protocol), e.Client)
	case replay.ServeTLS:
		if e.Got != "" {
			return a.say("la poignée de main TLS a échoué\u202f: ", "the TLS handshake failed: ") + e.Got
		}
		return a.say("TLS établi\u202f: ", "TLS established: ") + e.Answer
	case replay.ServeLogin:
		return fmt.Sprintf(a.say("%s\u202f: identifié comme %s, sans vérifier le mot de passe <- %s", "%s: logged in as %s, the password not checked <- %s"), place, e.Got, e.Answer)
	case replay.ServeAnswer:
		if e.Step == 0 {
			return fmt.Sprintf(a.say("hors enregistrement\u202f: -> %s <- %s", "not recorded: -> %s <- %s"), e.Got, e.Answer)
		}
		return fmt.Sprintf(a.say("%s\u202f: -> %s <- %s", "%s: -> %s <- %s"), place, e.Got, e.Answer)
	case replay.ServeMismatch:
		if e.Step == 0 {
			return fmt.Sprintf(a.say("ÉCART à la fin de l’enregistrement (séance %d)\u202f; le client a dit\u202f: %s", "MISMATCH at the end of the recording (session %d); the client said: %s"), e.Session, e.Got)
		}
		return fmt.Sprintf(a.say("ÉCART à l’étape %d (séance %d)\u202f; enregistré\u202f: %s\u202f; reçu\u202f: %s", "MISMATCH at step %d (session %d); recorded: %s; received: %s"), e.Step, e.Session, e.Expected, e.Got)
	case replay.ServeRefused:
		return a.say("refusé, un enregistrement ne peut pas y répondre\u202f: ", "refused, a recording cannot answer it: ") + e.Got
	case replay.ServeChanged:
		return a.say("liste des capacités adaptée\u202f: STARTTLS selon la connexion, et seuls les mécanismes que l’on peut accepter sans mot de passe",
			"capability list adapted: STARTTLS as the connection is, and only mechanisms that can be accepted without a password")
	case replay.ServeClose:
		if e.Got != "" {
			return a.say("le client est parti\u202f: ", "the client has gone: ") + e.Got
		}
		return a.say("le client est parti", "the client has gone")
	}
	return ""
}
