package cli

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"facteur/decode"
	"facteur/internal/lab"
	"facteur/proxy"
	"facteur/replay"
)

type replaySendFlags struct {
	read               readFlags
	to                 []string
	user, passwordFile string
	upstreamCA, format string
}

func (a *app) replaySendCommand() *cobra.Command {
	var f replaySendFlags
	c := &cobra.Command{
		Use:   "send FILE",
		Short: "Speak the recorded client’s part to a server, and show how the answers differ",
		Long: `Without --to, the server is a practice server that facteur starts for the purpose, and its demonstration accounts log in.
With --to, recorded messages are really sent and recorded changes really made: name a server of your own. Its
certificate is verified. Exit status: 0 the answers are equal, 1 they differ or something failed.`,
		Example: `  facteur replay send session.pcapng
  facteur replay send session.pcapng --session 2 --to imaps://mail.example.org --user alice --password-file -`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.replaySend(c.Context(), f, args[0]) },
	}
	f.read.add(c)
	fl := c.Flags()
	fl.StringArrayVar(&f.to, "to", nil, "server to speak to, as imaps://HOST or imap://HOST?starttls (repeat, one for each protocol; default: a practice server)")
	fl.StringVar(&f.user, "user", "", "user name, in place of the recorded one")
	fl.StringVar(&f.passwordFile, "password-file", "", "file whose first line is the password, or - for standard input")
	fl.StringVar(&f.upstreamCA, "upstream-ca", "", "PEM file with authorities to trust, besides the system's")
	fl.StringVar(&f.format, "format", "text", "text or json")
	return c
}

func (a *app) replaySend(ctx context.Context, f replaySendFlags, file string) error {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if f.format != "text" && f.format != "json" {
		return misuse("--format %s: the formats are text and json", f.format)
	}
	targets, err := sendTargets(&f)
	if err != nil {
		return err
	}
	password, err := a.sendPassword(&f)
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
	target := func(d *replay.Dialogue) (replay.Target, bool) {
		t, ok := targets[d.Protocol]
		return asRecorded(t, d), ok
	}
	if len(f.to) == 0 {
		practice, err := lab.Start(ctx, labLike(all))
		if err != nil {
			return fmt.Errorf("practice server: %w", err)
		}
		defer practice.Close()
		target = func(d *replay.Dialogue) (replay.Target, bool) { return labTarget(practice, d) }
	}
	return a.sendAll(ctx, &f, all, target, password)
}

// sendAll speaks the sessions one after the other.
func (a *app) sendAll(ctx context.Context, f *replaySendFlags, all []*replay.Dialogue, target func(*replay.Dialogue) (replay.Target, bool), password func(string) (string, bool)) error {
	equal, sent := true, 0
	for _, d := range all {
		to, ok := target(d)
		if !ok {
			a.logs.Info(a.say("séance sans serveur nommé par --to\u202f: laissée de côté", "no server named with --to for this session: left out"), "session", d.Session, "protocol", upper(d.Protocol))
			continue
		}
		now, err := replay.Send(ctx, d, replay.SendOptions{Target: to, User: f.user, Password: password})
		if err != nil {
			return fmt.Errorf("%s %d: %w", a.say("séance", "session"), d.Session, err)
		}
		sent++
		rows := replay.Diff(d, now)
		same := replay.Equal(rows)
		equal = equal && same
		if f.format == "json" {
			enc := json.NewEncoder(a.out)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(diffReport{brief(d), brief(now), same, rows}); err != nil {
				return fmt.Errorf("write standard output: %w", err)
			}
		} else {
			a.diffText(a.out, d, now, rows)
		}
	}
	switch {
	case sent == 0:
		return fmt.Errorf("%s", a.say("aucune séance n’a été envoyée\u202f: --to ne nomme aucun serveur du bon protocole", "no session was sent: --to names no server of its protocol"))
	case !equal:
		return errTold
	}
	return nil
}

