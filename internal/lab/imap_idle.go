package lab

import "strings"

// idle is IDLE, RFC 2177: changes are told as they happen, until the client's DONE.
func (s *imapSession) idle(a *arguments) error {
	if err := a.end(); err != nil {
		return err
	}
	s.printf("+ idling\r\n")
	s.tellChanges(true)
	if err := s.flush(); err != nil {
		return err
	}
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1) // one reader, ended by DONE, by the time limit or by the connection's end
	go func() {
		line, err := s.readLine()
		done <- result{line, err}
	}()
	var changed chan struct{}
	if s.view != nil {
		changed = s.view.changed
	}
	for {
		select {
		case <-changed:
			s.tellChanges(true)
			if err := s.flush(); err != nil {
				_ = s.net.Close() // so that the reader ends
				<-done
				return err
			}
		case r := <-done:
			if r.err != nil {
				return r.err
			}
			if !strings.EqualFold(r.line, "DONE") {
				return bad("Expected DONE.")
			}
			return nil
		}
	}
}

// tellChanges sends the untagged responses that are due. Without expunge, messages keep their numbers.
func (s *imapSession) tellChanges(expunge bool) {
	if s.view == nil {
		return
	}
	s.store.mu.Lock()
	updates := s.view.sync(expunge)
	s.store.mu.Unlock()
	for _, u := range updates {
		switch u.kind {
		case updateExpunge:
			s.untagged("%d EXPUNGE", u.n)
		case updateExists:
			s.untagged("%d EXISTS", u.n)
		case updateRecent:
			s.untagged("%d RECENT", u.n)
		case updateFlags:
			s.untagged("%d FETCH (UID %d FLAGS (%s))", u.n, u.row.m.uid, strings.Join(u.list, " "))
		}
	}
}
