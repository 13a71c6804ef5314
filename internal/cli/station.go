package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/internal/bilingual"
	"facteur/internal/notes"
	"facteur/internal/watch"
	"facteur/proxy"
	"facteur/proxy/ca"
	"facteur/web"
)

// station is a proxy at work, with all that watches it: the page, the terminal, the recording.
type station struct {
	a      *app
	proxy  *proxy.Server
	mode   proxy.Mode // of routes that do not say
	desk   *watch.Desk
	page   *web.Server   // nil without a page
	term   printer       // nil without a transcript on the terminal
	reader *unhurried    // through which term writes; nil if it may wait
	tape   *recording    // nil without a recording
	keys   *followedKeys // nil without
	shelf  *archive      // what the page may open; nil without a page

	mu       sync.Mutex
	routes   []web.RouteStatus
	printing bool // print will be called
}

// stationOptions say what a station is made of.
type stationOptions struct {
	routes       []proxy.Route
	mode         proxy.Mode
	authority    *ca.Authority
	upstreamCA   *x509.CertPool
	systemCA     bool
	noRewrite    bool
	limits       limits // zero: the proxy's own choice
	attacks      []proxy.Attack
	knobs        [2]proxy.Knobs // TLS of the client leg and of the server leg, where a route does not say
	socks        string         // address of the SOCKS5 door, "" for none
	transparent  string         // address of the transparent door, "" for none
	record, name string         // folder and a word for the file names; record "" or off: no recording
	title        string         // of the recordings, for people; "" for name
	rotate       rotation
	keepSecrets  bool
	keys         *followedKeys // the clients' own key logs; nil without
	page         *web.Options  // nil: no page
	term         printer
	reader       *unhurried // of term; nil if its writes may wait
}

func (a *app) newStation(o stationOptions) (*station, error) {
	s := &station{a: a, term: o.term, reader: o.reader, mode: o.mode}
	s.desk = &watch.Desk{Show: s, Octets: o.page != nil, Passing: o.page == nil, Log: a.logs, Keep: o.keepSecrets, Comment: a.comment,
		Lang: a.lang, Sentence: sentence, Backlog: int64(o.limits.backlog)}
	if s.keys = o.keys; s.keys != nil {
		s.desk.Keys = s.keys
	}
	if o.record != "" && o.record != "off" {
		tape, err := a.startRecording(o)
		if err != nil {
			return nil, err
		}
		s.tape, s.desk.Recorder = tape, tape
	}
	if o.page != nil {
		s.shelf = a.newArchive(o.record)
		o.page.Archive, o.page.Library = s.shelf, s.shelf.library()
		if s.tape != nil {
			o.page.RecordingOf = s.tape.fileOf
		}
		s.page = web.New(*o.page)
	}
	c := o.relay()
	c.Log, c.Lang, c.Sentence, c.Observe, c.OnRoute = a.logs, a.lang, sentence, s.observe, s.onRoute
	p, err := proxy.New(c)
	if err != nil {
		return nil, err
	}
	s.proxy = p
	return s, nil
}

// relay is what the options say of the proxy.
func (o *stationOptions) relay() proxy.Config {
	return proxy.Config{
		Routes: o.routes, Attacks: o.attacks, ClientTLS: o.knobs[0], ServerTLS: o.knobs[1], Socks: o.socks, Transparent: o.transparent, Mode: o.mode,
		Authority: o.authority, UpstreamCA: o.upstreamCA, SystemCA: o.systemCA, NoRewrite: o.noRewrite,
		MaxSessions: o.limits.sessions, GreetingTime: o.limits.greeting, DialTimeout: o.limits.dial, HandshakeTimeout: o.limits.handshake,
	}
}

