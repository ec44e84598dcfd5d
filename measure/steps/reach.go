package steps

import (
	"cmp"
	"context"
	"slices"

	"terroir/measure"
)

// visited is the input of both reach steps: who came how often to which place, and the exposure of the places.
type visited struct {
	places   index
	visitors []measure.Visitor
	attempts map[string]int64
	sources  map[string]int64
	null     *measure.Null
	// basis says what the exposure was taken from.
	basis string
}

func (in *input) visited() (*visited, error) {
	at, err := in.at("entity", "place", "contacts", "attempts", "sources", "exposure")
	if err != nil {
		return nil, err
	}
	v := &visited{attempts: map[string]int64{}, sources: map[string]int64{}}
	if v.places, err = in.places(at[1]); err != nil {
		return nil, err
	}
	entities := in.indexOf(at[0])
	v.visitors = make([]measure.Visitor, len(entities.names))
	for i, n := range entities.names {
		v.visitors[i] = measure.Visitor{Name: n, Contacts: make([]int64, len(v.places.names))}
	}
	contacts, watched := make([]float64, len(v.places.names)), make([]float64, len(v.places.names))
	for _, row := range in.rows {
		p := v.places.at[text(row[at[1]])]
		if x, ok := row[at[5]].(float64); ok {
			watched[p] = x
		}
		if row[at[0]] == nil {
			continue
		}
		name := text(row[at[0]])
		v.visitors[entities.at[name]].Contacts[p] += count(row[at[2]])
		v.attempts[name] += count(row[at[3]])
		v.sources[name] = count(row[at[4]])
		contacts[p] += float64(count(row[at[2]]))
	}
	if len(v.visitors) == 0 {
		return v, nil
	}
	exposure := contacts
	v.basis = "contacts"
	if in.values["exposure"] == "watched" && !slices.Contains(watched, 0) {
		exposure, v.basis = watched, "sensor hours × ports"
	}
	v.null, err = measure.NewNull(exposure)
	return v, err
}

// seedVerdict is what the plain filter says of a reach.
func seedVerdict(reach, places, few int) string {
	switch {
	case reach <= few:
		return "regional"
	case reach == places:
		return "professional"
	}
	return "between"
}

// reachCorrected puts the reach that volume lets expect beside the plain one.
func reachCorrected(ctx context.Context, in *input) (*table, error) {
	t := newTable("entity", "contacts", "sources", "attempts", "reach", "expected", "rarefied", "p", "q", "class", "plain", "source_reach", "exposure")
	v, err := in.visited()
	if err != nil || v.null == nil {
		return t, err
	}
	few := in.int("max_reach", 2)
	found, err := measure.ClassifyReach(ctx, v.null, v.visitors, measure.ReachOptions{MaxReach: few, Alpha: in.number("alpha", .05)})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b measure.Reached) int {
		return cmp.Or(cmp.Compare(classOrder(a.Class), classOrder(b.Class)), cmp.Compare(a.Adjusted, b.Adjusted), cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name))
	})
	for _, f := range found[:min(len(found), in.int("top", 200))] {
		var mean any
		if n := v.sources[f.Name]; n > 0 && in.values["by"] != "source" {
			mean = float(float64(f.N) / float64(n))
		}
		t.add(f.Name, f.N, v.sources[f.Name], v.attempts[f.Name], int64(f.Reach), float(f.Expected), float(f.Rarefied), float(f.P), float(f.Adjusted),
			string(f.Class), seedVerdict(f.Reach, len(v.places.names), few), mean, v.basis)
	}
	return t, nil
}

func classOrder(c measure.ReachClass) int {
	return slices.Index([]measure.ReachClass{measure.Regional, measure.Ubiquitous, measure.TooFew}, c)
}

// reachNull counts how many entities would have each reach by chance.
func reachNull(ctx context.Context, in *input) (*table, error) {
	t := newTable("reach", "count", "by_chance", "up_to", "up_to_by_chance")
	v, err := in.visited()
	if err != nil || v.null == nil {
		return t, err
	}
	least := int64(in.int("min_contacts", 1))
	places := len(v.places.names)
	observed, numbers := make([]int64, places+1), map[int64]int64{}
	for _, x := range v.visitors {
		var n int64
		reach := 0
		for _, c := range x.Contacts {
			if n += c; c > 0 {
				reach++
			}
		}
		if n >= least {
			observed[reach]++
			numbers[n]++
		}
	}
	var all int64
	before := 0.
	for k := 1; k <= places; k++ {
		all += observed[k]
		var upTo float64
		for _, n := range sorted(numbers, cmp.Compare[int64]) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			upTo += float64(numbers[n]) * v.null.AtMost(k, n)
		}
		t.add(int64(k), observed[k], float(max(upTo-before, 0)), all, float(upTo))
		before = upTo
	}
	return t, nil
}
