package cli

import (
	"net"
	"strings"
	"testing"

	xproxy "golang.org/x/net/proxy"

	"facteur/captures"
	"facteur/decode/tlswire"
	"facteur/internal/lab"
	"facteur/internal/watch"
	"facteur/proxy"
)

// Mail on a port of no registration is found by its first octets, what is no mail is listed as such, and the recording
// gives the same events.
func TestSocksIsDecoded(t *testing.T) {
	p := startPracticeWith(t, proxy.Intercept, func(o *stationOptions) { o.socks = "127.0.0.1:0" })
	door := p.proxy.Addrs()[len(demoPorts)].String()
	d, err := xproxy.SOCKS5("tcp", door, nil, xproxy.Direct)
	if err != nil {
		t.Fatal(err)
	}
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer web.Close()
	go func() {
		if c, err := web.Accept(); err == nil {
			c.Read(make([]byte, 100))
			c.Write([]byte("HTTP/1.1 204 No Content\r\n\r\n"))
			c.Close()
		}
	}()
	for addr, words := range map[string]string{p.server.Addr(lab.IMAP): "a LOGOUT\r\n", web.Addr().String(): "GET / HTTP/1.1\r\n\r\n"} {
		c, err := d.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte(words))
		for room := make([]byte, 512); err == nil; {
			_, err = c.Read(room)
		}
		c.Close()
	}
	p.stop()
	all := string(lines(p.show.events))
	for _, w := range []string{`"id":"session.door.not_mail"`, `"kind":"session.detect","fields":{"protocol":"imap"`, `"name":"LOGOUT"`, `"protocol":"unknown"`} {
		if !strings.Contains(all, w) {
			t.Errorf("no %s among the events:\n%s", w, all)
		}
	}
	again := &collected{}
	if err := captures.ReadFile(p.recording(t), &watch.File{Show: again, Keys: new(tlswire.KeyLog)}); err != nil {
		t.Fatal(err)
	}
	for id, live := range p.show.events {
		if strings.Join(live, "\n") != strings.Join(again.events[id], "\n") {
			t.Errorf("session %d: live and replay differ\n%s", id, firstDifference(live, again.events[id]))
		}
	}
}
