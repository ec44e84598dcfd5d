package measure

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
)

// Sighting is an entity (a source, block, network, payload template or indicator) in a region on a day. Number entities
// from 0 in the order of their names, so that results do not depend on the order in which they came; days from any origin.
type Sighting struct {
	Entity uint32
	Region uint8
	Day    int32
	Events int64
}

// sightings are sorted and cut into days.
type sightings struct {
	regions, entities int
	// by are the sightings of each day, from the first to the last.
	by    [][]Sighting
	first int
}

// maxDays bounds a window.
const maxDays = 4000

func sortSightings(regions int, list []Sighting) (*sightings, error) {
	if regions < 1 || regions > MaxRegions {
		return nil, fmt.Errorf("%d regions", regions)
	}
	s := &sightings{regions: regions}
	if len(list) == 0 {
		return s, nil
	}
	first, last := list[0].Day, list[0].Day
	for _, x := range list {
		if int(x.Region) >= regions || x.Events < 0 {
			return nil, fmt.Errorf("%d events in region %d of %d", x.Events, x.Region, regions)
		}
		first, last = min(first, x.Day), max(last, x.Day)
		s.entities = max(s.entities, int(x.Entity)+1)
	}
	days := int64(last) - int64(first) + 1
	if days > maxDays {
		return nil, fmt.Errorf("a window of %d days", days)
	}
	if s.entities > 64*len(list)+1024 {
		return nil, fmt.Errorf("entities are numbered up to %d, in %d sightings", s.entities-1, len(list))
	}
	s.first = int(first)
	ids := s.renumber(list)
	starts := make([]int, days+1)
	for _, x := range list {
		starts[x.Day-first+1]++
	}
	for d := range days {
		starts[d+1] += starts[d]
	}
	sorted, next := make([]Sighting, len(list)), slices.Clone(starts)
	for _, x := range list {
		at := &next[x.Day-first]
		x.Entity = ids[x.Entity]
		sorted[*at] = x
		*at++
	}
	s.by = make([][]Sighting, days)
	for d := range s.by {
		s.by[d] = sorted[starts[d]:starts[d+1]]
	}
	return s, nil
}

// renumber leaves out the numbers that no entity has, and keeps the order: a sample of entities takes less time.
func (s *sightings) renumber(list []Sighting) []uint32 {
	ids := make([]uint32, s.entities)
	for _, x := range list {
		ids[x.Entity] = 1
	}
	n := uint32(0)
	for i, used := range ids {
		ids[i] = n
		n += used
	}
	s.entities = int(n)
	return ids
}

// order sorts each day, for what is drawn from it.
func (s *sightings) order(ctx context.Context) error {
	return inBlocks(ctx, len(s.by), 1, 0, func(from, to int, _ *rand.Rand) {
		slices.SortFunc(s.by[from], func(a, b Sighting) int {
			return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Events, b.Events))
		})
	})
}
