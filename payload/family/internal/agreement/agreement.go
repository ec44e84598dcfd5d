// Package agreement measures how well a grouping agrees with the truth.
package agreement

import "math"

// Table counts how often a truth's class and a group come together.
type Table struct {
	cells            map[[2]string]int
	classes, cluster map[string]int
	n                int
}

// Add counts one thing with its class and its group.
func (t *Table) Add(class, group string) {
	if t.cells == nil {
		t.cells, t.classes, t.cluster = map[[2]string]int{}, map[string]int{}, map[string]int{}
	}
	t.cells[[2]string{class, group}]++
	t.classes[class]++
	t.cluster[group]++
	t.n++
}

// Groups is the number of groups, Classes that of classes, N that of things.
func (t *Table) Groups() int  { return len(t.cluster) }
func (t *Table) Classes() int { return len(t.classes) }
func (t *Table) N() int       { return t.n }

func pairs(n int) float64 { return float64(n) * float64(n-1) / 2 }

// Rand is the adjusted Rand index (Hubert and Arabie 1985): 1 for the same partition, about 0 for chance.
func (t *Table) Rand() float64 {
	var both, class, group float64
	for _, n := range t.cells {
		both += pairs(n)
	}
	for _, n := range t.classes {
		class += pairs(n)
	}
	for _, n := range t.cluster {
		group += pairs(n)
	}
	if all := pairs(t.n); all > 0 {
		expected := class * group / all
		if most := (class + group) / 2; most != expected {
			return (both - expected) / (most - expected)
		}
	}
	return 1
}

// Homogeneity is 1 when each group has members of one class only (Rosenberg and Hirschberg 2007).
func (t *Table) Homogeneity() float64 { return t.conditional(t.classes, t.cluster, 1) }

// Completeness is 1 when all members of a class are in one group.
func (t *Table) Completeness() float64 { return t.conditional(t.cluster, t.classes, 0) }

// conditional is 1 − H(of | given) / H(of); given stands at index i of a cell.
func (t *Table) conditional(of, given map[string]int, i int) float64 {
	h, n := 0.0, float64(t.n)
	for _, c := range of {
		h -= float64(c) / n * math.Log(float64(c)/n)
	}
	if h == 0 {
		return 1
	}
	left := 0.0
	for k, c := range t.cells {
		left -= float64(c) / n * math.Log(float64(c)/float64(given[k[i]]))
	}
	return 1 - left/h
}
