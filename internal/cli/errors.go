package cli

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
)

// sayable is an error that has its sentence in both languages.
type sayable interface {
	error
	Say(lang string) string
}

// inWords gives the text of an error in the user's language, as far as what it is made of has one.
func (a *app) inWords(err error) string { return errorText(err, a.lang) }

func errorText(err error, lang string) string {
	text := err.Error()
	if lang != "fr" {
		return text
	}
	for _, e := range partsOf(err, nil) {
		said := ""
		switch x := e.(type) {
		case sayable:
			said = x.Say(lang)
		case *fs.PathError:
			if why := frenchFileError(x); why != "" {
				said = x.Path + "\u202f: " + why
			}
		}
		if said != "" {
			text = strings.ReplaceAll(text, e.Error(), said)
		}
	}
	return text
}

// partsOf gives the errors that an error is made of, those around others first.
func partsOf(err error, parts []error) []error {
	parts = append(parts, err)
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		if inner := x.Unwrap(); inner != nil {
			parts = partsOf(inner, parts)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range x.Unwrap() {
			parts = partsOf(inner, parts)
		}
	}
	return parts
}

// frenchFileError says in French why a file could not be used; "" for what the system alone has words for.
func frenchFileError(e *fs.PathError) string {
	switch {
	case errors.Is(e, fs.ErrNotExist):
		return "ce fichier n’existe pas"
	case errors.Is(e, fs.ErrPermission):
		return "l’accès à ce fichier est refusé"
	case errors.Is(e, fs.ErrExist):
		return "ce fichier existe déjà"
	case errors.Is(e, syscall.EISDIR):
		return "c’est un dossier, et non un fichier"
	case errors.Is(e, syscall.ENOSPC):
		return "le disque est plein"
	}
	return ""
}
