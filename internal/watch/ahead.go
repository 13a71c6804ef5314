package watch

import (
	"sync/atomic"
	"time"

	"facteur/captures"
	"facteur/decode"
)

const (
	// batchSize and batchSteps are how much is read before it is handed over: enough that the handing over costs nothing,
	// and little enough to be still in the processor's cache.
	batchSize  = 256 << 10
	batchSteps = 2 << 10
	// maxPacket is what a packet adds to a batch at most: one that exceeds it moves the batch.
	maxPacket = 64 << 10
	// maxPrinted is what a batch should print at most: one of nothing but short commands prints some forty times its own size,
	// and the batches behind it are made smaller.
	maxPrinted = 2 << 20
	minBatch   = 8 << 10
	// batches is how many of them there are: while one lane works off a long session, the others are given later ones.
	// What they hold, and what is printed of them, is most of the memory that reading a capture takes.
	batches = 8
)

// Lane decodes some of the sessions of a capture, and prints what it shows into memory. One goroutine calls it.
type Lane interface {
	captures.Sink
	// Printed is the number of octets printed since Swap was called.
	Printed() int
	// Swap gives them, and takes an empty slice whose room it may use for what comes.
	Swap(room []byte) []byte
}

// Ahead lets a capture be read on one processor while its sessions are decoded and printed on others: it is a sink for
// the reader, and deals the sessions out to lanes. What they print is handed on exactly in the order of the file, as if
// there were one lane. It is for files; what comes from a pipe should be shown before more is read.
type Ahead struct {
	lanes []Lane
	write func(session int, printed []byte)

	now      *batch
	sessions map[int]int // the lane of each open session
	given    []int       // octets given to each lane
	queues   []chan *batch
	printed  chan *batch // in order
	free     chan *batch
	done     chan struct{}

	size    atomic.Int64 // octets from which on a batch is handed over
	near    nearby
	steps   int64 // handed over
	reached [maxLanes]progress
}

// progress is the step that a lane is at: everything before it is done.
type progress struct {
	step atomic.Int64
	_    [56]byte // each in a cache line of its own
}

// batch is what was read, in order. The octets of its chunks lie in data.
type batch struct {
	first int64 // the number of its first step in the capture
	steps []step
	data  []byte
	out   [][]byte      // what each lane printed
	ready chan struct{} // each lane says when it has
}

// step is one call of a Sink.
type step struct {
	what    stepKind
	lane    uint8
	session int
	info    *captures.Info
	c       decode.Chunk // without its octets
	at, n   int          // they lie here in data
	end     int          // of what was printed for it, in its lane's out
}

type stepKind uint8

const (
	stepOpen stepKind = iota
	stepChunk
	stepClose
)

// maxLanes is how many lanes are of use: beyond, the reader is what the others wait for.
const maxLanes = 8

// NewAhead begins to hand on to lanes: n of them, but no more than maxLanes, each made by lane. What they print is handed
// to write, piece by piece, by another goroutine; it is valid during the call. Finish must be called.
//
// What a lane needs of the capture beside its own sessions, it asks its place for.
func NewAhead(n int, lane func(*Place) Lane, write func(session int, printed []byte)) *Ahead {
	n = max(1, min(n, maxLanes))
	a := &Ahead{write: write, sessions: map[int]int{}, given: make([]int, n),
		printed: make(chan *batch, batches), free: make(chan *batch, batches), done: make(chan struct{})}
	a.size.Store(batchSize)
	for range batches {
		a.free <- &batch{data: make([]byte, 0, batchSize+maxPacket), out: make([][]byte, n), ready: make(chan struct{}, n)}
	}
	for i := range n {
		a.lanes = append(a.lanes, lane(&Place{a, i}))
		a.queues = append(a.queues, make(chan *batch, batches))
	}
	for i := range n {
		go a.run(i)
	}
	go a.collect()
	a.now = <-a.free
	return a
}

// patience is how long a lane sleeps between two looks at what the others do. It is only ever for a session of TLS 1.2
// or before that resumes another.
const patience = 50 * time.Microsecond

// earlier waits until every lane has done what stands before the step that lane is at. The lane at the earliest step of
// all never waits, so that one always goes on.
func (a *Ahead) earlier(lane int) {
	at := a.reached[lane].step.Load()
	for i := range a.lanes {
		for a.reached[i].step.Load() < at {
			time.Sleep(patience)
		}
	}
}

