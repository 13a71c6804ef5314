package replay

import (
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"facteur/decode"
)

// conversation is SMTP with a pipelined group, the records of TLS before what they carry, and facteur's server leg.
func conversation() []decode.Event {
	const c, s = decode.Client, decode.Server
	e := func(seq int, leg decode.Leg, from decode.Side, kind string, re int) decode.Event {
		return decode.Event{Seq: seq, Time: t0.Add(time.Duration(seq) * time.Second), Leg: leg, From: from, Kind: kind, Re: re}
	}
	const cl, sl = decode.ClientLeg, decode.ServerLeg
	return []decode.Event{
		e(1, cl, c, "session.open", 0), // exchange 1: opening and greeting
		e(2, sl, s, "smtp.reply", 0),
		e(3, cl, s, "smtp.reply", 0),
		e(4, cl, c, "smtp.command", 0), // exchange 2: EHLO
		e(5, sl, c, "smtp.command", 0),
		e(6, sl, s, "smtp.reply", 5),
		e(7, cl, s, "smtp.reply", 4),
		e(8, cl, c, "smtp.command", 0), // exchange 3: MAIL RCPT DATA, pipelined
		e(9, cl, c, "smtp.command", 0),
		e(10, cl, c, "smtp.command", 0),
		e(11, cl, s, "smtp.reply", 8),
		e(12, cl, s, "smtp.reply", 9),
		e(13, cl, s, "smtp.reply", 10),
		e(14, cl, c, "tls.record", 0), // exchange 4: with both records before the command
		e(15, cl, c, "tls.record", 0),
		e(16, cl, c, "smtp.command", 0),
		e(17, cl, s, "tls.record", 0),
		e(18, cl, s, "smtp.reply", 16),
		e(19, cl, c, "tls.record", 0), // exchange 5: a handshake, its hello in a record
		e(20, cl, c, "tls.client_hello", 0),
		e(21, cl, s, "tls.record", 0),
		e(22, cl, s, "tls.server_hello", 0),
		e(23, cl, s, "session.close", 0),
	}
}

// Stepping stops where an exchange is complete: never between a command and its answer.
func TestPlayerStepByExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := conversation()
		p := start(t, Options{}, events)
		stops := []int{3, 7, 13, 18, 23}
		var got []int
		for range stops {
			if err := p.Step("exchange", 1); err != nil {
				t.Fatal(err)
			}
			got = append(got, p.State().Cursor)
		}
		if !slices.Equal(got, stops) {
			t.Errorf("forward stops %v, want %v", got, stops)
		}
		if s := p.State(); s.State != Ended {
			t.Errorf("%s at the end", s.State)
		}
		got = nil
		for range stops {
			_ = p.Step("exchange", -1)
			got = append(got, p.State().Cursor)
		}
		if want := []int{18, 13, 7, 3, 0}; !slices.Equal(got, want) {
			t.Errorf("back stops %v, want %v", got, want)
		}
		p.SeekEvent(9)
		_ = p.Step("exchange", -1)
		p.State().at(t, Paused, 7, 6)
		_ = p.Step("exchange", 2)
		p.State().at(t, Paused, 18, 17)
		_ = p.Step("event", -1)
		p.State().at(t, Paused, 17, 16)
		_ = p.Step("", 1)
		p.State().at(t, Paused, 18, 17)
		_ = p.Step("exchange", math.MinInt)
		p.State().at(t, Paused, 0, 0)
		_ = p.Step("event", math.MaxInt)
		p.State().at(t, Ended, 23, 22)
		for _, bad := range []error{p.Step("exchange", 0), p.Step("minute", 1)} {
			if !errors.Is(bad, ErrCommand) {
				t.Errorf("a step out of rule gave %v", bad)
			}
		}
	})
}

// A capture of one side only has no answers; each command is then an exchange of its own.
func TestPlayerStepOneSided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := every(4, time.Second)
		for i := range events {
			events[i].Kind, events[i].From = "pop3.command", decode.Client
		}
		p := start(t, Options{}, events)
		_ = p.Step("exchange", 1)
		_ = p.Step("exchange", 1)
		p.State().at(t, Paused, 2, 1)
	})
}
