package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// asset is a file that does not change while facteur runs: one of the built page's, or a catalogue.
type asset struct {
	data        []byte
	etag        string
	contentType string
	hashed      bool // its name changes with its content

	once   sync.Once
	packed []byte // data in gzip, once somebody asked for it; nil where that is not shorter
}

func newAsset(data []byte, contentType string) *asset {
	sum := sha256.Sum256(data)
	return &asset{data: data, contentType: contentType, etag: hex.EncodeToString(sum[:16])}
}

// serve answers with the asset, in gzip for those who take it: followers share one network.
func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h, data, etag := w.Header(), a.data, a.etag
	h.Set("Content-Type", a.contentType)
	h.Add("Vary", "Accept-Encoding")
	if takesGzip(r) {
		if a.once.Do(a.pack); a.packed != nil {
			h.Set("Content-Encoding", "gzip")
			data, etag = a.packed, etag+"-gzip"
		}
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

func (a *asset) pack() {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(a.data) // into memory: neither fails
	_ = z.Close()
	if b.Len() < len(a.data) {
		a.packed = b.Bytes()
	}
}

// takesGzip reads Accept-Encoding (RFC 9110 §12.5.3): gzip is named, and not with the weight of zero that refuses it.
func takesGzip(r *http.Request) bool {
	for _, header := range r.Header.Values("Accept-Encoding") {
		for offer := range strings.SplitSeq(header, ",") {
			coding, parameter, _ := strings.Cut(offer, ";")
			if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				continue
			}
			weight, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(parameter), "q="), 64)
			return err != nil || weight > 0
		}
	}
	return false
}
