package tap

import (
	"testing"

	"golang.org/x/net/bpf"

	"terroir"
)

// FuzzSent: what this machine sends by UDP gets through the filter, and enough of it for the parser. The filter's first
// instructions ask the kernel for the direction, which Go's machine cannot.
func FuzzSent(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.b)
	}
	for _, b := range realPackets(f) {
		f.Add(b)
	}
	f.Add(append([]byte("\x4f\x00\x00\x44\x00\x00\x00\x00\x40\x11\x00\x00\xc0\x00\x02\x01\xc0\x00\x02\x02"), make([]byte, 40+8)...)) // the longest header
	raw, err := sentFilter()
	if err != nil {
		f.Fatal(err)
	}
	program, _ := bpf.Disassemble(raw)
	vm := machine(f, program[2:])
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := parse(b)
		if !ok || p.transport != terroir.UDP || extended(b) {
			return
		}
		n, err := vm.Run(b)
		if err != nil {
			t.Fatal(err)
		}
		if kept, ok := parse(b[:min(n, len(b))]); !ok || ends(&kept) != ends(&p) {
			t.Errorf("of %s the filter leaves %d bytes: %s %v", ends(&p), n, ends(&kept), ok)
		}
	})
}
