package notes

import (
	"strings"
	"testing"
)

// An id more precise than the catalogue still gets a true text, and an unknown one a neutral text.
func TestExplainFallsBack(t *testing.T) {
	for _, c := range []struct{ id, found string }{
		{"smtp.command.EHLO", "smtp.command.EHLO"},
		{"smtp.reply.250.RCPT", "smtp.reply.250.RCPT"},
		{"smtp.reply.250.FROB", "smtp.reply.250"},
		{"smtp.reply.299.RCPT", "smtp.reply"},
		{"smtp.enhanced.5.1.1", "smtp.enhanced.5.1.1"},
		{"smtp.enhanced.5.1.99", "smtp.enhanced.5.1"},
		{"smtp.enhanced.5.99.1", "smtp.enhanced.5"},
		{"smtp.capability.XFOO", "smtp.capability"},
		{"imap.capability.AUTH.PLAIN", "imap.capability.AUTH"},
		{"imap.command.UID.FOO", "imap.command.UID"},
		{`imap.flag.\Seen`, `imap.flag.\Seen`},
		{"tls.version.1.3", "tls.version.1.3"},
		{"tls.alert.alert_199", "tls.alert"},
		{"message.header.x-anything", "message.header"},
		{"session.violation.some_rule", "session.violation"},
		{"nothing.like.this", LastResort},
		{"", LastResort},
		{"...", LastResort},
	} {
		for _, lang := range append(Langs(), "de", "") {
			if got := Explain(lang, c.id, nil); got.ID != c.found || got.Line == "" {
				t.Errorf("%s %q: found %q: %q", lang, c.id, got.ID, got.Line)
			}
		}
	}
}

func TestExplainShowsValues(t *testing.T) {
	v := mapValues(map[string]string{"from": "a@ex.test", "size": "2310", "octets": "342"})
	for _, c := range []struct {
		lang     Lang
		id, want string
	}{
		{French, "smtp.command.MAIL", "Le client ouvre l’enveloppe\u202F: retour à a@ex.test, 2\u202F310 octets annoncés."},
		{English, "smtp.command.MAIL", "The client opens the envelope: bounces go to a@ex.test, 2,310 octets announced."},
		{French, "imap.data.begin", "Un littéral commence\u202F: 342 octets suivent tels quels."},
		{English, "imap.data.begin", "A literal starts: 342 raw octets follow."},
		{French, "smtp.capability.XFOO", "Le serveur annonce la capacité XFOO, que facteur ne connaît pas."},
		{English, "imap.capability.AUTH.SCRAM-SHA-256", "The server offers the authentication method SCRAM-SHA-256."},
	} {
		if got := Explain(c.lang, c.id, v).Line; got != c.want {
			t.Errorf("%s %s:\n  %s, not\n  %s", c.lang, c.id, got, c.want)
		}
	}
	// an empty return path is an address too: <>
	if got := Explain(French, "smtp.command.MAIL", mapValues(map[string]string{"from": ""})).Line; got != "Le client ouvre l’enveloppe." {
		t.Errorf("empty return path: %s", got)
	}
}

