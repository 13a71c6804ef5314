package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"facteur/proxy/ca"
)

// steps are what a person does to make a client trust the authority, and to make it forget. {FILE} stands for ca.pem
// as a shell takes it, {QUOTED} for the same between quotation marks, {DIR} for its folder, {AT} for the flag
// that names that, if it has to be named, {NAME} for the certificate's common name, {SHA1} for the fingerprint by which Windows knows it.
type steps struct {
	id, client         string
	fr, en             []string
	forgetFR, forgetEN []string // none: nothing was installed
}

// clientSteps are in the order in which classes meet the clients.
var clientSteps = []steps{
	{"thunderbird", "Thunderbird",
		[]string{"facteur ca install --into thunderbird{AT}, puis relancer Thunderbird (certutil est nécessaire)",
			"ou à la main\u202f: Paramètres › Vie privée et sécurité › Certificats › Gérer les certificats › Autorités › Importer… › {FILE} › cocher «\u202fConfirmer cette AC pour identifier des sites web\u202f»"},
		[]string{"facteur ca install --into thunderbird{AT}, then restart Thunderbird (certutil is needed)",
			"or by hand: Settings › Privacy & Security › Certificates › Manage Certificates › Authorities › Import… › {FILE} › tick “Trust this CA to identify websites”"},
		[]string{"Paramètres › Vie privée et sécurité › Certificats › Gérer les certificats › Autorités › facteur › {NAME} › Supprimer ou ne plus faire confiance"},
		[]string{"Settings › Privacy & Security › Certificates › Manage Certificates › Authorities › facteur › {NAME} › Delete or Distrust"}},
	{"outlook", "Outlook (classic), Windows",
		[]string{"copier {FILE} sur la machine, puis dans PowerShell ou cmd\u202f: certutil -user -addstore Root ca.pem › Oui", "fermer Outlook et le rouvrir\u202f; serveur entrant et sortant\u202f: le nom qui est dans la route ou localhost"},
		[]string{"copy {FILE} to the machine, then in PowerShell or cmd: certutil -user -addstore Root ca.pem › Yes", "close Outlook and open it again; incoming and outgoing server: the name in the route, or localhost"},
		[]string{"certutil -user -delstore Root {SHA1} › Oui (ou certmgr.msc › Autorités de certification racines de confiance › Certificats › {NAME} › Supprimer)"},
		[]string{"certutil -user -delstore Root {SHA1} › Yes (or certmgr.msc › Trusted Root Certification Authorities › Certificates › {NAME} › Delete)"}},
	{"applemail", "Apple Mail, Outlook (macOS)",
		[]string{"security add-trusted-cert -r trustRoot -p ssl -k ~/Library/Keychains/login.keychain-db {FILE}", "quitter Mail et le relancer"},
		[]string{"security add-trusted-cert -r trustRoot -p ssl -k ~/Library/Keychains/login.keychain-db {FILE}", "quit Mail and start it again"},
		[]string{"security delete-certificate -Z {SHA1} -t ~/Library/Keychains/login.keychain-db"},
		[]string{"security delete-certificate -Z {SHA1} -t ~/Library/Keychains/login.keychain-db"}},
	{"ios", "iPhone, iPad (Mail)",
		[]string{"facteur ca export --format profile -o facteur.mobileconfig{AT}, puis l’envoyer par AirDrop ou par courriel", "Réglages › Profil téléchargé › Installer", "Réglages › Général › Informations › Réglages des certificats › activer {NAME}"},
		[]string{"facteur ca export --format profile -o facteur.mobileconfig{AT}, then send it by AirDrop or mail", "Settings › Profile Downloaded › Install", "Settings › General › About › Certificate Trust Settings › enable {NAME}"},
		[]string{"Réglages › Général › VPN et gestion de l’appareil › {NAME} › Supprimer le profil"},
		[]string{"Settings › General › VPN & Device Management › {NAME} › Remove Profile"}},
	{"android", "Android (Thunderbird, K-9 Mail)",
		[]string{"copier {FILE} sur l’appareil, puis Paramètres › Sécurité › Chiffrement et identifiants › Installer un certificat › Certificat CA", "Gmail et d’autres ne croient que les autorités du système\u202f: ceux-là ne peuvent pas être interceptés"},
		[]string{"copy {FILE} to the device, then Settings › Security › Encryption & credentials › Install a certificate › CA certificate", "Gmail and others believe the system’s authorities alone: those cannot be intercepted"},
		[]string{"Paramètres › Sécurité › Chiffrement et identifiants › Identifiants de confiance › Utilisateur › {NAME} › Supprimer"},
		[]string{"Settings › Security › Encryption & credentials › Trusted credentials › User › {NAME} › Remove"}},
	{"curl", "curl", []string{"ajouter\u202f: --cacert {FILE}"}, []string{"add: --cacert {FILE}"}, nil, nil},
	{"openssl", "openssl s_client", []string{"ajouter\u202f: -CAfile {FILE} -verify_return_error"}, []string{"add: -CAfile {FILE} -verify_return_error"}, nil, nil},
	{"swaks", "swaks", []string{"ajouter\u202f: --tls-ca-path {FILE} --tls-verify"}, []string{"add: --tls-ca-path {FILE} --tls-verify"}, nil, nil},
	{"python", "Python", []string{"ssl.create_default_context(cafile={QUOTED}), ou la variable SSL_CERT_FILE={FILE}"}, []string{"ssl.create_default_context(cafile={QUOTED}), or the variable SSL_CERT_FILE={FILE}"}, nil, nil},
	{"mbsync", "mbsync, msmtp, mpop, mutt",
		[]string{"mbsync\u202f: CertificateFile {FILE} · msmtp, mpop\u202f: tls_trust_file {FILE} · mutt\u202f: set certificate_file={FILE}"},
		[]string{"mbsync: CertificateFile {FILE} · msmtp, mpop: tls_trust_file {FILE} · mutt: set certificate_file={FILE}"},
		[]string{"ôter cette ligne de la configuration"}, []string{"take that line out of the configuration"}},
	{"java", "Java (JavaMail)",
		[]string{"facteur ca export --format p12 -o facteur.p12{AT}, puis java -Djavax.net.ssl.trustStore=facteur.p12 -Djavax.net.ssl.trustStorePassword=facteur …",
			"ou pour toute la machine Java\u202f: facteur ca install --into java{AT}"},
		[]string{"facteur ca export --format p12 -o facteur.p12{AT}, then java -Djavax.net.ssl.trustStore=facteur.p12 -Djavax.net.ssl.trustStorePassword=facteur …",
			"or for the whole Java machine: facteur ca install --into java{AT}"},
		[]string{"facteur ca remove --from java{AT}, et effacer facteur.p12"}, []string{"facteur ca remove --from java{AT}, and delete facteur.p12"}},
	{"nss", "Firefox, Chromium, Evolution (NSS)",
		[]string{"facteur ca install --into nss:DOSSIER{AT}, celui où est cert9.db (profil de Firefox, ~/.pki/nssdb)"},
		[]string{"facteur ca install --into nss:FOLDER{AT}, the one with cert9.db (Firefox’s profile, ~/.pki/nssdb)"},
		[]string{"facteur ca remove --from nss:DOSSIER{AT}"}, []string{"facteur ca remove --from nss:FOLDER{AT}"}},
	{"debian", "Debian, Ubuntu",
		[]string{"sudo facteur ca install --into system --ca-dir {DIR}", "ou\u202f: sudo cp {FILE} /usr/local/share/ca-certificates/facteur.crt && sudo update-ca-certificates"},
		[]string{"sudo facteur ca install --into system --ca-dir {DIR}", "or: sudo cp {FILE} /usr/local/share/ca-certificates/facteur.crt && sudo update-ca-certificates"},
		[]string{"sudo rm /usr/local/share/ca-certificates/facteur*.crt && sudo update-ca-certificates --fresh"},
		[]string{"sudo rm /usr/local/share/ca-certificates/facteur*.crt && sudo update-ca-certificates --fresh"}},
	{"fedora", "Fedora, RHEL",
		[]string{"sudo cp {FILE} /etc/pki/ca-trust/source/anchors/facteur.pem && sudo update-ca-trust extract"},
		[]string{"sudo cp {FILE} /etc/pki/ca-trust/source/anchors/facteur.pem && sudo update-ca-trust extract"},
		[]string{"sudo rm /etc/pki/ca-trust/source/anchors/facteur* && sudo update-ca-trust extract"},
		[]string{"sudo rm /etc/pki/ca-trust/source/anchors/facteur* && sudo update-ca-trust extract"}},
	{"macos", "macOS", []string{"facteur ca install --into system{AT} (trousseau de session, mot de passe demandé)"}, []string{"facteur ca install --into system{AT} (login keychain, asks for your password)"},
		[]string{"facteur ca remove{AT}"}, []string{"facteur ca remove{AT}"}},
	{"windows", "Windows", []string{"facteur ca install --into system{AT} (magasin de l’utilisateur, sans administrateur)"}, []string{"facteur ca install --into system{AT} (the user’s own store, no administrator)"},
		[]string{"facteur ca remove{AT}"}, []string{"facteur ca remove{AT}"}},
}

