package cli

import (
	"os"
	"runtime"
	"runtime/debug"
)

const (
	// heapFloor octets are kept allocated and never touched, so that they take no memory. The heap of a proxy with few
	// sessions is so small that the collector would run twenty times a second for nothing, and take a quarter of what a
	// connection costs. With thousands of sessions the floor does not matter any more, as it should be.
	heapFloor = 24 << 20
	// heapGrowth is by how many percent the heap, floor included, grows before the collector runs: a quarter of what is usual.
	// A proxy shares its machine with a browser and the mail client, and most of its memory is buffers, quickly looked through.
	heapGrowth = 25
)

// raiseHeap puts the floor under the heap, until the function that it gives is called. Who sets GOGC has decided otherwise.
func raiseHeap() (lower func()) {
	floor := make([]byte, heapFloor)
	before := heapGrowth
	if os.Getenv("GOGC") == "" {
		before = debug.SetGCPercent(heapGrowth)
	}
	return func() {
		if os.Getenv("GOGC") == "" {
			debug.SetGCPercent(before)
		}
		runtime.KeepAlive(floor)
	}
}