// run serves until ctx is done; the recording is whole when it returns.
func (s *station) run(ctx context.Context) error {
	var page sync.WaitGroup
	var pageErr error
	pageCtx, stopPage := context.WithCancel(context.WithoutCancel(ctx))
	defer stopPage()
	if s.page != nil {
		page.Go(func() { pageErr = s.page.Serve(pageCtx) })
	}
	if s.keys != nil {
		page.Go(func() { s.keys.follow(pageCtx, s.desk.KeysChanged) })
	}
	err := s.proxy.Serve(ctx)
	s.desk.Wait()
	if e := s.tape.end(); e != nil {
		err = errors.Join(err, bilingual.Errorf("close the recording: %w", "fermeture de l’enregistrement\u202f: %w", e))
	}
	if s.term != nil {
		s.print()
	}
	if s.reader != nil {
		s.reader.drain()
	}
	stopPage()
	page.Wait()
	if s.shelf != nil {
		pageErr = errors.Join(pageErr, s.shelf.close())
	}
	return errors.Join(err, pageErr)
}

// observe begins to follow a session.
func (s *station) observe(i proxy.SessionInfo) proxy.Observer {
	st := watch.Start{ID: i.ID, Protocol: i.Route.Listen.Protocol, Route: i.Route.String(), Time: i.Opened}
	st.Implicit[decode.ClientLeg] = i.Route.Listen.Security == proxy.Implicit
	st.Implicit[decode.ServerLeg] = i.Route.Upstream.Security == proxy.Implicit
	if i.Client != nil {
		st.Client, _ = netip.ParseAddrPort(i.Client.String())
	}
	return s.desk.Open(st)
}

// modeOf is how a route treats TLS: as it says itself, or as the run does.
func (s *station) modeOf(r proxy.Route) proxy.Mode {
	switch {
	case r.TLS != proxy.Inherit:
		return r.TLS
	case s.mode == proxy.Inherit:
		return proxy.Intercept
	}
	return s.mode
}

func (s *station) onRoute(r proxy.RouteStatus) {
	st := web.RouteStatus{Listen: r.Route.Listen.String(), Upstream: r.Route.Upstream.String(), Protocol: r.Route.Listen.Protocol,
		TLS: s.modeOf(r.Route).String(), State: "listening"}
	if r.Err != nil {
		st.State, st.Error = "failed", r.Err.Error()
	} else {
		s.a.logs.Info("listening", "route", r.Route.String(), "addr", r.Addr.String())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.routes = append(s.routes, st)
	if s.page != nil {
		s.page.Hub().Routes(s.routes)
	}
}

// Publish shows events on the page and on the terminal.
func (s *station) Publish(session int, events []decode.Event) {
	if s.page != nil {
		s.page.Hub().Publish(session, events)
	}
	if s.term != nil {
		s.mu.Lock()
		s.term.Publish(session, events)
		if !s.printing {
			s.printing = true
			time.AfterFunc(printEvery, s.print)
		}
		s.mu.Unlock()
	}
}

// printEvery is how long lines for the terminal may wait to be written together: at once, to an eye.
const printEvery = 20 * time.Millisecond

// print writes what is collected for the terminal.
func (s *station) print() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.printing = false
	s.term.Flush()
}

// Octets shows octets on the page.
func (s *station) Octets(session int, leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
	if s.page != nil {
		s.page.Hub().Octets(session, leg, from, layer, at, data)
	}
}

// comment is what a recording says of an event in its packet comment: the explanation of what was said. What a message
// consists of is left to who decodes the recording.
func (a *app) comment(e *decode.Event) string {
	if len(e.Notes) == 0 || e.Kind == "tls.record" || strings.Contains(e.Kind, ".data.") || strings.HasPrefix(e.Kind, "message.") {
		return ""
	}
	return explain(notes.Lang(a.lang), e, &e.Notes[0])
}

// certificatePool reads authorities from a PEM file.
func certificatePool(name string) (*x509.CertPool, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, bilingual.Errorf("--upstream-ca: %w", "--upstream-ca\u202f: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, bilingual.Errorf("--upstream-ca %s: no certificate in PEM form in it (BEGIN CERTIFICATE)", "--upstream-ca %s\u202f: aucun certificat au format PEM n’y est (BEGIN CERTIFICATE)", name)
	}
	return pool, nil
}

var _ watch.Recorder = (*captures.Writer)(nil)
