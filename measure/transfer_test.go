package measure

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// world has entities that come on about half of the days to some of four regions. With the given probability they come to
// their own region, else to any. One in ten comes to all of them.
func world(random *rand.Rand, entities, days int, own float64) []Sighting {
	var list []Sighting
	for e := range entities {
		home := random.IntN(4)
		for d := range days {
			if random.IntN(2) == 0 {
				continue
			}
			var regions uint64
			for range 1 + random.IntN(2) {
				r := random.IntN(4)
				if random.Float64() < own {
					r = home
				}
				regions |= 1 << r
			}
			if e%10 == 0 {
				regions = 15
			}
			for r := range 4 {
				if regions>>r&1 != 0 {
					list = append(list, Sighting{uint32(e), uint8(r), int32(d), 1 + int64(random.IntN(9))})
				}
			}
		}
	}
	return list
}

// In a world without regionality the test's p-value is uniform.
func TestTransferWithoutRegionality(t *testing.T) {
	random := stream(10, 0)
	var p []float64
	for i := range 400 {
		got, err := CheckLocality(context.Background(), 4, world(random, 40, 6, 0), TransferOptions{}, 99, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		p = append(p, got.P)
	}
	checkUniform(t, p)
}

func TestPlantedLocalityIsFound(t *testing.T) {
	list := world(stream(11, 0), 400, 10, .5)
	got, err := CheckLocality(context.Background(), 4, list, TransferOptions{Memory: 2}, 199, 1)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Transfer(context.Background(), 4, list, TransferOptions{Memory: 2, Interval: Resampling{Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if got.P > .005 || got.Gain <= got.NullMax || m.CoverageGainInterval.Low <= 0 {
		t.Errorf("%+v; gain %g in %v", got, m.CoverageGain, m.CoverageGainInterval)
	}
	near(t, "gain of the test and of the matrix", got.Gain, m.CoverageGain, 1e-12)
	for _, p := range m.Pairs {
		if p.From != p.To && p.RelativeCoverage >= 1 {
			t.Errorf("a foreign feed is worth %g of one's own", p.RelativeCoverage)
		}
	}
	// Ubiquitous entities hide the effect.
	without := slices.DeleteFunc(list, func(s Sighting) bool { return s.Entity%10 == 0 })
	n, err := Transfer(context.Background(), 4, without, TransferOptions{Memory: 2})
	if err != nil {
		t.Fatal(err)
	}
	if n.CoverageGain <= m.CoverageGain {
		t.Errorf("gain %g without the ubiquitous, %g with them", n.CoverageGain, m.CoverageGain)
	}
}

// One's own list beats one for all of the same size where there is locality, and does not where there is none.
func TestOwnFeedBesideOneForAll(t *testing.T) {
	for _, own := range []float64{0, .8} {
		list := slices.DeleteFunc(world(stream(15, 0), 1000, 12, own), func(s Sighting) bool { return s.Entity%10 == 0 })
		o := TransferOptions{Memory: 3, Interval: Resampling{Seed: 1}}
		found, err := CompareFeeds(context.Background(), 4, list, o)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Transfer(context.Background(), 4, list, o)
		if err != nil {
			t.Fatal(err)
		}
		for r, f := range found {
			near(t, "own coverage", f.OwnCoverage, m.Pairs[r*4+r].Coverage, 1e-12)
			near(t, "own precision", f.OwnPrecision, m.Pairs[r*4+r].Precision, 1e-12)
			if (f.CoverageGainInterval.Low > 0) != (own > 0) {
				t.Errorf("locality %g, region %d: %+v", own, r, f)
			}
		}
	}
	if none, err := CompareFeeds(context.Background(), 2, nil, TransferOptions{}); err != nil || len(none) != 2 {
		t.Errorf("nothing gives %+v, %v", none, err)
	}
}

func TestTransferOfAFewSightings(t *testing.T) {
	list := []Sighting{
		{0, 0, 100, 5}, {1, 0, 100, 1}, {1, 1, 100, 2}, // known: region 0 has 0 and 1, region 1 has 1
		{0, 1, 101, 3}, {1, 1, 101, 1}, {2, 1, 101, 6}, {1, 1, 101, 10}, // seen: region 1 has 0, 1 (twice) and 2
	}
	cells, err := CrossOnce(context.Background(), 2, list, 101)
	if err != nil {
		t.Fatal(err)
	}
	want := []Crossing{
		{From: 0, To: 0, Known: 2, KnownEvents: 6},
		{From: 0, To: 1, Known: 2, Seen: 3, Hit: 2, New: 2, HitNew: 1, KnownEvents: 6, HitKnownEvents: 6, SeenEvents: 20, HitSeenEvents: 14},
		{From: 1, To: 0, Known: 1, KnownEvents: 2},
		{From: 1, To: 1, Known: 1, Seen: 3, Hit: 1, New: 2, KnownEvents: 2, HitKnownEvents: 2, SeenEvents: 20, HitSeenEvents: 11},
	}
	if !slices.Equal(cells, want) {
		t.Errorf("got\n%+v, want\n%+v", cells, want)
	}
	if r := cells[1].Rates(); r.Precision != 1 || r.EventCoverage != .7 || r.NewCoverage != .5 {
		t.Errorf("rates %+v", r)
	}
}

// Sets of entities, built anew for each day and pair, give the same counts as bits of a word.
func TestTransferIsThatOfSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Sighting {
			return Sighting{
				Entity: uint32(rapid.IntRange(0, 8).Draw(t, "entity")), Region: uint8(rapid.IntRange(0, 2).Draw(t, "region")),
				Day: int32(rapid.IntRange(-3, 6).Draw(t, "day")), Events: int64(rapid.IntRange(0, 5).Draw(t, "events")),
			}
		}), 1, 60).Draw(t, "sightings")
		o := TransferOptions{Horizon: rapid.IntRange(1, 3).Draw(t, "horizon"), Memory: rapid.IntRange(0, 4).Draw(t, "memory")}
		s, err := sortSightings(3, list)
		if err != nil {
			t.Fatal(err)
		}
		days := max(len(s.by)-o.Horizon, 0)
		daily := make([][]Crossing, days)
		if _, err := s.daily(context.Background(), o, func(day int, cells []Crossing) { daily[day] = slices.Clone(cells) }); err != nil {
			t.Fatal(err)
		}
		for d, cells := range daily {
			today := s.first + d
			for _, c := range cells {
				known, seen := map[uint32]bool{}, map[uint32]bool{}
				for _, x := range list {
					day := int(x.Day)
					if day <= today && (o.Memory == 0 || day > today-o.Memory) && int(x.Region) == c.From {
						known[x.Entity] = true
					}
					if day > today && day <= today+o.Horizon && int(x.Region) == c.To {
						seen[x.Entity] = true
					}
				}
				var hit int64
				for e := range known {
					if seen[e] {
						hit++
					}
				}
				if c.Known != int64(len(known)) || c.Seen != int64(len(seen)) || c.Hit != hit {
					t.Fatalf("day %d: %+v, want %d known, %d seen, %d hit", today, c, len(known), len(seen), hit)
				}
			}
		}
	})
}

