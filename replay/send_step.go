package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"facteur/decode"
	"facteur/internal/bilingual"
)

var errAnswerTooLong = bilingual.New("an answer longer than any mailbox", "une réponse plus longue que toute boîte aux lettres")

// exchange speaks a step's turns and keeps what comes back.
func (s *sender) exchange(step, live *Step) error {
	for i, t := range step.Turns {
		octets := t.Client
		if i == 0 && s.protocol == decode.IMAP {
			octets = s.tagged(step, live)
		}
		if i == 0 && step.Verb == "USER" && s.protocol == decode.POP3 {
			octets = s.pop3User(step, live)
		}
		live.Turns = append(live.Turns, Turn{})
		turn := &live.Turns[len(live.Turns)-1]
		if asked, err := s.turn(step, turn, octets); err != nil || !asked {
			return err
		}
		if step.Cut && i == len(step.Turns)-1 {
			return nil // the recorded client did not wait
		}
		more := i < len(step.Turns)-1
		var err error
		switch {
		case step.Verb == "IDLE" && more:
			err = s.pushed(turn, live.tag, len(t.Server))
		case s.protocol == decode.LMTP && (step.Verb == "DATA" && i > 0 || step.key == "BDAT LAST"):
			for n := max(s.rcpts, 1); n > 0 && err == nil; n-- {
				err = s.read(turn, "", false)
			}
			s.rcpts = 0
		default:
			err = s.read(turn, live.tag, s.multiline(step))
		}
		if err != nil {
			return err
		}
		if step.Verb == "RCPT" && s.good(live) {
			s.rcpts++
		}
		if more && !s.goesOn(step, live) {
			return nil
		}
	}
	return nil
}

// goesOn says whether the server waits for the next turn: 354, or "+".
func (s *sender) goesOn(step, live *Step) bool {
	last := live.last()
	if len(last) == 0 {
		return false
	}
	if step.Verb == "DATA" {
		return bytes.HasPrefix(last[0].Octets, []byte("354"))
	}
	return !last[len(last)-1].Tagged
}

// tagged gives an IMAP command a fresh tag.
func (s *sender) tagged(step, live *Step) []byte {
	s.tags++
	live.tag = fmt.Sprintf("r%d", s.tags)
	octets := step.asked()
	if i := bytes.IndexByte(octets, ' '); i >= 0 {
		octets = append([]byte(live.tag), octets[i:]...)
	}
	if _, rest, ok := strings.Cut(live.Line, " "); ok {
		live.Line = live.tag + " " + rest
	}
	return octets
}

func (s *sender) pop3User(step, live *Step) []byte {
	_, s.user = verbOf(firstLine(step.asked()))
	if s.o.User != "" {
		s.user = s.o.User
	}
	live.Line = "USER " + s.user
	return []byte(live.Line + "\r\n")
}

// turn sends what the client says in one turn; literals that have to be asked for wait until they are. asked is false
// if the server refused one.
func (s *sender) turn(step *Step, turn *Turn, octets []byte) (asked bool, err error) {
	turn.Client = octets
	if s.protocol != decode.IMAP || step.Kind != StepCommand {
		return true, s.say(octets)
	}
	for len(octets) > 0 {
		end := bytes.IndexByte(octets, '\n') + 1
		if end == 0 {
			end = len(octets)
		}
		size, nonSync, literal := announced(octets[:end])
		if !literal || nonSync {
			if literal {
				end += int(min(size, int64(len(octets)-end)))
			}
			if err := s.say(octets[:end]); err != nil {
				return false, err
			}
			octets = octets[end:]
			continue
		}
		if err := s.say(octets[:end]); err != nil {
			return false, err
		}
		answers := len(turn.Server)
		tag, _, _ := strings.Cut(firstLine(turn.Client), " ")
		if err := s.read(turn, tag, false); err != nil {
			return false, err
		}
		last := turn.Server[len(turn.Server)-1]
		if last.Tagged {
			return false, nil
		}
		turn.Server = append(turn.Server[:answers], turn.Server[answers:len(turn.Server)-1]...) // without the "+"
		n := int(min(size, int64(len(octets)-end)))
		if err := s.say(octets[end : end+n]); err != nil {
			return false, err
		}
		octets = octets[end+n:]
	}
	return true, nil
}

// multiline says whether a POP3 command's +OK is followed by lines up to a dot (RFC 1939 §3, RFC 2449 §5).
func (s *sender) multiline(step *Step) bool {
	if s.protocol != decode.POP3 {
		return false
	}
	_, rest := verbOf(firstLine(step.asked()))
	switch step.Verb {
	case "CAPA", "RETR", "TOP":
		return true
	case "LIST", "UIDL", "AUTH", "LANG":
		return rest == ""
	}
	return false
}

