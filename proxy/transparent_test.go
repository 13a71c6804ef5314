package proxy

import (
	"strings"
	"testing"
)

// A client that comes to the transparent door itself, without being redirected, wanted to go nowhere: it is turned away,
// and the log says why.
func TestTransparentNotRedirected(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Transparent = "127.0.0.1:0" })
	k := newTalk(t, r.dial())
	k.eof()
	if !strings.Contains(r.log.String(), "what="+faultDirect) || !strings.Contains(r.log.String(), "without being redirected") {
		t.Errorf("the log does not say it: %s", r.log)
	}
	if n := len(r.sessions); n > 0 {
		t.Errorf("%d sessions", n)
	}
}
