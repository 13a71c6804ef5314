package proxy

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"facteur/decode"
)

// Verdicts on a client (or, for inject-command, a server), from good to bad.
const (
	verdictRefused  = "refused"   // it did not go on
	verdictFellBack = "fell_back" // it went on in clear
	verdictFooled   = "fooled"    // it went on, and believes itself safe

	// of attacks that nobody can be fooled by as to TLS
	verdictWaited = "waited"  // it had the patience
	verdictGaveUp = "gave_up" // it had not
	verdictCutOff = "cut_off" // it did not go on; what it makes of half an answer shows on its screen only
)

// judge watches what follows an attack. Its methods may be called from both directions.
type judge struct {
	mu       sync.Mutex
	done     []string // attacks that took place, each once
	clear    string   // the first command in clear that gives something away
	inside   bool     // the client spoke inside TLS
	answered bool     // the server spoke inside TLS before the client did
	heard    bool     // the server's first word inside TLS has gone to the client
	early    bool     // the client went on before the server's first word inside TLS
	gaveUp   bool     // the client ended its side while words for it were delayed
	cut      bool     // the server's stream was truncated
	untold   bool     // the injected response leaves nothing to tell by whether it was believed
	after    []byte   // the first octets that the client said when it was cut off
}

// maxAfter is longer than any command's name with an IMAP tag before it.
const maxAfter = 128

// saidAfter notes what a client says once the session is over for facteur.
func (j *judge) saidAfter(b []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.after = append(j.after, b[:min(len(b), maxAfter-len(j.after))]...)
}

func (j *judge) isCut() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cut
}

// wentOn is the name of the command with which a client that was cut off went on as if it had been told everything, ""
// if it did not: no word, or a goodbye.
func (j *judge) wentOn(proto string) string {
	words := strings.Fields(string(j.after))
	if proto == decode.IMAP && len(words) > 0 {
		words = words[1:]
	}
	if len(words) == 0 || goodbyes[strings.ToUpper(words[0])] {
		return ""
	}
	return strings.ToUpper(words[0])
}

var goodbyes = map[string]bool{"QUIT": true, "LOGOUT": true}

// harmless are commands that give nothing away, and that a careful client may still send.
var harmless = map[string]bool{"CAPABILITY": true, "CAPA": true, "NOOP": true, "ID": true, "LOGOUT": true, "QUIT": true, "STARTTLS": true, "STLS": true,
	"EHLO": true, "HELO": true, "LHLO": true, "RSET": true, "HELP": true, "LANG": true, "LANGUAGE": true}

// commanded notes a client's command.
func (j *judge) commanded(name string, inTLS bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !inTLS && j.clear == "" && len(j.done) > 0 && isWord(name) && !harmless[name] {
		j.clear = name
	}
}

// isWord reports whether a command's name is one. A client that does not listen to the answer to its STARTTLS sends its
// hello all the same: that is no fall back to clear.
func isWord(name string) bool {
	return name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}

// clientSpoke and serverSpoke note octets inside TLS.
func (j *judge) clientSpoke() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.early = j.early || j.inside && !j.heard
	j.inside = true
}

func (j *judge) serverSpoke() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.answered = j.answered || !j.inside
}

// verdict tells, at the end of a session, how it went.
func (s *session) verdict() {
	j := &s.judge
	j.mu.Lock()
	defer j.mu.Unlock()
	worst, by := "", ""
	for _, name := range j.done {
		v := verdictRefused
		switch {
		case name == Delay:
			if v = verdictWaited; j.gaveUp {
				v = verdictGaveUp
			}
		case name == Truncate || name == ResetAfter:
			if v = verdictCutOff; j.wentOn(s.route.Listen.Protocol) != "" {
				v = verdictFooled
			}
		case name == InjectResponse && j.untold && j.inside, name == InjectCommand && s.route.Listen.Protocol == decode.Sieve:
			continue // an untagged response, and a server that greets inside TLS, leave nothing to tell it by
		case name == StripStartTLS || name == RefuseStartTLS || name == PreAuth:
			if j.clear != "" {
				v = verdictFellBack
			}
		case name == InjectCommand && j.answered, name == InjectResponse && j.early, name != InjectCommand && name != InjectResponse && j.inside:
			v = verdictFooled
		}
		if slices.Index(verdicts, v) > slices.Index(verdicts, worst) {
			worst, by = v, name
		}
	}
	if worst == "" {
		return
	}
	why := map[string]string{verdictRefused: "did_not_go_on", verdictFellBack: "sent_in_clear", verdictFooled: "went_on",
		verdictWaited: "went_on", verdictGaveUp: "did_not_go_on", verdictCutOff: "did_not_go_on"}[worst]
	fields := []string{"what", worst, "verdict", worst, "name", by, "why", why}
	if verb := cmp.Or(j.clear, j.wentOn(s.route.Listen.Protocol)); worst == verdictFellBack || worst == verdictFooled && verb != "" {
		fields = append(fields, "verb", verb)
	}
	s.tell.told(decode.ClientLeg, decode.Client, "session.verdict", fields...)
	s.log().Warn(s.srv.note("session.verdict."+worst, fields...), "attack", by, "verdict", worst)
}

var verdicts = []string{"", verdictWaited, verdictGaveUp, verdictCutOff, verdictRefused, verdictFellBack, verdictFooled}
