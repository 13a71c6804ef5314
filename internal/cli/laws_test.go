package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
	"facteur/internal/lab"
	"facteur/internal/watch"
	"facteur/proxy"
	"facteur/proxy/ca"
	"facteur/web"
)

// tape collects what a viewer would get: events as JSON, and octets.
type collected struct {
	mu     sync.Mutex
	events map[int][]string
	octets bytes.Buffer
}

func (c *collected) Publish(session int, events []decode.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.events == nil {
		c.events = map[int][]string{}
	}
	for i := range events {
		c.events[session] = append(c.events[session], string(decode.AppendJSON(nil, session, &events[i])))
	}
}

func (c *collected) Octets(_ int, _ decode.Leg, _ decode.Side, _ decode.Layer, _ int64, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.octets.Write(data)
}

func (c *collected) Flush() error { return nil }

// practice is a practice server behind a station, all in this process.
type practice struct {
	*station
	show    *collected
	server  *lab.Server
	targets lab.Targets
	dir     string
	stop    func()
	log     *lockedBuffer // loggers with attributes of their own do not wait for each other
}

func startPractice(t *testing.T, mode proxy.Mode, keep bool) *practice {
	t.Helper()
	return startPracticeWith(t, mode, func(o *stationOptions) { o.keepSecrets = keep })
}

// startPracticeWith lets change adjust the station.
func startPracticeWith(t *testing.T, mode proxy.Mode, change func(*stationOptions)) *practice {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	server, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := &practice{show: &collected{}, dir: t.TempDir(), log: new(lockedBuffer)}
	a := &app{in: strings.NewReader(""), out: io.Discard, err: p.log, lang: "fr"}
	a.logs = a.logger()
	auth, err := ca.LoadOrCreate(filepath.Join(p.dir, "ca"), ca.Options{Hosts: []string{lab.ServerName, "localhost"}})
	if err != nil {
		t.Fatal(err)
	}
	var routes []proxy.Route
	for _, d := range demoPorts {
		_, port, _ := net.SplitHostPort(server.Addr(d.service))
		r, err := proxy.ParseRoute(fmt.Sprintf("%s://127.0.0.1:0=%s://localhost:%s", d.scheme, d.scheme, port))
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, r)
	}
	page := web.Options{Addr: "127.0.0.1:0", Lang: "fr", Log: a.logs}
	o := stationOptions{routes: routes, mode: mode, authority: auth, upstreamCA: server.Pool(),
		record: filepath.Join(p.dir, "rec"), name: "test", page: &page, term: p.show}
	change(&o)
	p.server = server
	p.station, err = a.newStation(o)
	if err != nil {
		t.Fatal(err)
	}
	p.desk.Show = both{p.station, p.show}
	if err := p.proxy.Listen(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.page.Listen(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the station ended with %v", err)
		}
		server.Close()
	})
	t.Cleanup(p.stop)
	p.targets = lab.Targets{Addrs: map[string]string{}, RootCAs: x509.NewCertPool()}
	if mode == proxy.Passthrough {
		p.targets.RootCAs = server.Pool()
	} else {
		p.targets.RootCAs.AddCert(auth.Certificate())
	}
	addrs := p.proxy.Addrs()
	for i, d := range demoPorts {
		p.targets.Addrs[d.service] = addrs[i].String()
	}
	return p
}

// both shows octets to the test as well.
type both struct {
	*station
	c *collected
}

func (b both) Octets(session int, leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
	b.station.Octets(session, leg, from, layer, at, data)
	b.c.Octets(session, leg, from, layer, at, data)
}

// recording gives the run's only recording.
func (p *practice) recording(t *testing.T) string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(p.dir, "rec", "*.pcapng"))
	if len(files) != 1 {
		t.Fatalf("%d recordings, want 1", len(files))
	}
	return files[0]
}

// startReturning is a practice whose clients resume their sessions, in this version of TLS at most; wantResumed says afterwards
// whether they did, by either leg.
func startReturning(t *testing.T, version uint16) *practice {
	t.Helper()
	p := startPracticeWith(t, proxy.Intercept, func(o *stationOptions) {
		o.knobs = [2]proxy.Knobs{{Max: version}, {Max: version}}
	})
	p.targets.Sessions = tls.NewLRUClientSessionCache(8)
	return p
}

func (p *practice) wantResumed(t *testing.T) {
	t.Helper()
	for _, leg := range []string{"client", "server"} {
		found := false
		for _, line := range strings.Split(string(lines(p.show.events)), "\n") {
			found = found || strings.Contains(line, `"leg":"`+leg+`"`) && strings.Contains(line, `"resumed":"`)
		}
		if !found {
			t.Errorf("no session of a %s leg was resumed", leg)
		}
	}
}

