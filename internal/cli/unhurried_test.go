package cli

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// A reader of the transcript that stands still holds nobody up; what is left out is counted and said, and what it reads
// afterwards is whole lines in order.
func TestUnhurried(t *testing.T) {
	in, out := io.Pipe()
	u := newUnhurried(out)
	behind, missing := 0, make(chan int, 1)
	u.behind = func() { behind++ }
	u.caught = func(lines int) { missing <- lines }
	line := []byte(strings.Repeat("x", 1<<10-1) + "\n")
	const sent = 2*maxUnread>>10 + 5000 // one part may already be on its way to the reader while another waits
	for range sent {
		if n, err := u.Write(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	if behind != 1 {
		t.Errorf("told %d times that nobody reads", behind)
	}
	read := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(in)
		read <- b
	}()
	lost := <-missing
	u.drain()
	u.Write([]byte("the end\n"))
	u.drain()
	out.Close()
	b := <-read
	if got := bytes.Count(b, line); got+lost != sent || lost == 0 || !bytes.HasSuffix(b, []byte("\nthe end\n")) {
		t.Errorf("%d lines read and %d missing of %d", got, lost, sent)
	}
}
