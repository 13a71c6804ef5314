package cli

import (
	"bytes"
	"io"
	"sync"
	"time"
)

const (
	// maxUnread octets wait for a terminal or a pipe whose reader stands still (a pager, a selection under the mouse). What
	// comes beyond them is left out, and that is said: mail waits for no reader.
	maxUnread = 16 << 20
	// lastWords is how long the end of a run waits for such a reader.
	lastWords = 2 * time.Second
)

// unhurried is a writer that nobody waits for. Each Write is of whole lines; they are written by a goroutine of its own.
type unhurried struct {
	w      io.Writer
	behind func()          // called once the reader is too far behind
	caught func(lines int) // and when it has caught up, with how many lines it lacks

	mu      sync.Mutex
	idle    sync.Cond
	waiting []byte
	writing bool
	lost    int
	err     error
}

func newUnhurried(w io.Writer) *unhurried {
	u := &unhurried{w: w, behind: func() {}, caught: func(int) {}}
	u.idle.L = &u.mu
	return u
}

// Write takes lines to be written, or leaves them out. Its error is that of an earlier line.
func (u *unhurried) Write(lines []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.err != nil:
		return 0, u.err
	case u.lost > 0 || len(u.waiting)+len(lines) > maxUnread:
		if u.lost == 0 {
			u.behind()
		}
		u.lost += bytes.Count(lines, []byte("\n"))
		return len(lines), nil
	}
	u.waiting = append(u.waiting, lines...)
	if !u.writing {
		u.writing = true
		go u.run()
	}
	return len(lines), nil
}

func (u *unhurried) run() {
	u.mu.Lock()
	defer u.mu.Unlock()
	var spare []byte
	for len(u.waiting) > 0 && u.err == nil {
		now := u.waiting
		u.waiting = spare[:0]
		u.mu.Unlock()
		_, err := u.w.Write(now)
		u.mu.Lock()
		spare, u.err = now, err
	}
	if u.lost > 0 && u.err == nil {
		u.caught(u.lost)
		u.lost = 0
	}
	u.writing = false
	u.idle.Broadcast()
}

// drain waits until everything is written, but not for ever.
func (u *unhurried) drain() {
	late := false
	alarm := time.AfterFunc(lastWords, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		late = true
		u.idle.Broadcast()
	})
	defer alarm.Stop()
	u.mu.Lock()
	defer u.mu.Unlock()
	for u.writing && !late {
		u.idle.Wait()
	}
}

// unhurry lets a printer's reader be as slow as it likes.
func (a *app) unhurry(p pages) *unhurried {
	var to *page
	switch p := p.(type) {
	case *transcript:
		to = &p.page
	case *jsonl:
		to = &p.page
	default:
		return nil
	}
	u := newUnhurried(to.w)
	u.behind = func() {
		a.logs.Warn(a.say("la transcription n’est plus lue\u202f: la suite en est omise, les séances continuent", "nobody reads the transcript any more: what follows is left out of it, sessions go on"))
	}
	u.caught = func(lines int) {
		a.logs.Warn(a.say("la transcription est lue de nouveau\u202f; il y manque des lignes", "the transcript is read again; lines are missing in it"), "lines", lines)
	}
	to.w = u
	return u
}
