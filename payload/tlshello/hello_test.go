package tlshello

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"terroir"
	"terroir/ingest"
	"terroir/ingest/pcapfile"
)

var captures = filepath.Join("..", "..", "..", "shared", "data", "ja4")

// keep is a sink that keeps events by source.
type keep map[string]*terroir.Event

func (k keep) Put(_ context.Context, r terroir.Record) error {
	k[r.Event.Source.String()] = r.Event
	return nil
}

// TestPrintsOfRealClients compares JA4 with what the published captures say of each TLS client.
func TestPrintsOfRealClients(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(captures, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no captures", err)
	}
	compared := 0
	for _, file := range files {
		name := strings.TrimSuffix(file, ".json")
		if strings.HasSuffix(name, "socks-https-example.pcap") {
			continue // The hello comes behind a SOCKS dialogue: it is not what the client sent first.
		}
		t.Run(filepath.Base(name), func(t *testing.T) { compared += compare(t, name, file) })
	}
	if compared < 100 {
		t.Errorf("only %d clients were compared", compared)
	}
}

func compare(t *testing.T, capture, expected string) int {
	text, err := os.ReadFile(expected)
	if err != nil {
		t.Fatal(err)
	}
	var want []map[string]string
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(capture)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := keep{}
	if _, err := pcapfile.Read(context.Background(), ingest.Source{Name: capture, Reader: f, Sensor: "s", Region: "r"},
		pcapfile.Options{Hello: Parse, Tunnels: true}, got); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, w := range want {
		print := w["JA4.1"]
		if !strings.HasPrefix(print, "t") {
			continue // QUIC (q) and DTLS (d) are not read here.
		}
		e := got[net.JoinHostPort(w["src"], w["srcport"])]
		if e == nil {
			t.Errorf("no event of %s:%s", w["src"], w["srcport"])
			continue
		}
		if e.TLS.JA4 != print {
			t.Errorf("%s:%s: got %s, want %s", w["src"], w["srcport"], e.TLS.JA4, print)
		}
		if e.TLS.SNI != w["domain"] && w["domain"] != "" {
			t.Errorf("%s:%s: name %q, want %q", w["src"], w["srcport"], e.TLS.SNI, w["domain"])
		}
		n++
	}
	return n
}

// sent returns what a TLS client of Go sends first.
func sent(t testing.TB, config *tls.Config) []byte {
	t.Helper()
	client, server := net.Pipe()
	go func() { _ = tls.Client(client, config).Handshake() }()
	defer client.Close()
	buf := make([]byte, 8192)
	n, err := server.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

func TestHelloOfGo(t *testing.T) {
	b := sent(t, &tls.Config{ServerName: "example.org", NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12})
	h, ok := Parse(b)
	if !ok || h.Version != "1.3" || h.SNI != "example.org" || h.ALPN != "h2,http/1.1" || !strings.HasPrefix(h.JA4, "t13d") || len(h.JA3) != 32 {
		t.Errorf("%+v %v", h, ok)
	}
	for i := 1; i < len(b); i++ {
		if _, ok := Parse(b[:i]); ok {
			t.Fatalf("%d of %d bytes are taken for a whole hello", i, len(b))
		}
		if n := Need(b[:i]); n < 1 || i+n > len(b) {
			t.Fatalf("with %d of %d bytes, %d more are asked for", i, len(b), n)
		}
	}
	if Need(b) != 0 {
		t.Error("a whole hello needs more")
	}
	if Need([]byte("GET / HTTP/1.1\r\n")) != 0 || Need([]byte("\x16GARBAGE")) != 0 {
		t.Error("what is no hello needs more")
	}
}

// A hello means the same in however many records it comes.
func TestHelloInSeveralRecords(t *testing.T) {
	whole := sent(t, &tls.Config{ServerName: "example.org"})
	want, _ := Parse(whole)
	rapid.Check(t, func(t *rapid.T) {
		var b []byte
		for rest := whole[5:]; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			b = append(b, 22, 3, 1, byte(n>>8), byte(n))
			b = append(b, rest[:n]...)
			rest = rest[n:]
		}
		if got, ok := Parse(b); !ok || got != want {
			t.Fatalf("%+v %v", got, ok)
		}
		if Need(b) != 0 {
			t.Fatal("a whole hello needs more")
		}
	})
}

func TestHostileNames(t *testing.T) {
	b := sent(t, &tls.Config{ServerName: "examplexorg"})
	b = bytes.Replace(b, []byte("examplexorg"), []byte("ex\x1b[2J\n\xffx\x00."), 1)
	h, ok := Parse(b)
	if !ok || strings.IndexFunc(h.SNI, func(r rune) bool { return !strconv.IsPrint(r) }) >= 0 {
		t.Errorf("%q %v", h.SNI, ok)
	}
}
