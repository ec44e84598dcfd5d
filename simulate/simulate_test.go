package simulate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/oschwald/maxminddb-golang/v2"

	"terroir"
)

func week(t *testing.T, opt Options) (*World, *Truth) {
	t.Helper()
	w, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := w.Truth(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return w, truth
}

func between(t *testing.T, what string, got, low, high int64) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s: %d, want %d to %d", what, got, low, high)
	}
}

// TestTheWeekHasTheFactsOfTheStudy checks what the study says of its week.
func TestTheWeekHasTheFactsOfTheStudy(t *testing.T) {
	_, x := week(t, Options{})
	between(t, "events", x.Events, 20_000, 30_000)
	between(t, "payloads on 6379", x.Redis.Payloads, 4_400, 4_600)
	between(t, "distinct ones, with the sensor masked", x.Redis.Masked, 220, 240)
	if x.Redis.Raw <= x.Redis.Masked {
		t.Error("no payload names the sensor")
	}
	between(t, "families", x.Redis.Families, 30, 50)
	between(t, "countries of at most two regions", int64(len(x.FewRegions)), 28, 35)
	if len(x.FewRegionsAnyKind) >= len(x.FewRegions) {
		t.Error("counting every kind is no mistake in this week")
	}
	for port, n := range x.FewRegionsPorts {
		if port != "2323" && n >= x.FewRegionsPorts["2323"] || port != "6379" && n < x.FewRegionsPorts["6379"] {
			t.Errorf("among these countries port %s has %d payloads: 2323 must lead with %d, 6379 come last with %d", port, n,
				x.FewRegionsPorts["2323"], x.FewRegionsPorts["6379"])
		}
	}
	total := map[string]int64{}
	for port, byRegion := range x.PayloadPortRegion {
		for _, n := range byRegion {
			total[port] += n
		}
	}
	if len(total) != 14 {
		t.Errorf("payloads on %d ports", len(total))
	}
	for port, n := range total {
		if port != "6379" && n >= total["6379"] {
			t.Errorf("port %s has %d payloads, 6379 has %d", port, n, total["6379"])
		}
	}
	if want := []int{5613, 5622, 5660, 5677, 5691, 5749, 5808, 5811, 5923, 5978, 10443, 30005}; !slices.Equal(x.PairPorts, want) {
		t.Errorf("the pair tried %v", x.PairPorts)
	}
	between(t, "IPv6 in per mille", 1000*x.IPv6/x.Attempts, 5, 40)
	for _, kind := range []string{"connection", "payload", "error", "unserved"} {
		between(t, kind, x.ByKind[kind], 1000, 20_000)
	}
	if len(x.Rare) != 14 {
		t.Errorf("%d of the study's payloads occur", len(x.Rare))
	}
	if x.Reach["country"]["5"] == 0 || x.Reach["source"]["5"] == 0 {
		t.Error("nobody reaches every region")
	}
	for _, p := range x.Planted {
		between(t, "sources of a planted port", int64(p.Sources), 15, 60)
	}
}

