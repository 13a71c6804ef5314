package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/internal/lab"
	"facteur/internal/notes"
	"facteur/proxy"
	"facteur/proxy/ca"
)

// sampleBegins is when every sample begins: a Monday morning, for the clocks of the mail and of the recording.
var sampleBegins = time.Date(2026, time.November, 23, 9, 0, 0, 0, time.FixedZone("", 3600))

// samplePace is the pause between two exchanges while a sample is made: more than sessions wait to be looked at, so that
// what one device does and what another hears of it are recorded in this order.
const samplePace = 40 * time.Millisecond

// makeSample plays one of the lab's samples through a proxy and records it.
func (a *app) makeSample(ctx context.Context, p lab.Played, path string) (err error) {
	dir, err := os.MkdirTemp("", "facteur-sample-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	authority, err := lab.NewAuthority(time.Now())
	if err != nil {
		return err
	}
	now := func() time.Time { return sampleBegins }
	practice, err := lab.Start(ctx, lab.Options{Authority: authority, Now: now, Compress: true, Mechanisms: []string{"PLAIN", "LOGIN", "SCRAM-SHA-256"}})
	if err != nil {
		return err
	}
	defer practice.Close()
	ports := map[string]string{}
	for _, service := range lab.Services {
		ports[service] = portOfAddr(practice.Addr(service))
	}
	finished := func() error { return nil }
	if p.Dialogue != nil {
		addr, wait, err := lab.ServeDialogue(ctx, authority, *p.Dialogue, 0)
		if err != nil {
			return err
		}
		ports[p.Service], finished = portOfAddr(addr), wait
	}
	local, err := ca.LoadOrCreate(filepath.Join(dir, "ca"), ca.Options{Hosts: []string{lab.ServerName, "localhost"}, Machine: "facteur.exemple.test"})
	if err != nil {
		return err
	}
	o := stationOptions{mode: proxy.Intercept, authority: local, upstreamCA: authority.Pool()}
	doors := sampleDoors(p)
	for _, service := range doors {
		r, err := proxy.ParseRoute(fmt.Sprintf("%s://127.0.0.1:0=%s://localhost:%s", service, service, ports[service]))
		if err != nil {
			return err
		}
		o.routes = append(o.routes, r)
	}
	if p.Attack != "" {
		attack, err := proxy.ParseAttack(p.Attack)
		if err != nil {
			return err
		}
		o.attacks = append(o.attacks, attack)
	}
	if p.TLS12 {
		o.knobs = [2]proxy.Knobs{{Max: tls.VersionTLS12}, {Max: tls.VersionTLS12}}
	}
	quiet := *a
	quiet.logs = slog.New(slog.DiscardHandler) // what attacks and refusals say is in the recording
	s, err := quiet.newStation(o)
	if err != nil {
		return err
	}
	tape, err := newSampleTape(path, p, ports)
	if err != nil {
		return err
	}
	s.desk.Recorder, s.desk.Comment = tape, tape.comment
	if err := s.proxy.Listen(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	t := lab.Targets{Addrs: map[string]string{}, RootCAs: x509.NewCertPool(), Pace: samplePace, Now: now, Unique: "20261123.1"}
	if !p.Stranger || p.Attack != "" {
		t.RootCAs.AddCert(local.Certificate())
	}
	for i, addr := range s.proxy.Addrs() {
		t.Addrs[doors[i]] = addr.String()
	}
	err = lab.Play(ctx, p.Script, t)
	var refused *tls.CertificateVerificationError
	if p.Stranger && errors.As(err, &refused) {
		err = nil
	} else if p.Stranger && err == nil {
		err = errors.New("the client accepted a certificate that it should refuse")
	}
	err = errors.Join(err, finished())
	s.desk.Wait() // what the network still carries, a reset for one, belongs to the sample
	cancel()
	return errors.Join(err, <-done, tape.End())
}

func portOfAddr(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// sampleDoors are the services that a sample's script opens.
func sampleDoors(p lab.Played) []string {
	var doors []string
	for _, s := range p.Script.Steps {
		if s.Op == lab.OpOpen && !slices.Contains(doors, s.Service) {
			doors = append(doors, s.Service)
		}
	}
	return doors
}

// sampleTape records a sample with addresses of the documentation ranges (RFC 5737) and times that do not depend on the
// machine that makes it: what is exchanged is as it was.
type sampleTape struct {
	*captures.Writer
	ports map[string]string // of the servers, by service

	mu    sync.Mutex
	clock time.Time
	from  decode.Side // who spoke last on a client leg
	names map[string]string
	seen  map[netip.Addr]int
}

// The parties of the samples.
const (
	sampleClient  = "192.0.2.17"    // the mail client's machine
	sampleFacteur = "192.0.2.1"     // facteur's
	sampleServer  = "198.51.100.25" // the mail server's
)

func newSampleTape(path string, p lab.Played, ports map[string]string) (*sampleTape, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	w, err := captures.Create(path, captures.WriterOptions{Application: "facteur", Title: p.Script.ID, ID: "sample " + p.Script.ID,
		Comment: "a sample of facteur's: practice accounts, addresses and times set, secrets masked"})
	if err != nil {
		return nil, err
	}
	return &sampleTape{Writer: w, ports: ports, clock: sampleBegins.UTC(), from: decode.Server, names: map[string]string{}, seen: map[netip.Addr]int{}}, nil
}

// How long things take in a sample: about as on a home's line, with a person's program that takes its time.
const (
	sampleThinks  = 180 * time.Millisecond // a client, before its next command
	sampleAnswers = 12 * time.Millisecond  // a server
	samplePasses  = 150 * time.Microsecond // facteur, and everything else
)

// now moves the clock on for what comes next.
func (t *sampleTape) now(c *decode.Chunk) time.Time {
	handshake := len(c.Data) > 0 && (c.Data[0] == 0x14 || c.Data[0] == 0x16) // change_cipher_spec, handshake
	switch {
	case len(c.Data) == 0:
		t.clock = t.clock.Add(samplePasses)
	case c.Leg == decode.ClientLeg && c.From == decode.Client && t.from == decode.Server && !handshake:
		t.clock = t.clock.Add(sampleThinks)
	case c.Leg == decode.ServerLeg && c.From == decode.Server, handshake && c.From == decode.Client:
		t.clock = t.clock.Add(sampleAnswers)
	default:
		t.clock = t.clock.Add(samplePasses)
	}
	if c.Leg == decode.ClientLeg && len(c.Data) > 0 {
		t.from = c.From
	}
	return t.clock
}

// address gives an end of a leg the address of its part.
func (t *sampleTape) address(leg decode.Leg, side decode.Side, real string) string {
	if known := t.names[real]; known != "" {
		return known
	}
	host, registered := sampleFacteur, false
	if side == decode.Server {
		registered = true
		if leg == decode.ServerLeg {
			host = sampleServer
		}
	} else if leg == decode.ClientLeg {
		host = sampleClient
	}
	ip := netip.MustParseAddr(host)
	port := uint16(0)
	if !registered {
		port = uint16(50001 + t.seen[ip])
		t.seen[ip]++
	}
	name := netip.AddrPortFrom(ip, port).String()
	t.names[real] = name
	return name
}

// Open begins a leg.
func (t *sampleTape) Open(i captures.Info, m captures.Meta) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	m.Route = t.route(m.Route)
	port := registeredPort(m.Route)
	m.Client = t.address(i.Leg, decode.Client, m.Client)
	m.Server = withPort(t.address(i.Leg, decode.Server, fmt.Sprint(i.Leg, m.Server)), port)
	i.Client, _ = netip.ParseAddrPort(m.Client)
	i.Server, _ = netip.ParseAddrPort(m.Server)
	i.Time = t.clock
	return t.Writer.Open(i, m)
}

// Chunk records a chunk at the sample's own time.
func (t *sampleTape) Chunk(session int, c decode.Chunk, comment string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.Time = t.now(&c)
	if c.Told != nil {
		c.Told = t.told(c.Leg, c.Told)
	}
	return t.Writer.Chunk(session, c, comment)
}

// told puts the sample's addresses into what the proxy tells.
func (t *sampleTape) told(leg decode.Leg, told *decode.Told) *decode.Told {
	out := &decode.Told{Kind: told.Kind, Fields: slices.Clone(told.Fields)}
	route := ""
	for i := range out.Fields {
		if f := &out.Fields[i]; f.Name == "route" {
			f.Value = t.route(f.Value)
			route = f.Value
		}
	}
	for i := range out.Fields {
		f := &out.Fields[i]
		switch {
		case f.Name == "client" && told.Kind == "session.open":
			f.Value = t.address(leg, decode.Client, f.Value)
		case f.Name == "server" && told.Kind == "session.open":
			f.Value = withPort(t.address(leg, decode.Server, fmt.Sprint(leg, f.Value)), registeredPort(route))
		case f.Name == "filename":
			f.Value = "ca.pem"
		case f.Name == "upstream" || f.Name == "server":
			f.Value = t.upstream(f.Value)
		}
	}
	return out
}

// comment is what a sample says of an event in its packet comment: the sentence in both languages, with the sample's
// addresses.
func (t *sampleTape) comment(e *decode.Event) string {
	if len(e.Notes) == 0 || e.Kind == "tls.record" || strings.Contains(e.Kind, ".data.") || strings.HasPrefix(e.Kind, "message.") {
		return ""
	}
	if strings.HasPrefix(e.Kind, "session.") {
		t.mu.Lock()
		defer t.mu.Unlock()
		own := *e
		own.Fields = t.told(e.Leg, &decode.Told{Kind: e.Kind, Fields: e.Fields}).Fields
		e = &own
	}
	return "fr: " + explain(notes.French, e, &e.Notes[0]) + "\nen: " + explain(notes.English, e, &e.Notes[0])
}

// route gives a route with the sample's names and no ports but the registered ones.
func (t *sampleTape) route(s string) string {
	scheme, _, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	return scheme + "://" + sampleFacteur + "=" + scheme + "://" + lab.ServerName
}

// upstream gives a server's URL or address in the same way.
func (t *sampleTape) upstream(s string) string {
	for _, port := range t.ports {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "localhost:"+port, lab.ServerName), "127.0.0.1:"+port, sampleServer)
	}
	return s
}