func TestShuffledRegionsKeepTheirTotals(t *testing.T) {
	s, err := sortSightings(4, world(stream(12, 0), 50, 5, .7))
	if err != nil {
		t.Fatal(err)
	}
	shuffled := s.shuffled(stream(13, 0))
	moved := 0
	for d := range s.by {
		totals := map[[2]int]int{}
		at := map[[2]int]bool{}
		for i, x := range s.by[d] {
			y := shuffled.by[d][i]
			totals[[2]int{0, int(x.Region)}]++
			totals[[2]int{0, int(y.Region)}]--
			totals[[2]int{1, int(x.Entity)}]++
			totals[[2]int{1, int(y.Entity)}]--
			if place := [2]int{int(y.Entity), int(y.Region)}; at[place] {
				t.Errorf("entity %d is twice in region %d", y.Entity, y.Region)
			} else {
				at[place] = true
			}
			if x.Region != y.Region {
				moved++
			}
		}
		for what, n := range totals {
			if n != 0 {
				t.Errorf("total %v is off by %d", what, n)
			}
		}
	}
	if moved == 0 {
		t.Error("nothing moved")
	}
}

func TestLeadTimes(t *testing.T) {
	leads, err := LeadTimes(2, []Arrival{{0, 0, 100}, {0, 1, 160}, {0, 1, 400}, {1, 0, 50}, {1, 1, 70}, {2, 1, 5}, {2, 0, 9}, {3, 0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Lead{{From: 0, To: 1, Both: 3, Earlier: 2, Median: 40, Share: 2. / 3}, {From: 1, To: 0, Both: 3, Earlier: 1, Median: 4, Share: 1. / 3}}
	if !slices.Equal(leads, want) {
		t.Errorf("got %+v, want %+v", leads, want)
	}
}

func TestSightingsThatAreNone(t *testing.T) {
	for _, list := range [][]Sighting{{{0, 5, 0, 1}}, {{0, 0, 0, -1}}, {{0, 0, 0, 1}, {0, 0, 1 << 30, 1}}, {{1 << 31, 0, 0, 1}}} {
		if _, err := Transfer(context.Background(), 5, list, TransferOptions{}); err == nil {
			t.Errorf("%v is accepted", list)
		}
	}
	if m, err := Transfer(context.Background(), 2, nil, TransferOptions{}); err != nil || m.Days != 0 || len(m.Pairs) != 4 {
		t.Errorf("nothing gives %+v, %v", m, err)
	}
}
