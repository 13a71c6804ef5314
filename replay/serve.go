package replay

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"facteur/decode"
	"facteur/internal/bilingual"
)

const (
	// maxClients bounds the memory and goroutines of a replayed server: a class-room with several clients each.
	maxClients = 256

	// clientPatience is how long a client may be silent: RFC 9051 §5.4 wants 30 minutes at least.
	clientPatience = 30 * time.Minute

	// writePatience is how long a client may take to read what it asked for.
	writePatience = time.Minute

	// handshakePatience is how long a client may take for the TLS handshake; people click certificate warnings away.
	handshakePatience = time.Minute

	// maxPush is the longest pause before something pushed in IDLE: nobody waits for half an hour of silence.
	maxPush = 5 * time.Second
)

// ErrIncomplete is wrapped where a recording lacks what is needed to speak it again.
var ErrIncomplete = bilingual.New("the recording is not whole", "l’enregistrement n’est pas entier")

// Door is an address where a replayed server listens.
type Door struct {
	Protocol string // one of decode's constants
	Addr     string // host:port
	Implicit bool   // TLS from the first octet
}

// The events of a replayed server.
const (
	ServeOpen     = "open"     // a client connected
	ServeTLS      = "tls"      // a handshake succeeded, or failed (Got says why)
	ServeLogin    = "login"    // credentials were accepted unseen
	ServeAnswer   = "answer"   // a command was answered from the recording
	ServeMismatch = "mismatch" // a command that the recording does not have here
	ServeRefused  = "refused"  // something that cannot be answered from a recording (Got says what)
	ServeChanged  = "changed"  // an answer was adapted: what this server cannot do was left out of a list
	ServeClose    = "close"    // the client has gone
)

// ServeEvent is what happened to a client of a replayed server.
type ServeEvent struct {
	Time     time.Time `json:"time"`
	Event    string    `json:"event"`
	Conn     int       `json:"conn"` // from 1
	Protocol string    `json:"protocol"`
	Client   string    `json:"client"`            // its address
	Session  int       `json:"session,omitempty"` // the recorded session it is in
	Step     int       `json:"step,omitempty"`    // the recorded step: the one that answered, or the one expected
	Expected string    `json:"expected,omitempty"`
	Got      string    `json:"got,omitempty"`
	Answer   string    `json:"answer,omitempty"` // first line of what the client was told
}

// ServeOptions say what to serve.
type ServeOptions struct {
	Dialogues []*Dialogue
	Doors     []Door
	// TLS holds the certificate for STARTTLS and implicit TLS; nil leaves the doors without.
	TLS *tls.Config
	// OnEvent, if set, is handed every event, one at a time.
	OnEvent func(ServeEvent)
}

// Server answers mail clients as recorded servers did.
type Server struct {
	o         ServeOptions
	byProto   map[string][]*Dialogue
	listeners []net.Listener
	wg        sync.WaitGroup

	mu     sync.Mutex
	conns  map[*serveConn]struct{}
	count  int
	turn   map[string]int // how many clients a protocol had: each gets the next session
	closed bool
	stored []happening
	tell   sync.Mutex
}

// NewServer makes a server of dialogues. The error wraps ErrIncomplete if one of them cannot be spoken, and says which
// part of it is missing.
func NewServer(o ServeOptions) (*Server, error) {
	s := &Server{o: o, byProto: map[string][]*Dialogue{}, conns: map[*serveConn]struct{}{}, turn: map[string]int{}}
	for _, d := range o.Dialogues {
		if err := d.Whole(); err != nil {
			return nil, err
		}
		s.byProto[d.Protocol] = append(s.byProto[d.Protocol], d)
	}
	for _, door := range o.Doors {
		if len(s.byProto[door.Protocol]) == 0 {
			return nil, bilingual.Errorf("no %s session to serve at %s", "aucune séance %s à servir sur %s", door.Protocol, door.Addr)
		}
		if door.Implicit && o.TLS == nil {
			return nil, bilingual.Errorf("a door with TLS at %s needs a certificate", "une porte avec TLS sur %s a besoin d’un certificat", door.Addr)
		}
	}
	return s, nil
}

