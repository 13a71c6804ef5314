package decode

// maxWaiting is how many commands may wait for their replies: far more than a client sends ahead (RFC 2920 knows no limit,
// a TCP window does). Of a capture of the client's side alone, the older ones are forgotten.
const maxWaiting = 1 << 16

// queue holds what waits for its answer, oldest first. Taking from it costs the same however many wait.
type queue[T any] struct {
	items []T
	from  int // items before it are taken
}

func (q *queue[T]) len() int { return len(q.items) - q.from }

// all gives what waits, oldest first, until the queue is changed.
func (q *queue[T]) all() []T { return q.items[q.from:] }

// first gives the oldest, to be changed in place; there must be one.
func (q *queue[T]) first() *T { return &q.items[q.from] }

func (q *queue[T]) push(v T) {
	if q.len() >= maxWaiting {
		q.pop()
	}
	q.items = append(q.items, v)
}

// pop takes the oldest; there must be one.
func (q *queue[T]) pop() T {
	var none T
	v := q.items[q.from]
	q.items[q.from] = none
	q.from++
	switch {
	case q.from == len(q.items):
		q.items, q.from = q.items[:0], 0
	case q.from >= 64 && 2*q.from >= len(q.items): // room at the front is used again
		n := copy(q.items, q.items[q.from:])
		for i := range q.items[n:] {
			q.items[n+i] = none
		}
		q.items, q.from = q.items[:n], 0
	}
	return v
}

// spread puts several in the place of the first.
func (q *queue[T]) spread(vs []T) {
	q.items = append(vs[:len(vs):len(vs)], q.items[q.from+1:]...)
	q.from = 0
}

func (q *queue[T]) empty() { q.items, q.from = nil, 0 }
