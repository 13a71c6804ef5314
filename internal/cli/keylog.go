package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"facteur/decode/tlswire"
	"facteur/internal/bilingual"
)

const (
	// keysEvery is how often a followed key log is looked at: an eye takes that for at once, and a stat costs nothing.
	keysEvery = 200 * time.Millisecond
	// maxKeysRead is how much of a key log is read in one piece.
	maxKeysRead = 64 << 10
)

// followedKeys are key log files of mail clients (SSLKEYLOGFILE), read on as they grow. A file that is not there yet will
// be, and one that was begun anew is read from its beginning. Its size tells: no notification of any system is needed,
// and network folders work too.
type followedKeys struct {
	log  *tlswire.KeyLog
	logs *slog.Logger
	lang string

	mu    sync.Mutex // guards all below
	files []*followedFile
	news  bool // something was read since it was last told
}

type followedFile struct {
	name   string
	at     int64
	log    *tlswire.KeyLog
	failed bool // it was said that it cannot be read
}

// newFollowedKeys reads what the files hold already. Only a file that is there and cannot be read is an error.
func newFollowedKeys(names []string, logs *slog.Logger, lang string) (*followedKeys, error) {
	k := &followedKeys{log: new(tlswire.KeyLog), logs: logs, lang: lang}
	for _, name := range names {
		f := &followedFile{name: name, log: k.log}
		if _, err := f.read(); err != nil && !os.IsNotExist(err) {
			return nil, bilingual.Errorf("--keylog: %w", "--keylog\u202f: %w", err)
		}
		k.files = append(k.files, f)
	}
	return k, nil
}

// Log gives the secrets read so far.
func (k *followedKeys) Log() *tlswire.KeyLog { return k.log }

// Refresh reads what is new.
func (k *followedKeys) Refresh() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.files {
		n, err := f.read()
		k.news = k.news || n > 0
		if err != nil && !os.IsNotExist(err) && !f.failed {
			f.failed = true
			k.logs.Error(bilingual.In(k.lang, bilingual.New("the key log cannot be read; TLS stays closed until it can",
				"le journal de clés est illisible\u202f; TLS reste fermé tant qu’il le reste")), "file", f.name, "err", err)
		}
	}
}

// follow reads on until ctx is done, and calls changed when anything was read.
func (k *followedKeys) follow(ctx context.Context, changed func()) {
	tick := time.NewTicker(keysEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		k.Refresh()
		k.mu.Lock()
		news := k.news
		k.news = false
		k.mu.Unlock()
		if news {
			changed()
		}
	}
}

// read takes what the file has gained, and gives how many octets that is.
func (f *followedFile) read() (n int64, err error) {
	st, err := os.Stat(f.name)
	if err != nil || st.Size() == f.at {
		return 0, err
	}
	if st.Size() < f.at {
		f.at = 0
	}
	in, err := os.Open(f.name)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	if _, err = in.Seek(f.at, io.SeekStart); err != nil {
		return 0, err
	}
	n, err = io.CopyBuffer(struct{ io.Writer }{f.log}, struct{ io.Reader }{io.LimitReader(in, st.Size()-f.at)}, make([]byte, maxKeysRead))
	f.at += n
	return n, err
}
