package agreement

import (
	"math"
	"strconv"
	"testing"
)

// TestPublishedExamples has the values that scikit-learn's documentation gives for adjusted_rand_score, homogeneity_score and
// completeness_score.
func TestPublishedExamples(t *testing.T) {
	for _, c := range []struct {
		truth, got                      []int
		rand, homogeneity, completeness float64
	}{
		{[]int{0, 0, 1, 1}, []int{0, 0, 1, 1}, 1, 1, 1},
		{[]int{0, 0, 1, 1}, []int{1, 1, 0, 0}, 1, 1, 1},
		{[]int{0, 0, 1, 2}, []int{0, 0, 1, 1}, .571428, .666666, 1},
		{[]int{0, 0, 1, 1}, []int{0, 0, 1, 2}, .571428, 1, .666666},
		{[]int{0, 0, 0, 0}, []int{0, 1, 2, 3}, 0, 1, 0},
		{[]int{0, 0, 1, 1}, []int{0, 1, 0, 1}, -.5, 0, 0},
		{[]int{0, 0, 1, 1}, []int{0, 1, 2, 3}, 0, 1, .5},
		{[]int{0, 0, 0, 1, 1, 1}, []int{0, 0, 1, 1, 2, 2}, .242424, .666666, .420619},
	} {
		var table Table
		for i := range c.truth {
			table.Add(strconv.Itoa(c.truth[i]), strconv.Itoa(c.got[i]))
		}
		for name, v := range map[string][2]float64{"rand": {table.Rand(), c.rand}, "homogeneity": {table.Homogeneity(), c.homogeneity},
			"completeness": {table.Completeness(), c.completeness}} {
			if math.Abs(v[0]-v[1]) > 1e-5 {
				t.Errorf("%v %v: %s %f, want %f", c.truth, c.got, name, v[0], v[1])
			}
		}
	}
}
