package captures

import (
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// FormatError says that a capture file could not be read (further). Sessions read before the fault were delivered and
// closed.
type FormatError struct {
	Name   string // the file
	Offset int64  // octets from the start of the file; of the decompressed octets if it is gzip
	What   string // what is wrong there, in English
	Err    error  // the cause, if there is one: io.ErrUnexpectedEOF for a file cut short

	french string // What in French
}

// fault makes a FormatError of a sentence in both languages, which have the same arguments; Read puts the name in.
func fault(at int64, err error, english, french string, args ...any) *FormatError {
	return &FormatError{Offset: at, What: fmt.Sprintf(english, args...), Err: err, french: fmt.Sprintf(french, args...)}
}

func (e *FormatError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s, at octet %d: %v", e.Name, e.What, e.Offset, e.Err)
	}
	return fmt.Sprintf("%s: %s, at octet %d", e.Name, e.What, e.Offset)
}

// Say gives the sentence in that language: fr or en.
func (e *FormatError) Say(lang string) string {
	if lang != "fr" || e.french == "" {
		return e.Error()
	}
	if e.Err != nil {
		return fmt.Sprintf("%s\u202f: %s, à l’octet %d\u202f: %s", e.Name, e.french, e.Offset, frenchCause(e.Err))
	}
	return fmt.Sprintf("%s\u202f: %s, à l’octet %d", e.Name, e.french, e.Offset)
}

// named gives the error of a file the file's name.
func named(err error, path string) error {
	var f *FormatError
	if errors.As(err, &f) {
		f.Name = path
		return f
	}
	return fmt.Errorf("%s: %w", path, err)
}

// Unwrap gives the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// frenchCause says in French why octets could not be had.
func frenchCause(err error) string {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "fin inattendue"
	case errors.Is(err, gzip.ErrHeader):
		return "en-tête gzip invalide"
	case errors.Is(err, gzip.ErrChecksum):
		return "somme de contrôle gzip fausse"
	case errors.As(err, &corrupt):
		return fmt.Sprintf("octets compressés endommagés vers %d", int64(corrupt))
	}
	return err.Error()
}

// spoken is an error that is the same wherever it happens, in both languages.
type spoken struct{ english, french string }

func (s *spoken) Error() string { return s.english }

// Say gives the sentence in that language: fr or en.
func (s *spoken) Say(lang string) string {
	if lang == "fr" {
		return s.french
	}
	return s.english
}
