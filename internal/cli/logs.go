package cli

import (
	"context"
	"log/slog"
)

// logsFrench are the lines that other rooms log, which speak English alone. What a session has to say comes from the
// catalogue; a test holds that nothing else is missing here.
var logsFrench = map[string]string{
	"the library":                                 "la bibliothèque",
	"an export was cut short":                     "un export a été interrompu",
	"files handed to the page stay behind":        "des fichiers confiés à la page restent sur place",
	"a recording could not be opened":             "un enregistrement n’a pas pu être ouvert",
	"a file handed to the page could not be kept": "un fichier confié à la page n’a pas pu être gardé",
	"listening":                     "à l’écoute",
	"internal":                      "faute interne de facteur",
	"the session's observer failed": "ce qui suit la séance a échoué",
	"recording again":               "l’enregistrement reprend",
	"recording stopped; sessions go on without it: free space or choose another folder with --record DIR": "l’enregistrement s’arrête, les séances continuent sans lui\u202f: libérez de la place, ou choisissez un autre dossier avec --record DOSSIER",
	"the page no longer keeps every event; the recording has them all":                                    "la page ne garde plus tous les événements\u202f; l’enregistrement les a tous",
	"a viewer was let go":                "un spectateur est parti",
	"practice server: accepting failed":  "serveur d’exercice\u202f: connexion impossible",
	"practice server: session failed":    "serveur d’exercice\u202f: une séance a échoué",
	"practice server: session ended":     "serveur d’exercice\u202f: fin d’une séance",
	"practice server: message delivered": "serveur d’exercice\u202f: message remis",
	"the lesson stopped":                 "la leçon s’est arrêtée",
}

// frenchLogs is a handler that logs known lines in French.
type frenchLogs struct{ slog.Handler }

func (h frenchLogs) Handle(ctx context.Context, r slog.Record) error {
	if fr, ok := logsFrench[r.Message]; ok {
		r.Message = fr
	}
	return h.Handler.Handle(ctx, r)
}

func (h frenchLogs) WithAttrs(attrs []slog.Attr) slog.Handler {
	return frenchLogs{h.Handler.WithAttrs(attrs)}
}

func (h frenchLogs) WithGroup(name string) slog.Handler { return frenchLogs{h.Handler.WithGroup(name)} }
