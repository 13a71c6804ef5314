package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"facteur/internal/lab"
)

// practiceServer is a command of the stories: a practice server at an address, on the registered ports; its authority's
// certificate goes into a file.
func practiceServer() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	s, err := lab.Start(ctx, lab.Options{Host: os.Args[1], Ports: map[string]int{lab.IMAP: 143, lab.IMAPS: 993, lab.Submission: 587, lab.POP3: 110}})
	if err == nil {
		err = os.WriteFile(os.Args[2]+".new", s.Authority().PEM(), 0o644)
	}
	if err == nil {
		err = os.Rename(os.Args[2]+".new", os.Args[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-ctx.Done()
	s.Close()
}
