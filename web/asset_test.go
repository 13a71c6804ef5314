package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// What does not change goes out in gzip to those who take it, under a tag of its own, and as it is to others: a cache
// between must not give one to the other.
func TestAssetInGzip(t *testing.T) {
	text := bytes.Repeat([]byte("facteur "), 1000)
	a := newAsset(text, "text/plain; charset=utf-8")
	tags := map[string]bool{}
	for _, c := range []struct {
		accepts string
		packed  bool
	}{{"", false}, {"br", false}, {"gzip", true}, {"deflate, gzip;q=1.0, *;q=0.5", true}, {"gzip;q=0", false}, {"identity, GZIP", true}} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if c.accepts != "" {
			r.Header.Set("Accept-Encoding", c.accepts)
		}
		w := httptest.NewRecorder()
		a.serve(w, r)
		got := w.Body.Bytes()
		if packed := w.Header().Get("Content-Encoding") == "gzip"; packed != c.packed {
			t.Errorf("Accept-Encoding %q: in gzip is %v, want %v", c.accepts, packed, c.packed)
		} else if packed {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if got, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got, text) || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: %d octets, Vary %q", c.accepts, len(got), w.Header().Get("Vary"))
		}
		tags[w.Header().Get("ETag")] = true
	}
	if len(tags) != 2 {
		t.Errorf("the tags %v; want one for each form", tags)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	newAsset([]byte("x"), "text/plain").serve(w, r)
	if w.Header().Get("Content-Encoding") != "" {
		t.Error("what gzip makes longer goes out in gzip")
	}
}
