package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The transparent door behind a real nft redirect: a client, facteur on the gateway, and a mail server, each in a network
// namespace of its own, so that nothing of this machine's network is touched. Needs root.
func TestTransparentInNamespaces(t *testing.T) {
	if os.Geteuid() != 0 {
		missing(t, "root, which network namespaces need,")
	}
	for _, tool := range []string{"ip", "nft", "curl"} {
		program(t, tool)
	}
	testscript.Run(t, testscript.Params{Dir: "testdata/netns", Setup: func(e *testscript.Env) error {
		e.Setenv("XDG_CONFIG_HOME", e.WorkDir+"/config")
		e.Setenv("LANG", "en_US.UTF-8")
		return namespaces(e, fmt.Sprintf("facteur%d", os.Getpid()%100000))
	}})
}

// namespaces makes three of them in a row, NAMEc – NAMEg – NAMEs, with IPv4 and IPv6, and has them removed in the end.
func namespaces(e *testscript.Env, name string) error {
	c, g, s := name+"c", name+"g", name+"s"
	e.Setenv("CLIENT", c)
	e.Setenv("GATEWAY", g)
	e.Setenv("SERVER", s)
	run := func(command string) error {
		f := strings.Fields(command)
		if out, err := exec.Command(f[0], f[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", command, err, out)
		}
		return nil
	}
	if err := run("ip netns add " + c); err != nil {
		e.T().Skip("this machine lets root make no network namespace: ", err)
	}
	e.Defer(func() {
		for _, ns := range []string{c, g, s} {
			run("ip netns del " + ns)
		}
	})
	commands := []string{
		"ip netns add " + g, "ip netns add " + s,
		fmt.Sprintf("ip link add eth0 netns %s type veth peer name eth0 netns %s", c, g),
		fmt.Sprintf("ip link add eth1 netns %s type veth peer name eth0 netns %s", g, s),
	}
	for _, a := range []struct{ ns, dev, v4, v6 string }{
		{c, "eth0", "10.77.1.2/24", "fd77:1::2/64"}, {g, "eth0", "10.77.1.1/24", "fd77:1::1/64"},
		{g, "eth1", "10.77.2.1/24", "fd77:2::1/64"}, {s, "eth0", "10.77.2.2/24", "fd77:2::2/64"},
	} {
		in := "ip -n " + a.ns
		commands = append(commands, in+" addr add "+a.v4+" dev "+a.dev, in+" -6 addr add "+a.v6+" dev "+a.dev+" nodad",
			in+" link set "+a.dev+" up", in+" link set lo up")
	}
	commands = append(commands, "ip -n "+c+" route add default via 10.77.1.1", "ip -n "+c+" -6 route add default via fd77:1::1",
		"ip -n "+s+" route add default via 10.77.2.1", "ip -n "+s+" -6 route add default via fd77:2::1",
		"ip netns exec "+g+" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
	for _, command := range commands {
		if err := run(command); err != nil {
			return err
		}
	}
	return os.Mkdir(filepath.Join(e.WorkDir, "rec"), 0o700)
}
