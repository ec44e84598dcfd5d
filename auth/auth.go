// Package auth says who may see the page and use the API, and who may change something: users with passwords, over HTTP's
// own Basic authentication (RFC 7617), so that browsers, curl and scripts need nothing else.
package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"terroir"
)

// Role is what a user may do.
type Role int

const (
	// Nobody may do nothing; Reader may see everything, Operator may change what sensors serve.
	Nobody Role = iota
	Reader
	Operator
)

var roles = map[string]Role{"reader": Reader, "operator": Operator}

// Users are those who are let in.
type Users struct {
	byName map[string]user

	mu sync.Mutex
	// proven are pairs of name and password that were right a while ago, by their hash: checking a password takes a tenth of a
	// second on purpose, and a page asks for many things.
	proven map[[sha256.Size]byte]time.Time
	// busy bounds how many passwords are checked at a time.
	busy chan struct{}
}

type user struct {
	hash []byte
	role Role
}

const (
	// cost is bcrypt's.
	cost = 12
	// provenFor is how long a password counts as checked, maxProven how many are remembered.
	provenFor = 10 * time.Minute
	maxProven = 1024
	// maxPassword is the most that bcrypt looks at.
	maxPassword = 72
)

// Parse reads users, one a line: NAME:ROLE:HASH, as Line makes it. Empty lines and those that begin with # are left out.
//
// What is wrong with a line is an ECONFIG error that names file and line.
func Parse(where, text string) (*Users, error) {
	u := &Users{byName: map[string]user{}, proven: map[[sha256.Size]byte]time.Time{}, busy: make(chan struct{}, 2)}
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if err := u.add(line); err != "" {
			return nil, &terroir.Error{Code: terroir.ECONFIG, Where: fmt.Sprintf("%s:%d", where, n), Message: err, Hint: "make lines with terroir hub user NAME"}
		}
	}
	if len(u.byName) == 0 {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: where, Message: "there is no user", Hint: "make lines with terroir hub user NAME"}
	}
	return u, nil
}

// add takes a line in, or says what is wrong with it.
func (u *Users) add(line string) string {
	parts := strings.SplitN(line, ":", 3)
	if len(parts) != 3 {
		return "a line is NAME:ROLE:HASH"
	}
	role, ok := roles[parts[1]]
	switch {
	case terroir.ValidateName("user", parts[0]) != nil:
		return fmt.Sprintf("%.80q cannot be a user's name", parts[0])
	case !ok:
		return fmt.Sprintf("%.80q is not a role: reader or operator", parts[1])
	case u.byName[parts[0]].hash != nil:
		return fmt.Sprintf("user %s is listed twice", parts[0])
	}
	if _, err := bcrypt.Cost([]byte(parts[2])); err != nil {
		return "the hash of user " + parts[0] + " is none of bcrypt's"
	}
	u.byName[parts[0]] = user{[]byte(parts[2]), role}
	return ""
}

// Line is the line of a user with the password.
//
// A name or role that cannot be yields an EUSAGE error, and so does a password that is shorter than 12 bytes or longer than the 72 that count.
func Line(name, role, password string) (string, error) {
	if err := terroir.ValidateName("user", name); err != nil {
		return "", terroir.Errorf(terroir.EUSAGE, "%v", err)
	}
	if _, ok := roles[role]; !ok {
		return "", terroir.Errorf(terroir.EUSAGE, "%q is not a role: reader or operator", role)
	}
	if len(password) < 12 || len(password) > maxPassword {
		return "", terroir.Errorf(terroir.EUSAGE, "a password has 12 to %d bytes", maxPassword)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		return "", fmt.Errorf("auth: %w", err)
	}
	return name + ":" + role + ":" + string(hash), nil
}

// nobodysHash is compared with where there is no user of the name, so that time does not tell.
var nobodysHash = sync.OnceValue(func() []byte {
	hash, err := bcrypt.GenerateFromPassword([]byte("nobody has this password"), cost)
	if err != nil {
		panic(fmt.Sprintf("auth: %v", err)) // Its cost and length are right.
	}
	return hash
})

// check is the role of who gives name and password.
func (u *Users) check(ctx context.Context, name, password string) Role {
	if len(password) > maxPassword {
		return Nobody
	}
	x, known := u.byName[name]
	key := sha256.Sum256([]byte(name + "\x00" + password))
	if known && u.remembers(key) {
		return x.role
	}
	select {
	case u.busy <- struct{}{}:
		defer func() { <-u.busy }()
	case <-ctx.Done():
		return Nobody
	}
	if !known {
		_ = bcrypt.CompareHashAndPassword(nobodysHash(), []byte(password))
		return Nobody
	}
	if bcrypt.CompareHashAndPassword(x.hash, []byte(password)) != nil {
		return Nobody
	}
	u.remember(key)
	return x.role
}

func (u *Users) remembers(key [sha256.Size]byte) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	at, ok := u.proven[key]
	return ok && time.Since(at) < provenFor
}

func (u *Users) remember(key [sha256.Size]byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.proven) >= maxProven {
		clear(u.proven)
	}
	u.proven[key] = time.Now()
}

type contextKey struct{}

// Who is the user of a request and what he may do; Reader without a name where nobody has to say who he is.
type Who struct {
	Name string
	Role Role
}

// Of is who sent the request.
func Of(ctx context.Context) Who {
	if w, ok := ctx.Value(contextKey{}).(Who); ok {
		return w
	}
	return Who{Role: Reader}
}

// Handler lets in who is a user. Requests that change something come from the site itself, or from no browser: a stranger's page
// cannot make a user's browser send them (http.CrossOriginProtection).
func (u *Users) Handler(next http.Handler) http.Handler {
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, password, ok := r.BasicAuth()
		role := Nobody
		if ok {
			role = u.check(r.Context(), name, password)
		}
		if role == Nobody {
			w.Header().Set("WWW-Authenticate", `Basic realm="terroir", charset="UTF-8"`)
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "name and password, please", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, Who{name, role})))
	}))
}
