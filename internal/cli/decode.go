package cli

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
	"facteur/internal/watch"
)

type decodeFlags struct {
	keylog, rsaKeys []string
	format, as      string
	filter          string
	showSecrets     bool
	digest, records bool
	noNotes         bool
}

func (a *app) decodeCommand() *cobra.Command {
	var f decodeFlags
	c := &cobra.Command{
		Use:   "decode FILE|- ...",
		Short: "Print the annotated transcript of capture files",
		Long: `Reads pcap and pcapng files (also gzip), or a live pipe, and prints every mail session in them, explained line by line.
TLS is opened with the secrets that the file itself holds, with a key log file, or with the server's RSA key.`,
		Example: `  facteur decode session.pcapng
  facteur decode capture.pcap --keylog keys.txt --format jsonl
  tcpdump -U -i lo -w - port 143 | facteur decode -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.decode(f, args) },
	}
	c.Flags().StringArrayVar(&f.keylog, "keylog", nil, "NSS key log file that opens TLS sessions (SSLKEYLOGFILE)")
	c.Flags().StringArrayVar(&f.rsaKeys, "rsa-key", nil, "server's RSA private key (PEM), for sessions with RSA key exchange")
	c.Flags().StringVar(&f.format, "format", "text", "text or jsonl")
	c.Flags().StringVar(&f.as, "as", "", "decode every session as smtp, smtps, lmtp, pop3, pop3s, imap, imaps or sieve")
	c.Flags().StringVar(&f.filter, "filter", "", "print only what matches, as in facteur captures search: 'smtp code:5xx'")
	c.Flags().BoolVar(&f.showSecrets, "show-secrets", false, "show passwords and tokens instead of masking them")
	c.Flags().BoolVar(&f.digest, "digest", false, "add SHA-256 digests of each side's octets to session.close")
	c.Flags().BoolVar(&f.records, "records", false, "text: show TLS records too")
	c.Flags().BoolVar(&f.noNotes, "no-notes", false, "text: leave the explanations out")
	return c
}

// protocols that --as takes.
var protocols = map[string]bool{"": true, "smtp": true, "smtps": true, "submission": true, "lmtp": true, "pop3": true, "pop3s": true, "imap": true, "imaps": true, "sieve": true}

func (a *app) decode(f decodeFlags, files []string) error {
	if !protocols[f.as] {
		return misuse("--as %s: the protocols are smtp, smtps, submission, lmtp, pop3, pop3s, imap, imaps and sieve", f.as)
	}
	p, err := a.printerFor(f.format)
	if err != nil {
		return err
	}
	if t, ok := p.(*transcript); ok {
		t.wire, t.explain = f.records, !f.noNotes
	}
	if p, err = a.filteredBy(f.filter, p); err != nil {
		return err
	}
	keys, err := loadKeys(f.keylog, f.rsaKeys)
	if err != nil {
		return err
	}
	failed := false
	offset := 0
	for _, name := range files {
		r := &reading{p: p, by: offset, file: watch.File{Keys: keys, As: f.as, ShowSecrets: f.showSecrets, Digest: f.digest, Passing: true}}
		err = a.read(name, r)
		offset += r.top()
		if perr := p.Flush(); perr != nil {
			return fmt.Errorf("write standard output: %w", perr)
		}
		if err != nil {
			failed = true
			a.logs.Error(err.Error())
		}
	}
	if failed {
		return errTold
	}
	return nil
}

// reading is the reading of one capture.
type reading struct {
	p     pages
	by    int        // added to the numbers of its sessions
	file  watch.File // as every lane begins
	lanes []*lane
}

// lane decodes and prints some of a capture's sessions.
type lane struct {
	watch.File
	pages
	by, top int
}

func (r *reading) lane(p pages) *lane {
	l := &lane{File: r.file, pages: p, by: r.by}
	l.File.Show = l
	r.lanes = append(r.lanes, l)
	return l
}

// Publish counts sessions on over several files.
func (l *lane) Publish(session int, events []decode.Event) {
	l.top = max(l.top, session)
	l.pages.Publish(session+l.by, events)
}

// Octets shows nothing: nobody asks for them.
func (l *lane) Octets(int, decode.Leg, decode.Side, decode.Layer, int64, []byte) {}

// top is the highest number of a session in the file.
func (r *reading) top() (top int) {
	for _, l := range r.lanes {
		top = max(top, l.top)
	}
	return top
}

// read reads a capture. A file is read ahead of what is decoded and printed, its sessions side by side; what a pipe
// brings is printed as it comes.
func (a *app) read(name string, r *reading) error {
	if name == "-" {
		return captures.Read(a.in, "standard input", &flushing{r.lane(r.p)})
	}
	if st, err := os.Stat(name); err != nil || !st.Mode().IsRegular() {
		return captures.ReadFile(name, &flushing{r.lane(r.p)})
	}
	defer debug.SetGCPercent(debug.SetGCPercent(readGC))
	ahead := watch.NewAhead(runtime.GOMAXPROCS(0), func(earlier func()) watch.Lane {
		l := r.lane(r.p.lane())
		l.Earlier, l.Room = earlier, new(decode.Room)
		return l
	}, func(session int, printed []byte) { r.p.join(session+r.by, printed) })
	defer ahead.Finish()
	return captures.ReadFile(name, ahead)
}

// readGC is how much garbage may lie about while a file is read, in percent of what is in use: that is a few megabytes
// whatever the size of the file, and collecting more seldom costs less time and stays far below 100 MB.
const readGC = 200

// flushing prints at once what a live pipe brought.
type flushing struct{ *lane }

func (f *flushing) Chunk(session int, c decode.Chunk) {
	f.lane.Chunk(session, c)
	f.pages.Flush()
}

func (a *app) printerFor(format string) (pages, error) {
	switch format {
	case "text":
		return a.transcript(a.out), nil
	case "jsonl":
		return &jsonl{page{w: a.out}}, nil
	}
	return nil, misuse("--format %s: the formats are text and jsonl", format)
}

// loadKeys reads key logs and RSA keys.
func loadKeys(keylogs, rsaKeys []string) (*tlswire.KeyLog, error) {
	keys := new(tlswire.KeyLog)
	for _, name := range keylogs {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("key log: %w", err)
		}
		if keys.Add(text) == 0 {
			return nil, fmt.Errorf("key log %s: no line of an NSS key log in it (\"CLIENT_RANDOM 64-hex-digits secret\")", name)
		}
	}
	for _, name := range rsaKeys {
		k, err := readRSAKey(name)
		if err != nil {
			return nil, fmt.Errorf("RSA key %s: %w", name, err)
		}
		keys.AddRSAKey(k)
	}
	return keys, nil
}

func readRSAKey(name string) (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
			return k, nil
		}
		if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if r, ok := k.(*rsa.PrivateKey); ok {
				return r, nil
			}
		}
	}
	return nil, errors.New("no RSA private key in PEM form (BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY)")
}
