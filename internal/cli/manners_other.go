//go:build !linux

package cli

// standBack is for Linux.
func standBack() {}
