package captures

import (
	"io"

	"facteur/decode"
	"facteur/decode/tlswire"
)

// WalkOptions say what Walk hands on. Each function may be nil.
type WalkOptions struct {
	Keys        *tlswire.KeyLog // beside the secrets in the capture; nil is none
	ShowSecrets bool
	// From, if set, is read instead of the file; the path is its name in errors.
	From io.Reader
	// Protocol may say otherwise what a connection speaks, before anything is decoded.
	Protocol func(i *Info)
	// Through and TCPEvents are those of Reader.
	Through   func(file io.Reader) io.Reader
	TCPEvents bool
	// Open announces a connection, as Sink.Open does.
	Open func(i Info)
	// Event hands over an event of a session and the octets of its span, masked as the event is: empty where there are none,
	// short where the capture missed some. They are valid during the call.
	Event func(session int, e *decode.Event, octets []byte)
	// Close says that no more comes of a session.
	Close func(session int)
}

// Walk decodes a capture, and hands on each event together with its octets. Events of a session come in order; memory is
// bounded by what has to wait for its secrecy to be decided. Errors are those of ReadFile.
func Walk(path string, o WalkOptions) error {
	p := &pass{keys: o.Keys, show: o.ShowSecrets, event: o.Event, protocol: o.Protocol, reader: Reader{Through: o.Through, TCPEvents: o.TCPEvents}}
	if p.keys == nil {
		p.keys = new(tlswire.KeyLog)
	}
	if o.Open != nil {
		p.open = func(i Info) error { o.Open(i); return nil }
	}
	if o.Close != nil {
		p.close = func(session int) error { o.Close(session); return nil }
	}
	if o.From != nil {
		return p.runFrom(o.From, path)
	}
	return p.run(path)
}
