package notes

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Ref names a standard and where to read it.
type Ref struct {
	Label string `json:"label"` // "RFC 5321 §4.1.1.1"
	URL   string `json:"url"`
}

// RFC is an entry of the index rfc.json.
type RFC struct {
	Number      int    `json:"number"`
	Title       string `json:"title"`
	Date        string `json:"date"` // YYYY-MM
	Obsoletes   []int  `json:"obsoletes,omitempty"`
	ObsoletedBy []int  `json:"obsoleted_by,omitempty"`
	// Formerly is the number by which most readers still know it; labels give both.
	Formerly int `json:"formerly,omitempty"`
}

// citation is a reference as refs.json has it: a string, or an object for what is not a current RFC.
type citation struct {
	Ref        string `json:"ref"`
	URL        string `json:"url,omitempty"`        // for what is not an RFC
	Historical bool   `json:"historical,omitempty"` // an obsolete RFC, cited because what it describes is still met
}

// UnmarshalJSON reads both forms.
func (c *citation) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &c.Ref)
	}
	type plain citation
	return json.Unmarshal(data, (*plain)(c))
}

type refIndex struct {
	citations map[string][]citation
	refs      map[string][]Ref
	rfcs      map[int]RFC
}

var index = sync.OnceValue(loadIndex)

func loadIndex() *refIndex {
	x := &refIndex{refs: map[string][]Ref{}, rfcs: map[int]RFC{}}
	var list []RFC
	decodeFile("rfc.json", &list)
	for _, r := range list {
		x.rfcs[r.Number] = r
	}
	decodeFile("refs.json", &x.citations)
	for id, citations := range x.citations {
		for _, c := range citations {
			x.refs[id] = append(x.refs[id], x.resolve(c))
		}
	}
	return x
}

var rfcPattern = regexp.MustCompile(`^RFC (\d+)(?: (§|app\. )([0-9A-Z.]+))?$`)

// resolve makes a citation into what is shown.
func (x *refIndex) resolve(c citation) Ref {
	if c.URL != "" {
		return Ref{c.Ref, c.URL}
	}
	m := rfcPattern.FindStringSubmatch(c.Ref)
	if m == nil {
		panic(fmt.Sprintf("notes: refs.json: %q is neither an RFC nor has a url", c.Ref))
	}
	number, _ := strconv.Atoi(m[1]) // digits
	label := c.Ref
	if f := x.rfcs[number].Formerly; f != 0 {
		label = strings.Replace(label, m[1], fmt.Sprintf("%s (ex-%d)", m[1], f), 1)
	}
	url := rfcURL(number)
	switch {
	case m[2] == "§":
		url += "#section-" + m[3]
	case m[2] != "":
		url += "#appendix-" + m[3]
	}
	return Ref{label, url}
}

func rfcURL(number int) string {
	return fmt.Sprintf("https://www.rfc-editor.org/rfc/rfc%d", number)
}
