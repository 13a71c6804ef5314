package decode

// IMAPStates is IMAP's machine (RFC 9051 §3), with STARTTLS (§6.2.1), UNAUTHENTICATE (RFC 8437) and what a refused SELECT
// means (§6.3.2). A connection whose beginning was not captured moves by the same arrows.
var IMAPStates = []Transition{
	{"connected", "greeting OK", "not authenticated"},
	{"connected", "greeting PREAUTH", "authenticated"},
	{"connected", "greeting BYE", "logout"},
	{"not authenticated", "STARTTLS OK", "not authenticated"},
	{"not authenticated", "LOGIN OK", "authenticated"},
	{"", "LOGIN OK", "authenticated"},
	{"not authenticated", "AUTHENTICATE OK", "authenticated"},
	{"", "AUTHENTICATE OK", "authenticated"},
	{"authenticated", "SELECT OK", "selected"},
	{"selected", "SELECT OK", "selected"},
	{"", "SELECT OK", "selected"},
	{"authenticated", "EXAMINE OK", "selected"},
	{"selected", "EXAMINE OK", "selected"},
	{"", "EXAMINE OK", "selected"},
	{"selected", "SELECT NO", "authenticated"},
	{"selected", "EXAMINE NO", "authenticated"},
	{"selected", "CLOSE OK", "authenticated"},
	{"selected", "UNSELECT OK", "authenticated"},
	{"", "UNAUTHENTICATE OK", "not authenticated"},
	{"", "untagged BYE", "logout"},
	{"", "LOGOUT OK", "logout"},
}
