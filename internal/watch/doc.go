// Package watch follows sessions: chunks in; events out to whoever shows them, and masked chunks out to whoever keeps
// them. Live sessions (of a proxy) and recorded ones (of a capture file) take the same way through it, which is why they
// give the same events.
package watch

import (
	"facteur/captures"
	"facteur/decode"
)

// Show is handed what viewers may see.
type Show interface {
	// Publish shows events, in order. The slice is valid during the call.
	Publish(session int, events []decode.Event)
	// Octets shows octets of a layer, masked, as decode.Options.Octets.
	Octets(session int, leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte)
}

// Recorder keeps sessions; *captures.Writer is one.
type Recorder interface {
	Open(i captures.Info, m captures.Meta) error
	Secrets(session int, leg decode.Leg, keylog []byte) error
	Chunk(session int, c decode.Chunk, comment string) error
	Close(session int) error
	Flush() error
}
