package captures

import (
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// exotic reads 802.11 frames, whose headers have too many shapes to be written here again. gopacket allocates for
// each; such captures are rare and small.
func (d *dissector) exotic(pk *packet) {
	first := layers.LinkTypeIEEE802_11
	switch pk.link {
	case linkRadiotap:
		first = layers.LinkTypeIEEE80211Radio
	case linkWiFiPrism:
		first = layers.LinkTypePrismHeader
	}
	p := gopacket.NewPacket(pk.data, first, gopacket.DecodeOptions{NoCopy: true})
	n := p.NetworkLayer()
	if n == nil || len(n.LayerContents()) == 0 {
		return
	}
	// With NoCopy the layer is a window into pk.data; from its capacity follows where it begins.
	at := cap(pk.data) - cap(n.LayerContents())
	if at < 0 || at >= len(pk.data) {
		return
	}
	d.ip(pk.data[at:], pk.cut, 0)
}