// findSteps gives those of one client, or all.
func findSteps(id string) []steps {
	if id == "" {
		return clientSteps
	}
	i := slices.IndexFunc(clientSteps, func(s steps) bool { return s.id == strings.ToLower(id) })
	if i < 0 {
		return nil
	}
	return clientSteps[i : i+1]
}

func stepNames() []string {
	var out []string
	for _, s := range clientSteps {
		out = append(out, s.id)
	}
	return out
}

// stepWords fills in what steps leave open.
func stepWords(auth *ca.Authority) *strings.Replacer {
	i := auth.Show()
	dir, file, at := absolute(auth.Dir), absolute(i.Path), ""
	if dir != absolute(defaultAuthority()) {
		at = " --ca-dir " + shellWord(dir)
	}
	return strings.NewReplacer("{FILE}", shellWord(file), "{QUOTED}", strconv.Quote(file), "{DIR}", shellWord(dir), "{AT}", at, "{NAME}", commonName(i.Subject), "{SHA1}", auth.SHA1())
}

// shellWord is a path as a shell takes it: macOS keeps settings in a folder with a space in its name.
func shellWord(path string) string {
	switch {
	case strings.ContainsAny(path, "\"$`"):
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	case strings.ContainsAny(path, " \t'&;()<>|*?"):
		return `"` + path + `"`
	}
	return path
}

// absolute is a path that means the same from any folder.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// printSteps tells what to do in each client.
func (a *app) printSteps(auth *ca.Authority, all []steps, install bool) {
	i := auth.Show()
	fill := stepWords(auth)
	if install {
		fmt.Fprintf(a.out, a.say("Certificat\u202f: %s\nSes premiers octets, en mots\u202f: %s\n", "Certificate: %s\nIts first octets, in words: %s\n"), i.Path, strings.Join(auth.Words(a.lang), " "))
	} else {
		fmt.Fprintln(a.out, a.say("Là où l’autorité a été apprise à la main, l’oublier de même\u202f:", "Where the authority was learnt by hand, forget it by hand:"))
	}
	for _, s := range all {
		lines := s.en
		switch {
		case install && a.lang == "fr":
			lines = s.fr
		case !install && a.lang == "fr":
			lines = s.forgetFR
		case !install:
			lines = s.forgetEN
		}
		if len(lines) == 0 {
			continue
		}
		fmt.Fprintf(a.out, "\n%s\n", s.client)
		for _, l := range lines {
			fmt.Fprintln(a.out, "  "+fill.Replace(l))
		}
	}
	fmt.Fprintln(a.out)
}
