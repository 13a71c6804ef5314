package library

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
	"facteur/internal/filter"
)

// maxIndexed is how much of a line is kept to be shown, and maxText how much of an event's text is searched: more than
// any header field, less than a list of a whole mailbox.
const (
	maxIndexed = 500
	maxText    = 8 << 10
)

// indexer is a captures.Sink that decodes sessions and writes their events, in batches.
type indexer struct {
	ctx       context.Context
	l         *Library
	recording int64
	keys      *tlswire.KeyLog
	kinds     map[string]int64
	facts     gathered
	sessions  map[int]*indexed
	err       error

	tx             *sql.Tx
	event, words   *sql.Stmt
	inBatch        int
	events         int64
	sessionCount   int
	began, ended   int64
	title, secrets string
	text, line     strings.Builder
}

// indexed is a session being indexed.
type indexed struct {
	id                    int64
	dec                   *decode.Session
	about                 filter.About
	client                string
	server                string
	user                  string
	began                 int64
	ended                 int64
	events, lints, errors int64
	tried, turned         bool // TLS: a hello was seen, an upgrade
}

// Open begins a session, or its second leg.
func (w *indexer) Open(i captures.Info) {
	if w.err != nil {
		return
	}
	if w.sessions == nil {
		w.sessions = map[int]*indexed{}
	}
	s := w.sessions[i.Session]
	if s == nil {
		o := decode.Options{Protocol: i.Protocol, Midstream: i.Midstream, Secrets: w.keys}
		o.Implicit[i.Leg] = i.Implicit
		s = &indexed{dec: decode.New(o), about: filter.About{Number: i.Session}, client: i.Client.String(), server: i.Server.String(), began: i.Time.UnixNano()}
		if i.Protocol != decode.Detect {
			s.about.Protocol = i.Protocol
		}
		w.sessions[i.Session] = s
		w.sessionCount++
		w.err = w.beginSession(s)
	}
	s.dec.Implicit(i.Leg, i.Implicit)
	if m := i.Own; m != nil {
		if m.Title != "" {
			w.title = m.Title
		}
		if w.secrets == "" || m.Secrets == "kept" {
			w.secrets = m.Secrets
		}
		if i.Leg == decode.ClientLeg {
			s.client = m.Client
		}
		if m.Server != "" {
			s.server = m.Server
		}
		return
	}
	told := decode.Told{Kind: "session.open", Fields: []decode.Field{{Name: "client", Value: i.Client.String()}, {Name: "server", Value: i.Server.String()}}}
	w.add(s, s.dec.Feed(decode.Chunk{Time: i.Time, Leg: i.Leg, Told: &told}))
}

// beginSession gives the session its row, so that events can name it.
func (w *indexer) beginSession(s *indexed) error {
	if err := w.begin(); err != nil {
		return err
	}
	res, err := w.tx.ExecContext(w.ctx, "INSERT INTO sessions (recording, number, began, ended) VALUES (?, ?, ?, ?)", w.recording, s.about.Number, s.began, s.began)
	if err != nil {
		return err
	}
	s.id, err = res.LastInsertId()
	return err
}

// Chunk decodes what came next of a session.
func (w *indexer) Chunk(session int, c decode.Chunk) {
	if s := w.sessions[session]; s != nil && w.err == nil {
		w.add(s, s.dec.Feed(c))
	}
}

// Close ends a session.
func (w *indexer) Close(session int, at time.Time) {
	s := w.sessions[session]
	if s == nil || w.err != nil {
		return
	}
	delete(w.sessions, session)
	w.add(s, s.dec.Close(at))
	if w.err != nil {
		return
	}
	if w.err = w.begin(); w.err != nil {
		return
	}
	_, w.err = w.tx.ExecContext(w.ctx, `UPDATE sessions SET protocol = ?, client = ?, server = ?, tls = ?, user = ?, ended = ?, events = ?, lints = ?, errors = ?,
		tried = ?, turned = ? WHERE id = ?`, s.about.Protocol, s.client, s.server, strings.Join(s.about.TLS, ", "), s.user, s.ended, s.events, s.lints, s.errors, s.tried, s.turned, s.id)
}

// Secrets adds the key log lines that the capture itself holds.
func (w *indexer) Secrets(lines []byte) { w.keys.Add(lines) }

// begin begins a batch if none is under way.
func (w *indexer) begin() (err error) {
	if w.tx != nil {
		return nil
	}
	if w.tx, err = w.l.db.BeginTx(w.ctx, nil); err != nil {
		w.tx = nil
		return err
	}
	if w.event, err = w.tx.PrepareContext(w.ctx, "INSERT INTO events VALUES (NULL,?,?,?,?,?,?,?,?,?,?,?)"); err != nil {
		return err
	}
	w.words, err = w.tx.PrepareContext(w.ctx, "INSERT INTO words (rowid, text) VALUES (?,?)")
	return err
}

// commit ends the batch, with a sign of life for other processes.
func (w *indexer) commit() error {
	if w.tx == nil {
		return nil
	}
	err := w.facts.write(w.ctx, w.tx, w.recording)
	if err == nil {
		_, err = w.tx.ExecContext(w.ctx, "UPDATE recordings SET seen = ? WHERE id = ?", time.Now().UnixNano(), w.recording)
	}
	tx := w.tx
	w.tx, w.inBatch = nil, 0
	if err != nil {
		tx.Rollback()
		return err
	}
	return tx.Commit()
}

