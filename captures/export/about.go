package export

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
)

// AboutName is the file beside exported messages that says what they are: nothing may be written into the messages.
const AboutName = "facteur.txt"

// writeAbout writes it, in both languages: who opens the folder may not be who made it.
func writeAbout(dir, path string, o *Options, secrets, by string, list []Message) error {
	f, err := os.OpenFile(filepath.Join(dir, AboutName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	title := o.Title
	if title == "" {
		title = filepath.Base(path)
	}
	fr, en := o.both(secrets, by)
	w := bufio.NewWriter(f)
	fmt.Fprintf(w, "%s\n\n", visible(title))
	fmt.Fprintf(w, "Messages exportés par %s\u202f; %s. Chaque fichier .eml a les octets mêmes du message enregistré\u202f: rien n’y est ajouté.\n", o.Version, fr)
	fmt.Fprintf(w, "Messages exported by %s; %s. Each .eml file has the very octets of the recorded message: nothing is added to it.\n\n", o.Version, en)
	fmt.Fprint(w, "SHA-256, octets, événement / event, fichier / file\n")
	for _, m := range list {
		fmt.Fprintf(w, "%s  %d  %d#%d  %s\n", m.SHA256, m.Octets, m.Session, m.Seq, m.File)
		if m.Incomplete {
			fmt.Fprint(w, "  ^ incomplet\u202f: des octets manquent / incomplete: octets are missing\n")
		}
	}
	if err := w.Flush(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
