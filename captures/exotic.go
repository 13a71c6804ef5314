package captures

import (
	"encoding/binary"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// exotic reads 802.11 frames, whose headers have too many shapes to be written here again. gopacket allocates for
// each; such captures are rare and small. The radio's own header in front is passed over here: gopacket copies the frame
// behind it, and what is wanted is where in the packet IP begins.
func (d *dissector) exotic(pk *packet) {
	b := pk.data
	n := 0
	switch {
	case pk.link == linkRadiotap && len(b) >= 8:
		n = int(binary.LittleEndian.Uint16(b[2:]))
	case pk.link == linkWiFiPrism && len(b) >= 8:
		const avs = 0x80211
		if n = int(binary.LittleEndian.Uint32(b[4:])); binary.BigEndian.Uint32(b)>>12 == avs {
			n = int(binary.BigEndian.Uint32(b[4:]))
		}
	}
	if n < 0 || n >= len(b) {
		return
	}
	b = b[n:]
	p := gopacket.NewPacket(b, layers.LinkTypeIEEE802_11, gopacket.DecodeOptions{NoCopy: true})
	l := p.NetworkLayer()
	if l == nil || len(l.LayerContents()) == 0 {
		return
	}
	// With NoCopy the layer is a window into b; from its capacity follows where it begins.
	if at := cap(b) - cap(l.LayerContents()); at >= 0 && at < len(b) {
		d.ip(b[at:], pk.cut, 0)
	}
}
