package measure

import (
	"context"
	"math"
	"testing"
)

// A thing and its opposite are equally regional: four sources do it in all three regions, 14 that come to one region do not.
func TestAThingIsAsRegionalAsItsOpposite(t *testing.T) {
	sources := []Presence{{Seen: 1, Sources: 8}, {Seen: 2, Sources: 6}, {Seen: 7, Did: 7, Sources: 5}}
	opposite := make([]Presence, len(sources))
	for i, s := range sources {
		opposite[i] = Presence{Seen: s.Seen, Did: s.Seen &^ s.Did, Sources: s.Sources}
	}
	found, err := MeasureRegionality(context.Background(), 3, []Thing{{"it", sources}, {"the rest", opposite}}, RegionalityOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a, b := found[0].Tested, found[1].Tested
	if found[0].Method != MethodPermutation || math.Abs(a-b) > 4*math.Sqrt(2*a/Permutations) {
		t.Errorf("by %s: p %g of the thing, %g of its opposite", found[0].Method, a, b)
	}
}
