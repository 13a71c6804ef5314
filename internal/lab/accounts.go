package lab

import "strings"

// Domain is the practice domain. RFC 2606, section 2 reserves the ending .test: no such name exists on the Internet.
const Domain = "exemple.test"

// ServerName is the host name the practice server gives itself, and that its certificate bears.
const ServerName = "mail." + Domain

// Account is a demonstration account. Its password is public on purpose: it is printed on the page, shown in transcripts
// and never protects anything.
type Account struct {
	User     string // "alice"
	Address  string // "alice@exemple.test"
	Password string
	Name     string // as it stands in From and To
}

// The demonstration passwords. They are written here so that everyone can see them; never use one elsewhere.
const (
	demoPasswordAlice = "timbre-rose"
	demoPasswordBob   = "colis-bleu"
)

// Accounts are the demonstration accounts of the practice server. A log-in takes the user name or the whole address.
var Accounts = []Account{
	{User: "alice", Address: "alice@" + Domain, Password: demoPasswordAlice, Name: "Alice Martin"},
	{User: "bob", Address: "bob@" + Domain, Password: demoPasswordBob, Name: "Bob Lefèvre"},
}

// findAccount gives the account of a user name or an address, nil if there is none. Local parts are compared without
// case, as nearly every server does although RFC 5321, section 2.4 leaves it to the receiver.
func findAccount(name string) *Account {
	for i := range Accounts {
		a := &Accounts[i]
		if strings.EqualFold(name, a.User) || strings.EqualFold(name, a.Address) {
			return a
		}
	}
	return nil
}

// isLocal says whether an address belongs to the practice server; local is its part before the @.
func isLocal(address string) (local string, ok bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address, strings.EqualFold(address, "postmaster")
	}
	return address[:at], strings.EqualFold(address[at+1:], Domain) || strings.EqualFold(address[at+1:], ServerName)
}

// recipient gives the account an address delivers to. Postmaster is alice: RFC 5321, section 4.5.1 wants that mailbox
// to exist. A part after + is a detail of the user's own (RFC 5233) and does not change the mailbox.
func recipient(local string) *Account {
	if strings.EqualFold(local, "postmaster") {
		return &Accounts[0]
	}
	user, _, _ := strings.Cut(local, "+")
	if strings.IndexByte(user, '@') >= 0 {
		return nil
	}
	return findAccount(user)
}
