package fingerprint

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// syn makes the headers of a SYN with oddities.
func syn(r *rand.Rand, port uint16) []byte {
	options := make([]byte, 0, 40)
	for len(options) < 36 && r.IntN(8) > 0 {
		o := [][]byte{{1}, {2, 4, 5, 180}, {3, 3, byte(r.IntN(20))}, {4, 2}, {8, 10, 0, 0, 0, byte(r.IntN(2)), 0, 0, 0, byte(r.IntN(2))},
			{5, 10, 1, 2, 3, 4, 5, 6, 7, 8}, {5, 4, 1, 2}, {30, 4, 0, 0}, {34, 2}, {8, 180}, {2, 0}, {253, 1}, {0}, {2, 4}}[r.IntN(14)]
		options = append(options, o...)
	}
	options = options[:min(len(options), 40)]
	for len(options)%4 > 0 {
		options = append(options, byte(r.IntN(8)/7))
	}
	tcp := make([]byte, 20, 60)
	binary.BigEndian.PutUint16(tcp, port)
	binary.BigEndian.PutUint16(tcp[2:], 80)
	binary.BigEndian.PutUint32(tcp[4:], r.Uint32()*uint32(r.IntN(2)))
	binary.BigEndian.PutUint32(tcp[8:], uint32(-r.IntN(2))) // p0f 3.09b misses some numbers, which this does not repeat
	tcp[12] = byte(20+len(options))<<2 | byte(r.IntN(4)/3)
	tcp[13] = 2 | []byte{0, 0, 0, 0, flagPSH, flagURG, flagECE, flagECE | flagCWR}[r.IntN(8)]
	binary.BigEndian.PutUint16(tcp[14:], uint16(r.Uint32()))
	binary.BigEndian.PutUint16(tcp[18:], uint16(r.IntN(2)))
	tcp = append(tcp, options...)
	if r.IntN(2) == 0 {
		ip := append(binary.BigEndian.AppendUint32(nil, 6<<28|uint32(r.IntN(2))|uint32(r.IntN(2)<<20)), 0, byte(len(tcp)), 6, byte(r.IntN(256)|1))
		ip = append(append(ip, "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"...), "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02"...)
		return append(ip, tcp...)
	}
	ip := make([]byte, 20)
	copy(ip, []byte{0x45, byte(r.IntN(4)), 0, byte(20 + len(tcp)), 0, byte(r.IntN(2)), byte(r.IntN(2)<<6 | r.IntN(2)<<7), 0, byte(r.IntN(256) | 1), 6})
	copy(ip[12:], "\xc0\x00\x02\x01\xc0\x00\x02\x02")
	return append(ip, tcp...)
}

// TestSignaturesAreThoseOfP0f has p0f itself read the same packets.
func TestSignaturesAreThoseOfP0f(t *testing.T) {
	if _, err := exec.LookPath("p0f"); err != nil {
		if os.Getenv("TERROIR_TEST_TOOLS") == "all" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	file := filepath.Join(t.TempDir(), "syns.pcap")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := pcapgo.NewWriter(f)
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	var want []string
	for i := range 2000 {
		b := syn(r, uint16(10_000+i))
		signature, _ := SYN(b)
		want = append(want, signature)
		kind := "\x08\x00"
		if b[0]>>4 == 6 {
			kind = "\x86\xdd"
		}
		frame := append([]byte("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02"+kind), b...)
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: time.Unix(int64(i), 0), CaptureLength: len(frame), Length: len(frame)}, frame); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	out, err := exec.Command("p0f", "-r", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wrong, found := 0, regexp.MustCompile(`/(\d+) -> [^\n]* \(syn\)[^~]*?raw_sig\s+= (\S+)`).FindAllStringSubmatch(string(out), -1)
	if len(found) < len(want)/2 {
		t.Fatalf("p0f tells %d signatures of %d: %s", len(found), len(want), out[:min(len(out), 500)])
	}
	for _, m := range found {
		if strings.Contains(m[2], "*") {
			continue // A window that p0f writes as a multiple stands here as it came.
		}
		port := 0
		for _, digit := range m[1] {
			port = port*10 + int(digit-'0')
		}
		// p0f 3.09b does not look at the last byte of a padding, which this does not repeat.
		if got := want[port-10_000]; got != m[2] && strings.Replace(got, ",opt+", "", 1) != m[2] && strings.Replace(got, ":opt+", ":", 1) != m[2] && strings.Replace(got, ":opt+,", ":", 1) != m[2] {
			if wrong++; wrong < 20 {
				t.Errorf("%s, p0f says %s", got, m[2])
			}
		}
	}
	t.Logf("%d signatures compared", len(found))
}
