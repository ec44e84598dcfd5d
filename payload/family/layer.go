package family

import (
	"runtime"
	"slices"
	"strings"
	"sync"

	"terroir/payload/skeleton"
)

// The similarity from which two skeletons are joined, and those at which a group falls apart whose members are not like its
// middle: measured; text in general has more that is common to all.
var (
	specific = [levels]float64{.6, .7, .8, .9}
	general  = [levels]float64{.8, .85, .9, .95}
)

const (
	levels = 4
	// leastToMiddle is how like the middle of its group a skeleton must be, or the group is split.
	leastToMiddle = .4
	// leastContained is the least length of what stands whole in another, in bytes that are no slots; it is also no less than a
	// third of the other, or one short command would join all that have it.
	leastContained = 8
	maxLines       = 24
)

// node is a distinct skeleton of vehicles or of cargos.
type node struct {
	class string // what may be compared: the protocol, and whether its parser understood
	skeleton.Part
	// best is the node that it is most like of those that are candidates, -1 without one.
	best       int32
	similarity float64
	// crowded says that the node was not compared with all that share a bucket, so best says nothing.
	crowded   bool
	part      *part
	bundles   []*bundle
	templates int
}

// part is a group of nodes: a component, or what is left of one that was split.
type part struct {
	nodes  []int32
	middle int32
	name   string
}

// layer groups the vehicles, or the cargos. Groups are the components of all pairs that are alike, so they do not depend on the order
// in which nodes come.
type layer struct {
	nodes []node
	grams []set // of the nodes
	known map[string]int32
	// joined are the components for each level of similarity, contained those of what stands whole in another.
	joined    [levels]union
	contained union
	members   map[int32][]int32 // of the components of the lowest level, by root
	// buckets are linked lists, by next; crowd is from how many nodes on they are crowded.
	buckets map[uint64]bucket
	next    [][bands]int32
	crowd   int32
	// whole finds a node by the hash of its text, runs by that of some of its lines.
	whole map[uint64]int32
	runs  map[uint64][]int32
	// seen is, by node, the last one that was to be compared with it; pending are pairs that wait to be compared.
	seen    []int32
	pending []pair
	classes map[string]*class
	// contains says whether containment joins.
	contains bool
}

func newLayer(contains bool) *layer {
	return &layer{known: map[string]int32{}, members: map[int32][]int32{}, buckets: map[uint64]bucket{}, crowd: maxBucket, whole: map[uint64]int32{},
		runs: map[uint64][]int32{}, classes: map[string]*class{}, contains: contains}
}

// add gives the node of the skeleton, and whether it is new.
func (l *layer) add(class string, p skeleton.Part) (int32, bool) {
	if p.Specific {
		class += "!"
	}
	key := class + "\x00" + p.Text
	if i, ok := l.known[key]; ok {
		return i, false
	}
	class = l.class(class)
	i := int32(len(l.nodes))
	l.known[key] = i
	p.Slots = nil // They are read from the templates when they are shown.
	grams := newSet(p.Compared())
	l.nodes = append(l.nodes, node{class: class, Part: p, best: -1})
	l.grams = append(l.grams, grams)
	l.count(&l.nodes[i])
	for k := range l.joined {
		l.joined[k].add()
	}
	l.contained.add()
	l.members[i] = []int32{i}
	l.seen = append(l.seen, -1)
	l.next = append(l.next, [bands]int32{})
	keys := grams.keys(hash(hashBasis, class))
	l.find(i, &keys)
	if l.contains {
		l.findContained(i)
	}
	return i, true
}

// find puts the new node into the buckets and remembers with which it is to be compared.
func (l *layer) find(i int32, keys *[bands]uint64) {
	if len(l.grams[i]) == 0 {
		return
	}
	for band, key := range keys {
		b, ok := l.buckets[key]
		if !ok {
			b.first = -1
		}
		j := b.first
		l.next[i][band] = j
		l.buckets[key] = bucket{i, b.n + 1}
		if b.n >= l.crowd {
			l.joinCrowd(i, band, b)
			continue
		}
		for ; j >= 0; j = l.next[j][band] {
			if l.seen[j] != i {
				l.seen[j] = i
				l.pending = append(l.pending, pair{i, j, 0})
			}
		}
	}
	if len(l.pending) > maxPending {
		l.compare()
	}
}

