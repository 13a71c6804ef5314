//go:build linux && (amd64 || arm64)

package captures

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// What is sent to the disk early and forgotten in memory is still in the file.
func TestEasedFileIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "eased")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	e := ease(f)
	part := make([]byte, 100_003) // no multiple of a page
	r := rand.New(rand.NewPCG(1, 2))
	wrote, n := sha256.New(), int64(0)
	for ; n < easeAgain+2*easeKept; n += int64(len(part)) {
		for i := range 1000 {
			part[r.IntN(len(part))] = byte(i)
		}
		wrote.Write(part)
		if _, err := e.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if e.sent == 0 || e.written != n {
		t.Errorf("%d octets counted and %d sent, of %d written", e.written, e.sent, n)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	read := sha256.New()
	if got, err := io.Copy(read, f); err != nil || got != n || !bytes.Equal(read.Sum(nil), wrote.Sum(nil)) {
		t.Errorf("%d octets read again (%v) of %d, or others", got, err, n)
	}
	f.Close()
}

func BenchmarkWriteRecording(b *testing.B) {
	part := make([]byte, writeSize)
	for i := range part {
		part[i] = byte(rand.Uint32())
	}
	f, err := os.Create(filepath.Join(b.TempDir(), "eased"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := ease(f)
	b.SetBytes(int64(len(part)))
	for b.Loop() {
		if _, err := w.Write(part); err != nil {
			b.Fatal(err)
		}
	}
}
