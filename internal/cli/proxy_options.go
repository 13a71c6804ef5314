package cli

import (
	"net"
	"strings"

	"facteur/internal/bilingual"
	"facteur/proxy"
	"facteur/web"
)

// proxyOptions makes a station's options of the flags. The authority comes last of what may be wrong: it is a thing to be
// rid of again.
func (a *app) proxyOptions(f proxyFlags, args []string) (o stationOptions, err error) {
	o.noRewrite, o.limits, o.keepSecrets = f.noRewrite, f.limits, f.keepSecrets
	o.socks, o.transparent = f.socks, f.transparent
	o.record, o.title = f.record, f.title
	routes := func(f *proxyFlags, o *stationOptions) error { return a.routeOptions(f, o, args) }
	for _, part := range []func(*proxyFlags, *stationOptions) error{
		a.attackOptions, a.tlsOptions, routes, a.trustOptions, a.recordOptions, a.terminalOptions, a.authorityOptions,
	} {
		if err := part(&f, &o); err != nil {
			return o, err
		}
	}
	if f.web != "off" {
		o.page = a.pageOptions(f.web, "live")
		o.page.CA, o.page.Lab = authorityFacts(o.authority), f.lab
		o.page.Recording = web.Recording{Dir: f.record, On: f.record != "off"}
		o.page.Connect = a.connectLines(o.routes, o.authority)
	}
	return o, nil
}

// attackOptions are what the lab does to clients.
func (a *app) attackOptions(f *proxyFlags, o *stationOptions) error {
	if err := f.limits.check(); err != nil {
		return err
	}
	if f.tls == "strip" { // the downgrade attack, under its old name
		f.tls, f.lab = proxy.Intercept.String(), append([]string{proxy.StripStartTLS}, f.lab...)
	}
	for _, name := range f.lab {
		attack, err := proxy.ParseAttack(name)
		if err != nil {
			return usageError{bilingual.Errorf("--lab %s: %w", "--lab %s\u202f: %w", name, err)}
		}
		o.attacks = append(o.attacks, attack)
	}
	if len(o.attacks) > 0 {
		a.logs.Warn(a.say("LEÇON\u202f: facteur attaque lui-même ces séances", "LESSON: facteur itself attacks these sessions"), "lab", strings.Join(f.lab, " "))
	}
	return nil
}

// tlsOptions are the mode and the knobs of TLS for the whole run.
func (a *app) tlsOptions(f *proxyFlags, o *stationOptions) (err error) {
	if o.mode, err = proxy.ParseMode(f.tls); err != nil {
		return usageError{bilingual.Errorf("--tls %s: %w", "--tls %s\u202f: %w", f.tls, err)}
	}
	for _, v := range []struct {
		flag, value string
		to          *uint16
	}{{"--tls-min", f.tlsMin, &f.knobs.Min}, {"--tls-max", f.tlsMax, &f.knobs.Max}} {
		if v.value == "" {
			continue
		}
		if *v.to, err = proxy.ParseVersion(v.value); err != nil {
			return usageError{bilingual.Errorf("%s: %w", "%s\u202f: %w", v.flag, err)}
		}
	}
	o.knobs = [2]proxy.Knobs{f.knobs, f.knobs}
	return nil
}

// routeOptions are the routes and the doors.
func (a *app) routeOptions(f *proxyFlags, o *stationOptions, args []string) error {
	if len(args) == 0 && f.socks == "" && f.transparent == "" {
		return misuse("%s", a.say("il manque un argument\u202f: une ROUTE, --socks ADRESSE ou --transparent ADRESSE\nvoir\u202f: facteur proxy --help",
			"an argument is missing: a ROUTE, --socks ADDR or --transparent ADDR\nsee: facteur proxy --help"))
	}
	for _, arg := range args {
		r, err := proxy.ParseRoute(arg)
		if err != nil {
			return usageError{err}
		}
		if len(o.attacks) > 0 {
			if err := proxy.MayAttack(r); err != nil {
				return usageError{err}
			}
		}
		o.routes = append(o.routes, r)
	}
	for _, door := range [][2]string{{"--socks", f.socks}, {"--transparent", f.transparent}} {
		if host, _, err := net.SplitHostPort(door[1]); err == nil && host != "" && host != "localhost" && !net.ParseIP(host).IsLoopback() {
			a.logs.Warn(a.say("cette porte est ouverte au réseau\u202f: qui l’atteint passe par cette machine", "this door is open to the network: whoever reaches it goes through this machine"), door[0], door[1])
		}
	}
	return nil
}

// trustOptions are the authorities of mail servers and the key logs of clients.
func (a *app) trustOptions(f *proxyFlags, o *stationOptions) (err error) {
	if f.upstreamCA != "" {
		if o.upstreamCA, err = certificatePool(f.upstreamCA); err != nil {
			return err
		}
		o.systemCA = true
	}
	if len(f.keylog) > 0 {
		o.keys, err = newFollowedKeys(f.keylog, a.logs, a.lang)
	}
	return err
}

// recordOptions are what is kept.
func (a *app) recordOptions(f *proxyFlags, o *stationOptions) (err error) {
	if err := a.mayShare("--keep-secrets", f.keepSecrets); err != nil {
		return err
	}
	o.name = recordingName(o.routes)
	if o.rotate, err = parseRotation(f.rotate); err != nil {
		return usageError{bilingual.Errorf("--rotate %s: %w", "--rotate %s\u202f: %w", f.rotate, err)}
	}
	return nil
}

// authorityOptions is the authority, if any route or door needs it.
func (a *app) authorityOptions(f *proxyFlags, o *stationOptions) (err error) {
	if err := proxy.Check(o.relay()); err != nil {
		return err
	}
	intercepts := o.mode == proxy.Intercept && len(o.routes) == 0
	var hosts []string
	for _, r := range o.routes {
		hosts = append(hosts, r.Upstream.Host, r.Listen.Host)
		intercepts = intercepts || r.TLS == proxy.Intercept || r.TLS == proxy.Inherit && o.mode == proxy.Intercept
	}
	if intercepts {
		o.authority, err = a.localAuthority(f.caDir, hosts)
	}
	return err
}

// terminalOptions are the transcript on the terminal: wanted, or where there is no page.
func (a *app) terminalOptions(f *proxyFlags, o *stationOptions) error {
	format := f.format
	if format == "" && f.web == "off" && isTerminal(a.out) {
		format = "text"
	}
	if format == "" {
		return nil
	}
	term, err := a.printerFor(format)
	if err != nil {
		return err
	}
	o.term, o.reader = term, a.unhurry(term)
	return nil
}
