package export

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"facteur/internal/bilingual"
)

// A bundle is a zip file: manifest.json, and the recordings it names in the folder recordings/.
const (
	manifestName = "manifest.json"
	bundleFormat = 1
	// maxManifest and maxBundled bound what is unpacked from a bundle of anybody's.
	maxManifest  = 8 << 20
	maxBundled   = 4 << 30
	maxBundleLen = 1000
)

// Manifest says what a bundle holds.
type Manifest struct {
	Format     int                `json:"format"`
	Version    string             `json:"version"` // "facteur VERSION"
	Treatment  string             `json:"treatment"`
	Title      string             `json:"title,omitempty"`
	Made       time.Time          `json:"made"`
	Recordings []BundledRecording `json:"recordings"`
	Lesson     string             `json:"lesson,omitempty"` // what to do with the recordings, for people: text or Markdown
}

// BundledRecording is one recording in a bundle.
type BundledRecording struct {
	Name   string   `json:"name"`
	Size   int64    `json:"size"`
	SHA256 string   `json:"sha256"`
	Tags   []string `json:"tags,omitempty"`
	Marks  []Mark   `json:"marks,omitempty"`
}

// Bundle writes recordings, each under the name of its entry in the manifest, with their marks. m.Recordings gives the
// names, tags and marks; sizes and digests are filled in. files are their paths, in the same order.
func Bundle(w io.Writer, m Manifest, files []string) error {
	m.Format = bundleFormat
	if m.Made.IsZero() {
		m.Made = time.Now().UTC()
	}
	z := zip.NewWriter(w)
	for i, file := range files {
		if err := addFile(z, &m.Recordings[i], file, m.Made); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	f, err := z.CreateHeader(&zip.FileHeader{Name: manifestName, Method: zip.Deflate, Modified: m.Made})
	if err != nil {
		return err
	}
	if _, err := f.Write(append(text, '\n')); err != nil {
		return err
	}
	return z.Close()
}

func addFile(z *zip.Writer, r *BundledRecording, file string, made time.Time) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	if r.Name == "" {
		r.Name = filepath.Base(file)
	}
	out, err := z.CreateHeader(&zip.FileHeader{Name: "recordings/" + r.Name, Method: zip.Deflate, Modified: made})
	if err != nil {
		return err
	}
	h := sha256.New()
	if r.Size, err = io.Copy(io.MultiWriter(out, h), in); err != nil {
		return err
	}
	r.SHA256 = hex.EncodeToString(h.Sum(nil))
	return nil
}

// ErrBundle is in the error of a file that is no bundle, or one that does not hold what it says.
var ErrBundle error = bilingual.New("not a whole facteur bundle", "ce n’est pas un lot facteur entier")

// Unbundle reads a bundle and hands each recording to put, which copies it to where it chooses; nothing is written
// elsewhere. Sizes and digests are checked: put's error, or a difference, ends it.
func Unbundle(file string, put func(r BundledRecording, content io.Reader) error) (*Manifest, error) {
	z, err := zip.OpenReader(file)
	var noFile *fs.PathError
	switch {
	case errors.As(err, &noFile):
		return nil, err
	case errors.Is(err, zip.ErrFormat):
		return nil, bilingual.Errorf("%s: %w", "%s\u202f: %w", file, ErrBundle)
	case err != nil:
		return nil, bilingual.Errorf("%s: %w: %w", "%s\u202f: %w\u202f: %w", file, ErrBundle, err)
	}
	defer z.Close()
	entries := map[string]*zip.File{}
	for _, f := range z.File {
		entries[f.Name] = f
	}
	m, err := readManifest(entries[manifestName])
	if err != nil {
		return nil, bilingual.Errorf("%s: %w: %w", "%s\u202f: %w\u202f: %w", file, ErrBundle, err)
	}
	for _, r := range m.Recordings {
		if r.Name != path.Base(r.Name) || strings.ContainsAny(r.Name, `/\`) || strings.HasPrefix(r.Name, ".") {
			return nil, bilingual.Errorf("%s: %w: a recording is named %q", "%s\u202f: %w\u202f: un enregistrement s’appelle %q", file, ErrBundle, r.Name)
		}
		if err := unpack(entries["recordings/"+r.Name], r, put); err != nil {
			return nil, bilingual.Errorf("%s: %s: %w", "%s\u202f: %s\u202f: %w", file, r.Name, err)
		}
	}
	return m, nil
}

func readManifest(f *zip.File) (*Manifest, error) {
	if f == nil {
		return nil, bilingual.Errorf("no %s in it", "aucun %s dedans", manifestName)
	}
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var m Manifest
	if err := json.NewDecoder(io.LimitReader(in, maxManifest)).Decode(&m); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	switch {
	case m.Format != bundleFormat:
		return nil, bilingual.Errorf("it is of format %d, and this facteur reads %d", "il est au format %d, et ce facteur lit le format %d", m.Format, bundleFormat)
	case len(m.Recordings) > maxBundleLen:
		return nil, bilingual.Errorf("%d recordings (limit %d)", "%d enregistrements (au plus %d)", len(m.Recordings), maxBundleLen)
	}
	return &m, nil
}

func unpack(f *zip.File, r BundledRecording, put func(BundledRecording, io.Reader) error) error {
	if f == nil || r.Size < 0 || r.Size > maxBundled {
		return ErrBundle
	}
	in, err := f.Open()
	if err != nil {
		return bilingual.Errorf("%w: %w", "%w\u202f: %w", ErrBundle, err)
	}
	defer in.Close()
	h := sha256.New()
	counted := &io.LimitedReader{R: in, N: r.Size + 1} // never more than the manifest says: a zip may swell
	return put(r, &checked{io.TeeReader(counted, h), func() error {
		if counted.N != 1 || hex.EncodeToString(h.Sum(nil)) != r.SHA256 {
			return bilingual.Errorf("%w: its size or digest is another than the manifest says", "%w\u202f: sa taille ou son empreinte n’est pas celle du manifeste", ErrBundle)
		}
		return nil
	}})
}

// checked turns the end of a wrong file into an error.
type checked struct {
	r     io.Reader
	check func() error
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err == io.EOF {
		if bad := c.check(); bad != nil {
			return n, bad
		}
	}
	return n, err
}
