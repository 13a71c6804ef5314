package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"facteur/captures"
	"facteur/decode"
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
			return a.replay(c.Context(), addr, args[0], &watch.File{Keys: keys, As: as, ShowSecrets: showSecrets, Octets: true})
		},
	}
	c.Flags().StringVar(&addr, "web", "127.0.0.1:8025", "address of the page")
	c.Flags().StringVar(&as, "as", "", "decode every session as this protocol")
	c.Flags().StringArrayVar(&keylog, "keylog", nil, "NSS key log file that opens TLS sessions")
	c.Flags().StringArrayVar(&rsaKeys, "rsa-key", nil, "server's RSA private key (PEM)")
	c.Flags().BoolVar(&showSecrets, "show-secrets", false, "show passwords and tokens instead of masking them")
	c.AddCommand(a.replayServeCommand(), a.replayDiffCommand(), a.replaySendCommand())
	return c
}

// filming shows events on the page and to the player.
type filming struct {
	hub    *web.Hub
	player *replay.Player
}

func (f *filming) Publish(session int, events []decode.Event) {
	f.hub.Publish(session, events)
	f.player.Add(session, events)
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
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	o := a.pageOptions(addr, "replay")
	o.Recording = web.Recording{Dir: filepath.Base(file)}
	page := web.New(*o)
	player := replay.New(replay.Options{OnChange: page.Hub().Player})
	page.SetPlayer(player)
	sink.Show = &filming{page.Hub(), player}
	url, err := page.Listen()
	if err != nil {
		return fmt.Errorf("the page: %w; choose another address with --web ADDR", err)
	}
	fmt.Fprintln(a.out, url)
	go player.Run(ctx)
	go func() {
		err := captures.ReadFile(file, sink)
		player.Loaded()
		if err != nil {
			a.logs.Error(err.Error() + "; what was read before is shown")
		}
	}()
	return page.Serve(ctx)
}
