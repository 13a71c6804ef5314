package captures

import "encoding/binary"

// What an 802.11 frame control says (IEEE 802.11-2020 §9.2.4.1), and how long the parts of a data frame's header are
// (§9.3.2.1). All numbers are in little endian.
const (
	wifiTypeMask  = 0x0c // of the first octet: version and type
	wifiData      = 0x08
	wifiQoS       = 0x80 // of a data frame's subtype
	wifiEmpty     = 0x40 // likewise: without a body
	wifiToDS      = 0x01 // of the second octet
	wifiFromDS    = 0x02
	wifiProtected = 0x40
	wifiOrder     = 0x80

	wifiHeader    = 24 // frame control, duration, three addresses, sequence control
	wifiAddress4  = 6  // between two access points
	wifiQoSHeader = 2
	wifiHTControl = 4
	wifiAMSDU     = 0x80 // of the QoS control: several frames in one
	wifiSubframe  = 14   // addresses and length in front of each of them
)

// radio takes the radio's own header off an 802.11 frame: radiotap, Prism or AVS.
func (d *dissector) radio(pk *packet) {
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
	if n >= 0 && n < len(b) {
		d.wifi(b[n:], pk.cut)
	}
}

// wifi reads an 802.11 frame. Only data frames in clear lead to IP: what WPA protects is not for us to open.
func (d *dissector) wifi(b []byte, cut int) {
	if len(b) < wifiHeader || b[0]&wifiTypeMask != wifiData || b[0]&wifiEmpty != 0 || b[1]&wifiProtected != 0 {
		return
	}
	n, together := wifiHeader, false
	if b[1]&(wifiToDS|wifiFromDS) == wifiToDS|wifiFromDS {
		n += wifiAddress4
	}
	if b[0]&wifiQoS != 0 {
		together = len(b) > n && b[n]&wifiAMSDU != 0
		n += wifiQoSHeader
		if b[1]&wifiOrder != 0 {
			n += wifiHTControl
		}
	}
	if len(b) < n {
		return
	}
	const llc = 0 // an EtherType that is none: LLC follows
	if b = b[n:]; !together {
		d.etherType(llc, b, cut, 0)
		return
	}
	for len(b) >= wifiSubframe { // each padded to four octets, but for the last
		end := wifiSubframe + int(binary.BigEndian.Uint16(b[wifiSubframe-2:]))
		if end == wifiSubframe {
			return
		}
		d.etherType(llc, b[wifiSubframe:min(end, len(b))], cut, 0)
		b = b[min((end+3)&^3, len(b)):]
	}
}
