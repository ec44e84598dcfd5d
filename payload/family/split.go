package family

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"terroir/payload/skeleton"
)

// divide makes the parts of a component anew.
func (l *layer) divide(root int32) {
	nodes := slices.Clone(l.members[root])
	slices.SortFunc(nodes, func(i, j int32) int { return strings.Compare(l.nodes[i].Text, l.nodes[j].Text) })
	l.split(nodes, 0)
}

// split makes a part of the nodes where all are like their middle, and otherwise parts of those that are joined at the next level.
func (l *layer) split(nodes []int32, level int) {
	middle, least := l.middle(nodes)
	if least >= leastToMiddle || level == levels-1 {
		p := &part{nodes: nodes, middle: middle, name: l.nodes[middle].name()}
		for _, i := range nodes {
			l.nodes[i].part = p
		}
		return
	}
	groups := map[int32][]int32{}
	var order []int32
	for _, i := range nodes {
		root := l.joined[level+1].find(i)
		if groups[root] == nil {
			order = append(order, root)
		}
		groups[root] = append(groups[root], i)
	}
	for _, root := range order {
		l.split(groups[root], level+1)
	}
}

// middle is the node that has most in common with all others, of equals the first, and the least similarity of a node with it.
// What is maximised is the sum of the intersections over that of the unions, which takes one pass over the sets.
func (l *layer) middle(nodes []int32) (middle int32, least float64) {
	if len(nodes) == 1 {
		return nodes[0], 1
	}
	share := map[uint32]int{}
	total := 0
	for _, i := range nodes {
		total += len(l.grams[i])
		for _, g := range l.grams[i] {
			share[g]++
		}
	}
	best := -1.0
	for _, i := range nodes {
		both := 0
		for _, g := range l.grams[i] {
			both += share[g]
		}
		either := total + len(nodes)*len(l.grams[i]) - both
		if s := float64(both) / float64(max(either, 1)); s > best {
			best, middle = s, i
		}
	}
	least = 1
	for _, i := range nodes {
		least = min(least, jaccard(l.grams[i], l.grams[middle]))
	}
	return middle, least
}

// maxName bounds a name, in characters.
const maxName = 96

// name is the skeleton on one line, cut where it is long. Commands are divided as in a shell, lines of a request by a bar.
func (n *node) name() string {
	between := " | "
	if n.class == "" {
		between = "; "
	}
	s := strings.NewReplacer("\n| ", " | ", "\n", between).Replace(skeleton.Show(cmp.Or(n.Name, n.Text)))
	if utf8.RuneCountInString(s) <= maxName {
		return s
	}
	return string([]rune(s)[:maxName-1]) + "…"
}
