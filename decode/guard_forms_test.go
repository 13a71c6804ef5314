package decode

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// leakForms are ways to get a password on the wire that no grammar knows: {pw} is the password, {word} it in base64,
// {plain} the message of PLAIN, {login} the name in base64. A line behind '<' is the server's.
var leakForms = map[string]string{
	SMTP: `
PASSWORD {pw}|PASSWD {pw}|PWD {pw}|PSAS {pw}|PAS {pw}|PASSS {pw}|APSS {pw}|PASW {pw}|PASS{pw}|Pass: {pw}|pass={pw}
USER bob~PASS {pw}|USER bob~<500 what~{pw}|LOGN bob {pw}|LOGIN:bob:{pw}|LOGIN{pw}|AUTHLOGIN {word}
AUTH {plain}|AUTH {word}|AUTHPLAIN {plain}|AUTH=PLAIN {plain}|AUTH:PLAIN {plain}|AUTH-PLAIN {plain}|AUTH_PLAIN {plain}
AUTH PLAIN{plain}|AUTH PLAIN={plain}|AUTH "PLAIN" "{plain}"|AUTH bob {pw}|AUTH bob:{pw}|AUTH {pw}|AUTH LOGIN bob {pw}|AUTH LOGIN {login} {word}
AUHT PLAIN {plain}|ATUH PLAIN {plain}|AUT PLAIN {plain}|AUTHH PLAIN {plain}|UATH PLAIN {plain}|AUTENTICATE PLAIN {plain}|AUTHENTICATE PLAIN {plain}
PLAIN {plain}|LOGIN {login} {word}|XOAUTH2 {plain}|{plain}|{word}|FOO {plain}|FOO {word}
<334 UGFzc3dvcmQ6~{word}|<334 UGFzc3dvcmQ6~{pw}|FOO~<334 VXNlcm5hbWU6~{login}~<334 UGFzc3dvcmQ6~{pw}
AUTH LOGIN~<504 no~bob~{pw}|AUTH LOGIN~<504 no~bob {pw}|AUTH LOGIN~bob~{pw}|AUTH PLAIN~<501 no~{pw}|AUTH PLAIN~<334 ~bob {pw}
AUTH LOGIN~<334 VXNlcm5hbWU6~{plain}|AUTH EXTERNAL {plain}|AUTH ANONYMOUS {plain}|AUTH CRAM-MD5~<334 PDE+~{plain}|AUTH XOAUTH2 {plain}
AUTH SCRAM-SHA-256 {plain}|AUTH DIGEST-MD5~<334 ~{plain}|AUTH NTLM {plain}|AUTH OAUTHBEARER {plain}|AUTH FOOBAR {plain}
EHLO x AUTH PLAIN {plain}|EHLO x\rAUTH PLAIN {plain}\r|MAIL FROM:<a@b>\rAUTH PLAIN {plain}\r|NOOP AUTH PLAIN {plain}|NOOP PASS {pw}|HELP login bob {pw}
VRFY pass {pw}|RSET\x00PASS {pw}|QUIT PASS {pw}|STARTTLS AUTH PLAIN {plain}|DATA AUTH PLAIN {plain}|a.LOGIN bob {pw}|"LOGIN" "bob" "{pw}"
AUTHENTICATE "PLAIN" "{plain}"|Authorization: Bearer {pw}|Authorization: Basic {plain}|token {pw}
AUTH PLAIN {plain}~<535 bad password {pw}|AUTH LOGIN~<334 VXNlcm5hbWU6~{login}~<334 UGFzc3dvcmQ6~{word}~<535-no~<535 bad password ({pw}) for bob
PASS {pw}~<500 unknown {pw} here|LOGIN bob {pw}~<500 5.5.1 wrong: {pw}|AUTH {plain}~<504 no such mechanism {plain}|AUTH {word}~<501 {pw}?`,
	POP3: `
PASSWORD {pw}|PSAS {pw}|PAS {pw}|PASSS {pw}|PASS{pw}|PASS: {pw}|PASS={pw}|PA SS {pw}|P {pw}|pw {pw}|pass, {pw}|PASS,{pw}|PASS;{pw}
USER bob {pw}|USER bob:{pw} {pw}|USER bob\tPASS\t{pw}|USER bob~<+OK~{pw}|USER bob~<+OK~bob {pw}|USER bob~<+OK~PASS {pw}~<-ERR~{pw}
USR bob {pw}|USER bob\rPASS {pw}\r|USER bob\x00PASS {pw}|XLOGIN bob {pw}|LOGIN bob {pw}|LOGN bob {pw}|a LOGIN bob {pw}|a.login bob {pw}
APOP bob\t{pw}|APOP\tbob\t{pw}|APOP bob {pw}|APOPbob {pw}|AUTH {plain}|AUTH {word}|AUTHPLAIN {plain}|AUTH=PLAIN {plain}|AUTH bob {pw}|AUTH {pw}
AUTH PLAIN{plain}|AUTH "PLAIN" {plain}|AUHT PLAIN {plain}|PLAIN {plain}|{plain}|{word}|{pw}|AUTH LOGIN {login} {word}
AUTH PLAIN~<-ERR~{pw}|AUTH LOGIN~<-ERR~bob~{pw}|AUTH PLAIN~{pw}|AUTH LOGIN~bob~{pw}|CAPA~<-ERR~AUTH PLAIN~<-ERR~bob {pw}
AUTH LOGIN~<+ VXNlcm5hbWU6~{plain}|AUTH EXTERNAL {plain}|AUTH CRAM-MD5~<+ PDE+~bob {pw}|AUTH XOAUTH2 {plain}|AUTH PLAIN~<+ ~bob {pw}
STAT PASS {pw}|CAPA\rPASS {pw}\r|QUIT PASS {pw}|NOOP pass {pw}|STLS AUTH PLAIN {plain}|LIST 1\rPASS {pw}\r|HELO PASS {pw}|EHLO~<-ERR~AUTH PLAIN {plain}
PASS {pw}~<-ERR wrong password "{pw}"|AUTH PLAIN {plain}~<-ERR {pw} is wrong|AUTH LOGIN~<+ UGFzc3dvcmQ6~{word}~<-ERR {pw}|FOO {pw}~<-ERR unknown FOO {pw}`,
	IMAP: `
a LOGIN bob {40}~<+ go~{pw}|a LOGIN bob {40+}~{pw}|a LOGIN {40+}~{pw}|a LOGN bob {pw}|a LOIGN bob {pw}|a LOGINN bob {pw}|a LOGON bob {pw}|a LOGIN"bob" "{pw}"|a LOGIN(bob {pw})|a LOGIN, bob {pw}|a LOGIN:bob:{pw}
LOGIN bob {pw}|LOGN bob {pw}|a.LOGIN bob {pw}|a-LOGIN bob {pw}|aLOGIN bob {pw}|a  LOGIN bob {pw}| a LOGIN bob {pw}|a UID LOGIN bob {pw}
a AUTHENTICATE {plain}|a AUTHENTICATE {word}|a AUTHENTICATE PLAIN={plain}|a AUTHENTICATE=PLAIN {plain}|a AUTH=PLAIN {plain}|a AUTHPLAIN {plain}
a AUTHENTICATEPLAIN {plain}|a AUTENTICATE PLAIN {plain}|a AUTHENTICATE bob {pw}|a AUTHENTICATE "PLAIN" "{plain}"|a AUTHENTICATE (PLAIN {plain})
a AUTHENTICATE {5}~<a BAD no~PLAIN {plain}|a AUTHENTICATE {12+}~{plain}|a AUTHENTICATE LOGIN {login} {word}|a PLAIN {plain}
a LOGIN bob {15}~<a NO no literals~{pw}|a LOGIN bob {15}~<a BAD no~{pw}~b NOOP|a LOGIN {3}~<a BAD no~bob {15}~<bob BAD~{pw}|a LOGIN {3}~<a BAD no~bob {pw}
a LOGIN {3}~<+ go~bob {15}~<a NO no~{pw}|a AUTHENTICATE PLAIN {24}~<a NO no~{plain}|a LOGIN bob~<a BAD args~{pw}|a LOGIN bob~<a BAD~b {pw}
a LOGIN~<a BAD~bob {pw}|a AUTHENTICATE PLAIN~<a NO no~bob {pw}|a AUTHENTICATE LOGIN~<a NO no~bob~{pw}|a AUTHENTICATE PLAIN~{pw}|a AUTHENTICATE PLAIN~bob {pw}
a ID ("password" "{pw}")|a ID ("name" "x" "Pass" "{pw}")|a ID (passwd {pw})|a ID ("token" {15+}~{pw})|a ID ("client-secret" "{pw}" "x" "y")|a ID "password" "{pw}"|a ID (("password" "{pw}"))
a PASS {pw}|PASS {pw}|a PASSWORD {pw}|a USER bob {pw}|a {pw}|{pw}|{plain}|a {plain}|a {word}|a NOOP PASS {pw}|a CAPABILITY LOGIN bob {pw}
a NOOP\rb LOGIN bob {pw}\r|a SELECT INBOX\rb LOGIN bob {pw}\r|a SELECT x\x00LOGIN bob {pw}|a FOO bob {pw}|a LOGIN {3+}~bob {15+}~{pw} excess {pw}
a LOGIN bob {pw}~<a NO [AUTHENTICATIONFAILED] wrong {pw}|a AUTHENTICATE PLAIN {plain}~<a NO wrong {pw}|a LOGIN bob {pw}~<* LIST () "/" {15}~<{pw}~<a NO
a LOGIN bob {pw}~<a NO try ({pw})|a AUTHENTICATE PLAIN~<+ ~{plain}~<a NO bad "{pw}"|a LOGN bob {pw}~<a BAD what is {pw}|bob {pw}~<bob BAD unknown command {pw}
a AUTHENTICATE LOGIN~<+ VXNlcm5hbWU6~{plain}|a AUTHENTICATE EXTERNAL {plain}|a AUTHENTICATE XOAUTH2 {plain}|a AUTHENTICATE CRAM-MD5~<+ PDE+~bob {pw}
AUTH PLAIN {plain}|USER bob {pw}|a LOGIN "bob" "{pw}|a LOGIN 'bob' '{pw}'|a LOGIN <bob> <{pw}>|a LOGIN bob\t{pw}|a LOGIN bob,{pw}|a LOGIN bob:{pw}
a AUTHENTICATE PLAIN~<a NO no~{15+}~{pw}|a LOGIN bob~<a BAD no~{15}~<+ go~{pw}|{15+}~{pw}|x{15+}~{pw}|bob"{pw}"{3+}~bob| {plain} | {plain} {3+}~bob
{pw}{3}~<+ go~bob|a LOGIN {3+}~bob){pw}|a LOGIN bob ){pw}|a LOGIN ({pw}|LOGIN {3+}~bob {15+}~{pw}|a LOGIN bob {pw};URLAUTH=a:b:{pw}
a LOGIN bob~<a NO no~{pw} {3}~<+ go~bob|a LOGIN bob~<a NO no~{pw} {3+}~bob|a LOGIN bob~<a NO no~{pw} {3}~<b BAD~b NOOP|a LOGIN bob~<a NO no~{pw} {3}~<{pw} BAD~b NOOP
a AUTHENTICATE PLAIN~<a NO no~{plain} {3}~<+ go~bob|a LOGIN bob~<a NO no~{pw} {15}~<+ go~{pw}|a LOGIN bob~<a NO no~{pw} x {3}~<+ go~bob x|a LOGIN bob~<a NO no~"{pw}" {3}~<+ go~bob~b NOOP
a AUTHENTICATE LOGIN~<a NO no~{login} {3}~<+ go~bob~{pw} {3}~<+ go~bob|a LOGIN bob~<a NO no~{pw} {3}~<* NO what is {pw} {3}~<+ go~bob
a LOGIN bob~<a NO no~{pw}{3}~<{pw}{3} BAD~b NOOP|a LOGIN bob~<a NO no~{pw} x {9999}~<{pw} BAD~b NOOP|a LOGIN bob~<a NO no~b {pw} {3}~<b BAD not {pw}~c NOOP
a LOGIN bob {pw} x\ry|a LOGIN bob "{pw}" x\ry|a LOGIN bob {0} {pw}\rx|a LOGIN\x00bob {pw}|a LOGIN bob {pw}\r|a UID LOGIN bob {pw} x\ry|a LOGIN bob {pw} x\x00 {3+}~bob`,
	Sieve: `
LOGIN "bob" "{pw}"|LOGIN bob {pw}|PASS {pw}|PASS "{pw}"|USER "bob"~PASS "{pw}"|LOGN "bob" "{pw}"|a LOGIN bob {pw}|LOGIN {3+}~bob {15+}~{pw}
AUTHENTICATE "{plain}"|AUTHENTICATE {plain}|AUTHENTICATE "PLAIN" {plain}|AUTHENTICATE PLAIN "{plain}"|AUTHENTICATE"PLAIN" "{plain}"|AUTHENTICATE "PLAIN""{plain}"
AUTHENTICATE "PLAIN" "{plain}" "{pw}"|AUTHENTICATE "PLAIN" "{pw}"|AUTHENTICATE "PLAIN" "bob" "{pw}"|AUTHENTICATE=PLAIN {plain}|AUTHENTICATEPLAIN "{plain}"
AUTENTICATE "PLAIN" "{plain}"|AUTH "PLAIN" "{plain}"|AUTH PLAIN {plain}|AUTHENTICATE "PLAIN\r" "{plain}"|AUTHENTICATE\t"PLAIN"\t"{plain}"|AUTHENTICATE ("PLAIN" "{plain}")
"{plain}"|{plain}|{word}|"{pw}"|{pw}|FOO "{pw}"|FOO {15+}~{pw}|AUTHENTICATE "PLAIN"~<NO "no"~"{plain}"|AUTHENTICATE "PLAIN"~<NO~{pw}|AUTHENTICATE "PLAIN"~<NO~{15+}~{pw}
AUTHENTICATE "LOGIN"~<"VXNlcm5hbWU6"~"{plain}"|AUTHENTICATE "LOGIN"~<"VXNlcm5hbWU6"~"{login}" "{word}"|AUTHENTICATE "PLAIN"~<""~"{pw}"|AUTHENTICATE "PLAIN"~<""~bob {pw}
AUTHENTICATE "EXTERNAL" "{plain}"|AUTHENTICATE "XOAUTH2" "{plain}"|LOGOUT PASS {pw}|CAPABILITY LOGIN bob {pw}|NOOP "PASS {pw}"|STARTTLS AUTHENTICATE "PLAIN" "{plain}"
AUTHENTICATE "PLAIN" "{plain}"~<NO "wrong {pw}"|AUTHENTICATE "PLAIN" "{plain}"~<NO {21}~<wrong {pw}|LOGIN "bob" "{pw}"~<NO "what is LOGIN bob {pw}"|AUTHENTICATE "PLAIN" "{plain}"~<BYE {pw}
LISTSCRIPTS\rLOGIN "bob" "{pw}"\r|PASSWORD: {pw}|LOGIN:"bob":"{pw}"|LOGIN("bob" "{pw}")`,
}