// registeredPort is the registered port of a route's scheme.
func registeredPort(route string) uint16 {
	scheme, _, _ := strings.Cut(route, "://")
	return map[string]uint16{lab.SMTP: 25, lab.Submission: 587, lab.SMTPS: 465, lab.POP3: 110, lab.POP3S: 995, lab.IMAP: 143, lab.IMAPS: 993,
		lab.LMTP: 24, lab.Sieve: 4190}[scheme]
}

func withPort(addr string, port uint16) string {
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return addr
	}
	return netip.AddrPortFrom(a.Addr(), port).String()
}

// rebuildSamples makes all samples, or those named.
func (a *app) rebuildSamples(ctx context.Context, dir string, only []string) error {
	made, size := 0, int64(0)
	for _, p := range lab.Samples() {
		if id := p.Script.ID; len(only) == 0 || slices.Contains(only, id) {
			path := filepath.Join(dir, id+".pcapng")
			if err := a.makeSample(ctx, p, path); err != nil {
				return fmt.Errorf("sample %s: %w", id, err)
			}
			st, err := os.Stat(path)
			if err != nil {
				return err
			}
			made, size = made+1, size+st.Size()
		}
	}
	fmt.Fprintf(a.out, a.say("%d exemples, %d octets\n", "%d samples, %d octets\n"), made, size)
	return nil
}
