package cli

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"facteur/internal/bilingual"
	"facteur/internal/watch"
	"facteur/proxy"
)

// limits are what a proxy sets itself. Reaching one is said: in the log, and as an event of the session.
type limits struct {
	sessions                  int
	backlog                   octets
	dial, handshake, greeting time.Duration
}

// add makes the limits flags, with what they are unless told otherwise.
func (l *limits) add(fl *pflag.FlagSet) {
	l.backlog = watch.DefaultBacklog
	fl.DurationVar(&l.greeting, "greeting-time", proxy.DefaultGreetingTime, "how long a server that speaks first may be silent before that is said")
	fl.DurationVar(&l.dial, "dial-timeout", proxy.DefaultDialTimeout, "how long to try to reach a mail server")
	fl.DurationVar(&l.handshake, "handshake-timeout", proxy.DefaultHandshakeTimeout, "how long one TLS handshake may take")
	fl.IntVar(&l.sessions, "max-sessions", proxy.DefaultMaxSessions, "sessions at a time; who comes then is told that there is no room")
	fl.Var(&l.backlog, "backlog", "memory for what waits to be decoded and recorded, at least 1MB; a session that gets further ahead waits for it")
}

// check refuses limits with which nothing would work.
func (l *limits) check() error {
	switch {
	case l.sessions < 1:
		return usageError{bilingual.Errorf("--max-sessions %d: at least 1", "--max-sessions %d\u202f: au moins 1", l.sessions)}
	case l.dial <= 0:
		return usageError{bilingual.Errorf("--dial-timeout %s: more than nothing, for example 15s", "--dial-timeout %s\u202f: plus que rien, par exemple 15s", l.dial)}
	case l.handshake <= 0:
		return usageError{bilingual.Errorf("--handshake-timeout %s: more than nothing, for example 60s", "--handshake-timeout %s\u202f: plus que rien, par exemple 60s", l.handshake)}
	}
	return nil
}

// octets is a size as a flag: 64MB.
type octets int64

// minBacklog is the least that lets several sessions be worked on together.
const minBacklog = 1 << 20

func (o *octets) Set(s string) error {
	n, ok := parseSize(s)
	if !ok || n < minBacklog {
		return bilingual.New("a size of 1MB or more is wanted, for example 16MB", "une taille d’au moins 1MB est attendue, par exemple 16MB")
	}
	*o = octets(n)
	return nil
}

func (o *octets) String() string { return fmt.Sprintf("%dMB", int64(*o)>>20) }

// Type names the kind of value in help.
func (o *octets) Type() string { return "size" }
