package measure

import (
	"fmt"
	"slices"
)

// Jaccard is the share of the members of either list that are in both; 1 for two empty lists. Repeated members count once.
func Jaccard[T comparable](a, b []T) float64 {
	in := map[T]int{}
	for _, x := range a {
		in[x] |= 1
	}
	for _, x := range b {
		in[x] |= 2
	}
	both := 0
	for _, sides := range in {
		if sides == 3 {
			both++
		}
	}
	if len(in) == 0 {
		return 1
	}
	return float64(both) / float64(len(in))
}

// RankBiasedOverlap compares two rankings, best first: the overlap at each depth, with weights that fall by the factor p from
// one depth to the next, extrapolated from the depth that was seen (RBO_EXT). 1 is the same order, 0 nothing in common. At p
// = 0.9 the first ten ranks have 86 % of the weight. It fails on p outside of (0, 1) and on a member that is ranked twice.
// Two empty rankings give 1, an empty one and another 0.
//
// Source: Webber, Moffat and Zobel (2010), A similarity measure for indefinite rankings, ACM TOIS 28(4), equation 32.
func RankBiasedOverlap[T comparable](a, b []T, p float64) (float64, error) {
	if !(p > 0 && p < 1) {
		return 0, fmt.Errorf("a persistence of %g", p)
	}
	short, long := a, b
	if len(short) > len(long) {
		short, long = long, short
	}
	if len(short) == 0 {
		if len(long) == 0 {
			return 1, nil
		}
		return 0, nil
	}
	x, err := overlaps(short, long)
	if err != nil {
		return 0, err
	}
	s, l := len(short), len(long)
	xs, xl := float64(x[s-1]), float64(x[l-1])
	var sum float64
	weight := 1.
	for d := 1; d <= l; d++ {
		weight *= p
		sum += float64(x[d-1]) / float64(d) * weight
		if d > s {
			sum += xs * float64(d-s) / float64(s*d) * weight
		}
	}
	return min((1-p)/p*sum+((xl-xs)/float64(l)+xs/float64(s))*weight, 1), nil
}

// overlaps are the sizes of the intersections at each depth; beyond the end of the short list that of all of it.
func overlaps[T comparable](short, long []T) ([]int, error) {
	in := map[T]int{}
	sizes := make([]int, len(long))
	both := 0
	add := func(x T, side int) error {
		if in[x]&side != 0 {
			return fmt.Errorf("%v is ranked twice", x)
		}
		if in[x] |= side; in[x] == 3 {
			both++
		}
		return nil
	}
	for d := range long {
		if d < len(short) {
			if err := add(short[d], 1); err != nil {
				return nil, err
			}
		}
		if err := add(long[d], 2); err != nil {
			return nil, err
		}
		sizes[d] = both
	}
	return sizes, nil
}

// Counted is a value of an attribute (a network, a country, a user name), and the number of sources with it.
type Counted struct {
	Value string
	N     int64
}

// Compared is how two regions differ in an attribute.
type Compared struct {
	// Values are the union of both regions' most frequent ones, those most frequent in both together first; the last is ""
	// for all others, and for the values that were pooled because their expected count is below 5 in either region.
	Values []string
	// Table has a row a region, a column a value.
	Table Table
	Association
	// Jaccard and Overlap (rank-biased, p 0.9) compare the two lists of the most frequent.
	Jaccard, Overlap float64
}

// CompareTop compares two regions by the k most frequent values of each. Correct the p-values for all pairs and attributes
// that are shown together.
//
// Source: Izhikevich et al. (2023), Cloud Watching, IMC, for the union of the top lists; Cochran (1954), for pooling.
func CompareTop(a, b []Counted, k int) (Compared, error) {
	na, nb, err := bothCounts(a, b)
	if err != nil {
		return Compared{}, err
	}
	ta, tb := top(na, k), top(nb, k)
	union := slices.Clone(ta)
	for _, v := range tb {
		if !slices.Contains(ta, v) {
			union = append(union, v)
		}
	}
	both := map[string]int64{}
	for _, v := range union {
		both[v] = na[v] + nb[v]
	}
	c := Compared{Jaccard: Jaccard(ta, tb)}
	if c.Overlap, err = RankBiasedOverlap(ta, tb, .9); err != nil {
		return c, err
	}
	c.pool(top(both, len(both)), na, nb)
	c.Association, err = Associate(c.Table)
	return c, err
}

// pool makes the table of the values, and of the rest.
func (c *Compared) pool(values []string, na, nb map[string]int64) {
	var sumA, sumB int64
	for _, n := range na {
		sumA += n
	}
	for _, n := range nb {
		sumB += n
	}
	restA, restB := sumA, sumB
	smaller := float64(min(sumA, sumB)) / float64(max(sumA+sumB, 1))
	var rowA, rowB []int64
	for _, v := range values {
		if v == "" || float64(na[v]+nb[v])*smaller < 5 {
			continue
		}
		c.Values = append(c.Values, v)
		rowA, rowB = append(rowA, na[v]), append(rowB, nb[v])
		restA -= na[v]
		restB -= nb[v]
	}
	c.Values = append(c.Values, "")
	rowA, rowB = append(rowA, restA), append(rowB, restB)
	c.Table = Table{Rows: 2, Cols: len(rowA), Counts: append(rowA, rowB...)}
}

func bothCounts(a, b []Counted) (na, nb map[string]int64, err error) {
	na, nb = map[string]int64{}, map[string]int64{}
	add := func(m map[string]int64, list []Counted) error {
		for _, c := range list {
			if c.N < 0 || c.N > maxTotal {
				return fmt.Errorf("%q was counted %d times", c.Value, c.N)
			}
			m[c.Value] += c.N
		}
		return nil
	}
	if err := add(na, a); err != nil {
		return nil, nil, err
	}
	return na, nb, add(nb, b)
}

// top is the k values that were counted most, the alphabetically first of equals first.
func top(counts map[string]int64, k int) []string {
	var values []string
	for v, n := range counts {
		if n > 0 {
			values = append(values, v)
		}
	}
	slices.SortFunc(values, func(x, y string) int {
		if d := compare(counts[y], counts[x]); d != 0 {
			return d
		}
		if x < y {
			return -1
		}
		return 1
	})
	return values[:min(max(k, 0), len(values))]
}
