package cli

import (
	"facteur/proxy/ca"
	"facteur/web"
)

// trustSteps are the steps of ca install and ca remove, for the page.
func trustSteps(auth *ca.Authority) []web.TrustSteps {
	fill := stepWords(auth)
	filled := func(lines []string) []string {
		out := []string{}
		for _, l := range lines {
			out = append(out, fill.Replace(l))
		}
		return out
	}
	var out []web.TrustSteps
	for _, s := range clientSteps {
		out = append(out, web.TrustSteps{ID: s.id, Client: s.client, Trust: web.Lines{FR: filled(s.fr), EN: filled(s.en)}, Forget: web.Lines{FR: filled(s.forgetFR), EN: filled(s.forgetEN)}})
	}
	return out
}
