package defang

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDefang(t *testing.T) {
	for _, c := range []struct{ typ, plain, broken string }{
		{"url", "http://192.0.2.1:81/a.sh", "hxxp://192[.]0[.]2[.]1:81/a.sh"},
		{"url", "https://u:p@a.example/x.y?z=1.2", "hxxps://u[:]p[@]a[.]example/x.y?z=1.2"},
		{"url", "https://u:p@a.example:8443#b", "hxxps://u[:]p[@]a[.]example:8443#b"},
		{"url", "ftp://a.example", "fxp://a[.]example"},
		{"url", "ldap://192.0.2.1:1389/a", "ldap[:]//192[.]0[.]2[.]1:1389/a"},
		{"url", "stratum+tcp://pool.example:3333", "stratum+tcp[:]//pool[.]example:3333"},
		{"url", "http://[2001:db8::1]:80/[.]", "hxxp://[2001[:]db8[:][:]1]:80/[.]"},
		{"url", "http://[2001:db8::1]/", "hxxp://[2001[:]db8[:][:]1]/"},
		{"ipv4", "192.0.2.1", "192[.]0[.]2[.]1"},
		{"ipv6", "2001:db8::1", "2001[:]db8[:][:]1"},
		{"domain", "a.example", "a[.]example"},
		{"email", "a.b@c.example", "a[.]b[@]c[.]example"},
		{"file", "/tmp/a.sh", "/tmp/a.sh"},
		{"image", "alpine:3.1", "alpine:3.1"},
		{"ssh_key", "SHA256:abc", "SHA256:abc"},
	} {
		if got := Defang(c.typ, c.plain); got != c.broken {
			t.Errorf("Defang(%s, %q) = %q, want %q", c.typ, c.plain, got, c.broken)
		}
		if got := Refang(c.typ, c.broken); got != c.plain {
			t.Errorf("Refang(%s, %q) = %q, want %q", c.typ, c.broken, got, c.plain)
		}
		if got := Refang(c.typ, c.plain); got != c.plain {
			t.Errorf("Refang(%s, %q) = %q, want it unchanged", c.typ, c.plain, got)
		}
	}
}

func TestRefangUndoesDefang(t *testing.T) {
	name := `[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z0-9]{1,8}){1,4}`
	v4 := `[0-9]{1,3}(\.[0-9]{1,3}){3}`
	v6 := `[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}|2a0[0-9a-f]::[0-9a-f]{1,4}`
	host := `(` + name + `|` + v4 + `|\[(` + v6 + `)\])`
	forms := map[string]string{
		"ipv4": v4, "ipv6": v6, "domain": name, "email": `[a-z0-9._+-]{1,12}@` + name,
		"url":  `(http|https|ftp|tftp|ldap|rmi|dns|stratum\+tcp)://([a-z]{1,5}(:[a-z.]{1,5})?@)?` + host + `(:[0-9]{1,5})?([/?#][!-~]{0,20})?`,
		"file": `[!-~]{1,20}`,
	}
	for typ, form := range forms {
		t.Run(typ, rapid.MakeCheck(func(t *rapid.T) {
			v := rapid.StringMatching(form).Draw(t, "value")
			broken := Defang(typ, v)
			if Refang(typ, broken) != v {
				t.Fatalf("%q became %q and that %q", v, broken, Refang(typ, broken))
			}
			if typ != "file" && (broken == v || strings.HasPrefix(broken, "http")) {
				t.Fatalf("%q can still be opened: %q", v, broken)
			}
		}))
	}
}

func FuzzRefang(f *testing.F) {
	f.Add("url", "hxxp://a[.]example/")
	f.Add("ipv6", "2001[:]db8[:][:]1")
	f.Fuzz(func(t *testing.T, typ, value string) {
		once := Refang(typ, value)
		if typ != "url" && !strings.Contains(once, "[") && Refang(typ, Defang(typ, once)) != once {
			t.Errorf("%s %q", typ, once)
		}
	})
}
