package captures

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"facteur/decode"
)

// ownPrefix begins the packet comments that are for facteur and not for people. What follows is one JSON object; one
// too long for a pcapng option (64 KiB) goes on in the packet's next comments of this prefix.
const ownPrefix = "facteur:"

// maxComment is what one option holds (a 16-bit length), less something for the prefix.
const maxComment = 65000

// maxOwn is the longest JSON object that is written: many times what a thing told can be, and less than a block.
const maxOwn = 512 << 10

// own is the machine comment of one packet of a recording.
type own struct {
	Recording string   `json:"recording,omitempty"` // with Open: tells merged recordings apart
	Open      *Meta    `json:"open,omitempty"`      // on the SYN
	Told      *ownTold `json:"told,omitempty"`      // on a packet without octets
	Lost      int64    `json:"lost,omitempty"`      // on the receiver's acknowledgment: so much of the sender's is missing
	Close     bool     `json:"close,omitempty"`     // on the session's last packet
	// Repaired is in an Interface Statistics Block at the end: what Repair did.
	Repaired *ownRepaired `json:"repaired,omitempty"`
}

// ownRepaired says what was taken off the end of a recording.
type ownRepaired struct {
	File   string `json:"file"`   // its name then
	Offset int64  `json:"offset"` // where the file now goes on
	Octets int64  `json:"octets"` // of the unfinished block
}

// ownTold is a decode.Told. Leg and From stand here because the leg it belongs to may have no connection yet.
type ownTold struct {
	Leg    string     `json:"leg"`
	From   string     `json:"from"`
	Kind   string     `json:"kind"`
	Fields []ownField `json:"fields,omitempty"`
}

// ownField is a decode.Field; Raw is the value where it is not UTF-8 and JSON could not hold it.
type ownField struct {
	Name   string `json:"name"`
	Value  string `json:"value,omitempty"`
	Raw    []byte `json:"raw,omitempty"`
	Secret bool   `json:"secret,omitempty"`
}

// encodeTold makes the comment of something told.
func encodeTold(leg decode.Leg, from decode.Side, t *decode.Told) *ownTold {
	o := &ownTold{Leg: leg.String(), From: from.String(), Kind: t.Kind}
	for _, f := range t.Fields {
		w := ownField{Name: f.Name, Value: f.Value, Secret: f.Secret}
		if !utf8.ValidString(f.Value) {
			w.Value, w.Raw = "", []byte(f.Value)
		}
		o.Fields = append(o.Fields, w)
	}
	return o
}

// chunk gives back the chunk that encodeTold was made from, but for its time.
func (o *ownTold) chunk() decode.Chunk {
	t := &decode.Told{Kind: o.Kind}
	for _, f := range o.Fields {
		v := f.Value
		if f.Raw != nil {
			v = string(f.Raw)
		}
		t.Fields = append(t.Fields, decode.Field{Name: f.Name, Value: v, Secret: f.Secret})
	}
	c := decode.Chunk{Leg: legOf(o.Leg), Told: t}
	if o.From == decode.Server.String() {
		c.From = decode.Server
	}
	return c
}

func legOf(s string) decode.Leg {
	if s == decode.ServerLeg.String() {
		return decode.ServerLeg
	}
	return decode.ClientLeg
}

// comments gives o as the texts of one comment or more.
func (o *own) comments() ([]string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(o); err != nil {
		return nil, fmt.Errorf("packet comment: %w", err)
	}
	if b.Len() > maxOwn {
		return nil, fmt.Errorf("packet comment of %d octets (limit %d): tell less", b.Len(), maxOwn)
	}
	var out []string
	for s := strings.TrimSuffix(b.String(), "\n"); s != ""; {
		n := len(cutText(s, maxComment))
		out = append(out, ownPrefix+s[:n])
		s = s[n:]
	}
	return out, nil
}

// parseOwn reads the machine comment among a packet's comments; nil if there is none or it is not ours after all.
func parseOwn(comments []string) *own {
	var b strings.Builder
	for _, c := range comments {
		if s, ok := strings.CutPrefix(c, ownPrefix); ok {
			b.WriteString(s)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	var o own
	if err := json.Unmarshal([]byte(b.String()), &o); err != nil {
		return nil
	}
	return &o
}

// cutText shortens s to at most n octets, between characters.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
