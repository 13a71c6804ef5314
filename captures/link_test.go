package captures

import (
	"encoding/binary"
	"strings"
	"testing"
)

// bare makes the IP packets of plainTalk, without a link layer.
func bare(v6 bool) (out [][]byte) {
	ends := testEnds
	if v6 {
		for i, a := range []string{"[2001:db8::1]:40000", "[2001:db8::2]:25"} {
			ends[i] = addrPortOf(a)
		}
	}
	for _, s := range plainTalk {
		f := frameOf(s, ends)[14:]
		n := 40 + int(binary.BigEndian.Uint16(f[4:]))
		if !v6 {
			n = int(binary.BigEndian.Uint16(f[2:]))
		}
		out = append(out, f[:n])
	}
	return out
}

// ip4 wraps a payload in an IPv4 header; the checksum is nobody's concern here.
func ip4(proto byte, payload string) string {
	b := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)+len(payload)))
	return string(b) + payload
}

// ip6 wraps a payload in an IPv6 header.
func ip6(next byte, payload string) string {
	b := make([]byte, 40)
	b[0], b[6], b[7] = 0x60, next, 64
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	b[23], b[39] = 1, 2
	return string(b) + payload
}

func udp(port uint16, payload string) string {
	b := make([]byte, 8)
	binary.BigEndian.PutUint16(b[2:], port)
	binary.BigEndian.PutUint16(b[4:], uint16(8+len(payload)))
	return string(b) + payload
}

const (
	macs  = "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02"
	snap4 = "\xaa\xaa\x03\x00\x00\x00\x08\x00"
	// An 802.11 data frame from an access point: frame control, duration, three addresses, sequence.
	wifi = "\x08\x02\x00\x00" + "\x02\x00\x00\x00\x00\x01" + "\x02\x00\x00\x00\x00\x02" + "\x02\x00\x00\x00\x00\x03" + "\x10\x00"
)

