package proxy

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"facteur/decode"
)

// Most of a mail session is small: a command, a reply. What such a turn costs a relay is less its octets than being woken for
// it: Go's scheduler parks a goroutine for each direction, wakes it on whatever thread is free, and reads once more to learn
// that there is nothing. So the two directions of a session that has settled are carried by a loop: one goroutine that waits for
// many sessions at a time and takes each turn itself.
//
// A loop waits for no session. What may take its time is done by the session's own goroutines, which wait meanwhile: a peer
// that does not read, an observer that is behind, a large message, a command that the watch does not know, the end. The loop
// hands the session back to them, and may have it again once it is calm.

// loops are those of a server, made when sessions come that want one: as many as there are processors, or maxLoops.
type loops struct {
	mu    sync.Mutex
	all   []*loop
	spare *os.File // for the moment in which a connection that leaves a loop has two descriptors
}

// maxLoops relay more than any number of people send.
const maxLoops = 4

// one gives the loop with the fewest sessions for one more, nil if the system has none to give.
func (ls *loops) one() *loop {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	var least *loop
	for _, l := range ls.all {
		if least == nil || l.sessions.Load() < least.sessions.Load() {
			least = l
		}
	}
	if least == nil || least.sessions.Load() > 0 && len(ls.all) < min(runtime.GOMAXPROCS(0), maxLoops) {
		l, err := newLoop()
		if err != nil {
			return least
		}
		if ls.all = append(ls.all, l); ls.spare == nil {
			ls.spare, _ = os.Open(os.DevNull)
		}
		go l.run()
		least = l
	}
	return least
}

// close ends the loops; no session is in any of them.
func (ls *loops) close() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.all {
		l.post(nil)
		<-l.done
	}
	ls.all = nil
	ls.spare.Close()
}

// attach gives a connection back to Go's poller, where no descriptor is left but the spare one.
func (ls *loops) attach(w *wire) error {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.spare.Close()
	defer func() { ls.spare, _ = os.Open(os.DevNull) }() // nil, and no spare, if another one was quicker
	return w.attach()
}

// loop carries the sessions it was given. All but what mu guards belongs to its goroutine.
type loop struct {
	poll int // epoll, level-triggered
	bell int // an eventfd: something was posted
	done chan struct{}

	sessions atomic.Int64 // that it has, or is about to

	gate *os.File        // an eventfd that Go's poller knows
	way  syscall.RawConn // through the gate
	gave time.Time       // when it gave way last

	room   []byte       // what is read is read into it
	places []*direction // by the number that their events come with
	free   []int32      // places that are empty

	mu     sync.Mutex
	posted []*pair // to be taken in, or to be handed back; nil: the end
}

// bellPlace is the number of the bell's events.
const bellPlace = -1

// loopRoom is how much is read at once: what is more is left to a goroutine soon.
const loopRoom = 64 << 10

// maxReady is how many events are taken at a time.
const maxReady = 128