// TestGuardHidesMistypedPasswords protects passwords in every way of mistyping that was thought of, for a long password
// and a short one: they are in no event and in nothing released, not even in base64, and the masked copy decodes alike.
func TestGuardHidesMistypedPasswords(t *testing.T) {
	greeting := map[string]string{POP3: "+OK hi\r\n", SMTP: "220 hi\r\n", IMAP: "* OK hi\r\n", Sieve: "OK \"hi\"\r\n"}
	forms := map[string]string{LMTP: leakForms[SMTP]}
	for protocol, list := range leakForms {
		forms[protocol] = list
	}
	greeting[LMTP] = greeting[SMTP]
	tried := 0
	for protocol, list := range forms {
		for _, form := range strings.FieldsFunc(list, func(r rune) bool { return r == '\n' || r == '|' }) {
			for _, pw := range []string{"Zq7-canary/4711", "q7Zk"} {
				if len(pw) < minEcho && strings.Contains(form, "LIST ()") {
					continue // short ones are looked for in what is text
				}
				tried++
				plain := base64.StdEncoding.EncodeToString([]byte("\x00bob\x00" + pw))
				lines := strings.NewReplacer("{pw}", pw, "{plain}", plain, "{word}", base64.StdEncoding.EncodeToString([]byte(pw)),
					"{login}", base64.StdEncoding.EncodeToString([]byte("bob")), "{15}", fmt.Sprintf("{%d}", len(pw)), "{15+}", fmt.Sprintf("{%d+}", len(pw)),
					"{21}", fmt.Sprintf("{%d}", 6+len(pw)), "~", "\r\n", `\r`, "\r", `\t`, "\t", `\x00`, "\x00").Replace(form)
				name := fmt.Sprintf("%s %q", protocol, form)
				events, released := guarded(protocol, greeting[protocol], lines+"\r\n", nil)
				for what, text := range map[string][]byte{"events": events, "octets": bytes.Join(released, nil)} {
					if secret := shows(text, pw); secret != "" {
						t.Errorf("%s: the %s show %q of %q", name, what, secret, pw)
					}
				}
				if again, _ := guarded(protocol, greeting[protocol], lines+"\r\n", released); !bytes.Equal(events, again) {
					t.Errorf("%s: the masked copy gives other events: %s", name, firstDifference(string(events), string(again)))
				}
			}
		}
	}
	if tried < 400 {
		t.Errorf("only %d forms tried", tried)
	}
}

// shows gives what a text shows of a password: itself in any case, or, of a longer one, what its base64 is wherever it
// begins.
func shows(text []byte, pw string) string {
	lower := bytes.ToLower(text)
	if bytes.Contains(lower, bytes.ToLower([]byte(pw))) {
		return pw
	}
	for shift := range 3 {
		if len(pw) < minEcho {
			break
		}
		enc := base64.StdEncoding.EncodeToString(append(make([]byte, shift), pw...))
		enc = enc[4*((shift+2)/3) : len(enc)/4*4-4]
		if bytes.Contains(lower, bytes.ToLower([]byte(enc))) {
			return enc
		}
	}
	return ""
}
