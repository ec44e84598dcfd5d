package tlshello

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"terroir"
	"terroir/ingest"
	"terroir/ingest/pcapfile"
)

// streams is a sink of what clients sent.
type streams [][]byte

// Put implements ingest.Sink.
func (s *streams) Put(_ context.Context, r terroir.Record) error {
	if n := len(r.Payload); n > 0 && n <= 4<<10 && r.Event.Transport == terroir.TCP && len(*s) < 150 {
		*s = append(*s, r.Payload)
	}
	return nil
}

// realHellos are those of the captures; none where these are not at hand.
func realHellos(f *testing.F) (list streams) {
	f.Helper()
	files, _ := filepath.Glob(filepath.Join(captures, "*.pcap*"))
	more, _ := filepath.Glob(filepath.Join(captures, "..", "pcap", "tls", "*.pcap*"))
	for _, file := range append(more, files...) {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) > 64<<10 || strings.HasSuffix(file, ".json") {
			continue
		}
		if _, err := pcapfile.Read(context.Background(), ingest.Source{Reader: bytes.NewReader(b)}, pcapfile.Options{Tunnels: true}, &list); err != nil {
			f.Fatal(err)
		}
	}
	return list
}

// FuzzParse: what is read is small and can be shown, one who asks for as much as is needed reads no more than a hello,
// and what the standard library takes for a hello is one, with the same names.
func FuzzParse(f *testing.F) {
	f.Add(sent(f, &tls.Config{ServerName: "example.org", NextProtos: []string{"h2"}}))
	f.Add([]byte{22, 3, 1, 0, 4, 1, 0, 0, 0})
	for _, b := range realHellos(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := Parse(b)
		n := Need(b)
		if ok && n != 0 {
			t.Error("a whole hello needs more")
		}
		if n < 0 || n > maxHello+4096 {
			t.Errorf("%d more bytes are asked for", n)
		}
		if len(h.SNI) > maxText || len(h.ALPN) > maxText || len(h.JA4) > 60 || clean(h.SNI) != h.SNI || clean(h.ALPN) != h.ALPN || clean(h.JA4) != h.JA4 {
			t.Errorf("%+v", h)
		}
		if ok {
			if first := asNeeded(b); first > len(b) {
				t.Errorf("%d bytes of %d are asked for", first, len(b))
			} else if same, ok := Parse(b[:first]); !ok || same != h {
				t.Errorf("%+v of %d bytes, %+v %v of the first %d", h, len(b), same, ok, first)
			}
		}
		if info := readByGo(b); info != nil && onlyHandshake(b) {
			if sni, alpn := clean(info.ServerName), clean(strings.Join(info.SupportedProtos, ",")); !ok || h.SNI != sni || h.ALPN != alpn {
				t.Errorf("%+v %v, Go reads %q %q", h, ok, sni, alpn)
			}
		}
	})
}

// asNeeded is how many bytes one has who begins with one and takes as many more as are needed.
func asNeeded(b []byte) int {
	for n := 1; ; {
		more := Need(b[:n])
		if n += more; more == 0 || n > len(b) {
			return n
		}
	}
}

// onlyHandshake says that b consists of records of the handshake, of versions that are read here, up to the hello's end.
func onlyHandshake(b []byte) bool {
	for want, got := 4, 0; got < want; {
		if len(b) < 5 || b[0] != 22 || b[1] != 3 {
			return false
		}
		size := int(binary.BigEndian.Uint16(b[3:]))
		if size > len(b)-5 {
			return false
		}
		if got == 0 && size >= 4 {
			want = 4 + int(b[6])<<16 + int(b[7])<<8 + int(b[8])
		} else if got == 0 {
			return false // The length in pieces is left to others.
		}
		got += size
		b = b[5+size:]
	}
	return true
}

var errEnough = errors.New("it was read")

// readByGo has the standard library read a hello; nil for what it does not take for one.
func readByGo(b []byte) (info *tls.ClientHelloInfo) {
	server := tls.Server(&said{Reader: bytes.NewReader(b)}, &tls.Config{MinVersion: tls.VersionTLS10,
		GetConfigForClient: func(i *tls.ClientHelloInfo) (*tls.Config, error) {
			info = i
			return nil, errEnough
		}})
	_ = server.Handshake()
	return info
}

// said is a connection whose client has said everything.
type said struct {
	io.Reader
	net.Conn
}

func (s *said) Read(b []byte) (int, error)     { return s.Reader.Read(b) }
func (*said) Write(b []byte) (int, error)      { return len(b), nil }
func (*said) Close() error                     { return nil }
func (*said) SetWriteDeadline(time.Time) error { return nil }
