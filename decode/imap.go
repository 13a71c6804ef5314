package decode

// newIMAP is replaced by the IMAP decoder.
func newIMAP(l *leg) protocol { return &unknown{l: l} }
