package tlswire

import (
	"bufio"
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const shared = "../../../shared/captures"

// watch feeds a connection's segments to a Conn and collects what it saw.
type watch struct {
	c       *Conn
	buf     [2][]byte
	plain   [2]bytes.Buffer // application data
	layer   [2]bytes.Buffer // contents of everything else
	tiles   [2]bytes.Buffer // Raw of all messages
	records []Record
	msgs    []Message
	status  [2]Status
	sealed  map[string]int
	wire    [2][]byte
	keep    bool // keep records with copies of their content
	wait    bool // wait for secrets first
	wires   [][]byte
	failed  [2]bool
}

func newWatch(s Secrets) *watch { return &watch{c: NewConn(s), sealed: map[string]int{}} }

func (w *watch) feed(side Side, data []byte) {
	w.buf[side] = append(w.buf[side], data...)
	if w.failed[side] {
		return
	}
	for {
		rec, st := w.c.Next(side, w.buf[side], w.wait)
		if st == Waiting { // asking again changes nothing, until asked to go on
			w.c.Next(side, w.buf[side], true)
			rec, st = w.c.Next(side, w.buf[side], false)
		}
		w.status[side] = st
		if st != Got {
			w.failed[side] = st == NotTLS
			return
		}
		w.take(side, rec, w.buf[side][:rec.Size])
		w.buf[side] = w.buf[side][rec.Size:]
	}
}

func (w *watch) take(side Side, rec Record, wire []byte) {
	if rec.Inner == ApplicationData {
		w.plain[side].Write(rec.Content)
	} else {
		w.layer[side].Write(rec.Content)
	}
	for _, m := range rec.Messages {
		w.tiles[side].Write(m.Raw)
	}
	w.msgs = append(w.msgs, rec.Messages...)
	if rec.Reason != "" {
		w.sealed[rec.Reason]++
	}
	if w.keep {
		rec.Content = bytes.Clone(rec.Content)
		w.records = append(w.records, rec)
		w.wires = append(w.wires, bytes.Clone(wire))
	}
}

func (w *watch) end() {
	for side := range w.buf {
		for _, m := range w.c.Flush(Side(side)) {
			w.tiles[side].Write(m.Raw)
			w.msgs = append(w.msgs, m)
		}
	}
}

func (w *watch) field(kind, name string) string {
	for _, m := range w.msgs {
		if m.Kind == kind {
			return m.Field(name)
		}
	}
	return ""
}

// tlsStart finds where TLS begins in a side's octets: the first octet, or behind STARTTLS the first hello.
func tlsStart(b []byte, hello byte) int {
	for i := 0; i+6 < len(b); i++ {
		if b[i] == 0x16 && b[i+1] == 3 && b[i+2] <= 4 && b[i+5] == hello && b[i+3] < 0x40 && (i == 0 || b[i-1] == '\n') {
			return i
		}
	}
	return -1
}

// run feeds a flow from where its TLS begins.
func (w *watch) run(f *flow, cut func([]byte) [][]byte) bool {
	var all [2][]byte
	for _, s := range f.segments {
		all[s.from] = append(all[s.from], s.data...)
	}
	start := [2]int{tlsStart(all[0], 1), tlsStart(all[1], 2)}
	if len(all[0]) > 2 && all[0][0]&0x80 != 0 && all[0][2] == 1 {
		start[0] = 0
	}
	if start[0] < 0 {
		return false
	}
	if start[1] < 0 {
		start[1] = len(all[1])
	}
	at := [2]int{}
	for _, s := range f.segments {
		d := s.data
		skip := min(max(start[s.from]-at[s.from], 0), len(d))
		at[s.from] += len(d)
		d = d[skip:]
		if len(d) == 0 {
			continue
		}
		w.wire[s.from] = append(w.wire[s.from], d...)
		for _, piece := range cut(d) {
			w.feed(s.from, piece)
		}
	}
	w.end()
	return true
}

func whole(b []byte) [][]byte { return [][]byte{b} }
func octets(b []byte) [][]byte {
	var out [][]byte
	for i := range b {
		out = append(out, b[i:i+1])
	}
	return out
}

func secretsOf(t *testing.T, path string) *KeyLog {
	k := &KeyLog{}
	if b, err := os.ReadFile(path + ".keys"); err == nil {
		k.Add(b)
	}
	if b, err := os.ReadFile(path + ".pem"); err == nil {
		p, _ := pem.Decode(b)
		if key, err := x509.ParsePKCS8PrivateKey(p.Bytes); err == nil {
			k.AddRSAKey(key.(*rsa.PrivateKey))
		} else if key, err := x509.ParsePKCS1PrivateKey(p.Bytes); err == nil {
			k.AddRSAKey(key)
		} else {
			t.Fatalf("%s.pem: %v", path, err)
		}
	}
	return k
}

type oracleLine struct {
	Rec, Layer, K, Truth string
	Stream, Hs           int
	CSha256              string `json:"c_sha256"`
	SSha256              string `json:"s_sha256"`
	CLen                 int    `json:"c_len"`
	SLen                 int    `json:"s_len"`
	SNI, Version, Cipher string
	Certs                []struct {
		SubjectCN []string `json:"subject_cn"`
		Sha256    string
	}
}

func readOracle(t *testing.T, path string) (lines []oracleLine) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 64<<20)
	for s.Scan() {
		var l oracleLine
		if json.Unmarshal(s.Bytes(), &l) == nil {
			lines = append(lines, l)
		}
	}
	return lines
}

