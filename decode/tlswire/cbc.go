package tlswire

import (
	"crypto/cipher"
	"crypto/hmac"
)

// openCBC opens a block cipher record, RFC 5246 section 6.2.3.2, with the MAC inside, or outside by RFC 7366. The
// plaintext does not depend on the sequence number, so a record is decrypted once whatever the range.
func (e *epoch) openCBC(dst, wire []byte, p *position, budget *int64) ([]byte, uint64, bool) {
	head, body := wire[:headerLen], wire[headerLen:]
	if e.etm {
		return e.openEtM(dst, wire, p, budget)
	}
	plain, ok := e.decryptCBC(dst, body, p)
	if !ok {
		return nil, 0, false
	}
	n := len(plain) - e.mac.size() - e.padding(plain)
	if n < 0 {
		return nil, 0, false
	}
	seq, ok := e.findMAC(head, plain[:n], plain[n:n+e.mac.size()], p, budget)
	return plain[:n], seq, ok
}

func (e *epoch) openEtM(dst, wire []byte, p *position, budget *int64) ([]byte, uint64, bool) {
	head, body := wire[:headerLen], wire[headerLen:]
	n := len(body) - e.mac.size()
	if n < 0 {
		return nil, 0, false
	}
	seq, ok := e.findMAC(head, body[:n], body[n:], p, budget)
	if !ok {
		return nil, 0, false
	}
	plain, ok := e.decryptCBC(dst, body[:n], p)
	if !ok {
		return nil, 0, false
	}
	pad := e.padding(plain)
	return plain[:max(len(plain)-pad, 0)], seq, pad <= len(plain)
}

// findMAC looks for the sequence number under which sum is the MAC of content.
func (e *epoch) findMAC(head, content, sum []byte, p *position, budget *int64) (uint64, bool) {
	for seq := p.low; ; seq++ {
		e.sum = e.mac.append(e.sum[:0], e.pseudoHeader(seq, head, len(content)), content)
		if hmac.Equal(e.sum, sum) {
			return seq, true
		}
		if *budget -= int64(len(content)); seq >= p.high || *budget < 0 {
			return 0, false
		}
	}
}

// decryptCBC decrypts body into dst, its explicit IV taken off.
func (e *epoch) decryptCBC(dst, body []byte, p *position) ([]byte, bool) {
	size := e.suite.blockLen()
	iv := p.chain
	if e.firstIV == nil {
		if len(body) < size {
			return nil, false
		}
		iv, body = body[:size], body[size:]
	}
	if e.block == nil || len(iv) != size || len(body) == 0 || len(body)%size != 0 {
		return nil, false
	}
	plain := append(dst[:0], body...)
	cipher.NewCBCDecrypter(e.block, iv).CryptBlocks(plain, plain)
	return plain, true
}

// padding gives how many octets of padding end plain, or more than its length where they are wrong: TLS repeats the
// length in each, SSL 3.0 says nothing of their values but keeps them below a block.
func (e *epoch) padding(plain []byte) int {
	last := plain[len(plain)-1]
	n := int(last) + 1
	wrong := len(plain) + 1
	if n > len(plain) {
		return wrong
	}
	if e.version < 0x0301 {
		if n > e.suite.blockLen() {
			return wrong
		}
		return n
	}
	for _, b := range plain[len(plain)-n:] {
		if b != last {
			return wrong
		}
	}
	return n
}
