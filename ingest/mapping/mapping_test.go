package mapping

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"terroir"
	"terroir/ingest"
)

func TestMappingsThatAreWrong(t *testing.T) {
	whole := "columns: {ts: a, src_ip: b, transport: c}\n"
	for text, want := range map[string]string{
		"columns: {ts: a}":                   `column "src_ip" is not mapped`,
		"columns: {ts: a, colour: b}":        `unknown column "colour"`,
		"columns: [ts]":                      "not a mapping",
		"rows: {}":                           "not a mapping",
		"columns: {ts: {a: b}}":              "not a mapping",
		"columns: {ts: []}":                  `column "ts" has no name`,
		"columns: {ts: [a, '']}":             `column "ts" has no name`,
		whole + "regions: {x: 'a b'}":        "region of x",
		whole + "constants: {ts: '2022'}":    `"ts" is both`,
		whole + "values: {colour: {a: b}}":   `unknown column "colour"`,
		whole + "formats: {ts: soon}":        `format of ts: "soon" is not one of`,
		whole + "formats: {payload: base32}": `format of payload: "base32" is not one of base64, hex, text`,
		whole + "formats: {src_ip: decimal}": `format of src_ip: "decimal"`,
		whole + "formats: {dst_port: hex}":   `column "dst_port" has no formats`,
	} {
		_, err := Parse("m.yaml", []byte(text))
		if terroir.ErrorCode(err) != terroir.ECONFIG || !strings.HasPrefix(err.Error(), "m.yaml: ") || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestAMappingPrintsAsItDid(t *testing.T) {
	// An import is named by its mapping, too: with another name, a file that is imported again would be there twice.
	m, err := Parse("m.yaml", []byte("columns: {ts: a, src_ip: b, transport: [c, d]}\nformats: {ts: unix}"))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%v", m); got != "&{map[src_ip:b transport:c|d ts:a] map[ts:unix] map[] map[] map[]}" {
		t.Error(got)
	}
}

func TestTimesAreExact(t *testing.T) {
	for _, c := range []struct{ text, format, want string }{
		{"1655200800.123456", "unix", "2022-06-14T10:00:00.123456Z"},
		{"1655200800", "unix", "2022-06-14T10:00:00Z"},
		{"1655200800123", "unix_ms", "2022-06-14T10:00:00.123Z"},
		{"1655200800123", "unixms", "2022-06-14T10:00:00.123Z"},
		{"2022-06-14T12:00:00.1234567+02:00", "", "2022-06-14T10:00:00.1234567Z"},
		{"2022-06-14 10:00:00", time.DateTime, "2022-06-14T10:00:00Z"},
	} {
		got, err := parseTime(c.text, c.format)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != c.want {
			t.Errorf("%s as %q: %v %v", c.text, c.format, got, err)
		}
	}
	for _, text := range []string{"NaN", "Inf", "-Inf", "1e300", "", "soon"} {
		if got, err := parseTime(text, "unix"); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestTheSensorsAddressIsOfTheClientsVersion(t *testing.T) {
	addresses := []string{"2001:db8::5", "192.0.2.5", "192.0.2.6"}
	src := ingest.Source{Sensor: "s", Region: "r"}
	for _, a := range addresses {
		src.Addresses = append(src.Addresses, addr(t, a))
	}
	for _, c := range []struct{ client, dst, want string }{
		{"198.51.100.1", "", "192.0.2.5"}, {"2001:db8::1", "", "2001:db8::5"}, {"::ffff:198.51.100.1", "", "192.0.2.5"}, {"198.51.100.1", "192.0.2.9", "192.0.2.9"},
	} {
		row := Row{TS: "2022-06-14T10:00:00Z", Transport: "tcp", SrcIP: c.client, DstIP: c.dst, DstPort: "22", Kind: "unserved"}
		r, err := NewConverter(&Mapping{}, src, Options{}).Record(&row)
		if err != nil || r.Event.Destination.Addr().String() != c.want {
			t.Errorf("%+v: %v %v", c, r.Event, err)
		}
	}
}

func TestAHelloIsReadFromThePayloadUnlessTheRowHasIt(t *testing.T) {
	hello := func(b []byte) (terroir.TLSHello, bool) { return terroir.TLSHello{JA4: string(b)}, len(b) > 0 }
	row := func() *Row {
		return &Row{TS: "2022-06-14T10:00:00Z", Transport: "tcp", SrcIP: "192.0.2.1", DstPort: "443", Payload: "UElORw=="}
	}
	convert := func(row *Row) string {
		r, err := NewConverter(&Mapping{}, ingest.Source{Sensor: "s", Region: "r"}, Options{Hello: hello}).Record(row)
		if err != nil {
			t.Fatal(err)
		}
		return r.Event.TLS.JA4
	}
	told, udp := row(), row()
	told[JA4], udp[Transport] = "told", "udp"
	if got := []string{convert(row()), convert(told), convert(udp)}; fmt.Sprint(got) != "[PING told ]" {
		t.Errorf("%q", got)
	}
}

// TestSeen: within the bound every id that came before is known; memory is bounded.
func TestSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, model := seen{limit: 8}, []string{}
		for _, id := range rapid.SliceOf(rapid.StringMatching(`[a-p]`)).Draw(t, "ids") {
			before := s.before(id)
			known := false
			for _, m := range model {
				known = known || m == id
			}
			if before && !known {
				t.Fatalf("%q never came", id)
			}
			if !before && known && distinctSince(model, id) < 8 {
				t.Fatalf("%q came %d others ago", id, distinctSince(model, id))
			}
			model = append(model, id)
			if len(s.now)+len(s.old) > 16 {
				t.Fatalf("%d ids are held", len(s.now)+len(s.old))
			}
		}
	})
}

// distinctSince is how many other ids came since the id did last.
func distinctSince(ids []string, id string) int {
	others := map[string]bool{}
	for i := len(ids) - 1; i >= 0 && ids[i] != id; i-- {
		others[ids[i]] = true
	}
	return len(others)
}

func addr(t *testing.T, s string) netip.Addr {
	t.Helper()
	a, err := netip.ParseAddr(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
