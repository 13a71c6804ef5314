package web

import (
	"fmt"
	"net/http"
	"strings"
)

// A refusal is an answer other than 2xx: under /api as {"error":code,"message":{"fr","en"}}, elsewhere as plain text.
type refusal struct {
	status int
	code   string
	fr, en string
}

var (
	refuseHost = refusal{http.StatusForbidden, "host",
		"Cette adresse n’est pas celle de facteur\u202f: un autre nom peut mener ici à l’insu de qui l’utilise (DNS rebinding). Ouvrez l’adresse que facteur a affichée au démarrage.",
		"This address is not facteur’s: another name may lead here without its user knowing (DNS rebinding). Open the address that facteur printed when it started."}
	refuseOrigin = refusal{http.StatusForbidden, "origin",
		"La demande vient d’une autre page. Seule la page de facteur peut parler à facteur.",
		"The request comes from another page. Only facteur’s own page may talk to facteur."}
	refuseHeader = refusal{http.StatusForbidden, "header",
		"L’en-tête «\u202fFacteur: 1\u202f» manque.",
		"The header “Facteur: 1” is missing."}
	refuseAccess = refusal{http.StatusUnauthorized, "not_authorised",
		"Ouvrez l’adresse complète que facteur a affichée, avec son jeton (token).",
		"Open the whole address that facteur printed, with its token."}
	refuseCode = refusal{http.StatusUnauthorized, "code",
		"Tapez le code que montre le formateur.",
		"Type the code that the presenter shows."}
	refuseToken = refusal{http.StatusForbidden, "token",
		"Ce jeton n’est pas le bon\u202f; il change à chaque démarrage. Ouvrez l’adresse que facteur a affichée en dernier.",
		"This token is not the right one; it changes at every start. Open the address that facteur printed last."}
	refuseAttempts = refusal{http.StatusTooManyRequests, "too_many_attempts",
		"Trop de jetons faux depuis votre adresse. Attendez une minute.",
		"Too many wrong tokens from your address. Wait a minute."}
	refuseRole = refusal{http.StatusForbidden, "read_only",
		"Vous suivez la séance\u202f: seul le formateur commande.",
		"You are following: only the presenter gives orders."}
	refuseMethod = refusal{http.StatusMethodNotAllowed, "method",
		"Cette méthode HTTP n’est pas permise ici.",
		"This HTTP method is not allowed here."}
	refuseNotFound = refusal{http.StatusNotFound, "not_found",
		"Il n’y a rien à cette adresse.",
		"There is nothing at this address."}
	refuseNotKept = refusal{http.StatusNotFound, "not_kept",
		"Ces octets ne sont plus en mémoire\u202f; l’enregistrement, s’il y en a un, les a.",
		"These octets are no longer in memory; the recording, if there is one, has them."}
	refuseNoMail = refusal{http.StatusNotFound, "no_message",
		"Aucun message ne commence ici, ou ses événements ne sont plus en mémoire\u202f; l’enregistrement, s’il y en a un, les a.",
		"No message begins here, or its events are no longer in memory; the recording, if there is one, has them."}
	refuseNoDialogue = refusal{http.StatusNotFound, "no_dialogue",
		"Cette séance n’a pas d’échange de courriel à comparer, ou n’est plus en mémoire.",
		"This session has no mail exchange to compare, or is no longer in memory."}
	refuseNoPlayer = refusal{http.StatusNotFound, "no_player",
		"Il n’y a pas de relecture en cours.",
		"Nothing is being replayed."}
	refuseNoTape = refusal{http.StatusNotFound, "no_tape",
		"Cet enregistrement n’est plus ouvert\u202f: rouvrez-le depuis Séances.",
		"This recording is no longer open: open it again from Sessions."}
	refuseNoRecording = refusal{http.StatusNotFound, "no_recording",
		"Cet enregistrement n’existe pas, ou n’existe plus.",
		"There is no such recording, or there no longer is."}
	refuseNoLibrary = refusal{http.StatusNotFound, "no_library",
		"facteur n’enregistre pas (--record off)\u202f: il n’y a pas de bibliothèque.",
		"facteur does not record (--record off): there is no library."}
	refuseLibrary = refusal{http.StatusInternalServerError, "library",
		"La bibliothèque n’a pas pu le faire\u202f; le journal de facteur dit pourquoi.",
		"The library could not do that; facteur’s log says why."}
	refuseUnreadable = refusal{http.StatusUnprocessableEntity, "unreadable",
		"Ce fichier ne peut pas être lu.",
		"This file cannot be read."}
	refuseFileSize = refusal{http.StatusRequestEntityTooLarge, "file_size",
		"Ce fichier est trop grand\u202f: 4\u00a0Gio au plus. Pour un plus grand, donnez son chemin à facteur replay.",
		"This file is too large: 4 GiB at most. For a larger one, give its path to facteur replay."}
	refuseUpload = refusal{http.StatusInternalServerError, "upload",
		"Le fichier n’a pas pu être gardé\u202f; le journal de facteur dit pourquoi.",
		"The file could not be kept; facteur’s log says why."}
	refuseQuery = refusal{http.StatusBadRequest, "query",
		"Un paramètre de l’adresse n’a pas la forme attendue.",
		"A parameter of the address does not have the expected form."}
	refuseBody = refusal{http.StatusBadRequest, "body",
		"Le corps de la demande n’est pas l’objet JSON attendu.",
		"The body of the request is not the JSON object expected."}
	refuseBodySize = refusal{http.StatusRequestEntityTooLarge, "body_size",
		"Le corps de la demande est trop long.",
		"The body of the request is too long."}
	refuseBodyType = refusal{http.StatusUnsupportedMediaType, "body_type",
		"Le corps de la demande doit être du type application/json.",
		"The body of the request must be of the type application/json."}
	refuseCommand = refusal{http.StatusBadRequest, "command",
		"La relecture ne connaît pas cet ordre.",
		"The replay does not know this order."}
	refuseUpgrade = refusal{http.StatusUpgradeRequired, "websocket",
		"Cette adresse attend un websocket\u202f; stream.sse donne les mêmes messages sans lui.",
		"This address expects a websocket; stream.sse gives the same messages without."}
	refuseViewers = refusal{http.StatusServiceUnavailable, "viewers",
		"Il y a déjà trop de pages ouvertes.",
		"Too many pages are open already."}
	notBuilt = refusal{http.StatusServiceUnavailable, "not_built",
		"La page n’est pas construite dans ce binaire. Depuis les sources\u202f: npm --prefix web/ui ci && npm --prefix web/ui run build, puis reconstruire facteur.",
		"The page is not built into this binary. From the sources: npm --prefix web/ui ci && npm --prefix web/ui run build, then build facteur again."}
)

// refusalBody is the JSON form.
type refusalBody struct {
	Error   string   `json:"error"`
	Message bothText `json:"message"`
}

type bothText struct {
	FR string `json:"fr"`
	EN string `json:"en"`
}

// refuse answers with v. detail, such as what exactly was wrong with a command, is added to both languages.
func refuse(w http.ResponseWriter, r *http.Request, v refusal, detail ...string) {
	fr, en := v.fr, v.en
	if d := strings.Join(detail, "; "); d != "" {
		fr, en = fr+" ("+d+")", en+" ("+d+")"
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if isAPI(r) {
		h.Set("Content-Type", "application/json")
		w.WriteHeader(v.status)
		_, _ = w.Write(append(marshal(refusalBody{v.code, bothText{fr, en}}), '\n'))
		return
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(v.status)
	_, _ = fmt.Fprintf(w, "facteur\n\n%s\n\n%s\n", fr, en)
}

func isAPI(r *http.Request) bool {
	return r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/")
}