// TestLinks holds that each link type, tag and tunnel leads to the TCP inside.
func TestLinks(t *testing.T) {
	for _, k := range []struct {
		name string
		link uint16
		v6   bool
		wrap func(ip string) string
	}{
		{"Ethernet", linkEthernet, false, func(ip string) string { return macs + "\x08\x00" + ip }},
		{"Ethernet, IPv6", linkEthernet, true, func(ip string) string { return macs + "\x86\xdd" + ip }},
		{"Ethernet, padded", linkEthernet, false, func(ip string) string { return macs + "\x08\x00" + ip + "\x00\x00\x00\x00\x00\x00" }},
		{"VLAN", linkEthernet, false, func(ip string) string { return macs + "\x81\x00\x00\x01\x08\x00" + ip }},
		{"QinQ", linkEthernet, true, func(ip string) string { return macs + "\x88\xa8\x00\x01\x81\x00\x00\x02\x86\xdd" + ip }},
		{"QinQ, old", linkEthernet, false, func(ip string) string { return macs + "\x91\x00\x00\x01\x81\x00\x00\x02\x08\x00" + ip }},
		{"802.1ah", linkEthernet, false, func(ip string) string { return macs + "\x88\xe7\x00\x12\x34\x56" + macs + "\x08\x00" + ip }},
		{"MPLS, two labels", linkEthernet, false, func(ip string) string {
			return macs + "\x88\x47\x00\x01\x00\x40\x00\x02\x01\x40" + ip
		}},
		{"MPLS, pseudowire", linkEthernet, false, func(ip string) string {
			return macs + "\x88\x47\x00\x02\x01\x40\x00\x00\x00\x00" + macs + "\x08\x00" + ip
		}},
		{"PPPoE", linkEthernet, false, func(ip string) string { return macs + "\x88\x64\x11\x00\x00\x01\x00\x00\x00\x21" + ip }},
		{"PPPoE, IPv6", linkEthernet, true, func(ip string) string { return macs + "\x88\x64\x11\x00\x00\x01\x00\x00\x00\x57" + ip }},
		{"802.3 SNAP", linkEthernet, false, func(ip string) string { return macs + "\x00\x40" + snap4 + ip }},
		{"802.3 LLC", linkEthernet, false, func(ip string) string { return macs + "\x00\x40\x06\x06\x03" + ip }},
		{"Linux cooked", linkLinux, false, func(ip string) string { return "\x00\x00\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00\x08\x00" + ip }},
		{"Linux cooked 2", linkLinux2, true, func(ip string) string {
			return "\x86\xdd\x00\x00\x00\x00\x00\x01\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00" + ip
		}},
		{"raw 12", linkRaw12, false, func(ip string) string { return ip }},
		{"raw 14", linkRaw14, true, func(ip string) string { return ip }},
		{"raw", linkRaw, false, func(ip string) string { return ip }},
		{"IPv4", linkIPv4, false, func(ip string) string { return ip }},
		{"IPv6", linkIPv6, true, func(ip string) string { return ip }},
		{"null", linkNull, false, func(ip string) string { return "\x02\x00\x00\x00" + ip }},
		{"null, other order, BSD's IPv6", linkNull, true, func(ip string) string { return "\x00\x00\x00\x1e" + ip }},
		{"loop", linkLoop, false, func(ip string) string { return "\x00\x00\x00\x02" + ip }},
		{"PPP", linkPPP, false, func(ip string) string { return "\xff\x03\x00\x21" + ip }},
		{"PPP, compressed", linkPPP, false, func(ip string) string { return "\x21" + ip }},
		{"PPP in HDLC", linkPPPHDLC, true, func(ip string) string { return "\xff\x03\x00\x57" + ip }},
		{"PPPoE as link", linkPPPoE, false, func(ip string) string { return "\x11\x00\x00\x01\x00\x00\x00\x21" + ip }},
		{"Cisco HDLC", linkCiscoHDLC, false, func(ip string) string { return "\x0f\x00\x08\x00" + ip }},
		{"802.11", linkWiFi, false, func(ip string) string { return wifi + snap4 + ip + "FCS!" }},
		{"a firewall's log", linkPFLog, false, func(ip string) string {
			family := byte(2) // AF_INET
			if ip[0]>>4 == 6 {
				family = 24 // AF_INET6 of OpenBSD
			}
			return "\x3d" + string(family) + strings.Repeat("\x00", 62) + ip
		}},
		{"a firewall's log of today, with a longer header", linkPFLog, true, func(ip string) string {
			return "\x61\x18" + strings.Repeat("\x00", 98) + ip
		}},
		{"802.11, between access points", linkWiFi, false, func(ip string) string {
			return "\x08\x03" + wifi[2:] + "\x02\x00\x00\x00\x00\x04" + snap4 + ip + "FCS!"
		}},
		{"802.11, QoS", linkWiFi, false, func(ip string) string { return "\x88\x02" + wifi[2:] + "\x06\x00" + snap4 + ip }},
		{"802.11, QoS with HT control", linkWiFi, false, func(ip string) string {
			return "\x88\x82" + wifi[2:] + "\x06\x00" + "\x00\x00\x00\x00" + snap4 + ip
		}},
		{"802.11, several frames in one", linkWiFi, false, func(ip string) string {
			other := macs + "\x00\x05" + "other" + "\x00" // no IP; padded
			frame := macs + string(binary.BigEndian.AppendUint16(nil, uint16(len(snap4+ip)))) + snap4 + ip
			return "\x88\x02" + wifi[2:] + "\x86\x00" + other + frame
		}},
		{"radiotap", linkRadiotap, false, func(ip string) string { return "\x00\x00\x08\x00\x00\x00\x00\x00" + wifi + snap4 + ip + "FCS!" }},
		{"Prism", linkWiFiPrism, false, func(ip string) string { return "\x44\x00\x00\x00\x0c\x00\x00\x00eth0" + wifi + snap4 + ip + "FCS!" }},
		{"AVS", linkWiFiPrism, false, func(ip string) string { return "\x80\x21\x10\x01\x00\x00\x00\x0ceth0" + wifi + snap4 + ip + "FCS!" }},
		{"IP in IP", linkRaw, false, func(ip string) string { return ip4(protoIPv4, ip) }},
		{"6in4", linkRaw, true, func(ip string) string { return ip4(protoIPv6, ip) }},
		{"4in6", linkRaw, false, func(ip string) string { return ip6(protoIPv4, ip) }},
		{"AH", linkRaw, false, func(ip string) string {
			return ip4(protoAH, "\x04\x04\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01"+"integrity!!!"+ip)
		}},
		{"GRE", linkRaw, false, func(ip string) string { return ip4(protoGRE, "\x00\x00\x08\x00"+ip) }},
		{"GRE, all fields", linkRaw, true, func(ip string) string { return ip4(protoGRE, "\xb0\x00\x86\xdd"+"sum!key!seq!"+ip) }},
		{"GRE, Ethernet", linkRaw, false, func(ip string) string { return ip4(protoGRE, "\x00\x00\x65\x58"+macs+"\x08\x00"+ip) }},
		{"PPTP", linkRaw, false, func(ip string) string {
			return ip4(protoGRE, "\x30\x81\x88\x0b\x00\x40\x00\x01"+"seq!ack!"+"\xff\x03\x00\x21"+ip)
		}},
		{"VXLAN", linkRaw, false, func(ip string) string {
			return ip4(protoUDP, udp(portVXLAN, "\x08\x00\x00\x00\x00\x00\x01\x00"+macs+"\x08\x00"+ip))
		}},
		{"Geneve with options", linkRaw, false, func(ip string) string {
			return ip4(protoUDP, udp(portGeneve, "\x01\x00\x65\x58\x00\x00\x01\x00"+"opt!"+macs+"\x08\x00"+ip))
		}},
		{"GTP with an extension", linkRaw, false, func(ip string) string {
			return ip6(protoUDP, udp(portGTP, "\x34\xff\x00\x40\x00\x00\x00\x01"+"\x00\x00\x00\x85"+"\x01\x00\x00\x00"+ip))
		}},
		{"IPv6 extension headers", linkRaw, true, func(ip string) string {
			return ip[:6] + "\x00" + ip[7:40] + "\x3c\x00\x01\x04\x00\x00\x00\x00" + "\x2c\x00\x01\x04\x00\x00\x00\x00" + "\x06\x00\x00\x00\x00\x00\x00\x07" + ip[40:]
		}},
		{"segmented by the card", linkRaw, false, func(ip string) string { return ip[:2] + "\x00\x00" + ip[4:] }},
		{"segmented by the card, IPv6", linkRaw, true, func(ip string) string { return ip[:4] + "\x00\x00" + ip[6:] }},
	} {
		t.Run(k.name, func(t *testing.T) {
			var c capture
			c.begin(k.link > 100, k.link)
			for i, ip := range bare(k.v6) {
				f := k.wrap(string(ip))
				if k.name == "IPv6 extension headers" { // its length has grown
					b := []byte(f)
					binary.BigEndian.PutUint16(b[4:], binary.BigEndian.Uint16(b[4:])+24)
					f = string(b)
				}
				c.packet(int64(i), []byte(f), len(f))
			}
			wantStory(t, c.blocks.buf, plainStory)
		})
	}
}

