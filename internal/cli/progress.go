package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// A progress line is for people who wait: on a terminal, once they have waited, and gone when the work is done. Nothing
// else may be written to that terminal meanwhile.
const (
	progressAfter = 700 * time.Millisecond
	progressEvery = 200 * time.Millisecond
	// progressName is how many characters of a file's name are shown.
	progressName = 40
)

// readingLine shows how far files have been read.
type readingLine struct {
	a    *app
	stop chan struct{}
	done chan struct{}

	mu         sync.Mutex
	name       string
	size, read int64
	again      bool // the file is read for the second time: first it was looked through for secrets
	began      time.Time
}

// watchReading begins a progress line, if standard error is a terminal and the results do not scroll over it; nil is none.
func (a *app) watchReading() *readingLine {
	if a.quiet || !isTerminal(a.err) || isTerminal(a.out) {
		return nil
	}
	p := &readingLine{a: a, stop: make(chan struct{}), done: make(chan struct{})}
	go p.run(a.err)
	return p
}

// through is captures.Reader's Through: it counts what is read of a file.
func (p *readingLine) through(file io.Reader) io.Reader {
	f, ok := file.(*os.File)
	if p == nil || !ok {
		return file
	}
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return file
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.again = p.name == f.Name() && !p.again
	p.name, p.size, p.read, p.began = f.Name(), st.Size(), 0, time.Now()
	return &watched{file, p}
}

// throughOnce is through for a file that is not looked through for secrets first.
func (p *readingLine) throughOnce(file io.Reader) io.Reader {
	r := p.through(file)
	if p != nil {
		p.mu.Lock()
		p.again = true
		p.mu.Unlock()
	}
	return r
}

// watched counts.
type watched struct {
	io.Reader
	p *readingLine
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	w.p.mu.Lock()
	w.p.read += int64(n)
	w.p.mu.Unlock()
	return n, err
}

// end takes the line away.
func (p *readingLine) end() {
	if p != nil {
		close(p.stop)
		<-p.done
	}
}

// line is what is shown now.
func (p *readingLine) line() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := p.a.progressLine(p.name, p.read, p.size, time.Since(p.began))
	if !p.again {
		line += p.a.say("  (recherche de clés)", "  (looking for keys)")
	}
	return line
}

func (p *readingLine) run(w io.Writer) {
	defer close(p.done)
	select {
	case <-p.stop:
		return
	case <-time.After(progressAfter):
	}
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		fmt.Fprint(w, "\r\x1b[2K", p.line())
		select {
		case <-p.stop:
			fmt.Fprint(w, "\r\x1b[2K")
			return
		case <-tick.C:
		}
	}
}

// progressLine is "capture.pcap  43 %  412 MB of 958 MB  206 MB/s", in the user's language.
func (a *app) progressLine(name string, read, size int64, since time.Duration) string {
	name = visible(name)
	if n := utf8.RuneCountInString(name); n > progressName {
		name = "…" + string([]rune(name)[n-progressName+1:])
	}
	share := int64(100)
	if size > 0 {
		share = min(100, 100*read/size)
	}
	rate := int64(float64(read) / max(since.Seconds(), 0.001))
	return fmt.Sprintf(a.say("%s  %d\u202f%%  %s sur %s  %s/s", "%s  %d%%  %s of %s  %s/s"), name, share, a.octets(read), a.octets(size), a.octets(rate))
}

// octets writes a number of octets in a unit that leaves two or three digits.
func (a *app) octets(n int64) string {
	units := a.say("octets ko Mo Go To", "bytes kB MB GB TB")
	v := float64(n)
	for _, unit := range strings.Fields(units) {
		if v < 999.5 || strings.HasPrefix(unit, "T") {
			digits := 0
			if v < 9.95 && unit[0] != units[0] {
				digits = 1
			}
			text := fmt.Sprintf("%.*f\u202f%s", digits, v, unit)
			if a.lang == "fr" {
				return strings.Replace(text, ".", ",", 1)
			}
			return strings.Replace(text, "\u202f", " ", 1)
		}
		v /= 1000
	}
	return ""
}
