package measure

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Permutations is the number of random tables that is usual.
const Permutations = 10_000

// Permuted is the result of a permutation test.
type Permuted struct {
	// P is (1 + AtLeast) / (1 + Draws): it is never 0, and valid at every number of draws (Phipson and Smyth 2010).
	P              float64
	AtLeast, Draws int
}

// PermutationTest compares a table's χ² with that of random tables that have the same totals, which is what shuffling the
// labels of the units gives. It holds also where expected counts are small. The result depends on table, draws and seed
// only.
//
// Source: Patefield (1981), Algorithm AS 159: An efficient method of generating random R x C tables with given row and
// column totals, J. R. Stat. Soc. C 30(1). It assumes that units are independent and exchangeable.
func PermutationTest(ctx context.Context, t Table, draws int, seed uint64) (Permuted, error) {
	if err := t.check(); err != nil {
		return Permuted{}, err
	}
	if err := checkDraws(draws); err != nil {
		return Permuted{}, err
	}
	m := newMargins(t)
	if len(m.rows) < 2 || len(m.cols) < 2 {
		return Permuted{P: 1, AtLeast: draws, Draws: draws}, nil
	}
	// Rounding must not decide between tables that are equally extreme.
	observed := m.statistic(m.observed) * (1 - 1e-12)
	const block = 100
	least := make([]int, (draws+block-1)/block)
	err := inBlocks(ctx, draws, block, seed, func(from, to int, random *rand.Rand) {
		table, left := make([]int64, len(m.inverse)), make([]int64, len(m.cols))
		for range to - from {
			m.draw(random, table, left)
			if m.statistic(table) >= observed {
				least[from/block]++
			}
		}
	})
	if err != nil {
		return Permuted{}, err
	}
	p := Permuted{Draws: draws}
	for _, n := range least {
		p.AtLeast += n
	}
	p.P = float64(1+p.AtLeast) / float64(1+draws)
	return p, nil
}

// margins are the totals of a table without its empty rows and columns.
type margins struct {
	rows, cols []int64
	n          int64
	// inverse is one over row total times column total, for each cell.
	inverse  []float64
	observed []int64
	logs     factorials
}

func newMargins(t Table) *margins {
	rows, cols, n := t.Totals()
	m := &margins{n: n, logs: newFactorials(n)}
	for i, c := range t.Counts {
		r, k := rows[i/t.Cols], cols[i%t.Cols]
		if r > 0 && k > 0 {
			m.observed = append(m.observed, c)
			m.inverse = append(m.inverse, 1/(float64(r)*float64(k)))
		}
	}
	empty := func(c int64) bool { return c == 0 }
	m.rows, m.cols = slices.DeleteFunc(rows, empty), slices.DeleteFunc(cols, empty)
	return m
}

// statistic is Σ o²/(r c): with the totals given, it rises and falls with χ², which is n times it, less n.
func (m *margins) statistic(table []int64) (sum float64) {
	for i, o := range table {
		sum += float64(o) * float64(o) * m.inverse[i]
	}
	return sum
}

// draw fills a random table of the same totals: each cell is hypergeometric, given those before it. left has room for a
// count a column.
func (m *margins) draw(random *rand.Rand, table, left []int64) {
	copy(left, m.cols)
	rest, last := m.n, len(m.cols)-1
	for i, a := range m.rows[:len(m.rows)-1] {
		row, n := table[i*len(m.cols):], rest
		rest -= a
		for j := range last {
			x := m.logs.hypergeometric(random, a, left[j], n)
			n -= left[j]
			row[j] = x
			left[j] -= x
			a -= x
		}
		row[last] = a
		left[last] -= a
	}
	copy(table[len(table)-len(left):], left)
}

// Fisher is the result of Fisher's exact test.
type Fisher struct {
	// P is two-sided: the probability of all tables with the same totals that are no more probable than this one.
	P float64
	// Odds is the sample's odds ratio ad/(bc): +Inf where only bc is 0, NaN where ad is, too.
	Odds float64
}

// FisherExact is Fisher's exact test of the 2 x 2 table a b / c d, for any expected counts.
//
// Source: Fisher (1935), The logic of inductive inference. It takes both totals as given, so it is conservative. It fails on
// counts that are negative or sum up to more than 2^31.
func FisherExact(a, b, c, d int64) (Fisher, error) {
	const most = 1 << 31
	for _, n := range []int64{a, b, c, d} {
		if n < 0 || n > most {
			return Fisher{}, fmt.Errorf("a count of %d in a 2 x 2 table is out of range", n)
		}
	}
	sample, marked, n := a+b, a+c, a+b+c+d
	if n > most {
		return Fisher{}, fmt.Errorf("a 2 x 2 table of %d is too large", n)
	}
	logs := newFactorials(min(n, 1<<16))
	probability := func(x int64) float64 {
		return logs.log(marked) + logs.log(n-marked) + logs.log(sample) + logs.log(n-sample) - logs.log(n) -
			logs.log(x) - logs.log(marked-x) - logs.log(sample-x) - logs.log(n-marked-sample+x)
	}
	// Tables that are as probable but for rounding belong to the tail.
	bound := probability(a) + 1e-7
	var p float64
	for x := max(0, sample+marked-n); x <= min(sample, marked); x++ {
		if l := probability(x); l <= bound {
			p += math.Exp(l)
		}
	}
	return Fisher{P: min(p, 1), Odds: float64(a) * float64(d) / (float64(b) * float64(c))}, nil
}
