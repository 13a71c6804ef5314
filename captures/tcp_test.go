package captures

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"facteur/decode"

	"github.com/google/go-cmp/cmp"
)

// story is a sink that writes down what it is handed, shortly: c and s for the sides.
type story struct{ lines []string }

func (s *story) say(format string, a ...any) { s.lines = append(s.lines, fmt.Sprintf(format, a...)) }

func (s *story) Open(i Info) {
	line := fmt.Sprintf("%d open %d→%d %s", i.Session, i.Client.Port(), i.Server.Port(), i.Protocol)
	if i.Midstream {
		line += " midstream"
	}
	s.say("%s", line)
}

func (s *story) Chunk(n int, c decode.Chunk) {
	side := c.From.String()[:1]
	if c.Told != nil {
		s.say("%d %s %s %s", n, side, c.Told.Kind, c.Told.Fields[0].Value)
	}
	if c.Lost > 0 {
		s.say("%d %s lost %d", n, side, c.Lost)
	}
	if len(c.Data) > 0 {
		s.say("%d %s %s", n, side, c.Data)
	}
	if c.End != decode.Open {
		s.say("%d %s %s", n, side, [...]string{"", "fin", "rst"}[c.End])
	}
}

func (s *story) Close(n int, _ time.Time) { s.say("%d close", n) }
func (s *story) Secrets(k []byte)         { s.say("secrets %s", bytes.TrimSpace(k)) }

// The handshake of the tests: the client's first octet is 101, the server's 501.
func hello(more ...seg) []seg {
	return append([]seg{
		{flags: flagSYN, seq: 100},
		{server: true, flags: flagSYN | flagACK, seq: 500, ack: 101},
		{flags: flagACK, seq: 101, ack: 501},
	}, more...)
}

func c(seq, ack uint32, data string) seg { return seg{flags: flagACK, seq: seq, ack: ack, data: data} }
func s(seq, ack uint32, data string) seg {
	return seg{server: true, flags: flagACK, seq: seq, ack: ack, data: data}
}

func (g seg) with(flags uint8) seg { g.flags |= flags; return g }
func (g seg) late(d int64) seg     { g.at = d; return g }
func (g seg) only(n int) seg       { g.cut = len(g.data) - n; return g }

const later = 2 * reorderTime

