package fingerprint

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// realSYNs are the IP packets with which the captures begin; none where those are not at hand.
func realSYNs(f *testing.F) (list [][]byte) {
	f.Helper()
	const ethernet, longest, most = 14, 1 << 10, 150
	err := filepath.WalkDir(filepath.Join("..", "..", "shared", "data", "pcap"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || len(list) >= most {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		capture, err := pcapgo.NewReader(bytes.NewReader(b))
		if err != nil || capture.LinkType() != layers.LinkTypeEthernet {
			return nil
		}
		if frame, _, err := capture.ReadPacketData(); err == nil && len(frame) > ethernet && len(frame) < longest {
			list = append(list, frame[ethernet:])
		}
		return nil
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		f.Fatal(err)
	}
	return list
}

// grammar is that of p0f's raw signatures (its README, "Signatures"), with what distances and windows look like here.
var grammar = regexp.MustCompile(`^[46]:\d{1,3}\+(\d\d?|\?):\d{1,2}:\d{1,5}:\d{1,5},\d{1,3}:(([a-z]+|\?\d{1,3}|eol\+\d\d?)(,|:))*:?(([a-z]+\d?[+-]?|0\+)(,|:))*:?[0+]$`)

// FuzzFingerprint takes any headers without a panic or a change, gives signatures of p0f's grammar and of bounded size,
// names no tool but those it knows, and says the same of the packet as of its parts.
func FuzzFingerprint(f *testing.F) {
	f.Add([]byte("\x45"+strings.Repeat("\x00", 19)), []byte(strings.Repeat("\x50", 60)))
	f.Add([]byte("\x60"+strings.Repeat("\x00", 39)), []byte(strings.Repeat("\x50", 20)))
	for _, b := range realSYNs(f) {
		head := 40
		if b[0]>>4 == 4 {
			head = int(b[0]&15) * 4
		}
		f.Add(b[:min(head, len(b))], b[min(head, len(b)):])
	}
	f.Fuzz(func(t *testing.T, ip, tcp []byte) {
		p := Packet{IP: ip, TCP: tcp}
		before := clone(p)
		tool, s := Tool(p), Signature(p)
		if len(s) > 512 || s != "" && !grammar.MatchString(s) {
			t.Errorf("%q", s)
		}
		if !strings.Contains("zmap mirai masscan nmap", tool) {
			t.Errorf("tool %q", tool)
		}
		if !bytes.Equal(before.IP, p.IP) || !bytes.Equal(before.TCP, p.TCP) {
			t.Error("the headers were changed")
		}
		if s == "" {
			return
		}
		if data := append(clone(p).TCP, "data"...); Signature(Packet{IP: ip, TCP: data}) != s[:len(s)-1]+"+" {
			t.Errorf("%s, with data behind it %s", s, Signature(Packet{IP: ip, TCP: data}))
		}
		bare := 40
		if p.v4() {
			bare = int(ip[0]&15) * 4
		}
		if whole := append(before.IP, before.TCP...); len(ip) == bare && (p.v4() || ip[6] == 6) {
			if signature, same := SYN(whole); signature != s || same != tool {
				t.Errorf("the parts give %s %q, the packet %s %q", s, tool, signature, same)
			}
		}
	})
}
