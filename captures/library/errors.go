package library

import (
	"errors"

	"modernc.org/sqlite"

	"facteur/internal/bilingual"
)

// ErrUnknown is in the error of a recording, session or event that is not in the library.
var ErrUnknown error = bilingual.New("not in the library", "absent de la bibliothèque")

// failed says that something went wrong with the library's folder or index.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return bilingual.Errorf("library: %w", "bibliothèque\u202f: %w", inWords(err))
}

// notFound says which recording there is not.
func notFound(name string) error {
	return bilingual.Errorf("recording %s: %w", "enregistrement %s\u202f: %w", name, ErrUnknown)
}

// SQLite's primary result codes that a user can do something about (sqlite.org/rescode.html).
const (
	sqliteBusy     = 5
	sqliteReadOnly = 8
	sqliteCorrupt  = 11
	sqliteFull     = 13
	sqliteCantOpen = 14
	sqliteNotADB   = 26
	primaryCode    = 0xff // an extended code's primary one
)

// inWords puts words to what SQLite has a number for.
func inWords(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & primaryCode {
	case sqliteBusy:
		return bilingual.Errorf("another facteur has been writing to the index for long: try again (%w)", "un autre facteur écrit dans l’index depuis longtemps\u202f: réessayez (%w)", err)
	case sqliteReadOnly, sqliteCantOpen:
		return bilingual.Errorf("the index cannot be written: look at the folder's permissions (%w)", "l’index ne peut être écrit\u202f: voyez les droits du dossier (%w)", err)
	case sqliteFull:
		return bilingual.Errorf("the disk is full (%w)", "le disque est plein (%w)", err)
	case sqliteCorrupt, sqliteNotADB:
		return bilingual.Errorf("%s is damaged: delete it, and it is made anew from the recordings; marks, notes and tags are in it alone (%w)",
			"%s est endommagé\u202f: supprimez-le, et il sera refait d’après les enregistrements\u202f; lui seul contient les repères, les notes et les étiquettes (%w)", IndexName, err)
	}
	return err
}
