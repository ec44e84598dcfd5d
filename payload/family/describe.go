package family

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"terroir"
	"terroir/payload/skeleton"
)

// Bounds of a description.
const (
	maxMembers    = 200
	maxRead       = 1000 // templates whose values are counted
	maxValues     = 20
	maxNeighbours = 5
	maxShared     = 5
	namingTokens  = 3
)

// Description is what there is to say of a family.
type Description struct {
	ID terroir.PayloadID
	// Name is what its members share: the skeleton in its middle, and the tokens that set it apart from all others.
	Name           string
	Vehicle, Cargo string
	// Tokens are those with the largest share of skeletons within, less the share outside; at most three.
	Tokens []string
	// Templates is how many there are; Members are the ids of the first 200 of them, sorted.
	Templates int
	Members   []terroir.PayloadID
	// VehiclePieces and CargoPieces are the skeleton with the most templates: what stays, and slots with their values.
	VehiclePieces, CargoPieces []Piece
	// Slots are the values of all members by the type of slot, whatever their skeleton.
	Slots []Values
	// Neighbours are the five families that are most alike.
	Neighbours []Neighbour
}

// Piece is a part of a skeleton: a text that stays, or a slot.
type Piece struct {
	Text string
	// Values are nil for a text.
	Values *Values
}

// Values are what stood in a slot: at most twenty, the most frequent first.
type Values struct {
	Slot     skeleton.Slot
	Distinct int
	Most     []Count
}

// Count is a value, in the bytes that were sent, and how many templates have it.
type Count struct {
	Value     string
	Templates int
}

// Neighbour is another family. Similarity is that of the skeletons in the middle: the mean of vehicle and cargo.
type Neighbour struct {
	Family         terroir.PayloadID
	Vehicle, Cargo string
	Similarity     float64
	// Shared are tokens of both.
	Shared []string
}

// Describe describes the family of a template; a family's id is one, and a former id of a family that grew. Unknown ids yield
// an ENOTFOUND error.
func (g *Grouper) Describe(id terroir.PayloadID) (Description, error) {
	m := g.templates[id]
	if m == nil {
		return Description{}, &terroir.Error{Code: terroir.ENOTFOUND, Message: "no family has a template " + id.String()}
	}
	c := m.bundle.cell
	list := c.sorted()
	d := Description{ID: c.id}
	d.Vehicle, d.Cargo = g.names(c)
	for _, b := range list {
		d.Templates += len(b.members)
		for _, m := range b.members {
			d.Members = append(d.Members, m.ID)
		}
	}
	slices.SortFunc(d.Members, func(a, b terroir.PayloadID) int { return bytes.Compare(a[:], b[:]) })
	d.Members = d.Members[:min(len(d.Members), maxMembers)]
	d.Tokens = g.telling(list)
	d.Name = d.name()
	g.read(&d, list)
	d.Neighbours = g.neighbours(c)
	return d, nil
}

// name puts the tokens behind vehicle and cargo where these do not have them.
func (d *Description) name() string {
	name := d.Vehicle
	if d.Cargo != "" {
		name += " × " + d.Cargo
	}
	var more []string
	for _, t := range d.Tokens {
		if !strings.Contains(name, t) {
			more = append(more, t)
		}
	}
	if len(more) > 0 {
		name += " (" + strings.Join(more, ", ") + ")"
	}
	return name
}

// sorted are the family's bundles by their smallest id.
func (c *cell) sorted() []*bundle {
	list := make([]*bundle, 0, len(c.bundles))
	for b := range c.bundles {
		list = append(list, b)
	}
	slices.SortFunc(list, func(a, b *bundle) int { return bytes.Compare(a.first[:], b.first[:]) })
	return list
}

// scored is a token and how much more common it is within the family than outside.
type scored struct {
	token string
	score float64
}

// telling are the tokens that most of the family's skeletons have and few others.
func (g *Grouper) telling(list []*bundle) (out []string) {
	vehicles, cargos := map[int32]bool{}, map[int32]bool{}
	for _, b := range list {
		vehicles[b.vehicle], cargos[b.cargo] = true, true
	}
	all := append(g.vehicles.scores(vehicles), g.cargos.scores(cargos)...)
	slices.SortFunc(all, func(a, b scored) int { return cmp.Or(cmp.Compare(b.score, a.score), strings.Compare(a.token, b.token)) })
	for _, s := range all[:min(len(all), namingTokens)] {
		if s.score > 0 && !slices.Contains(out, s.token) {
			out = append(out, s.token)
		}
	}
	return out
}

// scores are the tokens of nodes of one class.
func (l *layer) scores(nodes map[int32]bool) (all []scored) {
	inside := map[string]int{}
	var of *class
	for i := range nodes {
		of = l.classes[l.nodes[i].class]
		if l.nodes[i].Noise {
			continue
		}
		for _, t := range tokens(l.nodes[i].Text) {
			inside[t]++
		}
	}
	for t, n := range inside {
		outside := float64(of.tokens[t]-n) / float64(max(of.nodes-len(nodes), 1))
		all = append(all, scored{t, float64(n)/float64(len(nodes)) - outside})
	}
	return all
}