// covered is what the catalogue promises to know, by family; a text removed by mistake is missed here.
var covered = map[string]string{
	"smtp.command": "HELO EHLO LHLO MAIL RCPT DATA BDAT RSET VRFY EXPN HELP NOOP QUIT AUTH STARTTLS ETRN ATRN TURN SEND SOML SAML BURL XCLIENT XFORWARD",
	"lmtp.command": "LHLO",
	"smtp.reply": `211 214 220 221 235 250 251 252 253 334 354 421 422 432 450 451 452 454 455 458 459 500 501 502 503 504 505 521 523
		524 525 530 533 534 535 538 541 550 551 552 553 554 555 556 220.greeting 220.STARTTLS 250.EHLO 250.MAIL 250.RCPT 250.DATA 250.data`,
	"smtp.enhanced": `2.0.0 2.1.0 2.1.5 2.6.0 2.7.0 4.2.2 4.3.0 4.4.1 4.4.7 4.7.0 4.7.1 4.7.12 5.0.0 5.1.0 5.1.1 5.1.2 5.1.3 5.1.4
		5.1.6 5.1.7 5.1.8 5.1.9 5.1.10 5.2.0 5.2.1 5.2.2 5.2.3 5.2.4 5.3.0 5.3.1 5.3.2 5.3.3 5.3.4 5.3.5 2.3.6 5.4.0 5.4.3 5.4.4 5.4.6 5.5.0
		5.5.1 5.5.2 5.5.3 5.5.4 5.5.5 5.5.6 5.6.0 5.6.1 5.6.2 5.6.3 5.6.4 5.6.5 5.6.6 5.6.7 5.6.8 5.6.9 5.7.0 5.7.1 5.7.2 5.7.3 5.7.4 5.7.5
		5.7.6 5.7.7 5.7.8 5.7.9 5.7.10 5.7.11 5.7.13 5.7.14 5.7.15 5.7.16 5.7.17 5.7.18 5.7.19 5.7.20 5.7.21 5.7.22 5.7.23 5.7.24 5.7.25
		5.7.26 5.7.27 5.7.28 5.7.29 5.7.30`,
	"smtp.capability": `8BITMIME SIZE PIPELINING CHUNKING BINARYMIME CHECKPOINT DELIVERBY DSN ETRN EXPN HELP SEND SOML SAML TURN
		ENHANCEDSTATUSCODES STARTTLS AUTH NO-SOLICITING MTRK SUBMITTER ATRN BURL FUTURERELEASE CONPERM CONNEG SMTPUTF8 MT-PRIORITY RRVS
		REQUIRETLS LIMITS XCLIENT XFORWARD`,
	"smtp.parameter":  "SIZE BODY SMTPUTF8 RET ENVID NOTIFY ORCPT REQUIRETLS BY HOLDFOR HOLDUNTIL MT-PRIORITY RRVS AUTH",
	"smtp.data":       "begin data end",
	"pop3.command":    "USER PASS APOP AUTH STAT LIST RETR DELE NOOP RSET QUIT TOP UIDL CAPA STLS UTF8 LANG",
	"pop3.response":   "ok err continue ok.greeting",
	"pop3.code":       "IN-USE LOGIN-DELAY SYS/TEMP SYS/PERM AUTH UTF8",
	"pop3.capability": "TOP USER SASL RESP-CODES LOGIN-DELAY PIPELINING EXPIRE UIDL IMPLEMENTATION STLS AUTH-RESP-CODE UTF8 LANG",
	"pop3.item":       "LIST UIDL CAPA AUTH LANG",
	"pop3.data":       "begin data end",
	"imap.greeting":   "OK PREAUTH BYE",
	"imap.tagged":     "OK NO BAD",
	"imap.data":       "begin data end",
	"imap":            "continuation done auth",
	"sieve.data":      "begin data end",
	"sieve.command":   "AUTHENTICATE STARTTLS LOGOUT CAPABILITY HAVESPACE PUTSCRIPT LISTSCRIPTS SETACTIVE GETSCRIPT DELETESCRIPT RENAMESCRIPT CHECKSCRIPT NOOP UNAUTHENTICATE",
	"sieve.response":  "OK NO BYE",
	"session":         "open detect upgrade gap violation opaque close rewrite incomplete",
	"tls.sealed":      "no_secrets unsupported_cipher damaged",
	"tls.version":     "1.0 1.1 1.2 1.3 ssl2 ssl3",
	"compress":        "block",
	"sslv2":           "client_hello",
	"message":         "headers_end part boundary",
	"port":            "25 465 587 110 995 143 993 24 4190",
	"tls.record":      "handshake alert change_cipher_spec application_data heartbeat handshake.opened handshake.sealed application_data.opened application_data.sealed alert.opened alert.sealed",
	"sasl":            "PLAIN LOGIN CRAM-MD5 DIGEST-MD5 NTLM SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS GSSAPI GSS-SPNEGO EXTERNAL ANONYMOUS XOAUTH2 OAUTHBEARER cancel",
	"imap.code":       imapCodes,
	"imap.command":    imapCommands,
	"imap.response":   imapResponses,
	"imap.capability": imapCapabilities,
	"imap.item":       "FLAGS UID INTERNALDATE RFC822 RFC822.SIZE RFC822.HEADER RFC822.TEXT ENVELOPE BODYSTRUCTURE BODY BODY.PEEK BINARY BINARY.SIZE MODSEQ EMAILID THREADID PREVIEW SAVEDATE",
	"imap.flag":       `\Seen \Answered \Flagged \Deleted \Draft \Recent $Forwarded $MDNSent $Junk $NotJunk $Phishing \Noselect \NonExistent \Noinferiors \HasChildren \HasNoChildren \Marked \Unmarked \Subscribed \Remote \All \Archive \Drafts \Junk \Sent \Trash \Important`,
	"tls":             tlsMessages,
	"tls.alert":       tlsAlerts,
	"tls.extension":   tlsExtensions,
	"message.header":  headers,
	"lint":            lints,
	"session.error":   "upstream_unreachable upstream_timeout upstream_untrusted upstream_name upstream_expired client_refused_certificate handshake_failed tls_broken channel_binding wrong_protocol tls_on_clear_port clear_on_tls_port recording_failed limit decoder_fault",
}

