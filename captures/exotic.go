package captures

import (
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// exotic reads what a firewall logged (OpenBSD's pflog) with gopacket: its header differs between systems, such captures
// are rare and small, and gopacket allocates for each packet.
func (d *dissector) exotic(pk *packet) {
	p := gopacket.NewPacket(pk.data, layers.LinkTypePFLog, gopacket.DecodeOptions{NoCopy: true})
	l := p.NetworkLayer()
	if l == nil || len(l.LayerContents()) == 0 {
		return
	}
	// With NoCopy the layer is a window into the packet; from its capacity follows where it begins.
	if at := cap(pk.data) - cap(l.LayerContents()); at >= 0 && at < len(pk.data) {
		d.ip(pk.data[at:], pk.cut, 0)
	}
}
