package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"facteur/captures"
	"facteur/decode"
)

// stdin stands for standard input among the files.
const stdin = "-"

// inputs gives the files that arguments name: patterns that the shell left alone, quoted or on Windows, are expanded. What
// names no file is in the error, one line each; the files there are are given all the same.
func (a *app) inputs(args []string) (files []string, err error) {
	for _, arg := range args {
		st, serr := os.Stat(arg)
		switch {
		case arg == stdin:
		case serr == nil && st.IsDir():
			err = errors.Join(err, fmt.Errorf(a.say("%s est un dossier\u202f; nommez ses fichiers\u202f: %s", "%s is a folder; name its files: %s"), arg, filepath.Join(arg, "*.pcap*")))
			continue
		case serr == nil:
		case errors.Is(serr, fs.ErrNotExist) && strings.ContainsAny(arg, "*?["):
			found, gerr := filepath.Glob(arg)
			if gerr != nil || len(found) == 0 {
				err = errors.Join(err, fmt.Errorf(a.say("%s\u202f: aucun fichier de ce nom", "%s: no file of that name"), arg))
			}
			files = append(files, found...)
			continue
		default:
			err = errors.Join(err, serr)
			continue
		}
		files = append(files, arg)
	}
	return files, err
}

// census is what a capture holds, to say so where there is no mail in it.
type census struct {
	connections int
	ports       map[uint16]int // of servers
	mail        bool
}

func (c *census) open(i captures.Info) {
	if i.Leg != decode.ClientLeg {
		return
	}
	c.connections++
	c.mail = c.mail || i.Protocol != decode.Detect && i.Protocol != decode.Opaque
	if c.ports == nil {
		c.ports = map[uint16]int{}
	}
	if p := i.Server.Port(); len(c.ports) < maxPorts || c.ports[p] > 0 {
		c.ports[p]++
	}
}

// maxPorts is how many ports of a capture are counted.
const maxPorts = 1000

func (c *census) event(e *decode.Event) {
	if !c.mail && e.Kind == "session.detect" && e.Field("protocol") != decode.Opaque {
		c.mail = true
	}
}

func (c *census) add(other *census) {
	c.connections += other.connections
	c.mail = c.mail || other.mail
	for p, n := range other.ports {
		if c.ports == nil {
			c.ports = map[uint16]int{}
		}
		c.ports[p] += n
	}
}

// shownPorts is how many ports a sentence names.
const shownPorts = 5

// none says that a capture has no mail, and what it has.
func (a *app) none(name string, c *census) string {
	if c.connections == 0 {
		return fmt.Sprintf(a.say("%s\u202f: aucun courriel, et aucune connexion TCP", "%s: no mail, and no TCP connection"), name)
	}
	ports := make([]int, 0, len(c.ports))
	for p := range c.ports {
		ports = append(ports, int(p))
	}
	slices.SortFunc(ports, func(p, q int) int {
		if n := c.ports[uint16(q)] - c.ports[uint16(p)]; n != 0 {
			return n
		}
		return p - q
	})
	more := ""
	if len(ports) > shownPorts {
		ports, more = ports[:shownPorts], " …"
	}
	var names []string
	for _, p := range ports {
		names = append(names, strconv.Itoa(p))
	}
	connections := a.say("connexions TCP", "TCP connections")
	if c.connections == 1 {
		connections = a.say("connexion TCP", "TCP connection")
	}
	return fmt.Sprintf(a.say("%s\u202f: aucun courriel (%d %s, port %s)\u202f; si l’une d’elles en est, dites son protocole avec --as", "%s: no mail (%d %s, port %s); if one of them is, say its protocol with --as"),
		name, c.connections, connections, strings.Join(names, ", ")+more)
}