// Open is captures.Sink's.
func (a *Ahead) Open(i captures.Info) {
	if _, open := a.sessions[i.Session]; !open { // not the second leg of one
		lane := 0
		for k, n := range a.given {
			if n < a.given[lane] {
				lane = k
			}
		}
		a.sessions[i.Session] = lane
	}
	a.add(step{what: stepOpen, session: i.Session, info: &i}, nil)
}

// Chunk is captures.Sink's.
func (a *Ahead) Chunk(session int, c decode.Chunk) {
	data := c.Data
	c.Data = nil
	a.add(step{what: stepChunk, session: session, c: c}, data)
}

// Close is captures.Sink's.
func (a *Ahead) Close(session int, at time.Time) {
	a.add(step{what: stepClose, session: session, c: decode.Chunk{Time: at}}, nil)
	delete(a.sessions, session)
}

// Secrets is captures.Sink's. The lanes ask for them at their Place.
func (a *Ahead) Secrets(keylog []byte) {
	at := a.steps + int64(len(a.now.steps))
	for !a.near.add(at, a.slowest(), keylog) {
		a.settle()
	}
}

// slowest is the step that the last of the lanes is at.
func (a *Ahead) slowest() int64 {
	at := a.reached[0].step.Load()
	for i := range a.lanes {
		at = min(at, a.reached[i].step.Load())
	}
	return at
}

// settle waits until the lanes have done all that was read.
func (a *Ahead) settle() {
	if len(a.now.steps) > 0 {
		a.hand()
	}
	var idle []*batch
	for range batches - 1 { // all but the one being filled
		idle = append(idle, <-a.free)
	}
	for _, b := range idle {
		a.free <- b
	}
}

// stepCost is what a step costs a lane beside its octets, in octets.
const stepCost = 512

func (a *Ahead) add(s step, data []byte) {
	b := a.now
	lane := a.sessions[s.session]
	a.given[lane] += len(data) + stepCost
	s.lane, s.at, s.n = uint8(lane), len(b.data), len(data)
	b.data = append(b.data, data...)
	b.steps = append(b.steps, s)
	if int64(len(b.data)) >= a.size.Load() || len(b.steps) >= batchSteps {
		a.hand()
	}
}

// hand hands the batch being filled to every lane.
func (a *Ahead) hand() {
	a.now.first = a.steps
	a.steps += int64(len(a.now.steps))
	for _, q := range a.queues {
		q <- a.now
	}
	a.printed <- a.now
	a.now = <-a.free
}

// Finish returns when everything was handed on and written. Nothing may follow.
func (a *Ahead) Finish() {
	a.hand()
	for _, q := range a.queues {
		close(q)
	}
	close(a.printed)
	<-a.done
}

// run works off the steps of one lane.
func (a *Ahead) run(lane int) {
	l := a.lanes[lane]
	for b := range a.queues[lane] {
		for i := range b.steps {
			if s := &b.steps[i]; int(s.lane) == lane {
				a.reached[lane].step.Store(b.first + int64(i))
				s.do(l, b.data)
				s.end = l.Printed()
			}
		}
		b.out[lane] = l.Swap(b.out[lane][:0])
		a.reached[lane].step.Store(b.first + int64(len(b.steps)))
		b.ready <- struct{}{}
	}
}

func (s *step) do(l Lane, data []byte) {
	switch s.what {
	case stepOpen:
		l.Open(*s.info)
	case stepChunk:
		if s.n > 0 {
			s.c.Data = data[s.at : s.at+s.n : s.at+s.n]
		}
		l.Chunk(s.session, s.c)
	case stepClose:
		l.Close(s.session, s.c.Time)
	}
}

// collect writes what the lanes printed, in the order of the steps.
func (a *Ahead) collect() {
	defer close(a.done)
	written := make([]int, len(a.lanes))
	for b := range a.printed {
		for range a.lanes {
			<-b.ready
		}
		clear(written)
		for i := range b.steps {
			s := &b.steps[i]
			if from := written[s.lane]; s.end > from {
				a.write(s.session, b.out[s.lane][from:s.end])
				written[s.lane] = s.end
			}
		}
		a.fit(b)
		clear(b.steps)
		b.steps, b.data = b.steps[:0], b.data[:0]
		a.free <- b
	}
}

// fit makes the batches to come as large as this one should have been for what it printed, and lets go of what it took too
// much for that.
func (a *Ahead) fit(b *batch) {
	printed := 0
	for i, out := range b.out {
		if printed += len(out); cap(out) > 2*maxPrinted {
			b.out[i] = nil
		}
	}
	if n := len(b.data); n >= minBatch && printed > 0 {
		a.size.Store(max(minBatch, min(batchSize, int64(n)*maxPrinted/int64(printed))))
	}
}
