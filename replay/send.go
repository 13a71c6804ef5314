package replay

import (
	"bufio"
	"compress/flate"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"facteur/decode"
	"facteur/internal/bilingual"
)

const (
	// replyPatience is how long a server may take for an answer; RFC 5321 §4.5.3.2 allows minutes after a message.
	replyPatience = 3 * time.Minute

	// maxReplyOctets bounds one answer: a whole mailbox in one FETCH stays below it.
	maxReplyOctets = 128 << 20

	// maxWaitPush is how long a sender waits in IDLE for what the recorded server told there: nothing may come this time.
	maxWaitPush = 2 * time.Second
)

// ErrCannotSend is wrapped where a step cannot be spoken to another server: a mechanism whose messages cannot be made
// again, a password that would cross a network in clear.
var ErrCannotSend = bilingual.New("cannot be sent again", "ne peut pas être renvoyé")

// Target is the server that a dialogue is spoken to.
type Target struct {
	Addr     string      // host:port
	Security string      // Clear, StartTLS or ImplicitTLS; "" as recorded
	TLS      *tls.Config // verifies the server; must name it or hold its name
}

// SendOptions say how to speak.
type SendOptions struct {
	Target Target
	// User replaces the recorded user name where it is not "".
	User string
	// Password gives the password of a user; ok is false if there is none.
	Password func(user string) (password string, ok bool)
	// OnStep, if set, is handed each recorded step before it is spoken.
	OnStep func(s *Step)
}

// sender is one dialogue being spoken again.
type sender struct {
	o        SendOptions
	d        *Dialogue // recorded
	now      *Dialogue // what happens
	raw      net.Conn
	r        *bufio.Reader
	w        io.Writer
	flush    func() error
	secure   bool
	packed   bool
	tags     int
	user     string // of POP3's USER
	rcpts    int    // LMTP: accepted recipients
	greeting string
	protocol string
}

// Send speaks the client's part of a dialogue to a server and gives the dialogue that it made. It stops early where the
// server ends the session or refuses what all the rest needs; that is no error, and Diff shows it. Errors are failures
// of the network or of TLS, and what wraps ErrCannotSend or ErrIncomplete.
func Send(ctx context.Context, d *Dialogue, o SendOptions) (*Dialogue, error) {
	if err := d.Whole(); err != nil {
		return nil, err
	}
	s := &sender{o: o, d: d, protocol: d.Protocol, now: &Dialogue{Session: d.Session, Protocol: d.Protocol, Security: o.Target.Security, Server: o.Target.Addr, Time: time.Now()}}
	if s.now.Security == "" {
		s.now.Security = d.Security
	}
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", o.Target.Addr)
	if err != nil {
		return nil, bilingual.Errorf("connecting: %w", "connexion\u202f: %w", err)
	}
	s.raw = raw
	s.use(raw)
	s.now.Client = raw.LocalAddr().String()
	defer func() { _ = s.raw.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	err = s.speak(ctx)
	for i := range s.now.Steps {
		s.now.Steps[i].N = i + 1
	}
	if ctx.Err() != nil {
		return s.now, ctx.Err()
	}
	return s.now, err
}

// speak goes through the recorded steps.
func (s *sender) speak(ctx context.Context) error {
	if s.now.Security == ImplicitTLS {
		if err := s.startTLS(ctx); err != nil {
			return err
		}
	}
	way := diffSteps(s.d)
	for i := range s.d.Steps {
		step := &s.d.Steps[i]
		if way[i].upgrade && s.now.Security != StartTLS {
			continue // said only to come into TLS
		}
		if s.o.OnStep != nil {
			s.o.OnStep(step)
		}
		done, err := s.step(ctx, step)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil // the server has ended the session: the difference shows where
		}
		if err != nil {
			return bilingual.Errorf("step %d (%s): %w", "étape %d (%s)\u202f: %w", step.N, stepName(step), err)
		}
		if done {
			return nil
		}
	}
	return nil
}

// step speaks one step; done is true if there is nothing to go on with.
func (s *sender) step(ctx context.Context, step *Step) (done bool, err error) {
	switch {
	case step.Kind == StepGreeting:
		return s.greet(ctx, step)
	case step.Kind == StepUpgrade:
		return false, nil // it follows from the command before it
	case step.Verb == "": // an empty line, or no command at all
		return false, nil
	case classOf(s.protocol, step.key) == upgrade:
		if s.now.Security != StartTLS || s.secure {
			return false, nil
		}
		return s.starts(ctx, step)
	case step.key == logIn:
		return false, s.logIn(step)
	}
	live := s.begin(step)
	err = s.exchange(step, live)
	s.now.Steps = append(s.now.Steps, *live)
	if err != nil {
		return false, err
	}
	if step.key == "COMPRESS DEFLATE" && s.protocol == decode.IMAP && !s.packed && s.good(live) {
		return false, s.compress()
	}
	return classOf(s.protocol, step.key) == ending, nil
}

