// Package captures turns recordings into chunks and chunks into recordings.
//
// A recording is standard pcapng: every other program opens it, and ours reads anyone's. Reading and writing meet in
// [decode.Chunk], so a session that was written and is read again is the same sequence of chunks (leg, side, octets,
// losses, ends, things told) in the same order with the same nanoseconds, and therefore decodes to the same events.
//
// Reading is a pipeline of four small machines, none of which knows the next one's business:
//
//	input      octets of the file, gzip taken off, offsets counted           input.go
//	container  pcap or pcapng → packets, secrets, comments                   pcap_read.go pcapng_read.go
//	link, ip   packet → TCP segment: link types, tunnels, fragments          link.go ip.go fragment.go wifi.go exotic.go
//	tcp        segments → sessions and chunks, holes told, nothing invented  tcp.go half.go settle.go
//
// The last one delivers in causal order: a segment that acknowledges octets of the other side follows them, even where
// the capture has the packets in another order. What is missing is waited for a little (reorderPackets, reorderTime) and
// then told as Lost, and only on evidence: the other side acknowledged beyond it, too much waits, or the file ends.
//
// Writing gives each chunk a packet (writer.go, synth.go, pcapng_write.go). What no packet can hold travels in packet
// comments that begin with "facteur:" and hold JSON (own.go): whose connection it is, things told, sizes of holes.
//
// Memory is bounded by the named limits beside each machine; no length field of a file is believed before its octets
// have come.
package captures