// TestFragments holds that IP fragments are put together in any order, the first copy of an octet standing.
func TestFragments(t *testing.T) {
	payload := "0123456789abcdef01234567"
	k := fragmentKey{id: 7}
	type piece struct {
		at   int
		text string
		more bool
	}
	for name, pieces := range map[string][]piece{
		"in order":      {{0, payload[:8], true}, {8, payload[8:16], true}, {16, payload[16:], false}},
		"backwards":     {{16, payload[16:], false}, {8, payload[8:16], true}, {0, payload[:8], true}},
		"overlap":       {{0, payload[:16], true}, {8, "XXXXXXXX" + payload[16:], false}},
		"overlap first": {{8, payload[8:], false}, {0, payload[:8] + "XXXXXXXX", true}},
		"twice":         {{0, payload[:8], true}, {0, payload[:8], true}, {8, payload[8:], false}},
	} {
		var f fragments
		for i, p := range pieces {
			got := f.add(k, int64(i), p.at, p.more, []byte(p.text), 0)
			if last := i == len(pieces)-1; last && string(got) != payload || !last && got != nil {
				t.Errorf("%s: piece %d gives %q", name, i, got)
			}
		}
		if len(f.open) != 0 {
			t.Errorf("%s: something is left", name)
		}
	}
	var f fragments
	for n := range 3 * maxDatagrams {
		f.add(fragmentKey{id: uint32(n)}, 0, 0, true, []byte("12345678"), 0)
	}
	if len(f.open) != maxDatagrams {
		t.Errorf("%d datagrams wait, the limit is %d", len(f.open), maxDatagrams)
	}
	f = fragments{}
	f.add(k, 0, 0, true, []byte(payload[:8]), 0)
	if f.add(k, fragmentTime+1, 8, false, []byte(payload[8:]), 0) != nil {
		t.Error("pieces a minute apart were put together")
	}
}