// read reads one answer: a reply; a response and, if it agrees and multiline is set, its lines; all IMAP responses up to
// the tagged one or a continuation; all ManageSieve lines up to OK, NO or BYE.
func (s *sender) read(turn *Turn, tag string, multiline bool) error {
	_ = s.raw.SetReadDeadline(time.Now().Add(replyPatience))
	began := time.Now()
	var octets []byte
	var err error
	switch s.protocol {
	case decode.SMTP, decode.LMTP:
		octets, err = s.smtpReply()
	case decode.POP3:
		octets, err = s.pop3Response(multiline)
	default:
		return s.responses(turn, tag)
	}
	if err == nil {
		turn.Server = append(turn.Server, Answer{After: time.Since(began), Octets: octets})
	}
	return err
}

// smtpReply reads a reply to its last line, the one without a hyphen behind the code (RFC 5321 §4.2.1).
func (s *sender) smtpReply() ([]byte, error) {
	var all []byte
	for {
		line, err := s.line(len(all))
		all = append(all, line...)
		if err != nil || len(line) < 4 || line[3] != '-' {
			return all, err
		}
	}
}

// pop3Response reads a response and, if it agrees and has many lines, those up to the dot.
func (s *sender) pop3Response(multiline bool) ([]byte, error) {
	all, err := s.line(0)
	for err == nil && multiline && bytes.HasPrefix(all, []byte("+OK")) {
		var line []byte
		line, err = s.line(len(all))
		if all = append(all, line...); string(bytes.TrimRight(line, "\r\n")) == "." {
			break
		}
	}
	return all, err
}

// responses reads IMAP's or ManageSieve's up to the one that ends the turn. The tag "sasl" lets a ManageSieve string,
// which is a challenge then, end it as well.
func (s *sender) responses(turn *Turn, tag string) error {
	began := time.Now()
	for n := 0; ; {
		octets, err := s.response()
		if err != nil {
			return err
		}
		if n += len(octets); n > maxReplyOctets {
			return errAnswerTooLong
		}
		word, _, _ := strings.Cut(firstLine(octets), " ")
		turn.Server = append(turn.Server, Answer{After: time.Since(began), Octets: octets, Tagged: tag != "" && word == tag})
		switch {
		case s.protocol == decode.Sieve:
			if w := strings.ToUpper(word); w == "OK" || w == "NO" || w == "BYE" || w != "" && tag == "sasl" && w[0] == '"' {
				return nil
			}
		case tag == "", word == tag, word == "+":
			return nil
		}
	}
}

// line reads one line, end and all.
func (s *sender) line(have int) ([]byte, error) {
	var all []byte
	for {
		part, err := s.r.ReadSlice('\n')
		all = append(all, part...)
		if have+len(all) > maxReplyOctets {
			return all, errAnswerTooLong
		}
		if err == nil || !strings.Contains(err.Error(), "buffer full") {
			return all, err
		}
	}
}

// response reads one IMAP or ManageSieve response with its literals.
func (s *sender) response() ([]byte, error) {
	var all []byte
	for {
		line, err := s.line(len(all))
		if err != nil {
			return nil, err
		}
		all = append(all, line...)
		size, _, ok := announced(line)
		if !ok {
			return all, nil
		}
		if size > int64(maxReplyOctets-len(all)) {
			return nil, errAnswerTooLong
		}
		at := len(all)
		all = append(all, make([]byte, size)...)
		if _, err := io.ReadFull(s.r, all[at:]); err != nil {
			return nil, err
		}
	}
}

// pushed reads the continuation of IDLE and then as much as the recorded server told, or as comes in time.
func (s *sender) pushed(turn *Turn, tag string, want int) error {
	if err := s.read(turn, tag, false); err != nil {
		return err
	}
	for len(turn.Server) < want && !turn.Server[len(turn.Server)-1].Tagged {
		_ = s.raw.SetReadDeadline(time.Now().Add(maxWaitPush))
		if _, err := s.r.Peek(1); err != nil {
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				return nil
			}
			return err
		}
		_ = s.raw.SetReadDeadline(time.Now().Add(replyPatience))
		octets, err := s.response()
		if err != nil {
			return err
		}
		word, _, _ := strings.Cut(firstLine(octets), " ")
		turn.Server = append(turn.Server, Answer{Octets: octets, Tagged: word == tag})
	}
	return nil
}
