package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"facteur/decode"
)

// The page draws decode's tables and nothing else: every arrow of every table, in order, and no state besides theirs.
func TestStatesAreDecodes(t *testing.T) {
	u := start(t, nil)
	resp, text := u.do(t, u.follower, request{path: "/api/v1/states"})
	var got struct{ Machines []Machine }
	if err := json.Unmarshal([]byte(text), &got); resp.StatusCode != http.StatusOK || err != nil {
		t.Fatalf("%s, %v: %s", resp.Status, err, text)
	}
	for _, want := range []string{decode.SMTP, decode.LMTP, decode.POP3, decode.IMAP, decode.Sieve, decode.TLS12, decode.TLS13} {
		i := slices.IndexFunc(got.Machines, func(m Machine) bool { return m.ID == want })
		if i < 0 {
			t.Errorf("no machine %s", want)
			continue
		}
		sameTable(t, got.Machines[i], decode.States(want))
	}
}

func sameTable(t *testing.T, m Machine, table []decode.Transition) {
	t.Helper()
	if len(m.Transitions) != len(table) {
		t.Fatalf("%s: %d transitions, the table has %d", m.ID, len(m.Transitions), len(table))
	}
	known := map[string]bool{}
	for _, s := range m.States {
		if known[s.ID] || !strings.HasPrefix(s.Note, "state.") || strings.ContainsAny(s.Note, " ,'") {
			t.Errorf("%s: state %+v", m.ID, s)
		}
		known[s.ID] = true
	}
	if m.States[0].ID != table[0].From {
		t.Errorf("%s begins in %s, the table in %s", m.ID, m.States[0].ID, table[0].From)
	}
	met := map[string]bool{}
	for i, tr := range m.Transitions {
		if want := table[i]; tr.From != want.From || tr.To != want.To || tr.Trigger+" "+tr.Answer != want.On {
			t.Errorf("%s: %+v, the table has %+v", m.ID, tr, want)
		}
		if tr.From != "" && !known[tr.From] || !known[tr.To] || tr.Note == "" {
			t.Errorf("%s: %+v", m.ID, tr)
		}
		met[tr.From], met[tr.To] = true, true
	}
	for s := range known {
		if !met[s] {
			t.Errorf("%s: no arrow at %s", m.ID, s)
		}
	}
}

// mockStates is what the page's tests are given for the machines.
const mockStates = "ui/e2e/mock/states.json"

// The page is tested with the machines as they are. FACTEUR_UPDATE=1 writes them anew.
func TestMockHasTheMachines(t *testing.T) {
	list := make([]Machine, len(machines))
	for i, id := range machines {
		list[i] = machineOf(id)
	}
	want := marshal(map[string]any{"machines": list})
	if os.Getenv("FACTEUR_UPDATE") != "" {
		if err := os.WriteFile(mockStates, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(mockStates)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(want)) {
		t.Errorf("%s is not what GET /api/v1/states gives; run FACTEUR_UPDATE=1 go test ./web -run TestMockHasTheMachines", mockStates)
	}
}
