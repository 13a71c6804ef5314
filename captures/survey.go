package captures

import (
	"slices"
	"strconv"
	"strings"

	"facteur/decode"
)

// survey is what a first pass learns of a capture.
type survey struct {
	infos     map[int]Info
	mail      map[int]bool
	leave     map[int]bool // sessions left out
	randoms   map[string]bool
	untreated map[Untreated]*Untreated // by session, leg and kind
	rename    func(*Info, *Meta)
}

func newSurvey() *survey {
	return &survey{infos: map[int]Info{}, mail: map[int]bool{}, leave: map[int]bool{}, randoms: map[string]bool{},
		untreated: map[Untreated]*Untreated{}, rename: func(*Info, *Meta) {}}
}

func (v *survey) open(i Info) error {
	v.infos[i.Session] = i
	if i.Protocol != decode.Detect && i.Protocol != decode.Opaque {
		v.mail[i.Session] = true
	}
	return nil
}

// mailKinds begin the kinds of events of mail protocols.
var mailKinds = map[string]bool{"smtp": true, "lmtp": true, "pop3": true, "imap": true, "sieve": true}

// event notes what an event says of its session.
func (v *survey) event(session int, e *decode.Event, octets []byte) {
	family, _, _ := strings.Cut(e.Kind, ".")
	if mailKinds[family] {
		v.mail[session] = true
	}
	switch e.Kind {
	case "tls.client_hello":
		v.randoms[strings.ToLower(e.Field("random"))] = true
	case "tls.record":
		if e.Field("opened") == "no" {
			v.cannot(session, e, "tls_sealed", e.Span.Len(), e.Field("reason"))
		}
	case "sasl.frame":
		if layered(e) > 0 {
			v.cannot(session, e, "sasl_sealed", layered(e), e.Field("mechanism"))
		}
	case "session.opaque":
		v.cannot(session, e, "opaque", e.Span.Len(), "")
	case "session.gap":
		if e.From == decode.Client {
			n, _ := strconv.ParseInt(e.Field("octets"), 10, 64)
			v.cannot(session, e, "gap", n, "")
		}
	case "session.error":
		if e.Field("what") == "decoder_fault" {
			v.cannot(session, e, "fault", 0, e.Field("detail"))
		}
	}
	if readable(e) && e.Span.Len() > 0 && int64(len(octets)) < e.Span.Len() {
		v.cannot(session, e, "opaque", e.Span.Len(), "")
	}
}

// layered gives how many octets at the end of a frame of a SASL security layer (RFC 4422 §3.7) cannot be read: none of one
// that is signed only and whose text is decoded on the plain layer.
func layered(e *decode.Event) int64 {
	if e.Kind != "sasl.frame" || e.Layer == decode.Wire && e.Field("protection") == "integrity" {
		return 0
	}
	n, _ := strconv.ParseInt(e.Field("octets"), 10, 64)
	return min(n, e.Span.Len())
}

func (v *survey) cannot(session int, e *decode.Event, what string, octets int64, detail string) {
	key := Untreated{Session: session, Leg: e.Leg, What: what, Detail: detail}
	u := v.untreated[key]
	if u == nil {
		c := key
		u = &c
		v.untreated[key] = u
	}
	u.Count++
	u.Octets += octets
}

// finish decides what is left out and lists what could not be treated in the rest.
func (v *survey) finish(r *Report) {
	for id := range v.infos {
		if !v.mail[id] {
			v.leave[id] = true
		}
	}
	r.Left, r.Untreated = len(v.leave), nil
	r.Sessions = len(v.infos) - r.Left
	for _, u := range v.untreated {
		if !v.leave[u.Session] {
			r.Untreated = append(r.Untreated, *u)
		}
	}
	slices.SortFunc(r.Untreated, func(a, b Untreated) int {
		if a.Session != b.Session {
			return a.Session - b.Session
		}
		return strings.Compare(a.Leg.String()+a.What+a.Detail, b.Leg.String()+b.What+b.Detail)
	})
}