func captureFiles(t testing.TB) []string {
	files, _ := filepath.Glob(shared + "/*/*.oracle.jsonl")
	if len(files) == 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("the shared captures are missing")
		}
		t.Skip("no captures at " + shared + ": they are outside the repository")
	}
	return files
}

// The captures are opened as an independent program opened them: same octets inside TLS, same names, versions, suites.
func TestCaptures(t *testing.T) {
	opened, compared := 0, 0
	for _, oracle := range captureFiles(t) {
		path := strings.TrimSuffix(oracle, ".oracle.jsonl")
		lines := readOracle(t, oracle)
		if !bytes.Contains([]byte(strings.Join([]string{kinds(lines)}, "")), []byte("tls")) || lines[0].Truth == "lenient" || strings.Contains(path, "ipfrag-") || strings.Contains(path, "ip6ext-") { // beyond the small reader here
			continue
		}
		t.Run(filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path), func(t *testing.T) {
			k := secretsOf(t, path)
			var ws []*watch
			for _, f := range readFlows(t, path, k) {
				if w := newWatch(k); w.run(f, whole) {
					ws = append(ws, w)
					checkTiles(t, w)
				}
			}
			o, c := compareOracle(t, ws, lines)
			opened, compared = opened+o, compared+c
		})
	}
	t.Logf("%d streams opened alike, %d values compared", opened, compared)
}

func kinds(lines []oracleLine) string {
	for _, l := range lines {
		if l.K == "tls" || l.Layer == "tls" {
			return "tls"
		}
	}
	return ""
}

// checkTiles holds the law that messages tile the contents of what is not application data.
func checkTiles(t *testing.T, w *watch) {
	t.Helper()
	for side := range w.layer {
		if !bytes.Equal(w.layer[side].Bytes(), w.tiles[side].Bytes()) {
			t.Errorf("%v: messages (%d octets) do not tile the contents (%d octets)", Side(side), w.tiles[side].Len(), w.layer[side].Len())
		}
	}
}

