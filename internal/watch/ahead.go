package watch

import (
	"time"

	"facteur/captures"
	"facteur/decode"
)

const (
	// batchSize and batchSteps are how much is read before it is handed over: enough that the handing over costs nothing,
	// and little enough to be still in the processor's cache.
	batchSize  = 512 << 10
	batchSteps = 4 << 10
	// batches is how many of them there are: one being filled, one being worked on, one between.
	batches = 3
)

// Ahead lets a capture be read on one processor while its sessions are decoded and shown on another. It hands everything
// to Sink exactly as it comes: in its order, one call at a time. It is for files; what comes from a pipe should be shown
// before more is read.
type Ahead struct {
	sink captures.Sink
	now  *batch
	full chan *batch
	free chan *batch
	done chan struct{}
}

// batch is what was read, in order. The octets of its chunks lie in data.
type batch struct {
	steps []step
	data  []byte
}

// step is one call of a Sink.
type step struct {
	what    stepKind
	session int
	info    captures.Info
	c       decode.Chunk // without its octets
	at, n   int          // they lie here in data; the lines of secrets, too
}

type stepKind uint8

const (
	stepOpen stepKind = iota
	stepChunk
	stepClose
	stepSecrets
)

// NewAhead begins to hand on to sink. Finish must be called.
func NewAhead(sink captures.Sink) *Ahead {
	a := &Ahead{sink: sink, full: make(chan *batch, batches), free: make(chan *batch, batches), done: make(chan struct{})}
	for range batches - 1 {
		a.free <- new(batch)
	}
	a.now = new(batch)
	go a.run()
	return a
}

// Open is captures.Sink's.
func (a *Ahead) Open(i captures.Info) { a.add(step{what: stepOpen, info: i}, nil) }

// Chunk is captures.Sink's.
func (a *Ahead) Chunk(session int, c decode.Chunk) {
	data := c.Data
	c.Data = nil
	a.add(step{what: stepChunk, session: session, c: c}, data)
}

// Close is captures.Sink's.
func (a *Ahead) Close(session int, at time.Time) {
	a.add(step{what: stepClose, session: session, c: decode.Chunk{Time: at}}, nil)
}

// Secrets is captures.Sink's.
func (a *Ahead) Secrets(keylog []byte) { a.add(step{what: stepSecrets}, keylog) }

func (a *Ahead) add(s step, data []byte) {
	b := a.now
	s.at, s.n = len(b.data), len(data)
	b.data = append(b.data, data...)
	b.steps = append(b.steps, s)
	if len(b.data) >= batchSize || len(b.steps) >= batchSteps {
		a.full <- b
		a.now = <-a.free
	}
}

// Finish returns when everything was handed on. Nothing may follow.
func (a *Ahead) Finish() {
	a.full <- a.now
	close(a.full)
	<-a.done
}

func (a *Ahead) run() {
	defer close(a.done)
	for b := range a.full {
		for i := range b.steps {
			s := &b.steps[i]
			data := b.data[s.at : s.at+s.n : s.at+s.n]
			switch s.what {
			case stepOpen:
				a.sink.Open(s.info)
			case stepChunk:
				if s.c.Data = data; s.n == 0 {
					s.c.Data = nil
				}
				a.sink.Chunk(s.session, s.c)
			case stepClose:
				a.sink.Close(s.session, s.c.Time)
			case stepSecrets:
				a.sink.Secrets(data)
			}
		}
		clear(b.steps)
		b.steps, b.data = b.steps[:0], b.data[:0]
		a.free <- b
	}
}
