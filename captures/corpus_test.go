package captures

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"facteur/decode"
)

const corpus = "../../shared/captures"

// collector is a Sink that keeps what it is handed, and checks that the rules of Sink are kept.
type collector struct {
	t       testing.TB
	infos   map[int]Info
	order   []int
	sums    map[int]*[2]hash.Hash
	lengths map[int]*[2]int64
	lost    map[int]*[2]int64
	ends    map[int]*[2]decode.End
	told    []decode.Told
	closed  map[int]bool
	keys    strings.Builder
}

func newCollector(t testing.TB) *collector {
	return &collector{t: t, infos: map[int]Info{}, sums: map[int]*[2]hash.Hash{}, lengths: map[int]*[2]int64{},
		lost: map[int]*[2]int64{}, ends: map[int]*[2]decode.End{}, closed: map[int]bool{}}
}

func (c *collector) Open(i Info) {
	if _, ok := c.infos[i.Session]; ok && i.Own == nil {
		c.t.Errorf("session %d opened twice", i.Session)
	}
	c.infos[i.Session] = i
	c.order = append(c.order, i.Session)
	c.sums[i.Session] = &[2]hash.Hash{sha256.New(), sha256.New()}
	c.lengths[i.Session] = new([2]int64)
	c.lost[i.Session] = new([2]int64)
	c.ends[i.Session] = new([2]decode.End)
}

func (c *collector) Chunk(n int, ch decode.Chunk) {
	if _, ok := c.infos[n]; !ok || c.closed[n] {
		c.t.Errorf("session %d has a chunk outside of Open and Close", n)
		return
	}
	if c.ends[n][ch.From] != decode.Open && (len(ch.Data) > 0 || ch.Lost > 0) {
		c.t.Errorf("session %d: octets after the end of the %s", n, ch.From)
	}
	c.sums[n][ch.From].Write(ch.Data)
	c.lengths[n][ch.From] += int64(len(ch.Data))
	c.lost[n][ch.From] += int64(ch.Lost)
	if ch.Lost < 0 {
		c.t.Errorf("session %d lost %d octets", n, ch.Lost)
	}
	if ch.End != decode.Open {
		c.ends[n][ch.From] = ch.End
	}
	if ch.Told != nil {
		c.told = append(c.told, *ch.Told)
	}
}

func (c *collector) Close(n int, _ time.Time) {
	if _, ok := c.infos[n]; !ok || c.closed[n] {
		c.t.Errorf("session %d closed without being open", n)
	}
	c.closed[n] = true
}

func (c *collector) Secrets(k []byte) { c.keys.Write(k) }

func (c *collector) check() {
	for n := range c.infos {
		if !c.closed[n] {
			c.t.Errorf("session %d was not closed", n)
		}
	}
}

func (c *collector) sum(n int, s decode.Side) string {
	if c.sums[n] == nil {
		return "no such session"
	}
	return hex.EncodeToString(c.sums[n][s].Sum(nil))
}

// record is a line of an oracle.
type record struct {
	Rec     string
	Stream  int
	Layer   string
	Truth   string
	Streams int `json:"tcp_streams"`
	Client  string
	Server  string
	CGaps   []int  `json:"c_gaps"`
	SGaps   []int  `json:"s_gaps"`
	CLen    int64  `json:"c_len"`
	SLen    int64  `json:"s_len"`
	CSum    string `json:"c_sha256"`
	SSum    string `json:"s_sha256"`
}

// session is the number of tshark's stream. In one capture tshark 4.0.17 passes over number 57: no frame has it.
func (r record) session(name string) int {
	if strings.HasSuffix(name, "/pcap__protocols__SSL.pcap") && r.Stream > 57 {
		return r.Stream
	}
	return r.Stream + 1
}

func oracle(t *testing.T, path string) (out []record) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var head struct{ Rec string }
		if json.Unmarshal(sc.Bytes(), &head) != nil {
			t.Fatalf("%s: unreadable line", path)
		}
		switch head.Rec {
		case "file", "stream", "bytes":
			var r record
			if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			out = append(out, r)
		}
	}
	return out
}

// plain is an address as the oracle writes it: IPv6 without brackets.
func plain(a netip.AddrPort) string { return fmt.Sprintf("%s:%d", a.Addr(), a.Port()) }

func corpusFiles(t testing.TB) []string {
	var files []string
	filepath.WalkDir(corpus, func(p string, _ fs.DirEntry, err error) error {
		if s, ok := strings.CutSuffix(p, ".oracle.jsonl"); ok && err == nil {
			files = append(files, s)
		}
		return nil
	})
	if len(files) == 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("the shared captures are missing")
		}
		t.Skip("the shared captures are not here: " + corpus)
	}
	return files
}

// TestCorpus holds that the reassembled octets of each side of each mail session in the shared captures are those that
// tshark (or the script that made the capture) says.
func TestCorpus(t *testing.T) {
	sessions, sides := 0, 0
	for _, f := range corpusFiles(t) {
		name := strings.TrimPrefix(f, corpus+"/")
		t.Run(name, func(t *testing.T) {
			c := newCollector(t)
			err := ReadFile(f, c)
			c.check()
			var fe *FormatError
			if err != nil && !errors.As(err, &fe) {
				t.Fatalf("not a FormatError: %v", err)
			}
			if err != nil {
				t.Log(err)
			}
			for _, r := range oracle(t, f+".oracle.jsonl") {
				switch {
				case r.Rec == "file" && r.Streams != len(c.infos) && !strings.HasSuffix(name, "/pcap__protocols__SSL.pcap"):
					t.Errorf("%d sessions, want %d", len(c.infos), r.Streams)
				case r.Rec == "stream":
					i := c.infos[r.session(name)]
					if strings.Contains(name, "/ip6ext-") { // the oracle is the IPv4 source's
						continue
					}
					if plain(i.Client) != r.Client || plain(i.Server) != r.Server {
						t.Errorf("session %d: %v → %v, want %s → %s", r.session(name), i.Client, i.Server, r.Client, r.Server)
					}
				case r.Rec == "bytes" && r.Layer == "tcp":
					sessions++
					n := r.session(name)
					for s, want := range []string{r.CSum, r.SSum} {
						gaps := [][]int{r.CGaps, r.SGaps}[s]
						side := decode.Side(s)
						if len(gaps) > 0 {
							// tshark drops late segments, and knows of no hole at the end: no less may be known here.
							have := []int64{r.CLen, r.SLen}[s]
							sum := have
							for _, g := range gaps { // tshark counts the words it puts in their place as octets
								words := int64(len(fmt.Sprintf("[%d bytes missing in capture file]", g)) + 1)
								have, sum = have-words, sum-words+int64(g)
							}
							if c.lengths[n] == nil || c.lengths[n][s]+c.lost[n][s] < sum || c.lengths[n][s] < have {
								t.Errorf("session %d %s: %v octets and %v lost, want %d of %d", n, side, c.lengths[n], c.lost[n], have, sum)
							}
							continue
						}
						sides++
						if got := c.sum(n, side); got != want {
							t.Errorf("session %d %s: %d octets (%d lost) differ from %d expected", n, side, c.lengths[n][s], c.lost[n][s], []int64{r.CLen, r.SLen}[s])
						}
					}
				}
			}
		})
	}
	t.Logf("%d mail sessions, %d sides equal by SHA-256", sessions, sides)
}
