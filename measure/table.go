package measure

import (
	"fmt"
	"math"
)

// maxTotal is the largest sum of counts: beyond it a float64 does not hold every integer.
const maxTotal = 1 << 53

// Table is a contingency table: Counts has Rows times Cols counts, row by row.
type Table struct {
	Rows, Cols int
	Counts     []int64
}

// TableOf makes a table of rows of equal length. It fails on rows of different lengths, on negative counts and on none.
func TableOf(rows [][]int64) (Table, error) {
	var t Table
	for i, row := range rows {
		if i > 0 && len(row) != t.Cols {
			return Table{}, fmt.Errorf("row %d of the table has %d columns, not %d", i, len(row), t.Cols)
		}
		t.Rows, t.Cols = i+1, len(row)
		t.Counts = append(t.Counts, row...)
	}
	return t, t.check()
}

// At is the count in row i and column j.
func (t *Table) At(i, j int) int64 { return t.Counts[i*t.Cols+j] }

func (t *Table) check() error {
	if t.Rows < 1 || t.Cols < 1 || len(t.Counts) != t.Rows*t.Cols {
		return fmt.Errorf("a table of %d x %d has %d counts", t.Rows, t.Cols, len(t.Counts))
	}
	var n int64
	for _, c := range t.Counts {
		if c < 0 || c > maxTotal-n {
			return fmt.Errorf("a table's count of %d is out of range", c)
		}
		n += c
	}
	return nil
}

// Totals are the sums of the rows and of the columns, and of all.
func (t *Table) Totals() (rows, cols []int64, n int64) {
	rows, cols = make([]int64, t.Rows), make([]int64, t.Cols)
	for i := range t.Rows {
		for j := range t.Cols {
			c := t.At(i, j)
			rows[i] += c
			cols[j] += c
			n += c
		}
	}
	return rows, cols, n
}

// Expected are the counts to be expected if rows and columns were independent: row total times column total over n. They
// are 0 in an empty table.
func (t *Table) Expected() []float64 {
	rows, cols, n := t.Totals()
	e := make([]float64, len(t.Counts))
	for i := range t.Counts {
		if n > 0 {
			e[i] = float64(rows[i/t.Cols]) * float64(cols[i%t.Cols]) / float64(n)
		}
	}
	return e
}

// Association says how strongly the rows of a table depend on its columns.
type Association struct {
	// N is the sum of the counts; Rows and Cols are those that are not empty. Empty ones say nothing and are left out.
	N          int64
	Rows, Cols int
	// ChiSquared is Pearson's statistic without a continuity correction, DOF its degrees of freedom (Rows-1)(Cols-1), P the
	// upper tail and LogP its natural logarithm, which holds where P underflows to 0. P is 1 when DOF is 0.
	ChiSquared float64
	DOF        int
	P, LogP    float64
	// V is Cramér's, 0 to 1; Corrected is V with Bergsma's correction of its bias, to be preferred (see [CorrectedV]).
	V, Corrected float64
	// G is the likelihood ratio statistic 2 Σ o ln(o/e), which is 2n times the Kullback-Leibler divergence of the table
	// from independence in nats; GP is its upper tail.
	G, GP float64
	// MinExpected is the smallest expected count. Below 5 the chi-squared distribution is a poor approximation (Cochran
	// 1954): see [PermutationTest] and [FisherExact].
	MinExpected float64
}

// Associate computes the association of a table's rows and columns.
//
// Source: Pearson (1900); Cramér (1946), Mathematical Methods of Statistics; Sokal and Rohlf (1981) for G. It assumes
// that the counted units are independent of each other and that each is in one cell.
func Associate(t Table) (Association, error) {
	if err := t.check(); err != nil {
		return Association{}, err
	}
	rows, cols, n := t.Totals()
	a := Association{N: n, Rows: filled(rows), Cols: filled(cols), P: 1, GP: 1}
	if a.Rows == 0 {
		return a, nil
	}
	a.DOF = (a.Rows - 1) * (a.Cols - 1)
	a.MinExpected = math.Inf(1)
	for i, e := range t.Expected() {
		if e == 0 {
			continue
		}
		o := float64(t.Counts[i])
		a.ChiSquared += (o - e) * (o - e) / e
		a.MinExpected = min(a.MinExpected, e)
		if o > 0 {
			a.G += 2 * o * math.Log(o/e)
		}
	}
	a.G = max(a.G, 0)
	a.V = cramer(a.ChiSquared, float64(n), a.Rows, a.Cols)
	a.Corrected = CorrectedV(a.ChiSquared, n, a.Rows, a.Cols)
	if a.DOF > 0 {
		a.LogP = ChiSquaredTail(a.ChiSquared, a.DOF)
		a.P = math.Exp(a.LogP)
		a.GP = math.Exp(ChiSquaredTail(a.G, a.DOF))
	}
	return a, nil
}

func filled(totals []int64) (n int) {
	for _, t := range totals {
		if t > 0 {
			n++
		}
	}
	return n
}

// cramer is Cramér's V of a statistic: the root of χ²/n over the smaller of the dimensions less one.
func cramer(chi, n float64, rows, cols int) float64 {
	k := min(rows, cols) - 1
	if k < 1 || n == 0 {
		return 0
	}
	return min(math.Sqrt(chi/n/float64(k)), 1)
}

// CorrectedV is Cramér's V, corrected for its bias: under independence χ²/n is (r-1)(c-1)/(n-1) on average, which is taken
// off before the root, never below 0; r and c, less (r-1)²/(n-1) and (c-1)²/(n-1), keep its maximum at 1. rows and cols are
// those that are not empty.
//
// Source: Bergsma (2013), A bias-correction for Cramér's V and Tschuprow's T, J. Korean Stat. Soc. 42(3).
func CorrectedV(chi float64, n int64, rows, cols int) float64 {
	if n < 2 || rows < 2 || cols < 2 {
		return 0
	}
	r, c, m := float64(rows), float64(cols), float64(n-1)
	phi := max(0, chi/float64(n)-(r-1)*(c-1)/m)
	k := min(r-(r-1)*(r-1)/m, c-(c-1)*(c-1)/m) - 1
	if k <= 0 {
		return 0
	}
	return min(math.Sqrt(phi/k), 1)
}
