package proxy

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
)

// soOriginalDst asks the kernel's connection tracking where a redirected connection wanted to go (SO_ORIGINAL_DST and
// IP6T_SO_ORIGINAL_DST of linux/netfilter_ipv4.h and linux/netfilter_ipv6/ip6_tables.h).
const soOriginalDst = 80

// originalDst gives where a connection wanted to go before the system redirected it here.
func originalDst(c *net.TCPConn) (to netip.AddrPort, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return to, err
	}
	v4 := c.LocalAddr().(*net.TCPAddr).IP.To4() != nil
	controlErr := raw.Control(func(fd uintptr) {
		if v4 {
			// syscall has no call that gives the 16 octets of a sockaddr_in; this option's answer has the same size.
			var m *syscall.IPv6Mreq
			if m, err = syscall.GetsockoptIPv6Mreq(int(fd), syscall.IPPROTO_IP, soOriginalDst); err == nil {
				to = netip.AddrPortFrom(netip.AddrFrom4([4]byte(m.Multiaddr[4:8])), binary.BigEndian.Uint16(m.Multiaddr[2:4]))
			}
			return
		}
		var m *syscall.IPv6MTUInfo // begins with a sockaddr_in6
		if m, err = syscall.GetsockoptIPv6MTUInfo(int(fd), syscall.IPPROTO_IPV6, soOriginalDst); err == nil {
			port := binary.NativeEndian.AppendUint16(nil, m.Addr.Port) // the octets are in network order
			to = netip.AddrPortFrom(netip.AddrFrom16(m.Addr.Addr), binary.BigEndian.Uint16(port))
		}
	})
	if controlErr != nil {
		return to, controlErr
	}
	return to, err
}
