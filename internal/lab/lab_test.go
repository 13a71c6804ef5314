package lab

import (
	"net"
	"net/textproto"
	"testing"
	"time"

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

// eventually waits for something that another goroutine does.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for " + what)
		}
	}
}

// dialLines is a client that sees every line as it is.
func dialLines(t *testing.T, s *Server, service string) *textproto.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr(service))
	must(t, err)
	c := textproto.NewConn(nc)
	t.Cleanup(func() { _ = c.Close() })
	_, err = c.ReadLine()
	must(t, err)
	return c
}