// begin makes the step that will say what happens.
func (s *sender) begin(step *Step) *Step {
	return &Step{Kind: step.Kind, Verb: step.Verb, Line: step.Line, Secure: s.secure, Time: time.Now(), key: step.key}
}

// greet reads the greeting; where the target wants STARTTLS and the recording had none, it is agreed on here.
func (s *sender) greet(ctx context.Context, step *Step) (bool, error) {
	live := s.begin(step)
	live.Turns = []Turn{{}}
	err := s.read(&live.Turns[0], "", false)
	s.greeting = string(live.answer())
	s.now.Steps = append(s.now.Steps, *live)
	if err != nil || s.now.Security != StartTLS || s.d.Security == StartTLS {
		return false, err
	}
	verb := map[string]string{decode.POP3: "STLS"}[s.protocol]
	if verb == "" {
		verb = "STARTTLS"
	}
	if s.protocol == decode.SMTP || s.protocol == decode.LMTP {
		hello := &Step{Kind: StepCommand, Verb: "EHLO", Line: "EHLO replay.facteur", key: "EHLO", Turns: []Turn{{Client: []byte("EHLO replay.facteur\r\n")}}}
		if s.protocol == decode.LMTP {
			hello.Verb, hello.Line, hello.key, hello.Turns[0].Client = "LHLO", "LHLO replay.facteur", "LHLO", []byte("LHLO replay.facteur\r\n")
		}
		if _, err := s.step(ctx, hello); err != nil {
			return false, err
		}
	}
	command := verb + "\r\n"
	if s.protocol == decode.IMAP {
		command = "x " + command
	}
	return s.starts(ctx, &Step{Kind: StepCommand, Verb: verb, Line: verb, key: verb, tag: "x", Turns: []Turn{{Client: []byte(command)}}})
}

// starts asks for TLS and begins it; a refusal ends the session, because what follows was meant for TLS.
func (s *sender) starts(ctx context.Context, step *Step) (done bool, err error) {
	live := s.begin(step)
	err = s.exchange(step, live)
	s.now.Steps = append(s.now.Steps, *live)
	if err != nil {
		return false, err
	}
	if !agrees(s.protocol, live.last()) {
		return agrees(s.protocol, step.last()) || len(step.last()) == 0, nil
	}
	if n := s.r.Buffered(); n > 0 {
		return false, bilingual.Errorf("%d octets in clear behind the answer to %s: an injection", "%d octets en clair derrière la réponse à %s\u202f: une injection", n, step.Verb)
	}
	s.now.Steps = append(s.now.Steps, Step{Kind: StepUpgrade, Verb: "TLS", Line: step.Verb, Time: time.Now(), Turns: []Turn{{}}})
	if err := s.startTLS(ctx); err != nil {
		return false, err
	}
	if s.protocol == decode.Sieve { // RFC 5804 §2.2
		return false, s.read(&Turn{}, "", false)
	}
	return false, nil
}

func (s *sender) startTLS(ctx context.Context) error {
	if s.o.Target.TLS == nil {
		return bilingual.Errorf("TLS with %s: nothing to verify it with", "TLS avec %s\u202f: rien ne permet de le vérifier", s.o.Target.Addr)
	}
	secure := tls.Client(s.raw, s.o.Target.TLS)
	ctx, cancel := context.WithTimeout(ctx, handshakePatience)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		return bilingual.Errorf("TLS with %s: %w", "TLS avec %s\u202f: %w", s.o.Target.Addr, err)
	}
	s.secure = true
	s.use(secure)
	return nil
}

func (s *sender) use(nc net.Conn) {
	s.r, s.w, s.flush = bufio.NewReaderSize(nc, 64<<10), nc, func() error { return nil }
	s.raw = nc
}

// compress puts DEFLATE on both directions (RFC 4978).
func (s *sender) compress() error {
	w, err := flate.NewWriter(s.w, flate.DefaultCompression)
	if err != nil {
		return err
	}
	s.r = bufio.NewReaderSize(flate.NewReader(s.r), 64<<10)
	s.w, s.flush, s.packed = w, w.Flush, true
	s.now.Steps = append(s.now.Steps, Step{Kind: StepUpgrade, Verb: "DEFLATE", Line: "COMPRESS", Time: time.Now(), Turns: []Turn{{}}})
	return nil
}

// say sends octets.
func (s *sender) say(octets []byte) error {
	_ = s.raw.SetWriteDeadline(time.Now().Add(replyPatience))
	if _, err := s.w.Write(octets); err != nil {
		return err
	}
	return s.flush()
}

// good says whether a step's last answer agrees.
func (s *sender) good(live *Step) bool {
	last := live.last()
	if len(last) == 0 {
		return false
	}
	o := string(last[len(last)-1].Octets)
	switch s.protocol {
	case decode.SMTP, decode.LMTP:
		return strings.HasPrefix(o, "2") || strings.HasPrefix(o, "3")
	case decode.POP3:
		return strings.HasPrefix(o, "+OK")
	case decode.Sieve:
		return strings.HasPrefix(strings.ToUpper(o), "OK")
	}
	return taggedOK([]byte(o))
}
