package steps

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"terroir/measure"
	"terroir/views"
)

// sighted is the input of the steps about transfer: who was where on which day.
type sighted struct {
	places index
	list   []measure.Sighting
	// first is when a place first saw an entity, in seconds.
	first []measure.Arrival
}

func (in *input) sighted() (*sighted, error) {
	at, err := in.at("entity", "place", "day", "events", "first")
	if err != nil {
		return nil, err
	}
	s := &sighted{}
	if s.places, err = in.places(at[1]); err != nil {
		return nil, err
	}
	entities := in.indexOf(at[0])
	s.list = make([]measure.Sighting, 0, len(in.rows))
	s.first = make([]measure.Arrival, 0, len(in.rows))
	for _, row := range in.rows {
		entity, place := uint32(entities.at[text(row[at[0]])]), uint8(s.places.at[text(row[at[1]])])
		s.list = append(s.list, measure.Sighting{Entity: entity, Region: place, Day: int32(count(row[at[2]])), Events: count(row[at[3]])})
		s.first = append(s.first, measure.Arrival{Entity: entity, Region: place, At: count(row[at[4]])})
	}
	return s, nil
}

// transferOptions are those that the parameters name.
func (in *input) transferOptions() measure.TransferOptions {
	return measure.TransferOptions{Horizon: in.int("horizon", 1), Memory: in.int("memory", 0), Interval: in.resampling()}
}

// transfer asks what the list of one place is worth in another.
func transfer(ctx context.Context, in *input) (*table, error) {
	t := newTable("from_place", "to_place", "days", "known", "seen", "hit", "precision", "precision_low", "precision_high", "coverage", "coverage_low", "coverage_high",
		"relative_precision", "relative_coverage", "new_coverage", "event_coverage", "lead_hours", "lead_share", "sentence")
	s, err := in.sighted()
	if err != nil || len(s.list) == 0 {
		return t, err
	}
	leads, err := s.leads()
	if err != nil {
		return nil, err
	}
	if in.values["split"] != "" {
		return t, s.splitOnce(ctx, in, t, leads)
	}
	m, err := measure.Transfer(ctx, len(s.places.names), s.list, in.transferOptions())
	if err != nil {
		return nil, err
	}
	for _, p := range m.Pairs {
		hours, share := leads.of(p.From, p.To)
		t.add(s.places.names[p.From], s.places.names[p.To], int64(p.Days), nil, nil, nil, float(p.Precision), float(p.PrecisionInterval.Low),
			float(p.PrecisionInterval.High), float(p.Coverage), float(p.CoverageInterval.Low), float(p.CoverageInterval.High), float(p.RelativePrecision),
			float(p.RelativeCoverage), newCoverage(p.From, p.To, p.Rates), float(p.EventCoverage), hours, share,
			s.sentence(p.From, p.To, p.Rates, p.RelativeCoverage))
	}
	return t, nil
}

// splitOnce compares what was known before the day of the split with all that came from it on.
func (s *sighted) splitOnce(ctx context.Context, in *input, t *table, leads leads) error {
	at, err := views.ParseTime(in.values["split"])
	if err != nil {
		return err
	}
	day := int(math.Floor(float64(at.Unix()) / 86400))
	cells, err := measure.CrossOnce(ctx, len(s.places.names), s.list, day)
	if err != nil {
		return err
	}
	for _, c := range cells {
		own := cells[c.To*len(s.places.names)+c.To].Rates()
		r := c.Rates()
		hours, share := leads.of(c.From, c.To)
		t.add(s.places.names[c.From], s.places.names[c.To], nil, c.Known, c.Seen, c.Hit, float(r.Precision), nil, nil, float(r.Coverage), nil, nil,
			float(over(r.Precision, own.Precision)), float(over(r.Coverage, own.Coverage)), newCoverage(c.From, c.To, r), float(r.EventCoverage), hours, share,
			s.sentence(c.From, c.To, r, over(r.Coverage, own.Coverage)))
	}
	return nil
}

func over(x, own float64) float64 {
	if own == 0 {
		return math.NaN()
	}
	return x / own
}

func newCoverage(from, to int, r measure.Rates) any {
	if from == to {
		return nil
	}
	return float(r.NewCoverage)
}

// sentence answers what a list bought for one place does in the other.
func (s *sighted) sentence(from, to int, r measure.Rates, relative float64) string {
	if math.IsNaN(r.Precision) || math.IsNaN(r.Coverage) {
		return "nothing to compare"
	}
	a, b := s.places.names[from], s.places.names[to]
	alarms := fmt.Sprintf("%s %% of the list are false alarms", percent(1-r.Precision))
	if from == to {
		return fmt.Sprintf("What %s knows itself covers %s %% of what it then sees; %s.", b, percent(r.Coverage), alarms)
	}
	own := ""
	if !math.IsNaN(relative) {
		own = fmt.Sprintf(", %s %% of what its own list does", percent(relative))
	}
	return fmt.Sprintf("A feed bought for %s covers %s %% of what %s then sees%s; %s.", a, percent(r.Coverage), b, own, alarms)
}

