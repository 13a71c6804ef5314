package decode

import "facteur/decode/tlswire"

// inflater undoes COMPRESS=DEFLATE (RFC 4978) on one side.
type inflater struct{}

func (sd *side) stepInflate() bool { return false }

func (sd *side) inflateRecord(rec *tlswire.Record, wire Span, content []byte) {}