// compareOracle looks for what the oracle saw among all streams of the file: the two number them differently where
// ports are used again.
func compareOracle(t *testing.T, ws []*watch, lines []oracleLine) (opened, compared int) {
	hex256 := func(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }
	has := func(l oracleLine, kind, name, want string) {
		compared++
		var have []string
		for _, w := range ws {
			for _, m := range w.msgs {
				if m.Kind == kind {
					have = append(have, m.Field(name))
				}
				if m.Kind == kind && strings.Split(m.Field(name), "\n")[0] == want {
					return
				}
			}
		}
		t.Errorf("stream %d: no %s with %s %q, have %q", l.Stream, kind, name, want, have)
	}
	for _, l := range lines {
		switch {
		case l.Rec == "bytes" && l.Layer == "tls":
			opened++
			alike := false
			for _, w := range ws {
				alike = alike || hex256(w.plain[Client].Bytes()) == l.CSha256 && hex256(w.plain[Server].Bytes()) == l.SSha256
			}
			if !alike {
				t.Errorf("stream %d: no stream with %d and %d octets inside TLS was opened", l.Stream, l.CLen, l.SLen)
			}
		case l.K == "tls" && l.Hs == 1 && l.SNI != "":
			has(l, "tls.client_hello", "sni", l.SNI)
		case l.K == "tls" && l.Hs == 2 && l.Version != "":
			has(l, "tls.server_hello", "version", l.Version)
			has(l, "tls.server_hello", "cipher", l.Cipher)
		case l.K == "tls" && l.Hs == 11 && len(l.Certs) > 0:
			has(l, "tls.certificate", "sha256", l.Certs[0].Sha256)
			if cn := l.Certs[0].SubjectCN; len(cn) > 0 {
				hasCN(t, ws, cn[0])
			}
		}
	}
	return opened, compared
}

// hasCN looks for a certificate whose first common name is cn.
func hasCN(t *testing.T, ws []*watch, cn string) {
	t.Helper()
	for _, w := range ws {
		for _, m := range w.msgs {
			_, after, ok := strings.Cut(strings.Split(m.Field("subjects"), "\n")[0], "CN=")
			if m.Kind == "tls.certificate" && ok && strings.Split(after, ",")[0] == cn {
				return
			}
		}
	}
	t.Errorf("no certificate for CN=%s", cn)
}

// Every capture, cut into single octets, is seen alike; and with every application record sealed again around '*' it
// opens to as many '*', with nothing else changed. Captures add to Go's own sessions SSL 3.0, encrypt-then-MAC, NULL
// ciphers, renegotiation, other implementations' records.
func TestCapturesAgain(t *testing.T) {
	changed := 0
	for _, oracle := range captureFiles(t) {
		path := strings.TrimSuffix(oracle, ".oracle.jsonl")
		lines := readOracle(t, oracle)
		if kinds(lines) == "" {
			continue
		}
		k := secretsOf(t, path)
		for _, f := range readFlows(t, path, k) {
			w := newWatch(k)
			w.keep = true
			if !w.run(f, whole) {
				continue
			}
			b := newWatch(k)
			b.keep = true
			b.run(f, octets)
			for j := range w.msgs {
				checkMessage(t, &w.msgs[j])
				if bad := w.msgs[j].Field("malformed"); bad != "" {
					t.Errorf("%s: %s is said to be malformed: %s", path, w.msgs[j].Kind, bad)
				}
			}
			if describe(w) != describe(b) {
				t.Errorf("%s: byte by byte differs", path)
			}
			again := newWatch(k)
			var want [2]int
			for i := range w.records {
				r, wire := &w.records[i], w.wires[i]
				same := bytes.Clone(wire)
				if r.Encrypted && r.Opened && r.seal.epoch.firstIV == nil && r.seal.epoch.version > 0x0300 && !r.seal.epoch.keyless {
					if err := r.Reseal(same, r.Content); err != nil || !bytes.Equal(same, wire) {
						t.Errorf("%s: record %d (%v, %d octets) sealed again differs: %v", path, i, r.Inner, r.Size, err)
					}
				}
				content := bytes.Clone(r.Content)
				if r.Inner == ApplicationData && r.Opened {
					content = bytes.Repeat([]byte{'*'}, len(content))
					want[r.From] += len(content)
					changed++
				}
				if r.Opened && (r.Inner == ApplicationData || r.MustReseal()) {
					if err := r.Reseal(wire, content); err != nil {
						t.Errorf("%s: %v", path, err)
					}
				}
				again.feed(r.From, wire)
			}
			again.end()
			for side := range want {
				if got := again.plain[side].Bytes(); len(got) != want[side] || len(bytes.Trim(got, "*")) > 0 {
					t.Errorf("%s %v: %d of %d octets masked, sealed %v", path, Side(side), len(got), want[side], again.sealed)
				}
				if !bytes.Equal(again.layer[side].Bytes(), w.layer[side].Bytes()) {
					t.Errorf("%s %v: other records changed", path, Side(side))
				}
			}
		}
	}
	t.Logf("%d records sealed again", changed)
}