// labLike is a practice server that offers what the recorded sessions use.
func labLike(all []*replay.Dialogue) lab.Options {
	var o lab.Options
	for _, d := range all {
		for i := range d.Steps {
			s := &d.Steps[i]
			if strings.Contains(s.Line, "SCRAM-") && o.Mechanisms == nil {
				o.Mechanisms = []string{"PLAIN", "LOGIN", "SCRAM-SHA-256"}
			}
			o.Compress = o.Compress || s.Verb == "COMPRESS"
		}
	}
	return o
}

// labTarget is the practice server's door for a session.
func labTarget(practice *lab.Server, d *replay.Dialogue) (replay.Target, bool) {
	door := map[string]string{decode.SMTP: lab.Submission, decode.POP3: lab.POP3, decode.IMAP: lab.IMAP}[d.Protocol]
	if d.Security == replay.ImplicitTLS {
		door = map[string]string{decode.SMTP: lab.SMTPS, decode.POP3: lab.POP3S, decode.IMAP: lab.IMAPS}[d.Protocol]
	} else if d.Protocol == decode.SMTP && !logsIn(d) {
		door = lab.SMTP
	}
	return replay.Target{Addr: practice.Addr(door), TLS: &tls.Config{RootCAs: practice.Pool(), ServerName: lab.ServerName, MinVersion: tls.VersionTLS12}}, door != ""
}

// logsIn says whether an SMTP session is a mail client's: it logs in, or is offered to.
func logsIn(d *replay.Dialogue) bool {
	for i := range d.Steps {
		for _, t := range d.Steps[i].Turns {
			for _, answer := range t.Server {
				if d.Steps[i].Verb == "EHLO" && strings.Contains(string(answer.Octets), "AUTH ") {
					return true
				}
			}
		}
	}
	return false
}

// sendTargets reads --to, by protocol.
func sendTargets(f *replaySendFlags) (map[string]replay.Target, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if f.upstreamCA != "" {
		text, err := os.ReadFile(f.upstreamCA)
		if err != nil {
			return nil, fmt.Errorf("--upstream-ca: %w", err)
		}
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--upstream-ca %s: no certificate in PEM form in it (BEGIN CERTIFICATE)", f.upstreamCA)
		}
	}
	out := map[string]replay.Target{}
	for _, u := range f.to {
		scheme, _, _ := strings.Cut(u, "://")
		r, err := proxy.ParseRoute(scheme + "://127.0.0.1:1=" + u) // a route's upstream is written in the same way
		if err != nil {
			return nil, misuse("--to %s: %v", u, err)
		}
		e := r.Upstream
		t := replay.Target{Addr: e.Addr(), TLS: &tls.Config{RootCAs: roots, ServerName: e.Host, MinVersion: tls.VersionTLS12}}
		switch e.Security {
		case proxy.Implicit:
			t.Security = replay.ImplicitTLS
		case proxy.StartTLS:
			t.Security = replay.StartTLS
		}
		out[e.Protocol] = t
	}
	return out, nil
}

// asRecorded decides what a URL leaves open: what was recorded in implicit TLS goes through STARTTLS, never in clear.
func asRecorded(t replay.Target, d *replay.Dialogue) replay.Target {
	if t.Security == "" && d.Security == replay.ImplicitTLS {
		t.Security = replay.StartTLS
	}
	return t
}

// sendPassword gives passwords: the one in the file, or, for the practice server, those of the demonstration accounts.
func (a *app) sendPassword(f *replaySendFlags) (func(string) (string, bool), error) {
	if f.passwordFile == "" {
		if len(f.to) > 0 {
			return nil, nil
		}
		return func(user string) (string, bool) {
			for _, acc := range lab.Accounts {
				if strings.EqualFold(user, acc.User) || strings.EqualFold(user, acc.Address) {
					return acc.Password, true
				}
			}
			return "", false
		}, nil
	}
	var in io.Reader = a.in
	if f.passwordFile != "-" {
		file, err := os.Open(f.passwordFile)
		if err != nil {
			return nil, fmt.Errorf("--password-file: %w", err)
		}
		defer file.Close()
		in = file
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return nil, fmt.Errorf("--password-file %s: its first line is empty (%v)", f.passwordFile, err)
	}
	return func(string) (string, bool) { return line, true }, nil
}
