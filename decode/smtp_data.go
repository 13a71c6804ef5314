package decode

// beginData begins the message text behind a 354.
func (s *smtp) beginData(f *frame) {
	s.expect = expectData
	s.message.begin(&s.l.sides[Client], f, s.kinds.data, true, formMessage)
	s.message.re = s.dataCmd
	s.text.begin(f.at, s.mail.checks()|checkFalse)
	s.false.begin(f.at)
	e := s.l.emit(Client, f, Span{f.at, f.at}, s.kinds.begin)
	e.note("smtp.data.begin")
	e.Re = s.dataCmd
}

// data reads message text up to the lone dot.
func (s *smtp) data(f *frame) bool {
	if s.false.on {
		return s.doubtful(f)
	}
	data, n := f.buf, len(s.l.s.evs)
	s.text.ahead(data, f.at)
	s.message.clean = s.text.clean
	stop, ended := s.stop(f)
	if s.false.on {
		return true
	}
	progress := true
	if !ended {
		progress = s.message.undotted(f, stop)
	} else if stop > 0 {
		s.message.take(f, stop)
	}
	s.false.took(data[:len(data)-len(f.buf)])
	s.l.s.lintText(&s.text, &s.l.sides[Client], f, data, n)
	if ended {
		s.endData(f)
	}
	return progress
}

// endData takes the ".CRLF" that ends the text.
func (s *smtp) endData(f *frame) {
	n := len(s.l.s.evs)
	s.message.end()
	s.noteText(n)
	e := s.l.emit(Client, f, f.take(len(terminator)-2), s.kinds.end)
	e.add("octets", s.l.s.room.decimal(s.message.total), Span{})
	s.message.addDecoded(e)
	e.add("line", ".", e.Span)
	e.note("smtp.data.end")
	e.Re = s.dataCmd
	s.expect = expectCommand
	s.complete()
}

// complete queues the replies that a complete message will get: one, or in LMTP one for each recipient (RFC 2033 §4.2).
func (s *smtp) complete() {
	if !s.lmtp {
		s.push(smtpCommand{seq: s.dataCmd, verb: dataDone})
		return
	}
	for _, to := range s.rcpts {
		s.push(smtpCommand{seq: s.dataCmd, verb: dataDone, to: to})
	}
}

// beginChunk begins the octets behind a BDAT. They follow whatever the server will say.
func (s *smtp) beginChunk(f *frame, size int64, last bool) {
	if !s.chunked {
		s.message.begin(&s.l.sides[Client], f, s.kinds.data, false, formMessage)
		s.message.re = s.dataCmd
		s.text.begin(f.at, s.mail.chunkChecks())
	}
	s.chunked, s.last = true, last
	s.left = size
	e := s.l.emit(Client, f, Span{f.at, f.at}, s.kinds.begin)
	e.add("octets", s.l.s.room.decimal(size), Span{})
	e.note("smtp.data.begin")
	e.Re = s.dataCmd
	if size == 0 {
		s.endChunk(f)
		return
	}
	s.expect = expectChunk
}

func (s *smtp) chunk(f *frame) bool {
	n := int(min(int64(len(f.buf)), s.left))
	data, told := f.buf, len(s.l.s.evs)
	s.message.take(f, n)
	s.l.s.lintText(&s.text, &s.l.sides[Client], f, data, told)
	if s.left -= int64(n); s.left == 0 {
		s.endChunk(f)
	}
	return true
}

func (s *smtp) endChunk(f *frame) {
	s.expect, s.counted = expectCommand, true
	n := len(s.l.s.evs)
	if s.last {
		s.message.flush()
	} else {
		s.message.pause()
	}
	s.noteText(n)
	e := s.l.emit(Client, f, Span{f.at, f.at}, s.kinds.end)
	e.add("octets", s.l.s.room.decimal(s.message.total), Span{})
	if s.last {
		s.message.addDecoded(e)
	}
	e.note("smtp.data.end")
	e.Re = s.dataCmd
	if !s.last {
		return
	}
	s.message.end()
	s.chunked = false
}

// answerAll gives the last chunk of LMTP, which is next to be answered, a reply for each recipient: the replies to RCPT,
// which may have been sent with it, are all there now. Without a recipient there is one for all.
func (s *smtp) answerAll() {
	c := s.pending.first()
	if !s.lmtp || !c.last || len(s.rcpts) == 0 {
		return
	}
	c.last, c.verb, c.chunks = false, dataDone, true
	all := make([]smtpCommand, len(s.rcpts))
	for i, to := range s.rcpts {
		all[i] = *c
		all[i].to = to
	}
	s.pending.spread(all)
	s.rcpts = s.rcpts[:0]
}
