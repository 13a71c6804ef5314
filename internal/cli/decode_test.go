package cli

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"facteur/captures"
	"facteur/decode"
)

// without writes a capture of connections that are no mail, to these ports.
func without(t *testing.T, ports ...uint16) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "web.pcapng")
	w, err := captures.Create(path, captures.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for n, port := range ports {
		i := captures.Info{Session: n + 1, Protocol: decode.Detect, Time: time.Unix(int64(n), 0),
			Client: netip.MustParseAddrPort("192.0.2.1:40000"), Server: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.2"), port)}
		for _, err := range []error{w.Open(i, captures.Meta{}),
			w.Chunk(n+1, decode.Chunk{Time: i.Time, Data: []byte("GET / HTTP/1.1\r\nHost: exemple.test\r\n\r\n")}, ""), w.Close(n + 1)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	return path
}

// A capture without mail is no failure; it says what is in it and what to do if there is mail after all, in every format.
func TestDecodeWithoutMail(t *testing.T) {
	for _, v := range []struct {
		lang  string
		ports []uint16
		args  []string
		want  string
	}{
		{"en", []uint16{8080, 8080, 9999}, nil, "no mail (3 TCP connections, port "},
		{"fr", []uint16{8080}, nil, "aucun courriel (1 connexion TCP, port "},
		{"en", []uint16{8080}, []string{"--format", "html"}, "no mail (1 TCP connection, port "},
		{"fr", nil, []string{"--format", "jsonl"}, "aucun courriel, et aucune connexion TCP"},
		{"en", []uint16{8080}, []string{"--as", "imap"}, ""},
	} {
		var out, errs bytes.Buffer
		args := append([]string{"decode", "--lang", v.lang, without(t, v.ports...)}, v.args...)
		if status := Main(args, strings.NewReader(""), &out, &errs); status != 0 {
			t.Errorf("%v: status %d: %s", args, status, &errs)
		}
		if got := errs.String(); !strings.Contains(got, v.want) || v.want == "" && got != "" {
			t.Errorf("%v: %q, want %q", args, got, v.want)
		}
	}
}

// What a live pipe brings is printed before more of it comes.
func TestDecodePipeAsItComes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sample.pcapng")
	if err := sampleRecording(path); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	status := make(chan int, 1)
	go func() {
		status <- Main([]string{"decode", "--lang", "en", "-"}, r, in, os.Stderr)
		in.Close()
	}()
	half := len(whole) - 200 // the end of the session is still to come
	w.Write(whole[:half])
	var got []byte
	for buf := make([]byte, 4096); !bytes.Contains(got, []byte("USER ferdinand")); { // the pipe is still open
		n, err := out.Read(buf)
		if err != nil {
			t.Fatalf("%v after %q", err, got)
		}
		got = append(got, buf[:n]...)
	}
	w.Write(whole[half:])
	w.Close()
	for buf := make([]byte, 4096); ; {
		n, err := out.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			break
		}
	}
	if s := <-status; s != 0 || !bytes.Contains(got, []byte("session.close")) {
		t.Errorf("status %d, %q", s, got)
	}
}

// The progress line is in the user's language and units, and no longer than a line; without a terminal there is none.
func TestProgressLine(t *testing.T) {
	long := strings.Repeat("é", 100) + ".pcap"
	for _, v := range []struct {
		lang, name string
		read, size int64
		want       string
	}{
		{"en", "a.pcap", 412_000_000, 958_000_000, "a.pcap  43%  412 MB of 958 MB  206 MB/s"},
		{"fr", "a.pcap", 1_500_000_000, 3_000_000_000, "a.pcap  50\u202f%  1,5\u202fGo sur 3,0\u202fGo  750\u202fMo/s"},
		{"en", "a\x1b[1m", 0, 0, "a␛[1m  100%  0 bytes of 0 bytes  0 bytes/s"},
		{"en", long, 999_600, 12_345_678_901_234, "…" + long[len(long)-39-39+5:] + "  0%  1.0 MB of 12 TB  500 kB/s"},
	} {
		a := &app{lang: v.lang}
		if got := a.progressLine(v.name, v.read, v.size, 2*time.Second); got != v.want {
			t.Errorf("%q, want %q", got, v.want)
		}
	}
	a := &app{err: new(bytes.Buffer), out: new(bytes.Buffer)}
	if bar := a.watchReading(); bar != nil {
		t.Error("a progress line without a terminal")
	}
}
