// Package bilingual has errors that say the same in French and in English: Error gives the English for logs and programs, Say
// either one for people.
package bilingual

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// Sayer is an error that has its sentence in both languages.
type Sayer interface {
	error
	Say(lang string) string
}

// Error is an error with its sentence in both languages.
type Error struct {
	english error // what errors.Is and errors.As look into
	french  string
	args    []any
}

// New gives an error of two sentences.
func New(english, french string) *Error { return &Error{english: errors.New(english), french: french} }

// Errorf gives an error of two formats for the same arguments in the same order; %w wraps as with fmt.Errorf, and what is
// wrapped says its part in the same language.
func Errorf(english, french string, args ...any) *Error {
	return &Error{fmt.Errorf(english, args...), strings.ReplaceAll(french, "%w", "%v"), args}
}

func (e *Error) Error() string { return e.english.Error() }

// Unwrap gives what the error was made of.
func (e *Error) Unwrap() error { return e.english }

// Say gives the sentence in that language: fr or en.
func (e *Error) Say(lang string) string {
	switch {
	case lang != "fr":
		return e.Error()
	case e.args == nil:
		return e.french
	}
	args := make([]any, len(e.args))
	for i, arg := range e.args {
		if err, is := arg.(error); is {
			arg = In(lang, err)
		}
		args[i] = arg
	}
	return fmt.Sprintf(e.french, args...)
}

// In gives the text of an error in that language, as far as what it is made of has one.
func In(lang string, err error) string {
	if lang != "fr" {
		return err.Error()
	}
	switch x := err.(type) {
	case Sayer:
		return x.Say(lang)
	case *fs.PathError:
		if why := fileFrench(x); why != "" {
			return x.Path + "\u202f: " + why
		}
	case *os.LinkError:
		if why := fileFrench(x); why != "" {
			return x.New + "\u202f: " + why
		}
	}
	text := err.Error()
	for _, inner := range parts(err) {
		if from, to := inner.Error(), In(lang, inner); from != "" && from != to {
			text = strings.ReplaceAll(text, from, to)
		}
	}
	return text
}

// parts are the errors that an error wraps.
func parts(err error) []error {
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		if inner := x.Unwrap(); inner != nil {
			return []error{inner}
		}
	case interface{ Unwrap() []error }:
		return x.Unwrap()
	}
	return nil
}

// fileFrench says in French why a file could not be used; "" for what the system alone has words for.
func fileFrench(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "ce fichier n’existe pas"
	case errors.Is(err, fs.ErrPermission):
		return "l’accès à ce fichier est refusé"
	case errors.Is(err, fs.ErrExist):
		return "ce fichier existe déjà"
	case errors.Is(err, syscall.EISDIR):
		return "c’est un dossier, et non un fichier"
	case errors.Is(err, syscall.ENOTDIR):
		return "un dossier de ce chemin est un fichier"
	case errors.Is(err, syscall.ENOSPC):
		return "le disque est plein"
	case errors.Is(err, syscall.EROFS):
		return "le disque n’admet pas d’écriture"
	}
	return ""
}
