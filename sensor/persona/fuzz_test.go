package persona

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"terroir"
	"terroir/ingest"
	"terroir/ingest/pcapfile"
)

// conversations are what clients of captures sent, by the captures' folders; none where those are not at hand.
type conversations [][]byte

// Put implements ingest.Sink.
func (c *conversations) Put(_ context.Context, r terroir.Record) error {
	if n := len(r.Payload); n > 0 && r.Event.Transport == terroir.TCP {
		*c = append(*c, bytes.Clone(r.Payload[:min(n, 4<<10)]))
	}
	return nil
}

func realSeeds(f *testing.F) (all conversations) {
	f.Helper()
	for _, folder := range []string{"http", "mysql", "postgresql", "rdp", "redis", "tls", "ssh"} {
		var list conversations
		files, _ := filepath.Glob(filepath.Join("..", "..", "..", "shared", "data", "pcap", folder, "*.pcap*"))
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			if len(b) > 16<<10 {
				continue
			}
			if _, err := pcapfile.Read(context.Background(), ingest.Source{Reader: bytes.NewReader(b)}, pcapfile.Options{}, &list); err != nil {
				f.Fatal(err)
			}
		}
		all = append(all, list[:min(len(list), 25)]...)
	}
	return all
}

var samples = []string{"*1\r\n$4\r\nPING\r\n", "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x01\x01\x04\x00\x00\x00\x01\x82", "\x80\x0b" + strings.Repeat("\x00", 22),
	"\xff\xfa\x1f\xff\xf0root\r\n", "\x00\x00\x00\x08\x04\xd2\x16\x2f", "set a 0 0 5\r\nhello\r\nget a\r\n", "root\r\x00secret\r\n"}

// FuzzTake sends what strangers may send to every persona: what it holds and says is bounded, what it was sent is not
// changed, and once it has said goodbye it says nothing more.
func FuzzTake(f *testing.F) {
	s := shipped(f)
	names := s.Names()
	for i, sent := range samples {
		f.Add(byte(i), []byte(sent), byte(3))
	}
	for i, sent := range realSeeds(f) {
		f.Add(byte(i), sent, byte(255))
	}
	f.Fuzz(func(t *testing.T, which byte, sent []byte, piece byte) {
		d := s.Dialogue(terroir.ServedPort{Transport: terroir.TCP, Persona: names[int(which)%len(names)]}, 1).(*dialogue)
		said := len(d.Greeting().Bytes)
		before := bytes.Clone(sent)
		over := false
		for rest := sent; len(rest) > 0; {
			n := min(int(piece)+1, len(rest))
			replies := d.Take(rest[:n])
			for i, r := range replies {
				said += len(r.Bytes)
				if over || len(replies) > maxReplies || r.Delay < 0 || r.Close != (i == len(replies)-1 && d.over) {
					t.Fatalf("reply %d of %d: %+v", i, len(replies), r)
				}
			}
			over = over || d.over
			rest = rest[n:]
			if len(d.buf) > 2*maxMessage || said > maxSaid {
				t.Fatalf("holds %d bytes, said %d", len(d.buf), said)
			}
		}
		if !bytes.Equal(sent, before) {
			t.Error("what was sent was changed")
		}
	})
}

// FuzzSplit: every framing takes no more than there is, goes on as long as there is something, and a message that ends
// before what has come is the same whatever comes behind it.
func FuzzSplit(f *testing.F) {
	for _, sent := range samples {
		f.Add([]byte(sent), uint16(len(sent)))
		f.Add([]byte(sent), uint16(len(sent)/2))
	}
	for _, sent := range realSeeds(f) {
		f.Add(sent, uint16(len(sent)*2/3))
	}
	names := framingNames()
	f.Fuzz(func(t *testing.T, sent []byte, cut uint16) {
		for _, name := range names {
			framing := framings[name]()
			for at := 0; at < len(sent); {
				m, n, whole := framing.split(sent[at:])
				if n < 0 || n > len(sent)-at || whole && n == 0 || len(m.text) > len(sent)+2*maxText {
					t.Fatalf("%s: %d of %d bytes, whole %v, a text of %d", name, n, len(sent)-at, whole, len(m.text))
				}
				if n == 0 {
					break
				}
				at += n
			}
			part := sent[:min(int(cut), len(sent))]
			if len(part) == 0 {
				continue
			}
			m, n, whole := framings[name]().split(part)
			if n == 0 || n == len(part) {
				continue // It needs more, or takes what there is.
			}
			if all, k, same := framings[name]().split(sent); k != n || same != whole || all != m {
				t.Fatalf("%s: of %q it takes %d, %+v; with more behind it %d, %+v", name, part, n, m, k, all)
			}
		}
	})
}

// maxText is what a framing makes of the fields of an HTTP/2 request, at most.
const maxText = 4096 + 64

// FuzzLines: lines are those that the standard library finds, whatever ends them.
func FuzzLines(f *testing.F) {
	for _, sent := range samples {
		f.Add([]byte(sent))
	}
	for _, sent := range realSeeds(f) {
		f.Add(sent)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		var got, want []string
		for rest := sent; len(rest) > 0; {
			m, n, whole := line{}.split(rest)
			if !whole {
				break
			}
			got, rest = append(got, m.text), rest[n:]
		}
		for l := range bytes.Lines(sent) {
			if text, ended := bytes.CutSuffix(l, []byte("\n")); ended {
				want = append(want, head(bytes.TrimSuffix(text, []byte("\r"))))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// FuzzRequests: the requests of HTTP/1 that the standard library reads one after the other are found, whatever is in their
// bodies.
func FuzzRequests(f *testing.F) {
	for _, sent := range samples {
		f.Add([]byte(sent))
	}
	f.Add([]byte("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\nGET /no HTTP/1.0\r\n\r\nHEAD /b HTTP/1.0\r\n\r\n"))
	f.Add([]byte("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nGET /n\r\n00\r\nX: y\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n"))
	for _, sent := range realSeeds(f) {
		f.Add(sent)
		f.Add(append(bytes.Clone(sent), sent...))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		if len(sent) > maxMessage || bytes.Count(sent, []byte("\n")) != bytes.Count(sent, []byte("\r\n")) || bytes.Contains(sent, preface[:5]) {
			return // Servers differ in what they make of other ends of lines.
		}
		var got, want []string
		w := &web{}
		for rest := sent; len(rest) > 0; {
			m, n, whole := w.split(rest)
			if n == 0 || m.text == "malformed" {
				break
			}
			if rest = rest[n:]; whole {
				got = append(got, m.text)
			}
		}
		for r := bufio.NewReader(bytes.NewReader(sent)); ; {
			request, err := http.ReadRequest(r)
			if err != nil {
				break
			}
			want = append(want, request.Method+" "+request.RequestURI)
			if _, err := io.Copy(io.Discard, request.Body); err != nil {
				break
			}
		}
		if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
			t.Errorf("%q, the library finds %q", got, want)
		}
	})
}
