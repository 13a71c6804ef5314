package captures

import (
	"errors"

	"github.com/google/gopacket"
)

// exotic reads what a firewall logged (OpenBSD's pflog) by way of gopacket, with a layer of its own. The package's layers
// are left out on purpose: their tables take seven megabytes from the moment the program starts, and a proxy's memory is
// looked through, they with it, many times a second.
func (d *dissector) exotic(pk *packet) {
	p := gopacket.NewPacket(pk.data, gopacket.DecodeFunc(firewallLog), gopacket.DecodeOptions{NoCopy: true})
	if l := p.ApplicationLayer(); l != nil {
		d.ip(l.Payload(), pk.cut, 0)
	}
}

// firewallLog takes the header off. It begins with its own length, which differs between systems, without the octets
// that fill it up to a multiple of four.
func firewallLog(data []byte, p gopacket.PacketBuilder) error {
	if len(data) == 0 {
		return errors.New("no header")
	}
	head := (int(data[0]) + 3) &^ 3
	if head >= len(data) {
		return errors.New("no packet behind the header")
	}
	return gopacket.DecodePayload.Decode(data[head:], p)
}
