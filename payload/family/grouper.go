// Package family groups templates whose content is alike. A template has two parts, the vehicle (the exploit's wrapper) and the
// cargo (the decoded command); each is grouped by itself, and a family is what shares the groups of both.
//
// Groups are connected components, split where a chain has joined what is not alike: they depend on which templates there
// are, never on the order in which they came, nor on how they were divided into batches.
package family

import (
	"bytes"
	"slices"

	"terroir"
	"terroir/payload/skeleton"
)

// Grouper holds all templates and their groups. It is not safe for use by several goroutines at the same time.
type Grouper struct {
	vehicles, cargos *layer
	bundles          map[[2]int32]*bundle
	templates        map[terroir.PayloadID]*member
	cells            map[cellKey]*cell
	// noise are the parts for what has no structure, by protocol.
	noise map[string]*part
}

// bundle is the templates with one skeleton.
type bundle struct {
	vehicle, cargo int32
	members        []*member
	// first and second are the smallest ids.
	first, second terroir.PayloadID
	cell          *cell
}

// member is a template, and what was last said of it.
type member struct {
	terroir.Template
	bundle *bundle
	last   terroir.Grouped
}

// cell is a family.
type cell struct {
	key     cellKey
	bundles map[*bundle]bool
	id      terroir.PayloadID
}

type cellKey struct{ vehicle, cargo *part }

// New makes an empty grouper.
func New() *Grouper {
	return &Grouper{vehicles: newLayer(true), cargos: newLayer(false), bundles: map[[2]int32]*bundle{},
		templates: map[terroir.PayloadID]*member{}, cells: map[cellKey]*cell{}, noise: map[string]*part{}}
}

// Len is the number of templates.
func (g *Grouper) Len() int { return len(g.templates) }

// Add takes templates in and returns the rows that changed, by the template's id. Templates that are known already change nothing.
func (g *Grouper) Add(ts []terroir.Template) []terroir.Grouped {
	t := &touched{g: g, vehicles: map[int32]bool{}, cargos: map[int32]bool{}, bundles: map[*bundle]bool{}, cells: map[*cell]bool{}}
	for i := range ts {
		if _, ok := g.templates[ts[i].ID]; !ok {
			t.add(&ts[i])
		}
	}
	t.divide()
	t.place()
	return t.rows()
}

// touched is what a batch changes.
type touched struct {
	g                *Grouper
	vehicles, cargos map[int32]bool // nodes
	bundles          map[*bundle]bool
	cells            map[*cell]bool
}

func (t *touched) add(template *terroir.Template) {
	g := t.g
	s := skeleton.Parse(template)
	v, newVehicle := g.vehicles.add(template.AppProto, s.Vehicle)
	c, newCargo := g.cargos.add("", s.Cargo)
	if newVehicle || s.Vehicle.Noise {
		t.vehicles[v] = true
	}
	if newCargo {
		t.cargos[c] = true
	}
	g.vehicles.nodes[v].templates++
	g.cargos.nodes[c].templates++
	key := [2]int32{v, c}
	b := g.bundles[key]
	if b == nil {
		b = &bundle{vehicle: v, cargo: c}
		g.bundles[key] = b
		g.vehicles.nodes[v].bundles = append(g.vehicles.nodes[v].bundles, b)
		g.cargos.nodes[c].bundles = append(g.cargos.nodes[c].bundles, b)
	}
	b.add(keep(template))
	g.templates[template.ID] = b.members[len(b.members)-1]
	t.bundles[b] = true
}

// keep is the template with as much of it as is looked at.
func keep(t *terroir.Template) *member {
	return &member{Template: terroir.Template{ID: t.ID, AppProto: t.AppProto, Text: bytes.Clone(t.Text[:min(len(t.Text), skeleton.MaxInput)]),
		Cargo: bytes.Clone(t.Cargo[:min(len(t.Cargo), skeleton.MaxInput)])}}
}

func (b *bundle) add(m *member) {
	m.bundle = b
	b.members = append(b.members, m)
	switch {
	case len(b.members) == 1:
		b.first = m.ID
	case less(m.ID, b.first):
		b.first, b.second = m.ID, b.first
	case len(b.members) == 2 || less(m.ID, b.second):
		b.second = m.ID
	}
}

func less(a, b terroir.PayloadID) bool { return bytes.Compare(a[:], b[:]) < 0 }

// divide splits the components that have new nodes, and lists the bundles of all their nodes.
func (t *touched) divide() {
	for _, x := range []struct {
		l     *layer
		nodes map[int32]bool
	}{{t.g.vehicles, t.vehicles}, {t.g.cargos, t.cargos}} {
		x.l.compare()
		roots := map[int32]bool{}
		for i := range x.nodes {
			roots[x.l.joined[0].find(i)] = true
		}
		for root := range roots {
			x.l.divide(root)
			for _, i := range x.l.members[root] {
				for _, b := range x.l.nodes[i].bundles {
					t.bundles[b] = true
				}
			}
		}
	}
}

// place puts the bundles into their families.
func (t *touched) place() {
	g := t.g
	for b := range t.bundles {
		key := g.key(b)
		if b.cell != nil && b.cell.key != key {
			delete(b.cell.bundles, b)
			t.cells[b.cell] = true
			b.cell = nil
		}
		if b.cell == nil {
			if g.cells[key] == nil {
				g.cells[key] = &cell{key: key, bundles: map[*bundle]bool{}}
			}
			b.cell = g.cells[key]
			b.cell.bundles[b] = true
		}
		t.cells[b.cell] = true
	}
	for c := range t.cells {
		if len(c.bundles) == 0 {
			delete(g.cells, c.key)
			delete(t.cells, c)
		}
	}
}

// key names the family of a bundle. What looks random and is like nothing else is one family for each protocol.
func (g *Grouper) key(b *bundle) cellKey {
	n := &g.vehicles.nodes[b.vehicle]
	key := cellKey{n.part, g.cargos.nodes[b.cargo].part}
	if n.Noise && n.templates == 1 && len(n.part.nodes) == 1 {
		if g.noise[n.class] == nil {
			g.noise[n.class] = &part{name: "unstructured"}
		}
		key.vehicle = g.noise[n.class]
	}
	return key
}

// rows makes the rows of the families that were touched, and returns those that changed.
func (t *touched) rows() []terroir.Grouped {
	var rows []terroir.Grouped
	for c := range t.cells {
		rows = t.g.rows(c, rows)
	}
	for i := range rows {
		rows[i].Generation = int64(len(t.g.templates))
	}
	slices.SortFunc(rows, func(a, b terroir.Grouped) int { return bytes.Compare(a.Template[:], b.Template[:]) })
	return rows
}
