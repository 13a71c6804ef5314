package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
	"rsc.io/qr"

	"facteur/web"
)

// shareFlag is the one explicit word that lets others on the network follow the page.
func (a *app) shareFlag(fl *pflag.FlagSet) {
	fl.StringVar(&a.share, "share", "", "let others on the network follow the page, read only, with a code: address of their door (HOST:PORT)")
	fl.Lookup("share").NoOptDefVal = web.DefaultShare
}

// mayShare refuses to show passwords to a room: shown says that flag shows them.
func (a *app) mayShare(flag string, shown bool) error {
	if a.share == "" || !shown {
		return nil
	}
	return misuse(a.say("--share et %s ne vont pas ensemble\u202f: tous ceux qui suivent verraient les mots de passe",
		"--share and %s do not go together: everyone who follows would see the passwords"), flag)
}

// told prints the presenter's address and, where the page is shared, how to follow.
func (a *app) told(page *web.Server, address string) {
	fmt.Fprintln(a.out, address)
	share := page.Sharing()
	if !share.On {
		return
	}
	fmt.Fprintf(a.out, a.say("\nPour suivre\u202f: %s  code %s\n", "\nTo follow: %s  code %s\n"), strings.Join(share.Addresses, "  "), share.Code)
	if isTerminal(a.out) {
		if code, err := qr.Encode(share.Links[0], qr.L); err == nil {
			printQR(a.out, code)
		}
	}
	fmt.Fprintln(a.out, a.say("Qui suit ne voit que du masqué et ne commande rien\u202f; ce trajet n’est pas chiffré.",
		"Who follows sees masked data only and gives no orders; that way is not encrypted."))
}

// printQR draws a QR code with half blocks, two rows a line, dark on light whatever the terminal's colours.
func printQR(w io.Writer, code *qr.Code) {
	const quiet = 2 // half of the standard's four modules, which terminals' cameras do without
	halves := [4]string{" ", "▄", "▀", "█"}
	for y := -quiet; y < code.Size+quiet; y += 2 {
		fmt.Fprint(w, "\x1b[30;47m")
		for x := -quiet; x < code.Size+quiet; x++ {
			half := 0
			if code.Black(x, y) {
				half |= 2
			}
			if code.Black(x, y+1) {
				half |= 1
			}
			fmt.Fprint(w, halves[half])
		}
		fmt.Fprintln(w, "\x1b[0m")
	}
}
