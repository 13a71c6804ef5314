package cli

import "runtime"

// heapFloor octets are kept allocated and never touched, so that they take no memory. The collector runs when the heap has
// doubled; that of a proxy with few sessions is so small that it would run twenty times a second for nothing, and take a
// quarter of what a connection costs. With thousands of sessions the floor does not matter any more, as it should be.
const heapFloor = 8 << 20

// raiseHeap puts the floor under the heap, until the function that it gives is called.
func raiseHeap() (lower func()) {
	floor := make([]byte, heapFloor)
	return func() { runtime.KeepAlive(floor) }
}
