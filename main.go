// Command facteur stands between a mail client and a mail server and shows how they talk. See README.md.
package main

import (
	"os"

	"facteur/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