func newLoop() (*loop, error) {
	l := &loop{done: make(chan struct{}), room: make([]byte, loopRoom)}
	var errs [3]error
	var gate int
	l.poll, errs[0] = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	l.bell, errs[1] = eventfd()
	gate, errs[2] = eventfd()
	l.gate = os.NewFile(uintptr(gate), "gate")
	err := errors.Join(errs[:]...)
	if err == nil {
		err = l.watch(l.bell, bellPlace)
	}
	if err == nil {
		l.way, err = l.gate.SyscallConn()
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func eventfd() (int, error) {
	fd, _, errno := syscall.Syscall(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if errno != 0 {
		return -1, os.NewSyscallError("eventfd2", errno)
	}
	return int(fd), nil
}

func (l *loop) close() {
	syscall.Close(l.poll)
	syscall.Close(l.bell)
	l.gate.Close()
}

func (l *loop) watch(fd int, place int32) error {
	return syscall.EpollCtl(l.poll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: place})
}

// post hands the loop a session, asks for one back, or (nil) ends the loop.
func (l *loop) post(p *pair) {
	l.mu.Lock()
	l.posted = append(l.posted, p)
	l.mu.Unlock()
	ring(uintptr(l.bell))
}

func (l *loop) run() {
	defer close(l.done)
	defer l.close()
	ready := make([]syscall.EpollEvent, maxReady)
	for {
		n := l.wait(ready)
		for i := range ready[:n] {
			if place := ready[i].Fd; place == bellPlace {
				if !l.rung() {
					return
				}
			} else if d := l.places[place]; d != nil && !d.turn(l.room) { // nil: handed back since
				l.handBack(d.pair)
			}
		}
	}
}

// wait gives what is ready. Before it sleeps, it lets others run; with several sessions it also looks before and behind that:
// something is often there at once, and to be woken costs more than looking.
func (l *loop) wait(ready []syscall.EpollEvent) int {
	if now := time.Now(); now.Sub(l.gave) > maxBusy {
		l.giveWay()
		l.gave = now
	}
	several := l.sessions.Load() > 1
	if n := l.look(ready, several); n > 0 {
		return n
	}
	runtime.Gosched()
	if n := l.look(ready, several); n > 0 {
		return n
	}
	n, err := syscall.EpollWait(l.poll, ready, -1)
	if err != nil { // EINTR
		return 0
	}
	return n
}

// maxBusy is how long Go's poller may be without a look.
const maxBusy = 250 * time.Microsecond

// giveWay has Go's scheduler look at its own poller, which it does only when nothing can run; and a loop that is busy always
// can. Without, whatever is in no loop (a new client, a handshake, the page) would be served every ten milliseconds.
func (l *loop) giveWay() {
	rung := false
	l.way.Read(func(fd uintptr) (done bool) {
		if rung {
			return true
		}
		rung = true
		ring(fd)
		return false // wait for what was rung
	})
}

// ring makes an eventfd ready.
func ring(fd uintptr) {
	one := uint64(1)
	syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&one)), 8) // it fails when it is ready for ever
}

// look gives what is ready now.
func (l *loop) look(ready []syscall.EpollEvent, worthwhile bool) int {
	if !worthwhile {
		return 0
	}
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(l.poll), uintptr(unsafe.Pointer(&ready[0])), uintptr(len(ready)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// rung does what was posted, and reports whether the loop goes on.
func (l *loop) rung() bool {
	var count [8]byte
	syscall.Read(l.bell, count[:])
	l.mu.Lock()
	posted := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, p := range posted {
		switch {
		case p == nil:
			return false
		case p.in && p.recalled.Load():
			l.handBack(p)
		case !p.in && !p.over:
			l.takeIn(p)
		}
	}
	return true
}

func (l *loop) takeIn(p *pair) {
	p.in = true
	for _, d := range p.directions {
		if len(l.free) == 0 {
			l.places = append(l.places, nil)
			l.free = append(l.free, int32(len(l.places)-1))
		}
		d.place = l.free[len(l.free)-1]
		l.free = l.free[:len(l.free)-1]
		l.places[d.place] = d
		if err := l.watch(d.from.wire.fd, d.place); err != nil { // the system has no memory for it
			p.recalled.Store(true)
		}
	}
	client, server := p.directions[decode.Client], p.directions[decode.Server]
	if p.recalled.Load() || !client.turn(l.room) || !server.turn(l.room) { // TLS may hold octets that came before
		l.handBack(p)
	}
}

// handBack gives a session back to its own goroutines.
func (l *loop) handBack(p *pair) {
	p.in, p.over = false, true
	l.sessions.Add(-1)
	for _, d := range p.directions {
		syscall.EpollCtl(l.poll, syscall.EPOLL_CTL_DEL, d.from.wire.fd, nil)
		l.places[d.place] = nil
		l.free = append(l.free, d.place)
	}
	close(p.handed)
}
