package measure

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

// Visitor is an entity (an address, a network, a country) and its contacts in each region: distinct sources and days, say,
// but not events.
type Visitor struct {
	Name     string
	Contacts []int64
}

// ReachClass is what can be said of an entity's reach.
type ReachClass string

// The classes.
const (
	// Regional entities reach few regions, and significantly fewer than their volume lets expect.
	Regional ReachClass = "regional"
	// Ubiquitous entities had contacts enough for regionality to show, and it did not.
	Ubiquitous ReachClass = "ubiquitous"
	// TooFew contacts to tell: an entity without regionality would reach as few regions often enough.
	TooFew ReachClass = "too few to tell"
)

// ReachOptions say what regional means. The zero value is a reach of at most 2 at alpha 0.05, rarefied to 20 contacts.
type ReachOptions struct {
	MaxReach int
	Alpha    float64
	Rarefy   int64
}

func (o ReachOptions) filled() ReachOptions {
	if o.MaxReach < 1 {
		o.MaxReach = 2
	}
	if !(o.Alpha > 0 && o.Alpha < 1) {
		o.Alpha = .05
	}
	if o.Rarefy < 1 {
		o.Rarefy = 20
	}
	return o
}

// Reached is the reach of an entity, as it is and corrected for volume.
type Reached struct {
	Name  string
	N     int64
	Reach int
	// Expected is the reach of as many contacts without regionality, Rarefied that of a fixed number of its contacts (see
	// [Rarefied]), or NaN where it has fewer.
	Expected, Rarefied float64
	// P is the probability of a reach no larger without regionality; Adjusted is corrected by Benjamini and Hochberg for all
	// entities together. It is NaN without contacts.
	P, Adjusted float64
	Class       ReachClass
}

// ClassifyReach tests every entity against the null, and sorts it into a class: regional when its reach is at most MaxReach
// and Adjusted at most alpha; too few to tell, when without regionality its contacts would reach at most MaxReach with a
// probability above alpha, or its reach is that small and not significant; else ubiquitous. With five equal regions six
// contacts are needed.
//
// It assumes that an entity's contacts are independent; the reach of a country or network is a union over its sources, so
// show theirs beside it.
func ClassifyReach(ctx context.Context, null *Null, visitors []Visitor, options ReachOptions) ([]Reached, error) {
	o := options.filled()
	found := make([]Reached, len(visitors))
	for i, v := range visitors {
		f := &found[i]
		f.Name = v.Name
		for r, c := range v.Contacts {
			if c > 0 && r < len(null.weights) && null.weights[r] > 0 {
				f.N += c
				f.Reach++
			}
		}
		f.Expected, f.Rarefied = null.Expected(f.N), math.NaN()
		if f.N >= o.Rarefy {
			f.Rarefied = Rarefied(v.Contacts, o.Rarefy)
		}
	}
	tails, err := null.tails(ctx, found, o.MaxReach)
	if err != nil {
		return nil, err
	}
	p := make([]float64, len(found))
	for i := range found {
		f := &found[i]
		p[i] = math.NaN()
		if f.N > 0 {
			p[i] = tails[tail{f.Reach, f.N}]
		}
		f.P = p[i]
	}
	for i, q := range BenjaminiHochberg(p) {
		f := &found[i]
		f.Adjusted = q
		few := f.Reach <= o.MaxReach
		switch {
		case few && q <= o.Alpha:
			f.Class = Regional
		case few || tails[tail{o.MaxReach, f.N}] > o.Alpha:
			f.Class = TooFew
		default:
			f.Class = Ubiquitous
		}
	}
	return found, nil
}

// tail is a question to a null: the probability of at most reach regions with n contacts.
type tail struct {
	reach int
	n     int64
}

// tails answers each distinct question once, on all cores.
func (u *Null) tails(ctx context.Context, found []Reached, reach int) (map[tail]float64, error) {
	answers := map[tail]float64{}
	for _, f := range found {
		answers[tail{f.Reach, f.N}] = 1
		answers[tail{reach, f.N}] = 1
	}
	questions := make([]tail, 0, len(answers))
	for q := range answers {
		questions = append(questions, q)
	}
	slices.SortFunc(questions, func(a, b tail) int {
		if a.n != b.n {
			return compare(a.n, b.n)
		}
		return compare(a.reach, b.reach)
	})
	p := make([]float64, len(questions))
	err := inBlocks(ctx, len(questions), 8, 0, func(from, to int, _ *rand.Rand) {
		for i := from; i < to; i++ {
			p[i] = u.AtMost(questions[i].reach, questions[i].n)
		}
	})
	for i, q := range questions {
		answers[q] = p[i]
	}
	return answers, err
}
