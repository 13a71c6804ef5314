package replay

import (
	"strings"

	"facteur/decode"
)

// maxChapters bounds what every state carries to every viewer; beyond it, every other chapter is left out, again and
// again, so that they stay spread over the whole recording.
const maxChapters = 256

// Chapter is a place worth a mark: where a session opens.
type Chapter struct {
	N     int    `json:"n"`
	Title string `json:"title"` // protocol and addresses, the same in every language

	session   int
	addresses string
}

// chapters are copied before a change: states that were handed out keep theirs.
type chapters struct {
	list []Chapter
	step int // each step-th session is a chapter
	seen int
}

func (c *chapters) add(n, session int, e *decode.Event) {
	if len(c.list) == maxChapters {
		var half []Chapter
		for i := 0; i < len(c.list); i += 2 {
			half = append(half, c.list[i])
		}
		c.list, c.step = half, 2*c.step
	}
	if c.seen++; (c.seen-1)%c.step != 0 {
		return
	}
	at := addresses(e)
	c.list = append(c.list[:len(c.list):len(c.list)], Chapter{N: n, Title: title(e.Field("protocol"), at), session: session, addresses: at})
}

// detected writes the protocol into a title that lacked it.
func (c *chapters) detected(session int, e *decode.Event) {
	for i := len(c.list) - 1; i >= 0; i-- {
		if c.list[i].session == session {
			c.list = append([]Chapter(nil), c.list...)
			c.list[i].Title = title(e.Field("protocol"), c.list[i].addresses)
			return
		}
	}
}

// title sets the protocol's name, when it is known, before the addresses.
func title(protocol, addresses string) string {
	switch protocol {
	case "", decode.Detect, decode.Opaque:
		return addresses
	case decode.Sieve:
		protocol = "ManageSieve"
	default:
		protocol = strings.ToUpper(protocol)
	}
	return strings.TrimSpace(protocol + " " + addresses)
}

func addresses(e *decode.Event) string {
	client, server := e.Field("client"), e.Field("server")
	if client == "" || server == "" {
		return client + server
	}
	return client + " → " + server
}
