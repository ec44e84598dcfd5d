package auth

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"terroir"
)

func line(t *testing.T, name, role, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost) // Those of Line take long, on purpose.
	if err != nil {
		t.Fatal(err)
	}
	return name + ":" + role + ":" + string(hash)
}

func TestALineOfAUserIsOne(t *testing.T) {
	l, err := Line("ada", "operator", "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	u, err := Parse("users", l)
	if err != nil || u.check(t.Context(), "ada", "correct horse battery") != Operator {
		t.Errorf("%s: %v", l, err)
	}
}

func TestOnlyUsersAreLetInWithTheirRole(t *testing.T) {
	u, err := Parse("users", "# people\n\n"+line(t, "ada", "operator", "correct horse battery")+"\n"+line(t, "bob", "reader", "another long password")+"\n")
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(u.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := Of(r.Context())
		fmt.Fprint(w, who.Name, " ", who.Role)
	})))
	defer srv.Close()
	ask := func(method, name, password string, head map[string]string) (int, string) {
		r, err := http.NewRequest(method, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if name != "" {
			r.SetBasicAuth(name, password)
		}
		for k, v := range head {
			r.Header.Set(k, v)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body := make([]byte, 100)
		n, _ := res.Body.Read(body) // Its end comes with the last bytes.
		if res.StatusCode == http.StatusUnauthorized && res.Header.Get("WWW-Authenticate") == "" {
			t.Error("nobody is asked for a name")
		}
		return res.StatusCode, string(body[:n])
	}
	for range 2 { // The second time, passwords are remembered.
		for _, c := range []struct {
			name, password string
			status         int
			body           string
		}{
			{"ada", "correct horse battery", 200, "ada 2"}, {"bob", "another long password", 200, "bob 1"}, {"", "", 401, ""},
			{"ada", "another long password", 401, ""}, {"eve", "correct horse battery", 401, ""}, {"ada", "", 401, ""},
			{"ada", strings.Repeat("x", 10_000), 401, ""},
		} {
			status, body := ask("GET", c.name, c.password, nil)
			if status != c.status || (c.body != "" && body != c.body) {
				t.Errorf("%s: %d %q", c.name, status, body)
			}
		}
	}
	if status, _ := ask("POST", "ada", "correct horse battery", map[string]string{"Sec-Fetch-Site": "cross-site"}); status != http.StatusForbidden {
		t.Errorf("a stranger's page may post: %d", status)
	}
	if status, _ := ask("POST", "ada", "correct horse battery", map[string]string{"Sec-Fetch-Site": "same-origin"}); status != 200 {
		t.Errorf("the site's own page may not post: %d", status)
	}
	if status, _ := ask("POST", "ada", "correct horse battery", nil); status != 200 {
		t.Errorf("curl may not post: %d", status)
	}
}

func TestLinesThatAreNone(t *testing.T) {
	good := line(t, "ada", "reader", "correct horse battery")
	for text, want := range map[string]string{
		"":                                 "there is no user",
		"# nobody\n":                       "there is no user",
		"ada":                              "users:1",
		good + "\nada:reader:x":            "users:2: user ada is listed twice",
		"bob:reader:plain password":        "users:1: the hash of user bob",
		"bob:king:" + good:                 "users:1: \"king\" is not a role",
		"a b:reader:" + good:               "users:1: \"a b\" cannot be",
		good + "\n\x00:reader:$2a$12$abcd": "users:2:",
	} {
		_, err := Parse("users", text)
		if terroir.ErrorCode(err) != terroir.ECONFIG || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, c := range [][3]string{{"a b", "reader", "long enough to be one"}, {"ada", "king", "long enough to be one"}, {"ada", "reader", "short"}, {"ada", "reader", strings.Repeat("x", 73)}} {
		if _, err := Line(c[0], c[1], c[2]); terroir.ErrorCode(err) != terroir.EUSAGE {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("ada:reader:$2a$12$abcdefghijklmnopqrstuuu")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := Parse("users", text); err != nil && strings.Contains(err.Error(), "\n") {
			t.Fatal(err)
		}
	})
}
