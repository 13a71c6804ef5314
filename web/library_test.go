package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// fakeLibrary has one recording, a.pcapng, and writes down what is asked of it.
type fakeLibrary struct{ told []string }

func (f *fakeLibrary) note(name, what string) error {
	if name != "a.pcapng" {
		return fmt.Errorf("%s: %w", name, ErrNoRecording)
	}
	f.told = append(f.told, what)
	return nil
}

func (f *fakeLibrary) List(context.Context) (Listing, error) {
	return Listing{Dir: "/home/prof", List: []LibraryRecording{{Name: "a.pcapng"}}}, nil
}

func (f *fakeLibrary) Contents(_ context.Context, name string) (Contents, error) {
	return Contents{Sessions: []LibrarySession{{Number: 1}}}, f.note(name, "contents")
}

func (f *fakeLibrary) Search(_ context.Context, filter, after string, limit int) (Hits, error) {
	if filter == "cod:5xx" {
		return Hits{}, &Told{"filter", "clé inconnue", "unknown key"}
	}
	return Hits{List: []Hit{{Recording: "a.pcapng", Line: fmt.Sprint(filter, after, limit)}}}, nil
}

func (f *fakeLibrary) Tag(_ context.Context, name, tag string, on bool) error {
	return f.note(name, fmt.Sprint("tag ", tag, on))
}

func (f *fakeLibrary) Mark(_ context.Context, name string, m LibraryMark) error {
	return f.note(name, fmt.Sprint("mark ", m.Session, m.Seq, m.Text))
}

func (f *fakeLibrary) Marks(_ context.Context, name string) ([]LibraryMark, error) {
	return []LibraryMark{{ID: 1, Session: 1, Seq: 4, Text: "of " + name}, {ID: 2, Session: 7, Seq: 1, Text: "of a session elsewhere"}}, nil
}

func (f *fakeLibrary) SetMark(_ context.Context, name string, m LibraryMark, on bool) error {
	f.told = append(f.told, fmt.Sprint(name, " ", m.Session, m.Seq, m.Text, on))
	return nil
}

func (f *fakeLibrary) Unmark(_ context.Context, name string, id int64) error {
	return f.note(name, fmt.Sprint("unmark ", id))
}

func (f *fakeLibrary) Import(_ context.Context, from Source, force bool) ([]string, error) {
	f.told = append(f.told, fmt.Sprint("import ", from.Name, force))
	return []string{from.Name}, nil
}

func (f *fakeLibrary) Export(_ context.Context, o Export, begin func(string) io.Writer) error {
	switch {
	case o.Format == "eml":
		return &Told{"no_message", "aucun", "none"}
	case o.Session == 9:
		_, _ = io.WriteString(begin("half.txt"), "half")
		return errors.New("the disk broke")
	}
	if err := f.note(o.Name, fmt.Sprint("export ", o.Format, o.Session, o.Lang, o.NoKeys)); err != nil {
		return err
	}
	_, err := io.WriteString(begin(`a "b" é.html`), "<p>")
	return err
}

func (f *fakeLibrary) Remove(_ context.Context, name string) error { return f.note(name, "remove") }

// The library is listed, searched, tagged, noted, imported into and exported from.
func TestLibrary(t *testing.T) {
	library := &fakeLibrary{}
	u := start(t, func(o *Options) { o.Archive, o.Library = &fakeArchive{}, library })
	const one = "/api/v1/library/recordings/a.pcapng"
	_, body := u.do(t, u.presenter, request{method: "PUT", path: "/api/v1/uploads?name=x.pcap", body: "\n"})
	var file upload
	if err := json.Unmarshal([]byte(body), &file); err != nil {
		t.Fatal(body)
	}
	for _, test := range []struct {
		request
		status int
		holds  string
	}{
		{request{path: "/api/v1/library"}, 200, `"name":"a.pcapng"`},
		{request{path: "/api/v1/library/search?q=smtp&after=7&limit=3"}, 200, `"line":"smtp73"`},
		{request{path: "/api/v1/library/search?q=smtp&limit=99999"}, 200, `"line":"smtp200"`},
		{request{path: "/api/v1/library/search?q=cod:5xx"}, 422, `unknown key`},
		{request{path: one}, 200, `"number":1`},
		{request{method: "POST", path: one, body: `{"tag":"keep"}`}, 204, ""},
		{request{method: "POST", path: one, body: `{"untag":"keep"}`}, 204, ""},
		{request{method: "POST", path: one, body: `{"mark":{"session":1,"seq":4,"text":"ici"}}`}, 204, ""},
		{request{method: "POST", path: one, body: `{"unmark":3}`}, 204, ""},
		{request{path: one + "/export?format=html&lang=fr&session=2&keys=no"}, 200, "<p>"},
		{request{path: one + "/export?format=eml&lang=fr"}, 422, "no_message"},
		{request{method: "POST", path: "/api/v1/library/import", body: `{"upload":"` + file.ID + `","force":true}`}, 200, `"names":["x.pcap"]`},
		{request{method: "DELETE", path: one}, 204, ""},
	} {
		r, body := u.do(t, u.presenter, test.request)
		if r.StatusCode != test.status || !strings.Contains(body, test.holds) {
			t.Errorf("%s %s: %s %s", test.method, test.path, r.Status, body)
		}
		if strings.Contains(test.path, "format=html") && (!strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment; filename") || r.Header.Get("Content-Security-Policy") != contentPolicy) {
			t.Errorf("a download: %v", r.Header)
		}
	}
	want := "contents;tag keeptrue;tag keepfalse;mark 1 4ici;unmark 3;export html2frtrue;import x.pcaptrue;remove"
	if got := strings.Join(library.told, ";"); got != want {
		t.Errorf("the library was told %s, want %s", got, want)
	}
	// Half an export must not look like a whole one.
	r, err := u.presenter.Get(u.base + one + "/export?format=text&lang=fr&session=9")
	if err == nil {
		_, err = io.ReadAll(r.Body)
		r.Body.Close()
	}
	if err == nil {
		t.Error("an export cut short ends well")
	}
}

