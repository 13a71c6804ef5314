package cli

import (
	"context"
	"net/url"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"facteur/internal/bilingual"
	"facteur/internal/notes"
	"facteur/proxy"
	"facteur/proxy/ca"
	"facteur/web"
)

type proxyFlags struct {
	tls, caDir, upstreamCA string
	keylog                 []string
	record, title, rotate  string
	keepSecrets, noRewrite bool
	web, format            string
	socks, transparent     string
	tlsMin, tlsMax         string
	lab                    []string
	knobs                  proxy.Knobs
	config                 string
	printConfig            bool
	limits                 limits
}

func (a *app) proxyCommand() *cobra.Command {
	var f proxyFlags
	c := &cobra.Command{
		Use:   "proxy [flags] ROUTE...",
		Short: "Stand between mail clients and mail servers",
		Long: `A route is LISTEN_URL=UPSTREAM_URL. The scheme says protocol and security: smtp submission smtps pop3 pop3s imap imaps
sieve lmtp, with their registered ports as default. In clear, STARTTLS passes.

Behind the upstream:
  ?starttls             facteur itself asks the server for STARTTLS
  ?plain                the server leg stays in clear; facteur answers a client's STARTTLS
  ?tls=intercept        or passthrough: the mode of this route alone
  ?client-cert=FILE     the certificate that facteur shows the server, with client-key=FILE
  ?resumption           resume the session with the server even where the client does not offer to resume its own
Behind the listener:
  ?client-ca=FILE       clients must show a certificate that this authority signed
Behind either, for its own leg (flags of the same names count for all routes):
  ?tls-min=1.2          lowest version, 1.0 to 1.3
  ?tls-max=1.3          highest version
  ?ciphers=NAME,NAME    suites up to TLS 1.2, IANA names
  ?no-resumption        no session tickets: every handshake is a full one
A session with the server is resumed where the client offers to resume its own; otherwise the server shows its certificates,
unless more than a hundred connections a second go to it.
The application protocol (ALPN) that a client offers is passed on to the server, and the server's choice back.

With --socks a client keeps its real account settings: registered mail ports are treated like routes, everything else is
relayed untouched. With --transparent (Linux) the system redirects connections here; for a gateway:
  nft add table inet facteur
  nft add chain inet facteur in '{ type nat hook prerouting priority dstnat; }'
  nft add rule inet facteur in tcp dport '{ 25, 110, 143, 465, 587, 993, 995, 4190 }' redirect to :10143`,
		Example: `  facteur proxy imap://127.0.0.1:1143=imap://mail.example.org
  facteur proxy imap://127.0.0.1:1143=imaps://mail.example.org
  facteur proxy --tls passthrough --keylog keys.txt imaps://127.0.0.1:1993=imaps://mail.example.org
  facteur proxy submission://127.0.0.1:1587=submission://mail.example.org imaps://127.0.0.1:1993=imaps://mail.example.org`,
		RunE: func(c *cobra.Command, args []string) (err error) {
			if f.config != "" {
				if args, err = loadConfig(c, f.config, args); err != nil {
					return err
				}
			}
			if f.printConfig {
				return printConfig(a.out, c, args)
			}
			return a.proxy(c.Context(), f, args)
		},
	}
	fl := c.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.config, "config", "", "YAML file with these settings, as --print-config writes one; flags win over it")
	fl.BoolVar(&f.printConfig, "print-config", false, "print the settings that would count, as a file for --config, and end")
	fl.StringVar(&f.tls, "tls", "intercept", "intercept (two TLS sessions), passthrough (end to end, watched from outside) or strip (as --lab strip-starttls)")
	fl.StringVar(&f.caDir, "ca-dir", defaultAuthority(), "folder of the local authority; ca.pem in it is what clients must trust")
	fl.StringVar(&f.upstreamCA, "upstream-ca", "", "PEM file with authorities to trust for mail servers, besides the system's")
	fl.StringArrayVar(&f.lab, "lab", nil, "attack a practice server's clients, on this machine only (repeat): strip-starttls, refuse-starttls, inject-command, inject-response, preauth, downgrade, wrong-name, expired, self-signed, unknown-ca, delay=TIME, truncate=OCTETS, reset=OCTETS")
	fl.StringVar(&f.tlsMin, "tls-min", "", "lowest TLS version of both legs: 1.0, 1.1, 1.2 or 1.3 (default 1.2)")
	fl.StringVar(&f.tlsMax, "tls-max", "", "highest TLS version of both legs")
	fl.StringVar(&f.knobs.Ciphers, "ciphers", "", "cipher suites up to TLS 1.2, IANA names joined by commas")
	fl.BoolVar(&f.knobs.NoResumption, "no-resumption", false, "no session tickets on either leg: every handshake is a full one")
	fl.BoolVar(&f.knobs.Resumption, "resumption", false, "resume sessions with mail servers always; default: where the client offers to resume its own")
	fl.StringVar(&f.knobs.ClientCA, "client-ca", "", "PEM file: clients must show a certificate that this authority signed")
	fl.StringVar(&f.knobs.ClientCert, "client-cert", "", "PEM file with the certificate that facteur shows the mail server")
	fl.StringVar(&f.knobs.ClientKey, "client-key", "", "PEM file with the key of --client-cert")
	fl.StringVar(&f.socks, "socks", "", "address of a SOCKS5 door (HOST:PORT): clients keep their real settings, the port tells the protocol")
	fl.StringVar(&f.transparent, "transparent", "", "Linux: address of a door for connections that the system redirects here (HOST:PORT)")
	fl.StringArrayVar(&f.keylog, "keylog", nil, "passthrough: NSS key log file of the mail client (SSLKEYLOGFILE), followed as it grows (repeat)")
	fl.StringVar(&f.record, "record", defaultRecordings(), "folder for the recording, or off")
	fl.StringVar(&f.title, "title", "", "title of the recording, for its file name too (default: the protocols)")
	fl.StringVar(&f.rotate, "rotate", "", "begin another recording at this size or after this time: 100MB, 1h, or both: 100MB,1h")
	fl.BoolVar(&f.keepSecrets, "keep-secrets", false, "record and show passwords instead of masking them")
	fl.BoolVar(&f.noRewrite, "no-rewrite", false, "never change an octet, not even capability lists")
	fl.StringVar(&f.web, "web", "127.0.0.1:8025", "address of the page, or off")
	a.shareFlag(fl)
	fl.StringVar(&f.format, "format", "", "transcript on the terminal: text or jsonl (default: text on a terminal with --web off, else none)")
	f.limits.add(fl)
	return c
}

