package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"facteur/captures"
	"facteur/captures/library"
	"facteur/decode"
	"facteur/internal/bilingual"
	"facteur/internal/watch"
	"facteur/replay"
	"facteur/web"
)

func (a *app) replayCommand() *cobra.Command {
	var addr, as string
	var keylog, rsaKeys []string
	var showSecrets bool
	c := &cobra.Command{
		Use:   "replay FILE",
		Short: "Play a recording or a capture again in the browser",
		Example: `  facteur replay session.pcapng
  facteur replay capture.pcap --keylog keys.txt`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			keys, err := loadKeys(keylog, rsaKeys)
			if err != nil {
				return err
			}
			if err := a.mayShare("--show-secrets", showSecrets); err != nil {
				return err
			}
			return a.replay(c.Context(), addr, args[0], &watch.File{Keys: keys, As: as, ShowSecrets: showSecrets, Octets: true})
		},
	}
	c.Flags().StringVar(&addr, "web", "127.0.0.1:8025", "address of the page")
	a.shareFlag(c.Flags())
	c.Flags().StringVar(&as, "as", "", "decode every session as this protocol")
	c.Flags().StringArrayVar(&keylog, "keylog", nil, "NSS key log file that opens TLS sessions")
	c.Flags().StringArrayVar(&rsaKeys, "rsa-key", nil, "server's RSA private key (PEM)")
	c.Flags().BoolVar(&showSecrets, "show-secrets", false, "show passwords and tokens instead of masking them")
	c.AddCommand(a.replayServeCommand(), a.replayDiffCommand(), a.replaySendCommand())
	return c
}

const (
	// longFile is from which size on a capture is shown as it is read instead of waiting to be played: nobody plays it
	// from its first second, and everybody wants to see what is in it.
	longFile = 8 << 20

	// replayMemory is where the garbage collector begins to work harder, so that a capture of gigabytes is read within
	// the 300 MB that are promised. What is kept of it (web's tape limits) is far less.
	replayMemory = 200 << 20
)

// filming shows events on the page and to the player.
type filming struct {
	hub    *web.Hub
	player *replay.Player
	begun  chan struct{} // closed by the first event
	any    bool          // it is closed; for the reader's goroutine, and for others once that has ended
}

func (f *filming) Publish(session int, events []decode.Event) {
	if !f.any && len(events) > 0 {
		f.any = true
		close(f.begun)
	}
	f.player.Add(session, events[:f.hub.Publish(session, events)])
}

func (f *filming) Octets(session int, leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
	f.hub.Octets(session, leg, from, layer, at, data)
}

func (a *app) replay(ctx context.Context, addr, file string, sink *watch.File) error {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	st, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	o := a.pageOptions(addr, "replay")
	shelf := a.newArchive(defaultRecordings())
	defer shelf.close()
	o.Archive, o.Library = shelf, shelf.library()
	if path, err := filepath.Abs(file); err == nil && filepath.Dir(path) == shelf.dir && library.IsRecording(path) {
		o.RecordingOf = func(int) string { return filepath.Base(path) } // its marks are the library's
	}
	o.Played = web.Source{Path: file, Name: filepath.Base(file)}
	o.Recording = web.Recording{Dir: filepath.Base(file)}
	page := web.New(*o)
	player := replay.New(replay.Options{OnChange: page.Hub().Player, Whole: st.Size() > longFile})
	debug.SetMemoryLimit(replayMemory)
	tape := page.Hub().Tape(web.TapeState{Title: web.Text{FR: filepath.Base(file), EN: filepath.Base(file)}, Size: st.Size(), Loading: true})
	page.SetPlayer(player)
	film := &filming{hub: page.Hub(), player: player, begun: make(chan struct{})}
	sink.Show = film
	read := make(chan error, 1)
	go func() {
		far := &gauge{ctx: ctx, told: tape.Progress}
		err := captures.Reader{Sink: sink, TCPEvents: true, Through: far.through}.ReadFile(file)
		player.Loaded()
		tape.Loaded(nameless(err, file, filepath.Base(file), true))
		read <- err
	}()
	// a file that is no capture must not end as an empty page
	select {
	case <-film.begun:
	case err := <-read:
		if read <- err; !film.any {
			return a.nothingToPlay(file, err)
		}
	}
	url, err := page.Listen()
	if err != nil {
		return bilingual.Errorf("%w; choose another address with --web ADDR", "%w\u202f; choisissez une autre adresse avec --web ADRESSE", err)
	}
	a.told(page, url)
	go player.Run(ctx)
	go func() {
		if err := <-read; err != nil {
			a.logs.Error(a.inWords(err) + a.say("\u202f; ce qui précède est montré", "; what was read before is shown"))
		}
	}()
	return page.Serve(ctx)
}

// nothingToPlay says why no session came out of a file.
func (a *app) nothingToPlay(file string, err error) error {
	if err != nil {
		return err // it names the file and the octet
	}
	return fmt.Errorf(a.say("%s\u202f: aucune connexion TCP dans cette capture, rien à rejouer", "%s: no TCP connection in this capture, nothing to play"), file)
}
