package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"facteur":        func() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		"practiceserver": practiceServer,
	})
}

// The stories in testdata/script are what a user sees: exit status 0 for done, 1 for failed, 2 for wrong use.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", UpdateScripts: os.Getenv("UPDATE") != "", Setup: func(e *testscript.Env) error {
		e.Setenv("XDG_DATA_HOME", e.WorkDir+"/data")
		e.Setenv("XDG_CONFIG_HOME", e.WorkDir+"/config")
		e.Setenv("LANG", "en_US.UTF-8")
		return sampleRecording(filepath.Join(e.WorkDir, "sample.pcapng"))
	}})
}