func (a *app) proxy(ctx context.Context, f proxyFlags, args []string) error {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	o, err := a.proxyOptions(f, args)
	if err != nil {
		return err
	}
	s, err := a.newStation(o)
	if err != nil {
		return err
	}
	if s.page != nil {
		page, err := s.page.Listen()
		if err != nil {
			return bilingual.Errorf("%w; choose another address with --web ADDR, or --web off", "%w\u202f; choisissez une autre adresse avec --web ADRESSE, ou --web off", err)
		}
		s.proxy.KeepOff(portOf(page))
		for _, door := range s.page.Sharing().Addresses {
			s.proxy.KeepOff(portOf(door))
		}
		a.told(s.page, page)
	}
	if err := s.proxy.Listen(); err != nil {
		return errTold // each route has been told in the log
	}
	defer raiseHeap()()
	standBack()
	return s.run(ctx)
}

// localAuthority is the authority that signs for hosts, made if there is none.
func (a *app) localAuthority(dir string, hosts []string) (*ca.Authority, error) {
	auth, err := ca.LoadOrCreate(dir, ca.Options{Hosts: hosts})
	if err != nil {
		return nil, err
	}
	if auth.Created {
		a.logs.Warn(a.say("une autorité locale a été créée\u202f: les clients doivent lui faire confiance pendant la séance, et l’oublier ensuite",
			"a local authority was made: clients must trust it for the session, and forget it afterwards"), "certificate", auth.Show().Path)
	}
	return auth, nil
}

// portOf is the port of the page's URL, 0 if it has none.
func portOf(page string) int {
	u, err := url.Parse(page)
	if err != nil {
		return 0
	}
	port, _ := strconv.Atoi(u.Port())
	return port
}

// recordingName is a file name's word for what is recorded.
func recordingName(routes []proxy.Route) string {
	var names []string
	seen := map[string]bool{}
	for _, r := range routes {
		if n := r.Listen.Scheme; !seen[n] {
			seen[n] = true
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return "socks"
	}
	return strings.Join(names, "-")
}

func (a *app) pageOptions(addr, mode string) *web.Options {
	return &web.Options{Addr: addr, Share: a.share, Mode: mode, Lang: a.lang, Version: version(), Log: a.logs,
		Catalogue: func(lang string) []byte { return notes.Catalogue(notes.Lang(lang)) }}
}

func authorityFacts(auth *ca.Authority) web.CA {
	if auth == nil {
		return web.CA{}
	}
	i := auth.Show()
	return web.CA{Path: i.Path, SHA256: i.SHA256, Steps: trustSteps(auth)}
}