var tcpCases = []struct {
	name string
	segs []seg
	want string
	told bool // with TCP's own events
}{
	{name: "orderly", segs: hello(s(501, 101, "220"), c(101, 504, "EHLO"), s(504, 105, "250"), c(105, 507, "").with(flagFIN), s(507, 106, "").with(flagFIN), c(106, 508, "")),
		want: "1 open 40000→25 smtp|1 s 220|1 c EHLO|1 s 250|1 c fin|1 s fin|1 close"},
	{name: "retransmission, same and other content", told: true, segs: hello(c(101, 501, "abcd"), c(101, 501, "abcd"), c(101, 501, "XXXXef"), c(103, 501, "YYYYgh")),
		want: "1 open 40000→25 smtp|1 c abcd|1 c tcp.retransmission 4|1 c tcp.retransmission 4|1 c ef|1 c tcp.retransmission 4|1 c gh|1 close"},
	{name: "across the end of the sequence numbers", segs: []seg{
		{flags: flagSYN, seq: 0xfffffffd}, {server: true, flags: flagSYN | flagACK, seq: 500, ack: 0xfffffffe},
		c(0xfffffffe, 501, "abcd"), c(0xfffffffe, 501, "abcdef"), c(6, 501, "ij"), c(4, 501, "ghij"), s(501, 8, "").with(flagFIN), c(8, 502, "").with(flagFIN)},
		want: "1 open 40000→25 smtp|1 c abcd|1 c ef|1 c gh|1 c ij|1 s fin|1 c fin|1 close"},
	{name: "gap across the end of the sequence numbers", segs: []seg{
		{flags: flagSYN, seq: 0xfffffffd}, {server: true, flags: flagSYN | flagACK, seq: 500, ack: 0xfffffffe}, c(2, 501, "ef"), s(501, 4, "ok")},
		want: "1 open 40000→25 smtp|1 c lost 4|1 c ef|1 s ok|1 close"},
	{name: "FIN ahead of data", segs: hello(c(105, 501, "").with(flagFIN), c(101, 501, "QUIT"), s(501, 106, "").with(flagFIN)),
		want: "1 open 40000→25 smtp|1 c QUIT|1 c fin|1 s fin|1 close"},
	{name: "answer ahead of its question", segs: hello(s(501, 105, "250"), c(101, 501, "EHLO")),
		want: "1 open 40000→25 smtp|1 c EHLO|1 s 250|1 close"},
	{name: "stale reset", segs: hello(c(101, 501, "EHLO"), seg{flags: flagRST, seq: 101}, c(105, 501, "QUIT")),
		want: "1 open 40000→25 smtp|1 c EHLO|1 c QUIT|1 close"},
	{name: "reset, and what was under way", segs: hello(c(101, 501, "EHLO"), seg{flags: flagRST, seq: 105}, s(501, 105, "250"), s(504, 105, "late").late(later)),
		want: "1 open 40000→25 smtp|1 c EHLO|1 c rst|1 s 250|1 close"},
	{name: "refused", segs: []seg{{flags: flagSYN, seq: 100}, {server: true, flags: flagRST | flagACK, seq: 0, ack: 101}},
		want: "1 open 40000→25 smtp|1 s rst|1 close"},
	{name: "FIN behind a hole, then reset", segs: hello(s(505, 101, "").with(flagFIN), c(101, 506, "x"), seg{server: true, flags: flagRST, seq: 506}),
		want: "1 open 40000→25 smtp|1 s lost 4|1 s fin|1 s rst|1 c x|1 close"},
	{name: "SYN again", segs: append([]seg{{flags: flagSYN, seq: 100}}, hello(c(101, 501, "EHLO"))...),
		want: "1 open 40000→25 smtp|1 c EHLO|1 close"},
	{name: "ports used again", segs: append(hello(c(101, 501, "EHLO")), seg{flags: flagSYN, seq: 90000}, seg{server: true, flags: flagSYN | flagACK, seq: 70000, ack: 90001}, c(90001, 70001, "HELO")),
		want: "1 open 40000→25 smtp|1 c EHLO|1 close|2 open 40000→25 smtp|2 c HELO|2 close"},
	{name: "keep-alive", told: true, segs: hello(c(101, 501, "EHLO"), c(104, 501, "\x00"), c(105, 501, "QUIT")),
		want: "1 open 40000→25 smtp|1 c EHLO|1 c tcp.keepalive 1|1 c QUIT|1 close"},
	{name: "hole, acknowledged", segs: hello(s(501, 101, "220"), c(101, 504, "EHLO"), c(109, 507, "QUIT"), s(507, 113, "221").late(later)),
		want: "1 open 40000→25 smtp|1 s 220|1 c EHLO|1 s lost 3|1 c lost 4|1 c QUIT|1 s 221|1 close"},
	{name: "hole, not acknowledged, waits for the end", segs: hello(c(105, 501, "QUIT"), s(501, 101, "220").late(later)),
		want: "1 open 40000→25 smtp|1 s 220|1 c lost 4|1 c QUIT|1 close"},
	{name: "one octet acknowledged beyond the last may be a FIN", segs: hello(s(501, 101, "221"), c(101, 505, "").with(flagFIN)),
		want: "1 open 40000→25 smtp|1 s 221|1 c fin|1 close"},
	{name: "lost reply and FIN", segs: hello(s(501, 101, "221"), c(101, 509, "").with(flagFIN)),
		want: "1 open 40000→25 smtp|1 s 221|1 s lost 4|1 c fin|1 close"},
	{name: "reset ahead of what nobody acknowledged", segs: hello(c(101, 501, "EHLO"), seg{flags: flagRST, seq: 900}),
		want: "1 open 40000→25 smtp|1 c EHLO|1 c rst|1 close"},
	{name: "snapshot length", segs: hello(c(101, 501, "EHLO there").only(4), s(501, 111, "250"), c(111, 504, "QUIT")),
		want: "1 open 40000→25 smtp|1 c EHLO|1 c lost 6|1 s 250|1 c QUIT|1 close"},
	{name: "snapshot length, the rest from a retransmission out of order", segs: hello(c(105, 501, "EFGHIJKLMN").only(2), c(107, 501, "GHIJKLMN"), c(101, 501, "abcd"), s(501, 115, "250")),
		want: "1 open 40000→25 smtp|1 c abcd|1 c EF|1 c GHIJKLMN|1 s 250|1 close"},
	{name: "overlap of what waits: the first stands", told: true, segs: hello(c(103, 501, "CD"), c(102, 501, "bcde"), c(101, 501, "a")),
		want: "1 open 40000→25 smtp|1 c tcp.out_of_order 2|1 c tcp.out_of_order 4|1 c tcp.overlap_conflict 2|1 c a|1 c b|1 c CD|1 c e|1 close"},
	{name: "without a handshake", segs: []seg{s(501, 101, "250"), c(101, 504, "MAIL").late(later), s(504, 105, "ok").late(later)},
		want: "1 open 40000→25 smtp midstream|1 s 250|1 c MAIL|1 s ok|1 close"},
	{name: "handshake late", segs: []seg{c(101, 501, "EHLO"), {flags: flagSYN, seq: 100}, s(501, 105, "250")},
		want: "1 open 40000→25 smtp|1 c EHLO|1 s 250|1 close"},
	{name: "one side only", segs: []seg{{flags: flagSYN, seq: 100}, c(101, 501, "EHLO"), c(105, 600, "QUIT"), c(109, 700, "").with(flagFIN)},
		want: "1 open 40000→25 smtp|1 c EHLO|1 c QUIT|1 c fin|1 close"},
	{name: "only acknowledgments", segs: []seg{c(101, 501, ""), s(501, 101, "")}, want: "1 open 40000→25 smtp midstream|1 close"},
	{name: "reset before a hole, octets behind it", segs: hello(c(105, 501, "EFGH"), seg{flags: flagRST, seq: 101}),
		want: "1 open 40000→25 smtp|1 c lost 4|1 c EFGH|1 close"},
	{name: "octets behind the end", segs: hello(c(110, 501, "x"), c(105, 501, "").with(flagFIN), c(101, 501, "QUIT")),
		want: "1 open 40000→25 smtp|1 c QUIT|1 c fin|1 close"},
	{name: "acknowledgments that cannot be true", segs: hello(c(101, 510, "EHLO"), s(501, 120, "220")),
		want: "1 open 40000→25 smtp|1 c EHLO|1 c lost 14|1 s 220|1 s lost 5|1 close"},
	{name: "data in the SYN", segs: []seg{{flags: flagSYN, seq: 100, data: "EHLO"}, {server: true, flags: flagSYN | flagACK, seq: 500, ack: 105}, c(105, 501, "QUIT")},
		want: "1 open 40000→25 smtp|1 c EHLO|1 c QUIT|1 close"},
}

