package lab

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"facteur/decode"
	"facteur/decode/tlswire"
)

// tap listens in on the way to one server: a proxy that only copies.
type tap struct {
	mu     sync.Mutex
	chunks map[int][]decode.Chunk // by connection
	doors  map[int]string         // the service of each
	wg     sync.WaitGroup
}

// door opens a listener in front of a service and gives its address; it closes with the test.
func (p *tap) door(t *testing.T, service, upstream string) (address string, shut func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p.wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", upstream)
			if err != nil {
				_ = client.Close()
				continue
			}
			p.mu.Lock()
			id := len(p.doors)
			p.doors[id] = service
			p.mu.Unlock()
			p.wg.Go(func() { p.copy(id, decode.Client, server, client) })
			p.wg.Go(func() { p.copy(id, decode.Server, client, server) })
		}
	})
	return l.Addr().String(), func() { _ = l.Close() }
}

func (p *tap) copy(id int, from decode.Side, to io.WriteCloser, source io.Reader) {
	b := make([]byte, 32<<10)
	for {
		n, err := source.Read(b)
		if n > 0 {
			p.mu.Lock()
			p.chunks[id] = append(p.chunks[id], decode.Chunk{Time: time.Now(), From: from, Data: append([]byte(nil), b[:n]...)})
			p.mu.Unlock()
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

// protocolOf gives a service's protocol and whether it is in TLS from the first octet.
func protocolOf(service string) (protocol string, implicit bool) {
	switch service {
	case POP3, POP3S:
		return decode.POP3, service == POP3S
	case IMAP, IMAPS:
		return decode.IMAP, service == IMAPS
	}
	return decode.SMTP, service == SMTPS
}

// Both halves of every script must be good protocol: decoded, in clear, through STARTTLS, in implicit TLS and compressed,
// there is no violation, no gap and nothing that stays opaque. The trap body must not lead the decoder astray.
func TestScriptsDecodeCleanly(t *testing.T) {
	s := start(t, Options{Compress: true, Mechanisms: knownMechanisms})
	for _, script := range append(Scripts(), OptionalScripts()...) {
		t.Run(script.ID, func(t *testing.T) {
			var keys tlswire.KeyLog
			p := &tap{chunks: make(map[int][]decode.Chunk), doors: make(map[int]string)}
			targets := s.Targets()
			targets.KeyLog = &keys
			var shut []func()
			for service, upstream := range targets.Addrs {
				address, end := p.door(t, service, upstream)
				targets.Addrs[service] = address
				shut = append(shut, end)
			}
			err := Play(t.Context(), script, targets)
			for _, end := range shut {
				end()
			}
			p.wg.Wait()
			must(t, err)
			for id, chunks := range p.chunks {
				checkDecoded(t, p.doors[id], chunks, &keys)
			}
		})
	}
}

// checkDecoded decodes one connection and complains about what should not be there.
func checkDecoded(t *testing.T, service string, chunks []decode.Chunk, keys *tlswire.KeyLog) {
	t.Helper()
	o := decode.Options{Secrets: keys}
	o.Protocol, o.Implicit[decode.ClientLeg] = protocolOf(service)
	d := decode.New(o)
	commands := 0
	check := func(events []decode.Event) {
		for _, e := range events {
			switch e.Kind {
			case "session.violation", "session.opaque", "session.gap", "session.error", "session.incomplete":
				t.Errorf("%s: %s from the %v: %v", service, e.Kind, e.From, e.Fields)
			case "smtp.command", "pop3.command", "imap.command":
				commands++
			}
		}
	}
	for _, c := range chunks {
		check(d.Feed(c))
	}
	check(d.Close(time.Now()))
	if commands < 2 {
		t.Errorf("%s: only %d commands were decoded", service, commands)
	}
}