// Law 4: the events of a live session equal those of its recording, for every script of the practice server, in both
// modes, masked and unmasked, and where sessions of TLS are resumed.
func TestLiveEqualsReplay(t *testing.T) {
	for _, v := range []struct {
		name    string
		mode    proxy.Mode
		keep    bool
		resumed uint16
	}{{"intercept", proxy.Intercept, false, 0}, {"passthrough", proxy.Passthrough, false, 0}, {"keep-secrets", proxy.Intercept, true, 0},
		{"resumed", proxy.Intercept, false, tls.VersionTLS13}, {"resumed, TLS 1.2", proxy.Intercept, false, tls.VersionTLS12}} {
		t.Run(v.name, func(t *testing.T) {
			var p *practice
			if v.resumed != 0 {
				p = startReturning(t, v.resumed)
			} else {
				p = startPractice(t, v.mode, v.keep)
			}
			for _, s := range lab.Scripts() {
				if err := lab.Play(t.Context(), s, p.targets); err != nil {
					t.Fatalf("%s: %v\n%s", s.ID, err, p.log)
				}
			}
			p.stop()
			if v.resumed != 0 {
				p.wantResumed(t)
			}
			again := &collected{}
			if err := captures.ReadFile(p.recording(t), &watch.File{Show: again, Keys: new(tlswire.KeyLog), ShowSecrets: v.keep}); err != nil {
				t.Fatal(err)
			}
			if len(p.show.events) < len(lab.Scripts()) || len(again.events) != len(p.show.events) {
				t.Fatalf("%d sessions live, %d recorded, %d scripts", len(p.show.events), len(again.events), len(lab.Scripts()))
			}
			n := 0
			for id, live := range p.show.events {
				recorded := again.events[id]
				for i := range min(len(live), len(recorded)) {
					if live[i] != recorded[i] {
						t.Fatalf("session %d, event %d\n live   %s\n replay %s", id, i+1, live[i], recorded[i])
					}
				}
				if len(live) != len(recorded) {
					t.Fatalf("session %d: %d events live, %d replayed", id, len(live), len(recorded))
				}
				n += len(live)
			}
			t.Logf("%d events of %d sessions are the same", n, len(again.events))
		})
	}
}

// A demonstration password is in no recording, log, event or octet that a viewer gets, in any encoding it could hide in.
func TestNoCanaryAnywhere(t *testing.T) { noCanary(t, startPractice(t, proxy.Intercept, false)) }

// Nor is one that was said in a session of TLS 1.2 that was resumed: the secret of the session before, which is in the
// recording, opens it.
func TestNoCanaryInResumedSessions(t *testing.T) {
	p := startReturning(t, tls.VersionTLS12)
	noCanary(t, p)
	p.wantResumed(t)
}

func noCanary(t *testing.T, p *practice) {
	t.Helper()
	for _, s := range lab.Scripts() {
		if err := lab.Play(t.Context(), s, p.targets); err != nil {
			t.Fatalf("%s: %v", s.ID, err)
		}
	}
	p.stop()
	file, err := os.ReadFile(p.recording(t))
	if err != nil {
		t.Fatal(err)
	}
	opened := &collected{}
	sink := &watch.File{Show: opened, Keys: new(tlswire.KeyLog), ShowSecrets: true, Octets: true}
	if err := captures.ReadFile(p.recording(t), sink); err != nil {
		t.Fatal(err)
	}
	places := map[string][]byte{
		"the recording": file, "the log": []byte(p.log.String()), "the events": lines(p.show.events), "the viewers' octets": p.show.octets.Bytes(),
		"the recording, its TLS opened": opened.octets.Bytes(), "the recording's events": lines(opened.events),
	}
	for _, account := range lab.Accounts {
		for how, form := range disguises(account.Password) {
			for where, data := range places {
				if bytes.Contains(data, form) {
					t.Errorf("the password of %s is in %s (%s)", account.User, where, how)
				}
			}
		}
	}
}

func lines(events map[int][]string) []byte {
	var b bytes.Buffer
	for _, evs := range events {
		b.WriteString(strings.Join(evs, "\n"))
	}
	return b.Bytes()
}

// disguises are the forms in which a secret could slip through.
func disguises(secret string) map[string][]byte {
	out := map[string][]byte{"raw": []byte(secret), "hex": []byte(hex.EncodeToString([]byte(secret)))}
	for shift := range 3 {
		enc := base64.StdEncoding.EncodeToString(append(bytes.Repeat([]byte{0}, shift), secret...))
		from := []int{0, 2, 3}[shift] // characters that the octets before it have a part in
		to := (len(secret) + shift) / 3 * 4
		out[fmt.Sprintf("base64 at %d", shift)] = []byte(enc[from:to])
	}
	var wide []byte
	for _, c := range []byte(secret) {
		wide = append(wide, c, 0)
	}
	out["UTF-16"] = wide
	return out
}

// The disguises are found where they are.
func TestDisguisesAreRecognised(t *testing.T) {
	for shift := range 3 {
		hay := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + "timbre-rose" + "yz"))
		found := false
		for _, form := range disguises("timbre-rose") {
			found = found || strings.Contains(hay, string(form))
		}
		if !found {
			t.Errorf("a secret at offset %d of base64 is not found", shift)
		}
	}
}
