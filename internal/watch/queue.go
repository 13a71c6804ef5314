package watch

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"facteur/decode"
)

const (
	// lag is how long what was observed may wait to be looked at. Work begun at every chunk would wake a goroutine each
	// time and take the processor from the relay, which is waited for; nobody sees a hundredth of a second in a transcript.
	// It is the same for all, the end of a session included: sessions keep the order in which they began.
	lag = 10 * time.Millisecond
	// eager is how many waiting octets are looked at without more delay, while they are still in the processor's cache.
	eager = 128 << 10
	// backlog is how many octets of a session may wait to be decoded and recorded. A relay that gets further ahead waits:
	// what was relayed is never left out of a recording, and memory stays bounded.
	backlog = 512 << 10
	// maxJobs bounds what waits in the same way, where octets come one by one.
	maxJobs = 8 << 10
)

// job is one thing that was observed, in order.
type job struct {
	c      decode.Chunk
	at, n  int // the octets of c, in the inbox
	leg    decode.Leg
	keylog []byte
	expect int
	retry  bool // secrets may have come
	last   bool
}

// inbox holds what was observed and not looked at yet: the octets of all jobs lie in one piece of memory, which the
// sessions hand on to one another, so that an idle session holds none.
type inbox struct {
	jobs []job
	data []byte
}

var inboxes = sync.Pool{New: func() any { return new(inbox) }}

func (in *inbox) recycle() {
	clear(in.jobs)
	in.jobs, in.data = in.jobs[:0], in.data[:0]
	inboxes.Put(in)
}

// queue hands the jobs of a session on: one at a time, in order, in batches.
type queue struct {
	do   func(*job)
	done func() // after each batch

	mu    sync.Mutex
	room  sync.Cond // somebody waits to put
	in    *inbox    // nil while nothing waits
	state queueState
	clock *clock
}

type queueState uint8

const (
	resting queueState = iota // nothing waits
	armed                     // the clock will begin the work
	working
)

func (q *queue) init(c *clock, do func(*job), done func()) {
	q.clock, q.do, q.done = c, do, done
	q.room.L = &q.mu
}

// put adds a job, with a copy of its octets.
func (q *queue) put(j job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.in != nil && (len(q.in.data) >= backlog || len(q.in.jobs) >= maxJobs) {
		q.room.Wait()
	}
	if q.in == nil {
		q.in = inboxes.Get().(*inbox)
	}
	in := q.in
	j.at, j.n = len(in.data), len(j.c.Data)
	in.data = append(in.data, j.c.Data...)
	j.c.Data = nil
	in.jobs = append(in.jobs, j)
	switch {
	case q.state == working:
	case len(in.data) >= eager || len(in.jobs) >= maxJobs:
		q.state = working
		go q.work()
	case q.state == resting:
		q.arm()
	}
}

// arm lets the work begin soon. The caller holds mu.
func (q *queue) arm() {
	q.state = armed
	q.clock.add(q)
}

// clock begins the work of queues, in the order in which they were armed: that is nearly the order in which their
// sessions came, and a recording has them in it.
type clock struct {
	mu      sync.Mutex
	armed   []*queue
	ticking bool
}

// many is how many queues are worked off one after the other; of more, several are worked on together.
const many = 8

func (c *clock) add(q *queue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = append(c.armed, q)
	if !c.ticking {
		c.ticking = true
		time.AfterFunc(lag, c.tick)
	}
}

func (c *clock) tick() {
	c.mu.Lock()
	qs := c.armed
	c.armed, c.ticking = nil, false
	c.mu.Unlock()
	var next atomic.Int64
	work := func() {
		for i := next.Add(1); i <= int64(len(qs)); i = next.Add(1) {
			qs[i-1].wake()
		}
	}
	for range min(len(qs)/many, runtime.GOMAXPROCS(0)-1) {
		go work()
	}
	work()
}

func (q *queue) wake() {
	q.mu.Lock()
	begin := q.state == armed
	if begin {
		q.state = working
	}
	q.mu.Unlock()
	if begin {
		q.work()
	}
}

// work looks at what waits, until only a little does.
func (q *queue) work() {
	q.mu.Lock()
	for {
		in := q.in
		q.in = nil
		q.mu.Unlock()
		q.room.Broadcast()
		for i := range in.jobs {
			j := &in.jobs[i]
			j.c.Data = in.data[j.at : j.at+j.n : j.at+j.n]
			q.do(j)
		}
		in.recycle()
		q.done()
		q.mu.Lock()
		if q.in == nil {
			q.state = resting
			break
		}
		if len(q.in.data) < eager && len(q.in.jobs) < maxJobs {
			q.arm()
			break
		}
	}
	q.mu.Unlock()
}
