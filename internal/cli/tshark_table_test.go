package cli

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/internal/lab"
	"facteur/proxy"
)

// TestTsharkTable plays every script of the lab through facteur, each into a recording of its own, masked, and holds
// tshark's reading against facteur's: the commands that both see, every encrypted record opened with its tag verified, no
// packet malformed, no checksum wrong. With -v it prints the table.
func TestTsharkTable(t *testing.T) {
	if testing.Short() {
		t.Skip("plays every script, and tshark reads each")
	}
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("tshark is needed in CI: apt-get install tshark")
		}
		t.Skip("tshark is not installed: recordings are not held against it")
	}
	p := startPracticeWith(t, proxy.Intercept, func(o *stationOptions) { optionalLab(t, o) })
	var ids []string
	for _, s := range append(lab.Scripts(), lab.OptionalScripts()...) {
		if strings.HasSuffix(s.ID, "-scram-plus") { // must fail behind a proxy: that is what channel binding is for
			continue
		}
		p.tape.lesson(s.ID, "")
		if err := lab.Play(t.Context(), s, p.targets); err != nil {
			t.Fatalf("%s: %v", s.ID, err)
		}
		ids = append(ids, s.ID)
		recorded(t, p.dir, s.ID)
	}
	p.stop()
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "script\tpackets\tcommands (facteur)\tcommands (tshark)\tsealed records (facteur)\ttags valid (tshark)\tmalformed\ttshark's own limits\tbad checksums\t")
	var sum sharkView
	for _, id := range ids {
		files, _ := filepath.Glob(filepath.Join(p.dir, "rec", "*_"+id+".pcapng"))
		if len(files) != 1 {
			t.Fatalf("%s: %d recordings", id, len(files))
		}
		r := readBoth(t, tshark, files[0])
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", id, r.packets, r.commands, r.shown, r.sealed, r.valid, r.malformed, r.limits, r.checksums)
		r.check(t, id)
		sum.add(&r)
	}
	fmt.Fprintf(w, "%d scripts\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", len(ids), sum.packets, sum.commands, sum.shown, sum.sealed, sum.valid, sum.malformed, sum.limits, sum.checksums)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	version, _ := exec.Command(tshark, "--version").Output()
	first, _, _ := strings.Cut(string(version), "\n")
	t.Logf("%s\n%s", first, table.String())
}

// recorded waits until a script's sessions are known to the recorder, which looks at them in batches: its lesson must not end
// before.
func recorded(t *testing.T, dir, id string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if files, _ := filepath.Glob(filepath.Join(dir, "rec", "*_"+id+".pcapng")); len(files) > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: no recording", id)
		}
	}
}

// optionalLab puts a practice server with all options behind a station's routes.
func optionalLab(t *testing.T, o *stationOptions) {
	t.Helper()
	server, err := lab.Start(t.Context(), lab.Options{Compress: true, Mechanisms: []string{"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	o.upstreamCA = server.Pool()
	for i, d := range demoPorts {
		_, port, _ := net.SplitHostPort(server.Addr(d.service))
		if o.routes[i], err = proxy.ParseRoute(fmt.Sprintf("%s://127.0.0.1:0=%s://localhost:%s", d.scheme, d.scheme, port)); err != nil {
			t.Fatal(err)
		}
	}
}

// sharkView is what facteur and tshark see in a recording. limits are packets that tshark 4.0 calls malformed in any
// capture, masked or not: LOGIN with a literal for the user (RFC 9051, section 4.3), and a response to TOP whose text is no
// number (RFC 1939, section 7 gives "top of message follows").
type sharkView struct{ packets, commands, shown, sealed, valid, malformed, limits, checksums, compressed int }

func (r *sharkView) add(o *sharkView) {
	r.packets, r.commands, r.shown, r.sealed = r.packets+o.packets, r.commands+o.commands, r.shown+o.shown, r.sealed+o.sealed
	r.valid, r.malformed, r.limits, r.checksums = r.valid+o.valid, r.malformed+o.malformed, r.limits+o.limits, r.checksums+o.checksums
}

// check holds the two against each other. tshark does not inflate COMPRESS, and counts the lines of IMAP literals and of
// SASL exchanges as it likes: there the commands need only be visible.
func (r *sharkView) check(t *testing.T, id string) {
	t.Helper()
	switch {
	case r.malformed > 0 || r.checksums > 0:
		t.Errorf("%s: %d malformed packets, %d bad checksums", id, r.malformed, r.checksums)
	case r.valid != r.sealed:
		t.Errorf("%s: tshark verified %d of %d sealed records", id, r.valid, r.sealed)
	case r.shown == 0 || r.compressed == 0 && strings.HasPrefix(id, "pop3") && r.shown < r.commands:
		t.Errorf("%s: tshark shows %d commands of %d", id, r.shown, r.commands)
	}
}

// readBoth has a recording read by both.
func readBoth(t *testing.T, tshark, path string) (r sharkView) {
	t.Helper()
	if err := captures.Walk(path, captures.WalkOptions{Event: func(_ int, e *decode.Event, _ []byte) {
		switch {
		case strings.HasSuffix(e.Kind, ".command"):
			r.commands++
		case e.Kind == "session.upgrade" && e.Field("to") == "deflate":
			r.compressed++
		case e.Kind == "tls.record" && len(e.Notes) > 0 && (strings.HasSuffix(e.Notes[0].ID, ".opened") || strings.HasSuffix(e.Notes[0].ID, ".sealed")):
			r.sealed++
		}
	}}); err != nil {
		t.Fatal(err)
	}
	debug := filepath.Join(t.TempDir(), "tls")
	c := exec.Command(tshark, "-r", path, "-o", "tls.debug_file:"+debug, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields", "-E", "separator=|",
		"-e", "_ws.malformed", "-e", "tcp.checksum.status", "-e", "ip.checksum.status", "-e", "smtp.req.command", "-e", "pop.request.command", "-e", "imap.request.command",
		"-e", "imap.request.username", "-e", "pop.response.description")
	var bad bytes.Buffer
	c.Stderr = &bad
	out, err := c.Output()
	if err != nil {
		t.Fatalf("tshark: %v\n%s", err, &bad)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "|")
		r.packets++
		switch {
		case f[0] == "":
		case strings.HasPrefix(f[6], "{") || strings.HasPrefix(f[7], "Top of message"):
			r.limits++
		default:
			r.malformed++
		}
		if strings.Contains(f[1], "0") || strings.Contains(f[2], "0") { // 1 is good
			r.checksums++
		}
		for _, commands := range f[3:6] {
			if commands != "" {
				r.shown += strings.Count(commands, ",") + 1
			}
		}
	}
	said, err := os.ReadFile(debug)
	if err != nil {
		t.Fatal(err)
	}
	r.valid = bytes.Count(said, []byte("auth_tag(OK)"))
	return r
}
