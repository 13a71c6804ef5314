package lab

import (
	"testing"

	"go.uber.org/goleak"
)

// No goroutine of a server or of a player may outlive it.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a server for one test.
func start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// messages looks into the store.
func (s *Server) messages(user, box string) []*message {
	st := s.currentStore()
	st.mu.Lock()
	defer st.mu.Unlock()
	var out []*message
	for _, m := range st.accounts[user].boxes[box].messages {
		out = append(out, &message{uid: m.uid, raw: m.raw, flags: m.flags, arrived: m.arrived})
	}
	return out
}
