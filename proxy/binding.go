package proxy

import (
	"net"
	"strings"
	"sync"

	"facteur/decode"
)

// A client that knows channel binding says so in SCRAM even where the server offers none (the gs2 flag "y"), and a server
// that did offer it must then refuse: somebody took the offer away (RFC 5802 §6). That somebody is facteur. Such a client
// is known by its refusal only; for its next sessions all of SCRAM is left out, so that it signs in by another method.

// binder is a client of a route.
type binder struct {
	route  *route
	client string // IP address
}

// binders are the clients that were refused.
type binders struct {
	mu    sync.Mutex
	known map[binder]bool
}

// maxBinders is how many of them are kept in mind: more than a class has, and a few kilobytes.
const maxBinders = 1024

func (b *binders) know(who binder) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.known[who]
}

func (b *binders) add(who binder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known == nil || len(b.known) >= maxBinders {
		b.known = map[binder]bool{}
	}
	b.known[who] = true
}

func (s *session) binder() binder {
	host, _, _ := net.SplitHostPort(s.info.Client.String())
	return binder{s.route, host}
}

// missesBinding notes a client's word that it would bind, where facteur took the offer away.
func (st *steering) missesBinding(e *decode.Event) {
	if e.From == decode.Client && st.unbound && !st.now.scram && e.Field("gs2_flag") == "y" {
		st.binds = true
	}
}

// refusedBinding takes the answer to such a client, if it is final and not a good one.
func (st *steering) refusedBinding(e *decode.Event, refused bool) {
	if !st.binds || !refused || strings.HasPrefix(e.Field("code"), "3") || e.Field("tag") == "*" {
		return
	}
	st.binds = false
	st.s.srv.binders.add(st.s.binder())
	st.s.fail(&fault{what: faultBinding, leg: decode.ClientLeg})
}
