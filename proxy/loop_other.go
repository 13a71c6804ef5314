//go:build !linux

package proxy

import "math"

// Loops are Linux's; elsewhere a session is carried by its own two goroutines from beginning to end.

var calmTurns = math.MaxInt

const calmTurn = 0

type (
	loops   struct{}
	looped  struct{}
	meeting struct{ directions [2]*direction }
)

func (*loops) close()                                     {}
func (*meeting) recall()                                  {}
func (*direction) invite() bool                           { return false }
func (*direction) ride() error                            { return nil }
func (*direction) leaves()                                {}
func (*direction) reads()                                 {}
func (*direction) invited(_ int, err error) (bool, error) { return false, err }
