package web

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// dist is the built page, committed so that building facteur needs Go alone.
//
//go:embed all:dist
var dist embed.FS

// assetTypes names what the page is made of. The table of the operating system is not asked: on Windows a registry entry
// can make scripts text/plain, which nosniff then refuses.
var assetTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8", ".json": "application/json", ".map": "application/json", ".txt": "text/plain; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".webp": "image/webp", ".woff2": "font/woff2", ".woff": "font/woff",
	".webmanifest": "application/manifest+json", ".wasm": "application/wasm", ".pdf": "application/pdf",
}

// page serves the built files from memory.
type page map[string]*asset

func loadPage(files fs.FS) (page, error) {
	p := make(page)
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		kind := assetTypes[strings.ToLower(path.Ext(name))]
		if kind == "" {
			kind = "application/octet-stream"
		}
		p[name] = newAsset(data, kind)
		p[name].hashed = strings.HasPrefix(name, "assets/")
		return nil
	})
	return p, err
}

// ServeHTTP gives a file by its exact name; a single word without a dot is a place in the
// page, which finds its own way.
func (p page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, r, refuseMethod)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if !strings.ContainsAny(name, "./") {
		name = "index.html"
	}
	a, ok := p[name]
	switch {
	case name == "index.html" && (!ok || len(a.data) == 0):
		refuse(w, r, notBuilt)
		return
	case !ok:
		refuse(w, r, refuseNotFound)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	if a.hashed {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	a.serve(w, r)
}
