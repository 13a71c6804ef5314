package captures

import "testing"

// The checksum decides between a forged and an honest copy, so it must be right: a SYN from a real capture.
func TestSegmentSound(t *testing.T) {
	raw := []byte{0xc3, 0x50, 0x00, 0x19, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0x20, 0, 0, 0, 0, 0, 'o', 'd', 'd'}
	for _, v6 := range []bool{false, true} {
		s := segment{raw: raw, src: mapped([]byte{192, 0, 2, 1}), dst: mapped([]byte{192, 0, 2, 2})}
		if v6 {
			s.src, s.dst = [16]byte{0x20, 1, 0xd, 0xb8, 15: 1}, [16]byte{0x20, 1, 0xd, 0xb8, 15: 2}
		}
		raw[16], raw[17] = 0, 0
		sum := 0
		for _, b := range [][]byte{s.src[:], s.dst[:], raw} {
			if len(b) == 16 && !v6 {
				b = b[12:]
			}
			for i, c := range b { // word by word, as RFC 1071 describes it
				if i%2 == 0 {
					sum += int(c) << 8
				} else {
					sum += int(c)
				}
			}
		}
		sum += protoTCP + len(raw)
		for sum > 0xffff {
			sum = sum>>16 + sum&0xffff
		}
		raw[16], raw[17] = byte(^sum>>8), byte(^sum)
		if !s.sound() {
			t.Errorf("v6 %v: a right checksum is taken for wrong", v6)
		}
		raw[21] ^= 0x40
		if s.sound() {
			t.Errorf("v6 %v: a wrong checksum is taken for right", v6)
		}
		raw[21] ^= 0x40
	}
}
