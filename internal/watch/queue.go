package watch

import (
	"bytes"
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
	eager = 256 << 10
	// backlog is how many octets of a session may wait to be decoded and recorded. A relay that gets further ahead waits:
	// what was relayed is never left out of a recording, and memory stays bounded.
	backlog = 512 << 10
	// maxJobs bounds what waits in the same way, where octets come one by one.
	maxJobs = 4 << 10
	// stallTime is how long a relay may wait before that is said: a disk under load takes tenths of a second.
	stallTime = time.Second
)

// job is one thing that was observed, in order. Its octets, or the lines of a key log, lie in the inbox.
type job struct {
	time  time.Time
	told  *decode.Told
	lost  int
	at, n uint32
	what  jobKind
	leg   decode.Leg
	from  decode.Side
	end   decode.End
	same  bool // its octets are those of the job before, of the other leg
}

type jobKind uint8

const (
	jobChunk jobKind = iota
	jobSecrets
	jobExpect  // a handshake began
	jobSettled // and ended
	jobRetry   // secrets may have come
	jobLast
)

func chunkJob(c decode.Chunk) job {
	return job{time: c.Time, told: c.Told, lost: c.Lost, leg: c.Leg, from: c.From, end: c.End}
}

func (j *job) chunk(data []byte) decode.Chunk {
	return decode.Chunk{Time: j.time, Told: j.told, Lost: j.lost, Leg: j.leg, From: j.from, End: j.end, Data: data}
}

// inbox holds what was observed and not looked at yet: the octets of all jobs lie in one piece of memory, which the
// sessions hand on to one another, so that an idle session holds none. Jobs may share octets: nobody changes them.
type inbox struct {
	jobs []job
	data []byte
}

var inboxes = sync.Pool{New: func() any { return new(inbox) }}

// hold gives a job its octets: a copy of them. In clear, a relay says on one leg what it has just heard on the other, and
// then they are there already, still in the processor's cache.
func (in *inbox) hold(j *job, data []byte) {
	j.at, j.n = uint32(len(in.data)), uint32(len(data))
	if n := len(in.jobs); n > 0 {
		last := &in.jobs[n-1]
		j.same = last.leg != j.leg && !last.same && bytes.Equal(in.data[last.at:last.at+last.n], data)
		if j.same {
			j.at = last.at
			return
		}
	}
	in.data = append(in.data, data...)
}

func (in *inbox) recycle() {
	clear(in.jobs)
	in.jobs, in.data = in.jobs[:0], in.data[:0]
	inboxes.Put(in)
}

// memory counts the octets that wait in all queues together.
type memory struct {
	limit int64
	used  atomic.Int64
}

func (m *memory) spent() bool { return m.used.Load() >= m.limit }

// queue hands the jobs of a session on: one at a time, in order, in batches.
type queue struct {
	do      func(*job, []byte)
	done    func()                    // after each batch
	stalled func(time.Duration, bool) // a put waits for so long (true), or has waited (false)
	memory  *memory

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

func (q *queue) init(c *clock, m *memory) {
	q.clock, q.memory = c, m
	q.room.L = &q.mu
}

// put adds a job, with a copy of its octets, and reports whether the queue is full by then: whoever puts should await.
func (q *queue) put(j job, data []byte) (full bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.in == nil {
		q.in = inboxes.Get().(*inbox)
	}
	in := q.in
	had := len(in.data)
	in.hold(&j, data)
	in.jobs = append(in.jobs, j)
	if n := len(in.data) - had; n > 0 {
		q.memory.used.Add(int64(n))
	}
	switch {
	case q.state == working:
	case len(in.data) >= eager || len(in.jobs) >= maxJobs:
		q.state = working
		go q.work()
	case q.state == resting:
		q.arm()
	}
	return q.full()
}

// await returns when something may be put.
func (q *queue) await() {
	var waited time.Duration
	q.mu.Lock()
	if q.full() {
		waited = q.wait()
	}
	q.mu.Unlock()
	if waited >= stallTime {
		q.stalled(waited, false)
	}
}

// full reports whether whoever puts should await. While the memory of all sessions is spent, each may still put what
// comes next once everything of its own is worked off: none waits for another's end. The caller holds mu.
func (q *queue) full() bool {
	return q.in != nil && (len(q.in.data) >= backlog || len(q.in.jobs) >= maxJobs) ||
		(q.in != nil || q.state == working) && q.memory.spent()
}

// wait returns when something may be put, and gives how long that took. The caller holds mu.
func (q *queue) wait() time.Duration {
	begun := time.Now()
	alarm := time.AfterFunc(stallTime, func() { q.stalled(stallTime, true) })
	defer alarm.Stop()
	for q.full() {
		if q.state == armed {
			q.state = working
			go q.work()
		}
		q.room.Wait()
	}
	return time.Since(begun)
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
			q.do(j, in.data[j.at:j.at+j.n:j.at+j.n])
		}
		q.memory.used.Add(-int64(len(in.data)))
		in.recycle()
		q.done()
		q.mu.Lock()
		if q.in == nil {
			q.state = resting
			break
		}
		if len(q.in.data) < eager && len(q.in.jobs) < maxJobs && !q.memory.spent() {
			q.arm()
			break
		}
	}
	q.mu.Unlock()
	q.room.Broadcast() // with memory spent, a put waits for the end of the work
}
