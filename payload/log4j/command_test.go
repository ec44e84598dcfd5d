package log4j

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCommandInPath(t *testing.T) {
	for _, c := range []struct{ path, kind, command, argument string }{
		{"/Basic/Command/Base64/aWQ=", "Basic/Command", "id", "aWQ="},
		{"/TomcatBypass/Command/Base64/aWQ", "TomcatBypass/Command", "id", "aWQ"},
		{"/TomcatBypass/Command/Base64//aWQ=", "TomcatBypass/Command", "id", "aWQ="},
		{"//tomcatbypass/command/base64/aWQ%3D", "tomcatbypass/command", "id", "aWQ%3D"},
		{"/GroovyBypass/Command/Base64/Pz8-Pz8_", "GroovyBypass/Command", "??>???", "Pz8-Pz8_"},
		{"/GroovyBypass/Command/Base64/Pz8+Pz8/", "GroovyBypass/Command", "??>???", "Pz8+Pz8/"},
		{"/GroovyBypass/Command/Base64/Pz8%2BPz8%2f", "GroovyBypass/Command", "??>???", "Pz8%2BPz8%2f"},
		{"/WebsphereBypass/Upload/Command/Base64/aWQ=", "WebsphereBypass/Upload/Command", "id", "aWQ="},
		{"/Deserialization/CommonsCollectionsK1/Command/Base64/aWQ=", "Deserialization/CommonsCollectionsK1/Command", "id", "aWQ="},
		{"/Command/Base64/aWQ=", "Command", "id", "aWQ="},
		{"/Basic/Command/Base64/aWQ=?x=1", "Basic/Command", "id", "aWQ=?x=1"},
		{"/Basic/Command/Base64/aWQ=/x", "Basic/Command", "id", "aWQ=/x"},
		{"/Basic/Command/touch%20x", "Basic/Command", "touch x", "touch%20x"},
		{"/Basic/ReverseShell/192.0.2.1/4444", "Basic/ReverseShell", "192.0.2.1:4444", "192.0.2.1/4444"},
		{"/TomcatBypass/ReverseShell//192.0.2.1/4444/", "TomcatBypass/ReverseShell", "192.0.2.1:4444", "192.0.2.1/4444/"},
		{path: ""}, {path: "/"}, {path: "/a"}, {path: "/Exploit"}, {path: "/Basic/Dnslog/h.example"}, {path: "/Basic/Command/Base64/"},
		{path: "/Basic/Command/Base64/!"}, {path: "/Basic/Command/"}, {path: "/Basic/ReverseShell/h"}, {path: "/Basic/ReverseShell/h/x"},
		{path: "/Deserialization/URLDNS/h.example"}, {path: "/other/command/x"},
	} {
		kind, command, offset, length, ok := CommandIn(c.path)
		if kind != c.kind || string(command) != c.command || ok != (c.kind != "") {
			t.Errorf("%s: %q %q %v", c.path, kind, command, ok)
		}
		if got := c.path[offset : offset+length]; got != c.argument {
			t.Errorf("%s: the argument is %q", c.path, got)
		}
	}
}

// TestAnyCommandComesBack: whatever the alphabet, the padding, the slashes and the escaping.
func TestAnyCommandComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		command := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "command")
		encoding := rapid.SampledFrom([]*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding}).Draw(t, "encoding")
		argument := encoding.EncodeToString(command)
		if rapid.Bool().Draw(t, "escaped") {
			argument = url.QueryEscape(argument)
		}
		slash := rapid.SampledFrom([]string{"/", "//"}).Draw(t, "slash")
		if strings.HasPrefix(argument, "/") {
			t.Skip("its first slash cannot be told from one that stands before it")
		}
		kind := rapid.SampledFrom([]string{"Basic/Command", "TomcatBypass/Command", "Deserialization/K1/Command"}).Draw(t, "kind")
		path := "/" + kind + "/Base64" + slash + argument
		got, back, offset, length, ok := CommandIn(path)
		if !ok || got != kind || string(back) != string(command) || path[offset:offset+length] != argument {
			t.Errorf("%s: %q %q", path, got, back)
		}
	})
}