// The library is the presenter's; names that lead elsewhere, and orders that are none, are refused.
func TestLibraryRefusals(t *testing.T) {
	library := &fakeLibrary{}
	u := start(t, func(o *Options) { o.Archive, o.Library = &fakeArchive{}, library })
	const one = "/api/v1/library/recordings/a.pcapng"
	for _, q := range []request{{path: "/api/v1/library"}, {path: "/api/v1/library/search?q=x"}, {path: one}, {path: one + "/export?format=text&lang=fr"},
		{method: "POST", path: one, body: `{"tag":"x"}`}, {method: "DELETE", path: one}, {method: "POST", path: "/api/v1/library/import", body: `{"upload":"x"}`}} {
		for _, who := range []struct {
			client *http.Client
			header map[string]string
			status int
			code   string
		}{{u.follower, nil, 403, "read_only"}, {u.nobody, nil, 401, "not_authorised"}, {u.presenter, map[string]string{"Origin": "http://evil.example"}, 403, "origin"}} {
			q.header = who.header
			if r, body := u.do(t, who.client, q); r.StatusCode != who.status || !strings.Contains(body, `"`+who.code+`"`) {
				t.Errorf("%s %s: %s %s, want %s", q.method, q.path, r.Status, body, who.code)
			}
		}
		if q.method != "" {
			q.header = map[string]string{"Facteur": ""}
			if r, body := u.do(t, u.presenter, q); r.StatusCode != 403 || !strings.Contains(body, `"header"`) {
				t.Errorf("without the header: %s %s: %s %s", q.method, q.path, r.Status, body)
			}
		}
	}
	long := strings.Repeat("x", maxNote+1)
	for _, test := range []struct {
		request
		status int
		code   string
	}{
		{request{path: "/api/v1/library/recordings/b.pcapng"}, 404, "no_recording"},
		{request{path: "/api/v1/library/recordings/..%2f..%2fetc%2fpasswd"}, 404, "no_recording"},
		{request{path: "/api/v1/library/recordings/..%2fa.pcapng/export?format=text&lang=fr"}, 404, "no_recording"},
		{request{path: one + "/export?format=exe&lang=fr"}, 400, "query"},
		{request{path: one + "/export?format=text&lang=de"}, 400, "query"},
		{request{path: one + "/export?format=text&lang=fr&session=-1"}, 400, "query"},
		{request{path: "/api/v1/library/search?limit=0"}, 400, "query"},
		{request{method: "POST", path: one, body: `{}`}, 400, "body"},
		{request{method: "POST", path: one, body: `{"tag":"` + strings.Repeat("x", maxLabel+1) + `"}`}, 400, "body"},
		{request{method: "POST", path: one, body: `{"mark":{"session":1,"text":"` + long + `"}}`}, 400, "body"},
		{request{method: "POST", path: one, body: `{"mark":{"session":0,"text":"x"}}`}, 400, "body"},
		{request{method: "POST", path: one, body: `{"tag":"` + strings.Repeat("x", maxBody) + `"}`}, 413, "body_size"},
		{request{method: "POST", path: one + "/export?format=text&lang=fr"}, 405, "method"},
		{request{method: "PUT", path: one, body: "x"}, 405, "method"},
		{request{method: "POST", path: "/api/v1/library/import", body: `{"upload":"../x"}`}, 404, "no_recording"},
		{request{method: "POST", path: "/api/v1/library/import", body: `{"path":"/etc/passwd"}`}, 400, "body"},
	} {
		if r, body := u.do(t, u.presenter, test.request); r.StatusCode != test.status || !strings.Contains(body, `"`+test.code+`"`) {
			t.Errorf("%s %s %.40s: %s %s, want %s", test.method, test.path, test.body, r.Status, body, test.code)
		}
	}
	if len(library.told) != 0 {
		t.Errorf("refused, and yet the library was told %v", library.told)
	}
	none := startArchive(t)
	if r, body := none.do(t, none.presenter, request{path: "/api/v1/library"}); r.StatusCode != 404 || !strings.Contains(body, "no_library") {
		t.Errorf("without a library: %s %s", r.Status, body)
	}
}
