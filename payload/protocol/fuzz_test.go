package protocol

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"terroir"
)

// FuzzRecognize: names are those of the list and follow from the first bytes alone; labels and user agents are bounded, and labels
// safe to print, whatever name is asked for; nothing that is read is changed.
func FuzzRecognize(f *testing.F) {
	for _, e := range overTCP {
		f.Add([]byte(e.b), true)
	}
	for _, e := range overUDP {
		f.Add([]byte(e.b), false)
	}
	for _, c := range corpora {
		samples, _ := c.read()
		for i := 0; i < len(samples); i += max(len(samples)/50, 1) {
			f.Add(bytes.Clone(samples[i].b[:min(len(samples[i].b), 2048)]), samples[i].transport == terroir.TCP)
		}
	}
	names := append(Names(), "")
	f.Fuzz(func(t *testing.T, b []byte, tcp bool) {
		transport := terroir.UDP
		if tcp {
			transport = terroir.TCP
		}
		before := bytes.Clone(b)
		name := Recognize(b, transport)
		if !slices.Contains(names, name) || !slices.Contains(names, RecognizeServer(b)) {
			t.Errorf("%q, server %q", name, RecognizeServer(b))
		}
		if far := append(bytes.Clone(b), make([]byte, maxLooked)...); len(b) >= maxLooked && Recognize(far, transport) != name {
			t.Errorf("%q, with more behind it %q", name, Recognize(far, transport))
		}
		for _, n := range names {
			if label := Label(b, n); len(label) > maxLabel || !utf8.ValidString(label) || strings.ContainsFunc(label, unicode.IsControl) {
				t.Errorf("%s: %q", n, label)
			}
		}
		if agent := UserAgent(b); len(agent) > maxUserAgent || strings.Contains(agent, "\n") {
			t.Errorf("%q", agent)
		}
		if !bytes.Equal(b, before) {
			t.Error("the payload was changed")
		}
	})
}

// BenchmarkRecognize names the payloads of the labelled week, one an iteration.
func BenchmarkRecognize(b *testing.B) {
	samples := corpora[2].samples(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s := &samples[i%len(samples)]
		Recognize(s.b, s.transport)
		i++
	}
}

// BenchmarkRecognizeExamples names one payload of every protocol in turn.
func BenchmarkRecognizeExamples(b *testing.B) {
	var list [][]byte
	for _, e := range overTCP {
		list = append(list, []byte(e.b))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		Recognize(list[i%len(list)], terroir.TCP)
		i++
	}
}

// BenchmarkLabel labels the payloads of the labelled week.
func BenchmarkLabel(b *testing.B) {
	samples := corpora[2].samples(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s := &samples[i%len(samples)]
		Label(s.b, Recognize(s.b, s.transport))
		i++
	}
}

// TestNamingAllocatesNothing: the sensor asks for each session.
func TestNamingAllocatesNothing(t *testing.T) {
	for transport, list := range map[terroir.Transport][]example{terroir.TCP: overTCP, terroir.UDP: overUDP} {
		for _, e := range list {
			b := []byte(e.b)
			if n := testing.AllocsPerRun(10, func() { Recognize(b, transport) }); n > 0 {
				t.Errorf("%q: %v allocations", e.b, n)
			}
		}
	}
}
