package measure

import (
	"fmt"
	"slices"
)

// Arrival is when a region first saw an entity, in any unit of time.
type Arrival struct {
	Entity uint32
	Region uint8
	At     int64
}

// Lead is how much earlier From saw what To saw, too.
type Lead struct {
	From, To int
	// Both is the number of entities that both saw, Earlier of those that From saw first.
	Both, Earlier int
	// Median is the median head start of those that From saw first, in the unit of the arrivals (0 without any). Share is
	// Earlier over Both (NaN without any). An honest summary needs both: a head start alone is positive by definition.
	Median, Share float64
}

// LeadTimes compares all pairs of different regions, From by From. Of several arrivals of an entity in a region the first
// counts.
//
// It assumes that both regions were observed all the time: an entity from before the window has no first arrival in it.
func LeadTimes(regions int, arrivals []Arrival) ([]Lead, error) {
	if regions < 1 || regions > MaxRegions {
		return nil, fmt.Errorf("%d regions", regions)
	}
	for _, a := range arrivals {
		if int(a.Region) >= regions {
			return nil, fmt.Errorf("an arrival in region %d of %d", a.Region, regions)
		}
	}
	sorted := slices.Clone(arrivals)
	slices.SortFunc(sorted, func(a, b Arrival) int {
		if a.Entity != b.Entity {
			return compare(int64(a.Entity), int64(b.Entity))
		}
		if a.Region != b.Region {
			return int(a.Region) - int(b.Region)
		}
		return compare(a.At, b.At)
	})
	sorted = slices.CompactFunc(sorted, func(a, b Arrival) bool { return a.Entity == b.Entity && a.Region == b.Region })
	var leads []Lead
	for from := range regions {
		row := make([]Lead, regions)
		starts := make([][]int64, regions)
		for i := 0; i < len(sorted); {
			end := i + 1
			for end < len(sorted) && sorted[end].Entity == sorted[i].Entity {
				end++
			}
			head(from, sorted[i:end], row, starts)
			i = end
		}
		for to := range row {
			l := &row[to]
			l.From, l.To = from, to
			l.Share = share(int64(l.Earlier), int64(l.Both))
			l.Median = median(starts[to])
			if from != to {
				leads = append(leads, *l)
			}
		}
	}
	return leads, nil
}

// head compares the arrivals of one entity with that in region from.
func head(from int, entity []Arrival, row []Lead, starts [][]int64) {
	i := slices.IndexFunc(entity, func(a Arrival) bool { return int(a.Region) == from })
	if i < 0 {
		return
	}
	for _, a := range entity {
		if int(a.Region) == from {
			continue
		}
		row[a.Region].Both++
		if start := a.At - entity[i].At; start > 0 {
			row[a.Region].Earlier++
			starts[a.Region] = append(starts[a.Region], start)
		}
	}
}

func median(values []int64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	n := len(values)
	return (float64(values[(n-1)/2]) + float64(values[n/2])) / 2
}
