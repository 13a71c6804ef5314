package cli

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"facteur/internal/bilingual"
	"facteur/internal/lab"
	"facteur/proxy"
	"facteur/proxy/ca"
	"facteur/web"
)

type demoFlags struct {
	web, record, caDir string
	pace               time.Duration
	check, noLesson    bool
}

// demoPorts are tried first, so that client settings written down once stay right; a port that is taken is replaced.
var demoPorts = []struct {
	service string // of the practice server
	scheme  string
	port    int
}{
	{lab.Submission, "submission", 1587}, {lab.SMTPS, "smtps", 1465}, {lab.SMTP, "smtp", 1025},
	{lab.POP3, "pop3", 1110}, {lab.POP3S, "pop3s", 1995}, {lab.IMAP, "imap", 1143}, {lab.IMAPS, "imaps", 1993},
}

func (a *app) demoCommand() *cobra.Command {
	var f demoFlags
	c := &cobra.Command{
		Use:   "demo",
		Short: "Practice mail server, proxy, page and a played lesson: nothing to configure, no network",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return a.demo(c.Context(), f) },
	}
	c.Flags().StringVar(&f.web, "web", "127.0.0.1:8025", "address of the page; if its port is taken, another is used")
	a.shareFlag(c.Flags())
	c.Flags().StringVar(&f.record, "record", defaultRecordings(), "folder for the recording, or off")
	c.Flags().StringVar(&f.caDir, "ca-dir", defaultAuthority()+"-demo", "folder of the demonstration's authority")
	c.Flags().DurationVar(&f.pace, "pace", 150*time.Millisecond, "pause between the lesson's exchanges")
	c.Flags().BoolVar(&f.check, "check", false, "play the lesson, then end: does everything work on this machine?")
	c.Flags().BoolVar(&f.noLesson, "no-lesson", false, "serve only, play nothing")
	return c
}

func (a *app) demo(ctx context.Context, f demoFlags) error {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	practice, err := lab.Start(ctx, lab.Options{Log: a.logs})
	if err != nil {
		return bilingual.Errorf("practice server: %w", "serveur d’exercice\u202f: %w", err)
	}
	defer practice.Close()
	routes, err := demoRoutes(practice, !f.check)
	if err != nil {
		return err
	}
	auth, err := ca.LoadOrCreate(f.caDir, ca.Options{Hosts: []string{lab.ServerName, "127.0.0.1"}})
	if err != nil {
		return err
	}
	o := stationOptions{routes: routes, mode: proxy.Intercept, authority: auth, upstreamCA: practice.Pool(), record: f.record, name: "demo"}
	if !f.check {
		o.page = a.pageOptions(freeAddr(f.web), "demo")
		o.page.CA = authorityFacts(auth)
		o.page.Recording = web.Recording{Dir: f.record, On: f.record != "off"}
		o.page.Connect = a.demoConnect(routes, auth)
	}
	s, err := a.newStation(o)
	if err != nil {
		return err
	}
	if err := s.proxy.Listen(); err != nil {
		return errTold
	}
	if s.page != nil {
		url, err := s.page.Listen()
		if err != nil {
			return bilingual.Errorf("%w; choose another address with --web ADDR", "%w\u202f; choisissez une autre adresse avec --web ADRESSE", err)
		}
		a.told(s.page, url)
		a.demoHelp(o.page.Connect)
	}
	ctx, finish := context.WithCancel(ctx)
	defer finish()
	lesson := make(chan error, 1)
	go func() {
		var err error
		if !f.noLesson {
			err = a.playLesson(ctx, s, routes, auth, f.pace)
		}
		if f.check {
			finish()
		}
		lesson <- err
	}()
	if err := s.run(ctx); err != nil {
		return err
	}
	if f.check {
		if err := <-lesson; err != nil {
			return err
		}
		fmt.Fprintln(a.out, a.say("La leçon est passée : facteur marche sur cette machine.", "The lesson went through: facteur works on this machine."))
	}
	return nil
}

// demoRoutes leads each of facteur's doors to the practice server's; the doors have their usual ports only if wanted.
func demoRoutes(practice *lab.Server, usual bool) ([]proxy.Route, error) {
	var routes []proxy.Route
	for _, p := range demoPorts {
		listen := "127.0.0.1:0"
		if usual {
			listen = freeAddr(fmt.Sprintf("127.0.0.1:%d", p.port))
		}
		_, port, _ := net.SplitHostPort(practice.Addr(p.service))
		r, err := proxy.ParseRoute(fmt.Sprintf("%s://%s=%s://localhost:%s", p.scheme, listen, p.scheme, port))
		if err != nil {
			return nil, err
		}
		routes = append(routes, r)
	}
	return routes, nil
}

// freeAddr gives addr, or the same host with a port of the system's choice if that port is taken.
func freeAddr(addr string) string {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		host, _, split := net.SplitHostPort(addr)
		if split != nil {
			return addr
		}
		if l, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
			return addr
		}
	}
	defer l.Close()
	return l.Addr().String()
}

// playLesson plays the first lesson through the proxy.
func (a *app) playLesson(ctx context.Context, s *station, routes []proxy.Route, auth *ca.Authority, pace time.Duration) error {
	script, ok := lab.FindScript("first")
	if !ok {
		return bilingual.New("the first lesson is missing from this build", "la première leçon manque à ce programme")
	}
	t := lab.Targets{Addrs: map[string]string{}, RootCAs: x509.NewCertPool(), Pace: pace}
	t.RootCAs.AddCert(auth.Certificate())
	for i, addr := range s.proxy.Addrs() {
		if addr != nil {
			t.Addrs[demoPorts[i].service] = addr.String()
		}
	}
	s.tape.lesson(script.ID, script.Title[a.lang])
	defer s.tape.lesson("demo", "") // what comes with people's own clients
	if err := lab.Play(ctx, script, t); err != nil && ctx.Err() == nil {
		a.logs.Error("the lesson stopped", "err", err)
		return err
	}
	a.logs.Info(a.say("la leçon est jouée ; la page reste ouverte (Ctrl C pour finir)", "the lesson was played; the page stays open (Ctrl C ends)"))
	return nil
}

// demoConnect are commands for one's own client, with the practice accounts.
func (a *app) demoConnect(routes []proxy.Route, auth *ca.Authority) []web.Connect {
	account := lab.Accounts[0]
	lines := a.connectLines(routes, auth)
	for i := range lines {
		lines[i].Command = strings.Replace(lines[i].Command, "--user alice", "--user "+account.User+":"+account.Password, 1)
	}
	return lines
}

// demoHelp prints how to connect one's own client.
func (a *app) demoHelp(lines []web.Connect) {
	fmt.Fprintln(a.out)
	fmt.Fprintln(a.out, a.say("Pour brancher votre propre client (comptes d’exercice, alice et bob) :", "To connect your own client (practice accounts, alice and bob):"))
	for _, l := range lines {
		if strings.HasPrefix(l.ID, "curl-imap") || strings.HasPrefix(l.ID, "openssl-pop3-") || strings.HasPrefix(l.ID, "openssl-submission") {
			fmt.Fprintln(a.out, "  "+l.Command)
		}
	}
	for _, acc := range lab.Accounts {
		fmt.Fprintf(a.out, "  Thunderbird%s %s, %s %s, IMAP 127.0.0.1 1143/1993, SMTP 127.0.0.1 1587/1465\n", a.say(" :", ":"), acc.Address, a.say("mot de passe", "password"), acc.Password)
	}
}
