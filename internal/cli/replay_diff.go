package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"facteur/replay"
)

func (a *app) replayDiffCommand() *cobra.Command {
	var f readFlags
	var format string
	var sessions []int
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "Lay two recorded sessions side by side, step by step",
		Long: `A and B are recordings; FILE#N is its session N, --session gives one number for both or one for each. Without a number, the
first mail session is taken. Tags, dates, ids, nonces and ports do not count, nor does what a session says only to
come into TLS. Exit status: 0 the sessions are equal, 1 they differ.`,
		Example: `  facteur replay diff clear.pcapng starttls.pcapng
  facteur replay diff session.pcapng#1 session.pcapng#4 --format json`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error { return a.replayDiff(args, sessions, &f, format) },
	}
	c.Flags().StringArrayVar(&f.keylog, "keylog", nil, "NSS key log file that opens TLS sessions")
	c.Flags().StringArrayVar(&f.rsaKeys, "rsa-key", nil, "server's RSA private key (PEM)")
	c.Flags().StringVar(&f.as, "as", "", "decode every session as this protocol")
	c.Flags().IntSliceVar(&sessions, "session", nil, "the session of A and of B: N, or N,M")
	c.Flags().StringVar(&format, "format", "text", "text or json")
	return c
}

// diffReport is the JSON of a difference.
type diffReport struct {
	A     *replay.Dialogue `json:"a"`
	B     *replay.Dialogue `json:"b"`
	Equal bool             `json:"equal"`
	Rows  []replay.DiffRow `json:"rows"`
}

func (a *app) replayDiff(args []string, sessions []int, f *readFlags, format string) error {
	if format != "text" && format != "json" {
		return misuse("--format %s: the formats are text and json", format)
	}
	if len(sessions) > 2 {
		return misuse("--session: one number for both, or two")
	}
	var both [2]*replay.Dialogue
	for i, arg := range args {
		n := 0
		if len(sessions) > 0 {
			n = sessions[min(i, len(sessions)-1)]
		}
		d, err := a.oneDialogue(arg, n, f)
		if err != nil {
			return err
		}
		both[i] = d
	}
	rows := replay.Diff(both[0], both[1])
	equal := replay.Equal(rows)
	if format == "json" {
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(diffReport{brief(both[0]), brief(both[1]), equal, rows}); err != nil {
			return fmt.Errorf("write standard output: %w", err)
		}
	} else {
		a.diffText(a.out, both[0], both[1], rows)
	}
	if !equal {
		return errTold
	}
	return nil
}

// brief is a dialogue without its steps, which the rows hold.
func brief(d *replay.Dialogue) *replay.Dialogue {
	b := *d
	b.Steps = nil
	return &b
}

// oneDialogue reads FILE or FILE#N.
func (a *app) oneDialogue(arg string, session int, f *readFlags) (*replay.Dialogue, error) {
	file := arg
	if i := strings.LastIndexByte(arg, '#'); i >= 0 {
		if n, err := strconv.Atoi(arg[i+1:]); err == nil && n > 0 {
			file, session = arg[:i], n
		}
	}
	all, err := a.dialogues(file, session, f)
	if err != nil {
		return nil, err
	}
	if len(all[0].Missing) > 0 {
		a.logs.Warn(a.incomplete(all[0]))
	}
	return all[0], nil
}

// diffText prints a difference as diff programs do: = same, ~ changed, < only in A, > only in B; | for the way into TLS.
func (a *app) diffText(w io.Writer, x, y *replay.Dialogue, rows []replay.DiffRow) {
	name := func(d *replay.Dialogue) string {
		return fmt.Sprintf("%s, %s %d, %s", upper(d.Protocol), a.say("séance", "session"), d.Session, a.securityName(d.Security))
	}
	fmt.Fprintf(w, "A  %s\nB  %s\n", name(x), name(y))
	counts := map[string]int{}
	for i := range rows {
		r := &rows[i]
		sign := map[string]string{replay.DiffSame: "=", replay.DiffChanged: "~", replay.DiffOnlyA: "<", replay.DiffOnlyB: ">"}[r.Op]
		if r.Upgrade && r.Op != replay.DiffSame {
			counts["upgrade"]++
			sign += "|"
		} else {
			counts[r.Op]++
		}
		a.diffRow(w, sign, r)
	}
	fmt.Fprintf(w, a.say("%d pareilles, %d changées, %d seulement dans A, %d seulement dans B, %d pour passer en TLS\n",
		"%d same, %d changed, %d only in A, %d only in B, %d to come into TLS\n"),
		counts[replay.DiffSame], counts[replay.DiffChanged], counts[replay.DiffOnlyA], counts[replay.DiffOnlyB], counts["upgrade"])
}

func (a *app) securityName(s string) string {
	switch s {
	case replay.StartTLS:
		return "STARTTLS"
	case replay.ImplicitTLS:
		return a.say("TLS implicite", "implicit TLS")
	}
	return a.say("en clair", "in clear")
}

// diffRow prints one row: one line if both are the same, else what differs.
func (a *app) diffRow(w io.Writer, sign string, r *replay.DiffRow) {
	one := r.A
	if one == nil {
		one = r.B
	}
	fmt.Fprintf(w, "%-2s %s\n", sign, visible(a.diffStepName(one)))
	if r.Op != replay.DiffChanged {
		return
	}
	if r.Asked {
		fmt.Fprintf(w, "     A -> %s\n     B -> %s\n", visible(r.A.Line), visible(r.B.Line))
	}
	if r.Replied {
		left, right := differing(strings.Split(r.A.Answer, "\n"), strings.Split(r.B.Answer, "\n"))
		for _, l := range left {
			fmt.Fprintf(w, "     A <- %s\n", visible(l))
		}
		for _, l := range right {
			fmt.Fprintf(w, "     B <- %s\n", visible(l))
		}
	}
}

// diffStepName is a step as it is listed.
func (a *app) diffStepName(s *replay.DiffSide) string {
	switch s.Kind {
	case replay.StepGreeting:
		return a.say("(accueil du serveur)", "(the server’s greeting)")
	case replay.StepUpgrade:
		return "(" + s.Verb + ")"
	}
	line, _, _ := strings.Cut(s.Line, "\n")
	return line
}

// maxDiffLines is how many lines of each answer are printed.
const maxDiffLines = 8

// differing gives the lines of two answers without their common beginning and end.
func differing(a, b []string) (left, right []string) {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	short := func(l []string) []string {
		if len(l) > maxDiffLines {
			return append(append([]string{}, l[:maxDiffLines]...), "…")
		}
		return l
	}
	return short(a), short(b)
}