func TestNothingIsObservedDuringTheOutage(t *testing.T) {
	w, _ := week(t, Options{})
	err := w.Events(context.Background(), func(r terroir.Record, _ Label) error {
		if r.Event.Region == w.outage.Region && !r.Event.Time.Before(w.outage.From) && r.Event.Time.Before(w.outage.To) {
			t.Fatalf("%s at %s", r.Event.Position, r.Event.Time)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEventsAreInOrderAndNumbered(t *testing.T) {
	w, _ := week(t, Options{Scale: 2, Days: 3})
	next := map[string]uint64{}
	last := Begin
	err := w.Events(context.Background(), func(r terroir.Record, l Label) error {
		e := r.Event
		next[e.Sensor]++
		if e.Sequence != next[e.Sensor] || e.Time.Before(last) || !e.Time.Before(w.End()) {
			t.Fatalf("%s at %s", e.Position, e.Time)
		}
		last = e.Time
		if (e.Kind == terroir.KindPayload) != (len(r.Payload) > 0) || (l.Family != "") != (len(r.Payload) > 0) {
			t.Fatalf("%s: %d bytes, label %+v", e.Kind, len(r.Payload), l)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// digest is the SHA-256 of every file that Write makes.
func digest(t *testing.T, opt Options) map[string][32]byte {
	t.Helper()
	dir := t.TempDir()
	if err := Write(context.Background(), opt, dir, Parts{Pcaps: true, Events: true}, nil); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string][32]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sums[filepath.Base(f)] = sha256.Sum256(b)
	}
	return sums
}

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	a, b, c := digest(t, Options{Days: 1}), digest(t, Options{Days: 1}), digest(t, Options{Days: 1, Seed: 7})
	if len(a) != 10 {
		t.Errorf("%d files", len(a))
	}
	for f, sum := range a {
		if b[f] != sum {
			t.Errorf("%s differs from run to run", f)
		}
		if c[f] == sum && filepath.Ext(f) != ".mmdb" {
			t.Errorf("%s is the same for another seed", f)
		}
	}
}

func TestTheDatabasesSayWhatTheLabelsSay(t *testing.T) {
	w, _ := week(t, Options{Days: 1})
	dir := t.TempDir()
	if err := w.WriteGeo(dir); err != nil {
		t.Fatal(err)
	}
	country, err := maxminddb.Open(filepath.Join(dir, "country.mmdb"))
	if err != nil {
		t.Fatal(err)
	}
	defer country.Close()
	asn, err := maxminddb.Open(filepath.Join(dir, "asn.mmdb"))
	if err != nil {
		t.Fatal(err)
	}
	defer asn.Close()
	err = w.Events(context.Background(), func(r terroir.Record, l Label) error {
		var c struct {
			Code string `maxminddb:"country_code"`
		}
		var n struct {
			Number uint32 `maxminddb:"autonomous_system_number"`
		}
		a := r.Event.Source.Addr()
		if err := country.Lookup(a).Decode(&c); err != nil {
			return err
		}
		if err := asn.Lookup(a).Decode(&n); err != nil {
			return err
		}
		if c.Code != l.Country || n.Number != l.ASN {
			t.Fatalf("%s: %s %d, labelled %s %d", a, c.Code, n.Number, l.Country, l.ASN)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCapturesHoldTheEvents counts SYNs, datagrams and echo requests to each sensor, with nothing of terroir's own
// importer: one for each attempt.
func TestCapturesHoldTheEvents(t *testing.T) {
	w, x := week(t, Options{})
	files, err := w.WritePcaps(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	attempts := map[string]int64{}
	for i, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		s := w.Sensors()[i]
		attempts[s.Region] = count(t, f, s)
		f.Close()
	}
	got, _ := json.Marshal(attempts)
	want, _ := json.Marshal(x.ByRegion)
	if !bytes.Equal(got, want) {
		t.Errorf("captures have %s, the truth is %s", got, want)
	}
}

func count(t *testing.T, f io.Reader, s Sensor) (n int64) {
	t.Helper()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, _, err := r.ReadPacketData()
		if err == io.EOF {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		first := gopacket.Decoder(layers.LayerTypeIPv4)
		if b[0]>>4 == 6 {
			first = layers.LayerTypeIPv6
		}
		p := gopacket.NewPacket(b, first, gopacket.NoCopy)
		if e := p.ErrorLayer(); e != nil {
			t.Fatal(e.Error())
		}
		dst, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Dst().Raw())
		if dst != s.Addr4 && dst != s.Addr6 {
			continue
		}
		tcp, _ := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
		switch {
		case tcp != nil && tcp.SYN && !tcp.ACK, p.Layer(layers.LayerTypeUDP) != nil, p.Layer(layers.LayerTypeICMPv4) != nil, p.Layer(layers.LayerTypeICMPv6) != nil:
			n++
		}
	}
}

func TestOptionsOutOfRange(t *testing.T) {
	for _, opt := range []Options{{Days: -1}, {Days: 1000}, {Scale: -1}, {Scale: 1e9}} {
		if _, err := New(opt); terroir.ErrorCode(err) != terroir.EUSAGE {
			t.Errorf("%+v: %v", opt, err)
		}
	}
}
