package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Role is what someone may do.
type Role string

// The roles. There are no others, and no accounts.
const (
	nobody    Role = ""
	Presenter Role = "presenter" // holds the token: sees and steers
	Follower  Role = "follower"  // holds the follower token: sees
)

const (
	// minToken and minFollower are the shortest tokens accepted. The presenter's must not be guessable even by a program on
	// the same machine; a follower's may be read out in class, and guessing is held up by maxAttempts.
	minToken, minFollower = 16, 5

	// maxAttempts is how many wrong tokens an address may send per attemptTime: a hand may slip, a program may not search.
	maxAttempts = 20
	attemptTime = time.Minute

	// maxGuessers bounds the addresses remembered for that; beyond it, guessing is over for everyone until the minute ends.
	maxGuessers = 4096
)

// access decides who someone is.
type access struct {
	tokens [2][sha256.Size]byte // presenter, follower; hashed, so that comparing takes the same time for every length
	follow bool                 // there is a follower token
	code   bool                 // that token is a code: capitals, typed by hand
	values [2]string            // the cookie's value for each role

	mu      sync.Mutex
	wrong   map[string]int // attempts per address in this minute
	started time.Time
}

var roles = [2]Role{Presenter, Follower}

// newAccess derives the cookies' values from the tokens, so that a page stays open when facteur starts again with the
// same token, and so that the cookie, which a browser also shows to other ports of this host, is not the token.
func newAccess(token, follower string) *access {
	a := &access{follow: follower != "", code: typed(follower) == follower, wrong: make(map[string]int)}
	for i, t := range []string{token, follower} {
		a.tokens[i] = sha256.Sum256([]byte(t))
		mac := hmac.New(sha256.New, []byte(token))
		mac.Write([]byte("facteur cookie\x00" + string(roles[i]) + "\x00" + t))
		a.values[i] = base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	return a
}

// cookieName has the port in it, because browsers share cookies between ports.
func cookieName(r *http.Request) string { return "facteur_" + localPort(r) }

// match compares in constant time.
func (a *access) match(given string, secret [2][sha256.Size]byte) Role {
	sum := sha256.Sum256([]byte(given))
	role := nobody
	for i := range secret {
		if subtle.ConstantTimeCompare(sum[:], secret[i][:]) == 1 && (i == 0 || a.follow) {
			role = roles[i]
			break
		}
	}
	return role
}

// enter checks a token shown by r, and counts it when it is wrong. late says that the address must wait: the presenter's
// own token never has to, because it cannot be guessed and whoever guesses must not be able to lock the presenter out.
// Through the followers' door there is no presenter.
func (s *Server) enter(r *http.Request, token string) (role Role, late bool) {
	a := s.access
	role = a.match(token, a.tokens)
	if role == nobody && a.code {
		role = a.match(typed(token), a.tokens)
	}
	if s.throughShare(r) && role == Presenter {
		role = nobody
	}
	if role == Presenter {
		return role, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); now.Sub(a.started) > attemptTime {
		a.started = now
		clear(a.wrong)
	}
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		from = r.RemoteAddr
	}
	if a.wrong[from] >= maxAttempts || a.wrong[from] == 0 && len(a.wrong) >= maxGuessers {
		return nobody, true
	}
	if role == nobody {
		a.wrong[from]++
	}
	return role, false
}

// who tells the role of r by its bearer token or cookie.
func (s *Server) who(r *http.Request) (role Role, late bool) {
	if token := bearer(r); token != "" {
		return s.enter(r, token)
	}
	var values [2][sha256.Size]byte
	for i := range s.access.values {
		values[i] = sha256.Sum256([]byte(s.access.values[i]))
	}
	for _, c := range r.CookiesNamed(cookieName(r)) {
		if role := s.access.match(c.Value, values); role == Follower || role == Presenter && !s.throughShare(r) {
			return role, false
		}
	}
	return nobody, false
}

// bearer gives the token of an Authorization header (RFC 6750 §2.1).
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// login trades the token in the address for a cookie and takes it out of the address, so that it stays in no history,
// bookmark or screen shot.
func (s *Server) login(w http.ResponseWriter, r *http.Request, query url.Values) {
	role, late := s.enter(r, query.Get("token"))
	switch {
	case late:
		refuse(w, r, refuseAttempts)
		return
	case role == nobody:
		refuse(w, r, refuseToken)
		return
	}
	value := s.access.values[0]
	if role == Follower {
		value = s.access.values[1]
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName(r), Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	query.Del("token")
	to := url.URL{Path: "/", RawQuery: query.Encode()}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}
