package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"terroir/auth"
	"terroir/config"
	"terroir/hub"
	"terroir/rollout"
)

func TestOnlyAnOperatorMayChangeWhatSensorsServe(t *testing.T) {
	a := hostileLake(t)
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse battery"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users, err := auth.Parse("users", "ada:operator:"+string(hash)+"\nbob:reader:"+string(hash))
	if err != nil {
		t.Fatal(err)
	}
	folder, err := rollout.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	roll := &changes{folder: folder, store: a.store, ctx: t.Context()}
	for _, open := range []bool{false, true} {
		d := &door{users: users}
		if open {
			d.users = nil
		}
		handler, err := (&site{a.store, hub.New(a.lake, nil, hub.Options{}), d, roll}).handler()
		if err != nil {
			t.Fatal(err)
		}
		srv := httptest.NewServer(handler)
		defer srv.Close()
		ask := func(method, name, path string, head map[string]string) (int, string) {
			t.Helper()
			r, err := http.NewRequest(method, srv.URL+path, strings.NewReader("how=canary"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for k, v := range head {
				r.Header.Set(k, v)
			}
			if name != "" {
				r.SetBasicAuth(name, "correct horse battery")
			}
			w := httptest.NewRecorder()
			r.RequestURI, r.Host = "", "127.0.0.1"
			handler.ServeHTTP(w, r)
			return w.Code, w.Body.String()
		}
		const apply = "/gaps/apply?region=eu-west-3&port=tcp%2F5601&days=7"
		for _, c := range []struct {
			name, path string
			head       map[string]string
			status     int
		}{
			{"bob", apply, nil, http.StatusForbidden}, {"ada", apply, map[string]string{"Sec-Fetch-Site": "cross-site"}, http.StatusForbidden},
			{"ada", apply, nil, http.StatusNotFound}, // There is no sensor yet.
			{"ada", "/gaps/apply?region=eu-west-3", nil, http.StatusUnprocessableEntity},
			{"ada", "/gaps/apply?region=eu-west-3&port=tcp%2F0", nil, http.StatusUnprocessableEntity},
			{"ada", "/gaps/apply?region=" + url.QueryEscape("a b") + "&port=tcp%2F1", nil, http.StatusUnprocessableEntity},
		} {
			want := c.status
			if open { // Nobody has to say who he is, so nobody is an operator.
				want = http.StatusForbidden
			}
			if status, body := ask(http.MethodPost, c.name, c.path, c.head); status != want {
				t.Errorf("%s posts %s, open %t: status %d, not %d: %.300s", c.name, c.path, open, status, want, body)
			}
		}
		name := "bob"
		if open {
			name = ""
		}
		if status, body := ask(http.MethodGet, name, "/gaps?region=eu-west-3&port=tcp%2F5601&chosen=1", nil); status != http.StatusOK || !strings.Contains(body, "disabled") || !strings.Contains(body, "port: 5601") {
			t.Errorf("the page of gaps: %d %.300s", status, body)
		}
		status, body := ask(http.MethodGet, name, "/gaps/overlay.yaml?region=eu-west-3&port=tcp%2F5601&port=udp%2F53&days=7", nil)
		o, err := config.ParseOverlay("overlay.yaml", []byte(body))
		if status != http.StatusOK || err != nil || o.Region != "eu-west-3" || len(o.Add) != 2 || o.Expires != "7d" {
			t.Errorf("the overlay: %d %v\n%s", status, err, body)
		}
	}
	if list, err := roll.History(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("rolled out: %v %v", list, err)
	}
}