const (
	imapCodes = `ALERT ALREADYEXISTS APPENDUID AUTHENTICATIONFAILED AUTHORIZATIONFAILED BADCHARSET BADCOMPARATOR BADEVENT BADURL CANNOT
		CAPABILITY CLIENTBUG CLOSED COMPRESSIONACTIVE CONTACTADMIN COPYUID CORRUPTION EXPIRED EXPUNGEISSUED HASCHILDREN HIGHESTMODSEQ INPROGRESS
		INUSE LIMIT MAILBOXID MESSAGELIMIT METADATA MODIFIED NOMODSEQ NONEXISTENT NOPERM NOTIFICATIONOVERFLOW NOTSAVED NOUPDATE OVERQUOTA PARSE
		PERMANENTFLAGS PRIVACYREQUIRED READ-ONLY READ-WRITE REFERRAL SERVERBUG TEMPFAIL TOOBIG TRYCREATE UIDNEXT UIDNOTSTICKY UIDREQUIRED
		UIDVALIDITY UNAVAILABLE UNDEFINED-FILTER UNKNOWN-CTE UNSEEN USEATTR MAXCONVERTMESSAGES MAXCONVERTPARTS ANNOTATE ANNOTATIONS`
	imapCommands = `CAPABILITY NOOP LOGOUT STARTTLS AUTHENTICATE LOGIN ENABLE SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE LIST LSUB
		NAMESPACE STATUS APPEND IDLE CLOSE UNSELECT CHECK EXPUNGE SEARCH FETCH STORE COPY MOVE UID UID.FETCH UID.STORE UID.COPY UID.MOVE UID.SEARCH
		UID.EXPUNGE UID.SORT UID.THREAD SORT THREAD REPLACE UID.REPLACE ID COMPRESS GETACL SETACL DELETEACL LISTRIGHTS MYRIGHTS GETQUOTA
		GETQUOTAROOT SETQUOTA GETMETADATA SETMETADATA NOTIFY ESEARCH CANCELUPDATE GENURLAUTH RESETKEY URLFETCH LANGUAGE COMPARATOR CONVERT
		UNAUTHENTICATE`
	imapResponses = `OK NO BAD BYE PREAUTH CAPABILITY ENABLED LIST LSUB NAMESPACE STATUS FLAGS SEARCH ESEARCH SORT THREAD EXISTS RECENT EXPUNGE
		VANISHED FETCH UIDFETCH ID QUOTA QUOTAROOT ACL LISTRIGHTS MYRIGHTS METADATA LANGUAGE COMPARATOR GENURLAUTH URLFETCH CONVERSION`
	imapCapabilities = `IMAP4REV1 IMAP4REV2 STARTTLS LOGINDISABLED AUTH SASL-IR LITERAL+ LITERAL- IDLE NAMESPACE ID ENABLE UIDPLUS MOVE UNSELECT
		CHILDREN SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS LIST-MYRIGHTS LIST-METADATA ESEARCH ESORT SEARCHRES SORT SORT.DISPLAY
		THREAD.REFERENCES THREAD.ORDEREDSUBJECT CONDSTORE QRESYNC QUOTA QUOTA.RES-STORAGE QUOTASET ACL RIGHTS METADATA METADATA-SERVER BINARY
		CATENATE MULTIAPPEND APPENDLIMIT REPLACE URLAUTH WITHIN CONTEXT.SEARCH CONTEXT.SORT NOTIFY FILTERS MULTISEARCH SEARCH.FUZZY LANGUAGE
		CONVERT UTF8.ACCEPT UTF8.ONLY OBJECTID PREVIEW SAVEDATE STATUS.SIZE PARTIAL INPROGRESS UIDONLY MESSAGELIMIT JMAPACCESS
		COMPRESS.DEFLATE UNAUTHENTICATE IMAPSIEVE`
	tlsMessages = `client_hello server_hello hello_retry_request encrypted_extensions certificate server_key_exchange certificate_request
		server_hello_done certificate_verify client_key_exchange finished new_session_ticket key_update hello_request certificate_status
		end_of_early_data change_cipher_spec fragment message heartbeat cipher group record sealed version alert extension`
	tlsAlerts = `close_notify unexpected_message bad_record_mac decryption_failed record_overflow decompression_failure handshake_failure
		no_certificate bad_certificate unsupported_certificate certificate_revoked certificate_expired certificate_unknown illegal_parameter
		unknown_ca access_denied decode_error decrypt_error export_restriction protocol_version insufficient_security internal_error
		inappropriate_fallback user_canceled no_renegotiation missing_extension unsupported_extension certificate_unobtainable
		unrecognized_name bad_certificate_status_response bad_certificate_hash_value unknown_psk_identity certificate_required
		no_application_protocol ech_required`
	tlsExtensions = `server_name max_fragment_length status_request supported_groups ec_point_formats signature_algorithms heartbeat
		application_layer_protocol_negotiation signed_certificate_timestamp padding encrypt_then_mac extended_master_secret
		compress_certificate record_size_limit session_ticket pre_shared_key early_data supported_versions cookie psk_key_exchange_modes
		certificate_authorities post_handshake_auth signature_algorithms_cert key_share renegotiation_info encrypted_client_hello grease`
	headers = `from to cc bcc subject date message-id received return-path dkim-signature authentication-results received-spf arc-seal
		arc-message-signature arc-authentication-results mime-version content-type content-transfer-encoding list-unsubscribe in-reply-to
		references reply-to sender content-disposition list-id`
	lints = `password_in_clear data_after_starttls capabilities_not_refreshed starttls_unused preauth logindisabled_ignored bare_lf bare_cr
		smuggling long_line nul eight_bit bad_count obsolete_tls cert_expired cert_self_signed cert_wrong_name cert_sha1 sasl_downgrade uidl_reuse
		uidvalidity_change unanswered unexpected_reply starttls_plaintext`
)

func TestCoverage(t *testing.T) {
	for family, names := range covered {
		for name := range strings.FieldsSeq(names) {
			if id := family + "." + name; !Has(id) {
				t.Errorf("%s has no text of its own", id)
			}
		}
	}
}
