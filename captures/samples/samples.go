// Package samples holds small recordings of the practice server's mail, each with its story in French and English: what
// to play when there is no server, no client and no network.
//
// The octets, TLS handshakes and ciphertext are those of real sessions between the lab's scripted clients and its practice
// server, through facteur's own proxy, secrets masked. Addresses (RFC 5737's) and times are set, so that a sample made
// anew differs from the old one only where randomness is the point. To make them anew: go generate ./captures/samples
package samples

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
)

//go:generate go run facteur captures samples --rebuild files

//go:embed files/*.pcapng
var files embed.FS

// Text is a sentence or more for people, native in both languages.
type Text struct {
	FR string `json:"fr"`
	EN string `json:"en"`
}

// In gives the text in a language: "fr", or else English.
func (t Text) In(lang string) string {
	if lang == "fr" {
		return t.FR
	}
	return t.EN
}

// Point is something to look at in a sample.
type Point struct {
	// Filter finds the events, in the language of facteur captures search and of the page. At least one event matches.
	Filter string `json:"filter"`
	Text   Text   `json:"text"`
}

// Sample is one recording.
type Sample struct {
	ID    string `json:"id"` // "smtp-clear"; facteur replay sample:ID opens it
	Title Text   `json:"title"`
	Story Text   `json:"story"` // what happens and why it is worth a look: 3 to 6 sentences
	// Points are what the story names, in the order of the recording.
	Points    []Point  `json:"points"`
	Theme     string   `json:"theme"`            // one of Themes
	Tags      []string `json:"tags"`             // words to find it by
	Protocols []string `json:"protocols"`        // decode's names, in the order of their first session
	Security  string   `json:"security"`         // "clear", "starttls" (STLS included), "implicit", or "mixed"
	TLS       string   `json:"tls,omitempty"`    // "1.2" or "1.3"; "" without TLS
	Lesson    string   `json:"lesson,omitempty"` // the lesson it belongs to, as in L08
	Size      int64    `json:"size"`             // octets of the recording
}

// File is the recording's name, for who saves it.
func (s Sample) File() string { return s.ID + ".pcapng" }

// Theme groups samples.
type Theme struct {
	ID    string `json:"id"`
	Title Text   `json:"title"`
}

// Pair names samples that are best looked at side by side, in the order to do it.
type Pair struct {
	ID    string   `json:"id"`
	Title Text     `json:"title"`
	IDs   []string `json:"ids"` // two samples or three
}

// All gives every sample, theme by theme.
func All() []Sample {
	list := slices.Clone(all)
	for i := range list {
		if st, err := fs.Stat(files, "files/"+list[i].File()); err == nil {
			list[i].Size = st.Size()
		}
	}
	return list
}

// Themes gives the themes, in the order of All.
func Themes() []Theme { return slices.Clone(themes) }

// Pairs gives what belongs together.
func Pairs() []Pair { return slices.Clone(pairs) }

// Find gives the sample of an ID.
func Find(id string) (Sample, bool) {
	list := All()
	i := slices.IndexFunc(list, func(s Sample) bool { return s.ID == id })
	if i < 0 {
		return Sample{}, false
	}
	return list[i], true
}

// Open opens a sample's pcapng. It can be read from several places at once (io.ReaderAt, io.Seeker).
func Open(id string) (fs.File, error) {
	s, ok := Find(id)
	if !ok {
		return nil, fmt.Errorf("no sample is called %q: %w", id, fs.ErrNotExist)
	}
	return files.Open("files/" + s.File())
}

// Read gives a sample's pcapng whole.
func Read(id string) ([]byte, error) {
	s, ok := Find(id)
	if !ok {
		return nil, fmt.Errorf("no sample is called %q: %w", id, fs.ErrNotExist)
	}
	return files.ReadFile("files/" + s.File())
}
