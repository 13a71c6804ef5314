package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"facteur/captures"
	"facteur/internal/bilingual"
)

// rotation says when a run begins another recording. The zero value: never.
type rotation struct {
	size int64         // octets of the file; 0 for any
	age  time.Duration // of the file; 0 for any
}

// minRotation keeps a slip from making thousands of files.
const (
	minRotationSize = 64 << 10
	minRotationAge  = time.Second
)

// octetUnits are what a size may end with. The larger stand before those that end like them.
var octetUnits = []struct {
	name string
	size int64
}{{"GB", 1 << 30}, {"GO", 1 << 30}, {"MB", 1 << 20}, {"MO", 1 << 20}, {"KB", 1 << 10}, {"KO", 1 << 10}}

// parseRotation reads a size, a time, or both: 100MB, 1h, 100MB,1h.
func parseRotation(s string) (r rotation, err error) {
	if s == "" {
		return r, nil
	}
	for _, part := range strings.Split(s, ",") {
		part = strings.TrimSpace(part)
		if size, ok := parseSize(part); ok {
			if r.size = size; size < minRotationSize {
				return r, bilingual.Errorf("%s is less than the smallest size, 64KB", "%s est moins que la plus petite taille, 64KB", part)
			}
			continue
		}
		age, err := time.ParseDuration(part)
		if err != nil {
			return r, bilingual.Errorf("%q is neither a size (100MB, 1GB) nor a time (30m, 1h)", "%q n’est ni une taille (100MB, 1GB) ni une durée (30m, 1h)", part)
		}
		if r.age = age; age < minRotationAge {
			return r, bilingual.Errorf("%s is less than the shortest time, 1s", "%s est moins que la plus courte durée, 1s", part)
		}
	}
	return r, nil
}

func parseSize(s string) (int64, bool) {
	upper := strings.ToUpper(s)
	for _, u := range octetUnits {
		if number, is := strings.CutSuffix(upper, u.name); is {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			return int64(n * float64(u.size)), err == nil && n > 0 && n < 1<<20
		}
	}
	return 0, false
}

// due reports whether a recording is full or old.
func (r rotation) due(size int64, age time.Duration) bool {
	return r.size > 0 && size >= r.size || r.age > 0 && age >= r.age
}

// startRecording makes ready to record, and repairs what an earlier run that was killed left unfinished.
func (a *app) startRecording(o stationOptions) (*recording, error) {
	tape, err := newRecording(o.record, o.name, o.title, func(path string) { a.logs.Info(a.say("enregistrement", "recording"), "file", path) })
	if err != nil {
		return nil, err
	}
	tape.rotate = o.rotate
	tape.ended = func(path string, r captures.Repaired, err error) {
		switch {
		case err != nil:
			a.logs.Error(a.say("la fin de l’enregistrement n’a pas pu être réparée ; facteur captures repair le fera", "the end of the recording could not be repaired; facteur captures repair will"), "file", path, "err", err)
		case r.Octets > 0:
			a.logs.Warn(a.repairedWords(), "file", path, "offset", r.Offset, "octets", r.Octets)
		}
	}
	all, err := captures.RepairFolder(o.record)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		a.logs.Warn(a.repairedWords(), "file", r.Path, "offset", r.Offset, "octets", r.Octets)
	}
	return tape, nil
}

func (a *app) repairedWords() string {
	return a.say("un enregistrement était inachevé : sa fin a été ôtée, ce qui précède est entier", "a recording was unfinished: its end was taken off, what comes before is whole")
}

func (a *app) repairCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "repair FILE...",
		Short: "Take the unfinished end off recordings that a kill or a full disk left",
		Long: `What was written before stays as it is; sessions that were open tell of the repair wherever the recording is read.
Recordings in the folder of facteur proxy are repaired when it starts. What is wrong otherwise is told and left alone.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			var errs []error
			for _, path := range args {
				r, err := captures.Repair(path)
				switch {
				case errors.Is(err, captures.ErrRecording):
					err = fmt.Errorf(a.say("%s est en cours d’enregistrement", "%s is being recorded into"), visible(path))
				case err == nil && r.Octets == 0:
					fmt.Fprintf(a.out, a.say("%s : entier\n", "%s: whole\n"), visible(path))
				case err == nil:
					fmt.Fprintf(a.out, a.say("%s : %d octets d’un bloc inachevé ôtés à l’octet %d\n", "%s: %d octets of an unfinished block taken off at octet %d\n"), visible(path), r.Octets, r.Offset)
				}
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		},
	}
}
