package decode

import "facteur/decode/tlswire"

// The handshakes of TLS as tables: On is the side and what it sends, named as its [HandshakeKind] (tls.client_hello …).

// HandshakeKind is the kind of an event as the tables of TLS name it: that of the event, but for a HelloRetryRequest, which
// is a ServerHello in form and another message in what it does.
func HandshakeKind(e *Event) string {
	if e.Kind == "tls.server_hello" && e.Field("message") == tlswire.RetryName {
		return "tls.hello_retry_request"
	}
	return e.Kind
}

// tls12States is the handshake of TLS 1.0 to 1.2 (RFC 5246 §7.3): with certificates or without, with a certificate of the
// client's, resumed by session or by ticket (RFC 5077 §3.1), and renegotiated.
var tls12States = []Transition{
	{"start", "client client_hello", "offered"},
	{"offered", "server server_hello", "chosen"},
	{"chosen", "server certificate", "certificate"},
	{"certificate", "server certificate_status", "certificate"},
	{"chosen", "server server_key_exchange", "server key"},
	{"certificate", "server server_key_exchange", "server key"},
	{"certificate", "server certificate_request", "certificate asked"},
	{"server key", "server certificate_request", "certificate asked"},
	{"chosen", "server server_hello_done", "client's turn"},
	{"certificate", "server server_hello_done", "client's turn"},
	{"server key", "server server_hello_done", "client's turn"},
	{"certificate asked", "server server_hello_done", "client's turn"},
	{"client's turn", "client certificate", "client certificate"},
	{"client's turn", "client client_key_exchange", "keys exchanged"},
	{"client certificate", "client client_key_exchange", "keys exchanged"},
	{"keys exchanged", "client certificate_verify", "client proved"},
	{"keys exchanged", "client change_cipher_spec", "client enciphers"},
	{"client proved", "client change_cipher_spec", "client enciphers"},
	{"client enciphers", "client finished", "client finished"},
	{"client finished", "server new_session_ticket", "client finished"},
	{"client finished", "server change_cipher_spec", "server enciphers"},
	{"server enciphers", "server finished", "established"},

	{"chosen", "server new_session_ticket", "chosen"}, // resumed, with a new ticket
	{"chosen", "server change_cipher_spec", "resumed, server enciphers"},
	{"resumed, server enciphers", "server finished", "resumed, server finished"},
	{"resumed, server finished", "client change_cipher_spec", "resumed, client enciphers"},
	{"resumed, client enciphers", "client finished", "established"},

	{"established", "server hello_request", "established"},
	{"established", "client client_hello", "offered"}, // renegotiation
}

// tls13States is the handshake of TLS 1.3 (RFC 9846 §2, appendix A): in full, after a retry, by a pre-shared key, with
// early data, with a certificate of the client's, and what may follow it. A change_cipher_spec means nothing in it (§5).
var tls13States = []Transition{
	{"start", "client client_hello", "offered"},
	{"offered", "server hello_retry_request", "asked again"},
	{"asked again", "client client_hello", "offered again"},
	{"offered", "server server_hello", "enciphered"},
	{"offered again", "server server_hello", "enciphered"},
	{"enciphered", "server encrypted_extensions", "parameters"},
	{"parameters", "server certificate_request", "certificate asked"},
	{"parameters", "server certificate", "certificate"},
	{"certificate asked", "server certificate", "certificate"},
	{"certificate", "server certificate_verify", "server proved"},
	{"server proved", "server finished", "server finished"},
	{"parameters", "server finished", "server finished"}, // a pre-shared key proves the server
	{"server finished", "server new_session_ticket", "server finished"},
	{"server finished", "client end_of_early_data", "early data ended"},
	{"server finished", "client certificate", "client certificate"},
	{"early data ended", "client certificate", "client certificate"},
	{"client certificate", "client certificate_verify", "client proved"},
	{"client certificate", "client finished", "established"}, // an empty one needs no proof
	{"client proved", "client finished", "established"},
	{"server finished", "client finished", "established"},
	{"early data ended", "client finished", "established"},
	{"established", "server new_session_ticket", "established"},
	{"established", "client key_update", "established"},
	{"established", "server key_update", "established"},
	{"established", "server certificate_request", "asked later"}, // §4.6.2
	{"asked later", "client certificate", "certificate later"},
	{"certificate later", "client certificate_verify", "proved later"},
	{"certificate later", "client finished", "established"},
	{"proved later", "client finished", "established"},
}
