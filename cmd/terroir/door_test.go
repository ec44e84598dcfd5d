package main

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"terroir"
	"terroir/auth"
	"terroir/config"
	"terroir/hub"
	"terroir/sensor/cert"
)

func TestThePageBeyondLoopbackAsksWhoIsThere(t *testing.T) {
	dir := t.TempDir()
	line, err := auth.Line("ada", "operator", "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(dir, "users")
	if err := os.WriteFile(users, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := cert.Load(dir); err != nil {
		t.Fatal(err)
	}
	pair := filepath.Join(dir, "sensor.pem")
	d, err := openDoor(&config.Page{Users: "file:" + users, Certificate: pair, Key: pair, Host: "terroir.example"})
	if err != nil || d.scheme() != "https" {
		t.Fatal(err)
	}
	a := hostileLake(t)
	s := &site{a.store, hub.New(a.lake, nil, hub.Options{}), d, nil}
	handler, err := s.handler()
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(handler)
	srv.TLS = d.tls
	srv.StartTLS()
	defer srv.Close()
	client := srv.Client()
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // its own certificate
	for _, path := range []string{"/", "/payloads", "/views/kinds", "/api/v1/views", "/api/v1/views/kinds.csv", "/api/v1/state", "/api/v1/openapi.json", "/static/style.css", "/live"} {
		for _, who := range []struct {
			name, host string
			status     int
		}{{"", "127.0.0.1", http.StatusUnauthorized}, {"ada", "127.0.0.1", http.StatusOK}, {"ada", "terroir.example", http.StatusOK}, {"ada", "attacker.example", http.StatusMisdirectedRequest}} {
			r, err := http.NewRequest(http.MethodGet, srv.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = who.host
			if who.name != "" {
				r.SetBasicAuth(who.name, "correct horse battery")
			}
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != who.status {
				t.Errorf("%s for %q at %s: status %d, not %d", path, who.name, who.host, res.StatusCode, who.status)
			}
			if res.Header.Get("Strict-Transport-Security") == "" && who.status != http.StatusMisdirectedRequest {
				t.Errorf("%s may be asked for without TLS", path)
			}
		}
	}
}

func TestWhatIsWrongWithTheDoor(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "users")
	if err := os.WriteFile(broken, []byte("ada"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, p := range map[string]config.Page{
		"cannot read the secret":            {Users: "file:" + filepath.Join(dir, "none")},
		"a line is NAME:ROLE:HASH":          {Users: "file:" + broken},
		"cannot use the page's certificate": {Certificate: filepath.Join(dir, "none"), Key: filepath.Join(dir, "none")},
	} {
		_, err := openDoor(&p)
		if terroir.ErrorCode(err) != terroir.ECONFIG || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
	}
}