// read counts the values of the members' slots. The pieces are those of the skeleton that has the most templates.
func (g *Grouper) read(d *Description, list []*bundle) {
	middle := slices.MaxFunc(list, func(a, b *bundle) int { return cmp.Compare(len(a.members), len(b.members)) })
	vehicle, cargo, byType := counter{}, counter{}, counter{}
	left := maxRead
	for _, b := range list {
		members := slices.SortedFunc(slices.Values(b.members), func(a, b *member) int { return bytes.Compare(a.ID[:], b.ID[:]) })
		members = members[:min(len(members), left)]
		left -= len(members)
		for _, m := range members {
			s := skeleton.Parse(&m.Template)
			byType.addAll(vehicle, s.Vehicle.Slots, b.vehicle == middle.vehicle)
			byType.addAll(cargo, s.Cargo.Slots, b.cargo == middle.cargo)
		}
	}
	d.VehiclePieces = pieces(g.vehicles.nodes[middle.vehicle].Text, vehicle)
	d.CargoPieces = pieces(g.cargos.nodes[middle.cargo].Text, cargo)
	for slot := range skeleton.Slots {
		if v := byType.values(slot); v != nil {
			d.Slots = append(d.Slots, *v)
		}
	}
}

// counter counts values by the place where they stand.
type counter map[int]map[skeleton.Filled]int

func (c counter) add(place int, f skeleton.Filled) {
	if c[place] == nil {
		c[place] = map[skeleton.Filled]int{}
	}
	c[place][f]++
}

// addAll adds values by their type, and by their place to places where they belong to the skeleton that is shown.
func (c counter) addAll(places counter, slots []skeleton.Filled, shown bool) {
	for i, f := range slots {
		c.add(int(f.Slot), f)
		if shown {
			places.add(i, f)
		}
	}
}

func (c counter) values(place int) *Values {
	if len(c[place]) == 0 {
		return nil
	}
	v := &Values{Distinct: len(c[place])}
	for f, n := range c[place] {
		v.Slot = f.Slot
		v.Most = append(v.Most, Count{f.Value, n})
	}
	slices.SortFunc(v.Most, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Templates, a.Templates), strings.Compare(a.Value, b.Value))
	})
	v.Most = slices.Clip(v.Most[:min(len(v.Most), maxValues)])
	return v
}

// pieces takes a skeleton's text apart at its slots.
func pieces(text string, values counter) (list []Piece) {
	start, place := 0, 0
	for i := range len(text) {
		s := skeleton.Slot(text[i])
		if s.String() == "" || text[i] == '\n' {
			continue
		}
		if i > start {
			list = append(list, Piece{Text: text[start:i]})
		}
		v := values.values(place)
		if v == nil {
			v = &Values{Slot: s}
		}
		list = append(list, Piece{Values: v})
		start, place = i+1, place+1
	}
	if start < len(text) {
		list = append(list, Piece{Text: text[start:]})
	}
	return list
}

// neighbours are the families whose middle is most like that of the family.
func (g *Grouper) neighbours(c *cell) []Neighbour {
	if len(c.key.vehicle.nodes) == 0 {
		return nil
	}
	type near struct {
		cell *cell
		s    float64
	}
	var all []near
	for _, x := range g.cells {
		if x == c || len(x.key.vehicle.nodes) == 0 {
			continue
		}
		if s := g.closeness(c, x); s > 0 {
			all = append(all, near{x, s})
		}
	}
	slices.SortFunc(all, func(a, b near) int { return cmp.Or(cmp.Compare(b.s, a.s), bytes.Compare(a.cell.id[:], b.cell.id[:])) })
	var list []Neighbour
	for _, x := range all[:min(len(all), maxNeighbours)] {
		n := Neighbour{Family: x.cell.id, Similarity: x.s, Shared: g.shared(c, x.cell)}
		n.Vehicle, n.Cargo = g.names(x.cell)
		list = append(list, n)
	}
	return list
}

// closeness is the similarity of two families.
func (g *Grouper) closeness(a, b *cell) float64 {
	v, w := a.key.vehicle.middle, b.key.vehicle.middle
	s := 0.0
	if g.vehicles.nodes[v].class == g.vehicles.nodes[w].class {
		s = jaccard(g.vehicles.grams[v], g.vehicles.grams[w])
	}
	x, y := g.cargos.grams[a.key.cargo.middle], g.cargos.grams[b.key.cargo.middle]
	if len(x) == 0 && len(y) == 0 {
		return s
	}
	return (s + jaccard(x, y)) / 2
}

func (g *Grouper) shared(a, b *cell) (list []string) {
	text := func(c *cell) string {
		return g.vehicles.nodes[c.key.vehicle.middle].Text + "\n" + g.cargos.nodes[c.key.cargo.middle].Text
	}
	other := tokens(text(b))
	for _, t := range tokens(text(a)) {
		if len(list) < maxShared && slices.Contains(other, t) {
			list = append(list, t)
		}
	}
	return list
}
