package cli

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
	"facteur/internal/lab"
	"facteur/internal/watch"
	"facteur/proxy"
	"facteur/replay"
)

// spoken makes a dialogue of lines, "C: …" and "S: …".
func spoken(t *testing.T, session int, lines string) *replay.Dialogue {
	t.Helper()
	book := &replay.Book{}
	s := decode.New(decode.Options{Protocol: decode.SMTP, Octets: func(leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
		book.Octets(session, leg, from, layer, at, data)
	}})
	for _, l := range strings.Split(strings.TrimSpace(lines), "\n") {
		from := decode.Client
		if l[0] == 'S' {
			from = decode.Server
		}
		book.Publish(session, s.Feed(decode.Chunk{Time: time.Unix(0, 0), From: from, Data: []byte(strings.TrimPrefix(l[2:], " ") + "\r\n")}))
	}
	book.Publish(session, s.Close(time.Unix(1, 0)))
	all, err := book.Dialogues()
	if err != nil || len(all) != 1 {
		t.Fatalf("%d dialogues, %v", len(all), err)
	}
	return all[0]
}

const diffA = `
S: 220 one ready
C: EHLO a.example
S: 250-one
S: 250 SIZE 100
C: AUTH PLAIN AGFsaWNlACoqKg==
S: 235 ok
C: MAIL FROM:<a@one.example>
S: 250 ok
C: RCPT TO:<b@one.example>
S: 250 ok
C: RSET
S: 250 ok
C: QUIT
S: 221 bye
`

const diffB = `
S: 220 one ready
C: EHLO b.example
S: 250-one
S: 250 SIZE 200
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: YWxpY2U=
S: 334 UGFzc3dvcmQ6
C: KioqKio=
S: 235 ok
C: MAIL FROM:<a@ONE.example> SIZE=12
S: 250 ok
C: RCPT TO:<c@one.example>
S: 550 5.1.1 nobody
C: NOOP
S: 250 ok
C: QUIT
S: 221 bye
`

const diffEnglish = `A  SMTP, session 1, in clear
B  SMTP, session 2, in clear
=  (the server’s greeting)
~  EHLO a.example
     A <- 250 SIZE 100
     B <- 250 SIZE 200
~  AUTH PLAIN AGFsaWNlACoqKg==
     A -> AUTH PLAIN AGFsaWNlACoqKg==
     B -> AUTH LOGIN
=  MAIL FROM:<a@one.example>
~  RCPT TO:<b@one.example>
     A -> RCPT TO:<b@one.example>
     B -> RCPT TO:<c@one.example>
     A <- 250 ok
     B <- 550 5.1.1 nobody
<  RSET
>  NOOP
=  QUIT
3 same, 3 changed, 1 only in A, 1 only in B, 0 to come into TLS
`

// The difference of two sessions reads the same in both languages, but for the words.
func TestReplayDiffText(t *testing.T) {
	a, b := spoken(t, 1, diffA), spoken(t, 2, diffB)
	french := strings.NewReplacer("SMTP, session", "SMTP, séance", "in clear", "en clair", "(the server’s greeting)", "(accueil du serveur)",
		"3 same, 3 changed, 1 only in A, 1 only in B, 0 to come into TLS", "3 pareilles, 3 changées, 1 seulement dans A, 1 seulement dans B, 0 pour passer en TLS").Replace(diffEnglish)
	for lang, want := range map[string]string{"en": diffEnglish, "fr": french} {
		var out bytes.Buffer
		(&app{lang: lang}).diffText(&out, a, b, replay.Diff(a, b))
		if out.String() != want {
			t.Errorf("%s:\n%s\nwant:\n%s", lang, out.String(), want)
		}
	}
}

// A recording in TLS without its keys is refused, and the refusal says what is missing and how to give it.
func TestReplayServeWithoutKeys(t *testing.T) {
	p := startPractice(t, proxy.Passthrough, false)
	for _, id := range []string{"imap-starttls-quoted", "pop3-implicit-user"} {
		script, _ := lab.FindScript(id)
		if err := lab.Play(t.Context(), script, p.targets); err != nil {
			t.Fatal(err)
		}
	}
	p.stop()
	for lang, want := range map[string][]string{"en": {"session 1, after step ", "TLS that no key opens", "session 2, from the beginning", "--keylog"},
		"fr": {"séance 1, après l’étape ", "TLS qu’aucune clé n’ouvre", "séance 2, dès le début", "--keylog"}} {
		logs := &lockedBuffer{}
		a := &app{in: strings.NewReader(""), out: io.Discard, err: logs, lang: lang}
		a.logs = a.logger()
		err := a.replayServe(t.Context(), replayServeFlags{caDir: t.TempDir(), format: "text"}, p.recording(t))
		if err == nil {
			t.Fatal("it was served")
		}
		for _, w := range want {
			if !strings.Contains(logs.String(), w) {
				t.Errorf("%s: %q is not in\n%s", lang, w, logs.String())
			}
		}
	}
}

// What a dialogue keeps holds no password, whatever the recording kept.
func TestReplayDialoguesHoldNoPassword(t *testing.T) {
	p := startPractice(t, proxy.Intercept, true)
	for _, s := range lab.Scripts() {
		if err := lab.Play(t.Context(), s, p.targets); err != nil {
			t.Fatalf("%s: %v", s.ID, err)
		}
	}
	p.stop()
	book := &replay.Book{}
	if err := captures.ReadFile(p.recording(t), &watch.File{Show: book, Keys: new(tlswire.KeyLog), Octets: true}); err != nil {
		t.Fatal(err)
	}
	all, err := book.Dialogues()
	if err != nil || len(all) < len(lab.Scripts()) {
		t.Fatalf("%d dialogues, %v", len(all), err)
	}
	for _, d := range all {
		if err := d.Whole(); err != nil {
			t.Error(err)
		}
		var said bytes.Buffer
		for i := range d.Steps {
			said.WriteString(d.Steps[i].Line)
			for _, turn := range d.Steps[i].Turns {
				said.Write(turn.Client)
			}
		}
		for _, account := range lab.Accounts {
			for how, form := range disguises(account.Password) {
				if bytes.Contains(said.Bytes(), form) {
					t.Errorf("session %d holds the password of %s (%s)", d.Session, account.User, how)
				}
			}
		}
	}
}