// TestTCP holds what becomes of each thing that TCP and captures do.
func TestTCP(t *testing.T) {
	for _, k := range tcpCases {
		t.Run(k.name, func(t *testing.T) {
			var got story
			if err := (Reader{Sink: &got, TCPEvents: k.told}).Read(bytes.NewReader(captureOf(k.segs)), "test"); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.Split(k.want, "|"), got.lines); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestQueueLimit holds that a hole nobody acknowledged is told once too much waits behind it, and not before the end.
func TestQueueLimit(t *testing.T) {
	segs := []seg{{flags: flagSYN, seq: 100}}
	body := strings.Repeat("x", 1000)
	for n := range uint32(maxQueued/1000 + 10) {
		segs = append(segs, c(201+1000*n, 501, body))
	}
	b := captureOf(segs)
	var got pending
	if err := Read(bytes.NewReader(b), "test", &got); err != nil {
		t.Fatal(err)
	}
	if got.lost != 100 || !got.early {
		t.Errorf("lost %d octets, told before the end: %v; want 100, true", got.lost, got.early)
	}
}

// pending notes a loss, and whether data came in several steps behind it.
type pending struct {
	nowhere
	lost  int
	early bool
}

func (p *pending) Chunk(n int, c decode.Chunk) {
	p.lost += c.Lost
	p.octets += int64(len(c.Data))
	p.early = p.lost > 0 && p.octets < maxQueued+1<<20
}

// TestConnectionLimit holds that more connections than are remembered close the one silent for longest.
func TestConnectionLimit(t *testing.T) {
	d := dissector{}
	var got counted
	tcp := newTCP(&got, false)
	d.deliver = tcp.segment
	for n := range maxConnections + 10 {
		tcp.segment(&segment{flags: flagSYN, src: [16]byte{1, byte(n >> 16)}, dst: [16]byte{2}, sport: uint16(n), dport: 25, seq: 7})
	}
	if got.opened != maxConnections+10 || got.closed != 10 {
		t.Errorf("%d opened, %d closed", got.opened, got.closed)
	}
	tcp.end()
	if got.closed != got.opened || tcp.oldest != nil || len(tcp.conns) != 0 {
		t.Errorf("%d of %d closed at the end, %d left", got.closed, got.opened, len(tcp.conns))
	}
}

type counted struct{ opened, closed int }

func (c *counted) Open(Info)               { c.opened++ }
func (c *counted) Chunk(int, decode.Chunk) {}
func (c *counted) Close(int, time.Time)    { c.closed++ }
func (c *counted) Secrets([]byte)          {}

// Closed connections are forgotten in time: what a capture of many short sessions takes does not grow with it.
func TestClosedConnectionsAreForgotten(t *testing.T) {
	x := newTCP(&nowhere{}, false)
	s := segment{flags: flagSYN, dport: 25, dst: [16]byte{1}}
	for n := range 3 * maxClosed {
		s.sport, s.src[3], s.time = uint16(n), byte(n>>16), int64(n)*int64(time.Second)
		s.flags = flagSYN
		x.segment(&s)
		s.flags = flagRST
		x.segment(&s)
	}
	x.end()
	if n := len(x.conns); n > maxClosed+10 {
		t.Errorf("%d connections are remembered after %d were closed", n, 3*maxClosed)
	}
}

// Without a SYN and without a mail port, what is said first tells who the client is, whichever port is higher.
func TestClientByItsWords(t *testing.T) {
	for _, k := range []struct{ first, server string }{
		{"* PREAUTH hi\r\n", "server"}, {"220 mx ESMTP\r\n", "server"}, {"+OK hi\r\n", "server"}, {"\"IMPLEMENTATION\" \"x\"\r\n", "server"},
		{"EHLO a\r\n", "client"}, {"a LOGIN b c\r\n", "client"}, {"\x16\x03\x01\x00\x05\x01\x00\x00\x01x", "client"}, {"\x16\x03\x03\x00\x05\x02\x00\x00\x01x", "server"},
	} {
		for _, ports := range [][2]uint16{{33964, 41143}, {41143, 33964}} {
			ends := [2]netip.AddrPort{ends4([4]byte{192, 0, 2, 1}, ports[0]), ends4([4]byte{192, 0, 2, 2}, ports[1])}
			var file capture
			file.begin(false, linkEthernet)
			says := seg{server: k.server == "server", flags: flagACK, seq: 500, ack: 101, data: k.first}
			for _, s := range []seg{{flags: flagACK, seq: 101, ack: 500}, says} {
				b := frameOf(s, ends)
				file.packet(s.at, b, len(b))
			}
			var got story
			if err := Read(bytes.NewReader(file.blocks.buf), "test", &got); err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("1 open %d→%d ", ports[0], ports[1]); !strings.HasPrefix(got.lines[0], want) {
				t.Errorf("%q, %v: %s", k.first, ports, got.lines[0])
			}
		}
	}
}