// Whole gives nil if the dialogue can be spoken again, and otherwise an error that wraps ErrIncomplete and says what is
// missing and after which step.
func (d *Dialogue) Whole() error {
	if len(d.Missing) == 0 {
		return nil
	}
	m := d.Missing[0]
	where := bilingual.New("at the beginning", "au début")
	if m.After > 0 && m.After <= len(d.Steps) {
		s := &d.Steps[m.After-1]
		where = bilingual.Errorf("after step %d (%s)", "après l’étape %d (%s)", s.N, stepName(s))
	}
	return bilingual.Errorf("session %d: %w: %w, %w", "séance %d\u202f: %w\u202f: %w, %w", d.Session, ErrIncomplete, where, m.what())
}

// what says what is missing.
func (m Missing) what() error {
	side := bilingual.New("client", "client")
	if m.From == decode.Server.String() {
		side = bilingual.New("server", "serveur")
	}
	switch m.What {
	case MissingOctets:
		return bilingual.Errorf("%d octets of the %w's side were not captured", "%d octets du côté du %w n’ont pas été capturés", m.Octets, side)
	case MissingKeys:
		return bilingual.Errorf("the %w's side goes on in TLS that no key opens; give the key log with --keylog FILE",
			"le côté du %w continue dans du TLS qu’aucune clé n’ouvre\u202f; donnez le journal de clés avec --keylog FICHIER", side)
	case MissingStart:
		return bilingual.New("the greeting was not captured", "la salutation n’a pas été capturée")
	}
	return bilingual.Errorf("the %w's side could not be understood", "le côté du %w n’a pas pu être compris", side)
}

// stepName is what a step is called in a sentence.
func stepName(s *Step) string {
	switch {
	case s.Kind == StepGreeting:
		return "greeting"
	case s.Line != "":
		return s.Line
	}
	return s.Verb
}

// Listen opens the doors. On error none stays open.
func (s *Server) Listen(ctx context.Context) error {
	for i := range s.o.Doors {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.o.Doors[i].Addr)
		if err != nil {
			s.shut()
			return bilingual.Errorf("listen at %s: %w; choose another address", "écoute sur %s\u202f: %w\u202f; choisissez une autre adresse", s.o.Doors[i].Addr, err)
		}
		s.listeners = append(s.listeners, l)
		s.o.Doors[i].Addr = l.Addr().String()
	}
	return nil
}

// Doors are the doors, with their real addresses once Listen has returned.
func (s *Server) Doors() []Door { return s.o.Doors }

// Serve answers clients until ctx is done. When it returns, all of them have gone.
func (s *Server) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.shut)
	defer stop()
	for i, l := range s.listeners {
		s.wg.Go(func() { s.accept(s.o.Doors[i], l) })
	}
	<-ctx.Done()
	s.shut()
	s.wg.Wait()
	return nil
}

func (s *Server) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for c := range s.conns {
		_ = c.raw.Close()
	}
}

func (s *Server) accept(door Door, l net.Listener) {
	for {
		nc, err := l.Accept()
		if err != nil {
			if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
				continue
			}
			return
		}
		c := s.admit(door, nc)
		if c == nil {
			_ = nc.Close()
			continue
		}
		s.wg.Go(c.run)
	}
}

// admit counts a client in, unless there are too many.
func (s *Server) admit(door Door, nc net.Conn) *serveConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= maxClients {
		return nil
	}
	s.count++
	turn := s.turn[door.Protocol]
	s.turn[door.Protocol]++
	c := newServeConn(s, door, nc, s.count, s.order(door, turn))
	s.conns[c] = struct{}{}
	return c
}

// order puts the protocol's sessions in the order in which a new client may be in them: the turn's first, those that
// were secured in the door's way before the others.
func (s *Server) order(door Door, turn int) []*matcher {
	all := s.byProto[door.Protocol]
	var first, then []*matcher
	for i := range all {
		d := all[(turn+i)%len(all)]
		if (d.Security == ImplicitTLS) == door.Implicit {
			first = append(first, newMatcher(d))
		} else {
			then = append(then, newMatcher(d))
		}
	}
	return append(first, then...)
}

func (s *Server) leave(c *serveConn) {
	_ = c.raw.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *Server) event(e ServeEvent) {
	if s.o.OnEvent == nil {
		return
	}
	s.tell.Lock()
	defer s.tell.Unlock()
	e.Time = time.Now()
	s.o.OnEvent(e)
}

// Protocols are those of the dialogues, in the order in which doors are listed.
func Protocols(all []*Dialogue) []string {
	var out []string
	for _, p := range []string{decode.SMTP, decode.LMTP, decode.POP3, decode.IMAP, decode.Sieve} {
		for _, d := range all {
			if d.Protocol == p {
				out = append(out, p)
				break
			}
		}
	}
	return out
}