func percent(x float64) string { return fmt.Sprintf("%.1f", 100*x) }

// leads are the head starts of each pair.
type leads map[[2]int]measure.Lead

func (s *sighted) leads() (leads, error) {
	list, err := measure.LeadTimes(len(s.places.names), s.first)
	if err != nil {
		return nil, err
	}
	m := leads{}
	for _, l := range list {
		m[[2]int{l.From, l.To}] = l
	}
	return m, nil
}

// of is the median head start in hours, and the share of the shared ones that had one.
func (m leads) of(from, to int) (hours, share any) {
	l, ok := m[[2]int{from, to}]
	if !ok || l.Both == 0 {
		return nil, nil
	}
	if l.Earlier > 0 {
		hours = float(math.Round(l.Median/36) / 100)
	}
	return hours, float(l.Share)
}

// maxShuffled bounds the sightings that a permutation test takes; of more, a sample of the entities is taken.
const maxShuffled = 100_000

// transferLocality tests whether places know their own visitors better than chance.
func transferLocality(ctx context.Context, in *input) (*table, error) {
	t := newTable("gain", "gain_low", "gain_high", "own_coverage", "other_coverage", "null_mean", "null_max", "p", "draws", "sampled", "verdict")
	s, err := in.sighted()
	if err != nil || len(s.list) == 0 {
		return t, err
	}
	o := in.transferOptions()
	m, err := measure.Transfer(ctx, len(s.places.names), s.list, o)
	if err != nil {
		return nil, err
	}
	own, other := ownAndOther(m.Pairs)
	list, share := s.sample(uint64(in.int("seed", 1)))
	c, err := measure.CheckLocality(ctx, len(s.places.names), list, o, in.int("shuffles", 199), uint64(in.int("seed", 1)))
	if err != nil {
		return nil, err
	}
	said := "n.s.: one list for all would do as well"
	switch {
	case math.IsNaN(c.Gain):
		said = "nothing to compare"
	case c.P <= in.number("alpha", .05):
		said = fmt.Sprintf("regions know their own visitors better: %s %% covered against %s %%", percent(own), percent(other))
	}
	t.add(float(m.CoverageGain), float(m.CoverageGainInterval.Low), float(m.CoverageGainInterval.High), float(own), float(other), float(c.NullMean),
		float(c.NullMax), float(c.P), int64(c.Draws), float(share), said)
	return t, nil
}

func ownAndOther(pairs []measure.Transferred) (own, other float64) {
	var n, m float64
	for _, p := range pairs {
		switch {
		case math.IsNaN(p.Coverage):
		case p.From == p.To:
			own, n = own+p.Coverage, n+1
		default:
			other, m = other+p.Coverage, m+1
		}
	}
	return own / n, other / m
}

// sample takes a share of the entities, chosen by their number and the seed.
func (s *sighted) sample(seed uint64) (list []measure.Sighting, share float64) {
	if len(s.list) <= maxShuffled {
		return s.list, 1
	}
	share = float64(maxShuffled) / float64(len(s.list))
	for _, x := range s.list {
		if mixed(uint64(x.Entity), seed) < share {
			list = append(list, x)
		}
	}
	return list, share
}

// mixed is a number from 0 to 1 that looks random (Steele, Lea and Flood 2014, SplitMix64).
func mixed(x, seed uint64) float64 {
	z := x*0x9e3779b97f4a7c15 + seed + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float64((z^z>>31)>>11) / (1 << 53)
}

// feeds compares each place's own list with one of the same size for all.
func feeds(ctx context.Context, in *input) (*table, error) {
	t := newTable("place", "days", "own_coverage", "union_coverage", "own_precision", "union_precision", "gain", "gain_low", "gain_high", "verdict")
	s, err := in.sighted()
	if err != nil || len(s.list) == 0 {
		return t, err
	}
	found, err := measure.CompareFeeds(ctx, len(s.places.names), s.list, in.transferOptions())
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b measure.FeedCompared) int { return cmp.Compare(a.Region, b.Region) })
	for _, f := range found {
		said := "no difference"
		switch {
		case math.IsNaN(f.CoverageGain):
			said = "nothing to compare"
		case f.CoverageGainInterval.Low > 0:
			said = "its own list is better"
		case f.CoverageGainInterval.High < 0:
			said = "the list for all is better"
		}
		t.add(s.places.names[f.Region], int64(f.Days), float(f.OwnCoverage), float(f.UnionCoverage), float(f.OwnPrecision), float(f.UnionPrecision),
			float(f.CoverageGain), float(f.CoverageGainInterval.Low), float(f.CoverageGainInterval.High), said)
	}
	return t, nil
}
