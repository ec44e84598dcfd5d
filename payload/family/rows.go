package family

import "terroir"

// maxCompared bounds with how many of its family a template with a cargo is compared to find the one that it is most like.
const maxCompared = 32

// rows appends the rows of a family that changed.
func (g *Grouper) rows(c *cell, rows []terroir.Grouped) []terroir.Grouped {
	list := c.sorted()
	c.id = list[0].first
	substrings := map[[2]int32]terroir.PayloadID{}
	for _, b := range list { // by id: the first of a group has the smallest
		if k := g.substring(b); substrings[k].IsZero() {
			substrings[k] = b.first
		}
	}
	vehicle, cargo := g.names(c)
	for _, b := range list {
		row := terroir.Grouped{Substring: substrings[g.substring(b)], Family: c.id, Vehicle: vehicle, Cargo: cargo}
		g.why(&row, b, list)
		for _, m := range b.members {
			r := row
			r.Template = m.ID
			if r.Nearest == m.ID {
				r.Nearest = b.second
			}
			if r != m.last {
				m.last = r
				rows = append(rows, r)
			}
		}
	}
	return rows
}

func (g *Grouper) substring(b *bundle) [2]int32 {
	return [2]int32{g.vehicles.contained.find(b.vehicle), g.cargos.contained.find(b.cargo)}
}

func (g *Grouper) names(c *cell) (vehicle, cargo string) {
	vehicle = c.key.vehicle.name
	for b := range c.bundles {
		if proto := b.members[0].AppProto; proto != "" {
			vehicle = proto + ": " + vehicle
		}
		break
	}
	return vehicle, c.key.cargo.name
}

// why says what joined the bundle to its family, and of which template it is most like.
func (g *Grouper) why(row *terroir.Grouped, b *bundle, list []*bundle) {
	if len(b.members) > 1 {
		row.Why, row.Nearest, row.Similarity = "same skeleton", b.first, 1
		return
	}
	if b.cell.key.vehicle.nodes == nil {
		row.Why = "unstructured"
		return
	}
	var near *bundle
	for _, x := range g.candidates(b, list) {
		if x == b || x == nil || x.cell != b.cell {
			continue
		}
		s := g.similarity(b, x)
		if near == nil || s > row.Similarity || s == row.Similarity && less(x.first, near.first) {
			near, row.Similarity = x, s
		}
	}
	if near == nil {
		row.Why = "alone"
		return
	}
	row.Nearest, row.Why = near.first, "similar"
	if g.substring(near) == g.substring(b) {
		row.Why = "contains"
	}
}

// candidates are bundles of which one is likely the most like: the best of each part, and a few of the family.
func (g *Grouper) candidates(b *bundle, list []*bundle) []*bundle {
	v, c := g.vehicles.best(b.vehicle), g.cargos.best(b.cargo)
	found := []*bundle{g.bundles[[2]int32{v, b.cargo}], g.bundles[[2]int32{b.vehicle, c}], g.bundles[[2]int32{v, c}]}
	if found[0] != nil && found[0].cell == b.cell && g.cargos.nodes[b.cargo].Text == "" {
		return found
	}
	return append(found, list[:min(len(list), maxCompared)]...)
}

// best is the node that is most like another, -1 where that is not known.
func (l *layer) best(i int32) int32 {
	if l.nodes[i].crowded {
		return -1
	}
	return l.nodes[i].best
}

// similarity is that of the parts that are less alike.
func (g *Grouper) similarity(a, b *bundle) float64 {
	s := 1.0
	if a.vehicle != b.vehicle {
		s = jaccard(g.vehicles.grams[a.vehicle], g.vehicles.grams[b.vehicle])
	}
	if a.cargo != b.cargo {
		s = min(s, jaccard(g.cargos.grams[a.cargo], g.cargos.grams[b.cargo]))
	}
	return s
}
