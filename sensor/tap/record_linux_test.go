package tap

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"

	"terroir"
	"terroir/fingerprint"
)

func TestThePaddingOfEthernetIsNotPartOfAPacket(t *testing.T) {
	for _, ends := range [][2]string{v4, v6} {
		s := syn("S")
		s.Options = s.Options[:1]
		b := build(t, ends, layers.IPProtocolTCP, s)
		bare, _ := parse(b)
		padded, ok := parse(append(b, 0, 0))
		if a, b := fingerprint.Signature(bare.headers), fingerprint.Signature(padded.headers); !ok || a != b || a == "" {
			t.Errorf("%q became %q", a, b)
		}
	}
}

// burning is a sink that records nothing, and counts what it was given.
type burning struct {
	fail  error
	given int
}

func (b *burning) Put(context.Context, terroir.Record) error {
	b.given++
	return b.fail
}

func TestARowThatIsNotRecordedKeepsNoOtherBack(t *testing.T) {
	sink := &burning{fail: errors.New("disk on fire")}
	if err := putAll(context.Background(), sink, make([]terroir.Record, 5)); !errors.Is(err, sink.fail) || sink.given != 5 {
		t.Errorf("got %v after %d of 5", err, sink.given)
	}
	if err := putAll(context.Background(), sink, nil); err != nil {
		t.Error(err)
	}
}

func TestAnswersAreRecognisedForAWhile(t *testing.T) {
	var s sent
	now := time.Now()
	own, server := netip.MustParseAddrPort("192.0.2.1:50000"), netip.MustParseAddrPort("192.0.2.53:53")
	s.add(now, exchange{own, server})
	for _, c := range []struct {
		x     exchange
		after time.Duration
		want  bool
	}{
		{exchange{own, server}, 0, true},
		{exchange{own, netip.MustParseAddrPort("192.0.2.53:54")}, 0, false},
		{exchange{netip.MustParseAddrPort("192.0.2.1:50001"), server}, 0, false},
		{exchange{own, server}, answerWithin, true},
		{exchange{own, server}, 3 * answerWithin, false},
	} {
		if got := s.has(now.Add(c.after), c.x); got != c.want {
			t.Errorf("%v after %v: %v", c.x, c.after, got)
		}
	}
	for i := range 10 * maxExchanges {
		s.add(now, exchange{netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, byte(i >> 16), 9}), uint16(i)), server})
		if n := len(s.young) + len(s.old); n > 2*maxExchanges {
			t.Fatalf("%d exchanges are remembered", n)
		}
	}
}

func TestCloseTellsThatRowsWereNotRecorded(t *testing.T) {
	sink := &burning{fail: errors.New("disk on fire")}
	own := netip.MustParseAddr("127.9.8.6")
	tap, err := Start(context.Background(), Options{Addresses: []netip.Addr{own}, Interval: time.Hour}, sink)
	if errors.Is(err, ErrNoCapability) {
		t.Skip("CAP_NET_RAW is missing: run as root, or with the capability, as CI does")
	}
	if err != nil {
		t.Fatal(err)
	}
	refuse(t, fmt.Sprintf("%s:40001", own))
	if err := tap.Close(); !errors.Is(err, sink.fail) {
		t.Errorf("got %v", err)
	}
	if err := tap.Close(); err != nil {
		t.Error(err)
	}
}
