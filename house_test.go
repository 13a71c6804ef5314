package main

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// rooms says which of our packages each may import; what is not named may import nothing of ours. It keeps the decoder
// free of sockets and files, the proxy ignorant of pages and recordings, and the whole without circles of thought.
var rooms = map[string][]string{
	"facteur":                    {"internal/cli"},
	"facteur/decode":             {"decode/tlswire"},
	"facteur/decode/tlswire":     {},
	"facteur/internal/notes":     {},
	"facteur/captures":           {"decode", "decode/tlswire"},
	"facteur/internal/filter":    {"decode"},
	"facteur/internal/bilingual": {},
	"facteur/captures/library":   {"decode", "decode/tlswire", "captures", "internal/filter", "internal/bilingual"},
	"facteur/captures/export":    {"decode", "decode/tlswire", "captures", "internal/notes", "internal/bilingual"},
	"facteur/proxy":              {"decode", "decode/tlswire", "proxy/ca", "internal/bilingual"},
	"facteur/proxy/ca":           {"internal/bilingual"},
	"facteur/proxy/ca/trust":     {"internal/bilingual"},
	"facteur/internal/lab":       {"decode"},
	"facteur/replay":             {"decode", "captures", "internal/bilingual"},
	"facteur/internal/watch":     {"decode", "decode/tlswire", "captures"},
	"facteur/web":                {"decode", "replay", "internal/bilingual"},
	"facteur/internal/cli":       {"*"},
}

// decodeMay lists what decode may import beside the standard library's pure packages; sockets, files and clocks are out.
var decodeMayNot = []string{"net", "os", "os/exec", "io/fs", "net/http", "crypto/tls", "log", "log/slog", "sync", "context"}

func TestImportsRunOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		may, known := rooms[p.ImportPath]
		if !known && !strings.HasPrefix(p.ImportPath, "facteur/captures/samples") {
			t.Errorf("%s is a room that the plan does not know", p.ImportPath)
		}
		for _, i := range p.Imports {
			ours, is := strings.CutPrefix(i, "facteur/")
			if is && !slices.Contains(may, ours) && !slices.Contains(may, "*") {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
			if i == "github.com/google/gopacket/layers" {
				t.Errorf("%s imports %s: its tables take seven megabytes of every process, and are looked through by every collection", p.ImportPath, i)
			}
			if p.ImportPath == "facteur/decode" && slices.Contains(decodeMayNot, i) {
				t.Errorf("%s imports %s: no sockets, files, clocks or goroutines there", p.ImportPath, i)
			}
			if strings.HasPrefix(p.ImportPath, "facteur/decode") && strings.Contains(i, ".") &&
				!strings.HasPrefix(i, "golang.org/x/crypto/") && !strings.HasPrefix(i, "golang.org/x/text/encoding/") {
				t.Errorf("%s imports %s: standard library, golang.org/x/crypto and the character sets of golang.org/x/text only", p.ImportPath, i)
			}
		}
	}
}