// finish writes what is left.
func (w *indexer) finish() error {
	if w.err != nil {
		if w.tx != nil {
			w.tx.Rollback()
		}
		return w.err
	}
	return w.commit()
}

// add writes events.
func (w *indexer) add(s *indexed, evs []decode.Event) {
	for i := range evs {
		if w.err != nil {
			return
		}
		e := &evs[i]
		s.about.Note(e)
		s.tried = s.tried || e.Kind == "tls.client_hello"
		s.turned = s.turned || e.Kind == "session.upgrade"
		if u := e.Field("user"); u != "" && s.user == "" {
			s.user = u
		}
		if w.err = w.begin(); w.err == nil {
			w.err = w.insert(s, e)
		}
		if w.inBatch++; w.inBatch >= batch && w.err == nil {
			w.err = w.commit()
		}
	}
}

func (w *indexer) insert(s *indexed, e *decode.Event) error {
	kind, err := w.kind(e.Kind)
	if err != nil {
		return err
	}
	at := e.Time.UnixNano()
	if w.began == 0 || at < w.began {
		w.began = at
	}
	w.ended, s.ended = max(w.ended, at), max(s.ended, at)
	w.events++
	s.events++
	c := columnsOf(e)
	if c.lint {
		s.lints++
	}
	if c.fault {
		s.errors++
	}
	res, err := w.event.ExecContext(w.ctx, s.id, e.Seq, at, e.Leg, e.From, e.Layer, e.Span.From, e.Span.To, kind, e.Re, w.shown(e))
	if err != nil {
		return err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return err
	}
	if err := w.facts.add(w.ctx, w.tx, id, s.id, w.recording, e, &c); err != nil {
		return err
	}
	w.collect(e)
	_, err = w.words.ExecContext(w.ctx, id, w.text.String())
	return err
}

// plainOctets reports whether an event is octets that nobody reads: a record, a block of a body.
func plainOctets(e *decode.Event) bool {
	return e.Kind == "tls.record" && e.Field("opened") != "no" || strings.HasSuffix(e.Kind, ".data.data")
}

// columnsOf gives what the filter looks at.
func columnsOf(e *decode.Event) columns {
	c := columns{tag: strings.ToLower(e.Field("tag")), secret: filter.HasSecret(e), lint: filter.HasLint(e), fault: filter.IsFault(e)}
	if strings.HasSuffix(e.Kind, ".command") {
		c.cmd = strings.ToUpper(e.Field("verb") + e.Field("name"))
	} else {
		c.code, c.code2, c.class = codesOf(e)
	}
	return c
}

// codesOf gives what code: looks at: an SMTP code, its enhanced one and its class, or a status or name and a response code.
func codesOf(e *decode.Event) (code, code2, class string) {
	code = e.Field("code")
	if code == "" || e.Kind == "imap.response" || e.Kind == "pop3.response" {
		code = strings.ToUpper(e.Field("status") + e.Field("name"))
	}
	if strings.HasPrefix(e.Kind, "message.") || code == "" {
		return "", "", ""
	}
	if len(code) == 3 && code[0] >= '0' && code[0] <= '9' {
		class = code[:1]
	}
	code2 = e.Field("enhanced")
	if code2 == "" && (e.Kind == "imap.response" || e.Kind == "pop3.response") {
		code2 = strings.ToUpper(e.Field("code"))
	}
	return code, code2, class
}

// kind gives the number of a kind.
func (w *indexer) kind(name string) (id int64, err error) {
	if id, ok := w.kinds[name]; ok {
		return id, nil
	}
	if _, err := w.tx.ExecContext(w.ctx, "INSERT OR IGNORE INTO kinds (name) VALUES (?)", name); err != nil {
		return 0, err
	}
	if err := w.tx.QueryRowContext(w.ctx, "SELECT id FROM kinds WHERE name = ?", name).Scan(&id); err != nil {
		return 0, err
	}
	w.kinds[name] = id
	return id, nil
}

// shown is what a list shows of an event: its line, or its fields.
func (w *indexer) shown(e *decode.Event) string {
	if plainOctets(e) {
		return ""
	}
	for i := range e.Fields {
		if e.Fields[i].Name == "line" {
			return cut(e.Fields[i].Value, maxIndexed)
		}
	}
	w.line.Reset()
	for i := range e.Fields {
		f := &e.Fields[i]
		if f.Value == "" || w.line.Len() > maxIndexed {
			continue
		}
		if w.line.Len() > 0 {
			w.line.WriteByte(' ')
		}
		w.line.WriteString(f.Name + "=" + f.Value)
	}
	return cut(w.line.String(), maxIndexed)
}

func cut(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "·")
}

// collect gathers the text to be searched: the line, or the values where there is none.
func (w *indexer) collect(e *decode.Event) {
	w.text.Reset()
	w.text.WriteString(e.Kind)
	if plainOctets(e) {
		return
	}
	line := ""
	for i := range e.Fields {
		f := &e.Fields[i]
		if f.Name == "line" {
			line = f.Value
		}
		if f.Secret || w.text.Len() > maxText || line != "" && f.Name != "line" && strings.Contains(line, f.Value) {
			continue
		}
		w.text.WriteByte('\n')
		w.text.WriteString(cut(f.Value, maxText))
	}
}
