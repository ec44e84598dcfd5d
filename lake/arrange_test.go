package lake

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"pgregory.net/rapid"

	"terroir"
)

// anyEvent draws an event; few regions and ports, so that all of the order counts.
func anyEvent(t *rapid.T) *event {
	source := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "ipv4")))
	if rapid.Bool().Draw(t, "is6") {
		b := [16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 8: 1, 15: rapid.Byte().Draw(t, "last")}
		source = netip.AddrFrom16(b)
	}
	e := someEvent(1)
	e.Time = time.UnixMicro(rapid.Int64Range(-3*86400e6, 3*86400e6).Draw(t, "time")).UTC()
	e.Region = rapid.SampledFrom([]string{"ap-northeast-1", "eu-west-3", "eu-west-30"}).Draw(t, "region")
	e.Source = netip.AddrPortFrom(source, rapid.Uint16().Draw(t, "source port"))
	e.Destination = netip.AddrPortFrom(netip.Addr{}, rapid.Uint16Range(1, 3).Draw(t, "port"))
	return &e
}

// TestEventsAreArrangedAsTheirTableIs compares with the columns of the table themselves, and their partition as Iceberg has it.
func TestEventsAreArrangedAsTheirTableIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(anyEvent), 1, 40).Draw(t, "rows")
		before := slices.Clone(rows)
		runs := arrangeEvents(rows)
		if !slices.Equal(rows, before) {
			t.Fatal("the rows themselves were moved")
		}
		var days []int32
		count := 0
		for _, run := range runs {
			if !slices.IsSortedFunc(run, byColumns) {
				t.Fatalf("a run is not in order: %v", run)
			}
			for _, e := range run {
				days = append(days, icebergDay(e.Time))
			}
			if day := days[len(days)-1]; day != icebergDay(run[0].Time) || slices.Contains(days[:count], day) {
				t.Fatalf("runs are not one a day: %v", days)
			}
			count += len(run)
		}
		if count != len(rows) {
			t.Fatalf("%d rows became %d", len(rows), count)
		}
	})
}

func byColumns(a, b *event) int {
	return cmp.Or(strings.Compare(a.Region, b.Region), cmp.Compare(a.Destination.Port(), b.Destination.Port()),
		strings.Compare(a.Source.Addr().String(), b.Source.Addr().String()))
}

func icebergDay(at time.Time) int32 {
	day := iceberg.DayTransform{}.Apply(iceberg.Optional[iceberg.Literal]{Val: iceberg.TimestampLiteral(at.UnixMicro()), Valid: true})
	return int32(day.Val.(iceberg.DateLiteral))
}

// TestRowsAreSharedOut: all rows, in order, and no writer has more than its part.
func TestRowsAreSharedOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []*int
		var runs [][]*int
		for range rapid.IntRange(1, 5).Draw(t, "runs") {
			run := pointers(make([]int, rapid.IntRange(1, 5).Draw(t, "rows")))
			runs, all = append(runs, run), append(all, run...)
		}
		part := rapid.IntRange(1, len(all)).Draw(t, "part")
		var got []*int
		for _, s := range share(runs, part) {
			had := len(got)
			got = append(got, slices.Concat(s...)...)
			if n := len(got) - had; n == 0 || n > part {
				t.Fatalf("%d rows for one writer, want up to %d", n, part)
			}
		}
		if !slices.Equal(got, all) {
			t.Fatalf("%d rows became %d", len(all), len(got))
		}
	})
}

// TestColumnsHoldWhatIsKnown: what is not known is null, what must be there never is.
func TestColumnsHoldWhatIsKnown(t *testing.T) {
	l, err := Open(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	bare, full := someEvent(1), someEvent(2)
	bare.Tool, bare.Region, bare.Source = "", "", netip.MustParseAddrPort("[2001:db8::1]:0")
	full.Explored, full.ASN, full.Payload = true, 64496, terroir.NewPayloadID([]byte("x"))
	full.Destination = netip.MustParseAddrPort("[::ffff:203.0.113.9]:23")
	r, err := l.events.record([]*event{&bare, &full, &bare})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	want := map[string][2]string{"event_id": {"s-1-1", "s-1-2"}, "region": {"", full.Region}, "tool": {array.NullValueStr, "zmap"},
		"src_ip": {"2001:db8::1", "198.51.100.7"}, "src_port": {array.NullValueStr, "1"}, "dst_ip": {array.NullValueStr, "203.0.113.9"},
		"dst_port": {"0", "23"}, "explored": {"false", "true"}, "asn": {array.NullValueStr, "64496"},
		"payload_id": {array.NullValueStr, full.Payload.String()}, "duration_us": {"0", "0"}}
	for i, f := range r.Schema().Fields() {
		w, ok := want[f.Name]
		if c := r.Column(i); ok && (c.ValueStr(0) != w[0] || c.ValueStr(1) != w[1] || c.ValueStr(2) != w[0] || c.Len() != 3) {
			t.Errorf("%s is %s, want %q", f.Name, c, w)
		}
	}
}