// maxBucket bounds the nodes of a bucket that are compared with each other. Those of a bucket with more are joined as they are: a
// flood costs its sender's work, not the hub's, and still is the same in any order.
const maxBucket = 2048

// bucket is a list of nodes: the last one that came, and how many there are.
type bucket struct{ first, n int32 }

// joinCrowd joins the new node with a bucket that is crowded, and all of the bucket when it has become so.
func (l *layer) joinCrowd(i int32, band int, b bucket) {
	l.nodes[i].crowded = true
	for j := b.first; j >= 0; j = l.next[j][band] {
		if l.nodes[j].class == l.nodes[i].class {
			l.nodes[j].crowded = true
			for k := range levels {
				l.join(k, i, j)
			}
			if b.n > l.crowd {
				return // It was joined before.
			}
		}
	}
}

// pair is two nodes, and how alike they are.
type pair struct {
	i, j int32
	s    float64
}

// maxPending bounds the pairs that wait, each of 16 bytes.
const maxPending = 1 << 20

// compare compares the pairs that wait, on all processors, and joins those that are alike.
func (l *layer) compare() {
	var wait sync.WaitGroup
	for chunk := range slices.Chunk(l.pending, max(len(l.pending)/runtime.GOMAXPROCS(0), 1<<12)) {
		wait.Go(func() {
			for k := range chunk {
				p := &chunk[k]
				p.s = alike(l.grams[p.i], l.grams[p.j], l.nodes[p.i].thresholds()[0])
			}
		})
	}
	wait.Wait()
	for _, p := range l.pending {
		if p.s > 0 && l.nodes[p.i].class == l.nodes[p.j].class {
			l.link(p.i, p.j, p.s)
		}
	}
	l.pending = l.pending[:0]
}

// link joins two nodes at all levels that their similarity reaches.
func (l *layer) link(i, j int32, s float64) {
	l.nearest(i, j, s)
	l.nearest(j, i, s)
	for k, least := range l.nodes[i].thresholds() {
		if s < least {
			break
		}
		l.join(k, i, j)
	}
}

func (n *node) thresholds() *[levels]float64 {
	if n.Specific {
		return &specific
	}
	return &general
}

// nearest remembers j where i is more like it than any before; of two alike the one whose text comes first.
func (l *layer) nearest(i, j int32, s float64) {
	n := &l.nodes[i]
	if n.best < 0 || s > n.similarity || s == n.similarity && l.nodes[j].Text < l.nodes[n.best].Text {
		n.best, n.similarity = j, s
	}
}

func (l *layer) join(level int, i, j int32) {
	root, gone, joined := l.joined[level].join(i, j)
	if joined && level == 0 {
		l.members[root] = append(l.members[root], l.members[gone]...)
		delete(l.members, gone)
	}
}

// findContained joins the node with those whose lines stand whole in it, and with those in which it stands.
func (l *layer) findContained(i int32) {
	n := &l.nodes[i]
	seed := hash(hashBasis, n.class)
	weight := constant(n.Text)
	if weight >= leastContained {
		h := hash(seed, n.Text+"\n")
		l.whole[h] = i
		for _, j := range l.runs[h] {
			l.joinContained(i, j)
		}
	}
	list := lines(n.Text + "\n")
	list = list[:len(list)-1]
	for from := range min(len(list), maxLines) {
		h, length := seed, 0
		for to := from; to < min(len(list), maxLines); to++ {
			h = hash(h, list[to])
			length += constant(list[to])
			if length < leastContained || length*3 < weight || to-from+1 == len(list) {
				continue
			}
			l.runs[h] = append(l.runs[h], i)
			if j, ok := l.whole[h]; ok {
				l.joinContained(j, i)
			}
		}
	}
}

// joinContained joins a node with one in which it stands whole. The hashes said so; the texts decide.
func (l *layer) joinContained(i, j int32) {
	a, b := &l.nodes[i], &l.nodes[j]
	if i == j || a.class != b.class || !strings.Contains(b.Text, a.Text) {
		return
	}
	s := jaccard(l.grams[i], l.grams[j])
	l.nearest(i, j, s)
	l.nearest(j, i, s)
	l.contained.join(i, j)
	for k := range levels {
		l.join(k, i, j)
	}
}

// constant is the number of bytes that are no slots, without ends of lines.
func constant(text string) (n int) {
	for i := range len(text) {
		if text[i] >= ' ' {
			n++
		}
	}
	return n
}
